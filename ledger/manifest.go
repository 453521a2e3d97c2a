package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"maps"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/journal"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/segment"
)

// manifest is the only truth about which files live. It is never changed in
// place: each commit writes the next number, and the highest readable number
// counts.
type manifest struct {
	Number  uint64    `json:"number"`
	Epoch   uint64    `json:"epoch"` // owner: grows with each opening for writing
	Written time.Time `json:"written"`
	// Key tells whether a key folder is this folder's.
	Key keyCheck `json:"key"`

	// Journal is the position up to which records are in Segments.
	Journal journal.Position `json:"journal"`

	Segments   []segmentRef          `json:"segments,omitempty"`
	Identities []dictionary.FileInfo `json:"identities,omitempty"`
	Persons    []dictionary.FileInfo `json:"persons,omitempty"`
	Catalogs   []editionRef          `json:"catalogs,omitempty"`
	Registers  []editionRef          `json:"registers,omitempty"`
	Holdings   []editionRef          `json:"holdings,omitempty"`
	LiveRules  liveRules             `json:"live_rules,omitzero"`
	Seen       []seenRef             `json:"seen,omitempty"`
	Imports    []importRecord        `json:"imports,omitempty"`
	Streams    []streamRecord        `json:"streams,omitempty"` // content that was read, for ever
	Gaps       []Gap                 `json:"gaps,omitempty"`
	Aside      []asideRef            `json:"aside,omitempty"`

	// NextFile numbers every file this folder ever writes, so that a name is
	// never used twice, not even after a crash.
	NextFile uint64 `json:"next_file"`
	// Unneeded says that rows or editions went since ids were last destroyed,
	// so that there may be ids that nothing needs.
	Unneeded bool `json:"unneeded,omitempty"`
	// RetainedFrom is the time before which records were destroyed on purpose;
	// answers that reach further back say so.
	RetainedFrom event.Millis `json:"retained_from,omitempty"`
	// HeldBy names the holds that stop retention.
	HeldBy []Hold `json:"held_by,omitempty"`
	// Checkpoints are the positions of live readers as of Journal.
	Checkpoints map[string][]byte `json:"checkpoints,omitempty"`
}

// keyCheck is what is known of the folder's keys: enough to refuse another
// folder's, under which every known id would be a new one and what is sealed
// could not be opened.
type keyCheck struct {
	Check     string `json:"check"`     // keyed hash of a constant
	Recipient string `json:"recipient"` // to which real ids are sealed
}

type segmentRef struct {
	Name string       `json:"name"`
	Size int64        `json:"size"`
	Zone segment.Zone `json:"zone"`
}

type editionRef struct {
	Number uint32       `json:"number"`
	Name   string       `json:"name"` // as given, without folder
	File   string       `json:"file"`
	From   event.Millis `json:"from"`
	Added  time.Time    `json:"added"`
	Lines  int64        `json:"lines,omitempty"`
	Errors int64        `json:"errors,omitempty"`
}

func (m *manifest) clone() *manifest {
	c := *m
	c.Segments = append([]segmentRef(nil), m.Segments...)
	c.Identities = append([]dictionary.FileInfo(nil), m.Identities...)
	c.Persons = append([]dictionary.FileInfo(nil), m.Persons...)
	c.Catalogs = append([]editionRef(nil), m.Catalogs...)
	c.Registers = append([]editionRef(nil), m.Registers...)
	c.Holdings = append([]editionRef(nil), m.Holdings...)
	c.LiveRules = m.LiveRules.clone()
	c.Seen = append([]seenRef(nil), m.Seen...)
	c.Streams = append([]streamRecord(nil), m.Streams...)
	c.Gaps = append([]Gap(nil), m.Gaps...)
	c.Aside = append([]asideRef(nil), m.Aside...)
	c.Imports = append([]importRecord(nil), m.Imports...)
	for i := range c.Imports {
		c.Imports[i].Staged = append([]segmentRef(nil), c.Imports[i].Staged...)
		c.Imports[i].Seen = append([]seenRef(nil), c.Imports[i].Seen...)
	}
	c.Checkpoints = maps.Clone(m.Checkpoints)
	c.HeldBy = append([]Hold(nil), m.HeldBy...)
	return &c
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrCorrupt marks a file whose bytes are not what was written.
var ErrCorrupt = errors.New("corrupt")

func encodeManifest(m *manifest) ([]byte, error) {
	body, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s crc32c=%08x\n", manifestMagic, crc32.Checksum(body, castagnoli))
	b.Write(body)
	b.WriteByte('\n')
	return b.Bytes(), nil
}

func decodeManifest(data []byte) (*manifest, error) {
	head, body, ok := bytes.Cut(data, []byte("\n"))
	if !ok {
		return nil, fmt.Errorf("manifest has no first line: %w", ErrCorrupt)
	}
	rest, ok := strings.CutPrefix(string(head), "haetae manifest ")
	if !ok {
		return nil, fmt.Errorf("not a manifest: %w", ErrCorrupt)
	}
	number, sum, ok := strings.Cut(rest, " crc32c=")
	version, err := strconv.Atoi(number)
	if !ok || err != nil {
		return nil, fmt.Errorf("manifest's first line is damaged: %w", ErrCorrupt)
	}
	if version > FolderVersion {
		return nil, &VersionError{What: "the manifest", Found: version, Known: FolderVersion}
	}
	body = bytes.TrimSuffix(body, []byte("\n"))
	if want, err := strconv.ParseUint(sum, 16, 32); err != nil || uint32(want) != crc32.Checksum(body, castagnoli) {
		return nil, fmt.Errorf("manifest's checksum does not match: %w", ErrCorrupt)
	}
	var m manifest
	if err := json.Unmarshal(body, &m); err != nil {
		return nil, fmt.Errorf("manifest: %w: %w", ErrCorrupt, err)
	}
	return &m, nil
}

func manifestName(n uint64) string { return fmt.Sprintf("%012d.json", n) }

// latestManifest returns the newest manifest that can be read. A damaged newest
// one is an error, not a reason to fall back: falling back would silently forget
// records. Only a torn file that was never installed (a .tmp) is passed over.
func latestManifest(fsys disk.FS, dir string) (*manifest, error) {
	noted := notedManifest(fsys, dir) // before the names: an owner may commit in between
	names, err := fsys.List(path.Join(dir, manifestDir))
	if err != nil {
		return nil, fmt.Errorf("list manifests: %w", err)
	}
	newest := ""
	for _, n := range names {
		if strings.HasSuffix(n, ".json") && n > newest {
			newest = n
		}
	}
	if newest == "" {
		return nil, fmt.Errorf("no manifest: %w", fs.ErrNotExist)
	}
	if last := manifestName(noted); noted > 0 && newest < last {
		return nil, &MissingError{File: path.Join(manifestDir, last), Err: fs.ErrNotExist}
	}
	data, err := disk.ReadFile(fsys, path.Join(dir, manifestDir, newest))
	if err != nil {
		return nil, fmt.Errorf("read manifest %s: %w", newest, err)
	}
	m, err := decodeManifest(data)
	if err != nil {
		return nil, fmt.Errorf("manifest/%s: %w", newest, err)
	}
	if manifestName(m.Number) != newest {
		return nil, fmt.Errorf("manifest/%s says it is number %d: %w", newest, m.Number, ErrCorrupt)
	}
	return m, nil
}

// newestManifest is a file that notes which manifest is the newest. Without it, one that
// somebody removed by hand, or that a copy left out, would not be missed: the one
// before it would count, and what was committed since would be gone in silence.
const newestManifest = "newest"

// noteManifest notes it. It is not synced: after a loss of power the note may be an
// older one or none, and never one of a manifest that is not there, since it is
// written behind it. That it cannot be written is no harm, so no error.
func noteManifest(fsys disk.FS, dir string, number uint64) {
	name := path.Join(dir, manifestDir, newestManifest)
	f, err := fsys.Create(name + ".tmp")
	if err != nil {
		return
	}
	_, err = fmt.Fprintf(f, "%012d\n", number)
	if errors.Join(err, f.Close()) != nil || fsys.Rename(name+".tmp", name) != nil {
		fsys.Remove(name + ".tmp")
	}
}

// notedManifest is what was noted; 0 if nothing is.
func notedManifest(fsys disk.FS, dir string) uint64 {
	data, err := disk.ReadFile(fsys, path.Join(dir, manifestDir, newestManifest))
	if err != nil || len(data) != 13 {
		return 0 // none, or torn
	}
	n, err := strconv.ParseUint(strings.TrimSuffix(string(data), "\n"), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// installManifest writes m as the next number. It is the compare-and-swap of
// the ledger: the name must not exist, so two owners cannot both commit.
func installManifest(fsys disk.FS, dir string, m *manifest) error {
	data, err := encodeManifest(m)
	if err != nil {
		return err
	}
	name := path.Join(dir, manifestDir, manifestName(m.Number))
	if _, err := fsys.Stat(name); err == nil {
		return fmt.Errorf("manifest %d: %w", m.Number, fs.ErrExist)
	}
	if err := disk.WriteFile(fsys, name, data); err != nil {
		return fmt.Errorf("install manifest %d: %w", m.Number, err)
	}
	noteManifest(fsys, dir, m.Number)
	return nil
}

// trimManifests removes all but the newest few. Failing to is harmless.
func trimManifests(fsys disk.FS, dir string, newest uint64) {
	names, err := fsys.List(path.Join(dir, manifestDir))
	if err != nil {
		return
	}
	for _, n := range names {
		num, err := strconv.ParseUint(strings.TrimSuffix(n, ".json"), 10, 64)
		if err == nil && num+manifestKeep <= newest {
			fsys.Remove(path.Join(dir, manifestDir, n))
		}
	}
}
