package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/haetae/haetae/server"
)

// bar shows how far an import is: one line that is redrawn on a terminal, and
// otherwise a plain line every ten seconds, so that a log of it stays readable.
type bar struct {
	a        *app
	terminal bool
	width    int
	begin    time.Time
	last     time.Time
	drawn    bool
}

// plainEvery is how often a line is written where nothing can be redrawn.
const plainEvery = 10 * time.Second

func newBar(a *app) *bar {
	b := &bar{a: a, begin: time.Now(), last: time.Now(), width: 80}
	if f, ok := a.stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		b.terminal = true
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 20 {
			b.width = w
		}
	}
	return b
}

func (b *bar) show(p server.Progress) {
	if !b.terminal {
		if time.Since(b.last) < plainEvery {
			return
		}
		b.last = time.Now()
		fmt.Fprintln(b.a.stderr, b.line(p))
		return
	}
	line := b.line(p)
	if p.Size > 0 {
		const cells = 20
		full := int(cells * min(p.Read, p.Size) / p.Size)
		line = "[" + strings.Repeat("=", full) + strings.Repeat(" ", cells-full) + "] " + line
	}
	for cellWidth(line) >= b.width {
		r := []rune(line)
		line = string(r[:len(r)-1])
	}
	fmt.Fprintf(b.a.stderr, "\r%s%s", line, strings.Repeat(" ", b.width-1-cellWidth(line)))
	b.drawn = true
}

func (b *bar) line(p server.Progress) string {
	a := b.a
	switch p.Stage {
	case "edition":
		return a.say(progressWords.edition)
	case "check":
		return a.say(progressWords.check)
	case "commit":
		return a.say(progressWords.commit)
	}
	spent := time.Since(b.begin).Seconds()
	// A rate, and a time left, of the first moments would be a guess.
	rate := func(line string) string {
		if r := float64(p.Lines) / spent; spent > 0.5 && r >= 1 {
			line += "  " + a.sayf(progressWords.rate, count(int64(r)))
		}
		return line
	}
	if p.Size <= 0 {
		return rate(a.sayf(progressWords.stream, bytesText(p.Read), count(p.Lines)))
	}
	line := rate(a.sayf(progressWords.file, 100*float64(p.Read)/float64(p.Size), count(p.Lines)))
	if p.Read > 0 && spent > 1 {
		line += "  " + a.sayf(progressWords.left, durationText(spent*float64(p.Size-p.Read)/float64(p.Read)))
	}
	return line
}

func (b *bar) end() {
	if b.drawn {
		fmt.Fprintf(b.a.stderr, "\r%s\r", strings.Repeat(" ", b.width-1))
	}
}

// durationText writes seconds as 45s, 3m20s, 2h05m.
func durationText(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second)).Round(time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	default:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
}
