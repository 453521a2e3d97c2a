package outside

import (
	"net/netip"
	"net/url"

	"github.com/haetae/haetae/internal/written"
)

var (
	// Sound is what WrongURL says of an address that can be called.
	Sound written.Text
	// NoAddress is what it says of something else.
	NoAddress = written.Text{KO: "주소가 아닙니다. https://호스트/경로처럼 쓰십시오", EN: "is no address: https://host/path"}
)

// WrongURL says what is wrong with an address, without the address. plain allows http
// to another machine.
func WrongURL(s string, plain bool) written.Text {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "":
		return NoAddress
	case u.Fragment != "":
		return written.Text{KO: "#이 든 주소는 호출할 수 없습니다", EN: "an address with # cannot be called"}
	case u.Scheme == "http" && !plain && !Loopback(u.Hostname()):
		return written.Text{KO: "다른 서버로 가는 http는 도중에 읽힐 수 있습니다. https를 쓰거나 plain: true를 적으십시오", EN: "http to another machine can be read on the way: use https, or say plain: true"}
	case u.Scheme != "http" && u.Scheme != "https":
		return NoAddress
	}
	return Sound
}

// Loopback says of a host that it is this machine.
func Loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
