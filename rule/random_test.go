package rule

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// The tests of this file make rules and events at random and compare Match, with
// its index and memory, with an evaluation that is written from the specification
// as plainly as it can be: it shares no code with the package.

type randomRule struct {
	searches  map[string][][]randomItem // one of these, all items of it
	names     []string
	condition string
	holds     func(search func(name string) bool) bool
}

type randomItem struct {
	field  string // "" for keywords
	mods   []string
	values []string // as in YAML
	list   bool
}

var (
	randomFields = []string{"f1", "f2", "f3", "f4"}
	letters      = []string{"a", "A", "b", "B", "k", "K", "\u212a", "é", "É", "ſ", "s", "1", "2", ".", "-", "/", " ", `\`, "ß", "각"}
	numbers      = []string{"0", "1", "2", "12", "-1", "1.5", "2.0"}
)

func randomText(r *rand.Rand, most int) string {
	s := ""
	for range r.IntN(most + 1) {
		s += letters[r.IntN(len(letters))]
	}
	return s
}

// randomValue is a text of a rule, maybe with wildcards and escapes.
func randomValue(r *rand.Rand) string {
	s := ""
	for range 1 + r.IntN(3) {
		switch r.IntN(8) {
		case 0:
			s += "*"
		case 1:
			s += "?"
		case 2:
			s += oneOf(r, `\*`, `\?`, `\\`, `\`)
		default:
			s += letters[r.IntN(len(letters))]
		}
	}
	return s
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func randomItemOf(r *rand.Rand, field string) randomItem {
	it := randomItem{field: field}
	kind := r.IntN(16)
	if field == "" {
		kind = r.IntN(6)
	}
	n := 1
	if it.list = r.IntN(3) == 0; it.list {
		n = 1 + r.IntN(4)
	}
	value := func() string { return quote(randomValue(r)) }
	switch {
	case field == "" && kind == 0:
		it.mods = []string{"re"}
		value = func() string { return quote(randomRegexp(r)) }
	case field == "":
		value = func() string { return quote("x" + randomValue(r)) }
		if r.IntN(4) == 0 {
			it.mods = []string{"cased"}
		}
	case kind < 8:
		if place := oneOf(r, "", "contains", "startswith", "endswith"); place != "" {
			it.mods = append(it.mods, place)
		}
		if r.IntN(5) == 0 {
			it.mods = append(it.mods, "cased")
		}
	case kind < 10:
		it.mods = []string{"re"}
		if r.IntN(2) == 0 {
			it.mods = append(it.mods, "i")
		}
		value = func() string { return quote(randomRegexp(r)) }
	case kind == 10:
		it.mods = []string{oneOf(r, "lt", "lte", "gt", "gte")}
		value = func() string { return numbers[r.IntN(len(numbers))] }
	case kind == 11:
		it.mods, it.list, n = []string{"exists"}, false, 1
		value = func() string { return oneOf(r, "true", "false") }
		it.values = []string{value()}
		return it
	case kind == 12:
		value = func() string { return oneOf(r, "null", "''", numbers[r.IntN(len(numbers))]) }
	case kind == 13:
		it.mods = []string{"fieldref"}
		if place := oneOf(r, "", "contains", "startswith", "endswith"); place != "" {
			it.mods = append(it.mods, place)
		}
		value = func() string { return randomFields[r.IntN(len(randomFields))] }
	case kind == 14:
		it.mods = []string{"cidr"}
		value = func() string { return oneOf(r, "10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32") }
	default:
		it.mods = []string{"hour"}
		value = func() string { return strconv.Itoa(r.IntN(3)) }
	}
	if r.IntN(6) == 0 {
		it.mods = append(it.mods, "neq")
	}
	if it.list && r.IntN(4) == 0 && !slices.Contains(it.mods, "hour") {
		it.mods = append(it.mods, "all")
	}
	for range n {
		it.values = append(it.values, value())
	}
	if slices.Contains(it.values, "null") && slices.ContainsFunc(it.mods, func(m string) bool { return m == "all" }) {
		it.mods = slices.DeleteFunc(it.mods, func(m string) bool { return m == "all" })
	}
	return it
}

func randomRegexp(r *rand.Rand) string {
	return oneOf(r, "a+b", "(?:ab|bA|k1)", "^a", "s$", "[ab]k", "[Aa][Bb]", "a.b", "k", "(12|21)?b", "(?i)ab", "ab{1,2}s", "1{2}", "aab|bba", "éa", `\d\.`, "(a|b)(k|s)1")
}

func randomRuleOf(r *rand.Rand) randomRule {
	rule := randomRule{searches: map[string][][]randomItem{}}
	for i := range 1 + r.IntN(4) {
		name := oneOf(r, "sel", "filter") + strconv.Itoa(i)
		rule.names = append(rule.names, name)
		var ors [][]randomItem
		if r.IntN(8) == 0 {
			it := randomItemOf(r, "")
			ors = [][]randomItem{{it}}
		} else {
			for range 1 + r.IntN(2) {
				var ands []randomItem
				for _, f := range r.Perm(len(randomFields))[:1+r.IntN(2)] {
					ands = append(ands, randomItemOf(r, randomFields[f]))
				}
				ors = append(ors, ands)
			}
		}
		rule.searches[name] = ors
	}
	rule.condition, rule.holds = randomCondition(r, rule.names, 3)
	return rule
}

func randomCondition(r *rand.Rand, names []string, depth int) (string, func(func(string) bool) bool) {
	kind := r.IntN(8)
	if depth == 0 {
		kind = 7
	}
	switch kind {
	case 0, 1:
		a, fa := randomCondition(r, names, depth-1)
		b, fb := randomCondition(r, names, depth-1)
		return "(" + a + ") and (" + b + ")", func(s func(string) bool) bool { return fa(s) && fb(s) }
	case 2:
		a, fa := randomCondition(r, names, depth-1)
		b, fb := randomCondition(r, names, depth-1)
		return "(" + a + ") or (" + b + ")", func(s func(string) bool) bool { return fa(s) || fb(s) }
	case 3:
		a, fa := randomCondition(r, names, depth-1)
		return "not (" + a + ")", func(s func(string) bool) bool { return !fa(s) }
	case 4, 5:
		prefix := names[0][:3]
		of, needed := "them", names
		if r.IntN(2) == 0 {
			of, needed = prefix+"*", nil
			for _, n := range names {
				if strings.HasPrefix(n, prefix) {
					needed = append(needed, n)
				}
			}
		}
		n := 1 + r.IntN(len(needed))
		word := strconv.Itoa(n)
		if r.IntN(3) == 0 {
			word, n = "all", len(needed)
		}
		return word + " of " + of, func(s func(string) bool) bool {
			found := 0
			for _, name := range needed {
				if s(name) {
					found++
				}
			}
			return found >= n
		}
	}
	name := names[r.IntN(len(names))]
	return name, func(s func(string) bool) bool { return s(name) }
}

func (r randomRule) yaml() string {
	var b strings.Builder
	b.WriteString("title: T\nlogsource: {category: test}\ndetection:\n")
	for _, name := range r.names {
		fmt.Fprintf(&b, "  %s:\n", name)
		for _, ands := range r.searches[name] {
			lead := "    - "
			if ands[0].field == "" {
				lead = "    "
			}
			for _, it := range ands {
				key := it.field
				for _, m := range it.mods {
					key += "|" + m
				}
				value := it.values[0]
				if it.list {
					value = "[" + strings.Join(it.values, ", ") + "]"
				}
				switch {
				case key == "":
					fmt.Fprintf(&b, "    - %s\n", strings.Join(it.values, "\n    - "))
				default:
					fmt.Fprintf(&b, "%s%q: %s\n", lead, key, value)
				}
				lead = "      "
			}
		}
	}
	fmt.Fprintf(&b, "  condition: %s\n", r.condition)
	return b.String()
}

func randomEvent(r *rand.Rand) fields {
	f := fields{}
	for _, name := range randomFields {
		switch r.IntN(12) {
		case 0:
		case 1:
			f[name] = nil
		case 2:
			f[name] = r.IntN(14) - 1
		case 3:
			f[name] = float64(r.IntN(5)) / 2
		case 4:
			list := make([]string, r.IntN(3))
			for i := range list {
				list[i] = randomText(r, 4)
			}
			f[name] = list
		case 5:
			f[name] = oneOf(r, "10.1.2.3", "10.2.0.0", "2001:db8::1", "1.5", "-1", "2025-01-01 01:00")
		case 6:
			f[name] = time.Date(2025, 1, 1, r.IntN(4), 0, 0, 0, time.UTC)
		case 7:
			f[name] = "x" + randomText(r, 5) + "\xff"
		default:
			f[name] = oneOf(r, "", "x") + randomText(r, 6)
		}
	}
	return f
}

// The evaluation by the book.

func plainText(v any) string {
	switch v := v.(type) {
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case time.Time:
		return v.UTC().Format("2006-01-02T15:04:05.000Z")
	}
	return fmt.Sprint(v)
}

// ofEach asks of the value, or of each of a list.
func ofEach(v any, ask func(v any) bool) bool {
	if list, ok := v.([]string); ok {
		return slices.ContainsFunc(list, func(s string) bool { return ask(s) })
	}
	return v != nil && ask(v)
}

func (r randomRule) match(f fields) bool {
	return r.holds(func(name string) bool {
		return slices.ContainsFunc(r.searches[name], func(ands []randomItem) bool {
			return !slices.ContainsFunc(ands, func(it randomItem) bool { return !it.match(f) })
		})
	})
}

func (it randomItem) match(f fields) bool {
	found := 0
	for _, v := range it.values {
		if it.field != "" && it.matchValue(f, it.field, v) {
			found++
		}
		if it.field == "" && slices.ContainsFunc(randomFields, func(name string) bool { return it.matchValue(f, name, v) }) {
			found++
		}
	}
	ok := found > 0
	if slices.Contains(it.mods, "all") {
		ok = found == len(it.values)
	}
	return ok != slices.Contains(it.mods, "neq")
}

func (it randomItem) matchValue(f fields, field, value string) bool {
	has := func(m string) bool { return slices.Contains(it.mods, m) }
	v, there := f[field]
	list, isList := v.([]string)
	none := v == nil || isList && len(list) == 0
	text, quoted := strings.CutPrefix(value, "'")
	text = strings.ReplaceAll(strings.TrimSuffix(text, "'"), "''", "'")
	switch {
	case has("exists"):
		return there == (value == "true")
	case value == "null":
		return none
	case none:
		return false
	case has("re"):
		if has("i") {
			text = "(?i)" + text
		}
		re := compiled(text)
		return ofEach(v, func(v any) bool { return re.MatchString(plainText(v)) })
	case has("cidr"):
		p := netip.MustParsePrefix(value)
		return ofEach(v, func(v any) bool {
			a, err := netip.ParseAddr(plainText(v))
			return err == nil && p.Contains(a)
		})
	case has("hour"):
		return ofEach(v, func(v any) bool {
			hour := -1
			switch v := v.(type) {
			case time.Time:
				hour = v.Hour()
			case string:
				if t, err := time.Parse("2006-01-02 15:04", v); err == nil {
					hour = t.Hour()
				}
			}
			return strconv.Itoa(hour) == value
		})
	case has("lt"), has("lte"), has("gt"), has("gte"):
		bound, _ := strconv.ParseFloat(value, 64)
		return ofEach(v, func(v any) bool {
			x, err := strconv.ParseFloat(plainText(v), 64)
			if t, ok := v.(time.Time); ok {
				x, err = float64(t.UnixMilli()), nil
			}
			return err == nil && (has("lt") && x < bound || has("lte") && x <= bound || has("gt") && x > bound || has("gte") && x >= bound)
		})
	case has("fieldref"):
		other := f[value]
		return ofEach(v, func(v any) bool {
			return ofEach(other, func(o any) bool { return placedText(has, plainText(o), plainText(v)) })
		})
	}
	if !quoted { // a number
		x, _ := strconv.ParseFloat(value, 64)
		return ofEach(v, func(v any) bool {
			return plainText(v) == value || plainText(v) == strconv.FormatFloat(x, 'f', -1, 64)
		})
	}
	re := ""
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text) && strings.IndexByte(`\*?`, text[i+1]) >= 0:
			i++
			re += regexp.QuoteMeta(text[i : i+1])
		case text[i] == '*':
			re += ".*"
		case text[i] == '?':
			re += "."
		default:
			re += regexp.QuoteMeta(text[i : i+1])
		}
	}
	if it.field == "" {
		re = ".*" + re + ".*"
	}
	return ofEach(v, func(v any) bool { return placed(has, re, has("cased"), plainText(v)) })
}

func placed(has func(string) bool, re string, cased bool, text string) bool {
	if has("contains") || has("endswith") {
		re = ".*" + re
	}
	if has("contains") || has("startswith") {
		re += ".*"
	}
	flags := "(?is)"
	if cased {
		flags = "(?s)"
	}
	return compiled(flags + "^(?:" + re + ")$").MatchString(text)
}

// compiledOnce keeps the book's expressions, of which a run has a few thousand.
var compiledOnce = map[string]*regexp.Regexp{}

func compiled(re string) *regexp.Regexp {
	c := compiledOnce[re]
	if c == nil {
		c = regexp.MustCompile(re)
		compiledOnce[re] = c
	}
	return c
}

// placedText tries every part of text that stands in the right place.
func placedText(has func(string) bool, part, text string) bool {
	for i := range len(text) + 1 {
		for j := i; j <= len(text); j++ {
			atStart := i == 0 || has("contains") || has("endswith")
			atEnd := j == len(text) || has("contains") || has("startswith")
			whole := (i == len(text) || utf8.RuneStart(text[i])) && (j == len(text) || utf8.RuneStart(text[j]))
			if atStart && atEnd && whole && strings.EqualFold(text[i:j], part) {
				return true
			}
		}
	}
	return false
}

func TestRandom(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for i := range 40 {
		checkRandom(t, seed+uint64(i), 30, 60)
		if t.Failed() {
			t.Fatalf("to repeat: put %d in for seed in TestRandom", seed)
		}
	}
}

// checkRandom compares rules, compiled together, on events.
func checkRandom(t *testing.T, seed uint64, nrules, nevents int) {
	r := rand.New(rand.NewPCG(seed, 2))
	rules := make([]randomRule, nrules)
	var docs []*Document
	for i := range rules {
		rules[i] = randomRuleOf(r)
		d, err := Parse("random.yaml", []byte(rules[i].yaml()))
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, rules[i].yaml())
		}
		docs = append(docs, d...)
	}
	schema, err := NewSchema([]Field{{Name: "f1"}, {Name: "f2"}, {Name: "f3"}, {Name: "f4"}}, []Source{{Name: "test", Is: []LogSource{{Category: "test"}}}})
	if err != nil {
		t.Fatal(err)
	}
	set, err := Compile(docs, schema, Options{})
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	e, m := set.NewEvent(), set.NewMatcher()
	for range nevents {
		f := randomEvent(r)
		set.put(e, 1, f)
		got := set.Match(e, m)
		for i := range rules {
			want := rules[i].match(f)
			if slices.Contains(got, RuleIndex(i)) != want {
				t.Errorf("seed %d: %q: Match says %t\n%s", seed, f, !want, rules[i].yaml())
				return
			}
		}
		for i := range rules {
			if want := rules[i].match(f); set.Holds(RuleIndex(i), e, m) != want {
				t.Errorf("seed %d: %q: Holds says %t\n%s", seed, f, !want, rules[i].yaml())
				return
			}
		}
	}
}

// The tries and the automaton, against strings.Contains and its like.
func TestRandomTexts(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 3))
	for range 300 {
		alphabet := oneOf(r, "ab", "abc", "abcdefghijklmnop", "a\x00\xff\x80z")
		text := func(least, most int) string {
			b := make([]byte, least+r.IntN(most-least+1))
			for i := range b {
				b[i] = alphabet[r.IntN(len(alphabet))]
			}
			return string(b)
		}
		seen := map[string]bool{}
		var texts []string
		var nums []int32
		for range 1 + r.IntN(60) {
			if s := text(1, 7); !seen[s] {
				seen[s] = true
				texts = append(texts, s)
				nums = append(nums, int32(len(nums)))
			}
		}
		a, prefix, suffix := newAutomaton(texts, nums), newTrie(texts, nums, false), newTrie(texts, nums, true)
		if r.IntN(2) == 0 { // most automata of a test fit into rows; use the links too
			a.dense = 1
		}
		for range 20 {
			s := text(0, 30)
			for what, c := range map[string]struct {
				got  []int32
				want func(s, text string) bool
			}{
				"contains": {a.scan(nil, []byte(s)), strings.Contains},
				"prefix":   {prefix.along(nil, []byte(s)), strings.HasPrefix},
				"suffix":   {suffix.against(nil, []byte(s)), strings.HasSuffix},
			} {
				for i, x := range texts {
					if got, want := slices.Contains(c.got, int32(i)), c.want(s, x); got != want {
						t.Fatalf("seed %d: %s %q in %q: %t, want %t", seed, what, x, s, got, want)
					}
				}
			}
		}
	}
}
