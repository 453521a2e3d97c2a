package rehearsal_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/haetae/haetae/packs"
	"github.com/haetae/haetae/rehearsal"
)

// TestPack runs the tests of the pack that ships, and wants one for each rule.
func TestPack(t *testing.T) {
	show(t, func() (*rehearsal.Result, error) {
		return rehearsal.Run(context.Background(), packs.FS, "rules", only()...)
	})
}

// only is HAETAE_RULES: the files to test, with commas, while a rule is written.
func only() []string {
	if s := os.Getenv("HAETAE_RULES"); s != "" {
		return strings.Split(s, ",")
	}
	return nil
}

func show(t *testing.T, run func() (*rehearsal.Result, error)) {
	t.Helper()
	res, err := run()
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range res.Tests {
		for _, c := range x.Cases {
			for _, d := range c.Differences {
				t.Errorf("%s: %s: %s %s %v %s: want %q, got %q", x.File, c.Name, d.Kind, d.Rule, d.Group, d.Field, d.Want, d.Got)
			}
			for _, s := range c.Signals[:min(len(c.Signals), 20)] {
				t.Logf("%s: %s: [%s] %s (%s) reached %v at %s", x.File, c.Name, s.Severity, s.Reason.KO, s.Reason.EN, s.Reached, s.ReachedAt)
			}
		}
	}
	for _, f := range res.Untested {
		t.Errorf("%s has no test beside it", f)
	}
	passed, all := res.Passed()
	t.Logf("%d of %d cases passed", passed, all)
}
