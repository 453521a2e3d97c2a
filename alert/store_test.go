package alert

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/internal/disk"
)

// queueFile is the content after a few things were done.
func queueFile(t testing.TB) []byte {
	t.Helper()
	mem := disk.NewMem()
	now := time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	d, err := Open(mem, "alerts", settings(t, twoChannels), Options{Now: func() time.Time { return now }, sender: (&office{}).sender})
	if err != nil {
		t.Fatal(err)
	}
	enqueue(t, d, made("sig-a", detect.High, 4))
	enqueue(t, d, made("sig-b", detect.Medium, 2))
	if err := d.Acknowledge("sig-a", "Kim", "looking", now.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	d.Close()
	raw, err := disk.ReadFile(mem, "alerts/alerts.queue")
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// The names, the magic and the shape are what folders in the field hold.
func TestFormat(t *testing.T) {
	if queueName != "alerts.queue" || lockName != "alerts.lock" || queueMagic != "haetae alert queue " || queueVersion != 1 {
		t.Error("another name, magic or version: older folders need a reader")
	}
	lines := strings.Split(string(queueFile(t)), "\n")
	if len(lines) != 5 || lines[0] != "haetae alert queue 1" || lines[4] != "" {
		t.Fatalf("lines: %q", lines)
	}
	// How a signal is written is package detect's; the rest is ours.
	signal, err := json.Marshal(made("sig-a", detect.High, 4))
	if err != nil {
		t.Fatal(err)
	}
	first := `{"put":[{"signal":` + string(signal) + `,"revision":1,"since":"2026-09-01T00:00:00Z","changed":"2026-09-01T00:00:00Z","raised":"2026-09-01T00:00:00Z","told":[` +
		`{"channel":"room","state":"queued","due":"2026-09-01T00:00:00Z"},{"channel":"chief","state":"queued","due":"2026-09-01T00:00:00Z"}]}]}`
	if diff := cmp.Diff(first, lines[1][9:]); diff != "" {
		t.Errorf("first line (-want +got):\n%s", diff)
	}
}

func TestReadBack(t *testing.T) {
	raw := queueFile(t)
	entries, cut, err := decodeQueue(raw)
	if err != nil || cut {
		t.Fatal(err, cut)
	}
	e := entries["sig-a"]
	if len(entries) != 2 || !e.Taken || e.Acks[0].Who != "Kim" || e.Revision != 2 || e.Signal.Title.KO != "발급 이력이 없는 토큰으로 조회" {
		t.Errorf("read back: %+v", e)
	}
	if diff := cmp.Diff(made("sig-a", detect.High, 4), e.Signal, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

// A byte that changed is noticed, wherever it is; only a last line that is not
// whole is taken for what a power cut leaves.
func TestDamage(t *testing.T) {
	raw := queueFile(t)
	lastLine := bytes.LastIndexByte(raw[:len(raw)-1], '\n') + 1
	for i := range raw {
		b := bytes.Clone(raw)
		b[i] ^= 0x20
		entries, cut, err := decodeQueue(b)
		switch {
		case i < lastLine-1 && err == nil && !(cut && i >= lastLine-1):
			t.Fatalf("byte %d: not noticed", i)
		case i >= lastLine && (err != nil || !cut):
			t.Fatalf("byte %d, in the last line: %v", i, err)
		case i >= lastLine && entries["sig-a"].Taken:
			t.Fatalf("byte %d: a line that is not whole was taken", i)
		}
	}
	for n := lastLine; n < len(raw); n++ {
		if _, cut, err := decodeQueue(raw[:n]); err != nil || cut != (n > lastLine) {
			t.Fatalf("cut at %d: %v, %v", n, cut, err)
		}
	}
	for _, text := range []string{"", "haetae alert queue", "haetae alert queue 0\n", "{}"} {
		if _, _, err := decodeQueue([]byte(text)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, _, err := decodeQueue([]byte("haetae alert queue 2\n")); err == nil || errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "newer haetae") {
		t.Errorf("a newer version: %v", err)
	}
}

// A damaged queue is not begun anew: somebody has to look.
func TestCorruptIsRefused(t *testing.T) {
	mem := disk.NewMem()
	mem.MkdirAll("alerts")
	raw := queueFile(t)
	raw[30] ^= 1
	disk.WriteFile(mem, "alerts/alerts.queue", raw)
	_, err := Open(mem, "alerts", settings(t, twoChannels), Options{})
	if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "alerts.queue: corrupt: line 2") {
		t.Errorf("open: %v", err)
	}
	// And the lock is free again.
	disk.WriteFile(mem, "alerts/alerts.queue", queueFile(t))
	d, err := Open(mem, "alerts", settings(t, twoChannels), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(mem, "alerts", settings(t, twoChannels), Options{}); !errors.Is(err, disk.ErrLocked) {
		t.Errorf("two at a time: %v", err)
	}
	d.Close()
	if err := d.Found(time.Time{}, made("sig-a", detect.High, 1)); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// The file is its owner's alone.
func TestMode(t *testing.T) {
	dir := filepath.ToSlash(filepath.Join(t.TempDir(), "alerts"))
	d, err := Open(disk.OS, dir, settings(t, twoChannels), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	enqueue(t, d, made("sig-a", detect.High, 1))
	for name, mode := range map[string]os.FileMode{"": 0o700, queueName: 0o600, lockName: 0o600} {
		st, err := os.Stat(filepath.Join(dir, name))
		if err != nil || st.Mode().Perm() != mode {
			t.Errorf("%q: %v, %v", name, st.Mode(), err)
		}
	}
}

// A channel that is no longer there takes nothing with it but what was for it.
func TestChannelGone(t *testing.T) {
	mem := disk.NewMem()
	d, err := Open(mem, "alerts", settings(t, twoChannels), Options{})
	if err != nil {
		t.Fatal(err)
	}
	enqueue(t, d, made("sig-a", detect.High, 1))
	d.Close()
	var log testLog
	one := settings(t, strings.Replace(twoChannels, "name: room", "name: other", 1))
	d, err = Open(mem, "alerts", one, Options{Log: log.logger()})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	s := d.Status()
	if s.Channels[0].Queued != 0 || s.Channels[1].Queued != 1 || !strings.Contains(log.String(), "no longer there") {
		t.Errorf("%+v\n%s", s.Channels, log.String())
	}
	// The new one hears of it when it grows.
	enqueue(t, d, made("sig-a", detect.High, 2))
	if q := d.Status().Channels[0].Queued; q != 1 {
		t.Errorf("%d queued", q)
	}
}
