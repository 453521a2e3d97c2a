package rule

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// lane is all rules that one kind of event meets, compiled together: equal tests
// of different rules are one atom, and the literals of all of them are found in
// one pass over each field.
type lane struct {
	rules    []RuleIndex // by the lane's own numbers
	atoms    []atom
	programs []int32 // by rule: where its condition begins in steps, or an end
	steps    []step

	fields   []*fieldIndex // by FieldID; nil where no rule asks
	words    *automaton    // keywords, looked for in every text
	literals lists         // by literal: the atoms it makes true
	triggers lists         // by atom: the rules to evaluate when it is true
	always   []int32       // rules that have to be evaluated for each event
}

// atom is a question about an event that has one answer however many rules ask.
type atom struct {
	// test is nil for atoms that the index answers: true if one of its literals
	// was found, else false.
	test *test
	// guard is an atom that is true whenever this one is, or -1.
	guard int32
}

// literal is a text to look for in a field; in every text for Message.
type literal struct {
	field FieldID
	shape shape
	text  string
}

// fieldIndex finds the literals of one field.
type fieldIndex struct {
	texts    bool // there are literals
	exact    map[string]int32
	prefix   *trie
	suffix   *trie
	contains *automaton
	present  []int32 // rules to evaluate when the field is there
}

// lists is a list of lists in two slices.
type lists struct {
	at   []int32
	flat []int32
}

func (l *lists) of(i int32) []int32 { return l.flat[l.at[i]:l.at[i+1]] }

func newLists(of [][]int32) lists {
	l := lists{at: make([]int32, 1, len(of)+1)}
	for _, list := range of {
		l.flat = append(l.flat, list...)
		l.at = append(l.at, int32(len(l.flat)))
	}
	return l
}

// plan is a node whose tests are atoms.
type plan struct {
	op   nodeOp
	n    int
	atom int32
	kids []*plan
}

// laneBuilder collects the atoms of rules.
type laneBuilder struct {
	lane
	plans      []*plan
	byKey      map[string]int32
	literalNum map[literal]int32
	texts      []literal
	ofLiteral  [][]int32 // by literal: atoms
	ofAtom     [][]int32 // by atom: literals
	uses       []int32   // by atom: rules that ask it
	usedBy     []int32   // by atom: the last rule counted
	textUses   []int32   // by literal: atoms that hold it, as often as they are used
	presence   map[FieldID][]int32
	nfields    int
	limit      int // of steps, for the rule being compiled
}

// newLane compiles rules. Its programs may not grow beyond all measure: see
// maxSteps.
func newLane(rules []*Rule, nfields int) (*lane, error) {
	b := &laneBuilder{
		byKey: make(map[string]int32), literalNum: make(map[literal]int32),
		presence: make(map[FieldID][]int32), nfields: nfields,
	}
	for i, r := range rules {
		b.rules = append(b.rules, r.Index)
		p := b.plan(r.node)
		b.plans = append(b.plans, p)
		b.count(p, int32(i))
	}
	b.textUses = make([]int32, len(b.texts))
	for a, ls := range b.ofAtom {
		for _, l := range ls {
			b.textUses[l] += b.uses[a]
		}
	}
	triggers := make([][]int32, len(b.atoms))
	for i, p := range b.plans {
		pick := b.need(p, false)
		for _, a := range pick.atoms {
			triggers[a] = append(triggers[a], int32(i))
		}
		for _, f := range pick.fields {
			b.presence[f] = append(b.presence[f], int32(i))
		}
		if pick.none() {
			b.always = append(b.always, int32(i))
		}
		b.limit = len(b.steps) + maxSteps
		start := b.program(p, yes, no)
		if len(b.steps) > b.limit {
			d := rules[i].Doc
			return nil, tooSlow(d)
		}
		b.programs = append(b.programs, start)
	}
	b.triggers = newLists(triggers)
	b.literals = newLists(b.ofLiteral)
	b.index()
	out := b.lane
	return &out, nil
}

// plan turns a tree into one over atoms.
func (b *laneBuilder) plan(n *node) *plan {
	switch n.op {
	case opTest:
		return &plan{op: opTest, atom: b.atom(n.test)}
	case opOr:
		// Literals that are alternatives are one atom, so that a list of a thousand
		// is one question.
		var ls []int32
		p := &plan{op: opOr}
		for _, k := range n.kids {
			if k.op == opTest {
				if l, ok := b.literalOf(k.test); ok {
					ls = append(ls, l)
					continue
				}
			}
			p.kids = append(p.kids, b.plan(k))
		}
		if len(ls) > 0 {
			p.kids = append(p.kids, &plan{op: opTest, atom: b.literalAtom(ls)})
		}
		if len(p.kids) == 1 {
			return p.kids[0]
		}
		return p
	}
	p := &plan{op: n.op, n: n.n}
	for _, k := range n.kids {
		p.kids = append(p.kids, b.plan(k))
	}
	return p
}

// literalOf is the literal that answers a test by itself.
func (b *laneBuilder) literalOf(t *test) (int32, bool) {
	if t.kind != testText || t.cased || t.shape >= shapeAny {
		return 0, false
	}
	return b.literal(literal{t.id, t.shape, t.literal}), true
}

func (b *laneBuilder) literal(l literal) int32 {
	num, ok := b.literalNum[l]
	if !ok {
		num = int32(len(b.texts))
		b.literalNum[l] = num
		b.texts = append(b.texts, l)
		b.ofLiteral = append(b.ofLiteral, nil)
	}
	return num
}

// literalAtom is the atom that is true when one of the literals is found.
func (b *laneBuilder) literalAtom(ls []int32) int32 {
	slices.Sort(ls)
	ls = slices.Compact(ls)
	return b.add("literals"+fmt.Sprint(ls), atom{guard: -1}, ls)
}

func (b *laneBuilder) add(key string, a atom, ls []int32) int32 {
	if num, ok := b.byKey[key]; ok {
		return num
	}
	num := int32(len(b.atoms))
	b.byKey[key] = num
	b.atoms = append(b.atoms, a)
	b.ofAtom = append(b.ofAtom, ls)
	b.uses = append(b.uses, 0)
	b.usedBy = append(b.usedBy, -1)
	for _, l := range ls {
		b.ofLiteral[l] = append(b.ofLiteral[l], num)
	}
	return num
}

func (b *laneBuilder) atom(t *test) int32 {
	if l, ok := b.literalOf(t); ok {
		return b.literalAtom([]int32{l})
	}
	guard := int32(-1)
	if ls := b.guards(t); len(ls) > 0 {
		guard = b.literalAtom(ls)
	}
	return b.add(t.key(), atom{t, guard}, nil)
}

// guards is literals of which one is found wherever the test holds.
func (b *laneBuilder) guards(t *test) []int32 {
	switch {
	case t.kind == testText && t.shape < shapeAny && utf8.ValidString(t.literal): // with regard to case
		return []int32{b.literal(literal{t.id, t.shape, fold(t.literal)})}
	case t.kind == testText && t.shape == shapeGeneral:
		if l, ok := longestPart(t); ok {
			return []int32{b.literal(l)}
		}
	case t.kind == testRegexp:
		var ls []int32
		for _, s := range t.needs {
			ls = append(ls, b.literal(literal{t.id, shapeContains, s}))
		}
		return ls
	}
	return nil
}

// longestPart is the longest literal of a pattern with wildcards. Bytes of a
// character alone, as utf16 makes them, are not sure to be in a folded text.
func longestPart(t *test) (literal, bool) {
	l := literal{field: t.id}
	for i, q := range t.pattern {
		if q.kind != partText || len(q.text) <= len(l.text) || !utf8.ValidString(q.text) {
			continue
		}
		l.text = fold(q.text)
		switch {
		case i == 0:
			l.shape = shapePrefix
		case i == len(t.pattern)-1:
			l.shape = shapeSuffix
		default:
			l.shape = shapeContains
		}
	}
	return l, l.text != ""
}

// count counts how many rules ask each atom, and its guard.
func (b *laneBuilder) count(p *plan, rule int32) {
	if p.op == opTest {
		for a := p.atom; a >= 0; a = b.atoms[a].guard {
			if b.usedBy[a] != rule {
				b.usedBy[a] = rule
				b.uses[a]++
			}
		}
	}
	for _, k := range p.kids {
		b.count(k, rule)
	}
}

// index builds what finds the literals.
func (b *laneBuilder) index() {
	type bundle struct {
		texts [4][]string
		nums  [4][]int32
	}
	bundles := make([]bundle, b.nfields)
	for num, l := range b.texts {
		of := &bundles[l.field]
		of.texts[l.shape] = append(of.texts[l.shape], l.text)
		of.nums[l.shape] = append(of.nums[l.shape], int32(num))
	}
	b.fields = make([]*fieldIndex, b.nfields)
	for f := range bundles {
		of := &bundles[f]
		if FieldID(f) == Message {
			if len(of.texts[shapeContains]) > 0 {
				b.words = newAutomaton(of.texts[shapeContains], of.nums[shapeContains])
			}
			continue
		}
		x := &fieldIndex{present: b.presence[FieldID(f)]}
		if texts := of.texts[shapeEqual]; len(texts) > 0 {
			x.exact = make(map[string]int32, len(texts))
			for i, s := range texts {
				x.exact[s] = of.nums[shapeEqual][i]
			}
		}
		if texts := of.texts[shapePrefix]; len(texts) > 0 {
			x.prefix = newTrie(texts, of.nums[shapePrefix], false)
		}
		if texts := of.texts[shapeSuffix]; len(texts) > 0 {
			x.suffix = newTrie(texts, of.nums[shapeSuffix], true)
		}
		if texts := of.texts[shapeContains]; len(texts) > 0 {
			x.contains = newAutomaton(texts, of.nums[shapeContains])
		}
		x.texts = x.exact != nil || x.prefix != nil || x.suffix != nil || x.contains != nil
		if x.texts || x.present != nil {
			b.fields[f] = x
		}
	}
}

// laneKey tells sets of rules apart.
func laneKey(rules []*Rule) string {
	var s strings.Builder
	for _, r := range rules {
		fmt.Fprintf(&s, "%d ", r.Index)
	}
	return s.String()
}
