// Package blob keeps immutable files by name. It is a seam: the embedded engine
// is a folder; object storage can stand in later, because nothing here appends,
// overwrites or renames.
//
// What it is not: a cache, or a place for anything that changes.
package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/haetae/haetae/internal/disk"
)

var (
	// ErrNotFound: no blob has that name.
	ErrNotFound = errors.New("blob not found")
	// ErrExists: a blob of that name is there; it is never replaced.
	ErrExists = errors.New("blob exists")
	// ErrName: the name is not one a blob can have.
	ErrName = errors.New("not a blob name")
)

// Blob is an open blob.
type Blob interface {
	io.ReaderAt
	Size() (int64, error)
	Close() error
}

// Store is the seam.
type Store interface {
	// Put stores what write writes under name, all of it or nothing, and
	// returns once it is durable.
	Put(ctx context.Context, name string, write func(io.Writer) error) (int64, error)
	Open(name string) (Blob, error)
	// Delete removes a blob; one that is open stays readable until closed.
	Delete(name string) error
	// List names all blobs, sorted.
	List() ([]string, error)
}

const unfinished = ".unfinished"

type folder struct {
	fs  disk.FS
	dir string
}

// Folder is the embedded store: files in dir, which must exist and have one
// owner. What an owner before left unfinished is removed: nobody was told of it.
func Folder(fsys disk.FS, dir string) (Store, error) {
	names, err := fsys.List(dir)
	if err != nil {
		return nil, fmt.Errorf("open blob folder: %w", err)
	}
	for _, n := range names {
		if !strings.HasSuffix(n, unfinished) {
			continue
		}
		if err := fsys.Remove(path.Join(dir, n)); err != nil {
			return nil, fmt.Errorf("open blob folder: %w", err)
		}
	}
	return &folder{fsys, dir}, nil
}

func check(name string) error {
	if name == "" || strings.ContainsRune(name, '/') || name[0] == '.' || strings.HasSuffix(name, unfinished) {
		return fmt.Errorf("%q: %w", name, ErrName)
	}
	return nil
}

func (s *folder) Put(ctx context.Context, name string, write func(io.Writer) error) (size int64, err error) {
	if err := check(name); err != nil {
		return 0, err
	}
	final, tmp := path.Join(s.dir, name), path.Join(s.dir, name+unfinished)
	if _, err := s.fs.Stat(final); err == nil {
		return 0, fmt.Errorf("put %s: %w", name, ErrExists)
	}
	f, err := s.fs.Create(tmp)
	if err != nil {
		return 0, fmt.Errorf("put %s: %w", name, err)
	}
	defer func() {
		if err != nil {
			s.fs.Remove(tmp)
			err = fmt.Errorf("put %s: %w", name, err)
		}
	}()
	w := &writer{ctx: ctx, f: f, buf: make([]byte, 0, 1<<20)}
	if err = write(w); err == nil {
		err = w.flush()
	}
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return 0, err
	}
	if err = s.fs.Rename(tmp, final); err != nil {
		return 0, err
	}
	if err = s.fs.SyncDir(s.dir); err != nil {
		return 0, err
	}
	return w.n, nil
}

// writer buffers, counts, and stops when the context ends.
type writer struct {
	ctx context.Context
	f   disk.File
	buf []byte
	n   int64
}

func (w *writer) Write(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	w.n += int64(len(p))
	if len(w.buf)+len(p) > cap(w.buf) {
		if err := w.flush(); err != nil {
			return 0, err
		}
		if len(p) >= cap(w.buf) {
			_, err := w.f.Write(p)
			return len(p), err
		}
	}
	w.buf = append(w.buf, p...)
	return len(p), nil
}

func (w *writer) flush() error {
	if len(w.buf) == 0 {
		return nil
	}
	_, err := w.f.Write(w.buf)
	w.buf = w.buf[:0]
	return err
}

func (s *folder) Open(name string) (Blob, error) {
	if err := check(name); err != nil {
		return nil, err
	}
	f, err := s.fs.Open(path.Join(s.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open %s: %w: %w", name, ErrNotFound, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	disk.Scattered(f)
	return f, nil
}

func (s *folder) Delete(name string) error {
	if err := check(name); err != nil {
		return err
	}
	err := s.fs.Remove(path.Join(s.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete %s: %w", name, ErrNotFound)
	}
	return err
}

func (s *folder) List() ([]string, error) {
	names, err := s.fs.List(s.dir)
	if err != nil {
		return nil, fmt.Errorf("list blobs: %w", err)
	}
	var out []string
	for _, n := range names {
		if strings.HasSuffix(n, unfinished) {
			continue
		}
		out = append(out, n)
	}
	return out, nil
}
