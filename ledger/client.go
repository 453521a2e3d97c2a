package ledger

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"math/rand/v2"

	"github.com/haetae/haetae/ledger/segment"
)

// clientIndex finds the place of a client in a list of them. A log has a client a
// session, and a Go map of them cost an import a tenth: its keys are 56 bytes with
// three pointers, to be hashed, stored again, and scanned by the collector.
//
// Clients choose addresses, so the hash is seeded. The zero value is empty.
type clientIndex struct {
	slots []clientSlot // open addressing, at most half full
	n     int
}

type clientSlot struct {
	hash uint32 // its upper half, so that other clients are seldom looked at
	code uint32 // +1; 0 is empty
}

var (
	clientSeed  = maphash.MakeSeed()
	clientWords = [2]uint64{rand.Uint64(), rand.Uint64()}
)

func hashClient(c *segment.Client) uint64 {
	a := c.IP.As16()
	hi, lo := bits.Mul64(binary.LittleEndian.Uint64(a[:])^clientWords[0], binary.LittleEndian.Uint64(a[8:])^clientWords[1])
	h := hi ^ lo
	if c.Country != "" || c.Network != "" {
		h ^= maphash.String(clientSeed, c.Country) ^ bits.RotateLeft64(maphash.String(clientSeed, c.Network), 32)
	}
	h *= 0x9E3779B97F4A7C15
	return h ^ h>>29
}

// find gives the place of c in list, whose clients were added.
func (x *clientIndex) find(list []segment.Client, c *segment.Client) (uint32, bool) {
	if x.n == 0 {
		return 0, false
	}
	h := hashClient(c)
	mask := uint64(len(x.slots) - 1)
	for i := h & mask; x.slots[i].code != 0; i = (i + 1) & mask {
		if s := x.slots[i]; s.hash == uint32(h>>32) && list[s.code-1] == *c {
			return s.code - 1, true
		}
	}
	return 0, false
}

// add enters the last of list, which is in it once.
func (x *clientIndex) add(list []segment.Client) {
	if 2*(x.n+1) > len(x.slots) {
		x.slots = make([]clientSlot, max(64, 4*x.n))
		x.n = 0
		for i := range list[:len(list)-1] {
			x.enter(list, i)
		}
	}
	x.enter(list, len(list)-1)
}

func (x *clientIndex) enter(list []segment.Client, code int) {
	h := hashClient(&list[code])
	mask := uint64(len(x.slots) - 1)
	i := h & mask
	for x.slots[i].code != 0 {
		i = (i + 1) & mask
	}
	x.slots[i] = clientSlot{uint32(h >> 32), uint32(code) + 1}
	x.n++
}

// clear empties x and keeps its memory.
func (x *clientIndex) clear() {
	clear(x.slots)
	x.n = 0
}
