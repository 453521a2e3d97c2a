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
	"strings"
	"sync"
	"time"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/internal/pseudonym"
)

// Lines that could not become records are set aside: counted in the open by
// source, field and cause, and kept for inspection sealed to the folder's
// opening key, since a broken line is as full of personal data as a whole one.
//
// A file of them is a sequence of frames:
//
//	length of summary (4), length of sealed part (4), crc32c of both (4),
//	summary (JSON asideSummary), sealed part (age, JSON lines of AsideLine)
const (
	asideSuffix    = ".aside"
	asideFrameSize = 12
	// asideMax bounds a frame when it is read back.
	asideMax = 64 << 20
)

// AsideLine is one line set aside.
type AsideLine struct {
	Source string `json:"source"`
	File   string `json:"file"`
	Line   int64  `json:"line,omitempty"`
	Offset int64  `json:"offset"`
	Field  string `json:"field,omitempty"`
	Cause  string `json:"cause"`
	Text   []byte `json:"text"` // at most its first 4 KiB
}

// AsideCount is how many lines were set aside for one reason.
type AsideCount struct {
	Source string `json:"source"`
	Field  string `json:"field,omitempty"`
	Cause  string `json:"cause"`
	Count  int64  `json:"count"`
}

type asideSummary struct {
	At     time.Time    `json:"at"`
	Import uint64       `json:"import,omitempty"`
	Counts []AsideCount `json:"counts"`
}

type asideWriter struct {
	mu   sync.Mutex
	file disk.File
}

// SetAside keeps lines for inspection, durably. imp is the import they came
// from, or 0.
func (l *Ledger) SetAside(imp uint64, lines []AsideLine) error {
	if len(lines) == 0 {
		return nil
	}
	if err := l.writable(); err != nil {
		return fmt.Errorf("set aside: %w", err)
	}
	sum := asideSummary{At: l.opts.Now().UTC(), Import: imp}
	index := map[AsideCount]int{}
	var sealed bytes.Buffer
	w, err := pseudonym.SealTo(l.keys.Recipient, &sealed)
	if err != nil {
		return fmt.Errorf("set aside: %w", err)
	}
	enc := json.NewEncoder(w)
	for _, ln := range lines {
		k := AsideCount{Source: ln.Source, Field: ln.Field, Cause: ln.Cause}
		i, ok := index[k]
		if !ok {
			i = len(sum.Counts)
			index[k] = i
			sum.Counts = append(sum.Counts, k)
		}
		sum.Counts[i].Count++
		if err := enc.Encode(ln); err != nil {
			return fmt.Errorf("set aside: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("set aside: %w", err)
	}
	head, err := json.Marshal(sum)
	if err != nil {
		return fmt.Errorf("set aside: %w", err)
	}
	frame := binary.LittleEndian.AppendUint32(nil, uint32(len(head)))
	frame = binary.LittleEndian.AppendUint32(frame, uint32(sealed.Len()))
	crc := crc32.Update(crc32.Checksum(head, castagnoli), castagnoli, sealed.Bytes())
	frame = binary.LittleEndian.AppendUint32(frame, crc)
	frame = append(append(frame, head...), sealed.Bytes()...)

	l.aside.mu.Lock()
	defer l.aside.mu.Unlock()
	if l.aside.file == nil {
		l.mu.RLock()
		epoch := l.m.Epoch
		l.mu.RUnlock()
		// A file for each opening, so that a torn end is never appended to.
		name := l.path(asideDir, fmt.Sprintf("%010d%s", epoch, asideSuffix))
		f, err := l.fs.OpenAppend(name)
		if err != nil {
			return fmt.Errorf("set aside: %w", err)
		}
		if err := l.fs.SyncDir(l.path(asideDir)); err != nil {
			f.Close()
			return fmt.Errorf("set aside: %w", err)
		}
		l.aside.file = f
	}
	size, err := l.aside.file.Size()
	if err != nil {
		return fmt.Errorf("set aside: %w", err)
	}
	if _, err := l.aside.file.Write(frame); err != nil {
		return fmt.Errorf("set aside: %w", errors.Join(err, l.aside.file.Truncate(size)))
	}
	if err := l.aside.file.Sync(); err != nil {
		return fmt.Errorf("set aside: %w", err)
	}
	return nil
}

// Aside counts what was set aside, by source, field and cause.
func (l *Ledger) Aside() ([]AsideCount, error) {
	var out []AsideCount
	err := l.eachAside(func(s asideSummary, _ []byte) error {
		for _, c := range s.Counts {
			i := slices.IndexFunc(out, func(o AsideCount) bool {
				return o.Source == c.Source && o.Field == c.Field && o.Cause == c.Cause
			})
			if i < 0 {
				out = append(out, c)
				continue
			}
			out[i].Count += c.Count
		}
		return nil
	})
	slices.SortFunc(out, func(a, b AsideCount) int {
		if c := strings.Compare(a.Source, b.Source); c != 0 {
			return c
		}
		if a.Count != b.Count {
			return int(b.Count - a.Count)
		}
		return strings.Compare(a.Field+a.Cause, b.Field+b.Cause)
	})
	return out, err
}

// OpenAside reads the lines themselves, with the opening key.
func (l *Ledger) OpenAside(opener *pseudonym.Opener, fn func(AsideLine) error) error {
	return l.eachAside(func(_ asideSummary, sealed []byte) error {
		r, err := opener.OpenStream(bytes.NewReader(sealed))
		if err != nil {
			return err
		}
		dec := json.NewDecoder(r)
		for {
			var ln AsideLine
			if err := dec.Decode(&ln); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return fmt.Errorf("lines set aside: %w", ErrCorrupt)
			}
			if err := fn(ln); err != nil {
				return err
			}
		}
	})
}

func (l *Ledger) eachAside(fn func(asideSummary, []byte) error) error {
	names, err := l.fs.List(l.path(asideDir))
	if err != nil {
		return fmt.Errorf("list aside: %w", err)
	}
	for _, n := range names {
		data, err := disk.ReadFile(l.fs, l.path(asideDir, n))
		if err != nil {
			return fmt.Errorf("read aside/%s: %w", n, err)
		}
		if err := readAside(data, fn); err != nil {
			return fmt.Errorf("read aside/%s: %w", n, err)
		}
	}
	return nil
}

// readAside walks the frames. An unfinished last frame is one whose SetAside
// never returned.
func readAside(data []byte, fn func(asideSummary, []byte) error) error {
	for len(data) >= asideFrameSize {
		head, sealed := binary.LittleEndian.Uint32(data), binary.LittleEndian.Uint32(data[4:])
		crc := binary.LittleEndian.Uint32(data[8:])
		if head > asideMax || sealed > asideMax || int(head)+int(sealed) > len(data)-asideFrameSize {
			return nil
		}
		body := data[asideFrameSize : asideFrameSize+int(head)+int(sealed)]
		data = data[asideFrameSize+len(body):]
		if crc32.Checksum(body, castagnoli) != crc {
			if len(data) == 0 {
				return nil
			}
			return fmt.Errorf("damaged frame: %w", ErrCorrupt)
		}
		var s asideSummary
		if err := json.Unmarshal(body[:head], &s); err != nil {
			return fmt.Errorf("damaged summary: %w", ErrCorrupt)
		}
		if err := fn(s, body[head:]); err != nil {
			return err
		}
	}
	return nil
}
