package remote

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"

	"github.com/haetae/haetae/internal/written"
)

// Why puts what the standard library says of a call into words of ours: its own quote
// addresses with their queries, and what the other side sent.
func Why(err error) written.Text {
	var (
		dns       *net.DNSError
		timeout   interface{ Timeout() bool }
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return written.Text{KO: "호스트의 주소가 없습니다", EN: "the host has no address"}
	case errors.As(err, &dns):
		return written.Text{KO: "호스트의 주소를 조회하지 못하였습니다", EN: "the host's address could not be asked for"}
	case errors.Is(err, syscall.ECONNREFUSED):
		return written.Text{KO: "연결이 거부되었습니다", EN: "connection refused"}
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF):
		return written.Text{KO: "연결이 끊겼습니다", EN: "connection broken off"}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return written.Text{KO: "응답이 도중에 끊겼습니다", EN: "the answer broke off"}
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return written.Text{KO: "호스트에 이르는 경로가 없습니다", EN: "no route to the host"}
	case errors.As(err, &authority):
		return written.Text{KO: "신뢰할 수 없는 기관이 서명한 인증서입니다", EN: "the certificate is signed by nobody known here"}
	case errors.As(err, &host):
		return written.Text{KO: "다른 호스트의 인증서입니다", EN: "the certificate is for another host"}
	case errors.As(err, &invalid):
		return written.Text{KO: "유효하지 않은 인증서입니다", EN: "the certificate is not valid"}
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return written.Text{KO: "상대가 TLS를 지원하지 않습니다", EN: "the other side does not speak TLS"}
	case errors.Is(err, context.Canceled):
		return written.Text{KO: "중단되었습니다", EN: "stopped"}
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return written.Text{KO: "제한 시간 안에 응답이 없습니다", EN: "no answer in time"}
	}
	return written.Text{KO: fmt.Sprintf("실패하였습니다(%T)", root(err)), EN: fmt.Sprintf("failed (%T)", root(err))}
}

// Trouble is Why behind what was being done.
func Trouble(doing written.Text, err error) written.Text {
	why := Why(err)
	return written.Text{KO: doing.KO + ": " + why.KO, EN: doing.EN + ": " + why.EN}
}

// root is the innermost error: its type says something, and quotes nothing.
func root(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
