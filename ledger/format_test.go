package ledger

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"net/netip"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/internal/golden"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/journal"
	"github.com/haetae/haetae/ledger/segment"
)

// TestNames pins every name and version that the ledger writes.
func TestNames(t *testing.T) {
	for _, c := range [][2]string{
		{fmt.Sprintf(markerText, FolderVersion), "haetae data folder, format 1\n"},
		{markerName, "HAETAE"}, {lockName, "LOCK"}, {manifestDir, "manifest"}, {journalDir, "journal"}, {segmentDir, "segments"},
		{dictionaryDir, "dictionary"}, {editionDir, "editions"}, {seenDir, "seen"}, {asideDir, "aside"}, {ScopeDir, "scopes"},
		{manifestMagic, "haetae manifest 1"}, {manifestName(42), "000000000042.json"}, {batchMagic, "HTBATCH1"}, {seenMagic, "HTSEEN01"},
		{segmentSuffix, ".seg"}, {seenSuffix, ".seen"}, {sealerSuffix, ".header"}, {asideSuffix, ".aside"},
		{identitiesName, "identities"}, {personsName, "persons"}, {KeyDirOf("shop/"), "shop.keys"},
	} {
		if c[0] != c[1] {
			t.Errorf("%q was %q, and folders in the field still say so: see docs/formats.md", c[0], c[1])
		}
	}
	if blockShift != 20 || seenHorizon != 168*time.Hour || asideFrameSize != 16 || seenEntrySize != 28 || seenFooterSize != 20 {
		t.Error("a size changed: see docs/formats.md")
	}
}

// TestNewFolder: what init makes, and nothing else.
func TestNewFolder(t *testing.T) {
	m := create(t)
	names, err := m.List("data")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"HAETAE", "aside", "dictionary", "editions", "journal", "manifest", "scopes", "seen", "segments"}
	if slices.Sort(names); !slices.Equal(names, want) {
		t.Errorf("a new folder holds %v, want %v: see docs/formats.md", names, want)
	}
}

// TestManifestPage pins the manifest's keys as the page shows them.
func TestManifestPage(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	zone := segment.Zone{Rows: 3, Primaries: 3, MinTime: 1767225600000, MaxTime: 1767225601000}
	got, err := encodeManifest(&manifest{
		Number: 42, Epoch: 2, Written: at, Key: keyCheck{Check: "0123456789abcdef0123456789abcdef", Recipient: "age1…"}, Journal: 7, NextFile: 6,
		Segments: []segmentRef{{Name: "live-0000000004.seg", Size: 327, Zone: zone}},
		Seen:     []seenRef{{Name: "seen-0000000005.seen", Sealed: at, First: 490896, Last: 490896, Count: 3}},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(golden.Page(t, "docs/formats.md"), "\n```manifest\n")
	block, _, _ = strings.Cut(block, "```")
	// The page folds the one line of JSON.
	head, body, _ := strings.Cut(block, "\n")
	if drawn := head + "\n" + strings.ReplaceAll(body, "\n", "") + "\n"; drawn != string(got) {
		t.Errorf("docs/formats.md shows another manifest than the code writes. If a key changed, the folder needs a new version. Now it is\n%s", got)
	}
	if m, err := decodeManifest(got); err != nil || m.Number != 42 || m.Segments[0].Zone != zone {
		t.Errorf("%+v, %v", m, err)
	}
}

// TestJournalPage: the file on the page is whole and holds what the page says.
// That these are the bytes written is pinned in package journal.
func TestJournalPage(t *testing.T) {
	const file = "j/00000000000000000001.journal"
	data := golden.Example(t, "docs/formats/journal.md", "journal")
	m := disk.NewMem()
	if err := errors.Join(m.MkdirAll("j"), disk.WriteFile(m, file, data)); err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(m, "j", journal.Options{})
	if err != nil {
		t.Fatalf("docs/formats/journal.md: %v", err)
	}
	defer j.Close()
	var got []string
	err = j.Read(0, func(pos journal.Position, b []byte) error {
		got = append(got, fmt.Sprintf("%d %s", pos, b))
		return nil
	})
	if want := []string{"1 one", "2 two", "3 "}; err != nil || j.Repaired() != 0 || !slices.Equal(got, want) {
		t.Errorf("docs/formats/journal.md draws a journal of %q, want %q; %d bytes are torn; %v", got, want, j.Repaired(), err)
	}
}

// tinyEntry is the journal entry on the page: a member reads its own profile.
func tinyEntry() *entry {
	b := &Batch{
		shapes: []segment.Shape{{
			Source: "gw", Route: "GET /me", ActorType: event.Member, Action: event.ActionRead, Status: 200,
			Position: event.PositionActor, Edition: 1, Flags: segment.Mapped | segment.Named | segment.Primary | segment.HomeIsActor,
		}},
		clients: []segment.Client{{IP: netip.AddrFrom4([4]byte{192, 0, 2, 7}), Country: "KR"}},
		agents:  []string{"app"},
		ids:     []pseudonym.Pseudonym{{0: 1, 15: 0xa1}},
		buckets: []uint64{5},
		frags:   []fragment{{time: 1_767_225_600_000, id: 0x0807060504030201, token: 0x1122334455667788, rows: event.RowsUnknown}},
		records: 1,
	}
	return &entry{
		batches:     []entryBatch{{batch: b, sealed: [][]byte{[]byte("AB")}, file: "a.log"}},
		checkpoints: map[string][]byte{"a.log": []byte("{}")},
	}
}

func TestBatchPage(t *testing.T) {
	data := encodeEntry(tinyEntry(), [][]bool{nil})
	golden.Drawn(t, "docs/formats/journal.md", "batch", data)
	en, err := decodeEntry(data)
	if err != nil {
		t.Fatal(err)
	}
	if again := encodeEntry(en, [][]bool{nil}); !bytes.Equal(again, data) {
		t.Errorf("read and written again it is\n%s", hex.Dump(again))
	}
	if _, err := decodeEntry(append([]byte("HTBATCH2"), data[8:]...)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a newer batch: %v", err)
	}
}

func TestSeenPage(t *testing.T) {
	m := disk.NewMem()
	if err := m.MkdirAll("seen"); err != nil {
		t.Fatal(err)
	}
	first, last, err := writeSeen(m, "seen", "a.seen", []mark{{490896, 7}, {490897, 9}, {490896, 5}})
	if err != nil || first != 490896 || last != 490897 {
		t.Fatal(first, last, err)
	}
	data, err := disk.ReadFile(m, "seen/a.seen")
	if err != nil {
		t.Fatal(err)
	}
	golden.Drawn(t, "docs/formats.md", "seen", data)
}

// TestAsideFrame: length, length, checksums, summary in the open, an age file.
func TestAsideFrame(t *testing.T) {
	m := create(t)
	l := open(t, m, Options{Now: func() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }})
	if err := l.SetAside(3, []AsideLine{{Source: "gw", File: "a.log", Offset: 9, Field: "time", Cause: "missing", Text: []byte("x")}}); err != nil {
		t.Fatal(err)
	}
	names, err := m.List("data/aside")
	if err != nil || len(names) != 1 || names[0] != "aside-0000000001.aside" {
		t.Fatal(names, err)
	}
	data, err := disk.ReadFile(m, path.Join("data/aside", names[0]))
	if err != nil {
		t.Fatal(err)
	}
	const summary = `{"at":"2026-01-01T00:00:00Z","import":3,"counts":[{"source":"gw","field":"time","cause":"missing","count":1,"file":"a.log","offset":9}]}`
	head := binary.LittleEndian.AppendUint32(nil, uint32(len(summary)))
	head = binary.LittleEndian.AppendUint32(head, uint32(len(data)-16-len(summary)))
	head = binary.LittleEndian.AppendUint32(head, crc32.Checksum(data[16:], crc32.MakeTable(crc32.Castagnoli)))
	head = binary.LittleEndian.AppendUint32(head, crc32.Checksum(head, crc32.MakeTable(crc32.Castagnoli)))
	want := string(head) + summary + "age-encryption.org/v1\n"
	if !strings.HasPrefix(string(data), want) {
		t.Errorf("a frame begins\n%s, want\n%s: see docs/formats.md", hex.Dump(data[:min(len(data), len(want))]), hex.Dump([]byte(want)))
	}
}
