package traffic

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/haetae/haetae/drill"
)

// page is a page as lines need it.
type page struct {
	name, whose, does       string
	log                     int
	items                   uint32
	book                    bool
	rows                    int64
	method                  string
	parts                   []part // of the path or the object's key
	bucket                  string
	database, schema, table string
	columns                 []string // of a table, with the items they hold
	held                    []uint32
	route                   string // as the catalog names it
	account                 string // where the catalog finds the account
}

// part is a text, or a variable: 'a' the account, 'r' the actor, 'n' a number.
type part struct {
	text string
	what byte
}

// network is a pool of addresses.
type network struct {
	cidr    string
	country string
	prefix  netip.Prefix
	base    uint32 // of an address of four bytes
	n, size int64
}

// group is one of those who read.
type group struct {
	name, kind, prefix string
	count              int64
	net                int
	key                int   // nobody: the one in use
	left               int64 // 0: never
	moves              []move
}

type move struct {
	from, to int64
	net      int
}

type key struct {
	id       string
	from, to int64
	own      bool // of a group, and of nobody else
}

type sale struct {
	from, to int64
	factor   float64
}

// world resolves the names of a scenario.
func (m *Maker) world() error {
	s := m.s
	for _, n := range s.Networks.All() {
		p, err := netip.ParsePrefix(n.CIDR)
		if err != nil {
			return err
		}
		p = p.Masked()
		w := &network{cidr: p.String(), country: n.Country, prefix: p, n: max(1, n.Addresses.At(m.scale)), size: 1 << 62}
		if a := p.Addr(); a.Is4() {
			b := a.As4()
			w.base = uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
			w.size = max(1, int64(1)<<(32-p.Bits())-2)
		}
		w.n = min(w.n, w.size)
		m.nets = append(m.nets, w)
	}
	for i, l := range s.Logs.All() {
		m.logs = append(m.logs, &writtenLog{name: s.Logs.Names[i], kind: l.Format, cadence: l.Cadence, format: formats[l.Format], zone: s.Location(), width: 480})
	}
	for i, p := range s.Pages.All() {
		w, err := m.page(s.Pages.Names[i], p)
		if err != nil {
			return fmt.Errorf("pages[%d]: %w", i, err)
		}
		m.pages = append(m.pages, w)
	}
	for _, k := range s.Keys {
		w := key{id: k.ID, from: m.from, to: m.to}
		if !k.From.IsZero() {
			w.from = k.From.UnixMilli()
		}
		if !k.Until.IsZero() {
			w.to = k.Until.UnixMilli()
		}
		m.keys = append(m.keys, w)
	}
	m.groups = []*group{{name: "members", kind: "member", net: nobody, key: nobody, count: m.people.Accounts}}
	for i, a := range s.Actors.All() {
		g := &group{name: s.Actors.Names[i], kind: a.Type, prefix: a.Prefix, count: max(1, a.Count.At(m.scale)), net: m.network(a.Network), key: m.key(a.Key)}
		if g.key != nobody {
			m.keys[g.key].own = true
		}
		if !a.Left.IsZero() {
			g.left = a.Left.UnixMilli()
		}
		m.groups = append(m.groups, g)
	}
	for _, c := range s.Changes {
		from, to := m.span(c.From, c.To)
		switch c.Kind {
		case "sale_day":
			m.sales = append(m.sales, sale{from, to, c.Factor.Value()})
		case "new_office":
			g := m.groups[m.group(c.Who)]
			g.moves = append(g.moves, move{from, to, m.network(c.Network)})
		case "key_rotation":
			k := &m.keys[m.key(c.Key)]
			k.from = max(k.from, from)
		}
	}
	m.holidays = holidays()
	return nil
}

// span is a span of the scenario where its ends may be left out.
func (m *Maker) span(from, to drill.Moment) (int64, int64) {
	a, b := m.from, m.to
	if !from.IsZero() {
		a = from.UnixMilli()
	}
	if !to.IsZero() {
		b = to.UnixMilli()
	}
	return a, b
}

func (m *Maker) network(name string) int { return slices.Index(m.s.Networks.Names, name) }
func (m *Maker) pageNamed(name string) int {
	return slices.Index(m.s.Pages.Names, name)
}

func (m *Maker) key(id string) int {
	return slices.IndexFunc(m.s.Keys, func(k drill.Key) bool { return id != "" && k.ID == id })
}

// group gives the place of a group; nobody for nobody.
func (m *Maker) group(name string) int {
	return slices.IndexFunc(m.groups, func(g *group) bool { return g.name == name })
}

// keyAt is the key that signs a group's tokens at a moment: of those in use, the one
// that came last.
func (m *Maker) keyAt(g int, at int64) int16 {
	if g == nobody {
		return nobody
	}
	if k := m.groups[g].key; k != nobody {
		return int16(k)
	}
	best := nobody
	for i, k := range m.keys {
		if !k.own && k.from <= at && at < k.to && (best == nobody || k.from > m.keys[best].from) {
			best = i
		}
	}
	return int16(best)
}

// office is the network of a group at a moment.
func (g *group) office(at int64) int {
	for _, v := range slices.Backward(g.moves) {
		if v.from <= at && at < v.to {
			return v.net
		}
	}
	return g.net
}

// page resolves a page.
func (m *Maker) page(name string, p *drill.Page) (*page, error) {
	w := &page{name: name, whose: p.Whose, does: p.Does, book: p.Book, rows: max(1, p.Rows.At(m.scale))}
	w.log = slices.Index(m.s.Logs.Names, p.Log)
	for _, it := range p.Items {
		w.items |= 1 << slices.Index(m.s.Items.Names, it)
	}
	if w.items == 0 {
		w.whose = ""
	}
	switch m.logs[w.log].kind {
	case "nginx":
		return w, w.request(p.Request)
	case "cloudtrail":
		return w, w.object(p.Object)
	}
	names := strings.Split(p.Table, ".")
	if w.database = names[0]; len(names) < 3 {
		return w, nil
	}
	w.schema, w.table, w.route = names[1], names[2], "TABLE "+p.Table
	if w.account = "column.id"; w.items == 0 {
		w.account = ""
	}
	for i, it := range m.s.Items.Names {
		if w.items>>i&1 == 0 {
			continue
		}
		list := p.Columns[it]
		if len(list) == 0 {
			list = []string{it}
		}
		for _, c := range list {
			k := slices.Index(w.columns, c)
			if k < 0 {
				w.columns, w.held = append(w.columns, c), append(w.held, 0)
				k = len(w.columns) - 1
			}
			w.held[k] |= 1 << i
		}
	}
	if len(w.columns) == 0 {
		w.columns, w.held = []string{"id"}, []uint32{0}
	}
	return w, m.sameTable(w)
}

// sameTable checks that a table means one thing on all of its pages: what a column
// holds, and who stands behind an account.
func (m *Maker) sameTable(w *page) error {
	for _, o := range m.pages {
		if o.route != w.route {
			continue
		}
		if o.book != w.book && o.items != 0 && w.items != 0 {
			return fmt.Errorf("book is said of one page of this table, and not of the other")
		}
		for i, c := range w.columns {
			if k := slices.Index(o.columns, c); k >= 0 && o.held[k] != w.held[i] {
				return fmt.Errorf("a column of this table has other items on another page")
			}
		}
	}
	return nil
}

var variables = map[string]byte{"{account}": 'a', "{actor}": 'r', "{n}": 'n'}

// cut cuts a text at its variables.
func cut(text string) []part {
	var out []part
	for text != "" {
		at, found := len(text), ""
		for v := range variables {
			if i := strings.Index(text, v); i >= 0 && i < at {
				at, found = i, v
			}
		}
		if at > 0 {
			out = append(out, part{text: text[:at]})
		}
		if found != "" {
			out = append(out, part{what: variables[found]})
		}
		text = text[min(len(text), at+len(found)):]
	}
	return out
}

// request resolves method and path. In the catalog a variable is a whole segment, or
// the value of a parameter.
func (w *page) request(text string) error {
	method, uri, _ := strings.Cut(text, " ")
	w.method, w.parts = method, cut(uri)
	path, query, _ := strings.Cut(uri, "?")
	route, account, err := template(path)
	if err != nil {
		return err
	}
	for q := range strings.SplitSeq(query, "&") {
		if name, v, _ := strings.Cut(q, "="); v == "{account}" {
			account = "query." + name
		}
	}
	w.route, w.account = method+" "+route, account
	switch w.whose {
	case "":
		w.account = ""
	case "actor":
		w.account = "actor"
	case "list":
		w.account = "list"
	case "nobody":
		w.account = "none"
	default:
		if account == "" {
			return fmt.Errorf("{account} is neither a segment of the path nor a parameter")
		}
	}
	return nil
}

// template makes the route of a path, in which no variable has the name of another.
func template(path string) (route, account string, err error) {
	used := map[string]int{}
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if variables[s] == 0 {
			if strings.ContainsAny(s, "{}") {
				return "", "", fmt.Errorf("a variable is a whole segment: {account}, {actor} or {n}")
			}
			continue
		}
		name := strings.Trim(s, "{}")
		if used[name]++; used[name] > 1 {
			segments[i] = fmt.Sprintf("{%s%d}", name, used[name])
		}
		if name == "account" {
			account = "path.account"
		}
	}
	return strings.Join(segments, "/"), account, nil
}

// object resolves bucket and key. An account that is only the beginning of the key's
// last part, as in m1000042.pdf, is found by its stem.
func (w *page) object(text string) error {
	if w.does == "sign_in" {
		return nil
	}
	bucket, k, _ := strings.Cut(text, "/")
	w.bucket, w.parts = bucket, cut(k)
	last := k[strings.LastIndexByte(k, '/')+1:]
	stem, ending, _ := strings.Cut(last, ".")
	path := "/aws/s3/GetObject/" + text
	byStem := ending != "" && strings.ContainsAny(last, "{}")
	if byStem {
		if variables[stem] == 0 {
			return fmt.Errorf("a variable is a whole part of a key, or its last part up to a dot")
		}
		path = strings.TrimSuffix(path, last) + "{n}"
	}
	route, account, err := template(path)
	if err != nil {
		return err
	}
	if byStem && stem == "{account}" {
		account = "query.stem"
	}
	w.route, w.account = "GET "+route, account
	switch {
	case w.whose == "":
		w.account = ""
	case w.whose == "nobody":
		w.account = "none"
	case account == "":
		return fmt.Errorf("there is no {account} that a catalog could find")
	}
	return nil
}

// local gives the day since 1970, the hour of the day and the weekday in the scenario's
// zone.
func (m *Maker) local(at int64) (date int64, hourOfDay int, weekday time.Weekday) {
	t := time.UnixMilli(at).In(m.s.Location())
	_, offset := t.Zone()
	return (at/1000 + int64(offset)) / 86400, t.Hour(), t.Weekday()
}
