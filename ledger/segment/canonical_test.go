package segment

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// TestKeys: the numbers by which tables are sorted never contradict the order of
// their entries, or a file would depend on how its rows came.
func TestKeys(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	var clients []Client
	var words []string
	for range 400 {
		var a [16]byte
		for i := range a {
			if rnd.IntN(3) == 0 {
				a[i] = byte(rnd.Uint32())
			}
		}
		c := Client{Country: strings.Repeat("K", rnd.IntN(2))}
		switch rnd.IntN(4) {
		case 0:
			c.IP = netip.AddrFrom4([4]byte(a[:4]))
		case 1:
			c.IP = netip.AddrFrom16(a)
		case 2:
			c.IP = netip.AddrFrom16(netip.AddrFrom4([4]byte(a[4:8])).As16())
		}
		clients = append(clients, c)
		words = append(words, string(a[:rnd.IntN(17)]))
	}
	slices.SortFunc(clients, compareClients)
	if !slices.IsSortedFunc(clients, func(a, b Client) int { return order(keyOfClient(&a), keyOfClient(&b)) }) {
		t.Error("clients in their order are not in the order of their keys")
	}
	slices.Sort(words)
	if !slices.IsSortedFunc(words, func(a, b string) int { return order(keyOfString(&a), keyOfString(&b)) }) {
		t.Error("texts in their order are not in the order of their keys")
	}
}

func order(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
