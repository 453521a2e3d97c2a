package detect

import (
	"math"
	"slices"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
)

// issuance lets through the records of tokens that no sign-in issued (rule type
// absent), or of accounts that nothing had given reason to look at: what follows
// says token for either. It remembers when tokens were issued, for as long as they are valid,
// and when anything was issued at all: while the issuer is silent for longer than
// its cadence, nothing can be said of a token, and coverage is lost instead of
// anybody being accused.
//
// A record is decided when the issuer has been heard again after it, so that the
// sign-in of a token may come later than its use; a clock that is off by less than
// skew is forgiven.
type issuance struct {
	within, cadence event.Millis
	issued          codeMap[event.Millis]     // the latest time
	again           map[uint64][]event.Millis // and the earlier ones, of the few tokens that have any
	minutes         []int64                   // in which something was issued, ascending
	first           event.Millis              // when anything was issued first, since the record began
	dropped         [2]event.Millis           // first and last issue that there was no room for
	wait            backlog
	swept           event.Millis
}

const skew = event.Millis(60_000)

// issuedPerGroup is how many issued tokens there is room for beside a group: an entry
// takes some 40 bytes.
const issuedPerGroup = 4

func newIssuance(within, cadence event.Millis) *issuance {
	return &issuance{within: within, cadence: cadence, first: event.Millis(math.MaxInt64 / 2), dropped: [2]event.Millis{catalog.Never, catalog.Always}, again: map[uint64][]event.Millis{}}
}

func (s *issuance) issue(e *Engine, c *correlation, token uint64, at event.Millis) {
	switch last := s.issued.get(token); {
	case last == nil && s.issued.len() >= issuedPerGroup*e.o.MaxGroups:
		e.lose(c, stateFull, at)
		s.dropped[0], s.dropped[1] = min(s.dropped[0], at), max(s.dropped[1], at)
	case last == nil:
		last, _ = s.issued.put(token)
		*last = at
	case *last != at:
		s.again[token] = append(s.again[token], min(*last, at))
		*last = max(*last, at)
	}
	s.first = min(s.first, at)
	m := int64(at / minute)
	n := len(s.minutes)
	switch {
	case n == 0 || s.minutes[n-1] < m:
		s.minutes = append(s.minutes, m)
	case s.minutes[n-1] > m:
		if i, found := slices.BinarySearch(s.minutes, m); !found {
			s.minutes = slices.Insert(s.minutes, i, m)
		}
	}
}

// covers reports whether a token was issued for a use at a moment.
func (s *issuance) covers(token uint64, at event.Millis) bool {
	last := s.issued.get(token)
	if last == nil {
		return false
	}
	return s.fits(*last, at) || len(s.again) > 0 && slices.ContainsFunc(s.again[token], func(t event.Millis) bool { return s.fits(t, at) })
}

// fits reports whether what was issued at one moment may be used at another.
func (s *issuance) fits(issued, at event.Millis) bool {
	return issued <= at+skew && at-issued <= s.within
}

func (s *issuance) admit(e *Engine, c *correlation, k *tuple, v uint64, r run) verdict {
	at := r.first
	switch {
	case r.n > 1:
		// One issue that covers the first and the last covers all between.
		if last := s.issued.get(v); last != nil && s.fits(*last, r.first) && s.fits(*last, r.last) {
			return left
		}
		return oneByOne
	case s.covers(v, at):
		return left
	}
	if s.wait.n >= e.o.MaxGroups {
		e.lose(c, stateFull, at)
		return left
	}
	s.wait.add(waiting{valueOf{*k, v}, at})
	return left
}

// silence tells whether the issuer was silent around a moment: known is false as
// long as the watermark has not passed the next time it was heard.
func (s *issuance) silence(at, watermark event.Millis) (from, to event.Millis, silent, known bool) {
	m := int64(at / minute)
	i, found := slices.BinarySearch(s.minutes, m)
	if found {
		return 0, 0, false, true
	}
	if i == len(s.minutes) || event.Millis(s.minutes[i])*minute > at+s.patience() {
		// Not heard in time. A little is added so that the last minute is over.
		return from, at, true, watermark >= at+s.patience()+minute
	}
	if event.Millis(s.minutes[i]+1)*minute > watermark {
		return 0, 0, false, false
	}
	to = event.Millis(s.minutes[i]) * minute
	if i == 0 {
		// Nothing was issued before: the log of sign-ins begins here.
		return to - s.within, to, true, true
	}
	from = event.Millis(s.minutes[i-1]) * minute
	return from, to, s.cadence > 0 && to-from > s.cadence, true
}

// reaches reports whether a token used after a moment may have been issued before
// the record of sign-ins began, and is still valid. Such tokens are counted, since
// an attack may be among them, but nothing is high by them: on the day a log is
// connected, every open session looks like a token that nobody issued.
func (s *issuance) reaches(at event.Millis) bool { return at < s.first+s.within }

// patience is how long a record waits for the issuer to be heard again.
func (s *issuance) patience() event.Millis { return max(s.cadence, s.within) }

func (s *issuance) settle(e *Engine, c *correlation, to event.Millis, count func(tuple, uint64, event.Millis)) event.Millis {
	settled := to
	// What cannot be decided of a minute's earliest record cannot of the others.
	now := s.wait.due(to, func(first event.Millis) bool {
		if _, _, _, known := s.silence(first, to); known {
			return false
		}
		settled = min(settled, first)
		return true
	})
	for _, w := range now {
		if s.covers(w.value, w.at) {
			continue
		}
		from, until, silent, known := s.silence(w.at, to)
		switch {
		case !known:
			s.wait.add(w) // the issuer has not been heard since
			settled = min(settled, w.at)
		case silent && until == w.at:
			e.lose(c, issuerSilent, w.at)
		case silent:
			e.loseSpan(c, issuerSilent, from, until)
		case s.cadence > 0 && s.silentBefore(w.at):
			// Shortly after a silence: the token may have been issued in it.
			e.lose(c, issuerSilent, w.at)
		case w.at >= s.dropped[0]-skew && w.at-s.within <= s.dropped[1]:
			// It may be one of those there was no room for: nobody is accused by it.
			e.lose(c, stateFull, w.at)
		default:
			count(w.key, w.value, w.at)
		}
	}
	if day := event.Millis(86_400_000); to-s.swept > max(day, s.within/4) {
		s.swept = to
		// A record that may still wait is not older than what is settled.
		s.issued.keep(func(token uint64, last *event.Millis) bool {
			if settled-*last > s.within {
				delete(s.again, token)
				return false
			}
			return true
		})
		i, _ := slices.BinarySearch(s.minutes, int64((settled-s.within-2*s.cadence)/minute))
		s.minutes = slices.Delete(s.minutes, 0, max(0, i-1)) // the last one before is where a silence begins
	}
	return settled
}

// silentBefore reports whether a silence ended within the cadence before a moment.
func (s *issuance) silentBefore(at event.Millis) bool {
	i, _ := slices.BinarySearch(s.minutes, int64(at/minute)+1)
	for i--; i > 0; i-- {
		end := event.Millis(s.minutes[i]) * minute
		if at-end > s.cadence {
			return false
		}
		if end-event.Millis(s.minutes[i-1])*minute > s.cadence {
			return true
		}
	}
	return false
}
