package rule

import (
	"cmp"
	"slices"
)

// trie is a set of texts as a tree of their bytes, each text with a number. Most
// nodes have one child, which is kept in the node; the children of others lie
// side by side in edges, sorted.
type trie struct {
	nodes []trieNode
	edges []trieEdge
}

type trieNode struct {
	child uint32 // the only child, or where in edges the children begin
	text  int32  // the number of the text that ends here, or -1
	count uint16 // of children
	byte  byte   // before the only child
}

type trieEdge struct {
	child uint32
	byte  byte
}

// newTrie builds the tree of texts, numbered by nums; backward, of the texts
// read from their ends. Nodes are numbered by depth.
func newTrie(texts []string, nums []int32, backward bool) *trie {
	type ref struct {
		text string
		num  int32
	}
	refs := make([]ref, len(texts))
	for i, s := range texts {
		if backward {
			b := []byte(s)
			slices.Reverse(b)
			s = string(b)
		}
		refs[i] = ref{s, nums[i]}
	}
	slices.SortFunc(refs, func(a, b ref) int { return cmp.Compare(a.text, b.text) })

	t := &trie{nodes: []trieNode{{text: -1}}}
	// A level is the nodes of one depth, each with the run of refs below it.
	type run struct {
		node     uint32
		from, to int
	}
	level := []run{{0, 0, len(refs)}}
	for depth := 0; len(level) > 0; depth++ {
		var next []run
		for _, r := range level {
			i := r.from
			for i < r.to && len(refs[i].text) == depth { // at most one: texts are distinct
				t.nodes[r.node].text = refs[i].num
				i++
			}
			first := len(next)
			for i < r.to {
				b, from := refs[i].text[depth], i
				for i < r.to && refs[i].text[depth] == b {
					i++
				}
				child := uint32(len(t.nodes))
				t.nodes = append(t.nodes, trieNode{text: -1})
				t.edges = append(t.edges, trieEdge{child, b})
				next = append(next, run{child, from, i})
			}
			n := &t.nodes[r.node]
			n.count = uint16(len(next) - first)
			n.child = uint32(len(t.edges) - int(n.count))
			if n.count == 1 {
				last := t.edges[len(t.edges)-1]
				t.edges = t.edges[:len(t.edges)-1]
				n.child, n.byte = last.child, last.byte
			}
		}
		level = next
	}
	return t
}

// step is the child of a node by a byte.
func (t *trie) step(node uint32, b byte) (uint32, bool) {
	n := &t.nodes[node]
	if n.count == 1 {
		return n.child, n.byte == b
	}
	edges := t.edges[n.child : n.child+uint32(n.count)]
	for len(edges) > 8 {
		if half := len(edges) / 2; edges[half].byte <= b {
			edges = edges[half:]
		} else {
			edges = edges[:half]
		}
	}
	for _, e := range edges {
		if e.byte == b {
			return e.child, true
		}
	}
	return 0, false
}
