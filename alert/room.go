package alert

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/internal/digits"
	"github.com/haetae/haetae/internal/plural"
)

// overflowRule is the rule of the one signal that this package makes itself: it
// says that others could not be kept. It has a place beyond the bound.
const overflowRule = "haetae-alert-queue-full"

var overflowID = detect.SignalID(overflowRule, nil)

// room makes a place for a new signal of so many bytes. First go signals of
// which nothing is left to do, the one that has been quiet for longest before
// others. Then, and these are losses that are told: signals that were told and
// that nobody has taken, if they are no graver than the new one, since a signal
// that nobody has heard of comes first; then untold ones that are less grave.
func (b *book) room(s detect.Signal, size int64) (change, error) {
	var c change
	full := func() bool {
		n := len(b.entries)
		if b.entries[overflowID] != nil {
			n--
		}
		return n >= b.cfg.MaxSignals || b.bytes+size > maxBookBytes
	}
	if !full() {
		return c, nil
	}
	type candidate struct {
		*entry
		class int
	}
	var order []candidate
	for _, e := range b.entries {
		switch pending := e.pending(); {
		case e.Signal.ID == overflowID:
		case !pending && !e.climbs(b.cfg):
			order = append(order, candidate{e, 0})
		case !pending && e.Signal.Severity <= s.Severity:
			order = append(order, candidate{e, 1})
		case pending && e.Signal.Severity < s.Severity:
			order = append(order, candidate{e, 2})
		}
	}
	slices.SortFunc(order, func(x, y candidate) int {
		bySeverity := cmp.Compare(x.Signal.Severity, y.Signal.Severity)
		if x.class == 0 {
			bySeverity = 0
		}
		return cmp.Or(cmp.Compare(x.class, y.class), bySeverity, x.Changed.Compare(y.Changed), cmp.Compare(x.Signal.ID, y.Signal.ID))
	})
	for _, e := range order {
		if !full() {
			break
		}
		if e.class > 0 {
			b.lost++
		}
		b.drop(e.entry)
		c.Gone = append(c.Gone, e.Signal.ID)
	}
	var err error
	if full() {
		b.lost++
		err = fmt.Errorf("signal %s: %w", s.ID, ErrFull)
	}
	return c, err
}

// pending reports that a channel has still to be told, or refused to be.
func (e *entry) pending() bool {
	return slices.ContainsFunc(e.Told, func(t *telling) bool { return t.State != sent })
}

// overflow is the signal that tells of the losses.
func (b *book) overflow(first string, now time.Time) detect.Signal {
	at := now.UTC().Format("2006-01-02T15:04:05.000Z")
	if first == "" {
		first = at
	}
	return detect.Signal{
		ID: overflowID, Rule: overflowRule, Severity: detect.High, First: first, Last: at, ReachedAt: first, Status: detect.Open,
		Title: detect.Text{
			KO: fmt.Sprintf("알림 대기열 한도 초과로 탐지 %s건의 알림 누락", digits.Grouped(b.lost)),
			EN: plural.Sprintf("The alert queue is full: %s signals were dropped", digits.Grouped(b.lost)),
		},
		Reason: detect.Text{
			KO: fmt.Sprintf("알림 대기열이 한도(%s건)에 이르러 탐지 %s건이 대기열에서 제외되었습니다. 탐지 목록에서 직접 확인하십시오.", digits.Grouped(b.cfg.MaxSignals), digits.Grouped(b.lost)),
			EN: plural.Sprintf("The alert queue reached its bound of %s signals, and %s were dropped from it. Look them up in the list of signals.", digits.Grouped(b.cfg.MaxSignals), digits.Grouped(b.lost)),
		},
		Reached: float64(b.lost),
	}
}
