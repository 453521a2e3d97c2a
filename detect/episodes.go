package detect

import (
	"slices"
	"strings"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
)

// A finding is one per rule and group, and its records lie in episodes: stretches
// without a pause longer than the timespan, each begun by a window that fires. What lies
// between them is no part of it. Decision 0012 says why an episode is no signal of its
// own.

// span is an episode: its first record and its last.
type span struct{ first, last event.Millis }

// maxEpisodes bounds the episodes that are kept of a finding. Beyond it the earliest
// two become one, with what lies between them, and coverage is lost.
const maxEpisodes = 256

// cover lets records from one moment to another be a part of a finding, and reports
// whether that is news.
func (f *finding) cover(first, last event.Millis) bool {
	n := len(f.spans)
	if n > 0 {
		if x := f.spans[n-1]; x.first <= first && last <= x.last {
			return false
		}
	}
	i := 0 // the first span that is not over before
	for i < n && f.apart(f.spans[i].last, first) {
		i++
	}
	to := i
	for ; to < n && !f.apart(last, f.spans[to].first); to++ {
		x := f.spans[to]
		if x.first <= first && last <= x.last {
			return false
		}
		first, last = min(first, x.first), max(last, x.last)
	}
	f.spans = slices.Replace(f.spans, i, to, span{first, last})
	f.first, f.last = f.spans[0].first, f.spans[len(f.spans)-1].last
	if len(f.spans) > maxEpisodes && !f.crowded {
		f.crowded = true
		f.corr.crowded = append(f.corr.crowded, f)
	}
	return true
}

// apart reports whether no window holds both of two moments.
func (f *finding) apart(a, b event.Millis) bool {
	g := f.corr.grid
	return g.of(b)-g.of(a) >= g.width
}

// fold makes one of the earliest episodes of findings that have too many. It counts and
// joins those alone that are final, so that it does not matter when it is asked: others
// may still become one by themselves.
func (e *Engine) fold(c *correlation) {
	final := c.final()
	c.crowded = slices.DeleteFunc(c.crowded, func(f *finding) bool {
		n := 0
		for n < len(f.spans) && f.spans[n].last < final {
			n++
		}
		for ; n > maxEpisodes; n-- {
			l := e.lose(c, episodesFull, f.spans[0].last)
			l.last = max(l.last, f.spans[1].first)
			f.spans[1].first = f.spans[0].first
			f.spans = slices.Delete(f.spans, 0, 1)
			f.changed = true
		}
		f.crowded = len(f.spans) > maxEpisodes
		return !f.crowded
	})
}

// final is a moment before which no episode of a correlation's findings can change: no
// window that may still fire begins there, and no episode of those that it counts.
func (c *correlation) final() event.Millis {
	at := c.decided()
	for _, in := range c.inner {
		at = min(at, in.final())
	}
	if at == catalog.Always {
		return at
	}
	at -= 2 * c.length()
	for _, in := range c.inner {
		for _, p := range in.chain.episodes {
			at = min(at, p.first-2*c.length())
		}
	}
	for _, list := range c.parts {
		for _, x := range list {
			at = min(at, x.of.first-2*c.length())
		}
	}
	return at
}

// within is the predicate of a finding's episodes; none where it has but one, which lies
// between its first and last.
func (e *Engine) within(f *finding) string {
	if len(f.spans) < 2 {
		return ""
	}
	var any []string
	for _, x := range f.spans {
		any = append(any, `time >= timestamp("`+e.stamp(x.first)+`") && time <= timestamp("`+e.stamp(x.last)+`")`)
	}
	return "(" + strings.Join(any, " || ") + ")"
}

// episodes are the times of a finding's episodes, where it has more than one.
func (e *Engine) episodes(f *finding) (out [][2]string) {
	if len(f.spans) < 2 {
		return nil
	}
	for _, x := range f.spans {
		out = append(out, [2]string{e.stamp(x.first), e.stamp(x.last)})
	}
	return out
}
