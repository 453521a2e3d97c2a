// Package outside is what any part that calls other machines needs: the files that
// hold what a settings file may not (a token, a password, the authorities to trust),
// what is wrong with an address, and why a call has failed.
//
// The central idea: it names neither a content nor a file nor an address. What it says
// goes to status pages and logs, and the settings say which file and which address.
package outside

import (
	"bytes"
	"crypto/x509"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/haetae/haetae/internal/written"
)

const (
	MaxLine      = 8 << 10 // bytes of a line
	maxFileBytes = 1 << 20 // of authorities
)

// Line reads the one line of a file.
func Line(name string) (string, error) {
	raw, err := Read(name, MaxLine+1)
	if err != nil {
		return "", err
	}
	s := string(bytes.TrimRight(raw, "\r\n"))
	switch {
	case s == "":
		return "", written.Errorf("파일이 비어 있습니다", "the file is empty")
	case len(s) > MaxLine:
		return "", written.Errorf("파일이 %d바이트보다 큽니다", "the file is larger than %d bytes", MaxLine)
	case strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "", written.Errorf("파일에 두 줄 이상이 있거나 제어 문자가 있습니다", "the file holds more than one line, or a control character")
	}
	return s, nil
}

// Authorities are those of the system and those of a file; nil, the system's, where
// there is no file.
func Authorities(name string) (*x509.CertPool, error) {
	if name == "" {
		return nil, nil
	}
	pem, err := Read(name, maxFileBytes)
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, written.Errorf("파일에 인증서가 없습니다", "the file holds no certificate")
	}
	return pool, nil
}

// Read reads a file up to a limit, in bytes.
func Read(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err == nil {
		defer f.Close()
		var raw []byte
		if raw, err = io.ReadAll(io.LimitReader(f, limit)); err == nil {
			return raw, nil
		}
	}
	return nil, Trouble(err)
}

// Trouble says why a file cannot be read without naming it.
func Trouble(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return written.Errorf("파일이 없습니다", "the file is not there")
	case errors.Is(err, fs.ErrPermission):
		return written.Errorf("파일을 읽을 권한이 없습니다", "the file may not be read")
	}
	return written.Errorf("파일을 읽을 수 없습니다", "the file cannot be read")
}
