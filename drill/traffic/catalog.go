package traffic

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Catalog describes the logs of the scenario as one who runs the service would: which
// log has what, which page shows which items, and whose. A log is found by a file name
// that begins with its name.
func (m *Maker) Catalog() []byte {
	var b bytes.Buffer
	p := &m.s.Population
	fmt.Fprintf(&b, "# %s\nversion: 1\nzone: %s\n", m.s.ID, m.s.Zone)
	digits := fmt.Sprintf("{%d}", p.Digits)
	if ghosts := m.mostGhosts(); len(fmt.Sprint(m.people.Highest(ghosts))) > p.Digits {
		digits = fmt.Sprintf("{%d,}", p.Digits)
	}
	fmt.Fprintf(&b, "account: {pattern: %q, member_types: [member]}\n", p.Prefix+"[0-9]"+digits)
	if len(m.s.Items.Names) == 0 {
		b.WriteString("items: {}\n")
	} else {
		b.WriteString("items:\n")
	}
	for i, it := range m.s.Items.All() {
		fmt.Fprintf(&b, "  %s: {ko: %q, en: %q, class: %s}\n", m.s.Items.Names[i], it.KO, it.EN, it.Class)
	}
	b.WriteString("sources:\n")
	logs := slices.Clone(m.logs)
	slices.SortStableFunc(logs, func(x, y *writtenLog) int { return len(y.name) - len(x.name) })
	for _, l := range logs {
		m.source(&b, l)
	}
	b.WriteString("routes:\n")
	m.routes(&b)
	return b.Bytes()
}

func (m *Maker) mostGhosts() (n int64) {
	for _, p := range m.phases {
		n = max(n, p.ghosts)
	}
	return n
}

func (m *Maker) source(b *bytes.Buffer, l *writtenLog) {
	fmt.Fprintf(b, "  %s:\n    match: %q\n", l.name, l.name+"*")
	if d, err := time.ParseDuration(l.cadence); err == nil && d >= time.Minute {
		fmt.Fprintf(b, "    cadence: %dm\n", int(d.Minutes())) // catalogs have no 1h30m
	}
	switch l.kind {
	case "pgaudit":
		b.WriteString("    format: pgaudit\n    zone: UTC\n    set: {actor.type: staff}\n")
		m.databaseActors(b, l)
	case "cloudtrail":
		b.WriteString("    format: cloudtrail\n    actor_types: {IAMUser: staff, AssumedRole: service, AWSService: service, AWSAccount: partner}\n")
	default:
		b.WriteString("    format: json\n    fields:\n")
		for _, f := range [...]string{
			"time: time", "id: request_id", "actor.id: actor_id", "actor.type: actor_type", "credential.key: key_id", "credential.token: token_id",
			"client.ip: remote_addr", "client.agent: http_user_agent", "client.country: country", "method: request_method", "uri: request_uri",
			"status: status", "rows: data_rows", "subjects: data_subjects",
		} {
			fmt.Fprintf(b, "      %s\n", f)
		}
	}
}

// databaseActors says which users of a database are no staff.
func (m *Maker) databaseActors(b *bytes.Buffer, l *writtenLog) {
	on := func(pg int) bool { return pg >= 0 && m.logs[m.pages[pg].log] == l }
	heading := "    actors:\n"
	for i, g := range m.groups {
		takes := false
		for _, v := range m.visits {
			takes = takes || v.group == i && (on(v.signIn) || slices.ContainsFunc(v.steps, func(s step) bool { return on(s.page) }))
		}
		for _, p := range m.phases {
			takes = takes || p.group == i && slices.ContainsFunc(append(slices.Clone(p.main), p.loose...), func(r reads) bool { return on(r.page) })
		}
		if i == 0 || g.kind == "staff" || !takes {
			continue
		}
		for k := range g.count {
			fmt.Fprintf(b, "%s      %s: %s\n", heading, g.appendID(nil, k), g.kind)
			heading = ""
		}
	}
}

func (m *Maker) routes(b *bytes.Buffer) {
	written := map[string]bool{}
	aws, database := false, false
	for _, p := range m.pages {
		switch m.logs[p.log].kind {
		case "pgaudit":
			database = true
			if p.route != "" && !written[p.route] {
				m.tableRoute(b, p.route)
			}
		case "cloudtrail":
			if aws = true; p.route != "" && !written[p.route] {
				m.pathRoute(b, p)
			}
		default:
			if !written[p.route] {
				m.pathRoute(b, p)
			}
		}
		written[p.route] = true
	}
	if database {
		b.WriteString("  - {route: \"ANY /postgresql/*\", items: []}\n")
	}
	if aws {
		b.WriteString("  - {route: POST /aws/signin/ConsoleLogin, items: [], action: sign_in}\n  - {route: \"ANY /aws/sts/*\", items: [], action: issue}\n")
	}
}

func (m *Maker) pathRoute(b *bytes.Buffer, p *page) {
	fmt.Fprintf(b, "  - route: %q\n    items: [%s]\n", p.route, strings.Join(m.itemNames(p.items), ", "))
	if p.items != 0 {
		fmt.Fprintf(b, "    account: %s\n", p.account)
		if p.book {
			b.WriteString("    shows: people_behind_account\n")
		}
	}
	if p.does != "" {
		fmt.Fprintf(b, "    action: %s\n", p.does)
	}
}

// tableRoute describes a table by all of its pages.
func (m *Maker) tableRoute(b *bytes.Buffer, route string) {
	var columns []string
	held := map[string]uint32{}
	var any uint32
	book := false
	for _, p := range m.pages {
		if p.route != route {
			continue
		}
		for i, c := range p.columns {
			if _, ok := held[c]; !ok {
				columns = append(columns, c)
			}
			held[c] |= p.held[i]
		}
		any |= p.items
		book = book || p.book
	}
	fmt.Fprintf(b, "  - route: %q\n    items: []\n", route)
	if any == 0 {
		return
	}
	b.WriteString("    account: column.id\n    columns:\n")
	for _, c := range columns {
		fmt.Fprintf(b, "      %s: [%s]\n", c, strings.Join(m.itemNames(held[c]), ", "))
	}
	if book {
		b.WriteString("    shows: people_behind_account\n")
	}
}

func (m *Maker) itemNames(mask uint32) []string {
	var out []string
	for i, n := range m.s.Items.Names {
		if mask>>i&1 != 0 {
			out = append(out, n)
		}
	}
	return out
}
