package scope

import (
	"slices"
	"strings"

	"github.com/haetae/haetae/ledger/segment"
)

// unseenMarks remarks on a question about marks where some record of the time asked
// about was taken in before the rules were in force: that it has no mark of theirs
// says nothing.
func (p *plan) unseenMarks() ([]Limit, error) {
	if !p.byMarks {
		return nil, nil
	}
	var asked []string
	for _, l := range p.pred.leaves {
		for _, id := range l.marks {
			if !slices.Contains(asked, id) {
				asked = append(asked, id)
			}
		}
	}
	var failed error
	seen := map[uint32]bool{0: false} // editions that have all of them
	for _, r := range p.view.Segments() {
		shapes, err := r.Shapes()
		if err != nil {
			return nil, err
		}
		for i := range shapes {
			n := shapes[i].Looked
			if _, ok := seen[n]; ok {
				continue
			}
			if seen[n], err = p.editionHas(n, asked); err != nil {
				failed = err
			}
		}
	}
	if failed != nil {
		return nil, failed
	}
	some, err := p.anyRow(presence{shape: func(s *segment.Shape) bool { return s.Source != ownSource && !seen[s.Looked] }})
	if err != nil || !some {
		return nil, err
	}
	list := strings.Join(asked, ", ")
	return []Limit{{
		"marks_not_seen",
		"해당 기간에는 조건에 쓴 규칙이 적용되기 전에 수집된 기록이 있습니다. 그 기록에 표시가 없다는 것은 '없음'이 아니라 '확인하지 못함'을 뜻합니다: " + list,
		"Some records of the time asked about were taken in before the rules of the condition were in force; that they have no mark means \"not looked at\", not \"no match\": " + list,
	}}, nil
}

// editionHas reports whether all of some rules were in force together.
func (p *plan) editionHas(edition uint32, ids []string) (bool, error) {
	numbers, err := p.view.LiveRules(edition)
	if err != nil {
		return false, err
	}
	var has []string
	for _, n := range numbers {
		r, err := p.view.LiveRule(n)
		if err != nil {
			return false, err
		}
		has = append(has, r.ID)
	}
	return !slices.ContainsFunc(ids, func(id string) bool { return !slices.Contains(has, id) }), nil
}
