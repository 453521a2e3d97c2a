package dictionary

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/internal/pseudonym"
)

// numbered makes pseudonyms without keeping them.
func numbered(n uint64) (k pseudonym.Pseudonym) {
	x := n
	for i := 0; i < 16; i += 8 {
		x += 0x9e3779b97f4a7c15
		z := (x ^ x>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		z ^= z >> 31
		for j := range 8 {
			k[i+j] = byte(z >> (8 * j))
		}
	}
	return k
}

func filled(b *testing.B, entries int) *Dictionary {
	fs := disk.NewMem()
	fs.MkdirAll("d")
	d, err := Open(fs, "d", "ids", nil)
	if err != nil {
		b.Fatal(err)
	}
	sealed := make([]byte, 0)
	ks, out := make([]pseudonym.Pseudonym, 1<<14), make([]Ref, 1<<14)
	for at := 0; at < entries; at += len(ks) {
		for i := range ks {
			ks[i] = numbered(uint64(at + i))
		}
		if err := d.Resolve(ks, nil, func(int) []byte { return sealed }, out); err != nil {
			b.Fatal(err)
		}
	}
	return d
}

// BenchmarkResolve is the hot path of an import: ids that are known already,
// in batches of the size that a chunk of log makes.
func BenchmarkResolve(b *testing.B) {
	for _, entries := range []int{1 << 20, 20 << 20} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		d := filled(b, entries)
		runtime.GC()
		runtime.ReadMemStats(&after)
		total := d.Total()
		perEntry := float64(after.HeapAlloc-before.HeapAlloc) / float64(total)
		for _, batch := range []int{1 << 12, 1 << 14, 1 << 16} {
			b.Run(fmt.Sprintf("entries=%dM/batch=%d", entries>>20, batch), func(b *testing.B) {
				rnd := rand.New(rand.NewPCG(1, 2))
				pool := make([]pseudonym.Pseudonym, 1<<20)
				for i := range pool {
					pool[i] = numbered(rnd.Uint64N(uint64(entries)))
				}
				out := make([]Ref, batch)
				b.ResetTimer()
				for i := 0; i < b.N; i += batch {
					at := i % (len(pool) - batch + 1)
					if err := d.Resolve(pool[at:at+batch], nil, nil, out); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(perEntry, "B/entry")
			})
		}
		b.Run(fmt.Sprintf("entries=%dM/one", entries>>20), func(b *testing.B) {
			rnd := rand.New(rand.NewPCG(1, 2))
			pool := make([]pseudonym.Pseudonym, 1<<20)
			for i := range pool {
				pool[i] = numbered(rnd.Uint64N(uint64(entries)))
			}
			b.ResetTimer()
			for i := range b.N {
				if _, ok, _ := d.Lookup(pool[i&(1<<20-1)]); !ok {
					b.Fatal("lost")
				}
			}
		})
	}
}
