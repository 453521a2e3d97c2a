package pseudonym

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/haetae/haetae/event"
)

func testHasher() *Hasher {
	var key [32]byte
	for i := range key {
		key[i] = byte(i)
	}
	return NewHasher(key)
}

// TestHashes pins every hash: all of them are stored. The values were computed
// with another implementation of SipHash-2-4, itself checked against the
// authors' vectors.
func TestHashes(t *testing.T) {
	h := testHasher()
	wide := func(p Pseudonym) string { return hex.EncodeToString(p[:]) }
	narrow := func(v uint64) string { return fmt.Sprintf("%x", v) }
	for _, c := range []struct{ what, got, want string }{
		{"account", wide(h.Account("m0012345")), "f92ba143ff69a047cfbbf164535fd32d"},
		{"member", wide(h.Actor("m0012345", event.Member)), "f92ba143ff69a047cfbbf164535fd32d"},
		{"staff", wide(h.Actor("m0012345", "staff")), "da3034336e236f5395aa43e880a9489c"},
		{"person", wide(h.Person("m0012345")), "489fd307e28a54628d56e331ae232555"},
		{"token", narrow(h.Token("t-1")), "4732e9932f996cb4"},
		{"no token", narrow(h.Token("")), "0"},
		{"record", narrow(h.Fingerprint("gateway", "r-1")), "44906bdb96bbb5cb"},
		{"no record id", narrow(h.Fingerprint("gateway", "")), "0"},
		{"line", narrow(h.Line([]byte("one line"))), "8ad2f1a0e31c44f8"},
		{"bucket", narrow(h.Bucket("m0012345")), "48ccd6b0a9a9d91d"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", c.what, c.got, c.want)
		}
	}
}

func TestUsesDoNotShareAHash(t *testing.T) {
	h := testHasher()
	const id = "same"
	wide := map[Pseudonym]bool{h.Account(id): true, h.Actor(id, "staff"): true, h.Person(id): true}
	narrow := map[uint64]bool{h.Token(id): true, h.Fingerprint("", id): true, h.Fingerprint("a", id): true, h.Line([]byte(id)): true}
	if len(wide) != 3 || len(narrow) != 4 {
		t.Errorf("%d wide and %d narrow hashes are different", len(wide), len(narrow))
	}
	var other [32]byte
	if NewHasher(other).Account(id) == h.Account(id) {
		t.Error("the key makes no difference")
	}
}

func TestBucket(t *testing.T) {
	h := testHasher()
	same := func(a, b string) {
		t.Helper()
		if h.Bucket(a) != h.Bucket(b) || h.Bucket(a) == 0 {
			t.Errorf("%s and %s are in different buckets", a, b)
		}
	}
	differ := func(a, b string) {
		t.Helper()
		if h.Bucket(a) == h.Bucket(b) {
			t.Errorf("%s and %s are in one bucket", a, b)
		}
	}
	same("m0001024", "m0002047")
	same("m1024", "m0002047") // leading zeros are no other number
	same("1024", "1500")
	same("a1-1024", "a1-2047")
	differ("m1023", "m1024")
	differ("m2047", "m2048")
	differ("m1024", "n1024")
	differ("m1024", "1024")
	differ("a1-1024", "a2-1024")
	same("999999999999999999", "999999999999999998")
	for _, id := range []string{"", "m", "m12x", "1999999999999999999", "m0000000000000000001", strings.Repeat("m", 41) + "1", "１２３"} {
		if b := h.Bucket(id); b != 0 {
			t.Errorf("%q has a bucket", id)
		}
	}
}

func TestNothingAllocates(t *testing.T) {
	h := testHasher()
	line := []byte("a line of a log")
	var sum uint64
	n := testing.AllocsPerRun(100, func() {
		a, s, p := h.Account("m0012345"), h.Actor("kim", "staff"), h.Person("m0012345")
		sum += uint64(a[0]) + uint64(s[0]) + uint64(p[0])
		sum += h.Token("t-1") + h.Fingerprint("gateway", "r-1") + h.Line(line) + h.Bucket("m0012345")
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestPrintsShort: no verb shows more than four bytes.
func TestPrintsShort(t *testing.T) {
	p := testHasher().Account("m0012345")
	full := hex.EncodeToString(p[:])
	for _, verb := range []string{"%v", "%s", "%x", "%X", "%q", "%d", "%+v", "%#v", "%08b"} {
		got := fmt.Sprintf(verb, p) + fmt.Sprintf(verb, struct{ P Pseudonym }{p})
		if strings.Contains(strings.ToLower(got), full[:10]) || !strings.Contains(got, "p:"+full[:8]) {
			t.Errorf("%s prints %s", verb, got)
		}
	}
	if p.Short() != full[:8] || p.Label() != full[:16] {
		t.Error(p.Short(), p.Label())
	}
}

func BenchmarkHash(b *testing.B) {
	h := testHasher()
	b.Run("account", func(b *testing.B) {
		for range b.N {
			h.Account("m0012345")
		}
	})
	b.Run("fingerprint", func(b *testing.B) {
		for range b.N {
			h.Fingerprint("gateway", "01J8Z3K4M5N6P7Q8R9S0T1V2W3")
		}
	})
	b.Run("bucket", func(b *testing.B) {
		for range b.N {
			h.Bucket("m0012345")
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	s := testSealer(b, testIdentity(b).Recipient().String())
	var buf []byte
	b.ReportAllocs()
	for range b.N {
		buf = s.Seal(buf[:0], "m0012345")
	}
}
