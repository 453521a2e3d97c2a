package scope

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/internal/digits"
	"github.com/haetae/haetae/internal/plural"
	"github.com/haetae/haetae/ledger"
)

// limits collects what the answer could not tell.
func (p *plan) limits(e *Extent, t *tally, zone *time.Location) {
	add := func(code, ko, en string) { e.Limits = append(e.Limits, Limit{code, ko, en}) }
	if p.catalog == nil {
		add("no_catalog",
			"카탈로그가 등록되지 않아 어떤 경로에 어떤 개인정보 항목이 있는지 알 수 없습니다.",
			"No catalog is installed, so it is not known which routes return which items.")
	}
	if len(p.registers) == 0 {
		add("no_register",
			"회원대장이 없어 실재하는 계정과 그렇지 않은 계정을 구별할 수 없습니다. 계정 수는 기록에 나타난 모든 계정의 수입니다.",
			"There is no register, so accounts that exist cannot be told from accounts that do not. All accounts named are counted.")
	}
	if len(p.holdings) == 0 {
		add("no_holdings",
			"보유현황이 없어 계정 소유자만 정보주체로 집계하였습니다. 항목이 비어 있었는지, 주소록에 다른 정보주체가 있었는지는 알 수 없습니다.",
			"There are no holdings: only account holders are counted as people; whether an item was empty, and who else stands in an address book, is not known.")
	} else if p.catalog != nil {
		if t.missing != 0 {
			list := strings.Join(p.catalog.ItemNames(t.missing), ", ")
			add("items_not_in_holdings",
				"보유현황에 다음 항목이 없어 그 항목이 조회된 정보주체의 수를 알 수 없습니다: "+list,
				"The holdings do not speak of these items, so for how many people they were shown is not known: "+list)
		}
	}
	if e.AccountsWithoutHoldings > 0 {
		n := e.AccountsWithoutHoldings
		add("accounts_without_holdings",
			fmt.Sprintf("계정 %s개는 보유현황에 없어 누구의 정보인지 알 수 없습니다.", digits.Grouped(n)),
			plural.Sprintf("%s accounts have no line in the holdings: whose data is in there is not known.", digits.Grouped(n)))
	}
	if len(e.Editions.Nearest) > 0 {
		ko := strings.NewReplacer("holdings", "보유현황", "register", "회원대장")
		list := strings.Join(e.Editions.Nearest, ", ")
		add("nearest_edition",
			"일부 조회는 그 시점에 적용되는 판이 없어 가장 가까운 판을 적용하였습니다: "+ko.Replace(list),
			"For some reads no edition was in force yet, and the nearest was used: "+list)
	}
	if u := e.Unresolved; u.Records > 0 {
		ko, en := fmt.Sprintf("반환 %s행", digits.Grouped(u.Rows)), plural.Sprintf("%s rows", digits.Grouped(u.Rows))
		switch u.RowsUnknown {
		case 0:
		case u.Records:
			ko, en = "몇 행을 반환하였는지도 기록에 없음", "nor how many rows"
		default:
			ko += fmt.Sprintf(", 그중 %s건은 몇 행인지도 기록에 없음", digits.Grouped(u.RowsUnknown))
			en += plural.Sprintf(", and %s reads do not say how many", digits.Grouped(u.RowsUnknown))
		}
		add("unresolved",
			fmt.Sprintf("조회 %s건은 누구의 정보인지 기록에 없습니다(%s). 위 계정과 정보주체의 수에 포함되지 않습니다.", digits.Grouped(u.Records), ko),
			plural.Sprintf("%s reads do not say whose data was returned (%s). That is in no count of accounts or people.", digits.Grouped(u.Records), en))
	}
	if n := e.PartlyNamed; n.Records > 0 {
		add("partly_named",
			fmt.Sprintf("조회 %s건은 로그에 적힌 계정보다 %s행을 더 반환하였습니다. 같은 계정의 다른 행인지, 적히지 않은 정보주체의 정보인지는 기록에 없습니다.", digits.Grouped(n.Records), digits.Grouped(n.Rows)),
			plural.Sprintf("%s reads returned %s rows more than accounts are listed. Whether that is more of the same accounts or of people not listed is not in the record.", digits.Grouped(n.Records), digits.Grouped(n.Rows)))
	}
	if e.Unmapped.Records > 0 {
		add("unmapped",
			fmt.Sprintf("기록 %s건의 경로가 카탈로그에 없습니다. 그 경로가 개인정보를 응답한다면 위의 수는 실제보다 적습니다.", digits.Grouped(e.Unmapped.Records)),
			plural.Sprintf("%s records are on routes the catalog does not know. If those return personal data, the counts are too low.", digits.Grouped(e.Unmapped.Records)))
	}
	if t.malformed {
		add("malformed",
			"일부 기록에 형식에 맞지 않는 식별자가 있어 저장하지 않았습니다. 그 식별자는 어느 수에도 포함되지 않습니다.",
			"Some of these records hold ids that do not fit the catalog's account pattern; those were not kept and are in no count.")
	}
	if p.rest > 0 {
		add("groups",
			fmt.Sprintf("집계 값이 %s개를 넘어, 기록이 적은 %s개는 한 줄로 합쳤습니다.", digits.Grouped(maxGroups), digits.Grouped(p.rest)),
			plural.Sprintf("There are more than %s groups: the %s with the fewest records share one line.", digits.Grouped(maxGroups), digits.Grouped(p.rest)))
	}
	e.Limits = append(e.Limits, p.sourceLimits(e.Gaps, e.Coverage, zone)...)
}

// sourceLimits are what the sources could not tell, whatever is asked of them.
func (p *plan) sourceLimits(gaps []Gap, coverage []SourceCoverage, zone *time.Location) []Limit {
	var out []Limit
	add := func(code, ko, en string) { out = append(out, Limit{code, ko, en}) }
	if len(gaps) > 0 {
		add("gaps",
			fmt.Sprintf("기록이 없는 구간이 %d곳 있습니다. 그동안의 접속은 알 수 없습니다.", len(gaps)),
			plural.Sprintf("Gaps in the record: %d. What happened then is not known.", len(gaps)))
	}
	lost, removed := map[string]int64{}, map[string]int64{}
	for _, g := range gaps {
		if g.Kind == ledger.GapLost || g.Kind == ledger.GapCut {
			lost[g.Source]++
		}
		if g.Kind == ledger.GapRemoved {
			removed[g.Source]++
		}
	}
	if n, list := perSource(removed); n > 0 {
		add("removed_messages",
			fmt.Sprintf("메시지가 읽히기 전에 Kafka에서 삭제된 구간이 %d곳 있습니다(%s). 그 메시지에 적힌 접속은 어느 수에도 포함되지 않습니다.", n, list),
			plural.Sprintf("Times at which messages were removed from Kafka before they were read: %d (%s). What they tell of is in no count.", n, list))
	}
	if n, list := perSource(lost); n > 0 {
		add("lost_lines",
			fmt.Sprintf("수집 중이던 로그 파일이 다 읽히기 전에 없어지거나 잘린 구간이 %d곳 있습니다(%s). 그 행에 적힌 접속은 어느 수에도 포함되지 않습니다.", n, list),
			plural.Sprintf("Times at which a followed log was gone or cut before it was read to its end: %d (%s). What those lines tell of is in no count.", n, list))
	}
	var undeclared []string
	for _, c := range coverage {
		if c.Cadence == "" {
			undeclared = append(undeclared, c.Source)
		}
	}
	if len(undeclared) > 0 {
		list := strings.Join(undeclared, ", ")
		add("coverage_unknown",
			"기록 주기가 설정되지 않아 기록이 빠졌는지 알 수 없는 로그: "+list,
			"No cadence is declared for these sources, so whether records are missing is not known: "+list)
	}
	var never []string
	for _, c := range coverage {
		if c.Records == 0 && c.Cadence != "" {
			never = append(never, c.Source)
		}
	}
	if len(never) > 0 {
		list := strings.Join(never, ", ")
		add("no_records",
			"기록 주기가 설정되어 있으나 기록이 하나도 없는 로그: "+list,
			"A cadence is declared for these sources, and there is not one record of them: "+list)
	}
	if at := p.view.RetainedFrom(); at > 0 && (p.from == catalog.Always || p.from < at) {
		add("retained",
			"보관기간이 지나 파기된 기록이 있습니다. 다음 시점 이전은 알 수 없습니다: "+stamp(at, zone),
			"Records were destroyed by retention; nothing is known of the time before "+stamp(at, zone))
	}
	if n, list := perSource(p.view.SetAside()); n > 0 {
		add("set_aside",
			fmt.Sprintf("로그 %s행은 읽을 수 없어 격리하였습니다(%s). 그 행의 접속은 어느 수에도 포함되지 않습니다.", digits.Grouped(n), list),
			plural.Sprintf("Lines that could not be decoded and were set aside: %s (%s). What they tell of is in no count.", digits.Grouped(n), list))
	}
	if n, list := perSource(p.view.BrokenFiles()); n > 0 {
		add("broken_file",
			fmt.Sprintf("중간에 끊기거나 손상되어 끝까지 읽지 못한 로그 파일이 %d개 있습니다(%s). 그 뒤의 접속은 어느 수에도 포함되지 않습니다.", n, list),
			plural.Sprintf("Log files that broke off before their end: %d (%s). What stood behind the break is in no count.", n, list))
	}
	return out
}

// perSource gives the sum, and the number of each source in words.
func perSource(counts map[string]int64) (n int64, list string) {
	var words []string
	for _, source := range slices.Sorted(maps.Keys(counts)) {
		if k := counts[source]; k > 0 {
			n += k
			words = append(words, source+" "+digits.Grouped(k))
		}
	}
	return n, strings.Join(words, ", ")
}
