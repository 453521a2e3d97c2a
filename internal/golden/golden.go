// Package golden compares what the code writes with what a page of docs/ draws,
// so that neither can change alone.
//
// The central idea: the example that teaches the reader is the one that the test
// checks. A page shows the bytes of a small real file in a block that begins with
// ```hex and a name; a line of it is an offset, bytes, how often they repeat
// (*3), and behind a bar what they mean.
//
// What it is not: a store of expected output. Those stand in testdata/ beside
// their test.
package golden

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Page reads a page by its name from the repository's root.
func Page(t testing.TB, page string) string {
	t.Helper()
	dir, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("there is no go.mod above this test")
		}
		dir = up
	}
	text, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(page)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Example gives the bytes that a page draws under a name.
func Example(t testing.TB, page, name string) []byte {
	t.Helper()
	_, block, _ := strings.Cut(Page(t, page), "\n```hex "+name+"\n")
	block, _, _ = strings.Cut(block, "\n```")
	var out []byte
	for line := range strings.Lines(block) {
		line, _, _ = strings.Cut(line, "|")
		f, times := strings.Fields(line), 1
		if len(f) == 0 {
			continue
		}
		var err error
		if n := len(f) - 1; n > 0 && f[n][0] == '*' {
			times, err = strconv.Atoi(f[n][1:])
			f = f[:n]
		}
		at, err1 := strconv.ParseInt(f[0], 16, 32)
		b, err2 := hex.DecodeString(strings.Join(f[1:], ""))
		if err := errors.Join(err, err1, err2); err != nil || int(at) != len(out) {
			t.Fatalf("%s, example %s: %q does not stand at byte %#x: %v", page, name, line, len(out), err)
		}
		out = append(out, bytes.Repeat(b, times)...)
	}
	return out
}

// Drawn fails when a page shows other bytes than the code writes.
func Drawn(t testing.TB, page, name string, got []byte) {
	t.Helper()
	if !bytes.Equal(got, Example(t, page, name)) {
		t.Errorf("%s, example %s: the code writes other bytes. Folders in the field hold the old ones, so a changed format "+
			"needs a new version number in format.go and a reader for the old one; then draw these on the page:\n%s", page, name, hex.Dump(got))
	}
}
