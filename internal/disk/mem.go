package disk

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// ErrCrashed is returned by every handle of a Mem that has crashed.
var ErrCrashed = errors.New("the machine has lost power")

// Mem is a file system in memory that knows what would survive a power cut:
//
//   - A file's content survives as of its last Sync.
//   - A name (created, renamed, removed) survives as of the last SyncDir of its
//     folder. Syncing a file does not make its name durable.
//   - Folders made by MkdirAll survive, as MkdirAll promises.
//   - A lock does not survive.
//
// What came later may survive, in any part, or not: Crash decides.
//
// A Mem may be used from any goroutine. mu guards everything in it, inodes
// included.
type Mem struct {
	mu      sync.RWMutex
	names   map[string]*inode // as the running system sees them
	durable map[string]*inode // as the disk has them for certain
	pending []nameOp          // what tells the two apart, oldest first
	dirs    map[string]bool
	locks   map[string]bool
	limit   int64 // bytes in all; 0 = no limit
	used    int64 // bytes of the files that have a name
	crashed bool
}

// nameOp is one change of names: a creation (from is empty), a removal (to is
// empty) or a rename, which is one step: never neither name.
type nameOp struct {
	from, to string
	f        *inode
}

func (o nameOp) apply(names map[string]*inode) {
	if o.from != "" && names[o.from] == o.f {
		delete(names, o.from)
	}
	if o.to != "" {
		names[o.to] = o.f
	}
}

func (o nameOp) touches(dir string) bool {
	return o.from != "" && path.Dir(o.from) == dir || o.to != "" && path.Dir(o.to) == dir
}

// NewMem returns an empty file system.
func NewMem() *Mem {
	return &Mem{
		names:   map[string]*inode{},
		durable: map[string]*inode{},
		dirs:    map[string]bool{".": true, "/": true},
		locks:   map[string]bool{},
	}
}

// Limit makes writes fail with ENOSPC once the files hold n bytes; 0 takes the
// limit away. As on a real disk, the write that meets the limit is cut short.
func (m *Mem) Limit(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.limit = n
}

// fail returns the error of an operation that cannot be done, or nil.
func (m *Mem) fail(op, name string) error {
	if m.crashed {
		return &fs.PathError{Op: op, Path: name, Err: ErrCrashed}
	}
	return nil
}

// failCreate also asks for the folder.
func (m *Mem) failCreate(op, name string) error {
	if err := m.fail(op, name); err != nil {
		return err
	}
	if !m.dirs[path.Dir(name)] {
		return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	if m.dirs[name] {
		return &fs.PathError{Op: op, Path: name, Err: syscall.EISDIR}
	}
	return nil
}

func (m *Mem) change(o nameOp) {
	if o.to != "" {
		if old := m.names[o.to]; old != nil && old != o.f {
			old.linked = false
			m.used -= int64(len(old.data))
		}
	}
	o.apply(m.names)
	m.pending = append(m.pending, o)
	switch {
	case o.from == "":
		o.f.linked = true
		m.used += int64(len(o.f.data))
	case o.to == "":
		o.f.linked = false
		m.used -= int64(len(o.f.data))
	}
}

// Create implements FS.
func (m *Mem) Create(name string) (File, error) {
	return m.open("create", name, func(f *inode) error {
		m.truncate(f, 0)
		return nil
	}, false)
}

// CreateNew implements FS.
func (m *Mem) CreateNew(name string) (File, error) {
	return m.open("create", name, func(*inode) error { return fs.ErrExist }, false)
}

// OpenAppend implements FS.
func (m *Mem) OpenAppend(name string) (File, error) {
	return m.open("open", name, func(*inode) error { return nil }, true)
}

func (m *Mem) open(op, name string, exists func(*inode) error, toEnd bool) (File, error) {
	name = path.Clean(name)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.failCreate(op, name); err != nil {
		return nil, err
	}
	f := m.names[name]
	if f == nil {
		f = &inode{modified: time.Now()}
		m.change(nameOp{to: name, f: f})
	} else if err := exists(f); err != nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: err}
	}
	return &memFile{m: m, name: name, f: f, writable: true, toEnd: toEnd}, nil
}

// Open implements FS.
func (m *Mem) Open(name string) (File, error) {
	name = path.Clean(name)
	m.mu.RLock()
	defer m.mu.RUnlock()
	if err := m.fail("open", name); err != nil {
		return nil, err
	}
	f := m.names[name]
	if f == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: m.absent(name)}
	}
	return &memFile{m: m, name: name, f: f}, nil
}

// absent says why there is no file of that name.
func (m *Mem) absent(name string) error {
	if m.dirs[name] {
		return syscall.EISDIR
	}
	return fs.ErrNotExist
}

// Rename implements FS. It renames files, not folders.
func (m *Mem) Rename(from, to string) error {
	from, to = path.Clean(from), path.Clean(to)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.failCreate("rename", to); err != nil {
		return err
	}
	f := m.names[from]
	if f == nil {
		return &fs.PathError{Op: "rename", Path: from, Err: m.absent(from)}
	}
	if from != to {
		m.change(nameOp{from: from, to: to, f: f})
	}
	return nil
}

// Remove implements FS.
func (m *Mem) Remove(name string) error {
	name = path.Clean(name)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.fail("remove", name); err != nil {
		return err
	}
	if m.dirs[name] {
		for n := range m.names {
			if path.Dir(n) == name {
				return &fs.PathError{Op: "remove", Path: name, Err: syscall.ENOTEMPTY}
			}
		}
		for d := range m.dirs {
			if d != name && path.Dir(d) == name {
				return &fs.PathError{Op: "remove", Path: name, Err: syscall.ENOTEMPTY}
			}
		}
		delete(m.dirs, name)
		return nil
	}
	f := m.names[name]
	if f == nil {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	m.change(nameOp{from: name, f: f})
	return nil
}

// RemoveAll implements FS.
func (m *Mem) RemoveAll(name string) error {
	name = path.Clean(name)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.fail("remove", name); err != nil {
		return err
	}
	below := func(n string) bool { return n == name || strings.HasPrefix(n, name+"/") }
	var gone []string
	for n := range m.names {
		if below(n) {
			gone = append(gone, n)
		}
	}
	slices.Sort(gone) // so that a seed repeats
	for _, n := range gone {
		m.change(nameOp{from: n, f: m.names[n]})
	}
	for d := range m.dirs {
		if below(d) {
			delete(m.dirs, d)
		}
	}
	return nil
}

// MkdirAll implements FS.
func (m *Mem) MkdirAll(dir string) error {
	dir = path.Clean(dir)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.fail("mkdir", dir); err != nil {
		return err
	}
	for d := dir; !m.dirs[d]; d = path.Dir(d) {
		if m.names[d] != nil {
			return &fs.PathError{Op: "mkdir", Path: d, Err: syscall.ENOTDIR}
		}
	}
	m.addDir(dir)
	return nil
}

func (m *Mem) addDir(dir string) {
	for d := dir; !m.dirs[d]; d = path.Dir(d) {
		m.dirs[d] = true
	}
}

// List implements FS.
func (m *Mem) List(dir string) ([]string, error) {
	dir = path.Clean(dir)
	m.mu.RLock()
	defer m.mu.RUnlock()
	if err := m.fail("list", dir); err != nil {
		return nil, err
	}
	if !m.dirs[dir] {
		return nil, &fs.PathError{Op: "list", Path: dir, Err: fs.ErrNotExist}
	}
	out := []string{}
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

// SyncDir implements FS.
func (m *Mem) SyncDir(dir string) error {
	dir = path.Clean(dir)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.fail("syncdir", dir); err != nil {
		return err
	}
	if !m.dirs[dir] {
		return &fs.PathError{Op: "syncdir", Path: dir, Err: fs.ErrNotExist}
	}
	m.pending = slices.DeleteFunc(m.pending, func(o nameOp) bool {
		if !o.touches(dir) {
			return false
		}
		o.apply(m.durable)
		return true
	})
	return nil
}

// Stat implements FS.
func (m *Mem) Stat(name string) (fs.FileInfo, error) {
	name = path.Clean(name)
	m.mu.RLock()
	defer m.mu.RUnlock()
	if err := m.fail("stat", name); err != nil {
		return nil, err
	}
	if f := m.names[name]; f != nil {
		return memInfo{name: path.Base(name), size: int64(len(f.data)), modified: f.modified}, nil
	}
	if m.dirs[name] {
		return memInfo{name: path.Base(name), dir: true}, nil
	}
	return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
}

// Lock implements FS.
func (m *Mem) Lock(name string) (io.Closer, error) {
	name = path.Clean(name)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.failCreate("lock", name); err != nil {
		return nil, err
	}
	if m.locks[name] {
		return nil, ErrLocked
	}
	if m.names[name] == nil {
		m.change(nameOp{to: name, f: &inode{modified: time.Now()}})
	}
	m.locks[name] = true
	return &memLock{m: m, name: name}, nil
}

// Free implements FS.
func (m *Mem) Free(string) (uint64, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.limit == 0 {
		return 1 << 50, nil
	}
	return uint64(m.room()), nil
}

func (m *Mem) room() int64 { return max(0, m.limit-m.used) }

type memLock struct {
	m    *Mem
	name string
	once sync.Once // a second Close must not free somebody else's lock
}

func (l *memLock) Close() error {
	l.once.Do(func() {
		l.m.mu.Lock()
		defer l.m.mu.Unlock()
		delete(l.m.locks, l.name)
	})
	return nil
}

type memInfo struct {
	name     string
	size     int64
	dir      bool
	modified time.Time
}

func (i memInfo) Name() string       { return i.name }
func (i memInfo) Size() int64        { return i.size }
func (i memInfo) ModTime() time.Time { return i.modified }
func (i memInfo) IsDir() bool        { return i.dir }
func (i memInfo) Sys() any           { return nil }
func (i memInfo) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | dirPerm
	}
	return filePerm
}
