package disk

import (
	"fmt"
	"io"
	"io/fs"
	"path"
	"sync"
)

// Faulty wraps a file system and makes one state-changing operation go wrong.
// The operations counted are create, write, sync, truncate, rename, remove,
// mkdir and syncdir; reading never fails.
type Faulty struct {
	fs   FS
	mu   sync.Mutex
	ops  int
	log  []string
	at   int // 1-based; 0 = never
	err  error
	done bool // the failing operation is carried out all the same
	on   bool // and every one after it fails too
}

// NewFaulty wraps fsys.
func NewFaulty(fsys FS) *Faulty { return &Faulty{fs: fsys} }

// FailAt makes the n-th operation from now fail with err, not carried out.
func (f *Faulty) FailAt(n int, err error) { f.set(n, err, false, false) }

// FailAfter makes the n-th operation from now happen and be reported as failed,
// as a timeout is.
func (f *Faulty) FailAfter(n int, err error) { f.set(n, err, true, false) }

// FailFrom makes the n-th operation and all after it fail.
func (f *Faulty) FailFrom(n int, err error) { f.set(n, err, false, true) }

func (f *Faulty) set(n int, err error, done, on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ops, f.log, f.at, f.err, f.done, f.on = 0, nil, n, err, done, on
}

// Ops is how many operations there were since the last Fail call.
func (f *Faulty) Ops() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ops
}

// Log names the operations in order, with base names.
func (f *Faulty) Log() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.log...)
}

// step counts an operation: skip says it must not be carried out, and err is
// what to report afterwards.
func (f *Faulty) step(op, name string) (skip bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ops++
	f.log = append(f.log, op+" "+path.Base(name))
	if f.at > 0 && (f.ops == f.at || f.on && f.ops > f.at) {
		return !f.done, &fs.PathError{Op: op, Path: name, Err: f.err}
	}
	return false, nil
}

func (f *Faulty) do(op, name string, act func() error) error {
	skip, fault := f.step(op, name)
	if skip {
		return fault
	}
	if err := act(); err != nil {
		return err
	}
	return fault
}

func (f *Faulty) open(op, name string, act func(string) (File, error)) (File, error) {
	skip, fault := f.step(op, name)
	if skip {
		return nil, fault
	}
	file, err := act(name)
	if err != nil {
		return nil, err
	}
	if fault != nil {
		file.Close()
		return nil, fault
	}
	return &faultyFile{file, f, name}, nil
}

func (f *Faulty) Create(name string) (File, error)    { return f.open("create", name, f.fs.Create) }
func (f *Faulty) CreateNew(name string) (File, error) { return f.open("create", name, f.fs.CreateNew) }
func (f *Faulty) OpenAppend(name string) (File, error) {
	if _, err := f.fs.Stat(name); err != nil {
		return f.open("create", name, f.fs.OpenAppend)
	}
	file, err := f.fs.OpenAppend(name)
	if err != nil {
		return nil, err
	}
	return &faultyFile{file, f, name}, nil
}
func (f *Faulty) Open(name string) (File, error) { return f.fs.Open(name) }
func (f *Faulty) Rename(from, to string) error {
	return f.do("rename", to, func() error { return f.fs.Rename(from, to) })
}
func (f *Faulty) Remove(name string) error {
	return f.do("remove", name, func() error { return f.fs.Remove(name) })
}
func (f *Faulty) RemoveAll(name string) error {
	return f.do("remove", name, func() error { return f.fs.RemoveAll(name) })
}
func (f *Faulty) MkdirAll(dir string) error {
	return f.do("mkdir", dir, func() error { return f.fs.MkdirAll(dir) })
}
func (f *Faulty) List(dir string) ([]string, error) { return f.fs.List(dir) }
func (f *Faulty) SyncDir(dir string) error {
	return f.do("syncdir", dir, func() error { return f.fs.SyncDir(dir) })
}
func (f *Faulty) Stat(name string) (fs.FileInfo, error) { return f.fs.Stat(name) }
func (f *Faulty) Lock(name string) (io.Closer, error)   { return f.fs.Lock(name) }
func (f *Faulty) Free(dir string) (uint64, error)       { return f.fs.Free(dir) }

type faultyFile struct {
	File
	f    *Faulty
	name string
}

func (h *faultyFile) Write(p []byte) (int, error) {
	skip, fault := h.f.step("write", h.name)
	if skip {
		return 0, fault
	}
	n, err := h.File.Write(p)
	if err == nil && fault != nil {
		err = fmt.Errorf("after %d bytes: %w", n, fault)
	}
	return n, err
}

func (h *faultyFile) Sync() error { return h.f.do("sync", h.name, h.File.Sync) }

func (h *faultyFile) Truncate(size int64) error {
	return h.f.do("truncate", h.name, func() error { return h.File.Truncate(size) })
}
