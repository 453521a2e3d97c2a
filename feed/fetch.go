package feed

import (
	"context"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/haetae/haetae/internal/remote"
	"github.com/haetae/haetae/internal/written"
)

// fetched is what a look at a source gave.
type fetched struct {
	data      []byte
	asOf      time.Time // how old it is by its source
	unchanged bool      // the source says so, and gives nothing
	etag      string
	modified  string
}

// settle is how long a file has to stay as it is until it is believed to be whole.
const settle = 2 * time.Second

var (
	errWritten = written.Errorf("파일이 아직 쓰이는 중입니다", "the file is still being written")
	errNoFile  = written.Errorf("폴더에 이름이 맞는 파일이 없습니다", "the folder has no file of such a name")
	errLarge   = written.Errorf("%d MiB보다 큽니다", "is larger than %d MiB", maxFeedBytes>>20)
)

// fetch looks at the source once.
func (f *Feed) fetch(ctx context.Context, k *kept) (*fetched, error) {
	switch {
	case f.File != "":
		return fetchFile(ctx, f.File)
	case f.Folder != "":
		name, err := f.newest()
		if err != nil {
			return nil, err
		}
		got, err := fetchFile(ctx, name)
		if err != nil {
			return nil, err
		}
		// One that was written meanwhile is newer, and the next look takes it.
		return got, nil
	}
	return f.get(ctx, k)
}

// fetchFile reads a file that is whole: one that stays the same in size, time and
// identity from one look to another and while it is read. Writing beside it and
// renaming is what needs no luck.
func fetchFile(ctx context.Context, name string) (*fetched, error) {
	before, err := os.Stat(name)
	if err != nil {
		return nil, remote.Unreadable(err)
	}
	if !before.Mode().IsRegular() {
		return nil, remote.Unreadable(nil)
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(settle):
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, remote.Unreadable(err)
	}
	defer file.Close()
	now, err := file.Stat()
	if err != nil {
		return nil, remote.Unreadable(err)
	}
	if !same(before, now) {
		return nil, errWritten
	}
	data, err := io.ReadAll(io.LimitReader(file, maxFeedBytes+1))
	if err != nil {
		return nil, remote.Unreadable(err)
	}
	if len(data) > maxFeedBytes {
		return nil, errLarge
	}
	if after, err := file.Stat(); err != nil || !same(now, after) || int64(len(data)) != after.Size() {
		return nil, errWritten
	}
	return &fetched{data: data, asOf: now.ModTime()}, nil
}

func same(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// unfinished are endings under which programs write what is not whole yet.
var unfinished = []string{".tmp", ".part", ".partial", ".filepart", ".swp", "~"}

// newest is the latest file of the folder whose name fits.
func (f *Feed) newest() (string, error) {
	list, err := os.ReadDir(f.Folder)
	if err != nil {
		return "", remote.Unreadable(err)
	}
	best, when := "", time.Time{}
	for _, e := range list {
		name := e.Name()
		if ok, _ := path.Match(f.Pattern, name); !ok || strings.HasPrefix(name, ".") || !e.Type().IsRegular() || isUnfinished(name) {
			continue
		}
		info, err := e.Info()
		if err != nil {
			continue // it has just gone
		}
		if t := info.ModTime(); best == "" || t.After(when) || t.Equal(when) && name > best {
			best, when = name, t
		}
	}
	if best == "" {
		return "", errNoFile
	}
	return filepath.Join(f.Folder, best), nil
}

func isUnfinished(name string) bool {
	for _, s := range unfinished {
		if strings.HasSuffix(name, s) {
			return true
		}
	}
	return false
}
