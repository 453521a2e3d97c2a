package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"maps"
	"math/bits"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
)

// Once and only once. A record with an id is remembered by a 64-bit fingerprint
// inside its event hour: two different records share one with a probability of
// n/2^64 for n records in that hour, one in ten million million for an hour of
// a million records. Fingerprints are kept for seenHorizon after they were
// sealed; whatever comes again later is recognised by the content of its file.

// seenHorizon is how long a source may deliver a record again: log shippers
// retry for hours, a person re-imports last week's file.
const seenHorizon = 7 * 24 * time.Hour

// seenCacheMax bounds the fingerprints of sealed hours held in memory (8 bytes
// each at a load of at most 0.7, so about 400 MB); unsealed ones always stay.
const seenCacheMax = 32 << 20

const hourMillis = int64(time.Hour / time.Millisecond)

type seenRef struct {
	Name   string    `json:"name"`
	Sealed time.Time `json:"sealed"`
	First  int64     `json:"first"` // event hours covered
	Last   int64     `json:"last"`
	Count  int64     `json:"count"`
	Import uint64    `json:"import,omitempty"` // whose records they are of; 0 live ones
}

type mark struct {
	hour int64
	id   uint64
}

type seenSet struct {
	fs  disk.FS
	dir string

	mu    sync.Mutex
	files []seenRef                 // named by the manifest
	dirs  map[string]*seenDirectory // their directories, read on first use
	hours map[int64]*hourSet
	// The hour last asked for, since a log's lines are neighbours in time; nil when
	// it may be none of hours any more.
	last   *hourSet
	lastAt int64
	cached int // entries in clean hours and dirty ones together
	clock  int64
	// While an import runs: its own marks, which are private until its commit,
	// and how many records came both ways. Locked after mu.
	rival *seenSet
	both  int
	// sketches are marks that are none of both: an equal line is no proof.
	sketches map[mark]bool
}

type hourSet struct {
	slots []uint64
	n     int
	dirty int // not yet in a file
	used  int64
}

func newSeenSet(fsys disk.FS, dir string, files []seenRef) *seenSet {
	return &seenSet{fs: fsys, dir: dir, files: files, dirs: map[string]*seenDirectory{}, hours: map[int64]*hourSet{}}
}

func hourOf(t event.Millis) int64 {
	h := int64(t) / hourMillis
	if int64(t) < 0 && int64(t)%hourMillis != 0 {
		h--
	}
	return h
}

// claim marks an id as seen and reports whether it was new.
func (s *seenSet) claim(hour int64, id uint64) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, err := s.hour(hour)
	if err != nil {
		return false, err
	}
	if !h.insert(id) {
		return false, nil
	}
	h.dirty++
	s.cached++
	if s.rival != nil {
		both, err := s.rival.has(mark{hour, id})
		if err != nil {
			h.remove(id)
			h.dirty--
			s.cached--
			return false, err
		}
		if both {
			s.both++
		}
	}
	return true, nil
}

// claimSketch marks the sketch of a live record without an id.
func (s *seenSet) claimSketch(m mark) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, err := s.hour(m.hour)
	if err != nil || !h.insert(m.id) {
		return false, err
	}
	h.dirty++
	s.cached++
	if s.rival != nil {
		s.sketches[m] = true
	}
	return true, nil
}

// claimFor marks an id in an import's own set, unless it is marked in s; had
// tells that, fresh that it was new to both. It is one step for whoever claims
// in s meanwhile, so that one of the two sees the other.
func (s *seenSet) claimFor(own *seenSet, m mark) (had, fresh bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, err := s.hour(m.hour)
	if err != nil || h.contains(m.id) {
		return err == nil, false, err
	}
	fresh, err = own.claim(m.hour, m.id)
	return false, fresh, err
}

// has reports whether an id is marked.
func (s *seenSet) has(m mark) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, err := s.hour(m.hour)
	if err != nil {
		return false, err
	}
	return h.contains(m.id), nil
}

// watch begins to compare what is claimed with an import's own marks; nil ends
// it.
func (s *seenSet) watch(rival *seenSet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rival, s.both, s.sketches = rival, 0, map[mark]bool{}
}

// clashed reports whether a record came both ways since watch.
func (s *seenSet) clashed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.both > 0
}

// adopt takes over the files of an import that has become visible.
func (s *seenSet) adopt(files []seenRef) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files = append(slices.Clone(s.files), files...)
	for hour, h := range s.hours {
		if h.dirty == 0 {
			s.cached -= h.n
			s.drop(hour)
			continue
		}
		for _, f := range files {
			if hour < f.First || hour > f.Last {
				continue
			}
			ids, err := s.load(f, hour)
			if err != nil {
				return fmt.Errorf("seen/%s: %w", f.Name, err)
			}
			for _, id := range ids {
				if h.insert(id) {
					s.cached++
				}
			}
		}
	}
	return nil
}

// forget drops files that are past the horizon.
func (s *seenSet) forget(names map[string]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files = slices.DeleteFunc(slices.Clone(s.files), func(r seenRef) bool { return names[r.Name] })
	for name := range names {
		delete(s.dirs, name)
	}
	for hour, h := range s.hours {
		if h.dirty == 0 { // may hold forgotten ids; it is read again when needed
			s.cached -= h.n
			s.drop(hour)
		}
	}
}

// each calls fn for every mark in a file.
func (s *seenSet) each(ref seenRef, fn func(mark) error) error {
	s.mu.Lock()
	_, err := s.load(ref, ref.First)
	d := s.dirs[ref.Name]
	s.mu.Unlock()
	if err != nil {
		return fmt.Errorf("seen/%s: %w", ref.Name, err)
	}
	for _, e := range d.entries {
		s.mu.Lock()
		ids, err := s.load(ref, e.hour)
		s.mu.Unlock()
		if err != nil {
			return fmt.Errorf("seen/%s: %w", ref.Name, err)
		}
		for _, id := range ids {
			if err := fn(mark{e.hour, id}); err != nil {
				return err
			}
		}
	}
	return nil
}

// release forgets marks whose records did not become durable.
func (s *seenSet) release(marks []mark) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range marks {
		if h := s.hours[m.hour]; h != nil && h.remove(m.id) {
			h.dirty--
			s.cached--
			if s.both > 0 && !s.sketches[m] {
				if both, err := s.rival.has(m); err == nil && both {
					s.both--
				}
			}
		}
	}
}

// sealed says that marks are now in the file ref, named by the manifest.
func (s *seenSet) sealed(ref seenRef, marks []mark) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range marks {
		if h := s.hours[m.hour]; h != nil {
			h.dirty--
		}
	}
	s.files = append(slices.Clone(s.files), ref)
	s.evict()
}

func (s *seenSet) hour(hour int64) (*hourSet, error) {
	s.clock++
	if s.last != nil && s.lastAt == hour {
		s.last.used = s.clock
		return s.last, nil
	}
	if h := s.hours[hour]; h != nil {
		h.used = s.clock
		s.last, s.lastAt = h, hour
		return h, nil
	}
	h := &hourSet{used: s.clock}
	for _, f := range s.files {
		if hour < f.First || hour > f.Last {
			continue
		}
		ids, err := s.load(f, hour)
		if err != nil {
			return nil, fmt.Errorf("seen/%s: %w", f.Name, err)
		}
		for _, id := range ids {
			h.insert(id)
		}
	}
	s.hours[hour] = h
	s.cached += h.n
	s.evict()
	return h, nil
}

// evict drops the longest unused clean hours; they can be read again.
func (s *seenSet) evict() {
	for s.cached > seenCacheMax {
		var oldest int64
		var found *hourSet
		for hour, h := range s.hours {
			if h.dirty == 0 && h.n > 0 && h.used < s.clock && (found == nil || h.used < found.used) {
				oldest, found = hour, h
			}
		}
		if found == nil {
			return
		}
		s.cached -= found.n
		s.drop(oldest)
	}
}

// drop forgets an hour; it is read again when it is needed.
func (s *seenSet) drop(hour int64) {
	delete(s.hours, hour)
	s.last = nil
}

func (h *hourSet) contains(id uint64) bool {
	if len(h.slots) == 0 {
		return false
	}
	mask := uint64(len(h.slots) - 1)
	for i := id & mask; h.slots[i] != 0; i = (i + 1) & mask {
		if h.slots[i] == id {
			return true
		}
	}
	return false
}

func (h *hourSet) insert(id uint64) bool {
	if 10*(h.n+1) > 7*len(h.slots) {
		h.grow()
	}
	mask := uint64(len(h.slots) - 1)
	for i := id & mask; ; i = (i + 1) & mask {
		switch h.slots[i] {
		case id:
			return false
		case 0:
			h.slots[i] = id
			h.n++
			return true
		}
	}
}

func (h *hourSet) grow() {
	old := h.slots
	h.slots = make([]uint64, max(64, 2*len(old)))
	mask := uint64(len(h.slots) - 1)
	for _, id := range old {
		if id == 0 {
			continue
		}
		i := id & mask
		for h.slots[i] != 0 {
			i = (i + 1) & mask
		}
		h.slots[i] = id
	}
}

// remove takes id out and closes the gap, so that probing stays correct.
func (h *hourSet) remove(id uint64) bool {
	if len(h.slots) == 0 {
		return false
	}
	mask := uint64(len(h.slots) - 1)
	i := id & mask
	for h.slots[i] != id {
		if h.slots[i] == 0 {
			return false
		}
		i = (i + 1) & mask
	}
	for j := i; ; {
		j = (j + 1) & mask
		if h.slots[j] == 0 {
			break
		}
		home := h.slots[j] & mask
		if (j-home)&mask >= (j-i)&mask {
			h.slots[i] = h.slots[j]
			i = j
		}
	}
	h.slots[i] = 0
	h.n--
	return true
}

// The file: magic, then one section of little-endian fingerprints per hour,
// then the directory (hour, offset, count, crc32c of the section) and a footer
// with the directory's place and crc32c.

type seenEntry struct {
	hour   int64
	offset int64
	count  int64
	crc    uint32
}

type seenDirectory struct{ entries []seenEntry }

const (
	seenEntrySize  = 8 + 8 + 8 + 4
	seenFooterSize = 8 + 8 + 4
)

// writeSeen stores marks under name, durably.
func writeSeen(fsys disk.FS, dir, name string, marks []mark) (first, last int64, err error) {
	// Numbers alone sort in half the time of pairs, and a log's marks fall into
	// few hours.
	count := map[int64]int{}
	for i := 0; i < len(marks); {
		from, hour := i, marks[i].hour
		for ; i < len(marks) && marks[i].hour == hour; i++ {
		}
		count[hour] += i - from
	}
	byHour := map[int64][]uint64{}
	for i := 0; i < len(marks); {
		hour := marks[i].hour
		ids := byHour[hour]
		if ids == nil {
			ids = make([]uint64, 0, count[hour])
		}
		for ; i < len(marks) && marks[i].hour == hour; i++ {
			ids = append(ids, marks[i].id)
		}
		byHour[hour] = ids
	}
	hours := slices.Sorted(maps.Keys(byHour))
	out := make([]byte, 0, len(seenMagic)+8*len(marks)+4096)
	out = append(out, seenMagic...)
	var entries []seenEntry
	var spare []uint64
	for _, hour := range hours {
		ids, start := byHour[hour], len(out)
		spare = sortHashes(ids, spare)
		for _, id := range ids {
			out = binary.LittleEndian.AppendUint64(out, id)
		}
		entries = append(entries, seenEntry{hour, int64(start), int64(len(ids)), crc32.Checksum(out[start:], castagnoli)})
	}
	at := len(out)
	for _, e := range entries {
		out = binary.LittleEndian.AppendUint64(out, uint64(e.hour))
		out = binary.LittleEndian.AppendUint64(out, uint64(e.offset))
		out = binary.LittleEndian.AppendUint64(out, uint64(e.count))
		out = binary.LittleEndian.AppendUint32(out, e.crc)
	}
	crc := crc32.Checksum(out[at:], castagnoli)
	out = binary.LittleEndian.AppendUint64(out, uint64(at))
	out = binary.LittleEndian.AppendUint64(out, uint64(len(entries)))
	out = binary.LittleEndian.AppendUint32(out, crc)
	if err := disk.WriteFile(fsys, path.Join(dir, name), out); err != nil {
		return 0, 0, fmt.Errorf("write fingerprints: %w", err)
	}
	if len(hours) == 0 {
		return 0, -1, nil
	}
	return hours[0], hours[len(hours)-1], nil
}

// sortHashes sorts ids, which are spread evenly: once they lie in as many drawers
// by their first bits, almost none has to move far. spare is memory, and handed back.
func sortHashes(ids, spare []uint64) []uint64 {
	const few = 64
	if len(ids) < few {
		slices.Sort(ids)
		return spare
	}
	width := min(bits.Len(uint(len(ids)))-2, 16)
	shift := 64 - width
	ends := make([]int, 1<<width+1)
	for _, id := range ids {
		ends[id>>shift+1]++
	}
	for i := range 1 << width {
		ends[i+1] += ends[i]
	}
	spare = append(spare[:0], ids...)
	next := slices.Clone(ends)
	for _, id := range spare {
		ids[next[id>>shift]] = id
		next[id>>shift]++
	}
	for i := range 1 << width {
		slices.Sort(ids[ends[i]:ends[i+1]])
	}
	return spare
}

func (s *seenSet) load(ref seenRef, hour int64) ([]uint64, error) {
	f, err := s.fs.Open(path.Join(s.dir, ref.Name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &MissingError{Err: err}
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d := s.dirs[ref.Name]
	if d == nil {
		size, err := f.Size()
		if err != nil {
			return nil, err
		}
		if d, err = readSeenDirectory(f, size); err != nil {
			return nil, err
		}
		s.dirs[ref.Name] = d
	}
	i, ok := slices.BinarySearchFunc(d.entries, hour, func(e seenEntry, h int64) int {
		switch {
		case e.hour < h:
			return -1
		case e.hour > h:
			return 1
		}
		return 0
	})
	if !ok {
		return nil, nil
	}
	return readSeenHour(f, d.entries[i])
}

func readSeenDirectory(r io.ReaderAt, size int64) (*seenDirectory, error) {
	if size < int64(len(seenMagic)+seenFooterSize) {
		return nil, fmt.Errorf("too short: %w", ErrCorrupt)
	}
	head := make([]byte, len(seenMagic))
	if _, err := r.ReadAt(head, 0); err != nil {
		return nil, err
	}
	if string(head) != seenMagic {
		return nil, fmt.Errorf("not a fingerprint file: %w", ErrCorrupt)
	}
	foot := make([]byte, seenFooterSize)
	if _, err := r.ReadAt(foot, size-seenFooterSize); err != nil {
		return nil, err
	}
	at := int64(binary.LittleEndian.Uint64(foot))
	n := int64(binary.LittleEndian.Uint64(foot[8:]))
	if at < int64(len(seenMagic)) || n < 0 || n > size/seenEntrySize || at+n*seenEntrySize != size-seenFooterSize {
		return nil, fmt.Errorf("directory out of place: %w", ErrCorrupt)
	}
	raw := make([]byte, n*seenEntrySize)
	if _, err := r.ReadAt(raw, at); err != nil {
		return nil, err
	}
	if crc32.Checksum(raw, castagnoli) != binary.LittleEndian.Uint32(foot[16:]) {
		return nil, fmt.Errorf("directory's checksum does not match: %w", ErrCorrupt)
	}
	d := &seenDirectory{entries: make([]seenEntry, n)}
	for i := range d.entries {
		b := raw[i*seenEntrySize:]
		e := seenEntry{
			hour:   int64(binary.LittleEndian.Uint64(b)),
			offset: int64(binary.LittleEndian.Uint64(b[8:])),
			count:  int64(binary.LittleEndian.Uint64(b[16:])),
			crc:    binary.LittleEndian.Uint32(b[24:]),
		}
		if e.offset < 0 || e.count < 0 || e.count > size/8 || e.offset+8*e.count > at {
			return nil, fmt.Errorf("section out of place: %w", ErrCorrupt)
		}
		d.entries[i] = e
	}
	return d, nil
}

func readSeenHour(r io.ReaderAt, e seenEntry) ([]uint64, error) {
	raw := make([]byte, 8*e.count)
	if _, err := r.ReadAt(raw, e.offset); err != nil {
		return nil, err
	}
	if crc32.Checksum(raw, castagnoli) != e.crc {
		return nil, fmt.Errorf("hour's checksum does not match: %w", ErrCorrupt)
	}
	ids := make([]uint64, e.count)
	for i := range ids {
		ids[i] = binary.LittleEndian.Uint64(raw[8*i:])
	}
	return ids, nil
}
