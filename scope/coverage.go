package scope

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
)

// Gap is a silence of a source longer than its declared cadence: what happened
// then is not known. It is never counted as "nothing".
type Gap struct {
	Source string `json:"source"`
	From   string `json:"from"`
	To     string `json:"to"`
	Kind   string `json:"kind"` // "cadence"
}

// SourceCoverage is what is known about the completeness of one source.
type SourceCoverage struct {
	Source  string `json:"source"`
	Records int64  `json:"records"` // in all, not only matching ones
	First   string `json:"first"`
	Last    string `json:"last"`
	Cadence string `json:"cadence,omitempty"`
	// Coverage is "unknown" when nobody declared a cadence, "complete" when it
	// was never broken within the span asked for, else "gaps".
	Coverage  string `json:"coverage"`
	Gaps      int    `json:"gaps"`
	Malformed int64  `json:"-"`
}

const (
	coverageUnknown  = "unknown"
	coverageComplete = "complete"
	coverageGaps     = "gaps"
)

// maxGaps bounds the list; the number per source is exact all the same.
const maxGaps = 1000

type activity struct {
	records     int64
	first, last event.Millis
	minutes     []*roaring.Bitmap
}

// coverage reads, from every segment, when each source had records, and finds
// the silences longer than its cadence. Activity is kept by the minute, so a
// cadence finer than that is judged by the minute.
func (p *plan) coverage(e *Extent, zone *time.Location) error {
	acts := map[string]*activity{}
	for _, r := range p.view.Segments() {
		info, err := r.Info()
		if err != nil {
			return err
		}
		for name, s := range info.Sources {
			a := acts[name]
			if a == nil {
				a = &activity{first: s.MinTime, last: s.MaxTime}
				acts[name] = a
			}
			a.records += s.Records
			a.first, a.last = min(a.first, s.MinTime), max(a.last, s.MaxTime)
			a.minutes = append(a.minutes, s.Minutes)
		}
	}
	// A source that is declared and never sent anything is a gap as a whole.
	if p.catalog != nil {
		for i := range p.catalog.Sources {
			s := &p.catalog.Sources[i]
			if acts[s.Name] == nil && s.Cadence > 0 {
				acts[s.Name] = &activity{}
			}
		}
	}
	names := make([]string, 0, len(acts))
	for n := range acts {
		names = append(names, n)
	}
	slices.Sort(names)
	e.Coverage = []SourceCoverage{}
	for _, name := range names {
		a := acts[name]
		c := SourceCoverage{Source: name, Records: a.records, Coverage: coverageUnknown}
		if a.records > 0 {
			c.First, c.Last = stamp(a.first, zone), stamp(a.last, zone)
		}
		var src *catalog.Source
		if p.catalog != nil {
			src, _ = p.catalog.Source(name)
		}
		if src != nil && src.Cadence > 0 {
			c.Cadence = src.Cadence.String()
			from, to := a.first, a.last
			if p.from != catalog.Always {
				from = p.from
			}
			if p.to != catalog.Never {
				to = p.to
			}
			gaps := silences(a, src.Cadence, from, to)
			c.Gaps, c.Coverage = len(gaps), coverageComplete
			if len(gaps) > 0 || a.records == 0 {
				c.Coverage = coverageGaps
			}
			for _, g := range gaps {
				if len(e.Gaps) < maxGaps {
					e.Gaps = append(e.Gaps, Gap{name, stamp(g[0], zone), stamp(g[1], zone), "cadence"})
				}
			}
		}
		e.Coverage = append(e.Coverage, c)
	}
	return nil
}

const minuteMillis = 60_000

// silences finds the stretches of [from, to] without an active minute that are
// longer than cadence.
func silences(a *activity, cadence time.Duration, from, to event.Millis) [][2]event.Millis {
	var out [][2]event.Millis
	limit := event.Millis(cadence.Milliseconds())
	at := from // everything up to here is accounted for
	all := roaring.FastOr(a.minutes...)
	it := all.Iterator()
	if from > 0 {
		it.AdvanceIfNeeded(uint32(from / minuteMillis))
	}
	for it.HasNext() {
		start := event.Millis(it.Next()) * minuteMillis
		if start > to {
			break
		}
		if start-at > limit {
			out = append(out, [2]event.Millis{at, start})
		}
		at = max(at, start+minuteMillis)
	}
	if to-at > limit {
		out = append(out, [2]event.Millis{at, to})
	}
	return out
}

// limits collects what the answer could not tell.
func (p *plan) limits(e *Extent, t *tally) {
	add := func(code, ko, en string) { e.Limits = append(e.Limits, Limit{code, ko, en}) }
	if p.catalog == nil {
		add("no_catalog",
			"카탈로그가 등록되지 않아 어떤 경로에 어떤 개인정보 항목이 있는지 알 수 없습니다.",
			"No catalog is installed, so it is not known which routes return which items.")
	}
	if len(p.registers) == 0 {
		add("no_register",
			"회원대장이 없어 실제로 있는 계정과 없는 계정을 가릴 수 없습니다. 계정 수는 기록에 나타난 모든 계정의 수입니다.",
			"There is no register, so accounts that exist cannot be told from accounts that do not. All accounts named are counted.")
	}
	if len(p.holdings) == 0 {
		add("no_holdings",
			"보유현황이 없어 계정 소유자만 사람으로 셌고, 항목이 비어 있었는지와 주소록에 있는 다른 사람은 알 수 없습니다.",
			"There are no holdings: only account holders are counted as people; whether an item was empty, and who else stands in an address book, is not known.")
	} else if p.catalog != nil {
		if t.missing != 0 {
			list := strings.Join(p.catalog.ItemNames(t.missing), ", ")
			add("items_not_in_holdings",
				"보유현황에 다음 항목이 없어 그 항목이 조회된 사람의 수를 알 수 없습니다: "+list,
				"The holdings do not speak of these items, so for how many people they were shown is not known: "+list)
		}
	}
	if e.AccountsWithoutHoldings > 0 {
		n := e.AccountsWithoutHoldings
		add("accounts_without_holdings",
			fmt.Sprintf("계정 %d개는 보유현황에 없어 누구의 정보인지 알 수 없습니다.", n),
			fmt.Sprintf("%d account(s) have no line in the holdings: whose data they hold is not known.", n))
	}
	if len(e.Editions.Nearest) > 0 {
		list := strings.Join(e.Editions.Nearest, ", ")
		add("nearest_edition",
			"일부 조회 시점에 시행 중인 판이 없어 가장 가까운 판을 썼습니다: "+list,
			"For some reads no edition was in force yet, and the nearest was used: "+list)
	}
	if e.Unresolved.Records > 0 {
		add("unresolved",
			fmt.Sprintf("조회 %d건은 누구의 정보인지 기록에 없습니다(반환 %d행). 위 계정과 사람의 수에 들어 있지 않습니다.", e.Unresolved.Records, e.Unresolved.Rows),
			fmt.Sprintf("%d read(s) do not say whose data they returned (%d rows). They are in no count of accounts or people.", e.Unresolved.Records, e.Unresolved.Rows))
	}
	if e.Unmapped.Records > 0 {
		add("unmapped",
			fmt.Sprintf("기록 %d건의 경로가 카탈로그에 없습니다. 그 경로에 개인정보가 있었다면 위의 수는 실제보다 적습니다.", e.Unmapped.Records),
			fmt.Sprintf("%d record(s) are on routes the catalog does not know. If those return personal data, the counts are too low.", e.Unmapped.Records))
	}
	if t.malformed {
		add("malformed",
			"일부 기록에 형식에 맞지 않는 식별자가 있어 저장하지 않았습니다. 그 식별자는 어느 수에도 들어 있지 않습니다.",
			"Some of these records hold ids that do not fit the catalog's account pattern; those were not kept and are in no count.")
	}
	if p.rest > 0 {
		add("groups",
			fmt.Sprintf("구분이 %d개를 넘어, 기록이 적은 %d개는 한 줄로 합쳤습니다.", maxGroups, p.rest),
			fmt.Sprintf("There are more than %d groups: the %d with the fewest records share one line.", maxGroups, p.rest))
	}
	if len(e.Gaps) > 0 {
		add("gaps",
			fmt.Sprintf("기록이 끊긴 구간이 %d곳 있습니다. 그동안의 접속은 알 수 없습니다.", len(e.Gaps)),
			fmt.Sprintf("There are %d gap(s) in the record. What happened then is not known.", len(e.Gaps)))
	}
	var undeclared []string
	for _, c := range e.Coverage {
		if c.Coverage == coverageUnknown {
			undeclared = append(undeclared, c.Source)
		}
	}
	if len(undeclared) > 0 {
		list := strings.Join(undeclared, ", ")
		add("coverage_unknown",
			"수집 주기가 선언되지 않아 기록이 빠졌는지 알 수 없는 출처: "+list,
			"No cadence is declared for these sources, so whether records are missing is not known: "+list)
	}
	if at := p.view.RetainedFrom(); at > 0 && (p.from == catalog.Always || p.from < at) {
		add("retained",
			"보관기간이 지나 파기된 기록이 있습니다. 다음 시점 이전은 알 수 없습니다: "+stamp(at, time.UTC),
			"Records were destroyed by retention; nothing is known of the time before "+stamp(at, time.UTC))
	}
}
