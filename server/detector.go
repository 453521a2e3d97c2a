package server

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/haetae/haetae/alert"
	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/internal/written"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/scope"
)

const (
	// detectEvery is the default of Options.DetectEvery.
	detectEvery = 200 * time.Millisecond
	// growEvery is how often the numbers of a signal that goes on are worked out
	// anew; the first time and a higher severity do not wait.
	growEvery = 10 * time.Second
	// tapRows bounds what may wait for the engine: about 400 MB. Beyond it the
	// engine begins again from the ledger, which has everything.
	tapRows = 8 << 20
)

// detector runs the rules over what arrives. It begins with all of history, so that
// a restart changes nothing: what it knows is a function of the ledger. When history
// changes (an import, another catalog or register, other rules), a second engine is
// made ready beside the one that runs, and takes its place.
type detector struct {
	s    *Server
	desk *alert.Desk // nil without alerts

	again chan string // why to begin again; one waits at most

	// Of run's goroutine.
	untold    map[string]detect.Signal // that the desk has not taken
	unoffered bool                     // some of them it has not even been offered
	unsettled bool                     // the desk has still to be told that these signals hold and no others
	settle    time.Time                // what has to be decided before it is told so once more; zero: nothing
	late      lateness
	kept      decided // is written down of how far detection has got
	keptAt    time.Time
	// What can fail for as long as a disk is full.
	beginning, handing, noting, keeping backoff
	unnoted                             bool                   // exceptions may keep something quiet that is not written down
	noted                               map[string]scope.Noted // what is, by signal

	mu      sync.Mutex
	book    *ruleBook    // in force
	broken  written.Text // what is wrong with those that were read since
	signals map[string]detect.Signal
	// generation grows when signals change; 0: history was not looked through yet.
	generation uint64
	stream     *stream
	status     DetectorStatus
	box        *tapBox // of the engine that runs; nil: there was none yet
}

// DetectorStatus says how detection stands.
type DetectorStatus struct {
	State     string    `json:"state"`           // "history", "live" or "failed"
	Done      int64     `json:"done"`            // rows of history, while in it
	All       int64     `json:"all"`             //
	Rules     int       `json:"rules"`           // that run
	Error     string    `json:"error,omitempty"` // of the last load of rules; the ones before go on
	ErrorKO   string    `json:"error_ko,omitempty"`
	Watermark time.Time `json:"watermark,omitzero"`
	LiveOnly  int       `json:"live_only"` // among their parts, decided as a line comes
	NotRun    int       `json:"not_run"`   // correlations by what no record holds
	Late      int64     `json:"late"`
	// Pending are rows that came and of which not everything is told yet that the rules
	// say of them.
	Pending  int64 `json:"pending"`
	Restarts int   `json:"restarts"`
	// Learning are the rules by which nothing is high yet.
	Learning []detect.Learning `json:"learning,omitempty"`
}

func newDetector(s *Server, book *ruleBook, desk *alert.Desk) *detector {
	return &detector{s: s, book: book, desk: desk, again: make(chan string, 1), signals: map[string]detect.Signal{}, untold: map[string]detect.Signal{}, stream: newStream(), noted: map[string]scope.Noted{}}
}

// restart asks for a new engine.
func (d *detector) restart(why string) {
	select {
	case d.again <- why:
	default:
	}
}

// take puts rules in force, from the next engine on.
func (d *detector) take(book *ruleBook) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.book, d.broken = book, written.Text{}
}

// refuse leaves the rules in force as they are, and says why.
func (d *detector) refuse(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.broken = written.TextOf(err)
	d.status.Error, d.status.ErrorKO = d.broken.EN, d.broken.KO
}

func (d *detector) rules() *ruleBook {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.book
}

// lateness says when to begin again for records that came late: at once for the
// first, and then so seldom that it takes a tenth of the time at most.
type lateness struct {
	next time.Time // not before
	due  bool      // the engine that is being made ready is for them
}

// lateEvery is the shortest time between beginning again for late records.
const lateEvery = time.Minute

// tapBox collects what the ledger says until the engine takes it.
type tapBox struct {
	mu      sync.Mutex
	taps    []ledger.Tap
	rows    int
	over    bool // more than may wait
	history bool // what was before has changed
	looked  int  // rows that were taken and of which nothing was told yet; 1 of history
}

func (b *tapBox) put(t ledger.Tap) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case t.History:
		b.history = true
	case b.over || b.rows+len(t.Rows) > tapRows:
		b.over, b.taps, b.rows = true, nil, 0
	default:
		b.taps = append(b.taps, t)
		b.rows += len(t.Rows)
	}
}

func (b *tapBox) take() (taps []ledger.Tap, over, history bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	taps, over, history = b.taps, b.over, b.history
	b.looked += b.rows
	b.taps, b.rows, b.history = nil, 0, false
	return taps, over, history
}

// told says that whatever the rows that were taken have changed is told.
func (b *tapBox) told() {
	b.mu.Lock()
	b.looked = 0
	b.mu.Unlock()
}

// pending counts the rows of which something may still have to be told.
func (b *tapBox) pending() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		return tapRows
	}
	return int64(b.rows + b.looked)
}

// run detects until ctx ends.
func (d *detector) run(ctx context.Context) {
	var live *liveEngine
	ready := make(chan prepared, 1)
	building := false
	build := func() {
		building = true
		// What the engine that runs has decided because nothing came for a while, the
		// next one decides as well.
		heard := time.Now()
		if live != nil {
			heard = live.heard
		}
		d.s.wg.Go(func() {
			began := time.Now()
			r, err := d.prepare(ctx, heard)
			if r != nil {
				r.took = time.Since(began)
			}
			ready <- prepared{r, err}
		})
	}
	var err error
	if d.kept, err = readDecided(d.s.opts.FS, d.s.opts.Data); err != nil {
		d.s.log.Warn("how far detection had got cannot be read: what was decided while nothing came is decided anew", "error", err)
	}
	build()
	tick := time.NewTicker(d.s.opts.DetectEvery)
	defer tick.Stop()
	pending := false
	for {
		select {
		case <-ctx.Done():
			if live != nil {
				d.keep(live, time.Now(), false, true)
				d.note(context.WithoutCancel(ctx), true)
			}
			live.stop()
			if building {
				(<-ready).engine.stop()
			}
			return
		case why := <-d.again:
			d.s.log.Info("detection begins again", "why", why)
			d.beginning.next = time.Time{} // what was wrong may be right now
			pending = true
		case p := <-ready:
			building = false
			r := p.engine
			if p.err != nil {
				d.cannotBegin(p.err, live == nil)
				pending, r = true, nil
			}
			if r != nil {
				if live == nil {
					r.goOn(d.kept, time.Now())
				} else if !d.late.due {
					r.floor = live.engine.Decided()
				}
				live.stop()
				live = r
				d.mu.Lock()
				d.box = live.box
				d.mu.Unlock()
				if live.late = d.late.due; live.late {
					d.late = lateness{next: time.Now().Add(max(lateEvery, 10*r.took))}
				}
				d.update(func(st *DetectorStatus) {
					st.State, st.Error, st.ErrorKO, st.Restarts = "live", d.broken.EN, d.broken.KO, st.Restarts+1
				})
			}
		case <-tick.C:
			if live == nil {
				break
			}
			again, err := live.step(ctx, d)
			switch {
			case ctx.Err() != nil:
			case err != nil:
				d.s.log.Error("detection stopped", "error", err)
				d.beginning.failed(time.Now())
				again = true
			case !live.failed && d.beginning.succeeded():
				d.s.log.Info("detection goes on")
			}
			pending = pending || again
			if n := live.lateRecords(); n > 0 && !building && time.Now().After(d.late.next) {
				d.s.log.Info("records came late: detection begins again", "records", n)
				d.late = lateness{next: time.Now().Add(lateEvery), due: true}
				pending = true
			}
			d.hand()
			if d.unnoted && d.noting.due(time.Now()) {
				d.note(ctx, false)
			}
			if d.desk != nil {
				d.desk.Alive(time.Now())
			}
		}
		if pending && !building && d.beginning.due(time.Now()) {
			pending = false
			build()
		}
	}
}

// prepared is an engine that is ready, or why there is none.
type prepared struct {
	engine *liveEngine
	err    error
}

// cannotBegin says once that no engine could be made ready, and why; it is tried again.
// first: there is none that runs meanwhile.
func (d *detector) cannotBegin(err error, first bool) {
	if errors.Is(err, context.Canceled) {
		return
	}
	if d.beginning.failed(time.Now()) {
		d.s.log.Error("detection cannot begin; it is tried again", "error", err)
	}
	d.update(func(st *DetectorStatus) {
		st.Error, st.ErrorKO = err.Error(), written.Korean(err)
		if first {
			st.State = "failed"
		}
	})
}

// begin puts the signals of an engine that begins in the place of those before it,
// and gives back those that are new or other than before. A signal that no longer
// holds, because history, the catalog or the rules are others now, is forgotten. late
// says that the engine was made for records that came late.
func (d *detector) begin(list []detect.Signal, late bool) []detect.Signal {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := make(map[string]detect.Signal, len(list))
	var out []detect.Signal
	for _, s := range list {
		before, ok := d.signals[s.ID]
		s.Late = ok && before.Late
		if !ok || !reflect.DeepEqual(s, before) {
			s.Late = s.Late || late
			out = append(out, s)
		}
		now[s.ID] = s
	}
	gone := false
	for id := range d.signals {
		if _, ok := now[id]; !ok {
			gone = true
			delete(d.untold, id)
		}
	}
	d.signals, d.unsettled = now, true
	d.generation++
	if gone {
		// A stream cannot say that a signal is gone: its reader begins again with all.
		d.stream.begin()
	}
	return out
}

// publish keeps signals, tells subscribers, and hands them to the alert desk.
func (d *detector) publish(list []detect.Signal) {
	if len(list) == 0 {
		return
	}
	d.mu.Lock()
	d.generation++
	for i := range list {
		// That late records have changed a signal stays true of it.
		list[i].Late = list[i].Late || d.signals[list[i].ID].Late
		s := list[i]
		d.signals[s.ID] = s
		d.stream.send(s)
		d.untold[s.ID], d.unoffered = s, true
		d.unnoted = d.unnoted || s.Exception != nil
	}
	d.mu.Unlock()
	logSignals(d.s.log, list)
}

// hand gives the desk what it has not taken yet: what is new at once, since the desk
// tells it even if it cannot write it down. What it could not write down is handed in
// again after a while: a repetition does no harm. What it had no room for it has counted,
// logged and told itself.
func (d *detector) hand() {
	if d.desk == nil {
		return
	}
	decided := d.watermark()
	if !d.settle.IsZero() && !decided.Before(d.settle) {
		d.unsettled = true
	}
	if !d.unoffered && !d.handing.due(time.Now()) {
		return
	}
	d.unoffered = false
	list := slices.Collect(maps.Values(d.untold))
	var err error
	switch {
	case d.unsettled:
		// It compares with what its queue holds, so that it also finds what has become
		// of signals of a process before this one.
		all, _ := d.all()
		if d.settle, err = d.desk.Settle(all, list, decided); err == nil || alert.Refused(err) {
			d.unsettled = false
		}
	case len(list) > 0:
		err = d.desk.Found(decided, list...)
	default:
		return
	}
	if err != nil && !alert.Refused(err) {
		if d.handing.failed(time.Now()) {
			d.s.log.Error("signals could not be put into the alert queue; they are tried again", "error", err, "signals", len(list))
		}
		return
	}
	if d.handing.succeeded() {
		d.s.log.Info("signals could be put into the alert queue again", "signals", len(list))
	}
	clear(d.untold)
}

// counts is how many signals there are, by severity and rule.
func (d *detector) counts() *counterVec {
	d.mu.Lock()
	defer d.mu.Unlock()
	var c counterVec
	for _, s := range d.signals {
		c.add(label("severity", s.Severity.String(), "rule", s.Rule), 1)
	}
	return &c
}

func (d *detector) update(fn func(*DetectorStatus)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fn(&d.status)
}

func (d *detector) watermark() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.status.Watermark
}

// all lists the signals, gravest and earliest first.
func (d *detector) all() ([]detect.Signal, DetectorStatus) {
	d.mu.Lock()
	defer d.mu.Unlock()
	st := d.status
	if d.box != nil {
		st.Pending = d.box.pending()
	}
	return d.list(), st
}

func (d *detector) list() []detect.Signal {
	out := make([]detect.Signal, 0, len(d.signals))
	for _, s := range d.signals {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b detect.Signal) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), strings.Compare(a.ReachedAt, b.ReachedAt), strings.Compare(a.ID, b.ID))
	})
	return out
}

// logSignals writes what an operator should see without naming anybody.
func logSignals(log *slog.Logger, list []detect.Signal) {
	for _, s := range list {
		log.Warn("signal", "id", s.ID, "rule", s.Rule, "severity", s.Severity.String(), "reads", s.Reads, "people", s.People)
	}
}
