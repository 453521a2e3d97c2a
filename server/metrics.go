package server

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// metrics are counted by hand: a dozen numbers do not need a library. Labels are
// words of the catalog and of this file only; a label is never taken from a
// record, so no personal data can get into one.
type metrics struct {
	appendSeconds histogram
	querySeconds  histogram
	requests      counterVec // by path and status
	records       counterVec // by source and outcome
	lost          counterVec // by source and what
	// The sums of lost, for the status.
	lostAddresses, lostTexts atomic.Int64
	importLines              atomic.Int64
}

// lostFrom counts what could not be kept of records that were taken in. The
// place of access is one of the fields the law asks for, so that a proxy which
// writes something else there must show.
func (m *metrics) lostFrom(source string, addresses, texts int64) {
	m.lostAddresses.Add(addresses)
	m.lostTexts.Add(texts)
	for what, n := range map[string]int64{"client address": addresses, "text": texts} {
		if n > 0 {
			m.lost.add(label("source", source, "what", what), n)
		}
	}
}

type counterVec struct {
	mu sync.Mutex
	m  map[string]int64
}

func (c *counterVec) add(labels string, n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.m == nil {
		c.m = map[string]int64{}
	}
	c.m[labels] += n
}

func (c *counterVec) each(fn func(labels string, n int64)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	keys := make([]string, 0, len(c.m))
	for k := range c.m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		fn(k, c.m[k])
	}
}

// bounds are seconds; an fsync on a good disk is under the second of them.
var bounds = [...]float64{0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60}

type histogram struct {
	mu      sync.Mutex
	buckets [len(bounds)]int64
	count   int64
	sum     float64
}

func (h *histogram) observe(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := d.Seconds()
	for i, b := range bounds {
		if s <= b {
			h.buckets[i]++
		}
	}
	h.count++
	h.sum += s
}

func (h *histogram) write(w io.Writer, name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, b := range bounds {
		fmt.Fprintf(w, "%s_bucket{le=\"%g\"} %d\n", name, b, h.buckets[i])
	}
	fmt.Fprintf(w, "%s_bucket{le=\"+Inf\"} %d\n%s_sum %g\n%s_count %d\n", name, h.count, name, h.sum, name, h.count)
}

var labelEscape = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func label(pairs ...string) string {
	var b strings.Builder
	for i := 0; i+1 < len(pairs); i += 2 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `%s="%s"`, pairs[i], labelEscape.Replace(pairs[i+1]))
	}
	return b.String()
}

type metricWriter struct{ w io.Writer }

func (m metricWriter) head(name, kind, help string) {
	fmt.Fprintf(m.w, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

func (m metricWriter) value(name, kind, help string, v any) {
	m.head(name, kind, help)
	fmt.Fprintf(m.w, "%s %v\n", name, v)
}

func (m metricWriter) vec(name, kind, help string, c *counterVec) {
	m.head(name, kind, help)
	c.each(func(labels string, n int64) { fmt.Fprintf(m.w, "%s{%s} %d\n", name, labels, n) })
}
