package ledger

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"time"

	"github.com/haetae/haetae/internal/pseudonym"
)

type asideSummary struct {
	At     time.Time    `json:"at"`
	Import uint64       `json:"import,omitempty"`
	Counts []AsideCount `json:"counts"`
}

// asideFrame makes a frame of the first n lines.
func (l *Ledger) asideFrame(sum *asideSummary, lines []AsideLine) (frame []byte, n int, err error) {
	sealed := bytes.NewBuffer(make([]byte, 0, 4<<10))
	w, err := pseudonym.SealTo(l.keys.Recipient, sealed)
	if err != nil {
		return nil, 0, err
	}
	enc := json.NewEncoder(w)
	counts := map[AsideCount]*AsideCount{}
	var order []*AsideCount
	kinds := len(sum.Counts)
	for n < len(lines) && sealed.Len() < asideFill && kinds < asideMaxKinds {
		ln := lines[n]
		ln.Text = ln.Text[:min(len(ln.Text), asideMaxText)]
		for _, s := range []*string{&ln.Source, &ln.File, &ln.Field, &ln.Cause} {
			*s = (*s)[:min(len(*s), asideMaxName)]
		}
		here := AsideCount{Source: ln.Source, Field: ln.Field, Cause: ln.Cause, Count: 1, File: ln.File, Line: ln.Line, Offset: ln.Offset}
		if c := counts[here.kind()]; c != nil {
			c.Count++
			c.first(here)
		} else {
			counts[here.kind()] = &here
			order = append(order, &here)
			kinds++
		}
		if err := enc.Encode(ln); err != nil {
			return nil, 0, err
		}
		n++
	}
	if err := w.Close(); err != nil {
		return nil, 0, err
	}
	all := slices.Clone(sum.Counts)
	for _, c := range order {
		all = append(all, *c)
	}
	sum.Counts = addCounts(nil, all)
	head, err := json.Marshal(sum)
	if err != nil {
		return nil, 0, err
	}
	if len(head) > asideMaxPart || sealed.Len() > asideMaxPart {
		return nil, 0, fmt.Errorf("a frame of %d and %d bytes: at most %d", len(head), sealed.Len(), asideMaxPart)
	}
	frame = binary.LittleEndian.AppendUint32(frame, uint32(len(head)))
	frame = binary.LittleEndian.AppendUint32(frame, uint32(sealed.Len()))
	frame = binary.LittleEndian.AppendUint32(frame, crc32.Update(crc32.Checksum(head, castagnoli), castagnoli, sealed.Bytes()))
	frame = binary.LittleEndian.AppendUint32(frame, crc32.Checksum(frame, castagnoli))
	return append(append(frame, head...), sealed.Bytes()...), n, nil
}

// walkAside reads frames from a place on, one at a time; fn gets the summary, the
// frame's size and, unless only summaries are wanted, the sealed part. Without
// it the checksum of a frame that is whole in length is taken on trust, except
// for the last.
//
// A frame that is not whole is corruption if it lies before acked, which the
// manifest knows, or if a whole one comes behind it: frames are synced one by
// one. Otherwise it is one whose SetAside never returned, and the file ends
// there.
func walkAside(r io.ReaderAt, size, from, acked int64, summaries bool, fn func(*asideSummary, int64, []byte) error) error {
	if size < acked {
		return fmt.Errorf("%d bytes are missing: %w", acked-size, ErrCorrupt)
	}
	for at := from; at < size; {
		s, sealed, next, err := asideAt(r, at, size, summaries)
		if err != nil && !errors.Is(err, ErrCorrupt) {
			return err
		}
		if err != nil {
			if at < acked {
				return fmt.Errorf("frame at byte %d: %w", at, err)
			}
			more, err2 := asideBehind(r, at+1, size)
			if err2 != nil {
				return err2
			}
			if more {
				return fmt.Errorf("frame at byte %d, with whole ones behind it: %w", at, err)
			}
			return nil
		}
		if err := fn(s, next-at, sealed); err != nil {
			return err
		}
		at = next
	}
	return nil
}

// asideAt reads the frame at a place. An error that is not ErrCorrupt is one of
// reading.
func asideAt(r io.ReaderAt, at, size int64, summary bool) (s *asideSummary, sealed []byte, next int64, err error) {
	var h [asideFrameSize]byte
	if size-at < asideFrameSize {
		return nil, nil, 0, fmt.Errorf("ends early: %w", ErrCorrupt)
	}
	if err := readAt(r, h[:], at); err != nil {
		return nil, nil, 0, err
	}
	head, rest, ok := asideLengths(h[:])
	next = at + asideFrameSize + head + rest
	if !ok || next > size {
		return nil, nil, 0, fmt.Errorf("impossible length: %w", ErrCorrupt)
	}
	want := head + rest
	if summary && next < size {
		want = head
	}
	body := make([]byte, want)
	if err := readAt(r, body, at+asideFrameSize); err != nil {
		return nil, nil, 0, err
	}
	if want == head+rest && crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(h[8:]) {
		return nil, nil, 0, fmt.Errorf("checksum does not match: %w", ErrCorrupt)
	}
	s = &asideSummary{}
	if err := json.Unmarshal(body[:head], s); err != nil {
		return nil, nil, 0, fmt.Errorf("damaged summary: %w", ErrCorrupt)
	}
	return s, body[head:], next, nil
}

func readAt(r io.ReaderAt, b []byte, at int64) error {
	n, err := r.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	return err
}

// asideLengths reads a frame's head; ok is false if none was written like it.
func asideLengths(h []byte) (head, sealed int64, ok bool) {
	head, sealed = int64(binary.LittleEndian.Uint32(h)), int64(binary.LittleEndian.Uint32(h[4:]))
	ok = crc32.Checksum(h[:12], castagnoli) == binary.LittleEndian.Uint32(h[12:]) && head <= asideMaxPart && sealed <= asideMaxPart
	return head, sealed, ok
}

// asideBehind reports whether a whole frame begins anywhere from a place on.
func asideBehind(r io.ReaderAt, from, size int64) (bool, error) {
	const step = 1 << 20
	buf := make([]byte, step+asideFrameSize)
	for ; size-from >= asideFrameSize; from += step {
		b := buf[:min(int64(len(buf)), size-from)]
		if err := readAt(r, b, from); err != nil {
			return false, err
		}
		for i := 0; i < step && len(b)-i >= asideFrameSize; i++ {
			if _, _, ok := asideLengths(b[i : i+asideFrameSize]); !ok {
				continue
			}
			_, _, _, err := asideAt(r, from+int64(i), size, false)
			if err == nil {
				return true, nil
			}
			if !errors.Is(err, ErrCorrupt) {
				return false, err
			}
		}
	}
	return false, nil
}
