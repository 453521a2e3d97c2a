package traffic_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/drill"
	"github.com/haetae/haetae/drill/traffic"
	"github.com/haetae/haetae/event"
)

// TestScenarios: of every scenario that ships the attack's lines say what the truth
// says, and every line of its first week is read, with nothing set aside.
func TestScenarios(t *testing.T) {
	list, err := drill.All(os.DirFS("../../packs/scenarios"))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		t.Run(s.ID, func(t *testing.T) {
			scale := max(int64(s.Scale)*20, int64(s.Population.Accounts.Value()/3000))
			alone := *s
			alone.Faults, alone.Background = nil, nil
			r := run(t, &alone, scale, 1)
			f := r.read(t)
			f.take(reachesOf(s, scale), func(*event.Record) bool { return true })
			f.hold(r)
			if len(s.Attack) > 0 && len(f.people) == 0 {
				t.Error("the attack reaches nobody")
			}
			week(t, s, scale).read(t)
		})
	}
}

// reachesOf says by route how many accounts pages reach that name nobody.
func reachesOf(s *drill.Scenario, scale int64) map[string]int {
	out := map[string]int{}
	for i := range s.Attack {
		for _, r := range s.Attack[i].Pages {
			p := s.Pages.Of[r.Page]
			if p.Whose != "nobody" {
				continue
			}
			route := p.Request
			if p.Table != "" {
				var columns []string
				for _, c := range p.Columns {
					columns = append(columns, c...)
				}
				slices.Sort(columns)
				route = "TABLE " + p.Table + " (" + strings.Join(columns, ", ") + ")"
			}
			out[route] = int(min(r.Reaches.At(scale), s.Population.Accounts.At(scale)))
		}
	}
	return out
}

// week is the lines of a scenario's first week.
func week(t *testing.T, s *drill.Scenario, scale int64) *made {
	t.Helper()
	m, err := traffic.New(s, traffic.Options{Scale: scale, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	out := &made{m: m, logs: map[string][]byte{}}
	over, hours, lines := errors.New("over"), 0, 0
	err = m.Run(context.Background(), func(_ time.Time, logs []traffic.Chunk) error {
		for _, c := range logs {
			out.logs[c.Log] = append(out.logs[c.Log], c.Lines...)
			lines += c.Count
		}
		if hours++; hours == 7*24 {
			return over
		}
		return nil
	})
	if !errors.Is(err, over) || lines == 0 {
		t.Fatalf("%d lines in %d hours: %v", lines, hours, err)
	}
	return out
}
