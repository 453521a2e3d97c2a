package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// ErrCrashed is returned by every handle of a Mem that has crashed.
var ErrCrashed = errors.New("the machine has lost power")

// Mem is a file system in memory that knows what would survive a power cut. A
// file's content survives as of its last Sync; a name survives as of the last
// SyncDir of its folder. What came later may survive, in any part, or not: that
// is decided by Crash.
//
// Folders themselves are durable at once; nothing here depends on more.
type Mem struct {
	mu      sync.Mutex
	names   map[string]*inode // as the running system sees it
	synced  map[string]*inode // as the disk has it
	dirs    map[string]bool
	locks   map[string]bool
	limit   int64 // bytes in all; 0 = no limit
	crashed bool
}

// inode is a file's content. The last synced state is kept beside the current.
type inode struct {
	data    []byte
	durable []byte
	opened  bool // some of data may differ from durable
	mod     time.Time
}

// NewMem returns an empty file system.
func NewMem() *Mem {
	return &Mem{names: map[string]*inode{}, synced: map[string]*inode{}, dirs: map[string]bool{".": true, "/": true}, locks: map[string]bool{}}
}

// Limit makes writes fail with ENOSPC once the files hold n bytes.
func (m *Mem) Limit(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.limit = n
}

func (m *Mem) used() int64 {
	n := int64(0)
	for _, f := range m.names {
		n += int64(len(f.data))
	}
	return n
}

// Crash cuts the power: the Mem stops, and what a disk could have kept is
// returned as a new one. rnd decides for each unsynced name and each unsynced
// sector whether it had reached the disk.
func (m *Mem) Crash(rnd *rand.Rand) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.crashed = true
	after := NewMem()
	for d := range m.dirs {
		after.dirs[d] = true
	}
	torn := map[*inode]*inode{}
	keep := func(f *inode) *inode {
		if t := torn[f]; t != nil {
			return t
		}
		d := tear(rnd, f)
		t := &inode{data: d, durable: slices.Clone(d), mod: f.mod}
		torn[f] = t
		return t
	}
	all := map[string]bool{}
	for n := range m.names {
		all[n] = true
	}
	for n := range m.synced {
		all[n] = true
	}
	names := make([]string, 0, len(all))
	for n := range all {
		names = append(names, n)
	}
	slices.Sort(names) // so that a seed repeats
	lost := map[*inode]string{}
	for _, n := range names {
		now, was := m.names[n], m.synced[n]
		pick := was
		if now != was && rnd.IntN(2) == 0 {
			pick = now
		}
		if pick != nil {
			after.names[n] = keep(pick)
			continue
		}
		if was != nil {
			lost[was] = n
		}
	}
	// A rename is one step to the directory's journal: if the new name did not
	// reach the disk, the old one is still there.
	for f, n := range lost {
		if torn[f] == nil {
			after.names[n] = keep(f)
		}
	}
	for n, f := range after.names {
		after.synced[n] = f
	}
	return after
}

// sector is the unit a disk writes whole.
const sector = 512

// tear mixes the durable content with what was written since.
func tear(rnd *rand.Rand, f *inode) []byte {
	if !f.opened {
		return slices.Clone(f.data)
	}
	switch rnd.IntN(4) {
	case 0:
		return slices.Clone(f.durable)
	case 1:
		return slices.Clone(f.data)
	}
	n := len(f.durable)
	if d := len(f.data) - n; d != 0 {
		if d > 0 {
			n += rnd.IntN(d + 1)
		} else {
			n -= rnd.IntN(-d + 1)
		}
	}
	out := make([]byte, n)
	copy(out, f.durable)
	for at := 0; at < n; at += sector {
		if rnd.IntN(2) == 0 {
			end := min(at+sector, n, len(f.data))
			if at < end {
				copy(out[at:end], f.data[at:end])
			}
		}
	}
	return out
}

type memFile struct {
	m       *Mem
	name    string
	f       *inode
	pos     int64
	append_ bool
	write   bool
	closed  bool
}

func clean(name string) string { return path.Clean(name) }

func (m *Mem) check(op, name string) error {
	if m.crashed {
		return &fs.PathError{Op: op, Path: name, Err: ErrCrashed}
	}
	return nil
}

func (m *Mem) parent(op, name string) error {
	if d := path.Dir(name); !m.dirs[d] {
		return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return nil
}

func (m *Mem) Create(name string) (File, error) { return m.create(name, false) }

func (m *Mem) CreateNew(name string) (File, error) { return m.create(name, true) }

func (m *Mem) create(name string, fresh bool) (File, error) {
	name = clean(name)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.check("create", name); err != nil {
		return nil, err
	}
	if err := m.parent("create", name); err != nil {
		return nil, err
	}
	f := m.names[name]
	if f != nil && fresh || m.dirs[name] {
		return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
	}
	if f == nil {
		f = &inode{}
		m.names[name] = f
	} else {
		f.data = nil
		f.opened = true
	}
	f.mod = time.Now()
	return &memFile{m: m, name: name, f: f, write: true}, nil
}

func (m *Mem) OpenAppend(name string) (File, error) {
	name = clean(name)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.check("open", name); err != nil {
		return nil, err
	}
	if err := m.parent("open", name); err != nil {
		return nil, err
	}
	f := m.names[name]
	if f == nil {
		f = &inode{mod: time.Now()}
		m.names[name] = f
	}
	return &memFile{m: m, name: name, f: f, append_: true, write: true}, nil
}

func (m *Mem) Open(name string) (File, error) {
	name = clean(name)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.check("open", name); err != nil {
		return nil, err
	}
	f := m.names[name]
	if f == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &memFile{m: m, name: name, f: f}, nil
}

func (m *Mem) Rename(from, to string) error {
	from, to = clean(from), clean(to)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.check("rename", from); err != nil {
		return err
	}
	if err := m.parent("rename", to); err != nil {
		return err
	}
	f := m.names[from]
	if f == nil {
		return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrNotExist}
	}
	delete(m.names, from)
	m.names[to] = f
	return nil
}

func (m *Mem) Remove(name string) error {
	name = clean(name)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.check("remove", name); err != nil {
		return err
	}
	if m.names[name] == nil {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	delete(m.names, name)
	return nil
}

func (m *Mem) RemoveAll(name string) error {
	name = clean(name)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.check("remove", name); err != nil {
		return err
	}
	for n := range m.names {
		if n == name || strings.HasPrefix(n, name+"/") {
			delete(m.names, n)
		}
	}
	for d := range m.dirs {
		if d == name || strings.HasPrefix(d, name+"/") {
			delete(m.dirs, d)
		}
	}
	return nil
}

func (m *Mem) MkdirAll(dir string) error {
	dir = clean(dir)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.check("mkdir", dir); err != nil {
		return err
	}
	for d := dir; !m.dirs[d]; d = path.Dir(d) {
		if m.names[d] != nil {
			return &fs.PathError{Op: "mkdir", Path: d, Err: fs.ErrExist}
		}
		m.dirs[d] = true
	}
	return nil
}

func (m *Mem) List(dir string) ([]string, error) {
	dir = clean(dir)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.check("list", dir); err != nil {
		return nil, err
	}
	if !m.dirs[dir] {
		return nil, &fs.PathError{Op: "list", Path: dir, Err: fs.ErrNotExist}
	}
	var out []string
	for n := range m.names {
		if path.Dir(n) == dir {
			out = append(out, path.Base(n))
		}
	}
	for d := range m.dirs {
		if d != dir && path.Dir(d) == dir {
			out = append(out, path.Base(d))
		}
	}
	slices.Sort(out)
	return out, nil
}

func (m *Mem) SyncDir(dir string) error {
	dir = clean(dir)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.check("syncdir", dir); err != nil {
		return err
	}
	if !m.dirs[dir] {
		return &fs.PathError{Op: "syncdir", Path: dir, Err: fs.ErrNotExist}
	}
	for n := range m.synced {
		if path.Dir(n) == dir {
			delete(m.synced, n)
		}
	}
	for n, f := range m.names {
		if path.Dir(n) == dir {
			m.synced[n] = f
		}
	}
	return nil
}

type memInfo struct {
	name string
	size int64
	dir  bool
	mod  time.Time
}

func (i memInfo) Name() string       { return i.name }
func (i memInfo) Size() int64        { return i.size }
func (i memInfo) ModTime() time.Time { return i.mod }
func (i memInfo) IsDir() bool        { return i.dir }
func (i memInfo) Sys() any           { return nil }
func (i memInfo) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | dirPerm
	}
	return filePerm
}

func (m *Mem) Stat(name string) (fs.FileInfo, error) {
	name = clean(name)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.check("stat", name); err != nil {
		return nil, err
	}
	if f := m.names[name]; f != nil {
		return memInfo{path.Base(name), int64(len(f.data)), false, f.mod}, nil
	}
	if m.dirs[name] {
		return memInfo{name: path.Base(name), dir: true}, nil
	}
	return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
}

type memLock struct {
	m    *Mem
	name string
}

func (l memLock) Close() error {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	delete(l.m.locks, l.name)
	return nil
}

func (m *Mem) Lock(name string) (io.Closer, error) {
	name = clean(name)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.check("lock", name); err != nil {
		return nil, err
	}
	if m.locks[name] {
		return nil, ErrLocked
	}
	m.locks[name] = true
	return memLock{m, name}, nil
}

func (m *Mem) Free(string) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.limit == 0 {
		return 1 << 50, nil
	}
	return uint64(max(0, m.limit-m.used())), nil
}

func (f *memFile) enter(op string) error {
	if f.closed {
		return &fs.PathError{Op: op, Path: f.name, Err: fs.ErrClosed}
	}
	return f.m.check(op, f.name)
}

func (f *memFile) Read(p []byte) (int, error) {
	n, err := f.ReadAt(p, f.pos)
	f.pos += int64(n)
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

func (f *memFile) ReadAt(p []byte, at int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.enter("read"); err != nil {
		return 0, err
	}
	if at < 0 {
		return 0, fmt.Errorf("read at %d: negative offset", at)
	}
	if at >= int64(len(f.f.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.f.data[at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) Write(p []byte) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.enter("write"); err != nil {
		return 0, err
	}
	if !f.write {
		return 0, &fs.PathError{Op: "write", Path: f.name, Err: fs.ErrPermission}
	}
	n := len(p)
	var short error
	if l := f.m.limit; l > 0 {
		if room := l - f.m.used(); room < int64(n) {
			n = int(max(0, room))
			short = &fs.PathError{Op: "write", Path: f.name, Err: syscall.ENOSPC}
		}
	}
	if f.append_ {
		f.pos = int64(len(f.f.data))
	}
	if need := f.pos + int64(n); need > int64(len(f.f.data)) {
		f.f.data = append(f.f.data, make([]byte, need-int64(len(f.f.data)))...)
	}
	copy(f.f.data[f.pos:], p[:n])
	f.pos += int64(n)
	f.f.opened = true
	f.f.mod = time.Now()
	return n, short
}

func (f *memFile) Sync() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.enter("sync"); err != nil {
		return err
	}
	f.f.durable = slices.Clone(f.f.data)
	f.f.opened = false
	return nil
}

func (f *memFile) Size() (int64, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.enter("stat"); err != nil {
		return 0, err
	}
	return int64(len(f.f.data)), nil
}

func (f *memFile) Truncate(size int64) error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.enter("truncate"); err != nil {
		return err
	}
	if size <= int64(len(f.f.data)) {
		f.f.data = slices.Clone(f.f.data[:size])
	} else {
		f.f.data = append(f.f.data, make([]byte, size-int64(len(f.f.data)))...)
	}
	f.f.opened = true
	return nil
}

func (f *memFile) Close() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if f.closed {
		return &fs.PathError{Op: "close", Path: f.name, Err: fs.ErrClosed}
	}
	f.closed = true
	return nil
}
