package ingest

import (
	"fmt"
	"net/netip"
	"strconv"

	"github.com/oschwald/maxminddb-golang/v2"
)

// Networks tells the country and network of an address.
type Networks interface {
	Lookup(netip.Addr) (country, network string)
}

// networkFiles looks addresses up in files that the operator supplies: Haetae
// ships none, and asks no service.
type networkFiles struct{ files []*maxminddb.Reader }

// OpenNetworks opens .mmdb files: one with countries, one with networks, or one
// with both.
func OpenNetworks(names ...string) (Networks, error) {
	n := &networkFiles{}
	for _, name := range names {
		r, err := maxminddb.Open(name)
		if err != nil {
			return nil, fmt.Errorf("open network file: %w", err)
		}
		n.files = append(n.files, r)
	}
	return n, nil
}

// Lookup implements Networks. An address in no file has no country; that is not
// an error.
func (n *networkFiles) Lookup(a netip.Addr) (country, network string) {
	for _, f := range n.files {
		var rec struct {
			Country struct {
				Code string `maxminddb:"iso_code"`
			} `maxminddb:"country"`
			Number uint `maxminddb:"autonomous_system_number"`
		}
		if err := f.Lookup(a).Decode(&rec); err != nil {
			continue
		}
		if country == "" {
			country = rec.Country.Code
		}
		if network == "" && rec.Number != 0 {
			network = "AS" + strconv.FormatUint(uint64(rec.Number), 10)
		}
	}
	return country, network
}
