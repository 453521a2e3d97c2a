package server

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/ocsf"
	"github.com/haetae/haetae/scope"
	"github.com/haetae/haetae/siem"
)

// openOutputs reads the outputs file. What is acknowledged from then on is kept for
// each of them until it is sent.
func (s *Server) openOutputs() error {
	if s.opts.Outputs == "" {
		return nil
	}
	cfg, err := siem.Load(s.opts.Outputs, checkWhere)
	if err != nil {
		return err
	}
	s.outputs, err = siem.Open(cfg, &outputFeed{s: s, outlets: map[string]*ledger.Outlet{}, looked: map[string]looked{}}, checkWhere, s.log)
	return err
}

// checkWhere judges a condition for records on their way out.
func checkWhere(where string) error {
	p, err := scope.Compile(where)
	if err == nil && p.AsksIssued() {
		err = siem.ErrAllRecords
	}
	return err
}

// outputFeed is the ledger and the detector, as the outputs see them.
type outputFeed struct {
	s *Server

	mu      sync.Mutex
	outlets map[string]*ledger.Outlet
	looked  map[string]looked
}

// looked is when an output last found no change of a signal.
type looked struct {
	at         time.Time
	generation uint64
}

func (f *outputFeed) Open(name string) error {
	o, err := f.s.ledger.Outlet(name)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.outlets[name] = o
	return nil
}

func (f *outputFeed) Keep(names []string) error {
	for _, o := range f.s.ledger.Outlets() {
		if slices.Contains(names, o.Name) {
			continue
		}
		if err := f.s.ledger.DropOutlet(o.Name); err != nil {
			return err
		}
		f.s.log.Info("an output is no longer in the file; what waited for it is let go", "output", o.Name, "entries", o.Behind)
	}
	return nil
}

func (f *outputFeed) outlet(name string) *ledger.Outlet {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.outlets[name]
}

func (f *outputFeed) Place(name string) siem.Place {
	for _, o := range f.s.ledger.Outlets() {
		if o.Name == name {
			return siem.Place{From: o.From, LostEntries: o.LostEntries, Behind: o.Behind, Sent: o.Sent, Left: o.Left, Refused: o.Refused, Lost: o.Lost}
		}
	}
	return siem.Place{}
}

func (f *outputFeed) Records(ctx context.Context, name, where string, rows int) (*siem.Batch, error) {
	o := f.outlet(name)
	p, err := o.Next(rows)
	if err != nil || p == nil {
		return nil, err
	}
	b := &siem.Batch{}
	product := ocsf.ProductOf(f.s.opts.Version)
	err = scope.EachOf(ctx, p.View, where, func(r *scope.Record) error {
		a := accessOf(r)
		_, a.Stream, _ = strings.Cut(r.Stream, "\x00") // before it stands the entry
		line, err := ocsf.Encode(a, product)
		if err == nil {
			b.Events = append(b.Events, siem.Event{UID: a.UID, Time: r.Time.Time(), Line: line})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	b.Settle = func(refused int) error {
		n := int64(len(b.Events))
		return o.Done(p, ledger.OutletCounts{Sent: n - int64(refused), Left: p.Records - n, Refused: int64(refused)})
	}
	return b, nil
}

// toldSignal is what an output was told of a signal last, and enough of it to say that it is
// no longer found.
type toldSignal struct {
	UID     string         `json:"uid"`
	Version int            `json:"version"`
	Signal  *detect.Signal `json:"signal"`
}

// signalsAtOnce bounds a batch.
const signalsAtOnce = 500

// signalsEvery is how often an output looks whether a signal has changed.
const signalsEvery = time.Second

func (f *outputFeed) Signals(name string) (*siem.Batch, error) {
	if f.s.detector == nil {
		return nil, nil
	}
	f.mu.Lock()
	last := f.looked[name]
	f.mu.Unlock()
	now := time.Now()
	if now.Sub(last.at) < signalsEvery {
		return nil, nil
	}
	list, generation := f.s.detector.found()
	if generation == 0 || generation == last.generation {
		return nil, nil
	}
	o := f.outlet(name)
	was := map[string]toldSignal{}
	if memo := o.Memo(); len(memo) > 0 {
		if err := json.Unmarshal(memo, &was); err != nil {
			return nil, err
		}
	}
	var changed []signalChange
	for i := range list {
		s := &list[i]
		uid, err := ocsf.SignalUID(s, ocsf.Found)
		if err != nil {
			return nil, err
		}
		before, known := was[s.ID]
		if known && before.UID == uid {
			continue
		}
		c := signalChange{s, ocsf.Grown, toldSignal{uid, before.Version + 1, stubOf(s)}}
		if !known {
			c.what = ocsf.Found
		}
		changed = append(changed, c)
	}
	for id, before := range was {
		if !slices.ContainsFunc(list, func(s detect.Signal) bool { return s.ID == id }) && before.Signal != nil {
			changed = append(changed, signalChange{before.Signal, ocsf.Withdrawn, toldSignal{Version: before.Version + 1}})
		}
	}
	if len(changed) == 0 {
		f.mu.Lock()
		f.looked[name] = looked{now, generation}
		f.mu.Unlock()
		return nil, nil
	}
	slices.SortFunc(changed, func(a, b signalChange) int {
		return cmp.Or(strings.Compare(a.signal.ReachedAt, b.signal.ReachedAt), strings.Compare(a.signal.ID, b.signal.ID))
	})
	changed = changed[:min(len(changed), signalsAtOnce)]
	return f.batchOf(o, changed, was)
}

// signalChange is a signal that an output has to be told of.
type signalChange struct {
	signal *detect.Signal
	what   ocsf.Change
	told   toldSignal
}

func (f *outputFeed) batchOf(o *ledger.Outlet, changed []signalChange, was map[string]toldSignal) (*siem.Batch, error) {
	b := &siem.Batch{}
	product := ocsf.ProductOf(f.s.opts.Version)
	for _, c := range changed {
		uid, err := ocsf.SignalUID(c.signal, c.what)
		if err != nil {
			return nil, err
		}
		line, err := ocsf.EncodeSignal(c.signal, c.what, c.told.Version, product)
		if err != nil {
			return nil, err
		}
		at, err := time.Parse(time.RFC3339Nano, c.signal.Last)
		if err != nil {
			at = time.Now()
		}
		b.Events = append(b.Events, siem.Event{UID: uid, Time: at, Line: line})
		if c.what == ocsf.Withdrawn {
			delete(was, c.signal.ID)
		} else {
			was[c.signal.ID] = c.told
		}
	}
	memo, err := json.Marshal(was)
	if err != nil {
		return nil, err
	}
	b.Settle = func(int) error { return o.SetMemo(memo) }
	return b, nil
}

// stubOf is what is said of a signal when it is no longer found.
func stubOf(s *detect.Signal) *detect.Signal {
	return &detect.Signal{ID: s.ID, Rule: s.Rule, Title: s.Title, Severity: s.Severity, First: s.First, Last: s.Last, ReachedAt: s.ReachedAt, Status: s.Status}
}

// found is all signals, and a number that grows when one of them changes; 0 before
// history was looked through.
func (d *detector) found() ([]detect.Signal, uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.list(), d.generation
}

// reloadOutputs reads the outputs file again.
func (s *Server) reloadOutputs() error {
	if s.outputs == nil {
		return nil
	}
	return s.outputs.Reload(s.opts.Outputs)
}

// OutputsStatus is how the outputs stand.
type OutputsStatus struct {
	Outputs    []siem.Status `json:"outputs"`
	Settings   string        `json:"settings_error,omitempty"`
	SettingsKO string        `json:"settings_error_ko,omitempty"`
}

func (s *Server) outputsStatus() *OutputsStatus {
	if s.outputs == nil {
		return nil
	}
	list, wrong := s.outputs.Status()
	return &OutputsStatus{list, wrong.EN, wrong.KO}
}

// outputMetrics are what a scrape is told of the outputs.
func (s *Server) outputMetrics(m metricWriter) {
	if s.outputs == nil {
		return
	}
	var behind, records, failures, signals counterVec
	list, _ := s.outputs.Status()
	for _, o := range list {
		behind.add(label("output", o.Name), o.Behind)
		failures.add(label("output", o.Name), int64(o.Failures))
		signals.add(label("output", o.Name), o.SignalsSent)
		for outcome, n := range map[string]int64{"sent": o.Sent, "left out": o.Left, "refused": o.Refused, "lost": o.Lost} {
			records.add(label("output", o.Name, "outcome", outcome), n)
		}
	}
	m.vec("haetae_output_entries_behind", "gauge", "Entries of the journal that wait to be sent, by output.", &behind)
	m.vec("haetae_output_records_total", "counter", "Records since the output was made, by output and outcome.", &records)
	m.vec("haetae_output_signals_total", "counter", "Changes of signals that were sent since the start, by output.", &signals)
	m.vec("haetae_output_failures", "gauge", "Failures in a row, by output; 0 when the last attempt succeeded.", &failures)
}

var _ siem.Feed = (*outputFeed)(nil)
