package server

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/feed"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/scope"
)

// DetectRequest says which rules to run over what.
type DetectRequest struct {
	Rules      string // folder of rule files; empty = the pack that ships
	Exceptions string // file; empty = none
	Calendar   string // file; empty = the Korean holidays that ship
	Keys       string // file: the register of keys
	Lists      string // file: what %name% stands for in rules (docs/rules.md)
	From, To   event.Millis
	// Lateness is how much later than the newest record another may come and still
	// count live where it belongs; default 10 min. Rules whose findings a later record
	// could take back ring that much later.
	Lateness time.Duration
	Now      time.Time // by which custody is judged; default the present

	// Watch is called with signals as somebody would have been told of them, had the
	// rules run live: those that are new or have become graver by the end of an hour. May
	// be nil.
	Watch func(at time.Time, signals []detect.Signal) `json:"-"`
}

// Detect runs rules over history.
func Detect(ctx context.Context, l *ledger.Ledger, req DetectRequest, progress detect.Progress) (*detect.Report, error) {
	book, err := readBook(req)
	if err != nil {
		return nil, err
	}
	v, err := l.View()
	if err != nil {
		return nil, err
	}
	defer v.Close()
	zone := zoneOf(v)
	o, err := book.options(zone)
	if err != nil {
		return nil, err
	}
	fed, err := feed.Kept(l.FS(), l.Dir(), l.Hasher())
	if err != nil {
		return nil, err
	}
	fed.Into(&o)
	e, err := detect.New(book.docs, worldOf(v), o)
	if err != nil {
		return nil, err
	}
	if req.Watch != nil {
		watch(ctx, e, extentOf(v, zone), req.Watch)
	}
	from, to := req.From, req.To
	if from == 0 {
		from = catalog.Always
	}
	if to == 0 {
		to = catalog.Never
	}
	if err := e.Run(ctx, v.Segments(), from, to, progress); err != nil {
		return nil, err
	}
	if err := e.Finish(); err != nil {
		return nil, err
	}
	now := req.Now
	if now.IsZero() {
		now = time.Now()
	}
	e.Custody(event.MillisOf(now))
	e.Missing(v.Gaps(), from, to, event.MillisOf(now))
	e.Stale(fed.Feeds, from, to, event.MillisOf(now))
	rep, err := e.Report(ctx, extentOf(v, zone))
	if err != nil {
		return nil, err
	}
	// That something was not seen says little where nothing could be seen.
	x, err := scope.Run(ctx, v, scope.Query{From: req.From, To: req.To, Zone: zone, Now: event.MillisOf(now)})
	if err != nil {
		return nil, fmt.Errorf("what the record tells: %w", err)
	}
	rep.Gaps, rep.Coverage, rep.Unresolved, rep.Unmapped = x.Gaps, x.Coverage, x.Unresolved, x.Unmapped
	return rep, nil
}

// watch has an engine tell as it goes through history.
func watch(ctx context.Context, e *detect.Engine, ask detect.Asker, tell func(time.Time, []detect.Signal)) {
	var w detect.Watch
	e.EachHour(func(at event.Millis) error {
		e.Custody(at)
		told, err := e.Risen(ctx, &w, at, ask)
		if err == nil && len(told) > 0 {
			tell(at.Time(), told)
		}
		return err
	})
}

// extentOf asks the ledger for the numbers of a signal.
func extentOf(v *ledger.View, zone *time.Location) detect.Asker {
	return func(ctx context.Context, where string, from, to event.Millis) (detect.Extent, error) {
		x, err := scope.Run(ctx, v, scope.Query{Where: where, From: from, To: to, Zone: zone})
		if err != nil {
			return detect.Extent{}, err
		}
		return detect.Extent{Reads: x.Reads, Accounts: x.Accounts, People: x.People, Items: x.Items}, nil
	}
}

// ledgerWorld is a view as the engine asks it.
type ledgerWorld struct {
	*ledger.View
	blocks *detect.Blocks
}

func worldOf(v *ledger.View) *ledgerWorld {
	return &ledgerWorld{v, detect.NewBlocks(v.Blocks, v.Registers())}
}

// Bucket names the block of an account and how many accounts of it are known.
func (w *ledgerWorld) Bucket(r dictionary.Ref) (uint64, []int, error) { return w.blocks.Bucket(r) }

// severities lists the words for flags and completion.
func Severities() []string {
	var out []string
	for s := detect.Informational; s <= detect.Critical; s++ {
		out = append(out, s.String())
	}
	return out
}

// AtLeast keeps the signals of a severity and above.
func AtLeast(list []detect.Signal, s detect.Severity) []detect.Signal {
	return slices.DeleteFunc(slices.Clone(list), func(x detect.Signal) bool { return x.Severity < s })
}
