package siem

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/internal/digits"
	"github.com/haetae/haetae/internal/golden"
)

// The page's files are read.
func TestPageFiles(t *testing.T) {
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(golden.Page(t, "docs/siem.md"), -1)
	if len(blocks) != 2 {
		t.Fatalf("%d files", len(blocks))
	}
	for i, kind := range []Kind{Splunk, Elastic} {
		c, err := Parse("outputs.yaml", []byte(blocks[i][1]), judge)
		if err != nil || len(c.Outputs) != 1 || c.Outputs[0].Kind != kind {
			t.Errorf("%s: %v", blocks[i][1], err)
		}
	}
}

// The page has every key, and the numbers of the code.
func TestPageNumbers(t *testing.T) {
	page := golden.Page(t, "docs/siem.md")
	for _, key := range append(append([]string{}, outputKeys...), "index", "sourcetype", "host", "acknowledge", "scheme") {
		if !regexp.MustCompile("(?m)^\\| [^|]*`" + key + "`").MatchString(page) {
			t.Errorf("no row for %s", key)
		}
	}
	flat := strings.Join(strings.Fields(page), " ")
	n := func(v int) string { return digits.Grouped(int64(v)) }
	for _, said := range []string{
		"1 to " + n(maxEvents) + " | " + n(defaultEvents), "16 to " + n(maxKiB) + " | " + n(defaultKiB), "At most " + n(maxOutputs) + " outputs",
		"within " + n(int(ackTime/time.Minute)) + " minutes", "after " + n(int(firstPause/time.Second)) + " s, then twice as long each time up to " + n(int(maxPause/time.Minute)) + " min",
		"up to " + n(int(maxRetryAfter/time.Minute)) + " min: no connection, no answer within " + n(int(attemptTime/time.Second)) + " s",
	} {
		if !strings.Contains(flat, said) {
			t.Errorf("the page does not say %q", said)
		}
	}
}
