package disk

import (
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"sync"
)

// Faulty wraps a file system and makes state-changing operations go wrong. The
// operations counted are create, write, sync, truncate, rename, remove, mkdir
// and syncdir; reading, locking and closing never fail. Opening a file that
// exists for appending changes nothing and does not count.
//
// To cut the power at the n-th operation of a Mem, use FailFrom(n, ErrCrashed)
// and then Mem.Crash.
type Faulty struct {
	fs FS

	mu   sync.Mutex
	ops  int
	log  []string
	from int // operations from..to go wrong, 1-based; 0 = none
	to   int
	how  fault
	err  error
}

type fault int

const (
	refused fault = iota // not carried out
	done                 // carried out and reported as failed
	short                // as refused, but a write writes its first half
	dropped              // as refused, but a sync forgets what it should have synced
)

// NewFaulty wraps fsys.
func NewFaulty(fsys FS) *Faulty { return &Faulty{fs: fsys} }

// FailAt makes the n-th operation from now fail with err, not carried out.
// n = 0 makes nothing fail; the counting begins anew all the same.
func (f *Faulty) FailAt(n int, err error) { f.set(n, n, refused, err) }

// FailAfter makes the n-th operation from now happen and be reported as failed,
// as a timeout is.
func (f *Faulty) FailAfter(n int, err error) { f.set(n, n, done, err) }

// FailShort makes the n-th operation from now fail; if it is a write, the first
// half of it is written.
func (f *Faulty) FailShort(n int, err error) { f.set(n, n, short, err) }

// FailDropping makes the n-th operation from now fail; if it is the sync of a
// file of a Mem, it fails as on Linux: what was written stays readable, looks
// clean, and is never written to the disk unless somebody writes it again. A
// further sync succeeds, and lies.
func (f *Faulty) FailDropping(n int, err error) { f.set(n, n, dropped, err) }

// FailFrom makes the n-th operation from now and all after it fail, as on a
// disk that was pulled out.
func (f *Faulty) FailFrom(n int, err error) { f.set(n, int(^uint(0)>>1), refused, err) }

func (f *Faulty) set(from, to int, how fault, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ops, f.log, f.from, f.to, f.how, f.err = 0, nil, from, to, how, err
}

// Ops is how many operations there were since the last Fail call.
func (f *Faulty) Ops() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ops
}

// Log names the operations since the last Fail call, failed ones included:
// "create a/b", "rename a/b a/c".
func (f *Faulty) Log() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.log)
}

// step counts an operation and says what is to become of it.
func (f *Faulty) step(op, name string) (fault, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ops++
	f.log = append(f.log, op+" "+name)
	if f.from > 0 && f.ops >= f.from && f.ops <= f.to {
		return f.how, &fs.PathError{Op: op, Path: name, Err: f.err}
	}
	return done, nil
}

func (f *Faulty) do(op, name string, act func() error) error {
	how, err := f.step(op, name)
	if how == done {
		if e := act(); e != nil {
			return e
		}
	}
	return err
}

func (f *Faulty) open(op, name string, act func(string) (File, error)) (file File, err error) {
	err = f.do(op, path.Clean(name), func() (err error) {
		file, err = act(name)
		return err
	})
	if err != nil {
		if file != nil {
			file.Close()
		}
		return nil, err
	}
	return &faultyFile{file, f, path.Clean(name)}, nil
}

// Create implements FS.
func (f *Faulty) Create(name string) (File, error) { return f.open("create", name, f.fs.Create) }

// CreateNew implements FS.
func (f *Faulty) CreateNew(name string) (File, error) { return f.open("create", name, f.fs.CreateNew) }

// OpenAppend implements FS.
func (f *Faulty) OpenAppend(name string) (File, error) {
	if _, err := f.fs.Stat(name); err != nil {
		return f.open("create", name, f.fs.OpenAppend)
	}
	file, err := f.fs.OpenAppend(name)
	if err != nil {
		return nil, err
	}
	return &faultyFile{file, f, path.Clean(name)}, nil
}

// Open implements FS.
func (f *Faulty) Open(name string) (File, error) { return f.fs.Open(name) }

// Rename implements FS.
func (f *Faulty) Rename(from, to string) error {
	return f.do("rename", path.Clean(from)+" "+path.Clean(to), func() error { return f.fs.Rename(from, to) })
}

// Remove implements FS.
func (f *Faulty) Remove(name string) error {
	return f.do("remove", path.Clean(name), func() error { return f.fs.Remove(name) })
}

// RemoveAll implements FS.
func (f *Faulty) RemoveAll(name string) error {
	return f.do("remove", path.Clean(name), func() error { return f.fs.RemoveAll(name) })
}

// MkdirAll implements FS.
func (f *Faulty) MkdirAll(dir string) error {
	return f.do("mkdir", path.Clean(dir), func() error { return f.fs.MkdirAll(dir) })
}

// List implements FS.
func (f *Faulty) List(dir string) ([]string, error) { return f.fs.List(dir) }

// SyncDir implements FS.
func (f *Faulty) SyncDir(dir string) error {
	return f.do("syncdir", path.Clean(dir), func() error { return f.fs.SyncDir(dir) })
}

// Stat implements FS.
func (f *Faulty) Stat(name string) (fs.FileInfo, error) { return f.fs.Stat(name) }

// Lock implements FS.
func (f *Faulty) Lock(name string) (io.Closer, error) { return f.fs.Lock(name) }

// Free implements FS.
func (f *Faulty) Free(dir string) (uint64, error) { return f.fs.Free(dir) }

type faultyFile struct {
	File
	f    *Faulty
	name string
}

func (h *faultyFile) Write(p []byte) (int, error) {
	how, fault := h.f.step("write", h.name)
	switch how {
	case refused, dropped:
		return 0, fault
	case short:
		p = p[:len(p)/2]
	}
	n, err := h.File.Write(p)
	if err == nil && fault != nil {
		err = fmt.Errorf("after %d bytes: %w", n, fault)
	}
	return n, err
}

func (h *faultyFile) Sync() error {
	how, fault := h.f.step("sync", h.name)
	if how == dropped {
		if d, ok := h.File.(interface{ drop() }); ok {
			d.drop()
		}
	}
	if how == done {
		if err := h.File.Sync(); err != nil {
			return err
		}
	}
	return fault
}

func (h *faultyFile) Truncate(size int64) error {
	return h.f.do("truncate", h.name, func() error { return h.File.Truncate(size) })
}
