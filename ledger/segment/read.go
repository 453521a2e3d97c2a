package segment

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/dictionary"
)

// Reader reads a segment. It is safe for concurrent use. Each table is read
// when first asked for, and kept.
type Reader struct {
	// Name is told in errors, as the file to be restored. It is set by whoever
	// opened the reader, before anybody reads.
	Name string

	r     io.ReaderAt
	base  event.Millis
	rows  int64 // of all partitions
	parts [dictionary.Partitions]place
	spans [sections]span

	nClients, nAgents int

	shapes   kept[[]Shape]
	clients  kept[[]Client]
	agents   kept[[]string]
	files    kept[filesTable]
	visitors kept[[]visitor]
	info     kept[Info]

	// unchecked lets a fuzzer past the checksums; never set otherwise.
	unchecked bool
}

// span is where a section lies.
type span struct {
	at, size, raw int64
	crc           uint32
}

// place is where a partition lies.
type place struct {
	rows  int
	paged bool
	at    int64
	sizes [blocks]int64
	// crc is that of the groups and of the sessions, or in [0] of all.
	crc [2]uint32
}

func (p *place) size() int64 { return p.sizes[0] + p.sizes[1] + p.sizes[2] + p.sizes[3] }

// kept is a table read once. A failed read is tried again the next time.
type kept[T any] struct {
	mu sync.Mutex
	v  atomic.Pointer[T]
}

func (k *kept[T]) get(load func() (T, error)) (T, error) {
	if v := k.v.Load(); v != nil {
		return *v, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if v := k.v.Load(); v != nil {
		return *v, nil
	}
	v, err := load()
	if err == nil {
		k.v.Store(&v)
	}
	return v, err
}

// Open reads a segment's footer and directory.
func Open(r io.ReaderAt, size int64) (*Reader, error) { return open(r, size, false) }

func open(r io.ReaderAt, size int64, unchecked bool) (*Reader, error) {
	if size < magicSize+footerSize {
		return nil, fmt.Errorf("segment of %d bytes is too short: %w", size, ErrCorrupt)
	}
	tail := make([]byte, min(size, tailSize))
	if err := readAt(r, tail, size-int64(len(tail))); err != nil {
		return nil, fmt.Errorf("read end of segment: %w", err)
	}
	head := make([]byte, magicSize)
	if size <= tailSize {
		r = bytes.NewReader(tail)
	}
	if err := readAt(r, head, 0); err != nil {
		return nil, fmt.Errorf("read header: %w", err)
	}
	if err := checkMagic(head, magicName); err != nil {
		return nil, err
	}
	foot := tail[int64(len(tail))-footerSize:]
	if err := checkMagic(foot[footerSize-magicSize:], endName); err != nil {
		return nil, fmt.Errorf("end of file: %w", err)
	}
	s := &Reader{r: r, unchecked: unchecked}
	if n := 12 * sections; !s.check(foot[:n], binary.LittleEndian.Uint32(foot[n:])) {
		return nil, fmt.Errorf("footer's checksum does not match at byte %d: %w", size-footerSize, ErrCorrupt)
	}
	at := size - footerSize
	for i := sections - 1; i >= 0; i-- {
		b := foot[12*i:]
		sp := span{size: int64(binary.LittleEndian.Uint32(b)), raw: int64(binary.LittleEndian.Uint32(b[4:])), crc: binary.LittleEndian.Uint32(b[8:])}
		if at -= sp.size; at < magicSize {
			return nil, fmt.Errorf("footer: %s lie outside the file: %w", sectionNames[i], ErrCorrupt)
		}
		sp.at = at
		s.spans[i] = sp
	}
	dir := s.spans[sectionDirectory]
	var raw []byte
	if from := int64(len(tail)) - footerSize - dir.size; from >= 0 {
		raw = tail[from : from+dir.size]
	} else {
		raw = make([]byte, dir.size)
		if err := readAt(r, raw, dir.at); err != nil {
			return nil, fmt.Errorf("read directory: %w", err)
		}
	}
	if !s.check(raw, dir.crc) {
		return nil, fmt.Errorf("directory's checksum does not match at byte %d: %w", dir.at, ErrCorrupt)
	}
	if err := s.readDirectory(raw, at); err != nil {
		return nil, fmt.Errorf("directory at byte %d: %w", dir.at, err)
	}
	return s, nil
}

// readDirectory finds the partitions, which end at end.
func (s *Reader) readDirectory(raw []byte, end int64) error {
	v := &varints{b: raw}
	s.base = event.Millis(unzigzag(v.uint()))
	s.nClients, s.nAgents = v.int(MaxRows), v.int(MaxRows)
	p, at := -1, magicSize
	for len(v.b) > 0 {
		if p += 1 + v.int(dictionary.Partitions); p >= dictionary.Partitions {
			v.bad = true
			break
		}
		pl := &s.parts[p]
		n := v.int(2*MaxRows + 1)
		pl.rows, pl.paged, pl.at = n>>1, n&1 != 0, at
		for i := range pl.sizes {
			pl.sizes[i] = int64(v.int(end - at))
			at += pl.sizes[i]
		}
		pl.crc[0] = v.u32()
		if pl.paged {
			pl.crc[1] = v.u32()
		}
		s.rows += int64(pl.rows)
		if v.bad || pl.rows == 0 || int64(pl.rows) > rowsPerByte*pl.size() || s.rows > MaxRows {
			v.bad = true
			break
		}
	}
	if at != end {
		v.bad = true
	}
	return v.err()
}

func (s *Reader) check(b []byte, crc uint32) bool { return s.unchecked || sum(b) == crc }

func readAt(r io.ReaderAt, b []byte, at int64) error {
	n, err := r.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return fmt.Errorf("file ends early: %w", ErrCorrupt)
	}
	return err
}

// read reads and verifies n bytes.
func (s *Reader) read(at, n int64, crc uint32) ([]byte, error) { return s.readInto(nil, at, n, crc) }

// readInto does so into the memory of b, if there is enough.
func (s *Reader) readInto(b []byte, at, n int64, crc uint32) ([]byte, error) {
	b = resize(b, int(n))
	if err := readAt(s.r, b, at); err != nil {
		return nil, err
	}
	if !s.check(b, crc) {
		return nil, fmt.Errorf("checksum does not match at byte %d: %w", at, ErrCorrupt)
	}
	return b, nil
}

// inFile is an error that names the file.
type inFile struct {
	name string
	err  error
}

func (e *inFile) Error() string { return e.name + ": " + e.err.Error() }
func (e *inFile) Unwrap() error { return e.err }

// named puts the file's name before an error that has none yet.
func (s *Reader) named(err *error) {
	if *err == nil || s.Name == "" {
		return
	}
	if in := (*inFile)(nil); !errors.As(*err, &in) {
		*err = &inFile{s.Name, *err}
	}
}

// section reads one and decodes it.
func section[T any](s *Reader, k *kept[T], which int, decode func(raw []byte) (T, error)) (_ T, err error) {
	defer s.named(&err)
	return k.get(func() (T, error) {
		var v T
		sp := s.spans[which]
		raw, err := s.read(sp.at, sp.size, sp.crc)
		if err == nil {
			raw, err = unpackSection(raw, sp.raw)
		}
		if err == nil {
			v, err = decode(raw)
		}
		if err != nil {
			return v, fmt.Errorf("%s at byte %d: %w", sectionNames[which], sp.at, err)
		}
		return v, nil
	})
}

// Info describes the segment.
func (s *Reader) Info() (Info, error) {
	return section(s, &s.info, sectionInfo, func(raw []byte) (Info, error) {
		i, err := decodeInfo(raw)
		if err == nil && i.Rows != s.rows {
			err = errCount
		}
		return i, err
	})
}

// ShapeBytes is how large the table of shapes is, unpacked.
func (s *Reader) ShapeBytes() int64 { return s.spans[sectionShapes].raw }

// Shapes are the segment's shapes, sorted.
func (s *Reader) Shapes() ([]Shape, error) {
	return section(s, &s.shapes, sectionShapes, decodeShapes)
}

// Clients are the segment's places of access, sorted.
func (s *Reader) Clients() ([]Client, error) {
	return section(s, &s.clients, sectionClients, func(raw []byte) ([]Client, error) {
		list, err := decodeClients(raw)
		if err == nil && len(list) != s.nClients {
			err = errCount
		}
		return list, err
	})
}

// Agents are the segment's user agents, sorted.
func (s *Reader) Agents() ([]string, error) {
	return section(s, &s.agents, sectionAgents, func(raw []byte) ([]string, error) {
		list, err := decodeStrings(&varints{b: raw})
		if err == nil && len(list) != s.nAgents {
			err = errCount
		}
		return list, err
	})
}

var errCount = fmt.Errorf("not as many as the directory says: %w", ErrCorrupt)

// Files are the names of the streams the rows came from, sorted.
func (s *Reader) Files() ([]string, error) {
	t, err := s.fileTable()
	return t.names, err
}

func (s *Reader) fileTable() (filesTable, error) {
	return section(s, &s.files, sectionFiles, decodeFiles)
}

func (s *Reader) visitorTable() ([]visitor, error) {
	return section(s, &s.visitors, sectionVisitors, func(raw []byte) ([]visitor, error) {
		return decodeVisitors(raw, s.nClients, s.nAgents)
	})
}
