package alert

import (
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/internal/disk"
)

// FuzzConfig: any file is read or refused, and what is read can be used.
func FuzzConfig(f *testing.F) {
	f.Add([]byte(everything))
	f.Add([]byte(escalating))
	f.Add([]byte("version: 1\nchannels: [{name: a, kind: mail, host: ::1, from: a@b, to: [c@d]}]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse("f.yaml", text)
		if err != nil {
			for l := range strings.SplitSeq(err.Error(), "\n") {
				if !strings.HasPrefix(l, "f.yaml:") {
					t.Fatalf("a mistake without its file: %q", l)
				}
			}
			return
		}
		m := message{key: "k", at: time.Unix(0, 0), zone: c.Zone, signal: made("sig-a", detect.High, 1), link: link(c, "sig-a")}
		for i := range c.Channels {
			ch := &c.Channels[i]
			if _, err := m.payload(ch); err != nil {
				t.Fatal(err)
			}
			if ch.Kind != Mail {
				continue
			}
			raw, err := m.compose(ch)
			if err != nil {
				t.Fatalf("a channel that was accepted cannot send: %v", err)
			}
			head, _, _ := strings.Cut(string(raw), "\r\n\r\n")
			if strings.Contains(strings.ReplaceAll(head, "\r\n", ""), "\n") {
				t.Fatalf("a header of its own: %q", head)
			}
		}
	})
}

// FuzzRota: any file is read or refused, and what is read answers.
func FuzzRota(f *testing.F) {
	f.Add([]byte(koreanRota), int64(1788226560))
	f.Add([]byte(nightRota), int64(0))
	f.Fuzz(func(t *testing.T, text []byte, at int64) {
		r, err := ParseRota("f.yaml", text)
		if err != nil {
			return
		}
		r.Uncovered()
		for role := range r.Roles {
			if who := r.OnCall(role, time.Unix(at%(1<<33), 0)); who != "" && len(r.People[who]) == 0 {
				t.Fatalf("%q is on call and has no channel", who)
			}
		}
	})
}

// FuzzQueue: any file is read or refused; what is read can be worked on, and is
// the same when it is written and read again.
func FuzzQueue(f *testing.F) {
	f.Add(queueFile(f))
	for _, body := range []string{`{"put":[{"signal":{"id":"a"},"revision":1,"taken":true}]}`, `{"gone":["a"]}`, `{"put":[null]}`, `{"put":[{"signal":{"id":"a"},"revision":1,"told":[null]}]}`} {
		f.Add(append(queueHead(), body...))
	}
	c := settings(f, escalating)
	c.Rota = rota(f, nightRota)
	f.Fuzz(func(t *testing.T, raw []byte) {
		// The fuzzer cannot guess checksums: lines get theirs.
		var fixed strings.Builder
		for i, l := range strings.SplitAfter(string(raw), "\n") {
			if body := strings.TrimSuffix(l, "\n"); i > 0 && len(l) > len(body) {
				if len(body) > 9 && body[8] == ' ' {
					body = body[9:]
				}
				l = checked([]byte(body))
			}
			fixed.WriteString(l)
		}
		for _, text := range []string{string(raw), fixed.String()} {
			if _, _, err := decodeQueue([]byte(text)); err != nil {
				continue
			}
			mem := disk.NewMem()
			mem.MkdirAll("alerts")
			disk.WriteFile(mem, "alerts/alerts.queue", []byte(text))
			now := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
			d, err := Open(mem, "alerts", c, Options{Now: func() time.Time { return now }, sender: (&office{}).sender})
			if err != nil {
				t.Fatalf("read, and not opened: %v", err)
			}
			before := d.Status()
			d.book.escalate(now)
			d.Found(time.Time{}, made("sig-a", detect.High, 1))
			d.Acknowledge("a", "kim", "", now)
			d.Status()
			d.Close()
			again, err := Open(mem, "alerts", c, Options{Now: func() time.Time { return now }, sender: (&office{}).sender})
			if err != nil {
				t.Fatalf("not read again: %v", err)
			}
			if after := again.Status(); after.Signals < before.Signals {
				t.Fatalf("%d signals, then %d", before.Signals, after.Signals)
			}
			again.Close()
		}
	})
}
