package rule

// Matcher is the memory of matching, for one goroutine: what was found out about
// the present event. It grows to what the set needs and is then used again
// without allocation.
type Matcher struct {
	set  *Set
	text texter

	// generation marks what was found out about the present event; it is even, and
	// the bit below says that an atom is true.
	generation uint32
	atoms      []uint32 // by atom: generation, or generation+1 when true
	literals   []uint32 // by literal: generation when found
	seen       []uint32 // by rule of the lane: generation when a candidate

	hits       []int32
	candidates []int32
	matches    []RuleIndex
	evaluated  int
}

// NewMatcher makes the memory that Match needs. A Matcher belongs to one
// goroutine; a Set to any number.
func (s *Set) NewMatcher() *Matcher {
	m := &Matcher{set: s, text: texter{zone: s.zone}}
	for _, l := range s.lanes {
		m.atoms = make([]uint32, max(len(m.atoms), len(l.atoms)))
		m.literals = make([]uint32, max(len(m.literals), len(l.literals.at)-1))
		m.seen = make([]uint32, max(len(m.seen), len(l.rules)))
	}
	return m
}

// begin forgets the event before.
func (m *Matcher) begin() {
	m.text.buf = m.text.buf[:0]
	m.matches = m.matches[:0]
	m.candidates = m.candidates[:0]
	m.evaluated = 0
	m.generation += 2
	if m.generation == 0 { // after two billion events
		clear(m.atoms)
		clear(m.literals)
		clear(m.seen)
		m.generation = 2
	}
}

// Match lists the rules whose condition holds for the event, in the order of
// Rules. The list is m's own until the next call.
func (s *Set) Match(e *Event, m *Matcher) []RuleIndex {
	m.begin()
	l := s.laneOf(e.source)
	if l == nil {
		return nil
	}
	for _, f := range e.set {
		x, words := l.fields[f], l.words
		if e.whole && f != Message {
			words = nil
		}
		if x == nil && words == nil {
			continue
		}
		if x != nil {
			m.offer(x.present)
		}
		v := &e.values[f]
		switch {
		case x != nil && !x.texts && words == nil || v.empty():
		case v.kind == listValue:
			for _, text := range v.list {
				m.look(l, words, x, m.text.folded(&value{kind: textValue, text: text}))
			}
		default:
			m.look(l, words, x, m.text.folded(v))
		}
	}
	for _, r := range l.always {
		m.run(l, r, e)
	}
	for _, r := range m.candidates {
		m.run(l, r, e)
	}
	sortRules(m.matches)
	return m.matches
}

// Evaluated is how many rules the last Match had to evaluate, of those that look
// at such events.
func (m *Matcher) Evaluated() int { return m.evaluated }

// offer makes candidates of rules.
func (m *Matcher) offer(rules []int32) {
	for _, r := range rules {
		if m.seen[r] != m.generation {
			m.seen[r] = m.generation
			m.candidates = append(m.candidates, r)
		}
	}
}

// look finds the literals of a text, and those of words, if it is not nil.
func (m *Matcher) look(l *lane, words *automaton, x *fieldIndex, text []byte) {
	hits := m.hits[:0]
	if words != nil {
		hits = words.find(hits, text)
	}
	if x != nil {
		if x.exact != nil {
			if num, ok := x.exact[string(text)]; ok {
				hits = append(hits, num)
			}
		}
		if x.prefix != nil {
			hits = x.prefix.along(hits, text)
		}
		if x.suffix != nil {
			hits = x.suffix.against(hits, text)
		}
		if x.contains != nil {
			hits = x.contains.find(hits, text)
		}
	}
	for _, num := range hits {
		if m.literals[num] == m.generation {
			continue
		}
		m.literals[num] = m.generation
		for _, a := range l.literals.of(num) {
			if m.atoms[a] != m.generation+1 {
				m.atoms[a] = m.generation + 1
				m.offer(l.triggers.of(a))
			}
		}
	}
	m.hits = hits
}

// run evaluates a rule.
func (m *Matcher) run(l *lane, rule int32, e *Event) {
	m.evaluated++
	at := l.programs[rule]
	for at >= 0 {
		s := &l.steps[at]
		if m.ask(l, s.atom, e) {
			at = s.yes
		} else {
			at = s.no
		}
	}
	if at == yes {
		m.matches = append(m.matches, l.rules[rule])
	}
}

// ask answers an atom, once for each event.
func (m *Matcher) ask(l *lane, num int32, e *Event) bool {
	switch m.atoms[num] {
	case m.generation + 1:
		return true
	case m.generation:
		return false
	}
	a := &l.atoms[num]
	if a.test == nil || a.guard >= 0 && m.atoms[a.guard] != m.generation+1 {
		return false
	}
	at := len(m.text.buf)
	holds := m.text.holds(a.test, e)
	m.text.buf = m.text.buf[:at]
	m.atoms[num] = m.generation
	if holds {
		m.atoms[num]++
	}
	return holds
}

// sortRules sorts a list that is nearly always of none or one.
func sortRules(r []RuleIndex) {
	for i := 1; i < len(r); i++ {
		for j := i; j > 0 && r[j] < r[j-1]; j-- {
			r[j], r[j-1] = r[j-1], r[j]
		}
	}
}

// along appends the texts of the trie that text begins with.
func (t *trie) along(dst []int32, text []byte) []int32 {
	node := uint32(0)
	for _, b := range text {
		child, ok := t.step(node, b)
		if !ok {
			break
		}
		node = child
		if num := t.nodes[node].text; num >= 0 {
			dst = append(dst, num)
		}
	}
	return dst
}

// against appends the texts of the trie, which is a backward one, that text ends
// with.
func (t *trie) against(dst []int32, text []byte) []int32 {
	node := uint32(0)
	for i := len(text) - 1; i >= 0; i-- {
		child, ok := t.step(node, text[i])
		if !ok {
			break
		}
		node = child
		if num := t.nodes[node].text; num >= 0 {
			dst = append(dst, num)
		}
	}
	return dst
}
