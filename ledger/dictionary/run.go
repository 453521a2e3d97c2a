package dictionary

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/internal/pseudonym"
)

// FileInfo is how a manifest names a run file.
type FileInfo struct {
	Name    string `json:"name"`
	Size    int64  `json:"size"`
	Entries uint64 `json:"entries"`
	// CRC is that of the directory, which holds those of everything else: a
	// file of the same name and size with other entries in it is noticed. Zero
	// is not compared.
	CRC uint32 `json:"crc,omitempty"`
}

// run is an open run file. It is immutable, and closed when the dictionary and
// the last reader have let go of it.
type run struct {
	info FileInfo
	file disk.File
	secs [Partitions]section
	refs atomic.Int32
}

// section is one partition of a run file.
type section struct {
	first, count uint32
	offset       int64
	sealedBytes  int64
	keyCRC, crc  uint32
}

func (s *section) has(place uint32) bool { return place >= s.first && place-s.first < s.count }

// Open opens a dictionary from the run files its manifest names, in order. It
// reads their directories only, 10 KB a file. Other files are left alone (see
// Clean).
func Open(fsys disk.FS, dir, name string, files []FileInfo) (*Dictionary, error) {
	d := &Dictionary{fs: fsys, dir: dir, name: name}
	if err := d.number(); err != nil {
		return nil, err
	}
	for _, info := range files {
		if err := d.open(info); err != nil {
			d.Close()
			return nil, fmt.Errorf("dictionary %s: %w", info.Name, err)
		}
	}
	return d, nil
}

// open adds one run file. It must go on where the one before it ended.
func (d *Dictionary) open(info FileInfo) error {
	r, err := openRun(d.fs, d.dir, info)
	if err != nil {
		return err
	}
	d.runs = append(d.runs, r)
	for n := range Partitions {
		s := &r.secs[n]
		p := &d.parts[n]
		if s.count == 0 {
			continue
		}
		if s.first != p.count || s.count > noLocal-p.count {
			return fmt.Errorf("partition %d goes on at %d, not %d: %w", n, s.first, p.count, ErrCorrupt)
		}
		p.count += s.count
		p.flushed, p.kept = p.count, p.count
		p.sealed += uint64(s.sealedBytes)
	}
	return nil
}

// number finds the next free file number: above every file that is there, named
// by a manifest or not.
func (d *Dictionary) number() error {
	names, err := d.fs.List(d.dir)
	if err != nil {
		return fmt.Errorf("dictionary %s: %w", d.name, err)
	}
	d.next = 1
	for _, n := range names {
		if num, ok := d.fileNumber(n); ok && num >= d.next {
			d.next = num + 1
		}
	}
	return nil
}

func (d *Dictionary) fileName(n uint64) string { return fmt.Sprintf("%s-%010d%s", d.name, n, suffix) }

func (d *Dictionary) fileNumber(name string) (uint64, bool) {
	s, ok := strings.CutPrefix(name, d.name+"-")
	if !ok {
		return 0, false
	}
	s, ok = strings.CutSuffix(strings.TrimSuffix(s, unfinished), suffix)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil
}

// Close closes the files, once nobody reads them. Entries that are not flushed
// are lost.
func (d *Dictionary) Close() error {
	d.mu.Lock()
	runs := d.runs
	d.runs = nil
	d.mu.Unlock()
	return release(runs)
}

// use returns the run files, which stay open until release.
func (d *Dictionary) use() []*run {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for _, r := range d.runs {
		r.refs.Add(1)
	}
	return d.runs[:len(d.runs):len(d.runs)]
}

func release(runs []*run) error {
	var errs []error
	for _, r := range runs {
		if r.refs.Add(-1) == 0 {
			errs = append(errs, r.file.Close())
		}
	}
	return errors.Join(errs...)
}

func openRun(fsys disk.FS, dir string, info FileInfo) (*run, error) {
	f, err := fsys.Open(path.Join(dir, info.Name))
	if err != nil {
		return nil, err
	}
	r := &run{info: info, file: f}
	r.refs.Store(1)
	if err := r.readDirectory(); err != nil {
		f.Close()
		return nil, err
	}
	return r, nil
}

// readAt fills b, which the caller has checked to lie within the file.
func (r *run) readAt(b []byte, at int64) error {
	n, err := r.file.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return fmt.Errorf("ends early: %w", ErrCorrupt)
	}
	return err
}

func (r *run) readDirectory() error {
	size, err := r.file.Size()
	if err != nil {
		return err
	}
	if size != r.info.Size {
		return fmt.Errorf("has %d bytes, not %d: %w", size, r.info.Size, ErrCorrupt)
	}
	if size < int64(len(magic)+footerSize) {
		return fmt.Errorf("too short: %w", ErrCorrupt)
	}
	head := make([]byte, len(magic))
	if err := r.readAt(head, 0); err != nil {
		return err
	}
	if err := checkMagic(string(head)); err != nil {
		return err
	}
	foot := make([]byte, footerSize)
	if err := r.readAt(foot, size-footerSize); err != nil {
		return err
	}
	at := int64(binary.LittleEndian.Uint64(foot))
	n := int64(binary.LittleEndian.Uint32(foot[8:]))
	crc := binary.LittleEndian.Uint32(foot[12:])
	if n > Partitions || at < int64(len(magic)) || at != size-footerSize-n*dirEntry {
		return fmt.Errorf("directory out of place: %w", ErrCorrupt)
	}
	dir := make([]byte, n*dirEntry)
	if err := r.readAt(dir, at); err != nil {
		return err
	}
	if sum(dir) != crc {
		return fmt.Errorf("directory's checksum does not match: %w", ErrCorrupt)
	}
	if r.info.CRC != 0 && r.info.CRC != crc {
		return fmt.Errorf("holds other entries than its manifest names: %w", ErrCorrupt)
	}
	// Sections follow each other without a gap.
	free, next := int64(len(magic)), uint32(0)
	for ; len(dir) > 0; dir = dir[dirEntry:] {
		part := binary.LittleEndian.Uint32(dir)
		s := section{
			first: binary.LittleEndian.Uint32(dir[4:]), count: binary.LittleEndian.Uint32(dir[8:]),
			offset: int64(binary.LittleEndian.Uint64(dir[12:])), sealedBytes: int64(binary.LittleEndian.Uint64(dir[20:])),
			keyCRC: binary.LittleEndian.Uint32(dir[28:]), crc: binary.LittleEndian.Uint32(dir[32:]),
		}
		if part < next || part >= Partitions || s.count == 0 || s.first > noLocal || s.count > noLocal-s.first ||
			s.offset != free || s.sealedBytes < 0 || s.sealedBytes > at ||
			int64(s.count)*28+s.sealedBytes > at-s.offset {
			return fmt.Errorf("section out of place: %w", ErrCorrupt)
		}
		free += int64(s.count)*28 + s.sealedBytes
		next = part + 1
		r.secs[part] = s
	}
	if free != at {
		return fmt.Errorf("sections do not reach the directory: %w", ErrCorrupt)
	}
	return nil
}

// keys reads the keys of one partition, 16 bytes each.
func (r *run) keys(n int) ([]byte, error) {
	s := &r.secs[n]
	raw := make([]byte, 16*int64(s.count))
	if err := r.readAt(raw, s.offset); err != nil {
		return nil, err
	}
	if s.count > 0 && sum(raw) != s.keyCRC {
		return nil, fmt.Errorf("partition %d: checksum of the keys does not match: %w", n, ErrCorrupt)
	}
	return raw, nil
}

// read reads all of one partition.
func (r *run) read(n int) (*entries, error) {
	s := &r.secs[n]
	e := &entries{first: s.first}
	if s.count == 0 {
		return e, nil
	}
	raw, err := r.keys(n)
	if err != nil {
		return nil, err
	}
	ks := make([]pseudonym.Pseudonym, s.count)
	for i := range ks {
		copy(ks[i][:], raw[16*i:])
	}
	e.keys = [][]pseudonym.Pseudonym{ks}
	raw = make([]byte, 12*int64(s.count)+s.sealedBytes)
	if err := r.readAt(raw, s.offset+16*int64(s.count)); err != nil {
		return nil, err
	}
	if sum(raw) != s.crc {
		return nil, fmt.Errorf("partition %d: checksum of the sealed ids does not match: %w", n, ErrCorrupt)
	}
	e.buckets, e.ends = make([]uint64, s.count), make([]uint32, s.count)
	ends := raw[8*int64(s.count):]
	last := uint32(0)
	for i := range ks {
		e.buckets[i] = binary.LittleEndian.Uint64(raw[8*i:])
		e.ends[i] = binary.LittleEndian.Uint32(ends[4*i:])
		if e.ends[i] < last {
			return nil, fmt.Errorf("partition %d: sealed ids out of place: %w", n, ErrCorrupt)
		}
		last = e.ends[i]
	}
	e.tail.sealed = ends[4*int64(s.count):]
	if int64(last) != s.sealedBytes {
		return nil, fmt.Errorf("partition %d: sealed ids out of place: %w", n, ErrCorrupt)
	}
	return e, nil
}

// sealed reads one sealed id. It carries its own seal, so that the section's
// checksum need not be computed for it.
func (r *run) sealed(s *section, i uint32) ([]byte, error) {
	at := s.offset + 24*int64(s.count)
	body := at + 4*int64(s.count)
	var b [8]byte
	if i == 0 {
		if err := r.readAt(b[4:], at); err != nil {
			return nil, err
		}
	} else if err := r.readAt(b[:], at+4*int64(i-1)); err != nil {
		return nil, err
	}
	from, to := binary.LittleEndian.Uint32(b[:]), binary.LittleEndian.Uint32(b[4:])
	if to < from || int64(to) > s.sealedBytes {
		return nil, fmt.Errorf("sealed id out of place: %w", ErrCorrupt)
	}
	if to == from {
		return nil, ErrDropped
	}
	out := make([]byte, to-from)
	return out, r.readAt(out, body+int64(from))
}
