package ingest

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ingest/networkstest"
)

// TestNetworks: two files answer together, the line comes before both, and a file
// that could only answer nothing is refused.
func TestNetworks(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, list ...networkstest.Network) string {
		t.Helper()
		f := filepath.Join(dir, name)
		if err := networkstest.Write(f, list...); err != nil {
			t.Fatal(err)
		}
		return f
	}
	countries := write("country.mmdb", networkstest.Network{Prefix: "203.0.113.0/24", Country: "KR"}, networkstest.Network{Prefix: "2001:db8::/32", Country: "JP"})
	numbers := write("asn.mmdb", networkstest.Network{Prefix: "203.0.113.0/25", AS: 4766}, networkstest.Network{Prefix: "198.51.100.7/32", AS: 64500})
	n, err := OpenNetworks(countries, numbers)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ addr, country, network string }{
		{"203.0.113.5", "KR", "AS4766"}, {"203.0.113.200", "KR", ""}, {"198.51.100.7", "", "AS64500"},
		{"198.51.100.8", "", ""}, {"2001:db8::1", "JP", ""}, {"2001:db9::1", "", ""}, {"::ffff:203.0.113.5", "KR", "AS4766"},
	} {
		rec := event.Record{Client: event.Client{IP: netip.MustParseAddr(test.addr)}}
		Locate(n, &rec)
		if rec.Client.Country != test.country || rec.Client.Network != test.network {
			t.Errorf("%s: %q %q, want %q %q", test.addr, rec.Client.Country, rec.Client.Network, test.country, test.network)
		}
	}
	rec := event.Record{Client: event.Client{IP: netip.MustParseAddr("203.0.113.5"), Country: "US"}}
	Locate(n, &rec)
	if rec.Client.Country != "US" || rec.Client.Network != "AS4766" {
		t.Errorf("a country that the line says: %+v", rec.Client)
	}
	Locate(nil, &rec)
	if n, err = OpenNetworks(); err != nil {
		t.Fatal(err)
	}
	Locate(n, &rec)

	other := filepath.Join(dir, "text.mmdb")
	if err := os.WriteFile(other, []byte("not a database"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{other, write("neither.mmdb", networkstest.Network{Prefix: "10.0.0.0/8"}), write("empty.mmdb")} {
		var nf *NetworkFileError
		if _, err := OpenNetworks(countries, bad); !errors.As(err, &nf) || nf.Name != bad || nf.KO() == "" {
			t.Errorf("%s: %v, want a NetworkFileError", filepath.Base(bad), err)
		}
	}
	if _, err := OpenNetworks(filepath.Join(dir, "missing.mmdb")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
}
