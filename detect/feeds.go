package detect

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/rule"
)

// FeedKind is what a feed brings.
type FeedKind string

const (
	FeedKeys     FeedKind = "keys"
	FeedHolders  FeedKind = "holders"
	FeedList     FeedKind = "list"
	FeedRegister FeedKind = "register"
	FeedHoldings FeedKind = "holdings"
)

// FeedCover is the time over which a feed was known to be current. It is kept with
// what the feed brought, so that what could not be decided is the same live, after a
// restart and in a run over history.
type FeedCover struct {
	Name   string
	Kind   FeedKind
	List   string       // of FeedList: which %name% it fills
	MaxAge event.Millis // for so long its content stands for the present
	Every  event.Millis // for so long after Since it may not have come yet
	Since  event.Millis // when somebody set it up
	// Seen are the stretches in which it came without a pause longer than MaxAge: the
	// age of the first content and of the last, in order.
	Seen [][2]event.Millis
}

// Stale lists when a feed was older than it may be, until now.
func (f *FeedCover) Stale(now event.Millis) (spans [][2]event.Millis) {
	if len(f.Seen) == 0 {
		if f.Since+f.Every < now {
			spans = append(spans, [2]event.Millis{f.Since, now})
		}
		return spans
	}
	if first := f.Seen[0][0]; f.Since+f.Every < first {
		spans = append(spans, [2]event.Millis{f.Since, first})
	}
	for i, s := range f.Seen {
		to := now
		if i+1 < len(f.Seen) {
			to = min(now, f.Seen[i+1][0])
		}
		if from := s[1] + f.MaxAge; from < to {
			spans = append(spans, [2]event.Millis{from, to})
		}
	}
	return spans
}

// staleFeed is a feed with the times at which it was too old.
type staleFeed struct {
	feed  FeedCover
	spans [][2]event.Millis
}

// Stale tells the engine how current the feeds were between from and to: what rests
// on one that was too old could not be decided. Like Missing it is told everything at
// once, and HasChanged says whether there is more than before.
func (e *Engine) Stale(feeds []FeedCover, from, to, now event.Millis) {
	var out []staleFeed
	for _, f := range feeds {
		spans := f.Stale(now)
		spans = slices.DeleteFunc(spans, func(s [2]event.Millis) bool { return s[0] >= to || s[1] < from })
		if len(spans) > 0 {
			out = append(out, staleFeed{f, spans})
		}
	}
	// That one which is still too old is older now is no news.
	same := slices.EqualFunc(out, e.stale, func(a, b staleFeed) bool {
		return a.feed.Name == b.feed.Name && slices.EqualFunc(a.spans, b.spans, func(x, y [2]event.Millis) bool {
			return x[0] == y[0] && (x[1] == y[1] || x[1] == now && y[1] == e.staleAt)
		})
	})
	e.staleAt = now
	e.missed = e.missed || !same
	e.stale = out
}

// staleList makes a loss of each feed that was too old.
func (e *Engine) staleList() []Loss {
	var out []Loss
	for _, s := range e.stale {
		var rules []string
		for _, c := range e.correlations {
			if e.restsOn(c, &s.feed) {
				rules = append(rules, c.doc.Key())
			}
		}
		slices.Sort(rules)
		t := lossTexts[feedStale]
		l := Loss{
			Rule: "*", Cause: string(feedStale), Feed: s.feed.Name, First: e.stamp(s.spans[0][0]), Last: e.stamp(s.spans[len(s.spans)-1][1]),
			Text: Text{KO: fmt.Sprintf(t.KO, s.feed.Name), EN: fmt.Sprintf(t.EN, s.feed.Name)},
		}
		if len(rules) > 0 {
			l.Rule = strings.Join(rules[:min(len(rules), namedRules)], ", ")
			if n := len(rules) - namedRules; n > 0 {
				l.Rule += fmt.Sprintf(" +%d", n)
			}
		}
		if len(rules) > 1 {
			l.Rules = rules
		}
		// The latest, if there are too many: those are what somebody can still do about.
		for _, x := range s.spans[max(0, len(s.spans)-maxSpans):] {
			l.Spans = append(l.Spans, [2]string{e.stamp(x[0]), e.stamp(x[1])})
		}
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b Loss) int { return cmp.Compare(a.Feed, b.Feed) })
	return out
}

// restsOn says whether a correlation can be decided only as far as a feed is current.
func (e *Engine) restsOn(c *correlation, f *FeedCover) bool {
	if c.kind == rule.Custody {
		return f.Kind == FeedKeys || f.Kind == FeedHolders && slices.ContainsFunc(c.typ.When, func(w string) bool { return strings.HasPrefix(w, "custodian_") })
	}
	if f.Kind == FeedRegister {
		return c.kind == rule.Unknown || c.kind == rule.Density
	}
	rests := func(i rule.RuleIndex) bool {
		r := e.set.Rules()[i]
		switch f.Kind {
		case FeedHolders:
			return slices.Contains(r.Fields, leftField)
		case FeedList:
			return slices.Contains(r.Doc.Tags, listTag+f.List) || slices.Contains(r.Doc.Tags, unlessTag+f.List)
		}
		return false
	}
	return slices.ContainsFunc(c.bases(c.byRule), func(b base) bool { return rests(b.rule) }) || slices.ContainsFunc(c.exclude, rests)
}
