package alert

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/internal/disk"
)

// settings parses an alerts file without other files.
func settings(t testing.TB, text string) *Config {
	t.Helper()
	c, err := Parse("alerts.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// two channels: one for everything from medium on, one for high.
const twoChannels = `version: 1
link: https://haetae.example/signals/{id}
channels:
  - {name: room, kind: webhook, url: "https://room.example/hook"}
  - {name: chief, kind: webhook, url: "https://chief.example/hook", min_severity: high}
`

func made(id string, severity detect.Severity, people int64) detect.Signal {
	return detect.Signal{
		ID: id, Rule: "unissued-token", Title: detect.Text{KO: "발급 이력이 없는 토큰으로 조회", EN: "Reads with tokens that nobody issued"},
		Severity: severity, Group: map[string]string{"key": "k-7"}, First: "2026-09-01T01:00:00.000Z", Last: "2026-09-01T01:20:00.000Z",
		Reads: people * 3, Accounts: people, People: people, Items: map[string]int64{"name": people, "door_code": people / 2},
		Reason: detect.Text{KO: "사유", EN: "reason"}, Where: `credential.key == "k-7"`, Status: detect.Open,
	}
}

// post is a message that a fake channel was asked to send.
type post struct {
	channel string
	at      time.Time
	m       message
}

func (p post) String() string {
	s := fmt.Sprintf("%s %s %s", p.at.Format("15:04:05"), p.channel, p.m.signal.ID)
	if p.m.step > 0 {
		s += fmt.Sprintf(" step %d", p.m.step)
	}
	s += fmt.Sprintf(" r%d %s %d", p.m.revision, p.m.signal.Severity, p.m.signal.People)
	if p.m.status() != detect.Open {
		s += " " + string(p.m.status())
	}
	return s
}

// office stands for every channel, with time that a synctest bubble makes.
type office struct {
	mu     sync.Mutex
	posts  []post
	answer func(channel string, m message) error // nil: all is well
	hold   map[string]chan struct{}              // a channel that does not answer before it is closed
}

func (o *office) sender(ch *Channel) sender { return clerk{o, ch.Name} }

type clerk struct {
	o    *office
	name string
}

func (c clerk) send(ctx context.Context, m message) error {
	c.o.mu.Lock()
	c.o.posts = append(c.o.posts, post{c.name, time.Now(), m})
	hold, answer := c.o.hold[c.name], c.o.answer
	c.o.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if answer != nil {
		return answer(c.name, m)
	}
	return nil
}

// take returns what was sent since the last call, sorted: two channels are told
// at the same moment.
func (o *office) take() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	out := []string{}
	for _, p := range o.posts {
		out = append(out, p.String())
	}
	o.posts = nil
	slices.Sort(out)
	return out
}

func (o *office) answers(f func(channel string, m message) error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answer = f
}

// opened is a desk whose loop runs until the returned function is called.
func opened(t testing.TB, fsys disk.FS, cfg *Config, o Options) (*Desk, func()) {
	t.Helper()
	d, err := Open(fsys, "alerts", cfg, o)
	if err != nil {
		t.Fatal(err)
	}
	return d, running(t, d)
}

// running starts the loop of a desk; the function that it returns ends it, and
// closes the desk.
func running(t testing.TB, d *Desk) func() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	var once sync.Once
	return func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func enqueue(t testing.TB, d *Desk, signals ...detect.Signal) {
	t.Helper()
	if err := d.Found(time.Time{}, signals...); err != nil {
		t.Fatal(err)
	}
}

// testLog collects what was logged.
type testLog struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *testLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *testLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *testLog) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// file writes a file into a folder of the test and returns its path.
func file(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
