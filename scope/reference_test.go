package scope_test

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/scope"
)

// The reference answers a question by walking over all records, with maps and
// loops and nothing clever. It defines what the numbers mean.
type reference struct {
	w    *world
	last *madeCatalog
	recs []event.Record // as decoded, one per world.records

	actorName func(*event.Record) string // the whole pseudonym, as --by actor tells one
	issued    map[event.TokenID]bool     // tokens that somebody was given
	people    map[string]map[string]bool // of the last count: who, and which items
	accounts  map[string]bool
}

func (w *world) reference(cats []*catalog.Catalog) *reference {
	r := &reference{w: w, last: w.catalogs[len(w.catalogs)-1], issued: map[event.TokenID]bool{}}
	for i := range w.records {
		m := &w.records[i]
		rec := w.decoded(m, cats[m.catalog])
		if (rec.Action == event.ActionSignIn || rec.Action == event.ActionIssue) && (rec.Status == 0 || rec.Status/100 == 2) && rec.Credential.Token != "" {
			r.issued[rec.Credential.Token] = true
		}
		r.recs = append(r.recs, rec)
	}
	return r
}

func (c *madeCatalog) at(template int, t event.Millis) *madeAnswer {
	for i := range c.answers[template] {
		if a := &c.answers[template][i]; (a.from == 0 || a.from <= t) && (a.until == 0 || t < a.until) {
			return a
		}
	}
	return nil
}

func fits(id string) bool {
	if len(id) != 5 || id[0] != 'm' {
		return false
	}
	for _, c := range id[1:] {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// actor is the actor's id, if it was kept.
func kept(r *event.Record) string {
	if r.Actor.Type == event.Member && !fits(string(r.Actor.ID)) {
		return ""
	}
	return string(r.Actor.ID)
}

// subjects are the accounts a record is about, by the catalog that answers.
func subjects(r *event.Record, a *madeAnswer) []string {
	var stored []string
	for _, s := range r.Subjects {
		if fits(string(s)) {
			stored = append(stored, string(s))
		}
	}
	is := func(p event.Position) []string {
		if r.Position == p {
			return stored
		}
		return nil
	}
	if a == nil { // the line names them all the same
		if len(stored) == 0 && r.Lifted != "" {
			return []string{string(r.Lifted)}
		}
		return stored
	}
	switch a.position {
	case "actor":
		if r.Actor.Type == event.Member && kept(r) != "" {
			return []string{kept(r)}
		}
	case "path.member":
		if !r.Mapped && r.Lifted != "" {
			return []string{string(r.Lifted)}
		}
		return is(event.PositionPath)
	case "query.id":
		return is(event.PositionQuery)
	case "list":
		return is(event.PositionList)
	}
	return nil
}

// match is a record that a question finds.
type match struct {
	rec      *event.Record
	made     *madeRecord
	answer   *madeAnswer // nil = unmapped
	route    string
	items    []string
	subjects []string // those the question is about
	named    int      // whom the record names in all
	read     bool
}

func (x *reference) find(q question, from, to event.Millis) []match {
	var out []match
	for i := range x.recs {
		r := &x.recs[i]
		if from != 0 && r.Time < from || to != 0 && r.Time >= to {
			continue
		}
		m := match{rec: r, made: &x.w.records[i], route: r.Route}
		if m.made.opening {
			m.answer = nil
		} else if m.answer = x.last.at(m.made.template, r.Time); m.answer != nil {
			m.route, m.items = templates[m.made.template].route, m.answer.items
			m.read = len(m.items) > 0 && (r.Status == 0 || r.Status/100 == 2)
		}
		v := values{rec: r, route: m.route, items: m.items, actor: kept(r), issued: x.issued[r.Credential.Token]}
		all := subjects(r, m.answer)
		m.named = len(all)
		hit := false
		if m.named == 0 {
			hit = q.test(&v)
		}
		for _, s := range all {
			v.account = s
			if q.test(&v) {
				hit = true
				m.subjects = append(m.subjects, s)
			}
		}
		if hit {
			out = append(out, m)
		}
	}
	return out
}

// numbers are the counts of some matches.
type numbers struct {
	records, reads, accounts, people int64
	items                            map[string]int64
	ghosts                           int64
	unregistered, without            int64
	unresolved                       scope.Unresolved
	partly                           scope.PartlyNamed
	byItem                           map[string]*scope.GroupRow
	routes, unmapped                 map[string]int64
	registers, holdings              map[int]bool // used
	nearest                          map[string]bool
	missing                          bool
}

func (x *reference) count(ms []match) numbers {
	w := x.w
	n := numbers{items: map[string]int64{}, routes: map[string]int64{}, unmapped: map[string]int64{}, registers: map[int]bool{}, holdings: map[int]bool{}, nearest: map[string]bool{}}
	n.byItem = map[string]*scope.GroupRow{}
	accountsOf := map[string]map[string]bool{} // by item
	accounts, unregistered, ghosts := map[string]bool{}, map[string]bool{}, map[string]bool{}
	held := map[string]bool{}
	people := map[string]map[string]bool{}
	show := func(person, item string) {
		if people[person] == nil {
			people[person] = map[string]bool{}
		}
		people[person][item] = true
	}
	// exists tells whether the register in force has the account.
	exists := func(a string, at event.Millis) bool {
		if len(w.registers) == 0 {
			return true
		}
		k, exact := inForce(len(w.registers), func(i int) event.Millis { return w.registers[i].from }, at)
		n.registers[k] = true
		if !exact {
			n.nearest["register"] = true
		}
		return w.registers[k].has[a]
	}
	for _, m := range ms {
		n.records++
		at := m.rec.Time
		if m.answer == nil && !m.made.opening {
			n.unmapped[m.route]++
		}
		for _, it := range m.items {
			if n.byItem[it] == nil {
				n.byItem[it], accountsOf[it] = &scope.GroupRow{Value: it}, map[string]bool{}
			}
			n.byItem[it].Records++
			if m.read {
				n.byItem[it].Reads++
			}
		}
		if m.rec.Actor.Type == event.Member && kept(m.rec) != "" && !exists(kept(m.rec), at) {
			ghosts[kept(m.rec)] = true
		}
		if !m.read {
			continue
		}
		n.reads++
		n.routes[m.route]++
		if m.named == 0 {
			n.unresolved.Records++
			n.unresolved.Rows += int64(max(0, m.rec.Rows))
			if m.rec.Rows < 0 {
				n.unresolved.RowsUnknown++
			}
		}
		if over := int(m.rec.Rows) - m.named; m.named > 0 && m.answer.position == "list" && over > 0 {
			n.partly.Records++
			n.partly.Rows += int64(over)
		}
		for _, s := range m.subjects {
			var h *madeHoldings
			if len(w.holdings) > 0 {
				k, exact := inForce(len(w.holdings), func(i int) event.Millis { return w.holdings[i].from }, at)
				h = &w.holdings[k]
				n.holdings[k] = true
				if !exact {
					n.nearest["holdings"] = true
				}
				known := map[string]bool{}
				for _, l := range h.lines {
					for _, it := range l.Items {
						known[it] = true
					}
				}
				for _, it := range m.items {
					n.missing = n.missing || !known[it]
				}
			}
			if !exists(s, at) {
				unregistered[s] = true
				continue
			}
			accounts[s] = true
			for _, it := range m.items {
				accountsOf[it][s] = true
			}
			if h == nil {
				for _, it := range m.items {
					show(s, it)
				}
				continue
			}
			// Lines of one account and person are one.
			holder := map[string]bool{}
			for _, l := range h.lines {
				if string(l.Account) == s {
					held[s] = true
					holder[string(l.Person)] = holder[string(l.Person)] || l.Holder
				}
			}
			for _, l := range h.lines {
				if string(l.Account) != s || !m.answer.behind && !holder[string(l.Person)] {
					continue
				}
				for _, it := range m.items {
					if slices.Contains(l.Items, it) {
						show(string(l.Person), it)
					}
				}
			}
		}
	}
	n.accounts, n.unregistered, n.ghosts = int64(len(accounts)), int64(len(unregistered)), int64(len(ghosts))
	if len(w.holdings) > 0 {
		for a := range accounts {
			if !held[a] {
				n.without++
			}
		}
	}
	n.people = int64(len(people))
	x.people, x.accounts = people, accounts
	for _, items := range people {
		for it := range items {
			n.items[it]++
		}
	}
	for it, row := range n.byItem {
		row.Accounts, row.People, row.Items = int64(len(accountsOf[it])), n.items[it], map[string]int64{}
		if row.People > 0 {
			row.Items[it] = row.People
		}
	}
	return n
}

// inForce is the rule for dated editions: the last that began, else the first; of
// those with one date the last.
func inForce(n int, from func(int) event.Millis, at event.Millis) (int, bool) {
	for i := n - 1; i >= 0; i-- {
		if from(i) <= at {
			return i, true
		}
	}
	first := 0
	for i := range n {
		if from(i) == from(0) {
			first = i
		}
	}
	return first, false
}

// extent is the whole answer, as scope.Run gives it.
func (x *reference) extent(q question, from, to, now event.Millis, by string, edition uint32) *scope.Extent {
	w := x.w
	ms := x.find(q, from, to)
	n := x.count(ms)
	e := &scope.Extent{
		Where: q.text, Records: n.records, Reads: n.reads, Accounts: n.accounts, People: n.people, Items: n.items,
		Unregistered: n.unregistered, Unresolved: n.unresolved, PartlyNamed: n.partly, Routes: n.routes, AccountsWithoutHoldings: n.without,
		Known: map[string]scope.Basis{}, Gaps: []scope.Gap{}, Coverage: []scope.SourceCoverage{}, Limits: []scope.Limit{},
	}
	ghosts := func(n numbers) *int64 {
		if len(w.registers) == 0 {
			return nil
		}
		return &n.ghosts
	}
	e.Ghosts = ghosts(n)
	if from != 0 {
		s := moment(from)
		e.From = &s
	}
	if to != 0 {
		s := moment(to)
		e.To = &s
	}
	e.Unmapped.Routes = []scope.RouteCount{}
	for r, k := range n.unmapped {
		e.Unmapped.Records += k
		e.Unmapped.Routes = append(e.Unmapped.Routes, scope.RouteCount{Route: r, Records: k})
	}
	sort.Slice(e.Unmapped.Routes, func(i, j int) bool {
		a, b := e.Unmapped.Routes[i], e.Unmapped.Routes[j]
		return a.Records > b.Records || a.Records == b.Records && a.Route < b.Route
	})
	e.Editions = scope.Editions{Catalog: edition, Decoded: []uint32{}, Register: []string{}, Holdings: []string{}}
	if len(ms) > 0 {
		first, last := ms[0].rec.Time, ms[0].rec.Time
		for _, m := range ms {
			first, last = min(first, m.rec.Time), max(last, m.rec.Time)
			if !slices.Contains(e.Editions.Decoded, m.rec.Edition) {
				e.Editions.Decoded = append(e.Editions.Decoded, m.rec.Edition)
			}
		}
		slices.Sort(e.Editions.Decoded)
		e.Span = &scope.Span{First: moment(first), Last: moment(last)}
	}
	for _, r := range w.registers {
		e.Editions.Installed.Register = append(e.Editions.Installed.Register, r.name)
	}
	for _, h := range w.holdings {
		e.Editions.Installed.Holdings = append(e.Editions.Installed.Holdings, h.name)
	}
	for i, r := range w.registers {
		if n.registers[i] {
			e.Editions.Register = append(e.Editions.Register, r.name)
		}
	}
	for i, h := range w.holdings {
		if n.holdings[i] {
			e.Editions.Holdings = append(e.Editions.Holdings, h.name)
		}
	}
	e.Editions.Nearest = slices.Sorted(maps.Keys(n.nearest))
	for it := range n.items {
		b := scope.Basis{How: "declared", Catalog: edition}
		for _, m := range ms {
			if !m.read || !slices.Contains(m.items, it) {
				continue
			}
			then := w.catalogs[m.made.catalog].at(m.made.template, m.rec.Time)
			b.Corrected = b.Corrected || then == nil || !slices.Contains(then.items, it)
		}
		e.Known[it] = b
	}
	x.coverage(e, from, to, now)
	limit := func(is bool, code string) {
		if is {
			e.Limits = append(e.Limits, scope.Limit{Code: code})
		}
	}
	limit(len(w.registers) == 0, "no_register")
	limit(len(w.holdings) == 0, "no_holdings")
	limit(n.missing, "items_not_in_holdings")
	limit(n.without > 0, "accounts_without_holdings")
	limit(len(n.nearest) > 0, "nearest_edition")
	limit(n.unresolved.Records > 0, "unresolved")
	limit(e.Unmapped.Records > 0, "unmapped")
	limit(n.partly.Records > 0, "partly_named")
	limit(x.absent(q, from, to), "field_absent")
	limit(x.unseen(q, from, to), "marks_not_seen")
	limit(strings.Contains(q.text, "\"stafff\""), "value_unseen")
	limit(slices.ContainsFunc(e.Coverage, func(c scope.SourceCoverage) bool { return c.Records == 0 }), "no_records")
	limit(len(e.Gaps) > 0, "gaps")
	limit(slices.ContainsFunc(e.Coverage, func(c scope.SourceCoverage) bool { return c.Coverage == "unknown" }), "coverage_unknown")
	if by == "" {
		return e
	}
	e.By = []scope.GroupRow{}
	if by == "item" {
		for _, row := range n.byItem {
			e.By = append(e.By, *row)
		}
	} else {
		groups := map[string][]match{}
		for _, m := range ms {
			v := x.dimension(by, m)
			groups[v] = append(groups[v], m)
		}
		names := slices.Collect(maps.Keys(groups))
		sort.Slice(names, func(i, j int) bool {
			a, b := names[i], names[j]
			return len(groups[a]) > len(groups[b]) || len(groups[a]) == len(groups[b]) && a < b
		})
		line := func(v string, g []match, rest int) {
			n := x.count(g)
			name := ""
			if by == "actor" && v != "" && v != "…" {
				v, name = "p:"+v[:16], v
			}
			e.By = append(e.By, scope.GroupRow{Value: v, Pseudonym: name, Records: n.records, Reads: n.reads, Accounts: n.accounts, People: n.people, Items: n.items, Ghosts: ghosts(n), Rest: rest})
		}
		var rest []match
		for i, v := range names {
			if i < scope.MaxGroups() {
				line(v, groups[v], 0)
			} else {
				rest = append(rest, groups[v]...)
			}
		}
		if k := len(names) - scope.MaxGroups(); k > 0 {
			line("…", rest, k)
			limit(true, "groups")
		}
	}
	sort.Slice(e.By, func(i, j int) bool {
		a, b := e.By[i], e.By[j]
		switch {
		case a.Rest != b.Rest:
			return a.Rest < b.Rest
		case by == "day" || by == "hour" || by == "month":
		case a.People != b.People:
			return a.People > b.People
		case a.Records != b.Records:
			return a.Records > b.Records
		}
		return a.Value < b.Value
	})
	return e
}

var dimensions = []string{"route", "item", "day", "hour", "month", "key", "client", "source", "status", "action", "country", "network", "agent", "actor", "actor_type"}

func (x *reference) dimension(by string, m match) string {
	switch by {
	case "route":
		return m.route
	case "day":
		return m.rec.Time.Time().Format("2006-01-02")
	case "hour":
		return m.rec.Time.Time().Format("2006-01-02T15")
	case "month":
		return m.rec.Time.Time().Format("2006-01")
	case "key":
		return (&values{rec: m.rec}).key()
	case "client":
		return (&values{rec: m.rec}).ip()
	case "source":
		return m.rec.Source
	case "status":
		return fmt.Sprint(m.rec.Status)
	case "action":
		return m.rec.Action.String()
	case "country":
		return m.rec.Client.Country
	case "network":
		return m.rec.Client.Network
	case "agent":
		return m.rec.Client.Agent
	case "actor":
		if kept(m.rec) == "" {
			return ""
		}
		return x.actorName(m.rec)
	}
	return m.rec.Actor.Type
}

func moment(m event.Millis) string { return m.Time().Format("2006-01-02T15:04:05.000Z07:00") }

// absent tells whether the question is about a field that no record of the span
// has, when there are records.
func (x *reference) unseen(q question, from, to event.Millis) bool {
	if !strings.Contains(q.text, "marks") {
		return false
	}
	need := 0 // editions below lack a rule that is named
	for n, id := range []string{"r1", "r2", "r3"} {
		if strings.Contains(q.text, strconv.Quote(id)) {
			need = n + 1
		}
	}
	return slices.ContainsFunc(x.recs, func(r event.Record) bool {
		in := (from == 0 || r.Time >= from) && (to == 0 || r.Time < to)
		return in && r.Source != "haetae" && int(r.Looked) < max(1, need)
	})
}

func (x *reference) absent(q question, from, to event.Millis) bool {
	has := map[string]func(*event.Record) bool{
		"marks":             func(r *event.Record) bool { return r.Looked != 0 },
		"status":            func(r *event.Record) bool { return r.Status != 0 },
		"rows":              func(r *event.Record) bool { return r.Rows >= 0 },
		"actor.id":          func(r *event.Record) bool { return kept(r) != "" },
		"actor.type":        func(r *event.Record) bool { return r.Actor.Type != "" },
		"credential.key":    func(r *event.Record) bool { return (&values{rec: r}).key() != "" },
		"credential.token":  func(r *event.Record) bool { return r.Credential.Token != "" },
		"credential.issued": func(r *event.Record) bool { return r.Credential.Token != "" },
		"client.ip":         func(r *event.Record) bool { return r.Client.IP.IsValid() },
		"client.agent":      func(r *event.Record) bool { return r.Client.Agent != "" },
		"client.country":    func(r *event.Record) bool { return r.Client.Country != "" },
		"client.network":    func(r *event.Record) bool { return r.Client.Network != "" },
	}
	some, missing := false, false
	for name, of := range has {
		if !strings.Contains(q.text, name) {
			continue
		}
		found := false
		for i := range x.recs {
			r := &x.recs[i]
			if from != 0 && r.Time < from || to != 0 && r.Time >= to {
				continue
			}
			some = true
			found = found || of(r)
		}
		missing = missing || !found
	}
	return some && missing
}

// coverage finds silences by the minute.
func (x *reference) coverage(e *scope.Extent, from, to, now event.Millis) {
	horizon := now
	minutes := map[string]map[event.Millis]bool{}
	first, last, records := map[string]event.Millis{}, map[string]event.Millis{}, map[string]int64{}
	for i := range x.recs {
		r := &x.recs[i]
		s := r.Source
		if s == "haetae" {
			continue
		}
		horizon = max(horizon, r.Time)
		if minutes[s] == nil {
			minutes[s] = map[event.Millis]bool{}
			first[s], last[s] = r.Time, r.Time
		}
		minutes[s][r.Time/60_000] = true
		first[s], last[s] = min(first[s], r.Time), max(last[s], r.Time)
		records[s]++
	}
	for s, d := range x.w.cadence {
		if d > 0 && minutes[s] == nil {
			minutes[s] = map[event.Millis]bool{}
		}
	}
	for _, s := range slices.Sorted(maps.Keys(minutes)) {
		c := scope.SourceCoverage{Source: s, Records: records[s], Coverage: "unknown"}
		if records[s] > 0 {
			c.First, c.Last = moment(first[s]), moment(last[s])
		}
		if d := x.w.cadence[s]; d > 0 {
			c.Cadence, c.Coverage = d.String(), "complete"
			lo, hi := first[s], horizon
			if from != 0 {
				lo = from
			}
			if to != 0 && (now == 0 || to < now || to < horizon) {
				hi = to
			}
			at := lo
			silence := func(until event.Millis) {
				if records[s] == 0 && from == 0 {
					return // nothing says when it begins
				}
				if time.Duration(until-at)*time.Millisecond > d {
					kind := "cadence"
					if now != 0 && until == now && (to == 0 || to > now) {
						kind = "silent"
					}
					c.Gaps++
					e.Gaps = append(e.Gaps, scope.Gap{Source: s, From: moment(at), To: moment(until), Kind: kind})
				}
			}
			for _, m := range slices.Sorted(maps.Keys(minutes[s])) {
				begin := m * 60_000
				if begin+60_000 <= lo || begin > hi {
					continue
				}
				silence(begin)
				at = max(at, begin+60_000)
			}
			silence(hi)
			if c.Gaps > 0 || records[s] == 0 {
				c.Coverage = "gaps"
			}
		}
		e.Coverage = append(e.Coverage, c)
	}
}
