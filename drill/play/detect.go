package play

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/drill/score"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/scope"
	"github.com/haetae/haetae/server"
)

// coverageLost is the rule of the signals by which the engine tells what it could not
// see.
const coverageLost = "coverage-lost"

// signal is a signal as it was told, and what the score may know of it.
type signal struct {
	at time.Time
	detect.Signal
	alert score.Alert
}

// detect runs the rules over history and notes when each signal was told.
func (r *run) detect(ctx context.Context) error {
	req, err := r.rules()
	if err != nil {
		return err
	}
	var told []signal
	req.Watch = func(at time.Time, list []detect.Signal) {
		for _, s := range list {
			told = append(told, signal{at: at, Signal: s})
		}
	}
	return r.history(ctx, req, &told)
}

// rules says which rules run, and with what beside them.
func (r *run) rules() (server.DetectRequest, error) {
	req := server.DetectRequest{Rules: r.o.Rules, Now: r.s.To.Time}
	var err error
	if keys := r.maker.Keys(); keys != nil {
		if req.Keys, err = r.write("keys.csv", text(keys)); err != nil {
			return req, err
		}
	}
	if calendar := r.maker.Calendar(); calendar != nil {
		if req.Calendar, err = r.write("calendar.yaml", text(calendar)); err != nil {
			return req, err
		}
	}
	return req, nil
}

// history runs the rules over all that is kept. told is what was told on the way.
func (r *run) history(ctx context.Context, req server.DetectRequest, told *[]signal) error {
	begin := time.Now()
	rep, err := server.Detect(ctx, r.l, req, func(done, all int64) { r.progress(Progress{Stage: Rules, Done: done, All: all}) })
	if err != nil {
		return err
	}
	for _, s := range *told {
		if err := r.take(ctx, s.at, s.Signal); err != nil {
			return err
		}
	}
	// What is decided when no further record comes is told when the traffic ends.
	for _, s := range rep.Signals {
		if err := r.take(ctx, r.s.To.Time, s); err != nil {
			return err
		}
	}
	r.found.Rules = rep.Rules
	r.res.Detected += time.Since(begin).Seconds()
	return nil
}

// take notes a signal at the moment it was told: the first time, and when it is graver.
func (r *run) take(ctx context.Context, at time.Time, s detect.Signal) error {
	if before, known := r.level[s.ID]; known && s.Severity <= before {
		return nil
	}
	r.level[s.ID] = s.Severity
	if s.Rule == coverageLost {
		// It accuses nobody: it says what could not be seen.
		r.res.Lost++
		first, _ := time.Parse(time.RFC3339, s.First)
		last, _ := time.Parse(time.RFC3339, s.Last)
		r.found.Statements = append(r.found.Statements, score.Statement{Kind: score.CoverageLost, From: first, To: last})
		return nil
	}
	if r.names == nil {
		r.names = r.pseudonyms()
	}
	a, err := r.alert(ctx, r.names, at, s)
	if err != nil {
		return err
	}
	r.told = append(r.told, signal{at, s, a})
	return nil
}

// pseudonyms is which pseudonym is whose, of those that belong to the attack: what a person
// who opened the dictionary would see.
func (r *run) pseudonyms() map[string]string {
	h := r.l.Hasher()
	out := map[string]string{}
	marks := &r.maker.Truth().Marks
	for _, a := range slices.Concat(marks.Actors, marks.SharedActors) {
		out[textOf(h.Account(event.AccountID(a)))] = a
		out[textOf(h.Actor(event.ActorID(a), ""))] = a
	}
	return out
}

// textOf is how a signal writes a pseudonym.
func textOf(p pseudonym.Pseudonym) string { return fmt.Sprintf("p:%x", p[:]) }

// alert is a signal in the plain form in which any tool is scored: what its group
// names, and the routes of the records it is about. Three kinds are told apart:
//
//   - A signal about how a key stands in its register is about no records, and names the
//     key alone.
//   - One that names an account, of which some records are those of the investigator's
//     question, names it: whoever looks at that account looks at the right one.
//   - Any other, such as a key that all members' tokens have, names nothing that it could
//     be credited for unless most of its records are those of the question.
func (r *run) alert(ctx context.Context, names map[string]string, at time.Time, s detect.Signal) (score.Alert, error) {
	a := score.Alert{Time: at, Severity: s.Severity.String(), Rule: s.Rule, Text: s.Reason.EN}
	if s.Where != "" && !s.Standing {
		mine, all, routes, err := r.about(ctx, s)
		if err != nil {
			return a, err
		}
		_, account := s.Group["actor.id"]
		if a.Routes = routes; all > 0 && 2*mine < all && !(account && mine > 0) {
			return a, nil
		}
	}
	for field, v := range s.Group {
		switch field {
		case "credential.key":
			a.Keys = append(a.Keys, v)
		case "actor.id":
			if id, ok := names[v]; ok {
				v = id
			}
			a.Actors = append(a.Actors, v)
		case "client.ip", "client.subnet":
			a.Addresses = append(a.Addresses, v)
		case "client.agent":
			a.Agents = append(a.Agents, v)
		}
	}
	return a, nil
}

// about is how many records a signal is about, how many of them the questions find, and
// on which routes they are.
func (r *run) about(ctx context.Context, s detect.Signal) (mine, all int64, routes []string, err error) {
	q := scope.Query{Where: s.Where, By: "route"}
	for _, t := range []struct {
		text string
		to   *event.Millis
		add  event.Millis
	}{{s.First, &q.From, 0}, {s.Last, &q.To, 1}} {
		at, err := time.Parse(time.RFC3339, t.text)
		if err != nil {
			return 0, 0, nil, fmt.Errorf("drill: signal %s: %w", s.ID, err)
		}
		*t.to = event.MillisOf(at) + t.add
	}
	x, err := r.extent(ctx, q)
	if err != nil {
		return 0, 0, nil, err
	}
	for _, g := range x.By {
		routes = append(routes, g.Value)
	}
	slices.Sort(routes)
	for _, question := range r.s.Question {
		q := q
		q.Where, q.By = "("+s.Where+") && ("+question.Where+")", ""
		y, err := r.extent(ctx, q)
		if err != nil {
			return 0, 0, nil, err
		}
		mine += y.Records
	}
	return mine, x.Records, routes, nil
}

// extent asks the record.
func (r *run) extent(ctx context.Context, q scope.Query) (*scope.Extent, error) {
	v, err := r.l.View()
	if err != nil {
		return nil, err
	}
	defer v.Close()
	q.Zone, q.Workers, q.Now = r.s.Location(), r.o.Workers, event.MillisOf(r.s.To.Time)
	return scope.Run(ctx, v, q)
}
