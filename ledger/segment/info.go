package segment

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/haetae/haetae/event"
)

// tally collects a segment's information. Each worker has its own; adding them
// up gives the same result in any order.
type tally struct {
	info    Info
	sources []sourceTally
}

type sourceTally struct {
	SourceInfo
	any     bool
	minutes []uint64 // from the tally's first minute on
	other   *roaring.Bitmap
}

// minuteSpan is the part of time whose minutes are counted in plain bits: eight
// years from the segment's first row, half a megabyte a source.
type minuteSpan struct {
	first int64
	words int
}

func spanOf(lo, hi event.Millis) minuteSpan {
	if hi < 0 {
		return minuteSpan{}
	}
	first := int64(max(lo, 0)) / 60000 &^ 63
	return minuteSpan{first, int(min((int64(hi)/60000-first)/64+1, 1<<16))}
}

func newTally(sources int) *tally { return &tally{sources: make([]sourceTally, sources)} }

// add counts the rows of one group.
func (t *tally) add(source int, flags Flags, times []event.Millis, span minuteSpan) (lo, hi event.Millis) {
	lo, hi = times[0], times[0]
	for _, at := range times {
		lo, hi = min(lo, at), max(hi, at)
	}
	n := int64(len(times))
	if t.info.Rows == 0 {
		t.info.MinTime, t.info.MaxTime = lo, hi
	}
	t.info.MinTime, t.info.MaxTime = min(t.info.MinTime, lo), max(t.info.MaxTime, hi)
	t.info.Rows += n
	s := &t.sources[source]
	if !s.any {
		s.any, s.MinTime, s.MaxTime = true, lo, hi
	}
	s.MinTime, s.MaxTime = min(s.MinTime, lo), max(s.MaxTime, hi)
	if flags&Primary == 0 {
		return lo, hi
	}
	t.info.Primaries += n
	s.Records += n
	if flags&Malformed != 0 {
		t.info.Malformed += n
	}
	if s.minutes == nil {
		s.minutes = make([]uint64, span.words)
	}
	for _, at := range times {
		if at < 0 {
			continue
		}
		m := uint64(at) / 60000
		if k := m - uint64(span.first); k>>6 < uint64(len(s.minutes)) {
			s.minutes[k>>6] |= 1 << (k & 63)
		} else if m < 1<<32 {
			if s.other == nil {
				s.other = roaring.New()
			}
			s.other.Add(uint32(m))
		}
	}
	return lo, hi
}

// total adds tallies up.
func total(ts []*tally, names []string, span minuteSpan) Info {
	info := Info{Sources: map[string]*SourceInfo{}}
	for i, name := range names {
		var minutes []uint64
		sum := &SourceInfo{Minutes: roaring.New()}
		any := false
		for _, t := range ts {
			s := &t.sources[i]
			if !s.any {
				continue
			}
			if !any {
				any, sum.MinTime, sum.MaxTime = true, s.MinTime, s.MaxTime
			}
			sum.Records += s.Records
			sum.MinTime, sum.MaxTime = min(sum.MinTime, s.MinTime), max(sum.MaxTime, s.MaxTime)
			if s.other != nil {
				sum.Minutes.Or(s.other)
			}
			if minutes == nil {
				minutes = slices.Clone(s.minutes)
				continue
			}
			for k, w := range s.minutes {
				minutes[k] |= w
			}
		}
		var list []uint32
		for k, w := range minutes {
			for ; w != 0; w &= w - 1 {
				list = append(list, uint32(span.first+int64(k)*64+int64(bits.TrailingZeros64(w))))
			}
		}
		sum.Minutes.AddMany(list)
		if any {
			info.Sources[name] = sum
		}
	}
	for _, t := range ts {
		if t.info.Rows == 0 {
			continue
		}
		if info.Rows == 0 {
			info.MinTime, info.MaxTime = t.info.MinTime, t.info.MaxTime
		}
		info.Rows += t.info.Rows
		info.Primaries += t.info.Primaries
		info.Malformed += t.info.Malformed
		info.MinTime, info.MaxTime = min(info.MinTime, t.info.MinTime), max(info.MaxTime, t.info.MaxTime)
	}
	return info
}

func (i *Info) encode() ([]byte, error) {
	var b []byte
	for _, v := range []uint64{uint64(i.Rows), uint64(i.Primaries), zigzag(int64(i.MinTime)), zigzag(int64(i.MaxTime)), uint64(i.Malformed), uint64(len(i.Sources))} {
		b = binary.AppendUvarint(b, v)
	}
	names := make([]string, 0, len(i.Sources))
	for n := range i.Sources {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		s := i.Sources[n]
		b = appendString(b, "", n)
		b = binary.AppendUvarint(b, uint64(s.Records))
		b = binary.AppendUvarint(b, zigzag(int64(s.MinTime)))
		b = binary.AppendUvarint(b, zigzag(int64(s.MaxTime)))
		s.Minutes.RunOptimize()
		m, err := s.Minutes.ToBytes()
		if err != nil {
			return nil, fmt.Errorf("minutes of a source: %w", err)
		}
		b = append(binary.AppendUvarint(b, uint64(len(m))), m...)
	}
	return b, nil
}

func decodeInfo(raw []byte) (Info, error) {
	v := &varints{b: raw}
	i := Info{Sources: map[string]*SourceInfo{}}
	i.Rows, i.Primaries = int64(v.int(MaxRows)), int64(v.int(MaxRows))
	i.MinTime, i.MaxTime = event.Millis(unzigzag(v.uint())), event.Millis(unzigzag(v.uint()))
	i.Malformed = int64(v.int(MaxRows))
	// What is made of these later, lengths among them, needs no check of its own.
	if i.MinTime > i.MaxTime || i.Primaries > i.Rows || i.Malformed > i.Primaries {
		v.bad = true
		return i, v.err()
	}
	for range v.int(int64(len(raw))) {
		name := v.str("")
		s := &SourceInfo{Records: int64(v.int(MaxRows)), MinTime: event.Millis(unzigzag(v.uint())), MaxTime: event.Millis(unzigzag(v.uint()))}
		m := v.take(v.int(int64(len(v.b))))
		if s.MinTime > s.MaxTime || s.Records > i.Primaries {
			v.bad = true
		}
		if v.bad {
			break
		}
		s.Minutes = roaring.New()
		if err := readBitmap(s.Minutes, m); err != nil {
			return i, err
		}
		i.Sources[name] = s
	}
	return i, v.err()
}

// readBitmap also refuses what the library would read without complaint.
func readBitmap(b *roaring.Bitmap, raw []byte) error {
	n, err := b.FromBuffer(slices.Clone(raw))
	if err == nil && n != int64(len(raw)) {
		err = fmt.Errorf("%d bytes too many", int64(len(raw))-n)
	}
	if err == nil && !b.IsEmpty() {
		err = b.Validate()
	}
	if err != nil {
		return fmt.Errorf("minutes: %w: %w", ErrCorrupt, err)
	}
	return nil
}
