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
