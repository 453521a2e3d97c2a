package feed

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/internal/pseudonym"
)

// Dir is the folder of feeds in a data folder.
const Dir = "feeds"

const (
	magic   = "haetae feed 1\n"
	suffix  = ".feed"
	version = 1
	// maxSeen is how many stretches are kept. Of more, the earliest are forgotten, and
	// that time counts as one for which nothing was known: too much, never too little.
	maxSeen = 256
)

// ErrCorrupt: a file of feeds is not one, or of another folder's key.
var ErrCorrupt = errors.New("damaged file of a feed")

// kept is what is known of a feed, as it lies on the disk.
type kept struct {
	Version int               `json:"version"`
	Name    string            `json:"name"`
	Kind    detect.FeedKind   `json:"kind"`
	List    string            `json:"list,omitempty"`
	MaxAge  event.Millis      `json:"max_age"`
	Every   event.Millis      `json:"every"`
	Since   event.Millis      `json:"since"`
	Seen    [][2]event.Millis `json:"seen,omitempty"`

	Source   string       `json:"source"`             // a digest of where it comes from and how it is read
	Zone     string       `json:"zone,omitempty"`     // in which its days were meant
	Digest   string       `json:"digest,omitempty"`   // of the content
	Changed  event.Millis `json:"changed,omitempty"`  // when it was taken
	Looked   event.Millis `json:"looked,omitempty"`   // when a look last succeeded
	ETag     string       `json:"etag,omitempty"`     // that the server gave it
	Modified string       `json:"modified,omitempty"` // and when it had changed there
	Rows     int          `json:"rows"`               // of the content in force
	// Baseline is the number of rows that the next content is compared with.
	Baseline int      `json:"baseline"`
	Accepted bool     `json:"accepted,omitempty"` // somebody said that so few rows are right
	Content  *content `json:"content,omitempty"`
}

func (k *kept) cover() detect.FeedCover {
	return detect.FeedCover{Name: k.Name, Kind: k.Kind, List: k.List, MaxAge: k.MaxAge, Every: k.Every, Since: k.Since, Seen: k.Seen}
}

// age is how old its content is said to be; false if it never came.
func (k *kept) age() (event.Millis, bool) {
	if len(k.Seen) == 0 {
		return 0, false
	}
	return k.Seen[len(k.Seen)-1][1], true
}

// seen notes that the source was current at a moment.
func (k *kept) seen(asOf event.Millis) {
	last, ok := k.age()
	switch {
	case ok && asOf <= last:
		return
	case ok && asOf <= last+k.MaxAge:
		// A new list: the one before may be with an engine.
		k.Seen = append([][2]event.Millis(nil), k.Seen...)
		k.Seen[len(k.Seen)-1][1] = asOf
	default:
		k.Seen = append(k.Seen[:len(k.Seen):len(k.Seen)], [2]event.Millis{asOf, asOf})
	}
	if n := len(k.Seen) - maxSeen; n > 0 {
		k.Seen = k.Seen[n:]
	}
}

func fileOf(dir, name string) string { return path.Join(dir, name+suffix) }

// write keeps it durably: after a crash there is the one before or this one.
func (k *kept) write(fsys disk.FS, dir string, h *pseudonym.Hasher) error {
	text, err := json.Marshal(k)
	if err != nil {
		return fmt.Errorf("keep feed %s: %w", k.Name, err)
	}
	if err := disk.WriteFile(fsys, fileOf(dir, k.Name), append([]byte(magic), h.SealState(text)...)); err != nil {
		return fmt.Errorf("keep feed %s: %w", k.Name, err)
	}
	return nil
}

// read gives what is kept of a feed; nil if nothing is.
func read(fsys disk.FS, dir, name string, h *pseudonym.Hasher) (*kept, error) {
	data, err := disk.ReadFile(fsys, fileOf(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("feed %s: %w", name, err)
	}
	sealed, ok := bytes.CutPrefix(data, []byte(magic))
	if !ok {
		return nil, fmt.Errorf("feed %s: %w", name, ErrCorrupt)
	}
	text, err := h.OpenState(sealed)
	k := &kept{}
	if err != nil || json.Unmarshal(text, k) != nil || k.Name != name || k.Version != version {
		return nil, fmt.Errorf("feed %s: %w", name, ErrCorrupt)
	}
	return k, nil
}

// names lists the feeds of which something is kept.
func names(fsys disk.FS, dir string) ([]string, error) {
	list, err := fsys.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var out []string
	for _, n := range list {
		if name, ok := strings.CutSuffix(n, suffix); ok && namePattern.MatchString(name) {
			out = append(out, name)
		}
	}
	return out, err
}

// Kept gives what the feeds of a data folder have brought, for a run over history. It
// changes nothing.
func Kept(fsys disk.FS, data string, h *pseudonym.Hasher) (out Registers, err error) {
	dir := path.Join(data, Dir)
	list, err := names(fsys, dir)
	if err != nil {
		return out, fmt.Errorf("feeds: %w", err)
	}
	for _, name := range list {
		k, err := read(fsys, dir, name, h)
		if err != nil {
			return out, err
		}
		if k != nil {
			out.add(k)
		}
	}
	return out, nil
}
