package detect

import (
	"cmp"
	"slices"

	"github.com/haetae/haetae/event"
)

// valueOf is a value of a group.
type valueOf struct {
	key   tuple
	value uint64
}

// waiting is a record that cannot be decided yet.
type waiting struct {
	valueOf
	at event.Millis
}

// due takes what lies before a moment off a list, in order of time.
func due(list []waiting, to event.Millis) (now, rest []waiting) {
	slices.SortStableFunc(list, func(a, b waiting) int { return cmp.Compare(a.at, b.at) })
	i, _ := slices.BinarySearchFunc(list, to, func(w waiting, to event.Millis) int { return cmp.Compare(w.at, to) })
	return list[:i], slices.Clone(list[i:])
}

// novelty lets through values that their group did not have within memory (rule
// type first_seen). Whether a value is new is decided when the watermark has
// passed: a record that comes late may show that it was not.
type novelty struct {
	memory event.Millis
	last   map[valueOf]event.Millis
	wait   []waiting
	swept  event.Millis
}

func newNovelty(memory event.Millis) *novelty {
	return &novelty{memory: memory, last: map[valueOf]event.Millis{}}
}

func (n *novelty) admit(e *Engine, c *correlation, k tuple, v uint64, r *Row) verdict {
	vo := valueOf{k, v}
	if last, ok := n.last[vo]; ok && r.Time-last <= n.memory {
		// It is known to have been there before, within memory: by a record that is
		// settled, or by one that followed such a record within memory, so that this
		// holds for what comes late as well.
		n.last[vo] = max(last, r.Time)
		return left
	}
	if len(n.wait) >= e.o.MaxGroups {
		e.lose(c, stateFull, r.Time)
		return left
	}
	n.wait = append(n.wait, waiting{vo, r.Time})
	return left
}

func (n *novelty) settle(e *Engine, c *correlation, to event.Millis, count func(tuple, uint64, event.Millis)) event.Millis {
	var now []waiting
	now, n.wait = due(n.wait, to)
	for _, w := range now {
		last, ok := n.last[w.valueOf]
		if !ok && len(n.last) >= e.o.MaxGroups {
			e.lose(c, stateFull, w.at)
			continue
		}
		if !ok {
			last = w.at
		}
		n.last[w.valueOf] = max(last, w.at)
		if !ok || w.at-last > n.memory {
			count(w.key, w.value, w.at)
		}
	}
	if day := event.Millis(86_400_000); to-n.swept > day {
		n.swept = to
		for k, last := range n.last {
			if to-last > n.memory {
				delete(n.last, k)
			}
		}
	}
	return to
}

func (n *novelty) size() int { return len(n.last) + len(n.wait) }

// comeback lets through the records of a group that had been silent (rule type
// dormant): those that follow a silence of idle, for as long as the timespan.
type comeback struct {
	idle  event.Millis
	last  map[tuple]event.Millis
	since map[tuple]event.Millis // when the group came back
	wait  []waiting
	open  map[tuple]int // how many of wait are of the group
}

func newReturn(idle event.Millis) *comeback {
	return &comeback{idle: idle, last: map[tuple]event.Millis{}, since: map[tuple]event.Millis{}, open: map[tuple]int{}}
}

func (d *comeback) admit(e *Engine, c *correlation, k tuple, v uint64, r *Row) verdict {
	last, ok := d.last[k]
	if ok && d.open[k] == 0 && last <= r.Time && r.Time-last < d.idle {
		// A record that comes late can only make a silence shorter.
		d.last[k] = r.Time
		if since, back := d.since[k]; back && r.Time-since <= c.span {
			return counted
		}
		return left
	}
	if len(d.wait) >= e.o.MaxGroups {
		e.lose(c, stateFull, r.Time)
		return left
	}
	d.wait = append(d.wait, waiting{valueOf{k, v}, r.Time})
	d.open[k]++
	return left
}

func (d *comeback) settle(e *Engine, c *correlation, to event.Millis, count func(tuple, uint64, event.Millis)) event.Millis {
	var now []waiting
	now, d.wait = due(d.wait, to)
	for _, w := range now {
		if d.open[w.key]--; d.open[w.key] == 0 {
			delete(d.open, w.key)
		}
		last, ok := d.last[w.key]
		switch {
		case !ok && len(d.last) >= e.o.MaxGroups:
			e.lose(c, stateFull, w.at)
			continue
		case ok && w.at-last >= d.idle:
			d.since[w.key] = w.at
		}
		if !ok || w.at > last {
			d.last[w.key] = w.at
		}
		if since, ok := d.since[w.key]; ok && w.at-since <= c.span {
			count(w.key, w.value, w.at)
		}
	}
	for k, since := range d.since {
		if to-since > c.span {
			delete(d.since, k)
		}
	}
	return to
}

func (d *comeback) size() int { return len(d.last) + len(d.since) + len(d.wait) }
