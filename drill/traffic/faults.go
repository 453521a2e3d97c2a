package traffic

import (
	"fmt"
	"time"
)

// writtenLog is a log and what it suffers.
type writtenLog struct {
	name, kind, cadence string
	zone                *time.Location
	format              func(m *Maker, l *writtenLog, r *row, b []byte) []byte
	buf                 []byte
	count               int
	expected, width     int // lines of this hour; bytes of one, as in the last
	skew                int64
	losses              []loss
	others              []mishap
	stamp               stamp
}

// loss is a span of which nothing is left.
type loss struct {
	number   int // of those that take lines
	from, to int64
	hold     bool // taken later, by a job that a hold would stop: the line is written
}

// mishap is what happens to a share of the lines.
type mishap struct {
	kind     string
	from, to int64
	share    int64 // in a hundred thousand
	by       int64
	purpose  uint64
}

// mostLosses is how many faults may take lines: for each a person has two bits.
const mostLosses = 7

// evidence prepares the faults.
func (m *Maker) evidence() error {
	n := 0
	for i, f := range m.s.Faults {
		from, to := m.span(f.From, f.To)
		var by time.Duration
		if f.By != "" {
			var err error
			if by, err = time.ParseDuration(f.By); err != nil {
				return fmt.Errorf("faults[%d].by: %w", i, err)
			}
		}
		for _, l := range m.logs {
			if f.Log != "" && f.Log != l.name {
				continue
			}
			switch f.Kind {
			case "silent", "missing":
				l.losses = append(l.losses, loss{number: n, from: from, to: to})
			case "retention":
				l.losses = append(l.losses, loss{number: n, from: m.from, to: min(m.to, f.Before.UnixMilli()), hold: true})
			case "skew":
				l.others = append(l.others, mishap{kind: f.Kind, from: from, to: to, by: by.Milliseconds()})
			default:
				l.others = append(l.others, mishap{kind: f.Kind, from: from, to: to, by: by.Milliseconds(), share: int64(f.Share.Value() * 1000), purpose: 0x800 + uint64(i)})
			}
		}
		if f.Kind == "silent" || f.Kind == "missing" || f.Kind == "retention" {
			n++
		}
	}
	if n > mostLosses {
		return fmt.Errorf("%d faults take lines, more than %d", n, mostLosses)
	}
	return nil
}

// suffer does to a line what the faults do, and gives those that take it, as bits.
func (l *writtenLog) suffer(m *Maker, r *row) (taken uint32) {
	r.arrives = r.at
	for i := range l.losses {
		if f := &l.losses[i]; f.from <= r.at && r.at < f.to {
			taken |= 1 << f.number
			r.lost = r.lost || !f.hold
		}
	}
	for i := range l.others {
		f := &l.others[i]
		if r.at < f.from || r.at >= f.to || f.kind == "skew" || m.draw(r.seq, f.purpose, 100_000) >= f.share {
			continue
		}
		if f.kind == "doubled" {
			r.twice = true
		} else {
			r.arrives += 1 + m.draw(r.seq, f.purpose^0x400, f.by)
		}
	}
	return taken
}

// clock is what the log's clock says at a moment.
func (l *writtenLog) clock(at int64) int64 {
	for i := range l.others {
		if f := &l.others[i]; f.kind == "skew" && f.from <= at && at < f.to {
			return at + f.by
		}
	}
	return at
}
