package written

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
)

// What a written file names: secrets and certificates. No error says what stands in
// them, or how they are called: the file that names them says that.

const (
	// MaxSecretBytes bounds a file of a secret.
	MaxSecretBytes      = 8 << 10
	maxCertificateBytes = 1 << 20
)

// ReadFile is the beginning of a file.
func ReadFile(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err == nil {
		defer f.Close()
		var raw []byte
		if raw, err = io.ReadAll(io.LimitReader(f, limit)); err == nil {
			return raw, nil
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, Errorf("파일이 없습니다", "the file is not there")
	case errors.Is(err, fs.ErrPermission):
		return nil, Errorf("파일을 읽을 권한이 없습니다", "the file may not be read")
	}
	return nil, Errorf("파일을 읽을 수 없습니다", "the file cannot be read")
}

// Secret is the one line of a file.
func Secret(name string) (string, error) {
	raw, err := ReadFile(name, MaxSecretBytes+1)
	if err != nil {
		return "", err
	}
	s := string(bytes.TrimRight(raw, "\r\n"))
	switch {
	case s == "":
		return "", Errorf("파일이 비어 있습니다", "the file is empty")
	case len(s) > MaxSecretBytes:
		return "", Errorf("파일이 %d바이트보다 큽니다", "the file is larger than %d bytes", MaxSecretBytes)
	case strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "", Errorf("파일에 두 줄 이상이 있거나 제어 문자가 있습니다", "the file holds more than one line, or a control character")
	}
	return s, nil
}

// Authorities adds the certificates of a file (PEM) to a pool.
func Authorities(to *x509.CertPool, name string) error {
	pem, err := ReadFile(name, maxCertificateBytes)
	if err != nil {
		return err
	}
	if !to.AppendCertsFromPEM(pem) {
		return Errorf("파일에 인증서가 없습니다", "the file holds no certificate")
	}
	return nil
}

// KeyPair is a certificate with its key (PEM).
func KeyPair(cert, key string) (tls.Certificate, error) {
	c, err := ReadFile(cert, maxCertificateBytes)
	if err != nil {
		return tls.Certificate{}, Errorf("인증서: %s", "the certificate: %s", TextOf(err))
	}
	k, err := ReadFile(key, maxCertificateBytes)
	if err != nil {
		return tls.Certificate{}, Errorf("개인키: %s", "the key: %s", TextOf(err))
	}
	pair, err := tls.X509KeyPair(c, k)
	if err != nil {
		return tls.Certificate{}, Errorf("인증서와 개인키를 함께 쓸 수 없습니다. PEM 형식이고 서로 짝이 맞아야 합니다", "the certificate and the key are of no use together: both are PEM, and belong to each other")
	}
	return pair, nil
}
