package server

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/haetae/haetae/internal/disk"
)

// TestSignalsWithoutRecords: a server that holds no record answers all the same, and
// says of no moment that it was decided.
func TestSignalsWithoutRecords(t *testing.T) {
	w := newWorld(t, disk.OS, filepath.Join(t.TempDir(), "data"))
	r := w.serve(func(o *Options) { o.Detect = &DetectRequest{Rules: writeRules(t, liveRule)} })
	until(t, "live detection", func() bool { return r.signals(t).Status.State == "live" })
	time.Sleep(3 * detectEvery) // it has looked a few times
	if st := r.signals(t).Status; !st.Watermark.IsZero() {
		t.Errorf("without a record all is decided up to %s", st.Watermark)
	}
	r.end()
}
