package detect

import (
	"cmp"
	"slices"

	"github.com/haetae/haetae/catalog"
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

// backlog is what waits for the watermark, by minute, so that a step of the
// watermark costs what has become due and not what waits.
type backlog struct {
	minutes map[int64]*pending
	n       int
}

type pending struct {
	first event.Millis // the earliest of list
	list  []waiting
}

func (b *backlog) add(w waiting) {
	if b.minutes == nil {
		b.minutes = map[int64]*pending{}
	}
	m := minuteOf(w.at)
	p := b.minutes[m]
	if p == nil {
		p = &pending{first: w.at}
		b.minutes[m] = p
	}
	p.first = min(p.first, w.at)
	p.list = append(p.list, w)
	b.n++
}

// due takes off what lies before a moment, in order of time. keep, if given, says
// of a minute by its earliest moment that nothing of it can be decided yet.
func (b *backlog) due(to event.Millis, keep func(first event.Millis) bool) []waiting {
	var now []waiting
	for m, p := range b.minutes {
		if p.first >= to || keep != nil && keep(p.first) {
			continue
		}
		if event.Millis(m+1)*minute <= to {
			now = append(now, p.list...)
			delete(b.minutes, m)
			continue
		}
		rest := p.list[:0]
		p.first = event.Millis(m+1) * minute
		for _, w := range p.list {
			if w.at < to {
				now = append(now, w)
				continue
			}
			p.first = min(p.first, w.at)
			rest = append(rest, w)
		}
		if p.list = rest; len(rest) == 0 {
			delete(b.minutes, m)
		}
	}
	b.n -= len(now)
	slices.SortFunc(now, func(a, b waiting) int {
		return cmp.Or(cmp.Compare(a.at, b.at), slices.Compare(a.key[:], b.key[:]), cmp.Compare(a.value, b.value))
	})
	return now
}

const minute = event.Millis(60_000)

func minuteOf(t event.Millis) int64 {
	m := int64(t / minute)
	if t < 0 && t%minute != 0 {
		m--
	}
	return m
}

// novelty lets through values that their group did not have within memory (rule
// type first_seen). Whether a value is new is decided when the watermark has
// passed: a record that comes late may show that it was not.
//
// Of the records of a value that follow each other within memory only the first can
// count, so one stretch of each value waits, however many records it has; what does
// not adjoin it waits by itself.
//
// While the engine learns, values are remembered and none is new: on the first day
// of a record, everything would be.
//
// Where the rule has a min, what follows with a new value, for as long as the
// timespan, is counted among all records of the group and not among the new values:
// so min asks how much was done from the new place, and the signal lasts as long.
type novelty struct {
	memory event.Millis
	fresh  map[valueOf]event.Millis // when a value was new, for as long as the timespan
	follow backlog                  // what may have followed a value that is new
	last   map[valueOf]event.Millis
	open   map[valueOf]stretch
	first  event.Millis // of all in open: nothing of it is due before
	wait   backlog
	swept  event.Millis
}

// stretch is records that follow each other within memory.
type stretch struct{ first, last event.Millis }

func newNovelty(memory event.Millis) *novelty {
	return &novelty{memory: memory, fresh: map[valueOf]event.Millis{}, last: map[valueOf]event.Millis{}, open: map[valueOf]stretch{}, first: catalog.Never}
}

func (n *novelty) admit(e *Engine, c *correlation, k *tuple, v uint64, r run) verdict {
	vo, at := valueOf{*k, v}, r.first
	if r.n > 1 {
		return oneByOne
	}
	if last, ok := n.last[vo]; ok && at-last <= n.memory {
		// It is known to have been there before, within memory: by a record that is
		// settled, or by one that followed such a record within memory, so that this
		// holds for what comes late as well.
		n.last[vo] = max(last, at)
		if since, ok := n.fresh[vo]; ok && at > since && at-since <= c.span {
			return other
		}
		return left
	}
	if c.typ.Min > 0 {
		if n.size() >= e.o.MaxGroups {
			e.lose(c, stateFull, at)
			return left
		}
		n.follow.add(waiting{vo, at})
	}
	s, ok := n.open[vo]
	adjoins := ok && at >= s.first-n.memory && at <= s.last+n.memory
	switch {
	case adjoins:
		n.open[vo] = stretch{min(s.first, at), max(s.last, at)}
		n.first = min(n.first, at)
	case len(n.open)+n.wait.n >= e.o.MaxGroups:
		e.lose(c, stateFull, at)
	case ok:
		n.wait.add(waiting{vo, at})
	default:
		n.open[vo] = stretch{at, at}
		n.first = min(n.first, at)
	}
	return left
}

func (n *novelty) settle(e *Engine, c *correlation, to event.Millis, count func(tuple, uint64, event.Millis)) event.Millis {
	if n.first < to {
		n.first = catalog.Never
		for vo, s := range n.open {
			if s.first < to {
				n.wait.add(waiting{vo, s.first})
			} else {
				n.first = min(n.first, s.first)
			}
		}
	}
	follow := n.follow.due(to, nil)
	for _, w := range n.wait.due(to, nil) {
		for ; len(follow) > 0 && follow[0].at < w.at; follow = follow[1:] {
			n.followed(e, c, follow[0])
		}
		last, ok := n.last[w.valueOf]
		if !ok && len(n.last) >= e.o.MaxGroups {
			e.lose(c, stateFull, w.at)
			continue
		}
		if !ok {
			last = w.at
		}
		isNew := !ok || w.at-last > n.memory
		if s, open := n.open[w.valueOf]; open && s.first == w.at {
			last = max(last, s.last) // the rest of its stretch
			delete(n.open, w.valueOf)
		}
		n.last[w.valueOf] = max(last, w.at)
		if isNew && !e.learns(c, w.at) {
			if c.typ.Min > 0 {
				n.fresh[w.valueOf] = w.at
			}
			count(w.key, w.value, w.at)
		}
	}
	for ; len(follow) > 0; follow = follow[1:] {
		n.followed(e, c, follow[0])
	}
	for k, since := range n.fresh {
		if to-since > c.span {
			delete(n.fresh, k)
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

// followed counts a record that came with a value after it was new.
func (n *novelty) followed(e *Engine, c *correlation, w waiting) {
	if since, ok := n.fresh[w.valueOf]; ok && w.at > since && w.at-since <= c.span {
		e.count(c, w.key, 0, w.at, false)
	}
}

func (n *novelty) size() int { return len(n.last) + len(n.fresh) + len(n.open) + n.wait.n + n.follow.n }

// comeback lets through the records of a group that had been silent (rule type
// dormant): those that follow a silence of idle, for as long as the timespan.
//
// A record that comes late can only make a silence shorter. So where records follow
// each other without one, from a settled one on, nothing between them waits, in
// whatever order they come.
type comeback struct {
	idle  event.Millis
	last  map[tuple]*presence
	since map[tuple]event.Millis // when the group came back
	wait  backlog
	near  *presence // of last, that was asked for before
}

// presence is how long a group has been there without a silence.
type presence struct {
	key  tuple
	last event.Millis
}

func newReturn(idle event.Millis) *comeback {
	return &comeback{idle: idle, last: map[tuple]*presence{}, since: map[tuple]event.Millis{}}
}

func (d *comeback) presence(k *tuple) *presence {
	if d.near == nil || d.near.key != *k {
		p := d.last[*k]
		if p == nil {
			return nil
		}
		d.near = p
	}
	return d.near
}

func (d *comeback) admit(e *Engine, c *correlation, k *tuple, v uint64, r run) verdict {
	at := r.first
	if p := d.presence(k); p != nil && r.last-p.last < d.idle {
		since, back := d.since[*k]
		if back && r.n > 1 {
			return oneByOne
		}
		p.last = max(p.last, r.last)
		if back && at >= since && at-since <= c.span {
			return counted
		}
		return left
	}
	if r.n > 1 {
		return oneByOne
	}
	if d.wait.n >= e.o.MaxGroups {
		e.lose(c, stateFull, at)
		return left
	}
	d.wait.add(waiting{valueOf{*k, v}, at})
	return left
}

func (d *comeback) settle(e *Engine, c *correlation, to event.Millis, count func(tuple, uint64, event.Millis)) event.Millis {
	for _, w := range d.wait.due(to, nil) {
		p := d.presence(&w.key)
		switch {
		case p == nil && len(d.last) >= e.o.MaxGroups:
			e.lose(c, stateFull, w.at)
			continue
		case p == nil:
			p = &presence{w.key, w.at}
			d.last[w.key] = p
		case w.at-p.last >= d.idle:
			d.since[w.key] = w.at
		}
		p.last = max(p.last, w.at)
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
