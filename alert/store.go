package alert

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"path"
	"slices"
	"strconv"

	"github.com/haetae/haetae/internal/disk"
)

// Names and marks of everything this package writes. The queue file is lines:
//
//	haetae alert queue 1
//	5e1c9a04 {"put":[{"signal":{…},"revision":1,…}]}
//	0b77fe12 {"gone":["sig-…"]}
//
// Before each line stand eight hex digits, the CRC-32C of what follows the space.
// One line is one change, appended in one write and synced; of two lines about a
// signal the later holds.
const (
	queueName    = "alerts.queue"
	lockName     = "alerts.lock"
	queueMagic   = "haetae alert queue "
	queueVersion = 1

	// compactSlack is what the file may hold beyond twice its live part before
	// it is written anew.
	compactSlack = 1 << 20
)

// ErrCorrupt marks a queue file that is not as it was written, in a place that
// no power cut explains.
var ErrCorrupt = errors.New("corrupt")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// change is one line.
type change struct {
	Put  []*entry `json:"put,omitempty"`
	Gone []string `json:"gone,omitempty"`
}

func (c change) encode() ([]byte, error) {
	body, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode a change of the alert queue: %w", err)
	}
	return []byte(checked(body)), nil
}

// checked is a line: its checksum before it.
func checked(body []byte) string {
	return fmt.Sprintf("%08x %s\n", crc32.Checksum(body, castagnoli), body)
}

func queueHead() []byte { return fmt.Appendf(nil, "%s%d\n", queueMagic, queueVersion) }

// decodeQueue gives the entries of a queue file. cut says that the last line had
// not been written whole, as after a power cut: it was never acknowledged.
func decodeQueue(raw []byte) (entries map[string]*entry, cut bool, err error) {
	head, rest, _ := bytes.Cut(raw, []byte("\n"))
	version, ok := bytes.CutPrefix(head, []byte(queueMagic))
	v, verr := strconv.Atoi(string(version))
	switch {
	case !ok || verr != nil || v < 1:
		return nil, false, fmt.Errorf("%w: it does not begin as an alert queue does", ErrCorrupt)
	case v > queueVersion:
		return nil, false, fmt.Errorf("written by a newer haetae, in version %d of the format: this one reads up to %d", v, queueVersion)
	}
	entries = map[string]*entry{}
	for n := 2; len(rest) > 0; n++ {
		line, after, whole := bytes.Cut(rest, []byte("\n"))
		c, err := decodeLine(line)
		if err != nil || !whole {
			// A line is synced before the next one is begun, so only the last
			// can be in part what it was.
			if len(after) == 0 {
				return entries, true, nil
			}
			return nil, false, fmt.Errorf("%w: line %d: %w", ErrCorrupt, n, err)
		}
		for _, id := range c.Gone {
			delete(entries, id)
		}
		for _, e := range c.Put {
			entries[e.Signal.ID] = e
		}
		rest = after
	}
	return entries, false, nil
}

func decodeLine(line []byte) (change, error) {
	var c change
	if len(line) < 9 || line[8] != ' ' {
		return c, errors.New("no checksum")
	}
	if string(line[:8]) != fmt.Sprintf("%08x", crc32.Checksum(line[9:], castagnoli)) {
		return c, errors.New("the checksum is another")
	}
	// The words of encoding/json quote what they found, and that is personal.
	if json.Unmarshal(line[9:], &c) != nil {
		return c, errors.New("not readable")
	}
	for _, e := range c.Put {
		if e == nil || !goodID(e.Signal.ID) || e.Revision < 1 || e.Steps < 0 || e.Taken && len(e.Acks) == 0 ||
			slices.ContainsFunc(e.Told, func(t *telling) bool { return t == nil || t.Step < 0 }) {
			return c, errors.New("an entry that was never written")
		}
	}
	return c, nil
}

// store is the queue file. Whoever holds the desk's lock owns it.
type store struct {
	fsys disk.FS
	name string
	f    disk.File // to append to; nil while the file has to be written anew
	size int64
}

// openStore reads the queue in dir, which it makes if it is missing.
func openStore(fsys disk.FS, dir string) (s *store, entries map[string]*entry, cut bool, err error) {
	if err := fsys.MkdirAll(dir); err != nil {
		return nil, nil, false, err
	}
	s = &store{fsys: fsys, name: path.Join(dir, queueName)}
	raw, err := disk.ReadFile(fsys, s.name)
	if errors.Is(err, fs.ErrNotExist) {
		return s, map[string]*entry{}, false, nil
	}
	if err != nil {
		return nil, nil, false, err
	}
	entries, cut, err = decodeQueue(raw)
	if err != nil {
		return nil, nil, false, fmt.Errorf("%s: %w", queueName, err)
	}
	return s, entries, cut, nil
}

// append makes a change durable. After an error nothing is known about the end
// of the file, and only rewrite may follow.
func (s *store) append(c change) error {
	line, err := c.encode()
	if err != nil {
		return err
	}
	if _, err = s.f.Write(line); err == nil {
		err = s.f.Sync()
	}
	if err != nil {
		s.broken()
		return err
	}
	s.size += int64(len(line))
	return nil
}

// broken gives the file up: a second Sync might lie.
func (s *store) broken() {
	if s.f != nil {
		s.f.Close()
		s.f = nil
	}
}

// rewrite replaces the file by one that holds entries, and nothing else.
func (s *store) rewrite(entries []*entry) error {
	s.broken()
	text := queueHead()
	for _, e := range entries {
		line, err := change{Put: []*entry{e}}.encode()
		if err != nil {
			return err
		}
		text = append(text, line...)
	}
	if err := disk.WriteFile(s.fsys, s.name, text); err != nil {
		return err
	}
	f, err := s.fsys.OpenAppend(s.name)
	if err != nil {
		return err
	}
	s.f, s.size = f, int64(len(text))
	return nil
}
