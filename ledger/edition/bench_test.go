package edition

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/haetae/haetae/ledger/dictionary"
)

// benchPart is a partition of a platform with 40 million accounts: most have
// their holder, some an address book.
func benchPart(b *testing.B) *Part {
	const accounts = 40_000_000 / 256
	rnd := rand.New(rand.NewPCG(1, 2))
	hb := NewHoldingsBuilder("bench", 0)
	items := []string{"name", "phone", "email", "address", "door_code"}
	for l := range uint32(accounts) {
		account := dictionary.MakeRef(0, l)
		hb.Add(account, dictionary.MakeRef(byte(l), l), items[:1+rnd.IntN(5)], true)
		for range rnd.IntN(8) / 6 {
			hb.Add(account, dictionary.MakeRef(byte(rnd.Uint32()), uint32(rnd.IntN(accounts))), items[:1+rnd.IntN(3)], false)
		}
	}
	pt, err := opened(b, written(b, hb)).Partition(0)
	if err != nil {
		b.Fatal(err)
	}
	return pt
}

// BenchmarkWalk is what a question does for every account it has found: seek,
// and read its lines. One of every that many accounts was found.
func BenchmarkWalk(b *testing.B) {
	pt := benchPart(b)
	for _, every := range []uint32{1, 10, 100} {
		b.Run(fmt.Sprintf("every=%d", every), func(b *testing.B) {
			b.ReportAllocs()
			mask := uint64(0)
			c, l := pt.Cursor(), uint32(0)
			for range b.N {
				from, to := c.Seek(l)
				for i := from; i < to; i++ {
					mask |= pt.Line(i).Mask
				}
				if l += every; int(l) >= len(pt.counts) {
					l = 0
				}
			}
			if mask == 0 {
				b.Fatal("nobody")
			}
		})
	}
}

func BenchmarkHas(b *testing.B) {
	var refs []dictionary.Ref
	for l := range uint32(40_000_000 / 256) {
		refs = append(refs, dictionary.MakeRef(byte(l), l))
	}
	var buf bytes.Buffer
	BuildRegister(&buf, "bench", 0, slices.Values(refs))
	r, err := OpenRegister(bytes.NewReader(buf.Bytes()), int64(buf.Len()))
	if err != nil {
		b.Fatal(err)
	}
	n := 0
	for i := range b.N {
		if r.Has(refs[i%len(refs)]) {
			n++
		}
	}
	if n != b.N {
		b.Fatal("lost")
	}
}
