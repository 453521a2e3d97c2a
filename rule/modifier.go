package rule

import (
	"errors"
	"maps"
	"net/netip"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/haetae/haetae/internal/written"
)

// modifierKind is what a modifier does; an item has at most one of each but for
// encodings.
type modifierKind uint8

const (
	modPlace    modifierKind = iota // where the value has to stand
	modEncoding                     // the value is encoded first
	modType                         // the value is no pattern
	modDate                         // a part of a date is meant
	modFlag                         // all, cased, neq
	modRegexp                       // a flag of re
)

type modifier struct {
	kind modifierKind
	// with lists the types that this modifier can stand beside; "" is the plain
	// text pattern.
	with []string
}

var (
	onText = []string{""}
	onDate = []string{"", "lt", "lte", "gt", "gte"}
)

// modifiers is every modifier of the specification.
var modifiers = map[string]modifier{
	"contains":   {modPlace, []string{"", "fieldref"}},
	"startswith": {modPlace, []string{"", "fieldref"}},
	"endswith":   {modPlace, []string{"", "fieldref"}},

	"expand":       {modEncoding, onText},
	"windash":      {modEncoding, onText},
	"base64":       {modEncoding, onText},
	"base64offset": {modEncoding, onText},
	"utf16":        {modEncoding, onText},
	"utf16le":      {modEncoding, onText},
	"utf16be":      {modEncoding, onText},
	"wide":         {modEncoding, onText},

	"re":       {modType, nil},
	"cidr":     {modType, nil},
	"exists":   {modType, nil},
	"fieldref": {modType, nil},
	"lt":       {modType, nil},
	"lte":      {modType, nil},
	"gt":       {modType, nil},
	"gte":      {modType, nil},

	"minute": {modDate, onDate},
	"hour":   {modDate, onDate},
	"day":    {modDate, onDate},
	"week":   {modDate, onDate},
	"month":  {modDate, onDate},
	"year":   {modDate, onDate},

	"all":   {modFlag, []string{"", "re", "cidr", "fieldref", "lt", "lte", "gt", "gte"}},
	"neq":   {modFlag, []string{"", "re", "cidr", "fieldref", "lt", "lte", "gt", "gte"}},
	"cased": {modFlag, []string{"", "fieldref"}},

	"i": {modRegexp, []string{"re"}},
	"m": {modRegexp, []string{"re"}},
	"s": {modRegexp, []string{"re"}},
}

// Modifiers lists the words that may stand behind a field.
func Modifiers() []string { return slices.Sorted(maps.Keys(modifiers)) }

var compareOps = map[string]compareOp{
	"lt": compareLess, "lte": compareLessEqual, "gt": compareGreater, "gte": compareGreaterEqual,
}

// lowering turns one item into tests.
type lowering struct {
	*item
	fail func(line int, problem written.Text)

	// lookup gives the meaning of a placeholder; without it every placeholder is
	// taken for a word.
	lookup       func(name string) ([]string, bool)
	placeholders bool // there was one

	place, typ  string
	encodings   []string
	date        datePart
	all, neq    bool
	cased       bool
	regexpFlags string
	bad         bool
}

func (l *lowering) failf(line int, format string, args ...any) {
	l.bad = true
	l.fail(line, say(format, args...))
}

// lower is nil when the item has a mistake, which was then reported.
func (l *lowering) lower() *node {
	l.readModifiers()
	if l.bad {
		return nil
	}
	if l.all && len(l.values) == 1 && !l.list {
		l.failf(l.line, "all has one value: it joins the values of a list")
		return nil
	}
	kids := make([]*node, 0, len(l.values))
	for _, v := range l.values {
		if n := l.value(v); n != nil {
			kids = append(kids, n)
		}
	}
	if l.bad || len(kids) == 0 {
		return nil
	}
	n := anyOf(kids...)
	if l.all {
		n = allOf(kids...)
	}
	if l.neq {
		n = negate(n)
	}
	return n
}

func (l *lowering) readModifiers() {
	for i, name := range l.mods {
		m, ok := modifiers[name]
		switch {
		case !ok:
			l.failf(l.line, "modifier %q is not known", name)
			continue
		case slices.Contains(l.mods[:i], name):
			l.failf(l.line, "modifier %s stands there twice", name)
			continue
		}
		switch m.kind {
		case modPlace:
			if l.place != "" {
				l.failf(l.line, "modifiers %s and %s do not go together", l.place, name)
			}
			l.place = name
		case modEncoding:
			if l.place != "" && name != "windash" && name != "expand" {
				l.failf(l.line, "modifier %s has to stand before %s", name, l.place)
			}
			if name == "expand" && len(l.encodings) > 0 {
				l.failf(l.line, "modifier expand has to stand before %s", l.encodings[0])
			}
			l.encodings = append(l.encodings, name)
		case modType:
			if l.typ != "" {
				l.failf(l.line, "modifiers %s and %s do not go together", l.typ, name)
			}
			l.typ = name
		case modDate:
			if l.date != dateNone {
				l.failf(l.line, "modifiers %s and %s do not go together", l.date, name)
			}
			l.date = dateParts[name]
		case modFlag:
			l.all, l.neq, l.cased = l.all || name == "all", l.neq || name == "neq", l.cased || name == "cased"
		case modRegexp:
			if l.typ != "re" {
				l.failf(l.line, "modifier %s has to stand after re", name)
			}
			l.regexpFlags += name
		}
	}
	for _, name := range l.mods {
		m, ok := modifiers[name]
		if !ok || m.kind == modType || m.kind == modRegexp {
			continue
		}
		if !slices.Contains(m.with, l.typ) {
			l.failf(l.line, "modifiers %s and %s do not go together", name, l.typ)
		}
		if l.date != dateNone && m.kind != modDate && name != "neq" {
			l.failf(l.line, "modifiers %s and %s do not go together", name, l.date)
		}
	}
	if l.field == "" {
		if l.place == "startswith" || l.place == "endswith" || l.typ != "" && l.typ != "re" || l.date != dateNone {
			l.failf(l.line, "keywords are looked for in the whole event: of the modifiers only all, re, cased, contains, neq and encodings go with them")
		}
	}
}

// value is the tests for one value.
func (l *lowering) value(v scalar) *node {
	t := test{field: l.field, cased: l.cased}
	if v.kind == scalarNull {
		if l.field == "" || l.typ != "" || l.place != "" || len(l.encodings) > 0 || l.date != dateNone {
			l.failf(v.line, "null is no text, and stands without modifiers")
			return nil
		}
		t.kind = testNull
		t.cased = false
		return leaf(t)
	}
	switch {
	case l.typ == "exists":
		if v.kind != scalarBool || len(l.values) > 1 {
			l.failf(v.line, "exists takes true or false")
			return nil
		}
		t.kind = testExists
		if strings.EqualFold(v.text, "false") {
			return negate(leaf(t))
		}
		return leaf(t)
	case l.typ == "re":
		return l.regexpValue(v, t)
	case l.typ == "cidr":
		network, err := netip.ParsePrefix(strings.TrimSpace(v.text))
		if err != nil {
			l.failf(v.line, "the value is not a network such as 10.0.0.0/8")
			return nil
		}
		if network.Addr().Is4In6() {
			l.failf(v.line, "the value is an IPv4 network in IPv6 form: write it as IPv4")
			return nil
		}
		t.kind, t.network = testCIDR, network.Masked()
		return leaf(t)
	case l.typ == "fieldref":
		if strings.TrimSpace(v.text) == "" {
			l.failf(v.line, "fieldref names no field")
			return nil
		}
		t.kind, t.other = testRef, strings.TrimSpace(v.text)
		t.shape = map[string]shape{"": shapeEqual, "startswith": shapePrefix, "endswith": shapeSuffix, "contains": shapeContains}[l.place]
		return leaf(t)
	case l.typ != "" || l.date != dateNone:
		return l.numberValue(v, t)
	}
	return l.textValue(v)
}

func (l *lowering) numberValue(v scalar, t test) *node {
	what := l.typ
	if what == "" {
		what = l.date.String()
	}
	n, ok := parseNumber(strings.ReplaceAll(v.text, "_", ""))
	if !ok {
		l.failf(v.line, "%s compares with a number, and the value is none", what)
		return nil
	}
	if least, most := l.date.bounds(); l.date != dateNone && (!n.whole || n.i < least || n.i > most) {
		l.failf(v.line, "%s is a whole number from %d to %d", l.date, least, most)
		return nil
	}
	t.kind, t.number, t.date, t.compare = testNumber, n, l.date, compareOps[l.typ]
	return leaf(t)
}

func (l *lowering) regexpValue(v scalar, t test) *node {
	if why := pcreOnly(v.text); why != "" {
		l.failf(v.line, "the regular expression uses %s, which needs a backtracking engine and is not supported", why)
		return nil
	}
	flags := l.regexpFlags
	text := v.text
	if flags != "" {
		text = "(?" + flags + ")" + text
	}
	re, err := regexp.Compile(text)
	if err != nil {
		// What is compared may be an id, and mistakes are logged: the kind of error
		// is said, and never the value.
		why := "syntax"
		if bad := new(syntax.Error); errors.As(err, &bad) {
			why = string(bad.Code)
		}
		l.failf(v.line, "the regular expression is not understood: %s", why)
		return nil
	}
	t.kind, t.regexp, t.cased = testRegexp, re, false
	t.needs = requiredLiterals(text)
	return leaf(t)
}

// textValue is a pattern, or several when encodings make more of one.
func (l *lowering) textValue(v scalar) *node {
	if l.field == "" && v.text == "" {
		l.failf(v.line, "an empty keyword is in every event")
		return nil
	}
	var patterns []pattern
	expand := slices.Contains(l.encodings, "expand")
	switch v.kind {
	case scalarNumber:
		for _, s := range numberTexts(v.text) {
			patterns = append(patterns, textPattern(s))
		}
	default:
		patterns = l.fill(parsePattern(v.text, expand), v)
	}
	for _, name := range l.encodings {
		if name == "expand" {
			continue
		}
		var err error
		if patterns, err = encode(name, patterns); err != nil {
			l.failf(v.line, "%s", err)
			return nil
		}
	}
	star := pattern{{kind: partStar}}
	kids := make([]*node, 0, len(patterns))
	for _, p := range patterns {
		if l.place == "contains" || l.place == "endswith" {
			p = star.join(p)
		}
		if l.place == "contains" || l.place == "startswith" {
			p = p.join(star)
		}
		kids = append(kids, textTest(l.field, p, l.cased))
	}
	if len(kids) == 0 {
		return nil
	}
	return anyOf(kids...)
}

// maxVariants bounds what placeholders and dashes can multiply to.
const maxVariants = 1000

// fill replaces placeholders by their values, which are patterns too.
func (l *lowering) fill(p pattern, v scalar) []pattern {
	out := []pattern{nil}
	for _, q := range p {
		values := []pattern{{q}}
		if q.kind == partPlaceholder {
			l.placeholders = true
			values = []pattern{textPattern("placeholder")}
			if l.lookup != nil {
				given, ok := l.lookup(q.text)
				if !ok {
					l.failf(v.line, "placeholder %%%s%% was not given a value", q.text)
					return nil
				}
				values = values[:0]
				for _, s := range given {
					values = append(values, parsePattern(s, false))
				}
				if len(values) == 0 {
					l.failf(v.line, "placeholder %%%s%% was given an empty list", q.text)
					return nil
				}
			}
		}
		if len(out)*len(values) > maxVariants && len(out) > 1 {
			l.failf(v.line, "the placeholders multiply to more than %d values", maxVariants)
			return nil
		}
		next := make([]pattern, 0, len(out)*len(values))
		for _, head := range out {
			for _, tail := range values {
				next = append(next, head.join(tail))
			}
		}
		out = next
	}
	return out
}
