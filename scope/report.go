package scope

import (
	"cmp"
	"slices"
	"strings"

	"github.com/haetae/haetae/internal/plural"
)

// What a report says beside the sums: by item, by line of --by, on which editions
// it rests, where it was decided.

func (p *plan) itemCounts(c *counts) map[string]int64 {
	out := map[string]int64{}
	if p.catalog == nil {
		return out
	}
	for i, it := range p.catalog.Items {
		if c.items[i] > 0 {
			out[it.Name] = c.items[i]
		}
	}
	return out
}

func (p *plan) ghostCount(c *counts) *int64 {
	if len(p.registers) == 0 {
		return nil
	}
	n := c.ghosts
	return &n
}

func (p *plan) editionsOf(e *Extent, t *tally) {
	e.Editions = Editions{Decoded: []uint32{}, Register: []string{}, Holdings: []string{}}
	for n := range t.editions {
		e.Editions.Decoded = append(e.Editions.Decoded, n)
	}
	slices.Sort(e.Editions.Decoded)
	e.Editions.Installed = Installed{[]string{}, []string{}}
	for _, r := range p.registers {
		e.Editions.Installed.Register = append(e.Editions.Installed.Register, r.Name())
	}
	for _, h := range p.holdings {
		e.Editions.Installed.Holdings = append(e.Editions.Installed.Holdings, h.Name())
	}
	for i, r := range p.registers {
		if t.registers[int16(i)] {
			e.Editions.Register = append(e.Editions.Register, r.Name())
		}
	}
	for i, h := range p.holdings {
		if t.holdings[int16(i)] {
			e.Editions.Holdings = append(e.Editions.Holdings, h.Name())
		}
	}
	if t.nearest[1] {
		e.Editions.Nearest = append(e.Editions.Nearest, "holdings")
	}
	if t.nearest[0] {
		e.Editions.Nearest = append(e.Editions.Nearest, "register")
	}
	if p.catalog == nil {
		return
	}
	e.Editions.Catalog = p.catalog.Edition
	for name := range e.Items {
		bit, _ := p.catalog.ItemBit(name)
		e.Known[name] = Basis{How: "declared", Catalog: p.catalog.Edition, Corrected: t.added.Has(bit)}
	}
}

func (p *plan) groupRows(t *tally, e *Extent) []GroupRow {
	out := []GroupRow{}
	if p.byItem && p.catalog != nil {
		for i, it := range p.catalog.Items {
			if t.byItem.records[i] == 0 {
				continue
			}
			n := e.Items[it.Name]
			row := GroupRow{
				Value: it.Name, Records: t.byItem.records[i], Reads: t.byItem.reads[i], Accounts: t.byItem.accounts[i],
				People: n, Items: map[string]int64{},
			}
			if n > 0 {
				row.Items[it.Name] = n
			}
			out = append(out, row)
		}
	}
	for i, name := range t.names {
		if i == 0 {
			continue
		}
		c := &t.counts[i]
		row := GroupRow{
			Value: strings.TrimPrefix(name, byPrefix), Records: c.records, Reads: c.reads, Accounts: c.accounts, People: c.people,
			Items: p.itemCounts(c), Ghosts: p.ghostCount(c),
		}
		switch {
		case name == restGroup:
			row.Rest = p.rest
		case p.by.name == "actor":
			row.Value, row.Pseudonym = labelOf(row.Value), row.Value
		}
		out = append(out, row)
	}
	chronological := p.by != nil && (p.by.name == "day" || p.by.name == "hour" || p.by.name == "month")
	slices.SortFunc(out, func(a, b GroupRow) int {
		if a.Rest != b.Rest {
			return cmp.Compare(a.Rest, b.Rest) // last
		}
		if !chronological {
			if a.People != b.People {
				return int(b.People - a.People)
			}
			if a.Records != b.Records {
				return int(b.Records - a.Records)
			}
		}
		return strings.Compare(a.Value, b.Value)
	})
	return out
}

// The levels at which a part of a predicate is decided.
var levelWords = []phrase{
	{"한 행씩", "row by row"},
	{"묶음마다 한 번, 아니면 행의 시각으로", "once per group, else by the row's time"},
	{"순번으로, 세션 또는 계정마다", "by ordinal, per session or account"},
	{"발급된 토큰의 집합으로, 세션마다", "by the set of tokens issued, per session"},
	{"같은 형태(shape)마다 한 번", "once per shape"},
	{"접속지마다 한 번", "once per place of access"},
	{"사용자 에이전트마다 한 번", "once per user agent"},
}

// levels says where each part of the predicate is decided.
func (p *Predicate) levels() []string {
	var out []string
	for _, l := range p.leaves {
		where := 0
		switch {
		case l.timeOp != "":
			where = 1
		case l.pseudo == issued:
			where = 3
		case l.pseudo != plain:
			where = 2
		case l.levels&^levelShape == 0:
			where = 4
		case l.levels == levelClient:
			where = 5
		case l.levels == levelAgent:
			where = 6
		}
		text := l.text
		if l.pseudo != plain && l.pseudo != issued {
			text = plural.Sprintf("%s compared with %d ids", l.names[0], len(l.ids)+len(l.hashes))
		}
		out = append(out, text+": "+levelWords[where].en)
	}
	return out
}

// LevelKorean says a line of Explain.Levels for a Korean reader.
func LevelKorean(line string) string {
	for _, w := range levelWords {
		if rest, ok := strings.CutSuffix(line, ": "+w.en); ok {
			field, ids, of := strings.Cut(rest, " compared with ")
			n, what, _ := strings.Cut(ids, " ")
			if of && (what == "id" || what == "ids") {
				rest = field + ", 식별자 " + n + "개와 비교"
			}
			return rest + ": " + w.ko
		}
	}
	return line
}
