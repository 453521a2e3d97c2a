package rule

import (
	"fmt"
	"io"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
)

// node is what a detection means: a tree of ands, ors and nots over tests of
// single fields. Parts of it may be shared, so nobody changes one.
type node struct {
	op   nodeOp
	n    int // of opAtLeast
	kids []*node
	test *test
}

type nodeOp uint8

const (
	opTest nodeOp = iota
	opAnd
	opOr
	opNot
	opAtLeast
)

func leaf(t test) *node { return &node{op: opTest, test: &t} }

// allOf and anyOf build ands and ors that are flat and have more than one part.
func allOf(kids ...*node) *node { return combine(opAnd, kids) }
func anyOf(kids ...*node) *node { return combine(opOr, kids) }

func combine(op nodeOp, kids []*node) *node {
	if len(kids) == 1 {
		return kids[0]
	}
	n := &node{op: op}
	for _, k := range kids {
		if k.op == op {
			n.kids = append(n.kids, k.kids...)
		} else {
			n.kids = append(n.kids, k)
		}
	}
	return n
}

func negate(k *node) *node {
	if k.op == opNot {
		return k.kids[0]
	}
	return &node{op: opNot, kids: []*node{k}}
}

// write writes what the tree asks, the same for equal trees.
func (n *node) write(w io.Writer) {
	fmt.Fprintf(w, "(%d %d %d", n.op, n.n, len(n.kids))
	if n.test != nil {
		io.WriteString(w, n.test.key())
	}
	for _, k := range n.kids {
		k.write(w)
	}
}

// tests calls f with each test of the tree.
func (n *node) tests(f func(*test)) {
	if n.op == opTest {
		f(n.test)
	}
	for _, k := range n.kids {
		k.tests(f)
	}
}

type testKind uint8

const (
	testText   testKind = iota // the value's text is like the pattern
	testRegexp                 // the regular expression is found in the value's text
	testCIDR                   // the value is an address of the network
	testNumber                 // the value, or a part of its date, compares so with a number
	testNull                   // there is no value
	testExists                 // the field is there
	testRef                    // the value is like that of another field
	testIn                     // the value's text is one of a set; see withSets
)

// test is a question about one field of an event, or, with an empty field, about
// any of its texts.
type test struct {
	kind  testKind
	field string
	cased bool

	pattern  pattern // of testText, ready
	original pattern // of testText, as it was written
	shape    shape   // of testText and testRef
	literal  string  // of testText with a simple shape, folded unless cased
	regexp   *regexp.Regexp
	needs    []string // of testRegexp: one of these, folded, is in every match; nil if unknown
	network  netip.Prefix
	compare  compareOp
	number   number
	date     datePart
	other    string              // of testRef
	in       map[string]struct{} // of testIn, folded unless cased

	// Set by bind.
	id, otherID FieldID
}

// key tells tests apart that ask different things.
func (t *test) key() string {
	k := fmt.Sprintf("%d|%q|%t|", t.kind, t.field, t.cased)
	switch t.kind {
	case testText:
		k += t.pattern.key()
	case testRegexp:
		k += t.regexp.String()
	case testCIDR:
		k += t.network.String()
	case testNumber:
		k += fmt.Sprintf("%d %d %s", t.date, t.compare, t.number)
	case testRef:
		k += fmt.Sprintf("%d %s", t.shape, t.other)
	}
	return k
}

// textTest is a test of a text for a pattern.
func textTest(field string, p pattern, cased bool) *node {
	t := test{kind: testText, field: field, cased: cased, pattern: p.ready(cased), original: p}
	if field == "" {
		star := pattern{{kind: partStar}}
		t.pattern = star.join(p).join(star).ready(cased)
	}
	t.shape, t.literal = t.pattern.shape()
	return leaf(t)
}

type compareOp uint8

const (
	compareEqual compareOp = iota
	compareLess
	compareLessEqual
	compareGreater
	compareGreaterEqual
)

// number is exact where a number is whole, so that ids of 18 digits compare.
type number struct {
	whole bool
	i     int64
	f     float64
}

func (n number) String() string {
	if n.whole {
		return strconv.FormatInt(n.i, 10)
	}
	return strconv.FormatFloat(n.f, 'g', -1, 64)
}

func wholeNumber(i int64) number { return number{true, i, float64(i)} }

// parseNumber reads a decimal number; anything else is none.
func parseNumber(s string) (number, bool) {
	if s == "" || len(s) > 64 {
		return number{}, false
	}
	whole := true
	for i := 0; i < len(s); i++ {
		switch b := s[i]; {
		case '0' <= b && b <= '9':
		case (b == '-' || b == '+') && i == 0 && len(s) > 1:
		case b == '.' || b == 'e' || b == 'E' || b == '-' || b == '+':
			whole = false
		default: // no hexadecimal, no NaN, no infinity
			return number{}, false
		}
	}
	if whole && len(s) < 19 {
		// By hand, because strconv's error for what is no number is allocated.
		n, digits := int64(0), s
		if s[0] == '-' || s[0] == '+' {
			digits = s[1:]
		}
		for i := 0; i < len(digits); i++ {
			n = n*10 + int64(digits[i]-'0')
		}
		if s[0] == '-' {
			n = -n
		}
		return wholeNumber(n), true
	}
	f, err := strconv.ParseFloat(s, 64)
	return number{f: f}, err == nil
}

// is reports whether n compares with other as op says.
func (n number) is(op compareOp, other number) bool {
	c := 0
	switch {
	case n.whole && other.whole && n.i < other.i, !(n.whole && other.whole) && n.f < other.f:
		c = -1
	case n.whole && other.whole && n.i > other.i, !(n.whole && other.whole) && n.f > other.f:
		c = 1
	case n.f != n.f || other.f != other.f:
		return false // NaN is not in any relation
	}
	switch op {
	case compareLess:
		return c < 0
	case compareLessEqual:
		return c <= 0
	case compareGreater:
		return c > 0
	case compareGreaterEqual:
		return c >= 0
	}
	return c == 0
}

// detectionNode is what a detection means, its items lowered.
func detectionNode(d *Detection, lower func(*item) *node) *node {
	byName := make(map[string]*node, len(d.Searches))
	for i := range d.Searches {
		s := &d.Searches[i]
		ors := make([]*node, len(s.any))
		for j, items := range s.any {
			ands := make([]*node, len(items))
			for k := range items {
				ands[k] = lower(&items[k])
			}
			ors[j] = allOf(ands...)
		}
		byName[s.Name] = anyOf(ors...)
	}
	return exprNode(d.Condition, byName)
}

func exprNode(e Expr, byName map[string]*node) *node {
	if e.Op == ExprName {
		return byName[e.Name]
	}
	kids := make([]*node, len(e.Args))
	for i, a := range e.Args {
		kids[i] = exprNode(a, byName)
	}
	switch e.Op {
	case ExprAnd:
		return allOf(kids...)
	case ExprNot:
		return negate(kids[0])
	case ExprAtLeast:
		return &node{op: opAtLeast, n: e.N, kids: kids}
	}
	return anyOf(kids...)
}

// fieldsOf lists the fields a tree asks about, sorted.
func (n *node) fieldsOf() []string {
	seen := map[string]bool{}
	n.tests(func(t *test) {
		for _, f := range [...]string{t.field, t.other} {
			if f != "" {
				seen[f] = true
			}
		}
	})
	out := make([]string, 0, len(seen))
	for f := range seen {
		out = append(out, f)
	}
	slices.Sort(out)
	return out
}
