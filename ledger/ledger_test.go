package ledger

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/segment"
)

// seed is drawn anew for each run; HAETAE_SEED repeats one.
func seed(t testing.TB) *rand.Rand {
	n := rand.Uint64()
	if s := os.Getenv("HAETAE_SEED"); s != "" {
		n, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("repeat with HAETAE_SEED=%d go test -run '^%s$' ./ledger", n, t.Name())
		}
	})
	return rand.New(rand.NewPCG(n, 1))
}

var (
	noon = event.MillisOf(time.Date(2025, 3, 30, 12, 0, 0, 0, time.UTC))
)

func testHasher() *pseudonym.Hasher { return pseudonym.NewHasher([32]byte{1}) }

// create makes a ledger in a new memory disk.
func create(t testing.TB) *disk.Mem {
	t.Helper()
	m := disk.NewMem()
	if err := Create(m, "data", ""); err != nil {
		t.Fatal(err)
	}
	return m
}

func open(t testing.TB, fsys disk.FS, o Options) *Ledger {
	t.Helper()
	l, err := Open(fsys, "data", o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// record makes record number n: one of 50 accounts, some with several subjects,
// some with none, over three months.
func record(n int) event.Record {
	r := event.Record{
		Time: noon + event.Millis(n)*1_000_003%(70*86_400_000), Source: "gateway", ID: event.RecordID("r" + strconv.Itoa(n)),
		Actor: event.Actor{ID: event.ActorID("m" + strconv.Itoa(n%50)), Type: event.Member}, Credential: event.Credential{Key: "k" + strconv.Itoa(n%3), Token: event.TokenID("t" + strconv.Itoa(n/4))},
		Client: event.Client{IP: netip.AddrFrom4([4]byte{10, 0, byte(n % 5), byte(n)}), Agent: "app"}, Route: "GET /my/profile", Mapped: true,
		Action: event.ActionRead, Status: 200, Rows: event.RowsUnknown,
	}
	switch n % 7 {
	case 0:
		r.Rows, r.Route = int32(n%20), "GET /search"
	case 1:
		r.Actor = event.Actor{ID: "s1", Type: "staff"}
		r.Subjects, r.Position = []event.AccountID{"m1", event.AccountID("m" + strconv.Itoa(n%50+100))}, event.PositionList
	default:
		r.Subjects, r.Position = []event.AccountID{event.AccountID(r.Actor.ID)}, event.PositionActor
	}
	return r
}

func records(ns ...int) []event.Record {
	var out []event.Record
	for _, n := range ns {
		out = append(out, record(n))
	}
	return out
}

// content is everything a view holds, in a form that does not depend on codes:
// one line a row, with pseudonyms for ordinals.
func content(t testing.TB, l *Ledger) []string {
	t.Helper()
	v, err := l.View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	return contentOf(t, v)
}

func contentOf(t testing.TB, v *View) []string {
	t.Helper()
	var out []string
	for _, r := range v.Segments() {
		shapes, err := r.Shapes()
		if err != nil {
			t.Fatal(err)
		}
		clients, _ := r.Clients()
		agents, _ := r.Agents()
		for p := range dictionary.Partitions {
			pt, err := r.Partition(p)
			if err != nil {
				t.Fatal(err)
			}
			if len(pt.Groups()) == 0 {
				continue
			}
			ss, err := pt.Sessions()
			if err != nil {
				t.Fatal(err)
			}
			for g := range pt.Groups() {
				homes, err := pt.Homes(g, nil)
				if err != nil {
					t.Fatal(err)
				}
				var d segment.Details
				if err := pt.Details(g, homes, &d, true); err != nil {
					t.Fatal(err)
				}
				for i, h := range homes {
					home, actor := "none", "none"
					if ref := dictionary.MakeRef(byte(p), h); ref.IsAccount() {
						ps, err := v.Pseudonym(ref)
						if err != nil {
							t.Fatal(err)
						}
						home = ps.Label()
					}
					s := d.Session[i]
					if ss.HasActor[s] {
						ps, err := v.Pseudonym(ss.Actor[s])
						if err != nil {
							t.Fatal(err)
						}
						actor = ps.Label()
					}
					out = append(out, fmt.Sprint(d.Time[i], home, actor, shapes[pt.Groups()[g].Shape], clients[ss.Client[s]], agents[ss.Agent[s]], ss.Token[s], d.Rows[i], d.Record[i]))
				}
			}
		}
	}
	slices.Sort(out)
	return out
}

// want is the content that exactly these records make, by a ledger that takes
// them in one go. It shares the keys of m.
func want(t testing.TB, m *disk.Mem, ns map[int]bool) []string {
	t.Helper()
	fresh := disk.NewMem()
	if err := Create(fresh, "data", ""); err != nil {
		t.Fatal(err)
	}
	copyFile(t, m, fresh, "data.keys/hash.key")
	rekey(t, fresh)
	l := open(t, fresh, Options{})
	defer l.Close()
	var list []int
	for n := range ns {
		list = append(list, n)
	}
	slices.Sort(list)
	if len(list) > 0 {
		if _, err := l.Append(context.Background(), records(list...)); err != nil {
			t.Fatal(err)
		}
	}
	return content(t, l)
}

// rekey makes the keys that lie beside a folder its own.
func rekey(t testing.TB, fsys disk.FS) {
	t.Helper()
	keys, err := pseudonym.LoadKeys(fsys, "data.keys")
	if err != nil {
		t.Fatal(err)
	}
	m, err := latestManifest(fsys, "data")
	if err != nil {
		t.Fatal(err)
	}
	m.Number++
	m.Key = checkOf(keys)
	if err := installManifest(fsys, "data", m); err != nil {
		t.Fatal(err)
	}
}

func copyFile(t testing.TB, from, to disk.FS, name string) {
	t.Helper()
	b, err := disk.ReadFile(from, name)
	if err != nil {
		t.Fatal(err)
	}
	if err := disk.WriteFile(to, name, b); err != nil {
		t.Fatal(err)
	}
}

func same(t testing.TB, got, want []string, what string) {
	t.Helper()
	if !slices.Equal(got, want) {
		extra, missing := 0, 0
		for _, g := range got {
			if _, ok := slices.BinarySearch(want, g); !ok {
				extra++
			}
		}
		for _, w := range want {
			if _, ok := slices.BinarySearch(got, w); !ok {
				missing++
			}
		}
		t.Fatalf("%s: %d rows, want %d (%d not expected, %d missing)", what, len(got), len(want), extra, missing)
	}
}

// TestAppendSealMerge: the same rows are there from the memtable, after a seal,
// after a merge and after reopening.
func TestAppendSealMerge(t *testing.T) {
	m := create(t)
	l := open(t, m, Options{})
	all := map[int]bool{}
	for round := range 24 {
		var ns []int
		for i := range 40 {
			n := round*40 + i
			ns = append(ns, n)
			all[n] = true
		}
		got, err := l.Append(context.Background(), records(ns...))
		if err != nil || got.Accepted != 40 {
			t.Fatalf("%+v %v", got, err)
		}
		if round%2 == 0 {
			if err := l.Seal(); err != nil {
				t.Fatal(err)
			}
		}
	}
	w := want(t, m, all)
	same(t, content(t, l), w, "before the merge")
	before := l.Stats().Segments
	if err := l.Compact(context.Background()); err != nil {
		t.Fatal(err)
	}
	if s := l.Stats(); s.Segments >= before || s.Records != int64(len(all)) {
		t.Fatalf("%d segments of %d after the merge, %d records", s.Segments, before, s.Records)
	}
	same(t, content(t, l), w, "after the merge")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, m, Options{})
	same(t, content(t, l), w, "after reopening")
	// A second reader sees the same beside the owner.
	ro := open(t, m, Options{ReadOnly: true})
	same(t, content(t, ro), w, "read only")
	if _, err := ro.Append(context.Background(), records(1)); !errors.Is(err, ErrReadOnly) {
		t.Fatalf("append to a read-only folder: %v", err)
	}
	ro.Close()
	l.Close()
}

// TestOnce: records with an id count once, in whatever parts and order they
// come, also over a restart and after they were sealed.
func TestOnce(t *testing.T) {
	rnd := seed(t)
	m := create(t)
	l := open(t, m, Options{})
	all := map[int]bool{}
	accepted := 0
	for range 60 {
		from, n := rnd.IntN(300), 1+rnd.IntN(60)
		ns := make([]int, n)
		for i := range ns {
			ns[i] = from + i
			all[from+i] = true
		}
		rnd.Shuffle(n, func(i, j int) { ns[i], ns[j] = ns[j], ns[i] })
		got, err := l.Append(context.Background(), records(ns...))
		if err != nil {
			t.Fatal(err)
		}
		accepted += got.Accepted
		switch rnd.IntN(5) {
		case 0:
			if err := l.Seal(); err != nil {
				t.Fatal(err)
			}
		case 1:
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			l = open(t, m, Options{})
		}
	}
	if accepted != len(all) {
		t.Errorf("%d accepted, %d different ones sent", accepted, len(all))
	}
	same(t, content(t, l), want(t, m, all), "after repetitions")
	l.Close()
}

// TestFullDisk: when nothing more can be written, appends fail with the cause,
// and go on once there is room.
func TestFullDisk(t *testing.T) {
	m := create(t)
	l := open(t, m, Options{})
	if _, err := l.Append(context.Background(), records(1)); err != nil {
		t.Fatal(err)
	}
	m.Limit(1)
	if _, err := l.Append(context.Background(), records(2)); err == nil {
		t.Fatal("an append to a full disk was acknowledged")
	}
	m.Limit(0)
	got, err := l.Append(context.Background(), records(2))
	if err != nil || got.Accepted != 1 {
		t.Fatalf("after room was made: %+v %v", got, err)
	}
	same(t, content(t, l), want(t, m, map[int]bool{1: true, 2: true}), "after a full disk")
	l.Close()
}

func TestTwoOwners(t *testing.T) {
	m := create(t)
	l := open(t, m, Options{})
	if _, err := Open(m, "data", Options{}); !errors.Is(err, ErrInUse) {
		t.Fatalf("second owner: %v", err)
	}
	l.Close()
	l = open(t, m, Options{})
	l.Close()
}

func TestNewerFormat(t *testing.T) {
	m := create(t)
	if err := disk.WriteFile(m, "data/HAETAE", []byte("haetae data folder, format 2\n")); err != nil {
		t.Fatal(err)
	}
	var v *VersionError
	if _, err := Open(m, "data", Options{}); !errors.As(err, &v) || v.Found != 2 {
		t.Fatalf("newer folder: %v", err)
	}
}

// TestKeyOfFolder: a folder opens with its own keys only, for reading too.
func TestKeyOfFolder(t *testing.T) {
	m := create(t)
	if err := Create(m, "other", ""); err != nil {
		t.Fatal(err)
	}
	for _, ro := range []bool{false, true} {
		var wrong *WrongKeyError
		if _, err := Open(m, "data", Options{KeyDir: "other.keys", ReadOnly: ro}); !errors.As(err, &wrong) || wrong.Unknown || !errors.Is(err, pseudonym.ErrKey) {
			t.Fatalf("another folder's keys: %v", err)
		}
	}
	// The hash key alone is not enough: ids would be sealed to somebody else.
	mine, _ := disk.ReadFile(m, "data.keys/hash.key")
	theirs, _ := disk.ReadFile(m, "other.keys/hash.key")
	a, b := bytes.Split(mine, []byte("\n")), bytes.Split(theirs, []byte("\n"))
	a[2] = b[2]
	if err := errors.Join(m.MkdirAll("mixed"), disk.WriteFile(m, "mixed/hash.key", bytes.Join(a, []byte("\n")))); err != nil {
		t.Fatal(err)
	}
	var wrong *WrongKeyError
	if _, err := Open(m, "data", Options{KeyDir: "mixed"}); !errors.As(err, &wrong) {
		t.Fatalf("another recipient: %v", err)
	}
	man, err := latestManifest(m, "data")
	if err != nil {
		t.Fatal(err)
	}
	man.Number, man.Key = man.Number+1, keyCheck{}
	if err := installManifest(m, "data", man); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(m, "data", Options{}); !errors.As(err, &wrong) || !wrong.Unknown {
		t.Fatalf("a folder that does not know its key: %v", err)
	}
}

// TestSeenHorizon: fingerprints are forgotten a week after they were sealed, and
// not before.
func TestSeenHorizon(t *testing.T) {
	m := create(t)
	now := time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)
	l := open(t, m, Options{Now: func() time.Time { return now }})
	defer l.Close()
	send := func() Receipt {
		t.Helper()
		got, err := l.Append(context.Background(), records(1, 2, 3))
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	send()
	if err := l.Seal(); err != nil {
		t.Fatal(err)
	}
	now = now.Add(seenHorizon - time.Hour)
	if err := l.Compact(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := send(); got.Duplicates != 3 {
		t.Fatalf("within the horizon: %+v", got)
	}
	now = now.Add(2 * time.Hour)
	if err := l.Compact(context.Background()); err != nil {
		t.Fatal(err)
	}
	if names, _ := m.List("data/seen"); len(names) != 0 {
		t.Fatalf("%d fingerprint files are left", len(names))
	}
	if got := send(); got.Accepted != 3 {
		t.Fatalf("beyond the horizon: %+v", got)
	}
}

// TestAside: lines set aside are counted in the open and readable with the key
// only; a torn end is passed over.
func TestAside(t *testing.T) {
	m := create(t)
	l := open(t, m, Options{})
	secret := "SECRET-LINE"
	for i := range 3 {
		if err := l.SetAside(0, []AsideLine{{Source: "gateway", File: "f", Offset: int64(i), Field: "time", Cause: "clock", Text: []byte(secret)}}); err != nil {
			t.Fatal(err)
		}
	}
	counts, err := l.Aside()
	if err != nil || len(counts) != 1 || counts[0].Count != 3 || counts[0].Cause != "clock" {
		t.Fatalf("%+v %v", counts, err)
	}
	names, _ := m.List("data/aside")
	for _, n := range names {
		b, _ := disk.ReadFile(m, "data/aside/"+n)
		if bytes.Contains(b, []byte(secret)) {
			t.Fatal("a line set aside can be read without the key")
		}
	}
	opener, err := pseudonym.LoadOpening(m, "data.keys/open.key")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	err = l.OpenAside(opener, func(a AsideLine) error {
		if string(a.Text) == secret {
			n++
		}
		return nil
	})
	if err != nil || n != 3 {
		t.Fatalf("%d lines came back, %v", n, err)
	}
	l.Close()
}

// TestRealIDs: what the dictionary keeps opens with the key, also for ids that
// came back from the journal after a crash.
func TestRealIDs(t *testing.T) {
	rnd := seed(t)
	m := create(t)
	l := open(t, m, Options{})
	if _, err := l.Append(context.Background(), records(2)); err != nil {
		t.Fatal(err)
	}
	m = m.Crash(rnd)
	l.Close()
	l = open(t, m, Options{})
	defer l.Close()
	for _, sealed := range []bool{false, true} {
		if sealed {
			if err := l.Seal(); err != nil {
				t.Fatal(err)
			}
		}
		v, err := l.View()
		if err != nil {
			t.Fatal(err)
		}
		ref, ok, err := v.Lookup(l.Hasher().Account("m2"))
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		opener, err := pseudonym.LoadOpening(m, "data.keys/open.key")
		if err != nil {
			t.Fatal(err)
		}
		if err := l.LoadHeaders(opener); err != nil {
			t.Fatal(err)
		}
		if id, err := v.RealID(opener, ref); err != nil || id != "m2" {
			t.Fatalf("opened %q, %v (sealed: %v)", id, err, sealed)
		}
		v.Close()
	}
}

// TestRetain drops whole months, destroys ids nobody needs, and is stopped by a
// hold.
func TestRetain(t *testing.T) {
	m := create(t)
	l := open(t, m, Options{})
	march, may := record(1), record(2)
	march.Time, march.Actor.ID, march.Subjects = noon, "m77", []event.AccountID{"m77"}
	march.Actor.Type, march.Position = event.Member, event.PositionActor
	may.Time = noon + 60*86_400_000
	if _, err := l.Append(context.Background(), []event.Record{march, may}); err != nil {
		t.Fatal(err)
	}
	cut := noon + 40*86_400_000
	if err := l.SetHold(Hold{Name: "case 1", Reason: "order of 19 November"}); err != nil {
		t.Fatal(err)
	}
	var held *HeldError
	if _, err := l.Retain(cut); !errors.As(err, &held) {
		t.Fatalf("retain under a hold: %v", err)
	}
	if l.Stats().Failed {
		t.Fatal("a refused retention stopped the ledger")
	}
	if ok, err := l.LiftHold("case 1"); err != nil || !ok {
		t.Fatal(ok, err)
	}
	got, err := l.Retain(cut)
	if err != nil || got.Records != 1 || got.Ids != 1 {
		t.Fatalf("%+v %v", got, err)
	}
	v, _ := l.View()
	if _, ok, _ := v.Lookup(l.Hasher().Account("m77")); ok {
		t.Fatal("the destroyed id is still found")
	}
	if v.RetainedFrom() != cut {
		t.Fatal("the view does not say what was destroyed")
	}
	v.Close()
	// The id comes back under a new ordinal, and the old one is not given out.
	if _, err := l.Append(context.Background(), []event.Record{march}); err != nil {
		t.Fatal(err)
	}
	l.Close()
	l = open(t, m, Options{})
	if len(content(t, l)) == 0 {
		t.Fatal("what was kept is gone")
	}
	l.Close()
}

// FuzzEntry: a damaged journal entry is an error, never a panic.
func FuzzEntry(f *testing.F) {
	b := newBatch(testHasher(), func(event.AccountID) bool { return true })
	for n := range 9 {
		r := record(n)
		if n%3 == 0 {
			r.Looked, r.Marks = 1, []uint32{0, uint32(n) + 1, 300}
		}
		b.Add(&r)
	}
	en := &entry{batches: []entryBatch{{batch: b, sealed: make([][]byte, len(b.ids)), file: "f"}}, checkpoints: map[string][]byte{"c": []byte("x")}}
	f.Add(encodeEntry(en, [][]bool{nil}))
	f.Fuzz(func(t *testing.T, data []byte) { decodeEntry(data) })
}

func FuzzManifest(f *testing.F) {
	data, _ := encodeManifest(&manifest{Number: 3})
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) { decodeManifest(data) })
}

func FuzzAside(f *testing.F) {
	head := []byte("\x02\x00\x00\x00\x01\x00\x00\x00")
	head = binary.LittleEndian.AppendUint32(head, crc32.Checksum([]byte("{}x"), castagnoli))
	head = binary.LittleEndian.AppendUint32(head, crc32.Checksum(head, castagnoli))
	f.Add(append(head, "{}x"...))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, summaries := range []bool{false, true} {
			walkAside(bytes.NewReader(data), int64(len(data)), 0, 0, summaries, func(*asideSummary, int64, []byte) error { return nil })
		}
	})
}
