package catalog

// Finding the template of a stored shape. A lifted segment meets a variable, and
// it may also have been a literal of a template that was written later: whoever
// adds GET /zorg/{id} to the catalog finds GET /{word}/{} in the history. Which
// of them it was only the raw log knows. So the templates are tried in the order
// of the trie, and if the first that fits needs such a guess, the shape stays
// unmapped. It is never taken for a template behind it, which may carry less.

// lookUpShape is lookUp for a shape. guessed: out.route is only possible.
func (c *Catalog) lookUpShape(out *Resolution) (guessed bool) {
	out.Mapped, out.Route, out.route, out.bodiless = false, "", nil, false
	p := &out.parts
	if p.tooLong {
		return false
	}
	try := func(t *trie, bodiless bool) bool {
		if t.count == 0 {
			return false
		}
		r, g := t.matchShape(c, p, 0, 0)
		if r == none {
			return false
		}
		out.route, out.bodiless, guessed = c.routes[r], bodiless, g
		return true
	}
	if try(&c.tries[out.method], false) {
		return guessed
	}
	switch out.method {
	case methodHead:
		try(&c.tries[methodGet], true)
	case methodOptions:
		for i := range c.tries {
			if try(&c.tries[i], true) {
				break
			}
		}
	}
	return guessed
}

// matchShape is match for a shape, in the same order. It visits a node at most
// once, and is called once per distinct shape and not per record.
func (t *trie) matchShape(c *Catalog, p *pathParts, n int32, i int) (route int32, guessed bool) {
	node := &t.nodes[n]
	if i == p.count {
		switch {
		case p.deeper && (node.static || node.variable != none):
			return t.below(n), true // the shape was cut off here, a template goes on
		case !p.deeper && node.leaf != none:
			return node.leaf, false
		}
		return node.wild, false
	}
	if p.segments[i].lifted {
		behindPeople := i > 0 && !p.segments[i-1].lifted && isPeopleWord(p.text(i-1))
		for _, e := range t.liftable[n] {
			if !c.mayBe(e.segment, p.text(i), behindPeople) {
				continue
			}
			if r, _ := t.matchShape(c, p, e.child, i+1); r != none {
				return r, true
			}
		}
	} else if node.static {
		if child := t.child(n, p.text(i)); child != none {
			if r, g := t.matchShape(c, p, child, i+1); r != none {
				return r, g
			}
		}
	}
	if node.variable != none {
		if r, g := t.matchShape(c, p, node.variable, i+1); r != none {
			return r, g
		}
	}
	return node.wild, false
}

// below finds any route below a node.
func (t *trie) below(n int32) int32 {
	for {
		node := &t.nodes[n]
		switch {
		case node.leaf != none:
			return node.leaf
		case node.wild != none:
			return node.wild
		case node.variable != none:
			n = node.variable
			continue
		}
		next := none
		for i := range t.edges {
			if t.edges[i].node == n && (next == none || t.edges[i].child < next) {
				next = t.edges[i].child
			}
		}
		n = next
	}
}

// mayBe reports whether a literal may be what was lifted. What the catalog of
// that time called a word was kept, but which catalog that was is not known here.
func (c *Catalog) mayBe(literal, lifted string, behindPeople bool) bool {
	if keptWord(literal, behindPeople) {
		return false
	}
	if lifted == liftedAccount {
		return c.pattern == nil || c.pattern.match(literal)
	}
	return liftedAs(literal) == lifted
}
