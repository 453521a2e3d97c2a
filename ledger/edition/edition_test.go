package edition

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/dictionary"
)

// seed is drawn anew for each run; HAETAE_SEED repeats one.
func seed(t testing.TB) *rand.Rand {
	n := rand.Uint64()
	if s := os.Getenv("HAETAE_SEED"); s != "" {
		n, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("repeat with HAETAE_SEED=%d go test -run '^%s$' ./ledger/edition", n, t.Name())
		}
	})
	return rand.New(rand.NewPCG(n, 1))
}

func TestInForce(t *testing.T) {
	var editions []*Register
	for _, from := range []event.Millis{100, 200, 200, 300} {
		editions = append(editions, &Register{Edition: Edition{from: from}})
	}
	for _, c := range []struct {
		at    event.Millis
		index int
		exact bool
	}{
		{99, 0, false}, {100, 0, true}, {199, 0, true},
		{200, 2, true}, // of two with one date, the one that came last
		{299, 2, true}, {300, 3, true}, {1 << 50, 3, true}, {-5, 0, false},
	} {
		if i, exact := InForce(editions, c.at); i != c.index || exact != c.exact {
			t.Errorf("at %d: %d, %v, want %d, %v", c.at, i, exact, c.index, c.exact)
		}
	}
	// Also where the first stands in for what was before: a corrected file of the
	// same date replaces the mistaken one at every moment.
	if i, exact := InForce(editions[1:], 5); i != 1 || exact {
		t.Errorf("before two of one date: %d, %v", i, exact)
	}
	if i, exact := InForce(editions[1:3], 5); i != 1 || exact {
		t.Errorf("before two of one date and none else: %d, %v", i, exact)
	}
	if i, exact := InForce([]*Holdings(nil), 1); i != -1 || exact {
		t.Errorf("without editions: %d, %v", i, exact)
	}
}

func TestKnown(t *testing.T) {
	var r *Register
	var h *Holdings
	if r.Known() || h.Known() || !(&Register{}).Known() || !(&Holdings{}).Known() {
		t.Error("no edition is not an empty edition")
	}
}

func register(t testing.TB, name string, from event.Millis, refs []dictionary.Ref) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := BuildRegister(&buf, name, from, slices.Values(refs)); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestRegisterEqualsSet(t *testing.T) {
	rnd := seed(t)
	for _, n := range []int{0, 1, 50, 20_000} {
		parts, spread := 1+rnd.IntN(256), 1+rnd.IntN(5000)
		want := map[dictionary.Ref]bool{}
		var refs []dictionary.Ref
		for range n {
			r := dictionary.MakeRef(byte(rnd.IntN(parts)), uint32(rnd.IntN(spread)))
			want[r] = true
			refs = append(refs, r)
		}
		data := register(t, "회원대장 2026-03", 1234, refs)
		r, err := OpenRegister(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		if r.Name() != "회원대장 2026-03" || r.From() != 1234 || r.Accounts() != uint64(len(want)) {
			t.Fatalf("%s, %d, %d accounts, want %d", r.Name(), r.From(), r.Accounts(), len(want))
		}
		for p := range 256 {
			for l := range uint32(spread + 70) {
				ref := dictionary.MakeRef(byte(p), l)
				if r.Has(ref) != want[ref] {
					t.Fatalf("%x: %v", ref, r.Has(ref))
				}
				words := r.Words(p)
				if in := int(l/64) < len(words) && words[l/64]>>(l%64)&1 == 1; in != want[ref] {
					t.Fatalf("%x in words: %v", ref, in)
				}
			}
			if r.Has(dictionary.NoAccount(p)) {
				t.Fatal("the register holds nobody")
			}
		}
	}
}

// behind is what the model keeps of a line.
type behind struct {
	items  string
	holder bool
}

type holdingsModel map[dictionary.Ref]map[dictionary.Ref]behind // by account and person

func unite(a, b string) string {
	all := append(strings.Fields(a), strings.Fields(b)...)
	slices.Sort(all)
	return strings.Join(slices.Compact(all), " ")
}

// randomHoldings adds the same lines to a builder and to a model. kinds items
// are filled in or not, each regardless of the others.
func randomHoldings(t testing.TB, rnd *rand.Rand, lines, parts, spread, people, kinds int) (*HoldingsBuilder, holdingsModel) {
	b, m := NewHoldingsBuilder("2026-03", 77), holdingsModel{}
	for range lines {
		account := dictionary.MakeRef(byte(rnd.IntN(parts)), uint32(rnd.IntN(spread)))
		if rnd.IntN(3) == 0 { // address books
			account = dictionary.MakeRef(0, uint32(rnd.IntN(2)))
		}
		person := dictionary.MakeRef(byte(rnd.IntN(256)), uint32(rnd.IntN(1+people/256)))
		var items []string
		for k := range kinds {
			if rnd.IntN(2) == 0 {
				items = append(items, fmt.Sprintf("item%02d", k))
			}
		}
		holder := rnd.IntN(2) == 0
		if err := b.Add(account, person, items, holder); err != nil {
			t.Fatal(err)
		}
		if m[account] == nil {
			m[account] = map[dictionary.Ref]behind{}
		}
		old := m[account][person]
		m[account][person] = behind{unite(old.items, strings.Join(items, " ")), old.holder || holder}
	}
	return b, m
}

func written(t testing.TB, b *HoldingsBuilder) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := b.Write(&buf); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func opened(t testing.TB, data []byte) *Holdings {
	t.Helper()
	h, err := OpenHoldings(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (m holdingsModel) check(t *testing.T, h *Holdings, parts, spread int) {
	t.Helper()
	accounts := map[dictionary.Ref]int{} // of each person
	for _, people := range m {
		for p := range people {
			accounts[p]++
		}
	}
	for p := range 256 {
		pt, err := h.Partition(p)
		if err != nil {
			t.Fatal(err)
		}
		if again, _ := h.Partition(p); again != pt {
			t.Fatal("a partition is read twice")
		}
		c := pt.Cursor()
		for l := range uint32(spread + 3) {
			account := dictionary.MakeRef(byte(p), l)
			if h.Has(account) != (len(m[account]) > 0) {
				t.Fatalf("%x: %v", account, h.Has(account))
			}
			from, to := pt.Lines(l)
			if f, u := c.Seek(l); f != from && from != to || u-f != to-from {
				t.Fatalf("%x: the walk finds %d-%d, the search %d-%d", account, f, u, from, to)
			}
			people := slices.SortedFunc(maps.Keys(m[account]), cmp.Compare[dictionary.Ref])
			if int(to-from) != len(people) {
				t.Fatalf("%x: %d people, want %d", account, to-from, len(people))
			}
			for i, person := range people {
				line := pt.Line(from + uint32(i))
				var items []string
				for k, it := range h.Items() {
					if line.Mask>>k&1 == 1 {
						items = append(items, it)
					}
				}
				slices.Sort(items)
				want := m[account][person]
				got := behind{strings.Join(items, " "), line.Holder}
				if line.Person != person || got != want || line.Shared != (accounts[person] > 1) {
					t.Fatalf("%x line %d: %+v %+v, want %x %+v in %d accounts", account, i, line, got, person, want, accounts[person])
				}
			}
		}
	}
}

func TestHoldingsEqualMap(t *testing.T) {
	rnd := seed(t)
	for _, lines := range []int{0, 1, 30, 3000} {
		parts, spread, people := 1+rnd.IntN(256), 1+rnd.IntN(300), 1+rnd.IntN(3000)
		b, m := randomHoldings(t, rnd, lines, parts, spread, people, 5)
		data := written(t, b)
		if !bytes.Equal(data, written(t, b)) {
			t.Error("written twice, it differs")
		}
		h := opened(t, data)
		if h.Name() != "2026-03" || h.From() != 77 || h.Lines() != uint64(lines) {
			t.Errorf("%s, %d, %d lines", h.Name(), h.From(), h.Lines())
		}
		m.check(t, h, parts, spread)
	}
}

// TestManySets: above 16,384 different sets a line is two bytes longer.
func TestManySets(t *testing.T) {
	rnd := seed(t)
	b, m := randomHoldings(t, rnd, 30_000, 4, 5000, 20_000, 18)
	if len(b.sets) <= narrowSets {
		t.Fatalf("only %d sets", len(b.sets))
	}
	m.check(t, opened(t, written(t, b)), 4, 5000)
}

// TestCrowdedAccount: an account with more people than one byte counts.
func TestCrowdedAccount(t *testing.T) {
	for _, n := range []int{254, 255, 256, 600} {
		b := NewHoldingsBuilder("", 0)
		account := func(l uint32) dictionary.Ref { return dictionary.MakeRef(9, l) }
		for i := range n {
			b.Add(account(5), dictionary.MakeRef(1, uint32(i)), []string{"name"}, false)
		}
		b.Add(account(3), dictionary.MakeRef(2, 0), nil, true)
		b.Add(account(90), dictionary.MakeRef(2, 1), nil, true)
		pt, err := opened(t, written(t, b)).Partition(9)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range [][3]uint32{{3, 0, 1}, {4, 1, 1}, {5, 1, uint32(n) + 1}, {90, uint32(n) + 1, uint32(n) + 2}, {91, 0, 0}} {
			if from, to := pt.Lines(c[0]); from != c[1] || to != c[2] {
				t.Errorf("%d people: account %d has lines %d-%d, want %d-%d", n, c[0], from, to, c[1], c[2])
			}
		}
	}
}

// TestSeekInAnyOrder: ascending is only the fast order.
func TestSeekInAnyOrder(t *testing.T) {
	rnd := seed(t)
	b, _ := randomHoldings(t, rnd, 2000, 1, 700, 500, 2)
	pt, err := opened(t, written(t, b)).Partition(0)
	if err != nil {
		t.Fatal(err)
	}
	c := pt.Cursor()
	for range 5000 {
		l := uint32(rnd.IntN(750))
		f, u := c.Seek(l)
		if from, to := pt.Lines(l); f != from || u != to {
			t.Fatalf("account %d: %d-%d, want %d-%d", l, f, u, from, to)
		}
	}
}

func TestLimits(t *testing.T) {
	b := NewHoldingsBuilder("", 0)
	a, p := dictionary.MakeRef(0, 0), dictionary.MakeRef(0, 0)
	for i := range MaxItems {
		if err := b.Add(a, p, []string{strconv.Itoa(i)}, true); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Add(a, p, []string{"one more"}, true); !errors.Is(err, ErrTooManyItems) {
		t.Errorf("%v", err)
	}
	b.sets = make([]uint64, maxSets)
	if err := b.Add(a, p, []string{"0", "1"}, true); !errors.Is(err, ErrTooManySets) {
		t.Errorf("%v", err)
	}
	if err := b.Add(dictionary.NoAccount(3), p, nil, true); !errors.Is(err, ErrNoAccount) {
		t.Errorf("%v", err)
	}
	if err := BuildRegister(&bytes.Buffer{}, "", 0, slices.Values([]dictionary.Ref{dictionary.NoAccount(3)})); !errors.Is(err, ErrNoAccount) {
		t.Errorf("%v", err)
	}
	if err := BuildRegister(&bytes.Buffer{}, strings.Repeat("x", nameMax+1), 0, slices.Values([]dictionary.Ref(nil))); err == nil {
		t.Error("a name that no reader accepts was written")
	}
}

func smallHoldings(t testing.TB) []byte {
	b := NewHoldingsBuilder("H", 2)
	b.Add(dictionary.MakeRef(0, 1), dictionary.MakeRef(0, 7), []string{"name"}, true)
	b.Add(dictionary.MakeRef(0, 1), dictionary.MakeRef(3, 8), []string{"name", "phone"}, false)
	b.Add(dictionary.MakeRef(2, 0), dictionary.MakeRef(3, 8), nil, true)
	return written(t, b)
}

func smallRegister(t testing.TB) []byte {
	return register(t, "R", 1, []dictionary.Ref{dictionary.MakeRef(0, 0), dictionary.MakeRef(1, 65)})
}

// TestBytes pins the formats: these bytes are in folders in the field.
func TestBytes(t *testing.T) {
	squeeze := func(s string) string { return strings.Join(strings.Fields(s), "") }
	wantR := squeeze(`4854524547493031 0100000000000000 0200000000000000 01000000 52
		01000000 0100000000000000
		02000000 0000000000000000 0200000000000000 `) + strings.Repeat("00000000", 254)
	data := smallRegister(t)
	if got := hex.EncodeToString(data[:len(data)-4]); got != wantR {
		t.Errorf("register\ngot  %s\nwant %s", got, wantR)
	}
	data = smallHoldings(t)
	wantH := squeeze(`4854484f4c443031 0200000000000000 0300000000000000 01000000 48
		02000000 04000000 6e616d65 05000000 70686f6e65
		03000000 0100000000000000 0300000000000000 0000000000000000
		%s
		02000000 02000000 0002 00000000  07000000 08000003  0080 0140
		01000000 01000000 01   00000000  08000003           02c0`)
	at := strings.Index(wantH, "%s") / 2
	got := hex.EncodeToString(data[:at]) + "%s" + hex.EncodeToString(data[at+4:])
	if !strings.HasPrefix(got, wantH) {
		t.Errorf("holdings\ngot  %s\nwant %s", got, wantH)
	}
	if n := len(data) - (len(wantH)/2 + 3); n != 256*20+12 {
		t.Errorf("directory and footer of %d bytes", n)
	}
}

func TestNewerFormat(t *testing.T) {
	r, h := smallRegister(t), smallHoldings(t)
	copy(r[6:], "02")
	copy(h[6:], "07")
	_, err := OpenRegister(bytes.NewReader(r), int64(len(r)))
	if !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), "has format 2 and this release reads up to 1") {
		t.Errorf("%v", err)
	}
	if _, err := OpenHoldings(bytes.NewReader(h), int64(len(h))); !errors.Is(err, ErrNewer) {
		t.Errorf("%v", err)
	}
	if _, err := OpenHoldings(bytes.NewReader(smallRegister(t)), int64(len(r))); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a register as holdings: %v", err)
	}
}

// readAll exercises every reader and returns the first error.
func readAll(data []byte) error {
	if _, err := OpenRegister(bytes.NewReader(data), int64(len(data))); err == nil {
		return nil
	}
	h, err := OpenHoldings(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return err
	}
	for p := range 256 {
		pt, err := h.Partition(p)
		if err != nil {
			return err
		}
		c := pt.Cursor()
		for l := range pt.counts {
			from, to := c.Seek(uint32(l))
			for i := from; i < to; i++ {
				pt.Line(i)
			}
		}
	}
	return nil
}

// TestEveryByteIsChecked: no single changed byte goes unnoticed.
func TestEveryByteIsChecked(t *testing.T) {
	for name, data := range map[string][]byte{"register": smallRegister(t), "holdings": smallHoldings(t)} {
		if err := readAll(data); err != nil {
			t.Fatal(err)
		}
		for i := range data {
			bad := slices.Clone(data)
			bad[i] ^= 0x10
			if err := readAll(bad); !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrNewer) {
				t.Fatalf("%s: byte %d changed: %v", name, i, err)
			}
			if err := readAll(data[:i]); !errors.Is(err, ErrCorrupt) {
				t.Fatalf("%s: cut to %d bytes: %v", name, i, err)
			}
		}
	}
}

func TestCRCTellsEditionsApart(t *testing.T) {
	seen := map[uint32]bool{}
	for _, people := range []uint32{1, 2} {
		for _, name := range []string{"a", "b"} {
			b := NewHoldingsBuilder(name, 0)
			b.Add(dictionary.MakeRef(0, 0), dictionary.MakeRef(0, people), nil, true)
			seen[opened(t, written(t, b)).CRC()] = true
			data := register(t, name, 0, []dictionary.Ref{dictionary.MakeRef(0, people)})
			r, err := OpenRegister(bytes.NewReader(data), int64(len(data)))
			if err != nil {
				t.Fatal(err)
			}
			seen[r.CRC()] = true
		}
	}
	if len(seen) != 8 {
		t.Errorf("%d checksums of 8 editions", len(seen))
	}
}

// rightened repairs the checksums of a mutated file, so that what stands behind
// them is reached.
func rightened(data []byte) []byte {
	b := slices.Clone(data)
	put := func(at int, v uint32) {
		b[at], b[at+1], b[at+2], b[at+3] = byte(v), byte(v>>8), byte(v>>16), byte(v>>24)
	}
	if len(b) < magicSize+4 || string(b[:magicSize]) == registerKind+version {
		if len(b) >= 4 {
			put(len(b)-4, sum(b[:len(b)-4]))
		}
		return b
	}
	end := len(b) - 256*partEntry - holdingsFooter
	if end < headSize+4 {
		return b
	}
	le := func(at int) int {
		return int(uint32(b[at]) | uint32(b[at+1])<<8 | uint32(b[at+2])<<16 | uint32(b[at+3])<<24)
	}
	if start := le(end); start >= headSize+4 && start <= end {
		put(start-4, sum(b[:start-4]))
	}
	for e := end; e < len(b)-holdingsFooter; e += partEntry {
		if from, n := le(e), le(e+8); from <= end && n <= end-from {
			put(e+16, sum(b[from:from+n]))
		}
	}
	put(len(b)-4, sum(b[end:len(b)-holdingsFooter]))
	return b
}

func FuzzEdition(f *testing.F) {
	rnd := rand.New(rand.NewPCG(1, 2))
	f.Add(smallRegister(f))
	f.Add(smallHoldings(f))
	b, _ := randomHoldings(f, rnd, 40, 2, 5, 20, 3)
	f.Add(written(f, b))
	f.Add([]byte(registerKind + version))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		readAll(data)
		readAll(rightened(data))
	})
}

// FuzzPart reaches the section's decoder, which is behind two checksums.
func FuzzPart(f *testing.F) {
	lines := []holdingLine{{0, 5, 1}, {2, 5, 0 | flagHolder}, {2, 6, 1}}
	for i := range 300 {
		lines = append(lines, holdingLine{3, dictionary.Ref(10 + i), 0})
	}
	f.Add(appendPart(nil, lines, new(bitmap), 2), 2)
	f.Add(appendPart(nil, lines, new(bitmap), 4), narrowSets+1)
	f.Fuzz(func(t *testing.T, raw []byte, sets int) {
		pt, err := decodePart(raw, make([]uint64, min(max(sets, 0), narrowSets+1)))
		if err != nil {
			return
		}
		c, last := pt.Cursor(), uint32(0)
		for l := range pt.counts {
			from, to := c.Seek(uint32(l))
			if from != last || to < from {
				t.Fatal("lines out of order")
			}
			last = to
			for i := from; i < to; i++ {
				pt.Line(i)
			}
		}
	})
}
