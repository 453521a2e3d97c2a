package scope

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/haetae/haetae/internal/plural"
)

// SourceShare is what one source says of an answer. Accounts, people and items of
// several sources overlap: somebody whom the web server and the database both name is
// one person. Records and reads do not: a page that asked the database for a row left
// a record in each log, which is two reads, since nothing in either says that they are one.
type SourceShare struct {
	Source   string `json:"source"`
	Records  int64  `json:"records"`
	Reads    int64  `json:"reads"`
	Accounts int64  `json:"accounts"`
	People   int64  `json:"people"`
	// AccountsOnly and PeopleOnly are those of whom no other source of the answer
	// knows; null where more sources have reads than it is counted for.
	AccountsOnly *int64 `json:"accounts_only"`
	PeopleOnly   *int64 `json:"people_only"`
	// Items counts, per item, the people for whom this source says it was shown.
	Items      map[string]int64 `json:"items"`
	Unresolved Unresolved       `json:"unresolved"`
}

// maxAlone is for how many sources it is counted who is known by one alone: it takes
// a run without each. A variable for the tests.
var maxAlone = 8

// sourceTally counts the records of one source.
type sourceTally struct{ records, reads int64 }

// sources divides an answer among the sources it is known by. Where all reads are of
// one source, which is usual, it costs nothing; else the reads are gone through once
// more, by source. Whoever several sources may know is found by leaving out one at a
// time: whoever the others do not know is known by it alone.
func (p *plan) sources(ctx context.Context, q Query, t *tally, e *Extent) error {
	out := []SourceShare{}
	var readers []int
	for name, n := range t.sources {
		out = append(out, SourceShare{Source: name, Records: n.records, Reads: n.reads, Items: map[string]int64{}, AccountsOnly: new(int64), PeopleOnly: new(int64)})
	}
	slices.SortFunc(out, func(a, b SourceShare) int { return strings.Compare(a.Source, b.Source) })
	for i := range out {
		if out[i].Reads > 0 {
			readers = append(readers, i)
		}
	}
	e.Sources = out
	switch len(readers) {
	case 0:
		return nil
	case 1:
		s := &out[readers[0]]
		p.share(s, &t.counts[0])
		*s.AccountsOnly, *s.PeopleOnly = s.Accounts, s.People
		return nil
	}
	reads := func(name string) bool { return t.sources[name].reads > 0 }
	_, by, err := p.part(ctx, q, "source", reads)
	if err != nil {
		return err
	}
	accounts, people := int64(0), int64(0)
	for _, i := range readers {
		s := &out[i]
		g, ok := by.groups[byPrefix+s.Source]
		if !ok {
			return fmt.Errorf("more than %d sources have reads", maxGroups)
		}
		p.share(s, &by.counts[g])
		accounts, people = accounts+s.Accounts, people+s.People
	}
	whole := &t.counts[0]
	overlap := accounts != whole.accounts || people != whole.people
	if overlap && len(readers) > max(2, maxAlone) {
		e.Limits = append(e.Limits, Limit{
			"sources",
			fmt.Sprintf("조회가 있는 로그가 %d개보다 많아, 한 로그에만 있는 정보주체의 수를 산정하지 않았습니다. 특정 로그에 대해서는 조건에 source != \"로그 이름\"을 더하여 전체와 비교하십시오.", maxAlone),
			plural.Sprintf("More than %d sources have reads, so how many people are known by one alone was not counted. For one of them, ask again with source != \"its name\" and compare.", maxAlone),
		})
	}
	for _, i := range readers {
		s := &out[i]
		switch {
		case !overlap: // nobody is in two
			*s.AccountsOnly, *s.PeopleOnly = s.Accounts, s.People
		case len(readers) == 2:
			o := &out[readers[0]]
			if o == s {
				o = &out[readers[1]]
			}
			*s.AccountsOnly, *s.PeopleOnly = whole.accounts-o.Accounts, whole.people-o.People
		case len(readers) > maxAlone:
			s.AccountsOnly, s.PeopleOnly = nil, nil
		case s.Accounts > 0:
			_, others, err := p.part(ctx, q, "", func(name string) bool { return name != s.Source && reads(name) })
			if err != nil {
				return err
			}
			c := &others.counts[0]
			*s.AccountsOnly, *s.PeopleOnly = whole.accounts-c.accounts, whole.people-c.people
		}
	}
	return nil
}

// part asks the question again of some sources.
func (p *plan) part(ctx context.Context, q Query, by string, of func(source string) bool) (*plan, *tally, error) {
	some, err := newPlan(p.view, Query{Where: q.Where, From: q.From, To: q.To, By: by, Zone: q.Zone, anyWord: q.anyWord})
	if err != nil {
		return nil, nil, err
	}
	some.ofSource = of
	t, err := some.run(ctx, q.Workers)
	return some, t, err
}

// share fills in what was counted of one source.
func (p *plan) share(s *SourceShare, c *counts) {
	s.Accounts, s.People, s.Items = c.accounts, c.people, p.itemCounts(c)
	s.Unresolved = Unresolved{c.unresolved, c.unresolvedRows.told, c.unresolvedRows.untold}
}
