package ingest

import (
	"fmt"
	"net/netip"
	"os"
	"strconv"

	"github.com/oschwald/maxminddb-golang/v2"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
)

// Networks tells the country and network of an address.
type Networks interface {
	Lookup(netip.Addr) (country, network string)
}

// networkFiles looks addresses up in files that the operator supplies: Haetae
// ships none, and asks no service.
type networkFiles struct{ files []*maxminddb.Reader }

// NetworkFileError says that a file tells no countries or networks.
type NetworkFileError struct {
	Name string
	Text catalog.Text
	Err  error // of the file's format; may be nil
}

func (e *NetworkFileError) Error() string { return e.Text.EN }

// KO is Error in Korean.
func (e *NetworkFileError) KO() string    { return e.Text.KO }
func (e *NetworkFileError) Unwrap() error { return e.Err }

// OpenNetworks reads .mmdb files: one with countries, one with networks, or one
// with both. They are held in memory: a file that is replaced in place while it is
// mapped would end the process.
func OpenNetworks(names ...string) (Networks, error) {
	n := &networkFiles{}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("open network file: %w", err)
		}
		r, err := maxminddb.OpenBytes(data)
		if err != nil {
			return nil, &NetworkFileError{name, catalog.Text{
				KO: "국가·네트워크 파일(MaxMind DB 형식, .mmdb)이 아닙니다",
				EN: "this is no file of countries or networks in MaxMind's format (.mmdb)",
			}, err}
		}
		if !tells(r) {
			return nil, &NetworkFileError{name, catalog.Text{
				KO: "국가 코드(country.iso_code)도 AS 번호(autonomous_system_number)도 없는 파일입니다. GeoLite2 Country나 GeoLite2 ASN과 같은 구성의 파일을 지정하십시오",
				EN: "the file has neither countries (country.iso_code) nor networks (autonomous_system_number); give one that is built as GeoLite2 Country or GeoLite2 ASN are",
			}, nil}
		}
		n.files = append(n.files, r)
	}
	return n, nil
}

// tellsWithin is after how many ranges without a country or a network a file is
// taken to have none.
const tellsWithin = 10_000

// tells reports whether there is anything of use in a file: there are others in
// the same format, about cities or proxies, and each would leave the fields empty
// in silence.
func tells(r *maxminddb.Reader) bool {
	seen := 0
	for res := range r.Networks() {
		country, number := of(res)
		if country != "" || number != 0 {
			return true
		}
		if seen++; seen == tellsWithin {
			break
		}
	}
	return false
}

func of(res maxminddb.Result) (country string, number uint) {
	var rec struct {
		Country struct {
			Code string `maxminddb:"iso_code"`
		} `maxminddb:"country"`
		Number uint `maxminddb:"autonomous_system_number"`
	}
	if err := res.Decode(&rec); err != nil {
		return "", 0
	}
	return rec.Country.Code, rec.Number
}

// Lookup implements Networks. An address in no file has no country; that is not
// an error.
func (n *networkFiles) Lookup(a netip.Addr) (country, network string) {
	a = a.Unmap()
	for _, f := range n.files {
		c, number := of(f.Lookup(a))
		if country == "" {
			country = c
		}
		if network == "" && number != 0 {
			network = "AS" + strconv.FormatUint(uint64(number), 10)
		}
	}
	return country, network
}

// Locate fills in the country and network of a record's address where the line did
// not say them. n may be nil.
func Locate(n Networks, rec *event.Record) {
	if n == nil || !rec.Client.IP.IsValid() || rec.Client.Country != "" && rec.Client.Network != "" {
		return
	}
	country, network := n.Lookup(rec.Client.IP)
	if rec.Client.Country == "" {
		rec.Client.Country = country
	}
	if rec.Client.Network == "" {
		rec.Client.Network = network
	}
}
