package scope

import (
	"cmp"
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/haetae/haetae/ledger/dictionary"
)

// readers is how many workers there are for each core. What a question that meets a
// cold disk waits for is answers to small reads, and disks answer many at once.
const readers = 8

// run evaluates a plan with a number of workers. The answer does not depend on
// how many there are.
func (p *plan) run(ctx context.Context, workers int) (*tally, error) {
	start := time.Now()
	if workers <= 0 {
		workers = readers * runtime.GOMAXPROCS(0)
	}
	total := newTally()
	if err := p.segmentsOf(&total.stats); err != nil {
		return nil, err
	}
	total.stats.Prepare = time.Since(start)
	start = time.Now()
	if err := p.beforehand(ctx, workers); err != nil {
		return nil, err
	}
	tallies, err := p.scan(ctx, workers, passCount)
	if err == nil {
		total.stats.Scan = time.Since(start)
		start = time.Now()
		err = total.join(tallies)
	}
	if errors.Is(err, errTooManyGroups) {
		if err := p.largest(ctx, workers); err != nil {
			return nil, err
		}
		fresh := newTally()
		fresh.stats = total.stats
		total = fresh
		if tallies, err = p.scan(ctx, workers, passCount); err == nil {
			total.stats.Scan = time.Since(start)
			start = time.Now()
			err = total.join(tallies)
		}
	}
	if err != nil {
		return nil, err
	}
	if err := p.settle(total); err != nil {
		return nil, err
	}
	total.stats.Unite = time.Since(start)
	return total, nil
}

// pass says what a scan is for.
type pass uint8

const (
	passCount  pass = iota // the answer
	passMoved              // accounts that are not where their rows are
	passGroups             // how many records each value of --by has
)

// scan has the workers share the partitions.
func (p *plan) scan(ctx context.Context, workers int, what pass) ([]*worker, error) {
	var next atomic.Int32
	all := make([]*worker, workers)
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for i := range workers {
		all[i] = &worker{plan: p, t: newTally(), pass: what}
		wg.Add(1)
		go func() {
			defer wg.Done()
			for {
				part := int(next.Add(1)) - 1
				if part >= dictionary.Partitions || ctx.Err() != nil {
					return
				}
				if err := all[i].partition(ctx, part); err != nil {
					errs[i] = err
					next.Store(dictionary.Partitions)
					return
				}
				if p.any && all[i].t.counts[0].records > 0 {
					next.Store(dictionary.Partitions)
					return
				}
			}
		}()
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return all, cmp.Or(errs...)
}

// beforehand gathers what a row needs and does not hold, where a question needs
// it at all.
func (p *plan) beforehand(ctx context.Context, workers int) error {
	var err error
	if p.issued, err = p.issuedTokens(ctx, workers); err != nil {
		return err
	}
	if slices.ContainsFunc(p.segments, func(sp *segmentPlan) bool { return sp.moves }) {
		ws, err := p.scan(ctx, workers, passMoved)
		if err != nil {
			return err
		}
		for _, w := range ws {
			for m := range w.movedFound {
				part := m.ref.Part()
				p.moved[part] = append(p.moved[part], m)
			}
		}
	}
	return nil
}

// largest finds the values of --by with the most records; the others share a
// line.
func (p *plan) largest(ctx context.Context, workers int) error {
	ws, err := p.scan(ctx, workers, passGroups)
	if err != nil {
		return err
	}
	counts := map[string]int64{}
	for _, w := range ws {
		for name, n := range w.groupsFound {
			counts[name] += n
		}
	}
	split := map[groupSplit]int32{}
	for _, w := range ws {
		for k, n := range w.groupSplit {
			split[k] = max(split[k], n)
		}
	}
	for k, n := range split {
		counts[k.name] += int64(n)
	}
	names := make([]string, 0, len(counts))
	for name := range counts {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a, b))
	})
	p.named = map[string]bool{}
	for _, name := range names[:min(len(names), maxGroups)] {
		p.named[name] = true
	}
	p.rest = max(0, len(names)-maxGroups)
	return nil
}

// join adds up what the workers counted.
func (t *tally) join(ws []*worker) error {
	for _, w := range ws {
		if err := t.add(w.t); err != nil {
			return err
		}
	}
	return nil
}
