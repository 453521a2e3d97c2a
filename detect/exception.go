package detect

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/haetae/haetae/event"
)

// Exception (예외) keeps signals quiet that somebody has looked into. It has an
// owner, a reason and an end, and stands in every signal it touched.
type Exception struct {
	ID     string            `json:"id" yaml:"id"`
	Rule   string            `json:"rule" yaml:"rule"`
	Group  map[string]string `json:"-" yaml:"group"` // fields that must be equal, with real ids; empty = every group
	Owner  string            `json:"owner" yaml:"owner"`
	Reason Text              `json:"reason" yaml:"reason"`
	From   string            `json:"from" yaml:"from"`
	Until  string            `json:"until" yaml:"until"`

	from, until event.Millis
	place       string // in the file, for messages
}

// maxException is how long an exception may last: what is still right after a year
// can be said again by somebody who has looked.
const maxException = 366 * 24 * time.Hour

// ReadExceptions reads a file of them:
//
//	exceptions:
//	  - id: settlement-export
//	    rule: mass_download
//	    group: {actor.id: v2001}
//	    owner: 개인정보보호팀 김서연
//	    reason: {ko: 월말 정산 자료, en: month-end settlement}
//	    from: 2026-01-01
//	    until: 2026-07-01
func ReadExceptions(name string, data []byte, zone *time.Location) ([]Exception, error) {
	var f struct {
		Exceptions []Exception `yaml:"exceptions"`
	}
	if err := strictYAML(data, &f); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var errs []error
	seen := map[string]bool{}
	for i := range f.Exceptions {
		x := &f.Exceptions[i]
		fail := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("%s: exceptions[%d]: %s", name, i+1, fmt.Sprintf(format, args...)))
		}
		for _, c := range []struct{ key, value string }{
			{"id", x.ID}, {"rule", x.Rule}, {"owner", x.Owner}, {"reason.ko", x.Reason.KO}, {"reason.en", x.Reason.EN}, {"from", x.From}, {"until", x.Until},
		} {
			if strings.TrimSpace(c.value) == "" {
				fail("%s is missing", c.key)
			}
		}
		if seen[x.ID] {
			fail("the id stands twice")
		}
		seen[x.ID] = true
		x.place = fmt.Sprintf("%s: exceptions[%d]", name, i+1)
		var err error
		if x.from, err = moment(x.From, zone); err != nil && x.From != "" {
			fail("from %v", err)
		}
		if x.until, err = moment(x.Until, zone); err != nil && x.Until != "" {
			fail("until %v", err)
		}
		switch {
		case x.from == 0 || x.until == 0:
		case x.until <= x.from:
			fail("until is not after from")
		case x.until-x.from > millis(maxException):
			fail("lasts longer than a year: an exception ends, so that somebody looks again")
		}
	}
	return f.Exceptions, errors.Join(errs...)
}

// checkExceptions finds groups that no signal can have: they would keep nothing quiet.
func (e *Engine) checkExceptions() error {
	var errs []error
	for i := range e.o.Exceptions {
		x := &e.o.Exceptions[i]
		k := slices.IndexFunc(e.correlations, func(c *correlation) bool { return x.Rule == c.doc.Key() || x.Rule == c.id })
		for field := range x.Group {
			switch {
			case k >= 0 && !slices.Contains(e.correlations[k].names, field):
				errs = append(errs, fmt.Errorf("%s: group: %s is no field that %s groups by", x.place, field, x.Rule))
			case k < 0 && fieldNames[field] == fieldNone:
				errs = append(errs, fmt.Errorf("%s: group: %s is no field that rules group by", x.place, field))
			}
		}
	}
	return errors.Join(errs...)
}

// exceptionFor finds the exception that a signal falls under: of its rule, with its
// group, over all of its time.
func (e *Engine) exceptionFor(c *correlation, f *finding, s *Signal) *Exception {
	for i := range e.o.Exceptions {
		x := &e.o.Exceptions[i]
		if x.Rule != s.Rule && x.Rule != c.id || f.first < x.from || f.last >= x.until {
			continue
		}
		fits := true
		for field, id := range x.Group {
			fits = fits && slices.Contains(e.Forms(field, id), s.Group[field])
		}
		if fits {
			return x
		}
	}
	return nil
}

// Forms gives how a real value of a field may stand in a signal's group: an id as
// its pseudonym, the rest as it is.
func (e *Engine) Forms(field, v string) []string {
	h := e.world.Hasher()
	switch fieldNames[field] {
	case fieldAccount:
		return []string{pseudonymText(h.Account(event.AccountID(v)))}
	case fieldActorID:
		return []string{pseudonymText(h.Account(event.AccountID(v))), pseudonymText(h.Actor(event.ActorID(v), ""))}
	case fieldToken:
		return []string{tokenText(h.Token(event.TokenID(v)))}
	case fieldNone: // an alias, which may stand for any
		return []string{v, pseudonymText(h.Account(event.AccountID(v))), pseudonymText(h.Actor(event.ActorID(v), "")), tokenText(h.Token(event.TokenID(v)))}
	}
	return []string{v}
}
