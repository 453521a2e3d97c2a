// Package remote calls other machines over HTTP, and says what went wrong without
// saying where, with what, or what came back.
//
// The central idea: addresses and answers can hold secrets, and errors go to logs and
// status pages. So a failure is put into words of ours, in both languages, and secrets
// stand in files that are read anew for every call.
//
// What it is not: it knows no protocol above HTTP and never tries twice, though it says
// how long whoever does is to wait.
package remote

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/haetae/haetae/internal/written"
)

const (
	// MaxSecret is how many bytes a file with a secret may have.
	MaxSecret    = 8 << 10
	maxFileBytes = 1 << 20
)

// ReadFile reads at most so many bytes of a file that another file names. Its errors
// do not name it: the file that does says which it is.
func ReadFile(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err == nil {
		defer f.Close()
		var raw []byte
		if raw, err = io.ReadAll(io.LimitReader(f, limit)); err == nil {
			return raw, nil
		}
	}
	return nil, Unreadable(err)
}

// Unreadable says why a file cannot be read without naming it.
func Unreadable(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return written.Errorf("파일이 없습니다", "the file is not there")
	case errors.Is(err, fs.ErrPermission):
		return written.Errorf("파일을 읽을 권한이 없습니다", "the file may not be read")
	}
	return written.Errorf("파일을 읽을 수 없습니다", "the file cannot be read")
}

// Secret reads one line from a file.
func Secret(name string) (string, error) {
	raw, err := ReadFile(name, MaxSecret+1)
	if err != nil {
		return "", err
	}
	s := string(bytes.TrimRight(raw, "\r\n"))
	switch {
	case s == "":
		return "", written.Errorf("파일이 비어 있습니다", "the file is empty")
	case len(s) > MaxSecret:
		return "", written.Errorf("파일이 %d바이트보다 큽니다", "the file is larger than %d bytes", MaxSecret)
	case strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "", written.Errorf("파일에 두 줄 이상이 있거나 제어 문자가 있습니다", "the file holds more than one line, or a control character")
	}
	return s, nil
}

// URLFrom is the address that was written down, or the one in the file.
func URLFrom(here, file string, plain bool) (string, error) {
	if file == "" {
		return here, nil
	}
	s, err := Secret(file)
	if err != nil {
		return "", err
	}
	if problem := WrongURL(s, plain); problem != Sound {
		return "", written.Errorf("파일에 든 주소: %s", "the address in the file: %s", problem)
	}
	return s, nil
}

var (
	// Sound says that nothing is wrong.
	Sound     written.Text
	noAddress = written.Text{KO: "주소가 아닙니다. https://호스트/경로처럼 쓰십시오", EN: "is no address: https://host/path"}
	secretURL = written.Text{
		KO: "주소에 든 사용자 이름, 비밀번호, 질의 문자열은 비밀일 수 있습니다. 주소를 파일에 넣고 url_file에 그 파일을 적으십시오",
		EN: "a name, a password or a query in an address can be a secret: put the address into a file, and name that in url_file",
	}
)

// WrongURL says what is wrong with an address, without the address.
func WrongURL(s string, plain bool) written.Text {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "":
		return noAddress
	case u.Fragment != "":
		return written.Text{KO: "#이 든 주소는 호출할 수 없습니다", EN: "an address with # cannot be called"}
	case u.Scheme == "http" && !plain && !Loopback(u.Hostname()):
		return written.Text{KO: "다른 서버로 가는 http는 도중에 읽힐 수 있습니다. https를 쓰거나 plain: true를 적으십시오", EN: "http to another machine can be read on the way: use https, or say plain: true"}
	case u.Scheme != "http" && u.Scheme != "https":
		return noAddress
	}
	return Sound
}

// WrongShownURL is WrongURL for an address that stands in a file which is no secret.
func WrongShownURL(s string, plain bool) written.Text {
	if problem := WrongURL(s, plain); problem != Sound {
		return problem
	}
	if u, err := url.Parse(s); err == nil && (u.User != nil || u.RawQuery != "") {
		return secretURL
	}
	return Sound
}

// Loopback reports whether a host is this machine.
func Loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// Authorities are those of the system and those of a file; nil without a file.
func Authorities(name string) (*x509.CertPool, error) {
	if name == "" {
		return nil, nil // the system's
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if err := AddAuthorities(pool, name); err != nil {
		return nil, err
	}
	return pool, nil
}

// AddAuthorities adds the certificates of a file (PEM) to a pool.
func AddAuthorities(to *x509.CertPool, name string) error {
	pem, err := ReadFile(name, maxFileBytes)
	if err != nil {
		return err
	}
	if !to.AppendCertsFromPEM(pem) {
		return written.Errorf("파일에 인증서가 없습니다", "the file holds no certificate")
	}
	return nil
}

// KeyPair is a certificate with its key (PEM).
func KeyPair(cert, key string) (tls.Certificate, error) {
	c, err := ReadFile(cert, maxFileBytes)
	if err != nil {
		return tls.Certificate{}, written.Errorf("인증서: %s", "the certificate: %s", written.TextOf(err))
	}
	k, err := ReadFile(key, maxFileBytes)
	if err != nil {
		return tls.Certificate{}, written.Errorf("개인키: %s", "the key: %s", written.TextOf(err))
	}
	pair, err := tls.X509KeyPair(c, k)
	if err != nil {
		return tls.Certificate{}, written.Errorf("인증서와 개인키를 함께 쓸 수 없습니다. PEM 형식이고 서로 짝이 맞아야 합니다", "the certificate and the key are of no use together: both are PEM, and belong to each other")
	}
	return pair, nil
}

// Client follows no redirect: it would carry the body, and what signs it, to a place
// that nobody wrote down.
func Client(caFile string, keepAlive bool) (*http.Client, error) {
	roots, err := Authorities(caFile)
	if err != nil {
		return nil, err
	}
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			TLSClientConfig:        &tls.Config{RootCAs: roots},
			DisableKeepAlives:      !keepAlive,
			MaxIdleConnsPerHost:    1,
			IdleConnTimeout:        30 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
			ForceAttemptHTTP2:      true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// RetryAfter is how long an answer asks to be left alone, most at most.
func RetryAfter(value string, now time.Time, most time.Duration) time.Duration {
	var d time.Duration
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil {
		d = time.Duration(seconds) * time.Second
	} else if t, err := http.ParseTime(value); err == nil {
		d = t.Sub(now)
	}
	return min(max(d, 0), most)
}
