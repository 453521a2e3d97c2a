package rule

// leastSet is how many texts are looked up and not compared one by one.
const leastSet = 4

// withSets is a tree that asks the same with fewer tests: where a field may equal any of
// several texts, as by a list that fills a placeholder, they are one test of whether its
// text is in a set. The index of a lane finds texts by itself; this is for evaluating one
// rule alone.
func withSets(n *node) *node {
	if n.op == opTest {
		return n
	}
	type field struct {
		id    FieldID
		cased bool
	}
	equal := func(k *node) (field, bool) {
		t := k.test
		if n.op != opOr || k.op != opTest || t.kind != testText || t.shape != shapeEqual || t.field == "" {
			return field{}, false
		}
		return field{t.id, t.cased}, true
	}
	count := map[field]int{}
	for _, k := range n.kids {
		if f, ok := equal(k); ok {
			count[f]++
		}
	}
	out := &node{op: n.op, n: n.n, kids: make([]*node, 0, len(n.kids))}
	sets := map[field]*test{}
	for _, k := range n.kids {
		f, ok := equal(k)
		if !ok || count[f] < leastSet {
			out.kids = append(out.kids, withSets(k))
			continue
		}
		t := sets[f]
		if t == nil {
			t = &test{kind: testIn, field: k.test.field, id: f.id, cased: f.cased, in: make(map[string]struct{}, count[f])}
			sets[f] = t
			out.kids = append(out.kids, &node{op: opTest, test: t})
		}
		t.in[k.test.literal] = struct{}{}
	}
	if len(out.kids) == 1 && out.op == opOr {
		return out.kids[0]
	}
	return out
}
