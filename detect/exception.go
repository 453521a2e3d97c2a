package detect

import (
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/written"
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
	place       written.Mistake // where it stands, for messages
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
	r := beside(name)
	var out []Exception
	if root := r.Document(data, maxBesideMiB); root != nil {
		if n := r.Keys(root, "", "exceptions")["exceptions"]; n != nil {
			out = ExceptionsOf(r, n, "exceptions", zone)
		}
	}
	return out, r.Err()
}

// ExceptionsOf reads the list of exceptions that stands at a node of a file.
func ExceptionsOf(r *written.Reader, n *yaml.Node, field string, zone *time.Location) []Exception {
	var out []Exception
	r.Into(n, field, &out)
	seen := map[string]int{}
	for i := range out {
		x, at := &out[i], written.Index(field, i)
		x.place = written.Mistake{File: r.File, Line: r.LineOf(at), Field: at}
		for _, c := range []struct{ key, value string }{
			{"id", x.ID}, {"rule", x.Rule}, {"owner", x.Owner}, {"reason.ko", x.Reason.KO}, {"reason.en", x.Reason.EN}, {"from", x.From}, {"until", x.Until},
		} {
			if f := written.Key(at, c.key); strings.TrimSpace(c.value) == "" && !r.Has(f) {
				r.Fail(r.At(f), f, written.Missing)
			}
		}
		f := written.Key(at, "id")
		if line, twice := seen[x.ID]; twice && x.ID != "" {
			r.FailAt(f, "같은 id가 두 번 있습니다. 처음은 %d번째 줄입니다", "the id stands twice; first on line %d", line)
		}
		seen[x.ID] = r.LineOf(f)
		x.from, x.until = momentOf(r, at, "from", x.From, zone), momentOf(r, at, "until", x.Until, zone)
		f = written.Key(at, "until")
		switch {
		case x.from == 0 || x.until == 0:
		case x.until <= x.from:
			r.Fail(r.At(f), f, notAfter)
		case x.until-x.from > millis(maxException):
			r.FailAt(f, "예외 기간은 1년까지입니다. 그 뒤에는 담당자가 다시 확인하여야 합니다", "lasts longer than a year: an exception ends, so that somebody looks again")
		}
	}
	return out
}

// checkExceptions finds groups that no signal can have: they would keep nothing quiet.
func (e *Engine) checkExceptions() error {
	var errs written.Mistakes
	for i := range e.o.Exceptions {
		x := &e.o.Exceptions[i]
		k := slices.IndexFunc(e.correlations, func(c *correlation) bool { return x.Rule == c.doc.Key() || x.Rule == c.id })
		for _, field := range sortedKeys(x.Group) {
			switch {
			case k >= 0 && !slices.Contains(e.correlations[k].names, field):
				errs = append(errs, x.wrongGroup("규칙이 묶는 기준이 아닌 필드가 있습니다", "a field is none that the rule groups by"))
			case k < 0 && fieldNames[field] == fieldNone:
				errs = append(errs, x.wrongGroup("규칙이 묶는 기준으로 쓸 수 없는 필드가 있습니다", "a field is none that rules group by"))
			}
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return errs
}

func (x *Exception) wrongGroup(ko, en string) written.Mistake {
	m := x.place
	m.Field, m.Problem, m.ProblemKO = written.Key(m.Field, "group"), en, ko
	return m
}

// exceptionFor finds the exception that a signal falls under: of its rule, with its
// group, over all of its time. Where there is none, beyond is one that would hold if
// the signal did not reach beyond its time: whoever wrote it has to be told why it rings.
func (e *Engine) exceptionFor(c *correlation, f *finding, s *Signal) (holds, beyond *Exception) {
	for i := range e.o.Exceptions {
		x := &e.o.Exceptions[i]
		if x.Rule != s.Rule && x.Rule != c.id || !f.within(x.from, x.until) {
			continue
		}
		fits := true
		for field, id := range x.Group {
			fits = fits && slices.Contains(e.Forms(field, id), s.Group[field])
		}
		switch {
		case !fits:
		case x.from <= f.first && f.last < x.until:
			return x, nil
		case beyond == nil:
			beyond = x
		}
	}
	return nil, beyond
}

// within reports whether any of a finding lies between two moments.
func (f *finding) within(from, until event.Millis) bool {
	if len(f.spans) == 0 {
		return f.last >= from && f.first < until
	}
	return slices.ContainsFunc(f.spans, func(x span) bool { return x.last >= from && x.first < until })
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
