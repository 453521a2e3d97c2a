package guess

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/haetae/haetae/catalog"
)

// mapping is which key is taken for which field.
type mapping struct {
	chosen []*choice // in the order of catalog.Fields
	left   []leaving
	events []*stat // keys that say what happened
	query  *stat   // of what stands behind the question mark, if the address is without
}

// choice is a field with its keys, the first of which has a value counts.
type choice struct {
	field  catalog.Field
	keys   []string
	stat   *stat // of the first
	score  int
	others []*stat // that it might be too
	form   string  // in which the values of all keys stand together; "": the first key that has one
	words  map[string]string
}

// leaving is a key that fits by its name and is not taken.
type leaving struct {
	key    string
	field  catalog.Field
	reason say
	n      int64
}

func (m *mapping) of(f catalog.Field) *choice {
	if m == nil {
		return nil
	}
	i := slices.IndexFunc(m.chosen, func(c *choice) bool { return c.field == f })
	if i < 0 {
		return nil
	}
	return m.chosen[i]
}

type candidate struct {
	stat  *stat
	score int
}

// choose gives every field the key that fits best; a key is given away once.
func (g *guesser) choose() *mapping {
	k, m := g.keys, &mapping{}
	taken := map[string]bool{}
	for i := range wants {
		w := &wants[i]
		var fit []candidate
		for _, s := range k.all {
			if taken[s.key] || !k.shown(s) {
				continue
			}
			name := w.nameScore(s.key)
			score, ok := w.fits(k, s)
			if name > 0 && !ok {
				m.leave(w.field, s)
			}
			if !ok || name == 0 && (w.least == 0 || score < w.least || w.forbids(s.key)) {
				continue
			}
			fit = append(fit, candidate{s, name + score + int(15*k.share(s))})
		}
		slices.SortStableFunc(fit, func(a, b candidate) int { return cmp.Compare(b.score, a.score) })
		if len(fit) == 0 {
			continue
		}
		c := &choice{field: w.field, keys: []string{fit[0].stat.key}, stat: fit[0].stat, score: fit[0].score}
		taken[c.stat.key] = true
		for _, o := range fit[1:] {
			c.others = append(c.others, o.stat)
		}
		// A key that only a part of the lines has, and another that is as likely.
		if len(c.others) > 0 && k.share(c.stat) < 0.95 && w.field != catalog.FieldSubjects && w.field != catalog.FieldID && c.stat.lines+c.others[0].lines <= k.lines+k.lines/20 {
			c.keys = append(c.keys, c.others[0].key)
			taken[c.others[0].key] = true
			c.others = c.others[1:]
		}
		m.chosen = append(m.chosen, c)
	}
	m.settle(g)
	order := catalog.Fields()
	slices.SortStableFunc(m.chosen, func(a, b *choice) int {
		return cmp.Compare(slices.Index(order, a.field), slices.Index(order, b.field))
	})
	return m
}

// forbids: the key is called like something that the field is not.
func (w *want) forbids(key string) bool {
	parts := split(key)
	return slices.ContainsFunc(w.never, func(n string) bool {
		return slices.Contains(parts, n) || n[0] >= 0x80 && strings.Contains(key, n)
	})
}

// leave notes why a key that is called like a field is not taken for it, where a
// person should know.
func (m *mapping) leave(f catalog.Field, s *stat) {
	why := say{}
	switch {
	case s.usable > 0:
		why = textSecret
	case (f == catalog.FieldToken || f == catalog.FieldKey) && s.opaque > 0:
		why = textOpaque
	case f == catalog.FieldID && s.n > 1 && !s.unique() && s.plain() && s.longest <= 256 && len(s.distinct)*2 > s.n:
		why = textRepeats
	case f == catalog.FieldTime && s.plain() && s.times == 0 && s.n > 0:
		why = textNoTime
	default:
		return
	}
	m.left = append(m.left, leaving{s.key, f, why, 0})
}

// settle finishes what depends on several keys.
func (m *mapping) settle(g *guesser) {
	k := g.keys
	taken := func(key string) bool {
		return slices.ContainsFunc(m.chosen, func(c *choice) bool { return slices.Contains(c.keys, key) })
	}
	if m.of(catalog.FieldTime) == nil {
		m.joinTime(k)
	}
	for _, s := range k.all {
		if s.usable > 0 && k.shown(s) && !slices.ContainsFunc(m.left, func(l leaving) bool { return l.key == s.key }) {
			m.left = append(m.left, leaving{key: s.key, reason: textSecretKey})
		}
	}
	// One number for a person: who is shown is not who looks.
	if m.of(catalog.FieldActorID) == nil {
		if c := m.of(catalog.FieldSubjects); c != nil && c.stat.plain() && c.stat.joined == 0 {
			actor := &wants[slices.IndexFunc(wants, func(w want) bool { return w.field == catalog.FieldActorID })]
			if actor.nameScore(c.stat.key) > 0 {
				c.field = catalog.FieldActorID
			}
		}
	}
	if c := m.of(catalog.FieldStatus); c != nil && c.stat.outcomes < c.stat.n {
		c.words = map[string]string{"*": "0"}
		for _, w := range c.stat.safeWords(10) {
			c.words[w] = outcomes[strings.ToLower(w)]
		}
	}
	find := func(w *want, fits func(*stat) bool) (best []*stat) {
		var fit []candidate
		for _, s := range k.all {
			if n := w.nameScore(s.key); n > 0 && !taken(s.key) && k.shown(s) && s.plain() && fits(s) {
				fit = append(fit, candidate{s, n + int(15*k.share(s))})
			}
		}
		slices.SortStableFunc(fit, func(a, b candidate) int { return cmp.Compare(b.score, a.score) })
		for _, c := range fit {
			best = append(best, c.stat)
		}
		return best
	}
	uri := m.of(catalog.FieldURI)
	if uri != nil && uri.stat.queries == 0 {
		if q := find(&queryNames, func(s *stat) bool { return s.paths == 0 }); len(q) > 0 {
			m.query = q[0]
		}
	}
	if uri == nil || k.share(uri.stat) < 0.95 {
		m.events = find(&eventNames, func(s *stat) bool { return len(s.safeWords(maxWords)) > 0 || len(s.distinct)*5 < s.n })
		m.events = m.events[:min(len(m.events), 2)]
	}
}

// joinTime makes a time of a key with the date and one with the time of day.
func (m *mapping) joinTime(k *keys) {
	find := func(outlines ...string) *stat {
		for _, s := range k.all {
			if k.shown(s) && s.plain() && s.lines*20 >= k.lines*19 && slices.Contains(outlines, s.outline()) && s.most(s.forms[s.outline()]) {
				return s
			}
		}
		return nil
	}
	date, day := find("####-##-##", "####/##/##", "####.##.##"), find("##:##:##", "##:##:##.###")
	if date == nil || day == nil {
		return
	}
	m.left = slices.DeleteFunc(m.left, func(l leaving) bool { return l.key == date.key || l.key == day.key })
	m.chosen = append(m.chosen, &choice{field: catalog.FieldTime, keys: []string{date.key, day.key}, stat: date, form: "{" + date.key + "} {" + day.key + "}"})
}

// without takes out the fields with which lines of the trial could not be read, and
// reports whether there were any.
func (m *mapping) without(t *trial) bool {
	changed := false
	for f, n := range t.fields {
		c := m.of(catalog.Field(f))
		if c == nil || c.field == catalog.FieldTime {
			continue
		}
		m.left = append(m.left, leaving{c.keys[0], c.field, textUnread, n})
		m.chosen = slices.DeleteFunc(m.chosen, func(o *choice) bool { return o == c })
		changed = true
	}
	return changed
}

// outcomes are the words for how a request ended, and what they amount to.
var outcomes = map[string]string{
	"ok": "200", "success": "200", "succeeded": "200", "successful": "200", "true": "200", "y": "200", "yes": "200", "s": "200", "pass": "200", "done": "200",
	"completed": "200", "allow": "200", "allowed": "200", "성공": "200", "정상": "200", "허용": "200", "완료": "200",
	"fail": "400", "failed": "400", "failure": "400", "error": "500", "err": "500", "false": "400", "n": "400", "no": "400", "f": "400", "ko": "400",
	"실패": "400", "오류": "500", "에러": "500", "비정상": "400",
	"denied": "403", "deny": "403", "forbidden": "403", "blocked": "403", "rejected": "403", "거부": "403", "차단": "403", "권한없음": "403",
	"unauthorized": "401", "locked": "429", "timeout": "504", "notfound": "404", "not_found": "404", "unknown": "0",
}

// actorTypes are our words for the kinds of actors, by words of logs.
var actorTypes = map[string]string{
	"member": "member", "members": "member", "customer": "member", "user": "member", "consumer": "member", "회원": "member", "고객": "member", "이용자": "member",
	"staff": "staff", "admin": "staff", "administrator": "staff", "employee": "staff", "operator": "staff", "agent": "staff", "manager": "staff", "cs": "staff",
	"직원": "staff", "임직원": "staff", "관리자": "staff", "운영자": "staff", "상담원": "staff", "담당자": "staff", "취급자": "staff",
	"partner": "partner", "seller": "partner", "vendor": "partner", "supplier": "partner", "merchant": "partner", "협력사": "partner", "판매자": "partner", "수탁자": "partner", "업체": "partner",
	"service": "service", "system": "service", "batch": "service", "bot": "service", "machine": "service", "시스템": "service", "배치": "service",
}

// forms are what stands on the right of a field, as a catalog has it.
func (g *guesser) forms(c *choice) string {
	if c.form != "" {
		return quoted(c.form)
	}
	if c.field != catalog.FieldURI {
		return list(c.keys)
	}
	return g.uriForms(c)
}

func list(keys []string) string {
	if len(keys) == 1 {
		return quoted(keys[0])
	}
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = quoted(k)
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// uriForms says where the address stands; a line without one is of its event.
func (g *guesser) uriForms(c *choice) string {
	m := g.mapping
	var forms []string
	if c != nil {
		if m.query != nil {
			forms = append(forms, fmt.Sprintf("{+%s}?{+%s}", c.keys[0], m.query.key))
		}
		if m.query != nil || len(m.events) > 0 {
			for _, key := range c.keys {
				forms = append(forms, "{+"+key+"}")
			}
		} else {
			forms = append(forms, c.keys...)
		}
	}
	for n := len(m.events); n > 0; n-- {
		f := "/" + g.name
		for _, e := range m.events[:n] {
			f += "/{" + e.key + "}"
		}
		forms = append(forms, f)
	}
	if c == nil {
		forms = append(forms, "/"+g.name)
	}
	return list(forms)
}

// quoted is a text of YAML, in quotes where it might be taken for something else.
func quoted(s string) string {
	plain := s != ""
	for i, r := range s {
		letter := r|0x20 >= 'a' && r|0x20 <= 'z' || r == '_' || r >= 0xac00 && r <= 0xd7a3
		if !letter && (i == 0 && r != '/' || !strings.ContainsRune("0123456789.-_/", r)) {
			plain = false
		}
	}
	switch strings.ToLower(s) {
	case "y", "n", "yes", "no", "on", "off", "true", "false", "null":
		plain = false
	}
	if plain {
		return s
	}
	return fmt.Sprintf("%q", s)
}
