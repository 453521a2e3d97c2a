package detect

import (
	"cmp"
	"math"
	"slices"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/rule"
)

// A correlation may count correlations. What it counts are moments: a group of the
// inner one, at the moment at which a window of it has what the rule asks for. As long
// as the group goes on firing it is reached again with each window that shares nothing
// with the window of the moment before: one moment for each timespan, not one for each
// record.
//
// A moment is told when the window is final, so that no late record takes it back, and
// the outer correlation is settled no further than the inner ones are.

// chain is what a correlation has that others count.
type chain struct {
	links    []link
	settling bool     // what fires now is final
	fired    []firing // and not told yet
	episodes map[tuple]*episode
}

// link is a correlation that counts the moments of another.
type link struct {
	in    input
	group []int // of the fields of its group, which they are in the group of the other
	value int   // the field that is counted likewise; -1 = none
}

// firing is a final window that fires, from begin to before end.
type firing struct {
	key         tuple
	begin, end  event.Millis
	at          event.Millis
	first, last event.Millis // of its records
	parts       []*episode   // that it counts itself
}

// episode is windows of a group that fire one after the other, each with something in
// common with one before.
type episode struct {
	corr        *correlation
	key         tuple
	first, last event.Millis // of the records of its windows
	over        event.Millis // where the last window ends
	told        event.Millis // where the window of the last moment ends
	findings    []*finding   // that rest on it
	outer       []*episode
}

// part is a moment that a group has counted, with its episode.
type part struct {
	at event.Millis
	of *episode
}

const (
	// maxTimes bounds the times that are kept of a cell, to know the moment of a count.
	maxTimes = 4096
	// maxChainCells is how many cells may be full of values, of a group that others count.
	maxChainCells = cellsPerSpan + 1
)

// count makes a correlation one that counts the moments of another.
func (c *correlation) count(in *correlation, cr *rule.CorrelationRule, as input) {
	if in.chain == nil {
		in.chain = &chain{episodes: map[tuple]*episode{}}
	}
	l := link{in: as, value: -1}
	for _, f := range cr.GroupBy {
		l.group = append(l.group, f.Inner[as.place])
	}
	for _, f := range cr.Values {
		l.value = f.Inner[as.place]
	}
	in.chain.links = append(in.chain.links, l)
	if c.parts == nil {
		c.parts = map[tuple][]part{}
	}
	c.inner = append(c.inner, in)
}

// decided is the moment before which a correlation has told all of its moments.
func (c *correlation) decided() event.Millis {
	if x, ok := c.extra.(*deviation); ok {
		if x.settled == math.MinInt64 {
			return catalog.Always
		}
		return event.Millis(x.settled) * hourMillis
	}
	switch {
	case c.settled == catalog.Always:
		return catalog.Always
	case c.kind == rule.Temporal || c.kind == rule.TemporalOrdered:
		return c.settled
	}
	return c.grid.begin(c.settledCell)
}

// limit is how far a correlation can be settled, when the watermark is at to.
func (c *correlation) limit(to event.Millis) event.Millis {
	for _, in := range c.inner {
		to = min(to, in.decided())
	}
	return to
}

// length is that of a window.
func (c *correlation) length() event.Millis {
	switch c.kind {
	case rule.Temporal, rule.TemporalOrdered:
		return c.span
	case rule.Deviation:
		return hourMillis
	}
	return event.Millis(c.grid.width) * c.grid.cell
}

// moment is when a window had what the rule asks for, not before its last cell began.
// Where the rule asks for few and not for many, it is the window's last record.
func (c *correlation) moment(g *group, in []cell) event.Millis {
	end := &in[len(in)-1]
	at := end.max
	switch {
	case c.needs == 0 || c.typ.Share > 0:
	case c.kind == rule.EventCount || c.kind == rule.Dormant:
		at = timeOf(in, max(c.needs, int64(c.typ.Min)))
	case c.countsValues():
		at = g.nth(int(c.needs), end.at, c.grid.width)
		if c.typ.Min > 0 {
			at = max(at, timeOf(in, int64(c.typ.Min)))
		}
	}
	return max(at, c.grid.begin(end.at))
}

// timeOf is the moment of the n-th record of a window, if it lies in the last cell;
// else one before.
func timeOf(in []cell, n int64) event.Millis {
	last := len(in) - 1
	for i := range in[:last] {
		n -= in[i].n
	}
	end := &in[last]
	switch {
	case n <= 0:
		return catalog.Always
	case end.numbers == nil || n > int64(len(end.numbers.times)):
		return end.max
	}
	return end.numbers.times[n-1]
}

// keepTime keeps the earliest times of a cell, in order.
func (x *cell) keepTime(at event.Millis) {
	if x.numbers == nil {
		x.numbers = &numbers{}
	}
	times := x.numbers.times
	if n := len(times); n == maxTimes {
		if at >= times[n-1] {
			return
		}
		times = times[:n-1]
	}
	i, _ := slices.BinarySearch(times, at)
	x.numbers.times = slices.Insert(times, i, at)
}

// tell gives what has fired to those that count it, in the order of time.
func (e *Engine) tell(c *correlation) {
	ch := c.chain
	slices.SortFunc(ch.fired, func(a, b firing) int {
		return cmp.Or(cmp.Compare(a.end, b.end), cmp.Compare(a.at, b.at), slices.Compare(a.key[:], b.key[:]))
	})
	for i := range ch.fired {
		x := &ch.fired[i]
		p := ch.episodes[x.key]
		if p == nil && len(ch.episodes) >= e.o.MaxGroups {
			e.lose(c, stateFull, x.at)
			continue
		}
		if p == nil || x.begin >= p.over {
			p = &episode{corr: c, key: x.key, first: x.first, last: x.last, told: catalog.Always}
			ch.episodes[x.key] = p
		}
		p.grow(x.first, x.last)
		p.over = max(p.over, x.end)
		for _, in := range x.parts {
			if !slices.Contains(in.outer, p) {
				in.outer = append(in.outer, p)
			}
			p.grow(in.first, in.last)
		}
		if x.begin < p.told {
			continue
		}
		p.told = x.end
		for i := range ch.links {
			e.deliver(&ch.links[i], p, x)
		}
	}
	clear(ch.fired)
	ch.fired = ch.fired[:0]
	if now := c.decided(); now != catalog.Always {
		for k, p := range ch.episodes {
			if p.over <= now-c.length() {
				delete(ch.episodes, k)
			}
		}
	}
}

// deliver gives a moment to a correlation that counts it.
func (e *Engine) deliver(l *link, p *episode, x *firing) {
	c := l.in.c
	field := func(i int) (uint64, bool) { return x.key[i], x.key[i] != 0 || p.corr.group[i] == fieldRows }
	var k tuple
	for i, f := range l.group {
		v, ok := field(f)
		if !ok {
			return
		}
		k[i] = v
	}
	v := uint64(0)
	if l.value >= 0 {
		var ok bool
		if v, ok = field(l.value); !ok {
			return
		}
	}
	list := c.parts[k]
	if list == nil && len(c.parts) >= e.o.MaxGroups || len(list) >= maxSightings {
		e.lose(c, stateFull, x.at)
		return
	}
	c.parts[k] = append(list, part{x.at, p})
	if at := (key{&k, hashOf(&k, 0)}); c.extra != nil {
		c.extra.add(e, c, at, l.in.place, v, x.at)
	} else {
		e.feedRun(c, &l.in, at, v, runOf(x.at))
	}
}

// partsIn are the episodes whose moments lie in a window of a group, each once.
func (c *correlation) partsIn(k *tuple, begin, end event.Millis) (out []*episode) {
	for _, x := range c.parts[*k] {
		if begin <= x.at && x.at < end && !slices.Contains(out, x.of) {
			out = append(out, x.of)
		}
	}
	return out
}

// forgetParts drops the moments that no window holds any more.
func (c *correlation) forgetParts() {
	now := c.decided()
	if now == catalog.Always {
		return
	}
	before := now - c.length()
	for k, list := range c.parts {
		if list = slices.DeleteFunc(list, func(x part) bool { return x.at < before }); len(list) == 0 {
			delete(c.parts, k)
		} else {
			c.parts[k] = list
		}
	}
}

// grow lets an episode reach from one moment to another, and what rests on it.
func (p *episode) grow(first, last event.Millis) {
	if first >= p.first && last <= p.last {
		return
	}
	p.first, p.last = min(p.first, first), max(p.last, last)
	for _, f := range p.findings {
		f.reach(p.first, p.last)
	}
	for _, o := range p.outer {
		o.grow(p.first, p.last)
	}
}

// maxInner bounds the groups that a predicate names.
const maxInner = 100

// innerKey is a group of a correlation that another counts.
type innerKey struct {
	corr *correlation
	key  tuple
}

// rest lets a finding rest on an episode.
func (f *finding) rest(p *episode) {
	if !slices.Contains(p.findings, f) {
		p.findings = append(p.findings, f)
	}
	f.reach(p.first, p.last)
	if f.many {
		return
	}
	k := innerKey{p.corr, p.key}
	if f.inner == nil {
		f.inner = map[innerKey]struct{}{}
	}
	if _, ok := f.inner[k]; ok {
		return
	}
	f.changed = true
	if len(f.inner) >= maxInner {
		f.inner, f.many = nil, true
		return
	}
	f.inner[k] = struct{}{}
}
