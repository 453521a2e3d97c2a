// Package disk is the seam between Haetae and the file system. It is narrow on
// purpose: what the ledger does to a disk is a short list of operations, and a
// test can therefore make each of them fail, or cut the power after any of them.
//
// There are three file systems: OS, the real one; Mem, which forgets what was
// not synced when it crashes, directory entries included; and Faulty, which
// wraps either and fails the n-th operation.
//
// What it is not: a general file-system abstraction. Nothing here walks trees,
// changes modes or follows links.
package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"syscall"
)

// File is an open file. Reads and writes through Read and Write move one
// position; ReadAt and Truncate do not. A file that was opened for reading
// refuses Write and Truncate.
type File interface {
	io.Reader
	io.ReaderAt
	io.Writer
	io.Closer
	// Sync returns once the file's content, not its name, survives a power cut.
	// After it has failed nothing is known about the content written since the
	// last one, and a further Sync may report success without it: never retry.
	Sync() error
	Size() (int64, error)
	Truncate(size int64) error
}

// FS is a file system. Names use forward slashes. Errors are those of package
// os: fs.ErrNotExist, fs.ErrExist and syscall.ENOSPC are found by errors.Is.
type FS interface {
	Create(name string) (File, error)     // empty, read and write
	CreateNew(name string) (File, error)  // as Create; fs.ErrExist if it is there
	OpenAppend(name string) (File, error) // made if missing; writes go to the end
	Open(name string) (File, error)       // for reading
	Rename(from, to string) error         // replaces to
	Remove(name string) error
	RemoveAll(name string) error
	// MkdirAll makes dir and what is missing above it, and returns once the
	// folders it made survive a power cut.
	MkdirAll(dir string) error
	List(dir string) ([]string, error) // names, sorted
	// SyncDir returns once the names in dir survive a power cut.
	SyncDir(dir string) error
	Stat(name string) (fs.FileInfo, error)
	// Lock takes an exclusive lock on a file of that name, which it makes if it
	// is missing and never removes. A crash of the process releases it.
	Lock(name string) (io.Closer, error)
	// Free is how many bytes can still be written below dir.
	Free(dir string) (uint64, error)
}

// ErrLocked is returned by Lock when another process, or another opening in
// this one, holds the lock.
var ErrLocked = errors.New("locked by another process")

// OS is the real file system.
var OS FS = osFS{}

type osFS struct{}

type osFile struct{ *os.File }

func (f osFile) Size() (int64, error) {
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return st.Size(), nil
}

func wrap(f *os.File, err error) (File, error) {
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// Files are readable by their owner alone: they are personal data, if under
// pseudonyms.
const (
	filePerm = 0o600
	dirPerm  = 0o700
)

func (osFS) Create(name string) (File, error) {
	return wrap(os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, filePerm))
}

func (osFS) CreateNew(name string) (File, error) {
	return wrap(os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, filePerm))
}

func (osFS) OpenAppend(name string) (File, error) {
	return wrap(os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND, filePerm))
}

func (osFS) Open(name string) (File, error) { return wrap(os.Open(name)) }

func (osFS) Rename(from, to string) error          { return os.Rename(from, to) }
func (osFS) Remove(name string) error              { return os.Remove(name) }
func (osFS) RemoveAll(name string) error           { return os.RemoveAll(name) }
func (osFS) Stat(name string) (fs.FileInfo, error) { return os.Stat(name) }

func (o osFS) MkdirAll(dir string) error {
	st, err := os.Stat(dir)
	if err == nil && !st.IsDir() {
		return &fs.PathError{Op: "mkdir", Path: dir, Err: syscall.ENOTDIR}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	above := filepath.Dir(dir)
	if above != dir {
		if err := o.MkdirAll(above); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, dirPerm); err != nil {
		if st, serr := os.Stat(dir); serr == nil && st.IsDir() {
			return nil // somebody else made it just now
		}
		return err
	}
	return o.SyncDir(above)
}

func (osFS) List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	slices.Sort(names)
	return names, nil
}

func (osFS) SyncDir(dir string) error {
	d, err := os.Open(filepath.FromSlash(dir))
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func (osFS) Lock(name string) (io.Closer, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, filePerm)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, ErrLocked
		}
		return nil, fmt.Errorf("lock %s: %w", path.Base(name), err)
	}
	return f, nil
}

func (osFS) Free(dir string) (uint64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return st.Bavail * uint64(st.Bsize), nil
}

// WriteFile makes name hold data, durably and all at once: after a crash, and
// after an error, there is the old content or the new, never a part. The order
// is the point: sync the content under another name, then rename, then sync the
// folder. Two calls for one name must not run at a time.
func WriteFile(fsys FS, name string, data []byte) (err error) {
	tmp := name + ".tmp"
	f, err := fsys.Create(tmp)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			fsys.Remove(tmp) // tidiness only: the next WriteFile begins it anew
		}
	}()
	if _, err = f.Write(data); err != nil {
		f.Close()
		return err
	}
	if err = f.Sync(); err != nil {
		f.Close()
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = fsys.Rename(tmp, name); err != nil {
		return err
	}
	return fsys.SyncDir(path.Dir(name))
}

// ReadFile returns the whole content of name.
func ReadFile(fsys FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}
