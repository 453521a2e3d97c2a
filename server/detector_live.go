package server

import (
	"context"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/ledger/segment"
)

// liveEngine is an engine that has caught up with the ledger.
type liveEngine struct {
	engine *detect.Engine
	box    *tapBox
	view   *ledger.View // for names of ids; its files are let go
	end    func()
	told   map[string]time.Time
	level  map[string]detect.Severity
	zone   *time.Location
	heard  time.Time    // when rows came last
	floor  event.Millis // what an engine before this one had decided; 0: nothing
	failed bool
	took   time.Duration // to make it ready
	late   bool          // it was made because records came late
	spoken bool          // it has told of all it knew from history
}

// lateRecords counts what came too late for the engine.
func (r *liveEngine) lateRecords() int64 {
	_, _, late := r.engine.Totals()
	return late
}

func (r *liveEngine) stop() {
	if r != nil {
		r.end()
	}
}

// prepare makes an engine and runs it over history.
func (d *detector) prepare(ctx context.Context, heard time.Time) (_ *liveEngine, err error) {
	book := d.rules()
	if err := d.s.openIntake(book); err != nil {
		return nil, err
	}
	r := &liveEngine{box: &tapBox{looked: 1}, told: map[string]time.Time{}, level: map[string]detect.Severity{}, zone: d.s.zone(), heard: heard}
	r.view, r.end, err = d.s.ledger.Follow(r.box.put)
	if err != nil {
		return nil, err
	}
	defer func() {
		r.view.Close()
		if err != nil {
			r.end()
		}
	}()
	o, err := book.options(r.zone)
	if err != nil {
		return nil, err
	}
	d.s.registers().Into(&o)
	if r.engine, err = detect.New(book.docs, worldOf(r.view), o); err != nil {
		return nil, err
	}
	if err := d.s.recordExceptions(ctx, o.Exceptions, r.engine.Forms); err != nil {
		return nil, err
	}
	d.update(func(st *DetectorStatus) {
		st.Rules, st.LiveOnly, st.NotRun = r.engine.Rules()
		if st.State == "" || st.State == "failed" {
			st.State = "history"
		}
	})
	err = r.engine.Run(ctx, r.view.Segments(), catalog.Always, catalog.Never, func(done, all int64) {
		d.update(func(st *DetectorStatus) { st.Done, st.All = done, all })
	})
	return r, err
}

// step looks at what has arrived. again says that history has changed.
func (r *liveEngine) step(ctx context.Context, d *detector) (again bool, err error) {
	if r.failed {
		return false, nil
	}
	taps, over, history := r.box.take()
	if over {
		r.failed = true
		d.s.log.Warn("more records came than the rules could be run over: detection begins again from the ledger")
		return true, nil
	}
	for i := range taps {
		t := &taps[i]
		table := &detect.Table{Shapes: t.Shapes, Clients: t.Clients, Agents: t.Agents}
		rows := make([]detect.Row, len(t.Rows))
		for k, x := range t.Rows {
			rows[k] = detect.Row{
				Time: x.Time, Shape: x.Shape, Client: x.Client, Agent: x.Agent, Home: x.Home, Actor: x.Actor, HasActor: x.HasActor,
				Token: x.Token, Rows: x.Rows,
			}
		}
		if err := r.engine.Observe(table, rows, func(s uint32) bool { return t.Shapes[s].Flags&segment.Primary != 0 }); err != nil {
			r.failed = true
			return true, err
		}
	}
	if len(taps) > 0 {
		r.heard = time.Now()
	}
	if r.floor != 0 && r.engine.Newest() != catalog.Always {
		if err := r.engine.AdvanceTo(r.floor); err != nil {
			r.failed = true
			return true, err
		}
	}
	r.floor = 0
	// While nothing comes, time goes on: what has waited for the lateness is decided.
	if err := r.engine.AdvanceIdle(time.Since(r.heard)); err != nil {
		r.failed = true
		return true, err
	}
	now := event.MillisOf(d.s.opts.Clock())
	r.engine.Custody(now)
	r.engine.Missing(d.s.ledger.Gaps(), catalog.Always, catalog.Never, now)
	r.engine.Stale(d.s.covers(), catalog.Always, catalog.Never, now)
	if err := r.tell(ctx, d); err != nil {
		r.failed = true
		return true, err
	}
	r.box.told()
	return history, nil
}

// tell publishes what has changed.
func (r *liveEngine) tell(ctx context.Context, d *detector) error {
	// Not before the signals are in place: what this engine has decided says nothing
	// of the signals of the one before, which would be taken back.
	decided := func() {
		learning := r.engine.Learning()
		d.update(func(st *DetectorStatus) {
			st.Watermark, st.Late, st.Learning = r.engine.Watermark(), r.lateRecords(), learning
		})
	}
	now := time.Now()
	if r.spoken && !r.engine.HasChanged() {
		d.keep(r, now, false, false)
		decided()
		return nil
	}
	d.keep(r, now, true, false)
	clock := d.s.opts.Clock()
	due := func(id string, level detect.Severity) bool {
		last, ok := r.told[id]
		return !ok || level > r.level[id] || clock.Sub(last) >= growEvery
	}
	v, err := d.s.ledger.View()
	if err != nil {
		return err
	}
	defer v.Close()
	list, err := r.engine.Changed(ctx, due, extentOf(v, r.zone))
	if err != nil {
		return err
	}
	for _, s := range list {
		r.told[s.ID], r.level[s.ID] = clock, s.Severity
	}
	if !r.spoken {
		// It has told of nothing yet, so these are all there are.
		r.spoken = true
		list = d.begin(list, r.late)
	}
	decided()
	d.publish(list)
	return nil
}
