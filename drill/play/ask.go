package play

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"time"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/drill"
	"github.com/haetae/haetae/drill/score"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/scope"
	"github.com/haetae/haetae/server"
)

// operator is who sets the hold and opens the ids of a drill.
const operator = "drill"

// evidence sets the hold that somebody sets when it rings, and lets the retention job
// of the scenario run.
func (r *run) evidence(ctx context.Context) error {
	var held time.Time
	if !r.o.NoHold {
		for _, s := range r.told {
			// A key that should be exchanged is exchanged: nobody keeps a year of logs for it.
			if s.Severity >= detect.High && !s.Standing {
				held = s.at.Add(Reaction)
				break
			}
		}
	}
	set := false
	for _, f := range r.s.Faults {
		if f.Kind != "retention" {
			continue
		}
		if !held.IsZero() && held.Before(f.At.Time) && !set {
			if err := r.setHold(ctx, ledger.Hold{Name: "drill", Reason: "drill", By: operator}); err != nil {
				return err
			}
			set = true
			r.found.Statements = append(r.found.Statements, score.Statement{Kind: score.Hold, From: held})
		}
		stopped, err := r.retain(ctx, event.MillisOf(f.Before.Time))
		if err != nil {
			return err
		}
		if stopped && !set {
			return errHeld
		}
	}
	return nil
}

// errHeld: somebody else's hold stands in the way of the scenario's retention job.
var errHeld = errors.New("drill: a hold that the drill did not set stops its retention job")

// ask is the investigator: the question of the scenario, with the people by name.
func (r *run) ask(ctx context.Context) error {
	begin := time.Now()
	r.progress(Progress{Stage: Scope})
	r.found.Proved = score.NewPeople()
	if len(r.s.Question) == 0 { // whether the record is whole can be asked all the same
		x, err := r.extent(ctx, scope.Query{})
		if err != nil {
			return err
		}
		r.state(x)
	}
	var set *scope.Set
	for i, q := range r.s.Question {
		query := scope.Query{Where: q.Where, Keep: true, By: "item"}
		if !q.From.IsZero() {
			query.From = event.MillisOf(q.From.Time)
		}
		if !q.To.IsZero() {
			query.To = event.MillisOf(q.To.Time)
		}
		x, err := r.extent(ctx, query)
		if err != nil {
			return err
		}
		if i == 0 {
			set = x.Set()
		} else if set, err = scope.Apply(scope.Or, set, x.Set()); err != nil {
			return err
		}
		r.state(x)
		if len(r.s.Question) == 1 {
			n := score.Numbers{Reads: &x.Reads, Accounts: &x.Accounts, People: &x.People, Ghosts: x.Ghosts, ByItem: x.Items}
			// A read of a door code that is empty is a read, too: three numbers, not one.
			n.ReadsByItem, n.AccountsByItem = map[string]int64{}, map[string]int64{}
			for _, item := range r.s.Items.Names {
				n.ReadsByItem[item], n.AccountsByItem[item] = 0, 0
			}
			for _, g := range x.By {
				if _, is := n.ReadsByItem[g.Value]; is {
					n.ReadsByItem[g.Value], n.AccountsByItem[g.Value] = g.Reads, g.Accounts
				}
			}
			r.found.Numbers = n
		}
	}
	if set != nil {
		if err := r.open(ctx, set); err != nil {
			return err
		}
	}
	if err := r.byAlarm(ctx); err != nil {
		return err
	}
	r.res.Asked = time.Since(begin).Seconds()
	return nil
}

// state is what an answer says about the record instead of about people.
func (r *run) state(x *scope.Extent) {
	at := func(s string) time.Time {
		t, _ := time.Parse(time.RFC3339, s)
		return t
	}
	say := func(s score.Statement) { r.found.Statements = append(r.found.Statements, s) }
	for _, g := range x.Gaps {
		say(score.Statement{Kind: score.Gap, Log: g.Source, From: at(g.From), To: at(g.To)})
	}
	if x.Unresolved.Records > 0 {
		say(score.Statement{Kind: score.Unresolved, From: at(x.Span.First), To: at(x.Span.Last), Rows: x.Unresolved.Rows})
	}
	for _, c := range x.Coverage {
		// A source says nothing of the time before its first record.
		if first := at(c.First); c.Records > 0 && first.After(r.s.From.AddDate(0, 0, 1)) {
			say(score.Statement{Kind: score.Gap, Log: c.Source, From: r.s.From.Time, To: first})
		}
	}
	for _, l := range x.Limits {
		if l.Code == "retained" {
			say(score.Statement{Kind: score.Gap, From: r.s.From.Time, To: retainedUntil(r.s)})
		}
	}
}

// retainedUntil is before which the retention jobs of a scenario destroyed.
func retainedUntil(s *drill.Scenario) (t time.Time) {
	for _, f := range s.Faults {
		if f.Kind == "retention" && f.Before.After(t) {
			t = f.Before.Time
		}
	}
	return t
}

// open names the people of a set, as an export does, and records that it did.
func (r *run) open(ctx context.Context, set *scope.Set) error {
	opener, err := pseudonym.LoadOpening(disk.OS, filepath.Join(ledger.KeyDirOf(r.data), "open.key"))
	if err != nil {
		return err
	}
	if err := r.l.LoadHeaders(opener); err != nil {
		return err
	}
	o := server.Opening{By: operator, What: "scope export", Reason: "drill " + r.s.ID, Rows: int64(len(set.People))}
	if err := r.recordOpening(ctx, o); err != nil {
		return err
	}
	v, err := r.l.View()
	if err != nil {
		return err
	}
	defer v.Close()
	in, out := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := scope.Export(out, set,
			func(ref dictionary.Ref) (string, error) { return v.RealID(opener, ref) },
			func(ref dictionary.Ref) (string, error) { return v.RealPerson(opener, ref) })
		out.CloseWithError(err)
		done <- err
	}()
	err = readExport(in, r.s.Items.Names, r.found.Proved)
	in.CloseWithError(err)
	return errors.Join(err, <-done)
}

// byAlarm asks the condition of the alarm that counts.
func (r *run) byAlarm(ctx context.Context) error {
	var first *signal
	for i := range r.told {
		s := &r.told[i]
		if s.Where == "" || s.Rule == coverageLost {
			continue
		}
		if first == nil || s.Severity >= detect.High && first.Severity < detect.High {
			first = s
		}
	}
	if first == nil {
		return nil
	}
	x, err := r.extent(ctx, scope.Query{Where: first.Where})
	if err != nil {
		return err
	}
	r.res.ByAlarm = &Alarm{Rule: first.Rule, Where: first.Where, Reads: x.Reads, Accounts: x.Accounts, People: x.People}
	return nil
}

// judge holds what was found against the truth.
func (r *run) judge(context.Context) error {
	r.progress(Progress{Stage: Judge})
	alerts := make([]score.Alert, len(r.told))
	for i, s := range r.told {
		alerts[i] = s.alert
	}
	var people iter.Seq2[drill.Reached, error] = func(yield func(drill.Reached, error) bool) {
		r.maker.People(func(p drill.Reached) bool { return yield(p, nil) })
	}
	sc, err := score.Judge(r.s, r.maker.Truth(), people, &r.found, alerts)
	if err != nil {
		return fmt.Errorf("drill: %w", err)
	}
	r.res.Score = sc
	return nil
}
