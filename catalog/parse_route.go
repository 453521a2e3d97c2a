package catalog

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/written"
)

func (p *parser) routes(c *Catalog, n *yaml.Node) {
	list, ok := p.List(n, "routes")
	if !ok {
		return
	}
	if len(list) > maxRoutes {
		p.fail(n, "routes", tooManyRoutes)
		return
	}
	structure := make(map[string]*Route) // by template with the names of variables left out
	for i, n := range list {
		p.route(c, n, written.Index("routes", i), structure)
	}
	for _, r := range c.Routes() {
		p.overlaps(r)
	}
}

func (p *parser) route(c *Catalog, n *yaml.Node, field string, structure map[string]*Route) {
	keys := p.Keys(n, field, "route", "items", "account", "separator", "fan_out", "shows", "success", "action", "from", "until", "note", "columns", "over")
	if keys == nil {
		return
	}
	if node := keys["route"]; node != nil && node.Kind == yaml.ScalarNode {
		if kind, name, ok := usesOf(node.Value); ok {
			p.tableRoute(c, n, field, kind, name, keys)
			return
		}
	}
	for _, key := range []string{"columns", "over"} {
		if n := keys[key]; n != nil {
			p.fail(n, written.Key(field, key), columnsPlace)
		}
	}
	var r *Route
	if node := keys["route"]; node == nil {
		p.fail(n, written.Key(field, "route"), noRoute)
	} else if s, ok := p.Scalar(node, written.Key(field, "route")); ok {
		m, segs, wild, bad := splitTemplate(s)
		if bad != nil {
			p.Fail(node, written.Key(field, "route"), bad.kind, bad.args...)
		} else {
			r = &Route{method: m, segments: segs, wild: wild, line: node.Line}
			r.nameIt()
			key := r.structure()
			if first := structure[key]; first == nil {
				structure[key] = r
				c.routes = append(c.routes, r)
				c.byName[r.Name] = r
			} else if first.Name != r.Name {
				p.fail(node, written.Key(field, "route"), samePath, first.line)
			} else {
				r = first // another answer, for another time
			}
		}
	}
	a := Answer{From: Always, Until: Never, Success: defaultSuccess(), line: n.Line}
	p.routeItems(c, &a, n, keys["items"], written.Key(field, "items"))
	p.routeAccount(&a, r, n, keys, field)
	p.routeOutcome(&a, r, keys, field)
	p.routeTimes(&a, keys, field)
	if r != nil {
		r.Answers = append(r.Answers, a)
	}
}

// routeTimes reads when an answer holds, and the remark.
func (p *parser) routeTimes(a *Answer, keys map[string]*yaml.Node, field string) {
	if n := keys["from"]; n != nil {
		a.From = p.moment(n, written.Key(field, "from"))
	}
	if n := keys["until"]; n != nil {
		a.Until = p.moment(n, written.Key(field, "until"))
		if a.Until <= a.From && a.From != Always && a.Until != Always {
			p.fail(n, written.Key(field, "until"), untilBefore)
		}
	}
	if n := keys["note"]; n != nil {
		a.Note, _ = p.Prose(n, written.Key(field, "note"), maxNote)
	}
}

// maxFanOut is more than anybody looks at on one page.
const maxFanOut = 10_000

func (p *parser) routeItems(c *Catalog, a *Answer, route, n *yaml.Node, field string) {
	if n == nil {
		if !p.Has(field) {
			p.fail(route, field, noItems)
		}
		return
	}
	list, ok := p.List(n, field)
	if !ok {
		return
	}
	for i, n := range list {
		f := written.Index(field, i)
		s, ok := p.Scalar(n, f)
		if !ok {
			continue
		}
		bit, ok := c.ItemBit(s)
		if !ok {
			var names []string
			for _, it := range c.Items {
				names = append(names, it.Name)
			}
			if s == "TODO" {
				p.fail(n, f, todoItems)
				continue
			}
			p.fail(n, f, unknownItem, written.Meant(s, names))
			continue
		}
		if a.Items.Has(bit) {
			p.fail(n, f, itemTwice)
		}
		a.Items |= 1 << uint(bit)
	}
}

func (p *parser) routeAccount(a *Answer, r *Route, route *yaml.Node, keys map[string]*yaml.Node, field string) {
	f := written.Key(field, "account")
	n := keys["account"]
	if n == nil {
		if items := keys["items"]; items != nil && len(items.Content) > 0 && !p.Has(f) {
			p.fail(route, f, noAccount)
		}
	} else if s, ok := p.Scalar(n, f); ok {
		kind, name, dotted := strings.Cut(s, ".")
		position, known := event.ParsePosition(kind)
		takesName := position == event.PositionPath || position == event.PositionQuery
		switch {
		case s == "TODO":
			p.fail(n, f, todoAccount)
		case !known || takesName != dotted || position == event.PositionColumn:
			p.fail(n, f, accountPlace)
		case dotted && (name == "" || len(name) > maxKey):
			p.fail(n, f, accountName)
		case position == event.PositionPath && r != nil:
			i := slices.Index(r.segments, templateSegment{name, true})
			if i < 0 {
				p.fail(n, f, accountVariable)
			}
			a.segment = i
		}
		a.Position, a.Name = position, name
	}
	if n := keys["separator"]; n != nil {
		a.Separator = p.separator(n, written.Key(field, "separator"))
		if a.Position != event.PositionQuery {
			p.fail(n, written.Key(field, "separator"), separatorPlace)
		}
	}
	if n := keys["fan_out"]; n != nil {
		f := written.Key(field, "fan_out")
		a.FanOut = p.Number(n, f, 0, 2, maxFanOut)
		if a.Position != event.PositionList && a.Position != event.PositionQuery && !p.Has(written.Key(field, "account")) {
			p.fail(n, f, fanOutPlace)
		}
	}
	p.routeShows(a, keys["shows"], written.Key(field, "shows"), a.Items)
}

func (p *parser) routeShows(a *Answer, n *yaml.Node, field string, items ItemSet) {
	if n == nil {
		return
	}
	if s, ok := p.Scalar(n, field); ok {
		switch s {
		case "account_holder":
		case "people_behind_account":
			a.Behind = true
			if items == 0 && !p.Has(field) {
				p.fail(n, field, showsNothing)
			}
		default:
			words := []string{"account_holder", "people_behind_account"}
			p.fail(n, field, unknownShows, written.Meant(s, words))
		}
	}
}

func (p *parser) routeOutcome(a *Answer, r *Route, keys map[string]*yaml.Node, field string) {
	if n := keys["success"]; n != nil {
		f := written.Key(field, "success")
		a.Success = StatusSet{}
		if n.Kind == yaml.SequenceNode {
			for i, n := range n.Content {
				p.status(&a.Success, n, written.Index(f, i))
			}
			if len(n.Content) == 0 {
				p.fail(n, f, noStatus)
			}
		} else {
			p.status(&a.Success, n, f)
		}
	}
	if r != nil {
		name := methodNames[methodOther]
		if r.method < methodCount {
			name = methodNames[r.method]
		}
		a.Action = event.ActionOfMethod(name)
	}
	p.routeAction(a, keys["action"], written.Key(field, "action"))
}

func (p *parser) routeAction(a *Answer, n *yaml.Node, field string) {
	if n == nil {
		return
	}
	if s, ok := p.Scalar(n, field); ok {
		var words []string
		for _, w := range event.Actions() {
			if w != event.ActionOpen {
				words = append(words, w.String())
			}
		}
		// "open" is Haetae's own word for opening its dictionary.
		a.acts = true
		if a.Action, ok = event.ParseAction(s); !ok || a.Action == event.ActionOpen {
			p.fail(n, field, unknownAction, written.Meant(s, words), strings.Join(words, ", "))
		}
	}
}

func (p *parser) status(set *StatusSet, n *yaml.Node, field string) {
	if s, ok := p.Scalar(n, field); ok && !set.parse(s) {
		p.fail(n, field, badStatus)
	}
}

// moment reads a date (midnight in the catalog's zone) or an RFC 3339 time.
func (p *parser) moment(n *yaml.Node, field string) event.Millis {
	s, ok := p.Scalar(n, field)
	if !ok {
		return Always
	}
	t, ok := parseMoment(s, p.zone)
	if !ok {
		p.fail(n, field, badMoment)
		return Always
	}
	return event.MillisOf(t)
}

func parseMoment(s string, zone *time.Location) (time.Time, bool) {
	t, err := time.ParseInLocation(time.DateOnly, s, zone)
	if err != nil {
		t, err = time.Parse(time.RFC3339, s)
	}
	return t, err == nil
}

// overlaps reports answers of one route that hold at the same moment.
func (p *parser) overlaps(r *Route) {
	slices.SortStableFunc(r.Answers, func(a, b Answer) int { return cmp.Compare(a.From, b.From) })
	for i := 1; i < len(r.Answers); i++ {
		a, b := &r.Answers[i-1], &r.Answers[i]
		if a.Until > b.From {
			first, second := min(a.line, b.line), max(a.line, b.line)
			p.fail(&yaml.Node{Line: second}, "routes", overlap, first)
		}
	}
}

// nameIt writes the template the way records store it.
func (r *Route) nameIt() {
	var b strings.Builder
	for _, s := range r.segments {
		b.WriteByte('/')
		if s.variable {
			b.WriteString("{" + s.text + "}")
		} else {
			b.WriteString(s.text)
		}
	}
	if r.wild {
		b.WriteString("/*")
	}
	path := b.String()
	if path == "" {
		path = "/"
	}
	name := "ANY"
	if r.method < methodCount {
		name = methodNames[r.method]
	}
	r.Name, r.head, r.options = name+" "+path, "HEAD "+path, "OPTIONS "+path
}

func (r *Route) structure() string {
	var b strings.Builder
	b.WriteByte(byte(r.method))
	for _, s := range r.segments {
		if s.variable {
			b.WriteString("/{}")
		} else {
			b.WriteString("/" + s.text)
		}
	}
	if r.wild {
		b.WriteString("/*")
	}
	return b.String()
}

// build makes the tries. Templates for all methods go in last, so that a
// method's own template of the same path stands before them.
func (c *Catalog) build() {
	for m := range c.tries {
		c.tries[m] = newTrie()
	}
	c.keepTableWords()
	for i, r := range c.routes {
		for _, s := range r.segments {
			if !s.variable {
				c.words[s.text] = true
			}
		}
		if r.method != methodAny {
			c.tries[r.method].insert(r, int32(i))
		}
	}
	for i, r := range c.routes {
		if r.method != methodAny {
			continue
		}
		for m := range methodCount {
			// HEAD and OPTIONS fall back by themselves, without items.
			if m != methodHead && m != methodOptions {
				c.tries[m].insert(r, int32(i))
			}
		}
	}
	for m := range c.tries {
		c.tries[m].freeze()
	}
}
