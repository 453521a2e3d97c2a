package outside

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/haetae/haetae/internal/written"
	"github.com/haetae/haetae/internal/written/writtentest"
)

func TestLine(t *testing.T) {
	name := filepath.Join(t.TempDir(), writtentest.Marker)
	for text, want := range map[string]string{
		"secret\r\n": "", "": "is empty", "\n": "is empty", "a\nb": "more than one line", "a\x00": "control character", strings.Repeat("x", MaxLine+1): "larger than",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Line(name)
		switch {
		case want == "" && (err != nil || s != "secret"):
			t.Errorf("%q, %v", s, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || writtentest.Told(err, "") != ""):
			t.Errorf("%d bytes: %v, want %q", len(text), err, want)
		}
	}
	if _, err := Line(name + "-gone"); err == nil || err.Error() != "the file is not there" || written.Korean(err) != "파일이 없습니다" {
		t.Error(err)
	}
	if _, err := Authorities(name); err == nil || writtentest.Told(err, "") != "" {
		t.Error(err)
	}
}

func TestWrongURL(t *testing.T) {
	for address, sound := range map[string]bool{
		"https://h.example/x": true, "https://h.example/x?k=1": true, "http://127.0.0.1:80/": true, "http://[::1]/": true, "http://localhost/": true,
		"http://h.example/": false, "ftp://h.example/": false, "h.example": false, "https:///x": false, "https://h.example/#a": false, "mailto:a@h": false, "https://h\x00/": false,
	} {
		if got := WrongURL(address, false); (got == Sound) != sound {
			t.Errorf("%q: %q", address, got.EN)
		}
	}
	if got := WrongURL("http://h.example/", true); got != Sound {
		t.Errorf("plain: %q", got.EN)
	}
}

// TestWhy: what the library says of a call quotes addresses; ours does not.
func TestWhy(t *testing.T) {
	for err, want := range map[error]string{
		fmt.Errorf("get %s: %w", writtentest.Marker, syscall.ECONNREFUSED):   "connection refused",
		fmt.Errorf("get %s: %w", writtentest.Marker, io.ErrUnexpectedEOF):    "the answer broke off",
		fmt.Errorf("get %s: %w", writtentest.Marker, os.ErrDeadlineExceeded): "no answer in time",
		errors.New(writtentest.Marker):                                       "failed (*errors.errorString)",
	} {
		if got := Why(err); got.EN != want || got.KO == got.EN || strings.Contains(got.KO, writtentest.Marker) {
			t.Errorf("%q, %q; want %q", got.EN, got.KO, want)
		}
	}
}
