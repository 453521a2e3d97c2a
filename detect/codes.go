package detect

import (
	"net/netip"

	"github.com/haetae/haetae/ledger/dictionary"
)

// codes gives texts and addresses numbers, so that groups and values are compared
// as numbers and exactly. Zero is none, and overCode what there was no room for.
type codes struct {
	texts   map[string]uint64
	addrs   map[netip.Addr]uint64
	byText  []string
	byAddr  []netip.Addr
	max     int  // of each of them
	refused bool // the bound was reached
}

// overCode stands for a text or an address beyond the bound: a record has one, and
// which one is not known, so that what groups by it or counts it cannot decide on it.
const overCode = ^uint64(0)

func newCodes(most int) *codes {
	return &codes{texts: map[string]uint64{}, addrs: map[netip.Addr]uint64{}, byText: []string{""}, byAddr: []netip.Addr{{}}, max: most}
}

// told reports whether a code says which value it is.
func told(code uint64) bool { return code-1 < overCode-1 }

func (c *codes) text(s string) uint64 {
	if s == "" {
		return 0
	}
	n, ok := c.texts[s]
	if !ok {
		if len(c.byText) > c.max {
			c.refused = true
			return overCode
		}
		n = uint64(len(c.byText))
		c.byText = append(c.byText, s)
		c.texts[s] = n
	}
	return n
}

func (c *codes) addr(a netip.Addr) uint64 {
	if !a.IsValid() {
		return 0
	}
	if a.Is4() {
		return addr4(a, false)
	}
	n, ok := c.addrs[a]
	if !ok {
		if len(c.byAddr) > c.max {
			c.refused = true
			return overCode
		}
		n = uint64(len(c.byAddr))
		c.byAddr = append(c.byAddr, a)
		c.addrs[a] = n
	}
	return n
}

// addr4 is the code of an IPv4 address, or of its /24.
func addr4(a netip.Addr, network bool) uint64 {
	b := a.As4()
	if network {
		b[3] = 0
	}
	return 1<<40 | uint64(b[0])<<24 | uint64(b[1])<<16 | uint64(b[2])<<8 | uint64(b[3])
}

func (c *codes) addrOf(n uint64) netip.Addr {
	if n>>40 == 1 {
		return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
	}
	if n < uint64(len(c.byAddr)) {
		return c.byAddr[n]
	}
	return netip.Addr{}
}

func refCode(r dictionary.Ref) uint64 { return uint64(r) + 1 }
func refOf(code uint64) dictionary.Ref {
	return dictionary.Ref(code - 1)
}
