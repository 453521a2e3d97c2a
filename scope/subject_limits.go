package scope

import (
	"fmt"
	"time"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/digits"
	"github.com/haetae/haetae/internal/plural"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/segment"
)

// limitsOf adds what a list of one person's accesses cannot tell: accesses that
// are not in the record, and those whose record does not say whose data it was.
func (f *finder) limitsOf(zone *time.Location, now event.Millis) error {
	out := f.out
	for _, r := range f.view.Segments() {
		if err := f.unresolved(r); err != nil {
			return err
		}
	}
	for _, n := range f.nameless {
		out.Unresolved += n
	}
	if n := out.Unresolved; n > 0 {
		out.Limits = append(out.Limits, Limit{
			"unresolved",
			fmt.Sprintf("조회 %s건은 누구의 정보인지 기록에 없습니다. 그중에 이 사람의 정보가 있었는지는 알 수 없습니다.", digits.Grouped(n)),
			plural.Sprintf("%s reads do not say whose data was returned. Whether this person's was among it is not known.", digits.Grouped(n)),
		})
	}
	e := &Extent{}
	if err := f.coverage(e, zone, now); err != nil {
		return err
	}
	out.Limits = append(out.Limits, f.sourceLimits(e.Gaps, e.Coverage, zone)...)
	many, err := f.tooMany()
	if err != nil {
		return err
	}
	out.Limits = append(out.Limits, many...)
	return nil
}

// unresolved counts, by source, the reads of a segment that name nobody. Mostly the
// groups tell it, and no row is read.
func (f *finder) unresolved(r *segment.Reader) error {
	info, err := r.Info()
	if err != nil || info.MaxTime < f.from || info.MinTime >= f.to {
		return err
	}
	shapes, err := r.Shapes()
	if err != nil {
		return err
	}
	nameless := make([]*meaningSet, len(shapes))
	some := false
	for i := range shapes {
		if shapes[i].Flags&segment.Primary == 0 {
			continue
		}
		m, err := f.meaningsOf(&shapes[i], nil)
		if err != nil {
			return err
		}
		for k := range m.meanings {
			if mp := &m.meanings[k]; mp.read && (!mp.anybody || mp.moved) {
				nameless[i], some = m, true
			}
		}
	}
	if !some {
		return nil
	}
	for part := range dictionary.Partitions {
		pt, err := r.Partition(part)
		if err != nil {
			return err
		}
		for g, gr := range pt.Groups() {
			m := nameless[gr.Shape]
			if m == nil || gr.MaxTime < f.from || gr.MinTime >= f.to {
				continue
			}
			source := shapes[gr.Shape].Source
			if one := m.one(gr.MinTime, gr.MaxTime); one != nil && !one.moved && gr.MinTime >= f.from && gr.MaxTime < f.to {
				if one.read && !one.anybody {
					f.nameless[source] += int64(gr.Rows)
				}
				continue
			}
			if f.homes, err = pt.Homes(g, f.homes); err != nil {
				return err
			}
			if err := pt.Details(g, f.homes, &f.details, false); err != nil {
				return err
			}
			ss, err := pt.Sessions()
			if err != nil {
				return err
			}
			for i, at := range f.details.Time {
				mp := m.at(at)
				if at < f.from || at >= f.to || !mp.read {
					continue
				}
				if !mp.anybody || mp.moved && !ss.HasActor[f.details.Session[i]] {
					f.nameless[source]++
				}
			}
		}
	}
	return nil
}
