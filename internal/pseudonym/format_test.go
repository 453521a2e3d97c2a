package pseudonym

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/haetae/haetae/internal/golden"

	"golang.org/x/crypto/chacha20poly1305"
)

// TestPage pins a sealed id, under a key and a sealer that chance would never
// draw, and that the page draws it.
func TestPage(t *testing.T) {
	aead, err := chacha20poly1305.New(bytes.Repeat([]byte{7}, chacha20poly1305.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	s := &Sealer{id: 0x0102030405060708, aead: aead}
	sealed := s.Seal(nil, "m1")
	golden.Drawn(t, "docs/formats/dictionary.md", "sealed", sealed)
	if id, ok := SealerOf(sealed); !ok || id != s.id {
		t.Errorf("sealed by %x, %v", id, ok)
	}
	if again := s.Seal(nil, "m1"); again[8] != 2 || bytes.Equal(again[16:], sealed[16:]) {
		t.Error("two entries share a nonce")
	}
}

// TestNames pins what stands in files and what every stored hash depends on.
func TestNames(t *testing.T) {
	for _, c := range [][2]string{
		{HashKeyName, "hash.key"}, {OpenKeyName, "open.key"}, {hashKeyMagic, "haetae hash key 1"}, {headerMagic, "HTSEAL01"},
		{useAccount, "haetae account"}, {useActor, "haetae actor"}, {usePerson, "haetae person"}, {useToken, "haetae token"},
		{useRecord, "haetae record"}, {useLine, "haetae line"}, {useBucket, "haetae bucket"},
		{useStream, "haetae stream"}, {useState, "haetae stream state"}, {useRule, "haetae rule"}, {useCheck, "haetae check"},
	} {
		if c[0] != c[1] {
			t.Errorf("%q was %q, and folders in the field still say so: see docs/formats.md", c[0], c[1])
		}
	}
	if bucketSize != 1024 {
		t.Error("a bucket of another size makes every stored bucket another one")
	}
}

// TestHeader: magic, the sealer's number, and an age file of the 32 key bytes.
func TestHeader(t *testing.T) {
	id := testIdentity(t)
	s := testSealer(t, id.Recipient().String())
	h := s.Header()
	if string(h[:8]) != "HTSEAL01" || !strings.HasPrefix(string(h[16:]), "age-encryption.org/v1\n") {
		t.Errorf("a header begins %q: see docs/formats/dictionary.md", h[:40])
	}
	if n, ok := HeaderID(h); !ok || n != s.ID() {
		t.Errorf("header of %x, not %x", n, s.ID())
	}
	if err := testOpener(id).AddHeader(append([]byte("HTSEAL02"), h[8:]...)); !errors.Is(err, ErrSealed) {
		t.Errorf("a newer header: %v", err)
	}
}
