package detect

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/segment"
)

// Progress tells how far a run over history has come.
type Progress func(done, all int64)

// sliceRows is about how many rows are in memory at once, 200 MB.
const sliceRows = 4 << 20

// placed is a row and which table it belongs to.
type placed struct {
	table uint32
	Row
}

// Run gives the rows of segments to the engine, in order of the hour, and moves the
// watermark along. Rows lie in segments by account and not by time; so history is
// cut into slices of about sliceRows, the rows of a slice are gathered by all
// cores, put in order of the hour, and looked at.
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
	// Within a slice rows are in order of the hour, so a watermark that keeps an hour
	// back, or the lateness if that is longer, loses none.
	for at, end := h.span(); at < end; {
		until := h.slice(at, end)
		if err := h.run(ctx, at, until); err != nil {
			return fmt.Errorf("detect: %w", err)
		}
		at = until
		if progress != nil {
			progress(h.done, h.all)
		}
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

// slice chooses where the slice that begins at a moment ends, on the hour, by
// spreading each segment's rows evenly over its time.
func (h *history) slice(at, end event.Millis) event.Millis {
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
		if rows > sliceRows {
			break
		}
		until = next
	}
	return min(until, end)
}

func (h *history) run(ctx context.Context, from, to event.Millis) error {
	var rows []placed
	var tables []*Table
	for _, s := range h.list {
		if s.zone.MaxTime < from || s.zone.MinTime >= to {
			if s.zone.MaxTime < from {
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
		n := uint32(len(tables))
		tables = append(tables, s.table)
		got, err := gather(ctx, s.r, n, from, to)
		if err != nil {
			return err
		}
		rows = append(rows, got...)
	}
	byHour := make([][]placed, (to-from)/hourMillis+2)
	base := hourOf(from)
	counts := make([]int, len(byHour))
	for i := range rows {
		counts[hourOf(rows[i].Time)-base]++
	}
	for i, n := range counts {
		byHour[i] = make([]placed, 0, n)
	}
	for i := range rows {
		k := hourOf(rows[i].Time) - base
		byHour[k] = append(byHour[k], rows[i])
	}
	back := max(hourMillis, millis(h.e.o.Lateness))
	for i, list := range byHour {
		for j := range list {
			p := &list[j]
			t := tables[p.table]
			h.e.observe(t, &p.Row, t.Shapes[p.Shape].Flags&segment.Primary != 0)
		}
		if h.e.newest != catalog.Always {
			if err := h.e.AdvanceTo(h.e.newest - back); err != nil {
				return err
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		byHour[i] = nil
	}
	h.done += int64(len(rows))
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

// gather reads the rows of a segment within [from, to).
func gather(ctx context.Context, r *segment.Reader, table uint32, from, to event.Millis) ([]placed, error) {
	parts := make(chan int)
	var mu sync.Mutex
	var out []placed
	var first error
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			var mine []placed
			var homes []uint32
			var d segment.Details
			for n := range parts {
				if err := gatherPart(r, n, table, from, to, &mine, &homes, &d); err != nil {
					mu.Lock()
					if first == nil {
						first = err
					}
					mu.Unlock()
				}
			}
			mu.Lock()
			out = append(out, mine...)
			mu.Unlock()
		})
	}
	for n := range dictionary.Partitions {
		if ctx.Err() != nil {
			break
		}
		parts <- n
	}
	close(parts)
	wg.Wait()
	if first == nil {
		first = ctx.Err()
	}
	return out, first
}

func gatherPart(r *segment.Reader, n int, table uint32, from, to event.Millis, out *[]placed, homes *[]uint32, d *segment.Details) error {
	pt, err := r.Partition(n)
	if err != nil {
		return err
	}
	var ss *segment.Sessions
	for g := range pt.Groups() {
		gr := &pt.Groups()[g]
		if gr.MaxTime < from || gr.MinTime >= to {
			continue
		}
		if ss == nil {
			if ss, err = pt.Sessions(); err != nil {
				return err
			}
		}
		if *homes, err = pt.Homes(g, *homes); err != nil {
			return err
		}
		if err := pt.Details(g, *homes, d, false); err != nil {
			return err
		}
		for i, home := range *homes {
			at := d.Time[i]
			if at < from || at >= to {
				continue
			}
			s := d.Session[i]
			*out = append(*out, placed{table, Row{
				Time: at, Shape: gr.Shape, Client: ss.Client[s], Agent: ss.Agent[s], Home: dictionary.MakeRef(byte(n), home),
				Actor: ss.Actor[s], HasActor: ss.HasActor[s], Token: ss.Token[s], Rows: d.Rows[i],
			}})
		}
	}
	return nil
}
