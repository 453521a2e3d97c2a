package alert

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/internal/digits"
	"github.com/haetae/haetae/internal/golden"
	"github.com/haetae/haetae/internal/remote"
)

// The page's files are read, and fit each other.
func TestPageFiles(t *testing.T) {
	c := settings(t, block(t, "yaml alerts"))
	if err := c.Use(rota(t, block(t, "yaml rota"))); err != nil {
		t.Fatal(err)
	}
	if got := c.Rota.Uncovered(); len(got) != 0 {
		t.Errorf("the example leaves hours without anybody: %q", got)
	}
	// What the page gives as "if left out" is written out in its example.
	d := settings(t, twoChannels)
	if c.GrowEvery != d.GrowEvery || c.GrowEveryAcked != d.GrowEveryAcked || c.MaxSignals != d.MaxSignals || c.Heartbeat.Every != defaultHeartbeat || c.Channels[1].PerMinute != defaultPerMinute {
		t.Errorf("the example has other numbers than those that hold without it: %+v", c)
	}
}

// The page's table of limits has the numbers of the code.
func TestPageLimits(t *testing.T) {
	_, table, _ := strings.Cut(golden.Page(t, "docs/alerts.md"), "\n## Limits\n")
	table, _, _ = strings.Cut(table, "\n## ")
	row := func(what string, numbers ...string) {
		t.Helper()
		m := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(what) + `[^|]*\|(.*)\|$`).FindStringSubmatch(table)
		if m == nil {
			t.Errorf("no row %q", what)
			return
		}
		for _, n := range numbers {
			if !regexp.MustCompile(`(^|[^0-9])` + regexp.QuoteMeta(n) + `($|[^0-9])`).MatchString(m[1]) {
				t.Errorf("%s: no %s in%s", what, n, m[1])
			}
		}
	}
	short := func(d time.Duration) string {
		switch {
		case d >= time.Hour:
			return digits.Grouped(int64(d/time.Hour)) + " h"
		case d >= time.Minute:
			return digits.Grouped(int64(d/time.Minute)) + " min"
		}
		return digits.Grouped(int64(d/time.Second)) + " s"
	}
	row("signals in the queue", "10000", digits.Grouped(maxBookBytes>>20)+" MiB")
	row("one signal", digits.Grouped(maxSignalBytes>>10)+" KiB")
	row("channels", digits.Grouped(maxChannels))
	row("steps", digits.Grouped(maxSteps))
	row("recipients", digits.Grouped(maxTo))
	row("messages on a channel", digits.Grouped(burst), digits.Grouped(defaultPerMinute))
	row("growth", short(defaultGrowth), short(defaultGrowthAcked))
	row("one attempt", short(attemptTime))
	row("back-off", short(firstPause), short(maxPause))
	row("`Retry-After`", short(maxRetryAfter))
	row("failed writes", short(diskPause))
	row("acknowledgements", digits.Grouped(maxAcks), digits.Grouped(maxWho), "2000")
	row("`alerts.yaml`", digits.Grouped(maxFileBytes>>20)+" MiB")
	row("a secret", digits.Grouped(remote.MaxSecret>>10)+" KiB", digits.Grouped(minSecretBytes))
	row("signals and failures", digits.Grouped(maxListed))
	row("heading", digits.Grouped(maxSlackHeader), "2900")
}
