package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"

	"github.com/haetae/haetae/internal/disk"
)

// list returns the first position of each file, ascending.
func list(fsys disk.FS, dir string) ([]Position, error) {
	names, err := fsys.List(dir)
	if err != nil {
		return nil, fmt.Errorf("list journal: %w", err)
	}
	var out []Position
	for _, n := range names {
		first, ok, err := parseName(n)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, first)
		}
	}
	slices.Sort(out)
	return out, nil
}

// behind drops the files that hold nothing behind after.
func behind(files []Position, after Position) ([]Position, error) {
	if len(files) > 0 && files[0] > after+1 {
		return nil, fmt.Errorf("read journal behind %d: the oldest entry is %d: %w", after, files[0], ErrTrimmed)
	}
	for len(files) > 1 && files[1] <= after+1 {
		files = files[1:]
	}
	return files, nil
}

// Reader reads a journal that another process may be writing.
type Reader struct {
	fs  disk.FS
	dir string
}

// ReadOnly opens the journal in dir beside its writer. It changes nothing.
func ReadOnly(fsys disk.FS, dir string) (*Reader, error) {
	if _, err := fsys.List(dir); err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	return &Reader{fsys, dir}, nil
}

// Read is as Journal.Read, with two differences that come from standing beside
// the writer: it may see entries that are written and not durable yet, and it
// stops silently at an incomplete one at the end.
func (r *Reader) Read(after Position, fn func(Position, []byte) error) error {
	at := after
	for try := 0; ; try++ {
		end, err := r.pass(&at, fn)
		if err == nil {
			return reached(end, after)
		}
		// The writer removed a file between our listing and opening it: look
		// again, which tells whether it held anything we still want.
		var gone *vanished
		if !errors.As(err, &gone) || try == 10 {
			return err
		}
	}
}

type vanished struct{ error }

func (v *vanished) Unwrap() error { return v.error }

// pass reads everything behind *at, moves *at, and returns where the journal
// ends.
func (r *Reader) pass(at *Position, fn func(Position, []byte) error) (end Position, err error) {
	files, err := list(r.fs, r.dir)
	if err != nil {
		return 0, err
	}
	if files, err = behind(files, *at); err != nil {
		return 0, err
	}
	for i, first := range files {
		if i > 0 && first != end+1 {
			return 0, discontinuity(first, end+1)
		}
		if end, err = r.file(first, i == len(files)-1, at, fn); err != nil {
			return 0, err
		}
	}
	return end, nil
}

func (r *Reader) file(first Position, last bool, at *Position, fn func(Position, []byte) error) (end Position, err error) {
	s, err := openScanner(r.fs, r.dir, first)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, &vanished{err}
	}
	if err != nil {
		return 0, err
	}
	defer s.close()
	if s.unfinished {
		if !last {
			return 0, s.corrupt(0, "damaged header")
		}
		return first - 1, nil
	}
	for again := false; ; {
		h, body, err := s.frame(func(h frameHead) bool { return h.next() > *at+1 })
		if err == nil {
			again = false
			if body == nil {
				continue
			}
			if err := s.entries(h, body, *at, func(pos Position, b []byte) error {
				*at = pos
				return fn(pos, b)
			}); err != nil {
				return 0, err
			}
			continue
		}
		err = s.atEnd(err, last)
		if err == nil || again || !last {
			return s.next - 1, err
		}
		// While we looked at an incomplete frame the writer may have finished
		// it and written the next, which looks like damage with a whole frame
		// behind it. A second look tells.
		again = true
		if s.size, err = s.f.Size(); err != nil {
			return 0, fmt.Errorf("read journal: %w", err)
		}
	}
}

// scanner walks the frames of one file.
type scanner struct {
	f          disk.File
	name       string
	size       int64
	salt       salt
	unfinished bool     // the header is not whole, and nothing is behind it
	at         int64    // where the next frame begins
	next       Position // its position
	last       place    // of the frame that was read last
	buf        []byte
}

// place is where a frame begins.
type place struct {
	file Position // named for its first entry
	next Position // of the frame's first entry
	at   int64
}

// errDamaged: at the scanner's place there is no whole frame.
var errDamaged = errors.New("damaged frame")

func openScanner(fsys disk.FS, dir string, first Position) (*scanner, error) {
	f, err := fsys.Open(path.Join(dir, fileName(first)))
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	s := &scanner{f: f, name: fileName(first), at: headerSize, next: first, last: place{first, first, headerSize}}
	if err := s.header(first); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *scanner) header(first Position) (err error) {
	if s.size, err = s.f.Size(); err != nil {
		return fmt.Errorf("open journal: %w", err)
	}
	if s.size < headerSize {
		s.unfinished = true
		return nil
	}
	head, err := s.readAt(0, headerSize)
	if err != nil {
		return err
	}
	got, salt, ok, err := parseHeader(head, s.name)
	if err != nil {
		return err
	}
	s.salt = salt
	switch {
	case ok && got == first:
	case ok:
		return s.corrupt(0, fmt.Sprintf("the header is that of entry %d", got))
	case s.size == headerSize:
		s.unfinished = true
	default:
		return s.corrupt(0, "damaged header")
	}
	return nil
}

func (s *scanner) close() { s.f.Close() }

func (s *scanner) corrupt(at int64, what string) error {
	return fmt.Errorf("journal file %s at byte %d: %s: %w", s.name, at, what, ErrCorrupt)
}

// readAt returns n bytes, valid until the next call. A file that ends before is
// errDamaged: the writer cut it since its size was asked.
func (s *scanner) readAt(at, n int64) ([]byte, error) {
	if int64(cap(s.buf)) < n {
		s.buf = make([]byte, max(n, 64<<10))
	}
	b := s.buf[:n]
	if k, err := s.f.ReadAt(b, at); int64(k) < n {
		if errors.Is(err, io.EOF) {
			return nil, errDamaged
		}
		return nil, fmt.Errorf("read journal file %s at byte %d: %w", s.name, at, err)
	}
	return b, nil
}

// frame reads the next frame. If want is given and says no, the body is neither
// read nor checked. io.EOF is the end of the file, errDamaged anything else that
// is not a whole frame, and the scanner stays where it is.
func (s *scanner) frame(want func(frameHead) bool) (h frameHead, body []byte, err error) {
	if s.at == s.size {
		return h, nil, io.EOF
	}
	h, err = s.head(s.at)
	if err != nil {
		return h, nil, err
	}
	if h.first != s.next {
		return h, nil, errDamaged
	}
	if want == nil || want(h) {
		if body, err = s.body(h, s.at); err != nil {
			return h, nil, err
		}
	}
	s.last.next, s.last.at = s.next, s.at
	s.at += h.size()
	s.next = h.next()
	return h, body, nil
}

// head reads the head of a frame that fits into the file.
func (s *scanner) head(at int64) (h frameHead, err error) {
	if s.size-at < frameSize {
		return h, errDamaged
	}
	b, err := s.readAt(at, frameSize)
	if err != nil {
		return h, err
	}
	h, ok := parseFrameHead(b, s.salt)
	if !ok || h.size() > s.size-at {
		return h, errDamaged
	}
	return h, nil
}

func (s *scanner) body(h frameHead, at int64) ([]byte, error) {
	body, err := s.readAt(at+frameSize, int64(h.length))
	if err != nil {
		return nil, err
	}
	if s.salt.sumBody(h.first, body) != h.body {
		return nil, errDamaged
	}
	return body, nil
}

// atEnd judges why frame stopped, with err. In the last file a damaged frame
// with nothing whole behind it is a torn tail; anywhere else it is corruption.
func (s *scanner) atEnd(err error, last bool) error {
	switch {
	case err == io.EOF:
		return nil
	case err != errDamaged:
		return err
	case !last:
		return s.corrupt(s.at, "damaged frame")
	}
	whole, err := s.wholeBehind()
	if err != nil {
		return err
	}
	if whole > 0 {
		return s.corrupt(s.at, fmt.Sprintf("damaged frame, with a whole one behind it at byte %d", whole))
	}
	return nil
}

// wholeBehind looks for a whole frame behind the damaged one, whose length may
// be what is damaged, and returns its place, or 0. It looks for the marker and
// reads on only behind a head whose checksum is right.
func (s *scanner) wholeBehind() (int64, error) {
	const step = 1 << 20
	window := make([]byte, step)
	for from := s.at + 1; from+frameSize <= s.size; {
		n, err := s.f.ReadAt(window[:min(step, s.size-from)], from)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, fmt.Errorf("read journal file %s at byte %d: %w", s.name, from, err)
		}
		b := window[:n]
		for at := 0; ; at++ {
			i := bytes.Index(b[at:], []byte(frameMarker))
			if i < 0 {
				break
			}
			at += i
			// Most markers are no frames; do not go to the disk for them.
			if len(b)-at >= frameSize {
				if _, ok := parseFrameHead(b[at:], s.salt); !ok {
					continue
				}
			}
			h, err := s.head(from + int64(at))
			if err == nil && h.first > s.next {
				if _, err = s.body(h, from+int64(at)); err == nil {
					return from + int64(at), nil
				}
			}
			if err != nil && err != errDamaged {
				return 0, err
			}
		}
		if n < step {
			return 0, nil
		}
		from += step - int64(len(frameMarker)) + 1
	}
	return 0, nil
}

// read calls fn for the entries behind after up to end, all of which are there.
func (s *scanner) read(after, end Position, fn func(Position, []byte) error) error {
	for s.next <= end {
		h, body, err := s.frame(func(h frameHead) bool { return h.next() > after+1 })
		if err == io.EOF {
			return nil // the rest is in the next file
		}
		if err == errDamaged {
			return s.corrupt(s.at, "damaged frame")
		}
		if err != nil {
			return err
		}
		if body == nil {
			continue
		}
		if err := s.entries(h, body, after, fn); err != nil {
			return err
		}
	}
	return nil
}

// entries calls fn for those of a frame that are behind after.
func (s *scanner) entries(h frameHead, body []byte, after Position, fn func(Position, []byte) error) error {
	ok, err := eachEntry(body, h.count, func(i uint32, entry []byte) error {
		if pos := h.first + Position(i); pos > after {
			return fn(pos, entry)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !ok {
		return s.corrupt(s.at-h.size(), "the entries do not fill the frame")
	}
	return nil
}

// File is a file of a journal: the position of its first entry, and its size.
type File struct {
	First Position
	Size  int64
}

// Files lists the files of the journal in dir, oldest first. Trim removes whole ones.
func Files(fsys disk.FS, dir string) ([]File, error) {
	firsts, err := list(fsys, dir)
	if err != nil {
		return nil, err
	}
	out := make([]File, 0, len(firsts))
	for _, first := range firsts {
		st, err := fsys.Stat(path.Join(dir, fileName(first)))
		if errors.Is(err, fs.ErrNotExist) {
			continue // trimmed just now
		}
		if err != nil {
			return nil, fmt.Errorf("list journal: %w", err)
		}
		out = append(out, File{first, st.Size()})
	}
	return out, nil
}
