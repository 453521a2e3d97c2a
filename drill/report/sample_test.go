package report_test

import (
	"fmt"
	"iter"
	"os"
	"testing"
	"time"

	"github.com/haetae/haetae/drill"
	"github.com/haetae/haetae/drill/score"
)

// Where scenarios are: made for these tests, so that a golden file does not change with
// the pack, and the pack's own.
const (
	ours = "testdata"
	pack = "../../packs/scenarios"
)

// played is a scenario and the score of a made-up tool in it: the attack
// reaches everybody evenly, the tool rings once in each phase that it sees.
func played(t testing.TB, dir, id string, change func(*drill.Truth, *score.Found, *[]score.Alert)) (*drill.Scenario, *score.Score) {
	t.Helper()
	s, err := drill.Read(os.DirFS(dir), id)
	if err != nil {
		t.Fatal(err)
	}
	people := int64(37_003)
	if dir == pack {
		people = 1003 // there are many of these
	}
	tr := &drill.Truth{
		Scenario: id, Scale: 1000, Seed: 7, From: s.From.Time, To: s.To.Time, Items: s.Items.Names, Reads: 181_883, Accounts: 33_674, Ghosts: 44_001, People: people,
		ReadsByItem: map[string]int64{}, Marks: drill.Marks{Keys: []string{"k"}},
	}
	for i, name := range s.Items.Names {
		tr.ReadsByItem[name] = int64(148_057 / (i + 1))
	}
	var list []score.Alert
	for i, p := range s.Attack {
		tr.Phases = append(tr.Phases, drill.PhaseTruth{Name: p.Name, First: p.From.Time, Last: p.To.Time, Records: 1000})
		list = append(list, score.Alert{Time: p.From.Add(72 * time.Minute), Severity: []string{"medium", "high"}[min(i, 1)], Rule: "forged-tokens", Keys: []string{"k"}})
	}
	for _, f := range s.Faults {
		if f.Kind == "retention" {
			tr.Lost = append(tr.Lost, drill.Lost{Fault: f.Kind, From: s.From.Time, To: f.Before.Time, Records: 20_000, People: 512, ByHold: true})
		}
	}
	list = append(list, score.Alert{Time: s.From.AddDate(0, 1, 2), Severity: "low", Rule: "volume", Keys: []string{"other"}})
	found := &score.Found{Proved: score.NewPeople(), Rules: []string{"forged-tokens", "volume", "new-network", "guessed-passwords"}}
	if len(s.Attack) == 0 {
		tr.People = 0
	}
	reads := tr.Reads
	found.Numbers.Reads = &reads
	for p := range reached(s, tr) {
		found.Proved.Add(p.Person, p.Items)
	}
	if change != nil {
		change(tr, found, &list)
	}
	sc, err := score.Judge(s, tr, reached(s, tr), found, list)
	if err != nil {
		t.Fatal(err)
	}
	sc.Run = score.Run{Tool: "Haetae", Version: "0.1.0", Command: fmt.Sprintf("haetae drill run %s --scale 1000 --seed 7", id)}
	return s, sc
}

func reached(s *drill.Scenario, t *drill.Truth) iter.Seq2[drill.Reached, error] {
	return func(yield func(drill.Reached, error) bool) {
		for i := range t.People {
			p := s.Attack[len(s.Attack)-1]
			if i < 2 {
				p = s.Attack[0]
			}
			at := p.From.Unix() + i*(p.To.Unix()-p.From.Unix())/t.People
			items := uint32(3)
			if i%13 == 0 {
				items |= 1<<len(t.Items) - 1
			}
			if !yield(drill.Reached{Person: fmt.Sprintf("secret%08d", i), Items: items & (1<<len(t.Items) - 1), First: at, Named: true, Account: true}, nil) {
				return
			}
		}
	}
}
