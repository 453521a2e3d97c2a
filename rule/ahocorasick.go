package rule

// automaton finds every text of a set within another text in one pass, by Aho and
// Corasick's method.
//
// The rules of a large pack make a hundred thousand states, of which a pass is
// mostly in the first few. So states are numbered by depth, the first ones have a
// full row of transitions, one per class of bytes, and the rest has only the
// edges of the trie and a link to the state to fall back to.
type automaton struct {
	trie  *trie
	class [256]uint8 // bytes that no text holds are class 0
	width int        // number of classes
	rows  []uint32   // of the first states; the target, with found set if texts end there
	dense uint32     // number of these states
	fail  []uint32   // by state
	ends  []uint64   // a bit per state: texts end there
	link  []uint32   // by state: the next shorter state where a text ends, or 0
	sieve *sieve     // keeps most texts from it; nil: it would not
}

const (
	// denseBytes is about what a core keeps close to itself.
	denseBytes = 768 << 10
	found      = 1 << 31
)

// newAutomaton builds the automaton of distinct texts, none of them empty.
func newAutomaton(texts []string, nums []int32) *automaton {
	a := &automaton{trie: newTrie(texts, nums, false), width: 1, sieve: newSieve(texts)}
	for _, s := range texts {
		for i := 0; i < len(s); i++ {
			if a.class[s[i]] == 0 {
				if a.width == 256 { // all bytes occur: one shares a class with those that do not
					break
				}
				a.class[s[i]] = uint8(a.width)
				a.width++
			}
		}
	}
	n := len(a.trie.nodes)
	a.fail, a.link, a.ends = make([]uint32, n), make([]uint32, n), make([]uint64, (n+63)/64)
	a.dense = uint32(min(n, max(1, denseBytes/4/a.width)))
	a.rows = make([]uint32, int(a.dense)*a.width)

	// States are numbered by depth, so the fallback of each is complete before it.
	for s := range n {
		a.eachChild(uint32(s), func(b byte, child uint32) {
			if s == 0 {
				a.fail[child] = 0
				return
			}
			a.fail[child] = a.target(a.fail[s], b)
		})
		if s > 0 {
			f := a.fail[s]
			a.link[s] = a.link[f]
			if a.trie.nodes[f].text >= 0 {
				a.link[s] = f
			}
		}
		if a.trie.nodes[s].text >= 0 || a.link[s] != 0 {
			a.ends[s/64] |= 1 << (s % 64)
		}
	}
	for s := range a.dense {
		row := a.rows[int(s)*a.width:][:a.width]
		if s > 0 {
			copy(row, a.rows[int(a.fail[s])*a.width:][:a.width])
		}
		a.eachChild(s, func(b byte, child uint32) { row[a.class[b]] = a.marked(child) })
	}
	return a
}

func (a *automaton) eachChild(s uint32, f func(b byte, child uint32)) {
	n := a.trie.nodes[s]
	switch n.count {
	case 0:
	case 1:
		f(n.byte, n.child)
	default:
		for _, e := range a.trie.edges[n.child : n.child+uint32(n.count)] {
			f(e.byte, e.child)
		}
	}
}

// target is where b leads from s, falling back as far as it takes.
func (a *automaton) target(s uint32, b byte) uint32 {
	for {
		if child, ok := a.trie.step(s, b); ok && a.trie.nodes[s].count > 0 {
			return child
		}
		if s == 0 {
			return 0
		}
		s = a.fail[s]
	}
}

func (a *automaton) marked(s uint32) uint32 {
	if a.ends[s/64]>>(s%64)&1 != 0 {
		return s | found
	}
	return s
}

// find is scan, where something may be found.
func (a *automaton) find(dst []int32, text []byte) []int32 {
	if a.sieve != nil && !a.sieve.lets(text) {
		return dst
	}
	return a.scan(dst, text)
}

// scan appends the numbers of the texts found to dst, each maybe more than once.
func (a *automaton) scan(dst []int32, text []byte) []int32 {
	s := uint32(0)
	dense, width, rows := a.dense, uint32(a.width), a.rows
	for _, b := range text {
		if s < dense {
			s = rows[s*width+uint32(a.class[b])]
		} else {
			s = a.deep(s, b)
		}
		if s&found != 0 {
			s &^= found
			dst = a.ending(dst, s)
		}
	}
	return dst
}

// deep is the step from a state without a row.
func (a *automaton) deep(s uint32, b byte) uint32 {
	for s >= a.dense {
		n := &a.trie.nodes[s]
		if n.count == 1 {
			if n.byte == b {
				return a.marked(n.child)
			}
		} else if child, ok := a.trie.step(s, b); ok {
			return a.marked(child)
		}
		s = a.fail[s]
	}
	return a.rows[int(s)*a.width+int(a.class[b])]
}

// ending appends the texts that end in a state.
func (a *automaton) ending(dst []int32, s uint32) []int32 {
	for {
		if num := a.trie.nodes[s].text; num >= 0 {
			dst = append(dst, num)
		}
		if s = a.link[s]; s == 0 {
			return dst
		}
	}
}

// size is what the automaton takes in memory.
func (a *automaton) size() int {
	n := 12*len(a.trie.nodes) + 8*len(a.trie.edges) + 4*len(a.rows) + 8*len(a.fail) + len(a.ends)*8
	if a.sieve != nil {
		n += 4 * len(a.sieve.grams)
	}
	return n
}
