package detect

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/segment"
)

// Progress tells how far a run over history has come.
type Progress func(done, all int64)

// placed is a row, and which table and session of its partition it belongs to.
type placed struct {
	table, session uint32
	Row
}

// Run gives the rows of segments to the engine, in order of the hour, and moves the
// watermark along. Rows lie in segments by account and not by time; so history is
// cut into slices of about SliceRows, the rows of a slice are gathered by all
// cores, put in order of the hour, and looked at. The engine looks at rows in one
// goroutine; meanwhile the other cores gather the slice that comes next.
func (e *Engine) Run(ctx context.Context, segments []*segment.Reader, from, to event.Millis, progress Progress) error {
	h := &history{e: e, from: from, to: to}
	for _, r := range segments {
		info, err := r.Info()
		if err != nil {
			return fmt.Errorf("detect: %w", err)
		}
		if info.MaxTime < from || info.MinTime >= to || info.Rows == 0 {
			continue
		}
		h.list = append(h.list, &source{r: r, zone: info.Zone})
		h.all += info.Rows
	}
	if len(h.list) == 0 {
		return nil
	}
	ctx, stop := context.WithCancel(ctx)
	ahead := make(chan slice)
	go h.cut(ctx, ahead)
	// Nobody reads the segments any more when this returns.
	defer func() {
		stop()
		for range ahead {
		}
	}()
	for s := range ahead {
		if err := h.run(ctx, s); err != nil {
			return fmt.Errorf("detect: %w", err)
		}
		if progress != nil {
			progress(h.done, h.all)
		}
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("detect: %w", err)
	}
	return e.err
}

type history struct {
	e         *Engine
	from, to  event.Millis
	list      []*source
	done, all int64
}

// source is a segment in a run. Its tables are let go when the run is past it.
type source struct {
	r     *segment.Reader
	zone  segment.Zone
	table *Table
}

func (h *history) span() (from, to event.Millis) {
	from, to = h.list[0].zone.MinTime, h.list[0].zone.MaxTime
	for _, s := range h.list {
		from, to = min(from, s.zone.MinTime), max(to, s.zone.MaxTime)
	}
	return max(from, h.from), min(to+1, h.to)
}

// until chooses where the slice that begins at a moment ends, on the hour, by
// spreading each segment's rows evenly over its time.
func (h *history) until(at, end event.Millis) event.Millis {
	until := at - at%hourMillis + hourMillis
	for until < end {
		next := until + hourMillis
		rows := 0.0
		for _, s := range h.list {
			a, b := max(s.zone.MinTime, at), min(s.zone.MaxTime+1, next)
			if a < b {
				rows += float64(s.zone.Rows) * float64(b-a) / float64(s.zone.MaxTime+1-s.zone.MinTime)
			}
		}
		if rows > float64(h.e.o.SliceRows) {
			break
		}
		until = next
	}
	return min(until, end)
}

// slice is the rows of a span, by segment and partition, and the tables of their segments.
type slice struct {
	from, to event.Millis
	tables   []*Table
	parts    [][]placed
	err      error // it is the last
}

// cut gathers one slice after the other until ctx ends.
func (h *history) cut(ctx context.Context, out chan<- slice) {
	defer close(out)
	for at, end := h.span(); at < end; {
		s := slice{from: at, to: h.until(at, end)}
		s.err = h.gather(ctx, &s)
		select {
		case out <- s:
		case <-ctx.Done():
			return
		}
		if s.err != nil {
			return
		}
		at = s.to
	}
}

// gather reads the rows of a slice.
func (h *history) gather(ctx context.Context, sl *slice) error {
	for _, s := range h.list {
		if s.zone.MaxTime < sl.from || s.zone.MinTime >= sl.to {
			if s.zone.MaxTime < sl.from {
				s.table = nil
			}
			continue
		}
		if s.table == nil {
			t, err := tableOf(s.r)
			if err != nil {
				return err
			}
			s.table = t
		}
		n := uint32(len(sl.tables))
		sl.tables = append(sl.tables, s.table)
		got, err := gather(ctx, s.r, n, sl.from, sl.to)
		if err != nil {
			return err
		}
		sl.parts = append(sl.parts, got...)
	}
	return nil
}

// run looks at the rows of a slice, hour by hour. Within a slice rows are in order of the
// hour, so a watermark that keeps an hour back, or the lateness if that is longer,
// loses none.
func (h *history) run(ctx context.Context, s slice) error {
	if s.err != nil {
		return s.err
	}
	hours := h.byHour(s.tables, s.parts, s.from, s.to)
	back := max(hourMillis, millis(h.e.o.Lateness))
	for i, x := range hours {
		if err := h.observe(s.tables, x); err != nil {
			return err
		}
		if h.e.newest != catalog.Always {
			if err := h.e.AdvanceTo(h.e.newest - back); err != nil {
				return err
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		h.done += int64(len(x.rows))
		if h.e.hourly != nil {
			if err := h.e.hourly(event.Millis(hourOf(s.from)+int64(i)+1) * hourMillis); err != nil {
				return err
			}
		}
	}
	return nil
}

// byHour puts rows in order of the hour, and within an hour those first that issue
// something: a token is known then before its uses are looked at, and they need not
// wait. Within that the rows of a partition stay together, and those of a session.
func (h *history) byHour(tables []*Table, parts [][]placed, from, to event.Millis) (hours []hour) {
	issues := make([][]bool, len(tables))
	for i, t := range tables {
		issues[i] = make([]bool, len(t.Shapes))
		for s := range t.Shapes {
			issues[i][s] = h.e.mayIssue(t, uint32(s))
		}
	}
	base := hourOf(from)
	place := func(r *placed) int64 {
		i := 2 * (hourOf(r.Time) - base)
		if !issues[r.table][r.Shape] {
			i++
		}
		return i
	}
	next := make([]int, 2*((to-from)/hourMillis+2)+1)
	n := 0
	for _, part := range parts {
		n += len(part)
		for i := range part {
			next[place(&part[i])+1]++
		}
	}
	for i := 1; i < len(next); i++ {
		next[i] += next[i-1]
	}
	all := hour{make([]Row, n), make([]uint32, n)}
	for p, part := range parts {
		for i := range part {
			k := &next[place(&part[i])]
			all.rows[*k], all.table[*k] = part[i].Row, part[i].table
			*k++
		}
		parts[p] = nil
	}
	// What was the beginning of a place is its end now.
	begin := 0
	for i := 1; i < len(next); i += 2 {
		hours = append(hours, hour{all.rows[begin:next[i]], all.table[begin:next[i]]})
		begin = next[i]
	}
	return hours
}

// hour is the rows of an hour, and which table each belongs to.
type hour struct {
	rows  []Row
	table []uint32
}

// observe gives rows to the engine, those that follow each other in one table at once.
func (h *history) observe(tables []*Table, x hour) error {
	for from, to := 0, 0; from < len(x.rows); from = to {
		for to < len(x.rows) && x.table[to] == x.table[from] {
			to++
		}
		t := tables[x.table[from]]
		if err := h.e.Observe(t, x.rows[from:to], func(s uint32) bool { return t.Shapes[s].Flags&segment.Primary != 0 }); err != nil {
			return err
		}
	}
	return nil
}

func tableOf(r *segment.Reader) (*Table, error) {
	t := &Table{}
	var err error
	if t.Shapes, err = r.Shapes(); err != nil {
		return nil, err
	}
	if t.Clients, err = r.Clients(); err != nil {
		return nil, err
	}
	t.Agents, err = r.Agents()
	return t, err
}

// gather reads the rows of a segment within [from, to), by partition.
func gather(ctx context.Context, r *segment.Reader, table uint32, from, to event.Millis) ([][]placed, error) {
	work := make(chan int)
	parts := make([][]placed, dictionary.Partitions)
	var mu sync.Mutex
	var first error
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			g := gatherer{r: r, table: table, from: from, to: to}
			for n := range work {
				list, err := g.part(n)
				parts[n] = list
				if err != nil {
					mu.Lock()
					if first == nil {
						first = err
					}
					mu.Unlock()
				}
			}
		})
	}
	for n := range dictionary.Partitions {
		if ctx.Err() != nil {
			break
		}
		work <- n
	}
	close(work)
	wg.Wait()
	if first == nil {
		first = ctx.Err()
	}
	return parts, first
}

// gatherer reads partitions, one after the other, with the memory of the one before.
type gatherer struct {
	r        *segment.Reader
	table    uint32
	from, to event.Millis

	rows  []placed
	homes []uint32
	d     segment.Details
	next  []uint32
}

// part gives the rows of a partition in order of their sessions.
func (g *gatherer) part(n int) ([]placed, error) {
	pt, err := g.r.Partition(n)
	if err != nil {
		return nil, err
	}
	g.rows = g.rows[:0]
	var ss *segment.Sessions
	for i := range pt.Groups() {
		gr := &pt.Groups()[i]
		if gr.MaxTime < g.from || gr.MinTime >= g.to {
			continue
		}
		if ss == nil {
			if ss, err = pt.Sessions(); err != nil {
				return nil, err
			}
		}
		if g.homes, err = pt.Homes(i, g.homes); err != nil {
			return nil, err
		}
		if err := pt.Details(i, g.homes, &g.d, false); err != nil {
			return nil, err
		}
		for j, home := range g.homes {
			at := g.d.Time[j]
			if at < g.from || at >= g.to {
				continue
			}
			s := g.d.Session[j]
			g.rows = append(g.rows, placed{g.table, s, Row{
				Time: at, Shape: gr.Shape, Client: ss.Client[s], Agent: ss.Agent[s], Home: dictionary.MakeRef(byte(n), home),
				Actor: ss.Actor[s], HasActor: ss.HasActor[s], Token: ss.Token[s], Rows: g.d.Rows[j],
			}})
		}
	}
	if ss == nil {
		return nil, nil
	}
	return g.bySession(len(ss.Token)), nil
}

// bySession is a copy of the rows in order of their sessions.
func (g *gatherer) bySession(sessions int) []placed {
	out := make([]placed, len(g.rows))
	if sessions > 4*len(g.rows) {
		copy(out, g.rows)
		slices.SortStableFunc(out, func(a, b placed) int { return cmp.Compare(a.session, b.session) })
		return out
	}
	g.next = slices.Grow(g.next[:0], sessions+1)[:sessions+1]
	clear(g.next)
	for i := range g.rows {
		g.next[g.rows[i].session+1]++
	}
	for i := 1; i < len(g.next); i++ {
		g.next[i] += g.next[i-1]
	}
	for i := range g.rows {
		k := &g.next[g.rows[i].session]
		out[*k] = g.rows[i]
		*k++
	}
	return out
}
