package dictionary

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/internal/pseudonym"
)

// A run file holds the entries given out since the one before it:
//
//	magic
//	per partition with entries: keys (16 each), buckets (8 each),
//	    ends of the sealed ids (4 each), sealed ids
//	directory: per such partition  number (4), first place (4), entries (4),
//	    offset (8), bytes of sealed ids (8), crc32c of keys (4), of the rest (4)
//	footer: offset of the directory (8), its entries (4), its crc32c (4)
//
// A destroyed entry keeps its place: its key is zero and its sealed id empty.
const (
	magic      = "HTDICT01"
	suffix     = ".dict"
	dirEntry   = 4 + 4 + 4 + 8 + 8 + 4 + 4
	footerSize = 8 + 4 + 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// FileInfo is how a manifest names a run file.
type FileInfo struct {
	Name    string `json:"name"`
	Size    int64  `json:"size"`
	Entries uint64 `json:"entries"`
}

type section struct {
	first, count uint32
	offset       int64
	sealedBytes  int64
	keyCRC, crc  uint32
}

type run struct {
	info FileInfo
	file disk.File
	secs [Partitions]section
}

// Open opens a dictionary from the run files its manifest names, in order. It
// reads their footers only.
func Open(fsys disk.FS, dir, name string, files []FileInfo) (*Dictionary, error) {
	d := &Dictionary{fs: fsys, dir: dir, name: name}
	if err := d.number(); err != nil {
		return nil, err
	}
	for _, info := range files {
		r, err := openRun(fsys, dir, info)
		if err != nil {
			d.Close()
			return nil, fmt.Errorf("dictionary %s: %w", info.Name, err)
		}
		d.runs = append(d.runs, r)
		for n := range Partitions {
			s := &r.secs[n]
			p := &d.parts[n]
			if s.count > 0 && s.first != p.count {
				d.Close()
				return nil, fmt.Errorf("dictionary %s: partition %d goes on at %d, not %d: %w", info.Name, n, s.first, p.count, ErrCorrupt)
			}
			p.count += s.count
			p.flushed = p.count
		}
	}
	return d, nil
}

// number finds the next free file number.
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

func (d *Dictionary) fileNumber(name string) (uint64, bool) {
	s, ok := strings.CutPrefix(name, d.name+"-")
	if !ok {
		return 0, false
	}
	s, ok = strings.CutSuffix(strings.TrimSuffix(s, ".tmp"), suffix)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil
}

// Close closes the files.
func (d *Dictionary) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	var errs []error
	for _, r := range d.runs {
		errs = append(errs, r.file.Close())
	}
	d.runs = nil
	return errors.Join(errs...)
}

func openRun(fsys disk.FS, dir string, info FileInfo) (*run, error) {
	f, err := fsys.Open(path.Join(dir, info.Name))
	if err != nil {
		return nil, err
	}
	r := &run{info: info, file: f}
	if err := r.readDirectory(); err != nil {
		f.Close()
		return nil, err
	}
	return r, nil
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
	if _, err := r.file.ReadAt(head, 0); err != nil {
		return err
	}
	if string(head) != magic {
		return fmt.Errorf("not a dictionary file, or of a newer release: %w", ErrCorrupt)
	}
	foot := make([]byte, footerSize)
	if _, err := r.file.ReadAt(foot, size-footerSize); err != nil {
		return err
	}
	at := int64(binary.LittleEndian.Uint64(foot))
	n := int64(binary.LittleEndian.Uint32(foot[8:]))
	if n > Partitions || at < int64(len(magic)) || at+n*dirEntry != size-footerSize {
		return fmt.Errorf("directory out of place: %w", ErrCorrupt)
	}
	dir := make([]byte, n*dirEntry)
	if _, err := r.file.ReadAt(dir, at); err != nil && n > 0 {
		return err
	}
	if crc32.Checksum(dir, castagnoli) != binary.LittleEndian.Uint32(foot[12:]) {
		return fmt.Errorf("directory's checksum does not match: %w", ErrCorrupt)
	}
	for ; len(dir) > 0; dir = dir[dirEntry:] {
		part := binary.LittleEndian.Uint32(dir)
		s := section{
			first: binary.LittleEndian.Uint32(dir[4:]), count: binary.LittleEndian.Uint32(dir[8:]),
			offset: int64(binary.LittleEndian.Uint64(dir[12:])), sealedBytes: int64(binary.LittleEndian.Uint64(dir[20:])),
			keyCRC: binary.LittleEndian.Uint32(dir[28:]), crc: binary.LittleEndian.Uint32(dir[32:]),
		}
		if part >= Partitions || s.count > noLocal || s.offset < 0 || s.sealedBytes < 0 || s.sealedBytes > size ||
			s.offset > at || s.offset+int64(s.count)*28+s.sealedBytes > at {
			return fmt.Errorf("section out of place: %w", ErrCorrupt)
		}
		r.secs[part] = s
	}
	return nil
}

// keys reads the keys of one partition.
func (r *run) keys(n int) ([]pseudonym.Pseudonym, error) {
	s := r.secs[n]
	if s.count == 0 {
		return nil, nil
	}
	raw := make([]byte, 16*int(s.count))
	if _, err := r.file.ReadAt(raw, s.offset); err != nil {
		return nil, err
	}
	if crc32.Checksum(raw, castagnoli) != s.keyCRC {
		return nil, fmt.Errorf("partition %d: checksum does not match: %w", n, ErrCorrupt)
	}
	out := make([]pseudonym.Pseudonym, s.count)
	for i := range out {
		copy(out[i][:], raw[16*i:])
	}
	return out, nil
}

// rest reads buckets and sealed ids of one partition.
func (r *run) rest(n int) (buckets []uint64, sealed [][]byte, err error) {
	s := r.secs[n]
	if s.count == 0 {
		return nil, nil, nil
	}
	raw := make([]byte, 12*int64(s.count)+s.sealedBytes)
	if _, err := r.file.ReadAt(raw, s.offset+16*int64(s.count)); err != nil {
		return nil, nil, err
	}
	if crc32.Checksum(raw, castagnoli) != s.crc {
		return nil, nil, fmt.Errorf("partition %d: checksum does not match: %w", n, ErrCorrupt)
	}
	buckets = make([]uint64, s.count)
	for i := range buckets {
		buckets[i] = binary.LittleEndian.Uint64(raw[8*i:])
	}
	ends, body := raw[8*s.count:12*s.count], raw[12*int(s.count):]
	sealed = make([][]byte, s.count)
	last := uint32(0)
	for i := range sealed {
		end := binary.LittleEndian.Uint32(ends[4*i:])
		if end < last || int64(end) > int64(len(body)) {
			return nil, nil, fmt.Errorf("partition %d: sealed ids out of place: %w", n, ErrCorrupt)
		}
		sealed[i] = body[last:end:end]
		last = end
	}
	return buckets, sealed, nil
}

// Sealed returns the sealed real id of an entry.
func (d *Dictionary) Sealed(ref Ref) ([]byte, error) {
	if s := d.Unflushed(ref); s != nil {
		return s, nil
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	for _, r := range d.runs {
		s := &r.secs[ref.Part()]
		l := ref.Local()
		if l < s.first || l >= s.first+s.count {
			continue
		}
		i := int64(l - s.first)
		ends := s.offset + 24*int64(s.count)
		var b [8]byte
		from := uint32(0)
		if i > 0 {
			if _, err := r.file.ReadAt(b[:], ends+4*(i-1)); err != nil {
				return nil, err
			}
			from = binary.LittleEndian.Uint32(b[:])
			copy(b[:4], b[4:])
		} else if _, err := r.file.ReadAt(b[:4], ends); err != nil {
			return nil, err
		}
		to := binary.LittleEndian.Uint32(b[:])
		if to < from || int64(to) > s.sealedBytes {
			return nil, fmt.Errorf("dictionary %s: sealed id out of place: %w", r.info.Name, ErrCorrupt)
		}
		if to == from {
			return nil, ErrDropped
		}
		out := make([]byte, to-from)
		_, err := r.file.ReadAt(out, ends+4*int64(s.count)+int64(from))
		return out, err
	}
	return nil, fmt.Errorf("dictionary %s has no such entry", d.name)
}

// entries is what a run file is made of.
type entries struct {
	first   uint32
	keys    []pseudonym.Pseudonym
	buckets []uint64
	sealed  [][]byte
}

func encodeRun(parts *[Partitions]entries) ([]byte, uint64) {
	out := []byte(magic)
	var dir []byte
	n, total := uint32(0), uint64(0)
	for i := range parts {
		e := &parts[i]
		if len(e.keys) == 0 {
			continue
		}
		at := len(out)
		for k := range e.keys {
			out = append(out, e.keys[k][:]...)
		}
		keyCRC := crc32.Checksum(out[at:], castagnoli)
		rest := len(out)
		for _, b := range e.buckets {
			out = binary.LittleEndian.AppendUint64(out, b)
		}
		end := 0
		for _, s := range e.sealed {
			end += len(s)
			out = binary.LittleEndian.AppendUint32(out, uint32(end))
		}
		for _, s := range e.sealed {
			out = append(out, s...)
		}
		dir = binary.LittleEndian.AppendUint32(dir, uint32(i))
		dir = binary.LittleEndian.AppendUint32(dir, e.first)
		dir = binary.LittleEndian.AppendUint32(dir, uint32(len(e.keys)))
		dir = binary.LittleEndian.AppendUint64(dir, uint64(at))
		dir = binary.LittleEndian.AppendUint64(dir, uint64(end))
		dir = binary.LittleEndian.AppendUint32(dir, keyCRC)
		dir = binary.LittleEndian.AppendUint32(dir, crc32.Checksum(out[rest:], castagnoli))
		n++
		total += uint64(len(e.keys))
	}
	at := len(out)
	out = append(out, dir...)
	out = binary.LittleEndian.AppendUint64(out, uint64(at))
	out = binary.LittleEndian.AppendUint32(out, n)
	out = binary.LittleEndian.AppendUint32(out, crc32.Checksum(dir, castagnoli))
	return out, total
}

// put writes a run file durably and opens it.
func (d *Dictionary) put(parts *[Partitions]entries) (*run, error) {
	data, total := encodeRun(parts)
	d.mu.Lock()
	name := fmt.Sprintf("%s-%010d%s", d.name, d.next, suffix)
	d.next++
	d.mu.Unlock()
	if err := disk.WriteFile(d.fs, path.Join(d.dir, name), data); err != nil {
		return nil, fmt.Errorf("write dictionary %s: %w", name, err)
	}
	return openRun(d.fs, d.dir, FileInfo{Name: name, Size: int64(len(data)), Entries: total})
}

// Flush writes the entries given out since the last flush, durably. some is
// false when there were none. The caller names the file in its manifest before
// it names anything that uses the entries.
func (d *Dictionary) Flush() (info FileInfo, some bool, err error) {
	d.flushMu.Lock()
	defer d.flushMu.Unlock()
	parts := new([Partitions]entries)
	for n := range Partitions {
		p := &d.parts[n]
		p.mu.RLock()
		if p.count > p.flushed {
			e := &parts[n]
			e.first = p.flushed
			for l := p.flushed; l < p.count; l++ {
				e.keys = append(e.keys, *p.key(l))
			}
			e.buckets, e.sealed = slices.Clone(p.buckets), slices.Clone(p.sealed)
			some = true
		}
		p.mu.RUnlock()
	}
	if !some {
		return FileInfo{}, false, nil
	}
	r, err := d.put(parts)
	if err != nil {
		return FileInfo{}, false, err
	}
	d.mu.Lock()
	d.runs = append(d.runs, r)
	d.mu.Unlock()
	for n := range Partitions {
		k := len(parts[n].keys)
		if k == 0 {
			continue
		}
		p := &d.parts[n]
		p.mu.Lock()
		p.flushed += uint32(k)
		p.buckets, p.sealed = slices.Clone(p.buckets[k:]), slices.Clone(p.sealed[k:])
		p.mu.Unlock()
	}
	return r.info, true, nil
}

// Merge joins the run files into one. The old files stay until Clean.
func (d *Dictionary) Merge() ([]FileInfo, error) {
	infos, _, err := d.rewrite(func(Ref) bool { return true })
	return infos, err
}

// Drop destroys the flushed entries that keep refuses: neither pseudonym nor
// sealed id is in the files it returns. Ordinals keep their meaning and are
// never given out again; an id that comes back gets a new one.
func (d *Dictionary) Drop(keep func(Ref) bool) ([]FileInfo, int64, error) { return d.rewrite(keep) }

func (d *Dictionary) rewrite(keep func(Ref) bool) ([]FileInfo, int64, error) {
	d.flushMu.Lock()
	defer d.flushMu.Unlock()
	d.mu.RLock()
	runs := slices.Clone(d.runs)
	d.mu.RUnlock()
	if len(runs) == 0 {
		return nil, 0, nil
	}
	dropped := int64(0)
	var zero pseudonym.Pseudonym
	parts := new([Partitions]entries)
	for n := range Partitions {
		e := &parts[n]
		for _, r := range runs {
			ks, err := r.keys(n)
			if err != nil {
				return nil, 0, fmt.Errorf("dictionary %s: %w", r.info.Name, err)
			}
			bs, ss, err := r.rest(n)
			if err != nil {
				return nil, 0, fmt.Errorf("dictionary %s: %w", r.info.Name, err)
			}
			e.keys, e.buckets, e.sealed = append(e.keys, ks...), append(e.buckets, bs...), append(e.sealed, ss...)
		}
		for i := range e.keys {
			if e.keys[i] != zero && !keep(MakeRef(byte(n), uint32(i))) {
				e.keys[i], e.buckets[i], e.sealed[i] = zero, 0, nil
				dropped++
			}
		}
	}
	r, err := d.put(parts)
	if err != nil {
		return nil, 0, err
	}
	d.mu.Lock()
	d.runs = []*run{r}
	d.mu.Unlock()
	for _, o := range runs {
		o.file.Close()
	}
	if dropped > 0 {
		for n := range Partitions {
			p := &d.parts[n]
			p.mu.Lock()
			if p.loaded {
				for i, k := range parts[n].keys {
					*p.key(uint32(i)) = k
				}
				size := len(p.slots)
				p.slots = nil
				p.room(max(p.count+1, uint32(size*7/10)))
			}
			p.mu.Unlock()
		}
	}
	return []FileInfo{r.info}, dropped, nil
}

// Clean removes the run files of this dictionary that live does not name.
func (d *Dictionary) Clean(live []FileInfo) error {
	names, err := d.fs.List(d.dir)
	if err != nil {
		return fmt.Errorf("dictionary %s: %w", d.name, err)
	}
	for _, n := range names {
		if _, mine := d.fileNumber(n); !mine {
			continue
		}
		if slices.ContainsFunc(live, func(i FileInfo) bool { return i.Name == n }) {
			continue
		}
		if err := d.fs.Remove(path.Join(d.dir, n)); err != nil {
			return fmt.Errorf("dictionary %s: remove unnamed %s: %w", d.name, n, err)
		}
	}
	return nil
}

// Entry is one entry as Each shows it.
type Entry struct {
	Ref       Ref
	Pseudonym pseudonym.Pseudonym
	Bucket    uint64
	Sealed    []byte // valid during the call
}

// Each calls fn for every flushed entry of a partition that is not destroyed.
func (d *Dictionary) Each(n int, fn func(Entry) error) error {
	d.mu.RLock()
	runs := slices.Clone(d.runs)
	d.mu.RUnlock()
	var zero pseudonym.Pseudonym
	for _, r := range runs {
		ks, err := r.keys(n)
		if err != nil {
			return err
		}
		bs, ss, err := r.rest(n)
		if err != nil {
			return err
		}
		for i := range ks {
			if ks[i] == zero {
				continue
			}
			if err := fn(Entry{MakeRef(byte(n), r.secs[n].first+uint32(i)), ks[i], bs[i], ss[i]}); err != nil {
				return err
			}
		}
	}
	return nil
}
