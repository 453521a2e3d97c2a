package segment

import (
	"bytes"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/haetae/haetae/internal/golden"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/dictionary"
)

const thePage = "docs/formats/segment.md"

// tiny is what the page draws: an account that reads its own profile twice, and
// a member of staff whose list names nobody.
func tiny() *Input {
	const midnight = event.Millis(1_767_225_600_000) // 2026-01-01T00:00:00Z
	account, nobody := dictionary.MakeRef(1, 2), dictionary.NoAccount(1)
	return &Input{
		Shapes: []Shape{
			{Source: "gw", Route: "GET /me", ActorType: event.Member, Action: event.ActionRead, Status: 200, Position: event.PositionActor, Edition: 1, Flags: Mapped | Named | Primary | HomeIsActor},
			{Source: "gw", Route: "GET /all", ActorType: "staff", Action: event.ActionRead, Status: 200, Edition: 1, Flags: Mapped | Primary | HasRows},
		},
		Clients: []Client{{IP: netip.AddrFrom4([4]byte{192, 0, 2, 7}), Country: "KR"}},
		Agents:  []string{"app"},
		Files:   []string{"a.log"},
		Sessions: []Session{
			{Home: account, Actor: account, HasActor: true, Token: 0x1122334455667788},
			{Home: nobody, Actor: dictionary.MakeRef(9, 0), HasActor: true},
		},
		Rows: []Row{
			{Time: midnight, Home: account, Rows: event.RowsUnknown},
			{Time: midnight + 500, Home: nobody, Shape: 1, Session: 1, Rows: 20},
			{Time: midnight + 1000, Home: account, Rows: event.RowsUnknown},
		},
	}
}

// TestPage pins the bytes of a whole file, and that the page draws these.
func TestPage(t *testing.T) {
	b, info := write(t, tiny())
	golden.Drawn(t, thePage, "segment", b)
	r := reader(t, b)
	for i, s := range r.spans {
		// What zstd makes of a table is its library's business and may differ
		// from release to release; only its format is ours.
		if s.size != s.raw {
			t.Errorf("%s are packed: the example pins bytes that are not ours", sectionNames[i])
		}
	}
	if got, err := r.Info(); err != nil || got.Zone != info.Zone || info.Rows != 3 {
		t.Errorf("%+v, %v", got, err)
	}
	diff(t, readBack(t, r), flatten(tiny()))
}

// TestMarked pins how a shape says which live-only rules looked and matched.
func TestMarked(t *testing.T) {
	list := []Shape{{Source: "gw", Route: "GET /a", Action: event.ActionRead, Status: 200, Edition: 1, Flags: Primary, Looked: 1, Marks: PackMarks([]uint32{2, 7})}}
	b := encodeShapes(list)
	golden.Drawn(t, thePage, "marked", b)
	if got, err := decodeShapes(b); err != nil || len(got) != 1 || got[0] != list[0] {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestPacked pins each form of a column.
func TestPacked(t *testing.T) {
	far := make([]uint64, 33)
	for i := range far {
		far[i] = uint64(i % 2)
	}
	far[30] = 1 << 40
	wide := make([]uint64, 33)
	for i := range wide {
		wide[i] = uint64(i) << 58
	}
	for _, c := range []struct {
		name   string
		values []uint64
	}{
		{"few", []uint64{1, 300, 0}},
		{"same", []uint64{300, 300, 300, 300}},
		{"varints", []uint64{0, 1, 300, 0}},
		{"bits", []uint64{10, 11, 12, 13, 10, 11, 12, 13}},
		{"far", far},
	} {
		b := pack(nil, c.values)
		golden.Drawn(t, thePage, c.name, b)
		got, rest, err := unpack(b, len(c.values), nil)
		if err != nil || len(rest) != 0 || len(got) != len(c.values) {
			t.Errorf("%s: %v, %d bytes left, %v", c.name, got, len(rest), err)
		}
	}
	// Too wide for the page: whole words.
	if b := pack(nil, wide); len(b) != 3+8*len(wide) || b[0] != packBits || b[1] != 64 || b[2] != 0 {
		t.Errorf("a block of whole words begins with %x and takes %d bytes", b[:3], len(b))
	}
}

// TestNumbers pins what stands in files and is not in the example.
func TestNumbers(t *testing.T) {
	got := []int64{
		magicSize, footerSize, sections, pageSize, rowsPerByte, MaxRows, noLocal,
		packConst, packVarint, packBits, packBlock, packUntagged, packWidest, exceptions,
		startPlain, startStep, startRise, actorNone, actorHome, actorOther, tokenNone, tokenOwn, tokenLast, placeOwn, placeLast, kinds,
		addressNone, addressSame, address4, address6,
		flagLooked, flagMarked,
		int64(Mapped), int64(Named), int64(Primary), int64(HomeIsActor), int64(Lifted), int64(HasRows), int64(Malformed), int64(Split),
		sectionLimit(0), sectionLimit(1),
	}
	want := []int64{
		8, 96, 7, 4096, 512, 1 << 26, 1<<24 - 1,
		1, 2, 3, 128, 3, 56, 0x80,
		0, 1, 2, 0, 1, 2, 0, 3, 6, 0, 9, 19,
		0, 1, 4, 6,
		256, 512,
		1, 2, 4, 8, 16, 32, 64, 128,
		4 << 20, 4<<20 + 256,
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("number %d of %v is %d, and files in the field mean %d: %s", i, want, got[i], want[i], thePage)
		}
	}
	if magicName+version != "HTSEGM01" || endName+version != "HTSEGE01" {
		t.Error("the names at the ends of a segment changed: see " + thePage)
	}
	if got := strings.Join(sectionNames[:], " "); got != "shapes clients agents files visitors information directory" {
		t.Errorf("sections in the order %s: see %s", got, thePage)
	}
}

// TestOlderVersion: there is none, so one that claims to be is damage; and a
// newer one is told at either end.
func TestOlderVersion(t *testing.T) {
	good, _ := write(t, tiny())
	for _, c := range []struct {
		at   int
		to   byte
		want error
	}{{7, '0', ErrCorrupt}, {len(good) - 1, '0', ErrCorrupt}, {6, '1', ErrVersion}, {len(good) - 1, '2', ErrVersion}, {7, 'x', ErrCorrupt}} {
		b := bytes.Clone(good)
		b[c.at] = c.to
		if _, err := Open(bytes.NewReader(b), int64(len(b))); !errors.Is(err, c.want) {
			t.Errorf("byte %d as %q: %v, want %v", c.at, c.to, err, c.want)
		}
	}
}
