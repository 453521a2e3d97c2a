package ingest

import (
	"cmp"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// tailFile is a file that is followed, or was and is packed by now.
type tailFile struct {
	f      *os.File
	info   fs.FileInfo
	packed bool
	stream *Stream // of a packed one, at the end of the last chunk
	peek   *Stream // of a packed one, to look at it
}

func openTail(name string) (*tailFile, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	t := &tailFile{f: f, packed: isPacked(name)}
	if t.info, err = f.Stat(); err != nil {
		f.Close()
		return nil, err
	}
	return t, nil
}

func isPacked(name string) bool {
	return strings.HasSuffix(name, ".gz") || strings.HasSuffix(name, ".zst")
}

func (t *tailFile) Stat() (fs.FileInfo, error) { return t.f.Stat() }

func (t *tailFile) Close() error {
	if t == nil {
		return nil
	}
	t.shut()
	return t.f.Close()
}

// shut lets go of what was unpacked.
func (t *tailFile) shut() {
	for _, s := range []*Stream{t.stream, t.peek} {
		if s != nil {
			s.Close()
		}
	}
	t.stream, t.peek = nil, nil
}

// unpack begins a packed file from its beginning.
func (t *tailFile) unpack() (*Stream, error) {
	size, err := t.f.Stat()
	if err != nil {
		return nil, err
	}
	return Open(io.NewSectionReader(t.f, 0, size.Size()))
}

// from reads the file, unpacked, from an offset on.
func (t *tailFile) from(offset int64) (io.Reader, error) {
	if !t.packed {
		st, err := t.f.Stat()
		if err != nil {
			return nil, err
		}
		return io.NewSectionReader(t.f, offset, max(0, st.Size()-offset)), nil
	}
	t.shut()
	s, err := t.unpack()
	if err != nil {
		return nil, err
	}
	t.peek = s
	if err := s.Skip(offset, 0); err != nil {
		return nil, err
	}
	return s.Unpacked(), nil
}

// head gives the first n bytes, unpacked.
func (t *tailFile) head(n int64) ([]byte, error) {
	b := make([]byte, n)
	if !t.packed {
		_, err := t.f.ReadAt(b, 0)
		return b, err
	}
	s, err := t.unpack()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	_, err = io.ReadFull(s.Unpacked(), b)
	return b, err
}

// next gives the next chunk of a packed file behind a position.
func (t *tailFile) next(pos Position) (*Chunk, error) {
	if t.stream == nil || t.stream.at != pos.Offset {
		t.shut()
		s, err := t.unpack()
		if err != nil {
			return nil, err
		}
		if err := s.Skip(pos.Offset, pos.Line); err != nil {
			s.Close()
			return nil, err
		}
		t.stream = s
	}
	c, err := t.stream.Next()
	if err != nil {
		return nil, err
	}
	t.stream.at = c.End
	if sound := c.Sound(); len(sound) < len(c.Data) && (c.Doubtful || c.Unfinished) {
		// What may not be what was logged is not read at all: the gap says so.
		c.Lines -= int64(strings.Count(string(c.Data[len(sound):]), "\n"))
		if c.Data[len(c.Data)-1] != '\n' {
			c.Lines--
		}
		c.End -= int64(len(c.Data) - len(sound))
		c.Data = sound
	}
	if len(c.Asides) > 0 {
		c.raw = func(w io.Writer) error {
			s, err := t.unpack()
			if err != nil {
				return err
			}
			defer s.Close()
			if err := s.Skip(pos.Offset, 0); err != nil {
				return err
			}
			_, err = io.CopyN(w, s.Unpacked(), c.End-pos.Offset)
			return err
		}
	}
	return c, nil
}

// rotation is a file that was rotated away: access.log.1, access.log-20250301.gz.
type rotation struct {
	name   string
	info   fs.FileInfo
	suffix string // without .gz
	number int    // of a file that is renamed with each rotation: 1 is the newest
}

// siblings lists the files that are named for the one at the path.
func (t *Tail) siblings() []rotation {
	dir, base := filepath.Split(t.Path)
	entries, _ := os.ReadDir(filepath.Clean(dir + "."))
	var out []rotation
	for _, e := range entries {
		suffix, ok := strings.CutPrefix(e.Name(), base)
		if !ok || suffix == "" || suffix[0] != '.' && suffix[0] != '-' || !e.Type().IsRegular() {
			continue
		}
		info, err := e.Info()
		if err != nil {
			continue
		}
		plain := strings.TrimSuffix(strings.TrimSuffix(suffix, ".gz"), ".zst")
		// While it is packed there are both, and the packed one is not whole.
		if plain != suffix {
			if _, err := os.Stat(t.Path + plain); err == nil {
				continue
			}
		}
		out = append(out, rotation{name: filepath.Join(dir, e.Name()), info: info, suffix: plain})
	}
	return out
}

// rotated lists the files that were rotated away, oldest first: by the time of
// their last change, which packing keeps, since some number them from the newest
// and some from the oldest. Of one moment, the names decide: the highest number or
// the earliest date is the oldest.
func (t *Tail) rotated() []rotation {
	var out []rotation
	for _, r := range t.siblings() {
		name := r.suffix[min(1, len(r.suffix)):]
		if name == "" || strings.Trim(name, "0123456789-._T") != "" || name[0] < '0' || name[0] > '9' {
			continue // not a rotation: somebody's notes, another tool's position
		}
		if n, err := strconv.Atoi(name); err == nil && len(name) < 6 {
			r.number = n + 1
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b rotation) int {
		return cmp.Or(a.info.ModTime().Compare(b.info.ModTime()), cmp.Compare(b.number, a.number), strings.Compare(a.name, b.name))
	})
	return out
}

// sibling finds the followed file under another name; but is not it.
func (t *Tail) sibling(but fs.FileInfo) *tailFile {
	list := t.siblings()
	slices.SortStableFunc(list, func(a, b rotation) int { return cmp.Compare(a.suffix, b.suffix) })
	for _, r := range list {
		if but != nil && os.SameFile(but, r.info) {
			continue
		}
		f, err := openTail(r.name)
		if err != nil {
			continue
		}
		if t.matches(f) {
			return f
		}
		f.Close()
	}
	return nil
}
