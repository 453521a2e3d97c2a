package scope

import (
	"fmt"
	"strings"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/plural"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/segment"
)

// tooMany says how many records of the time asked about have lost their path
// because there were too many different ones. It does not depend on the
// condition, since their key may be lost too.
func (p *plan) tooMany() ([]Limit, error) {
	lost := map[string]int64{}
	for _, r := range p.view.Segments() {
		if err := p.tooManyOf(r, lost); err != nil {
			return nil, err
		}
	}
	n, list := perSource(lost)
	if n == 0 {
		return nil, nil
	}
	return []Limit{{
		"too_many_shapes",
		fmt.Sprintf("카탈로그에 없는 경로의 종류가 너무 많아 경로를 보관하지 않은 기록이 %d건 있습니다(%s). 나중에 카탈로그를 고쳐도 그 경로는 알 수 없으며, 그 기록에서 처음 나타난 인증키와 접속자 종류도 보관하지 않았습니다.", n, list),
		plural.Sprintf("Records on routes the catalog does not know whose path was not kept, because there were too many different ones: %d (%s). No later catalog can map them, and a key or type of actor that came up with them first was not kept either.", n, list),
	}}, nil
}

func (p *plan) tooManyOf(r *segment.Reader, lost map[string]int64) error {
	info, err := r.Info()
	if err != nil || info.MaxTime < p.from || info.MinTime >= p.to {
		return err
	}
	shapes, err := r.Shapes()
	if err != nil {
		return err
	}
	some := false
	is := func(sh *segment.Shape) bool {
		return sh.Flags&segment.Primary != 0 && strings.HasPrefix(sh.Route, segment.TooMany)
	}
	for i := range shapes {
		some = some || is(&shapes[i])
	}
	if !some {
		return nil
	}
	var homes []uint32
	var d segment.Details
	for part := range dictionary.Partitions {
		pt, err := r.Partition(part)
		if err != nil {
			return err
		}
		for g, gr := range pt.Groups() {
			sh := &shapes[gr.Shape]
			if !is(sh) || gr.MaxTime < p.from || gr.MinTime >= p.to {
				continue
			}
			if gr.MinTime >= p.from && gr.MaxTime < p.to {
				lost[sh.Source] += int64(gr.Rows)
				continue
			}
			if homes, err = pt.Homes(g, homes); err != nil {
				return err
			}
			if err := pt.Details(g, homes, &d, false); err != nil {
				return err
			}
			lost[sh.Source] += within(d.Time, p.from, p.to)
		}
	}
	return nil
}

func within(times []event.Millis, from, to event.Millis) (n int64) {
	for _, at := range times {
		if at >= from && at < to {
			n++
		}
	}
	return n
}
