package dictionary

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"path"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/internal/pseudonym"
)

// entries are consecutive entries of one partition.
type entries struct {
	first uint32
	keys  [][]pseudonym.Pseudonym // in pieces
	tail
}

func (e *entries) each(n int, fn func(Entry) error) error {
	i := uint32(0)
	for _, piece := range e.keys {
		for j := range piece {
			if piece[j] != zero {
				if err := fn(Entry{MakeRef(byte(n), e.first+i), piece[j], e.buckets[i], e.entry(i)}); err != nil {
					return err
				}
			}
			i++
		}
	}
	return nil
}

// unwritten are the entries from a place on that is not before p.kept. p.mu is
// held.
func (p *part) unwritten(from uint32) (tail, [][]pseudonym.Pseudonym) {
	if from == p.count {
		return tail{}, nil
	}
	var keys [][]pseudonym.Pseudonym
	for l := from; l < p.count; {
		piece := p.keys[l/chunk][l%chunk:]
		keys = append(keys, piece[:len(piece):len(piece)])
		l += uint32(len(piece))
	}
	return p.tail.from(from - p.kept), keys
}

// Flush writes the entries given out since the last flush, durably. some is
// false when there were none. The caller names the file in its manifest before
// it names anything that uses the entries.
func (d *Dictionary) Flush() (info FileInfo, some bool, err error) {
	d.writing.Lock()
	defer d.writing.Unlock()
	if d.halfway.Load() {
		return FileInfo{}, false, ErrHalfway
	}
	var ends [Partitions]uint32 // of what is written now
	for n := range Partitions {
		p := &d.parts[n]
		p.mu.RLock()
		ends[n] = p.count
		some = some || p.count > p.flushed
		p.mu.RUnlock()
	}
	if !some {
		return FileInfo{}, false, nil
	}
	r, err := d.put(func(n int) (*entries, error) {
		p := &d.parts[n]
		p.mu.RLock()
		defer p.mu.RUnlock()
		if ends[n] == p.flushed {
			return nil, nil
		}
		// What comes after this waits for the next flush.
		e := &entries{first: p.flushed}
		e.tail, e.keys = p.unwritten(p.flushed)
		return e.until(ends[n] - p.flushed), nil
	})
	if err != nil {
		return FileInfo{}, false, err
	}
	// First the file, then the marks: an entry is always in one of them.
	d.mu.Lock()
	d.runs = append(d.runs, r)
	d.mu.Unlock()
	for n := range Partitions {
		p := &d.parts[n]
		p.mu.Lock()
		p.flushed = ends[n]
		p.mu.Unlock()
	}
	return r.info, true, nil
}

// Committed says that a manifest which names every file Flush has returned is
// installed: what they hold of an entry is no longer needed in memory.
func (d *Dictionary) Committed() {
	d.writing.Lock()
	defer d.writing.Unlock()
	for n := range Partitions {
		p := &d.parts[n]
		p.mu.Lock()
		if p.kept < p.flushed {
			p.tail = p.tail.from(p.flushed - p.kept)
			p.kept = p.flushed
		}
		p.mu.Unlock()
	}
}

// until cuts e to its first n entries.
func (e *entries) until(n uint32) *entries {
	e.buckets, e.ends = e.buckets[:n], e.ends[:n]
	e.tail.sealed = e.tail.sealed[:e.ends[n-1]]
	for i := range e.keys {
		if int(n) < len(e.keys[i]) {
			e.keys[i] = e.keys[i][:n]
		}
		n -= uint32(len(e.keys[i]))
	}
	return e
}

// put writes a run file durably, partition by partition, and opens it. next
// gives the entries of partition n, or nil. The order is that of disk.WriteFile:
// content under another name, sync, rename, sync of the folder.
func (d *Dictionary) put(next func(n int) (*entries, error)) (_ *run, err error) {
	d.mu.Lock()
	name := d.fileName(d.next)
	d.next++
	d.mu.Unlock()
	tmp := path.Join(d.dir, name+unfinished)
	f, err := d.fs.Create(tmp)
	if err != nil {
		return nil, fmt.Errorf("write dictionary %s: %w", name, err)
	}
	info, err := writeRun(f, next)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = d.fs.Rename(tmp, path.Join(d.dir, name))
	}
	if err != nil {
		d.fs.Remove(tmp)
		return nil, fmt.Errorf("write dictionary %s: %w", name, err)
	}
	if err := d.fs.SyncDir(d.dir); err != nil {
		return nil, fmt.Errorf("write dictionary %s: %w", name, err)
	}
	info.Name = name
	r, err := openRun(d.fs, d.dir, info)
	if err != nil {
		return nil, fmt.Errorf("dictionary %s: %w", name, err)
	}
	return r, nil
}

func writeRun(f disk.File, next func(n int) (*entries, error)) (FileInfo, error) {
	w := &writer{w: bufio.NewWriterSize(f, 1<<18)}
	w.Write([]byte(magic))
	for n := range Partitions {
		e, err := next(n)
		if err != nil {
			return FileInfo{}, err
		}
		if e != nil && len(e.ends) > 0 {
			w.section(n, e)
		}
	}
	crc := sum(w.dir)
	foot := binary.LittleEndian.AppendUint64(nil, uint64(w.size))
	foot = binary.LittleEndian.AppendUint32(foot, uint32(len(w.dir)/dirEntry))
	foot = binary.LittleEndian.AppendUint32(foot, crc)
	w.Write(w.dir)
	w.Write(foot)
	if w.err == nil {
		w.err = w.w.Flush()
	}
	return FileInfo{Size: w.size, Entries: w.entries, CRC: crc}, w.err
}

// writer counts and sums what it writes. Its first error sticks.
type writer struct {
	w       *bufio.Writer
	size    int64
	crc     uint32
	entries uint64
	dir     []byte
	err     error
}

func (w *writer) Write(b []byte) {
	if w.err != nil {
		return
	}
	w.crc = crc32.Update(w.crc, castagnoli, b)
	w.size += int64(len(b))
	_, w.err = w.w.Write(b)
}

// flushed writes buf and returns it empty.
func (w *writer) flushed(buf []byte) []byte {
	w.Write(buf)
	return buf[:0]
}

func (w *writer) section(n int, e *entries) {
	if uint64(len(e.tail.sealed)) > math.MaxUint32 {
		w.err = fmt.Errorf("partition %d: %w", n, ErrFull)
		return
	}
	at := w.size
	buf := make([]byte, 0, 16*chunk)
	w.crc = 0
	for _, piece := range e.keys {
		for i := range piece {
			if len(buf)+16 > cap(buf) {
				buf = w.flushed(buf)
			}
			buf = append(buf, piece[i][:]...)
		}
	}
	buf = w.flushed(buf)
	keyCRC := w.crc
	w.crc = 0
	for _, v := range e.buckets {
		if len(buf)+8 > cap(buf) {
			buf = w.flushed(buf)
		}
		buf = binary.LittleEndian.AppendUint64(buf, v)
	}
	for _, v := range e.ends {
		if len(buf)+4 > cap(buf) {
			buf = w.flushed(buf)
		}
		buf = binary.LittleEndian.AppendUint32(buf, v)
	}
	w.flushed(buf)
	w.Write(e.tail.sealed)
	w.dir = binary.LittleEndian.AppendUint32(w.dir, uint32(n))
	w.dir = binary.LittleEndian.AppendUint32(w.dir, e.first)
	w.dir = binary.LittleEndian.AppendUint32(w.dir, uint32(len(e.ends)))
	w.dir = binary.LittleEndian.AppendUint64(w.dir, uint64(at))
	w.dir = binary.LittleEndian.AppendUint64(w.dir, uint64(len(e.tail.sealed)))
	w.dir = binary.LittleEndian.AppendUint32(w.dir, keyCRC)
	w.dir = binary.LittleEndian.AppendUint32(w.dir, w.crc)
	w.entries += uint64(len(e.ends))
}
