package catalog

import (
	"math/bits"
	"slices"
	"strings"
)

// trie holds the templates of one method. Nodes are numbers; the static
// children of all nodes stand in one open-addressing table keyed by (node,
// segment), so that a step costs the same with ten routes and ten thousand.
//
// At each segment the static child is tried first, then the variable, then the
// wildcard, and a dead end goes back to the nearest untried choice. So the
// winner is the template that is more literal further left. Going back is
// bounded by the number of nodes, which only the catalog's author controls: a
// request cannot add to it.
type trie struct {
	nodes []trieNode
	edges []trieEdge // length is a power of two, at most half full
	count int
	maker map[edgeKey]int32 // while building

	// liftable holds, by node, the static children that a shape may not have
	// kept.
	liftable map[int32][]trieEdge
}

type trieNode struct {
	variable int32 // child for {var}, or none
	leaf     int32 // route that ends here, or none
	wild     int32 // route that ends here with *, or none
	static   bool  // has static children
}

type trieEdge struct {
	segment string
	node    int32 // parent; none when the slot is empty
	child   int32
}

type edgeKey struct {
	node    int32
	segment string
}

const none int32 = -1

func newTrie() trie {
	return trie{nodes: []trieNode{{none, none, none, false}}, maker: make(map[edgeKey]int32)}
}

func (t *trie) addNode() int32 {
	t.nodes = append(t.nodes, trieNode{none, none, none, false})
	return int32(len(t.nodes) - 1)
}

// insert puts route number r in, and returns the number of the route that is
// already there and stays, or none.
func (t *trie) insert(r *Route, number int32) int32 {
	n := int32(0)
	for _, s := range r.segments {
		if s.variable {
			if t.nodes[n].variable == none {
				c := t.addNode()
				t.nodes[n].variable = c
			}
			n = t.nodes[n].variable
			continue
		}
		k := edgeKey{n, s.text}
		c, ok := t.maker[k]
		if !ok {
			c = t.addNode()
			t.maker[k] = c
			t.nodes[n].static = true
		}
		n = c
	}
	slot := &t.nodes[n].leaf
	if r.wild {
		slot = &t.nodes[n].wild
	}
	if *slot != none {
		return *slot
	}
	*slot = number
	t.count++
	return none
}

// freeze turns the building map into the table.
func (t *trie) freeze() {
	size := 1 << bits.Len(uint(2*len(t.maker)))
	t.edges = make([]trieEdge, size)
	for i := range t.edges {
		t.edges[i].node = none
	}
	for k, child := range t.maker {
		i := edgeHash(k.node, k.segment) & uint64(size-1)
		for t.edges[i].node != none {
			i = (i + 1) & uint64(size-1)
		}
		t.edges[i] = trieEdge{k.segment, k.node, child}
		if !keptWord(k.segment, true) {
			if t.liftable == nil {
				t.liftable = make(map[int32][]trieEdge)
			}
			t.liftable[k.node] = append(t.liftable[k.node], t.edges[i])
		}
	}
	// The maps go in any order; the answers must not.
	for _, edges := range t.liftable {
		slices.SortFunc(edges, func(a, b trieEdge) int { return strings.Compare(a.segment, b.segment) })
	}
	t.maker = nil
}

func (t *trie) child(n int32, segment string) int32 {
	mask := uint64(len(t.edges) - 1)
	for i := edgeHash(n, segment) & mask; ; i = (i + 1) & mask {
		e := &t.edges[i]
		if e.node == n && e.segment == segment {
			return e.child
		}
		if e.node == none {
			return none
		}
	}
}

// edgeHash reads the first and last eight bytes of a segment. Which keys are in
// the table only the catalog decides, so a request cannot make long chains.
func edgeHash(node int32, s string) uint64 {
	var a, b uint64
	if n := len(s); n >= 8 {
		a, b = load64(s), load64(s[n-8:])
	} else {
		for i := 0; i < n; i++ {
			a = a<<8 | uint64(s[i])
		}
	}
	hi, lo := bits.Mul64(a^uint64(uint32(node))*0x9e3779b97f4a7c15^uint64(len(s))<<32, b^0xd6e8feb86659fd93)
	return hi ^ lo
}

func load64(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// match finds the route for the segments of p from number i on, below node n.
func (t *trie) match(p *pathParts, n int32, i int) int32 {
	for {
		node := &t.nodes[n]
		if i == p.count {
			if !p.deeper && node.leaf != none {
				return node.leaf
			}
			return node.wild
		}
		if node.static && !p.segments[i].lifted {
			if c := t.child(n, p.text(i)); c != none {
				if node.variable == none && node.wild == none {
					n, i = c, i+1 // the only way on
					continue
				}
				if r := t.match(p, c, i+1); r != none {
					return r
				}
			}
		}
		if node.variable == none {
			return node.wild
		}
		if node.wild == none {
			n, i = node.variable, i+1
			continue
		}
		if r := t.match(p, node.variable, i+1); r != none {
			return r
		}
		return node.wild
	}
}
