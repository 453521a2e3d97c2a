package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/server"
)

func TestProgress(t *testing.T) {
	var out bytes.Buffer
	a := &app{stderr: &out, lang: english}
	b := newBar(a)
	b.begin = time.Now().Add(-10 * time.Second)
	line := b.line(server.Progress{Stage: "read", Read: 25, Size: 100, Lines: 1_000_000})
	if !strings.HasPrefix(line, "25.0%  1,000,000 lines  ") || !strings.HasSuffix(line, "30s left") {
		t.Errorf("%q", line)
	}
	if line := b.line(server.Progress{Stage: "read", Read: 2048, Size: -1, Lines: 5}); !strings.HasPrefix(line, "2.0 KiB read, 5 lines") {
		t.Errorf("a stream: %q", line)
	}
	// In the first moment there is no rate and no time left, and none is made up.
	b.begin = time.Now()
	if line := b.line(server.Progress{Stage: "read", Read: 0, Size: 100}); line != "0.0%  0 lines" {
		t.Errorf("the first line: %q", line)
	}
	// Not a terminal: a line now and then, none at once.
	b.show(server.Progress{Stage: "read", Read: 25, Size: 100})
	if out.Len() != 0 {
		t.Errorf("wrote %q at once", out.String())
	}
	b.last = time.Now().Add(-plainEvery)
	b.show(server.Progress{Stage: "read", Read: 25, Size: 100})
	if strings.Count(out.String(), "\n") != 1 || strings.Contains(out.String(), "\r") {
		t.Errorf("wrote %q, want one plain line", out.String())
	}
	for s, want := range map[float64]string{45: "45s", 200: "3m20s", 7500: "2h05m"} {
		if got := durationText(s); got != want {
			t.Errorf("durationText(%g) = %s, want %s", s, got, want)
		}
	}
}

func TestCellWidth(t *testing.T) {
	for s, want := range map[string]int{"abc": 3, "성명": 4, "공동현관 비밀번호": 17, "": 0} {
		if got := cellWidth(s); got != want {
			t.Errorf("cellWidth(%q) = %d, want %d", s, got, want)
		}
	}
}

func TestNouns(t *testing.T) {
	en, ko := &app{lang: english}, &app{lang: korean}
	for n, want := range map[int]string{0: "0 records", 1: "1 record", 1234: "1,234 records"} {
		if got := en.n(n, nouns.record); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := ko.n(int64(1), nouns.record); got != "접속기록 1건" {
		t.Errorf("%q", got)
	}
}

func TestLoopback(t *testing.T) {
	for address, want := range map[string]bool{"127.0.0.1:7420": true, "[::1]:7420": true, "0.0.0.0:7420": false, "[::]:7420": false, "10.0.0.1:80": false} {
		if loopback(address) != want {
			t.Errorf("loopback(%s) = %v", address, !want)
		}
	}
}

func TestCadenceText(t *testing.T) {
	for s, want := range map[string]string{"1m0s": "1m", "10m0s": "10m", "30m0s": "30m", "6h0m0s": "6h", "1h30m0s": "1h30m", "24h0m0s": "24h", "1m30s": "1m30s"} {
		if got := cadenceText(s); got != want {
			t.Errorf("a cadence of %s is written %s, want %s", s, got, want)
		}
	}
}
