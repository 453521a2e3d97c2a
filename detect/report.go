package detect

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/digits"
	"github.com/haetae/haetae/internal/plural"
	"github.com/haetae/haetae/rule"
	"github.com/haetae/haetae/scope"
)

// Extent is what a question brings up: the numbers of a signal.
type Extent struct {
	Reads, Accounts, People int64
	Items                   map[string]int64
}

// Asker answers a predicate over [from, to).
type Asker func(ctx context.Context, where string, from, to event.Millis) (Extent, error)

// Report is what a run has found and what it could not look at.
type Report struct {
	Signals []Signal `json:"signals"`
	// Rules are the correlations and single rules that ran. LiveOnly are the rules
	// among their parts that are decided while a line is at hand, with how much of the
	// record they have looked at. NotRun are correlations that ask of each record
	// what it does not hold.
	Rules    []string   `json:"rules"`
	LiveOnly []LiveOnly `json:"live_only,omitempty"`
	NotRun   []string   `json:"not_run,omitempty"`
	// Elsewhere are rules on other logs, which look at no access record at all.
	Elsewhere []string `json:"elsewhere,omitempty"`
	// EmptyLists are lists that rules look at and nobody has filled, so that what
	// these rules look for could not be seen.
	EmptyLists []string `json:"empty_lists,omitempty"`
	// Learning are the rules by which nothing is high yet, at the last record.
	Learning []Learning `json:"learning,omitempty"`
	First    string     `json:"first,omitempty"` // of the records looked at
	Last     string     `json:"last,omitempty"`
	Rows     int64      `json:"rows"`
	// Late records came after the watermark and are not in these signals.
	Late   int64  `json:"late"`
	Losses []Loss `json:"losses"`

	// What the record itself could not tell within the span that was asked for: when
	// sources were silent, reads that name nobody, and routes the catalog does not know.
	Gaps       []scope.Gap            `json:"gaps"`
	Coverage   []scope.SourceCoverage `json:"coverage"`
	Unresolved scope.Unresolved       `json:"unresolved"`
	Unmapped   scope.Unmapped         `json:"unmapped"`
}

// Loss is what a rule could not decide.
type Loss struct {
	Rule    string      `json:"rule"`
	Rules   []string    `json:"rules,omitempty"` // where they are several, all of them
	Cause   string      `json:"cause"`
	Source  string      `json:"source,omitempty"` // whose lines are missing
	Feed    string      `json:"feed,omitempty"`   // that was too old
	Text    Text        `json:"text"`
	Records int64       `json:"records"` // 0 where they are missing, and so cannot be counted
	First   string      `json:"first"`
	Last    string      `json:"last"`
	Spans   [][2]string `json:"spans,omitempty"`
}

func (e *Engine) stamp(t event.Millis) string {
	return t.Time().In(e.zone).Format("2006-01-02T15:04:05.000Z07:00")
}

// Report collects the signals, their extents asked of ask.
func (e *Engine) Report(ctx context.Context, ask Asker) (*Report, error) {
	rep := &Report{Signals: []Signal{}, Losses: []Loss{}, LiveOnly: e.live.report(e), NotRun: e.notRun, Elsewhere: e.elsewhere, EmptyLists: e.emptyLists, Learning: e.Learning(), Rows: e.rows, Late: e.late}
	if e.newest != catalog.Always {
		rep.First, rep.Last = e.stamp(e.began), e.stamp(e.newest)
	}
	for _, c := range e.correlations {
		rep.Rules = append(rep.Rules, c.doc.Key())
		for _, f := range c.findings {
			s, err := e.signal(ctx, f, ask)
			if err != nil {
				return nil, err
			}
			rep.Signals = append(rep.Signals, *s)
		}
	}
	for _, l := range e.lossList() {
		rep.Losses = append(rep.Losses, l)
		rep.Signals = append(rep.Signals, coverageLost(l))
	}
	slices.SortFunc(rep.Signals, func(a, b Signal) int {
		if c := cmp.Compare(b.Severity, a.Severity); c != 0 {
			return c
		}
		return cmp.Or(strings.Compare(a.ReachedAt, b.ReachedAt), strings.Compare(a.ID, b.ID))
	})
	return rep, nil
}

// HasChanged tells whether any finding or loss has grown since Changed.
func (e *Engine) HasChanged() bool {
	for _, c := range e.correlations {
		for _, f := range c.findings {
			if f.changed {
				return true
			}
		}
	}
	for _, l := range e.losses {
		if l.changed {
			return true
		}
	}
	return e.missed || e.live.changed
}

// Changed gives the signals that have grown since it last gave them. due says of a
// signal, by its id and severity so far, whether it is to be told now; one that is
// not stays changed.
func (e *Engine) Changed(ctx context.Context, due func(id string, level Severity) bool, ask Asker) ([]Signal, error) {
	var out []Signal
	for _, c := range e.correlations {
		for _, f := range c.findings {
			if !f.changed {
				continue
			}
			group, err := e.groupOf(f)
			if err != nil {
				return nil, err
			}
			if !due(SignalID(c.id, group), f.level) {
				continue
			}
			s, err := e.signal(ctx, f, ask)
			if err != nil {
				return nil, err
			}
			f.changed = false
			out = append(out, *s)
		}
	}
	lost := e.missed || e.live.changed
	e.live.changed = false
	for _, l := range e.losses {
		lost = lost || l.changed
		l.changed = false
	}
	if e.missed = false; lost {
		for _, x := range e.lossList() {
			if s := coverageLost(x); due(s.ID, s.Severity) {
				out = append(out, s)
			} else {
				e.missed = true
			}
		}
	}
	slices.SortFunc(out, func(a, b Signal) int { return strings.Compare(a.ID, b.ID) })
	return out, nil
}

// Rules counts the correlations and single rules that run, the live-only rules among
// their parts, and correlations that ask for what no record holds.
func (e *Engine) Rules() (run, liveOnly, notRun int) {
	return len(e.correlations), len(e.live.used), len(e.notRun)
}

// Totals counts rows looked at, groups held, and records that came after the
// watermark.
func (e *Engine) Totals() (rows, groups, late int64) {
	for _, c := range e.correlations {
		groups += int64(c.groups.n)
	}
	return e.rows, groups, e.late
}

// groupOf names a finding's group.
func (e *Engine) groupOf(f *finding) (map[string]string, error) {
	group := map[string]string{}
	for i, k := range f.corr.group {
		if f.key[i] == 0 {
			continue
		}
		t, err := e.text(k, f.key[i])
		if err != nil {
			return nil, err
		}
		group[f.corr.names[i]] = t
	}
	return group, nil
}

func (e *Engine) signal(ctx context.Context, f *finding, ask Asker) (*Signal, error) {
	c := f.corr
	s := &Signal{
		Rule: c.doc.Key(), Title: titleOf(c.doc), Severity: f.level, First: e.stamp(f.first), Last: e.stamp(f.last),
		Items: map[string]int64{}, Status: Open, Reached: f.reached, ReachedAt: e.stamp(f.at), Tags: c.doc.Tags, Episodes: e.episodes(f),
	}
	var err error
	if s.Group, err = e.groupOf(f); err != nil {
		return nil, err
	}
	s.ID, s.Standing = SignalID(c.id, s.Group), c.kind == rule.Custody
	if s.Where, s.Exact, err = e.where(f); err != nil {
		return nil, err
	}
	if ask != nil {
		x, err := ask(ctx, s.Where, f.first, f.last+1)
		if err != nil {
			return nil, fmt.Errorf("extent of signal %s: %w", s.ID, err)
		}
		s.Reads, s.Accounts, s.People = x.Reads, x.Accounts, x.People
		if x.Items != nil {
			s.Items = x.Items
		}
		s.Severity = max(s.Severity, e.levelOf(c, s, f))
	}
	s.Reason = e.reason(c, f, s)
	var calendars []string
	if x := c.doc.Haetae; x != nil {
		calendars = x.Calendars
	}
	s.Calendar = e.o.Calendar.Over(f.first, f.last, calendars)
	if s.Exception, s.Beyond = e.exceptionFor(c, f, s); s.Exception != nil {
		s.Status = Suppressed
	}
	return s, nil
}

// levelOf is the severity by the numbers of people that the extent has.
func (e *Engine) levelOf(c *correlation, s *Signal, f *finding) Severity {
	l := Informational
	for _, st := range c.ladder[1:] {
		var n int64
		switch st.of {
		case "reads":
			n = s.Reads
		case "accounts":
			n = s.Accounts
		case "people":
			n = s.People
		case "items":
			n = int64(len(s.Items))
		default:
			continue
		}
		if holds(st.bounds, float64(n)) {
			l = max(l, st.level)
		}
	}
	if x, ok := c.filter.(*issuance); ok && x.reaches(f.last) || e.learns(c, f.last) {
		l = min(l, Medium)
	}
	return l
}

// titleOf takes the title in both languages; a rule's title is one text, and its
// Korean stands behind " / " where its author wrote one.
func titleOf(d *rule.Document) Text {
	en, ko, ok := strings.Cut(d.Title, " / ")
	if !ok {
		ko = en
	}
	return Text{KO: ko, EN: en}
}

// reason fills the rule's sentences with the numbers.
func (e *Engine) reason(c *correlation, f *finding, s *Signal) Text {
	count := digits.Decimal(f.reached)
	// A unit follows the number in Korean, so that its "at least" stands before it.
	countKO := count
	if c.countsValues() && f.reached >= float64(e.o.MaxValues) {
		count, countKO = "at least "+count, "최소 "+count
	}
	value := func(korean bool) func(string) string {
		return func(name string) string {
			if field, ok := strings.CutPrefix(name, "group."); ok {
				switch v := s.Group[c.groupName(field)]; {
				case v != "":
					return plural.Value(v)
				case korean:
					return "없음"
				}
				return "none"
			}
			one := plural.One
			if korean {
				one = plural.Value
			}
			switch name {
			case "count":
				if korean {
					return countKO
				}
				return one(count)
			case "percent":
				return digits.Percent(f.reached)
			case "reads":
				return one(digits.Grouped(s.Reads))
			case "accounts":
				return one(digits.Grouped(s.Accounts))
			case "people":
				return one(digits.Grouped(s.People))
			case "items":
				return itemList(s.Items, func(id string) string { return e.itemName(id, korean) })
			case "first":
				return f.first.Time().In(e.zone).Format("2006-01-02 15:04")
			case "last":
				return f.last.Time().In(e.zone).Format("2006-01-02 15:04")
			case "min":
				return one(digits.Grouped(c.typ.Min))
			}
			return ""
		}
	}
	if x := c.doc.Haetae; x != nil && x.Reason.EN.String() != "" {
		return Text{KO: x.Reason.KO.Render(value(true)), EN: plural.Settle(x.Reason.EN.Render(value(false)))}
	}
	t := titleOf(c.doc)
	return Text{
		KO: fmt.Sprintf("%s: 도달값 %s, 조회 %s건, 정보주체 %s명", t.KO, countKO, digits.Grouped(s.Reads), digits.Grouped(s.People)),
		EN: plural.Sprintf("%s: reached %s; %s reads of %s people", t.EN, count, digits.Grouped(s.Reads), digits.Grouped(s.People)),
	}
}

// itemName is what the catalog of the world, if it has one, calls an item.
func (e *Engine) itemName(id string, korean bool) string {
	w, ok := e.world.(interface{ Catalog() *catalog.Catalog })
	if !ok || w.Catalog() == nil {
		return id
	}
	bit, ok := w.Catalog().ItemBit(id)
	switch item := w.Catalog().Items; {
	case !ok:
		return id
	case korean:
		return item[bit].KO
	default:
		return item[bit].EN
	}
}

func itemList(items map[string]int64, name func(id string) string) string {
	names := make([]string, 0, len(items))
	for n := range items {
		names = append(names, n)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(items[b], items[a]), strings.Compare(a, b))
	})
	for i, n := range names {
		names[i] = name(n) + " " + digits.Grouped(items[n])
	}
	return strings.Join(names, ", ")
}

var lossTexts = map[cause]Text{
	stateFull:    {"탐지 엔진의 한도에 도달하여 일부 기록을 판단하지 못하였습니다", "a bound of the engine was reached, so some records were not looked at"},
	episodesFull: {"한 탐지의 발생 구간이 보관 한도를 넘어, 가장 이른 구간들을 그 사이의 기록까지 포함하여 하나로 합쳤습니다", "a signal has more episodes than are kept: the earliest are told as one, with what lies between them"},
	issuerSilent: {"로그인 기록이 설정한 기록 주기보다 오래 끊겨, 그 사이의 토큰이 정상 발급되었는지 판단하지 못하였습니다", "no sign-in was logged for longer than the cadence, so tokens of that time could not be decided"},
	noRegister:   {"회원대장이 없어 실재하는 회원인지 판단하지 못하였습니다", "there is no register, so whether a member exists could not be decided"},
	registerOld:  {"회원대장이 오래되어, 실재하지 않는 회원인지 기준일 이후에 가입한 회원인지 판단하지 못하였습니다", "the register is too old to tell members who joined since from members who do not exist"},
	spaceFull:    {"서로 다른 값의 수가 한도를 넘어 일부 기록을 판단하지 못하였습니다", "there were more distinct texts or addresses than are told apart, so some records were not looked at"},
	notInForce:   {"이 규칙이 적용되기 전에 수집된 기록이어서, 원본 로그에만 있던 내용을 확인하지 못하였습니다", "these records were taken in before the rule was in force, so what only their lines said was never looked at"},
	lostFile:     {"수집 중이던 %s 로그 파일이 다 읽히기 전에 없어져, 그 사이의 접속은 어느 규칙도 살펴보지 못하였습니다", "a followed log of %s was gone before it was read to its end, so no rule saw what happened meanwhile"},
	feedStale:    {"외부 연계(%s)가 정해진 기한 안에 갱신되지 않아, 이를 쓰는 규칙은 그 기간을 판단하지 못하였습니다", "the feed %s was older than it may be, so the rules that rest on it could not decide that time"},
	removed:      {"%s 메시지가 읽히기 전에 Kafka에서 삭제되어, 그 사이의 접속은 어느 규칙도 살펴보지 못하였습니다", "messages of %s were removed from Kafka before they were read, so no rule saw what happened meanwhile"},
	cutFile:      {"수집 중이던 %s 로그 파일이 다 읽히기 전에 잘려, 그 사이의 접속은 어느 규칙도 살펴보지 못하였습니다", "a followed log of %s was cut before it was read to its end, so no rule saw what happened meanwhile"},
}

func (e *Engine) lossList() []Loss {
	var out []Loss
	out = append(out, e.missingList()...)
	out = append(out, e.staleList()...)
	out = append(out, e.live.losses(e)...)
	for k, l := range e.losses {
		x := Loss{Rule: k.c.doc.Key(), Cause: string(k.cause), Text: lossTexts[k.cause], Records: l.records, First: e.stamp(l.first), Last: e.stamp(l.last)}
		slices.SortFunc(l.spans, func(a, b [2]event.Millis) int { return cmp.Compare(a[0], b[0]) })
		for _, s := range l.spans {
			x.Spans = append(x.Spans, [2]string{e.stamp(s[0]), e.stamp(s[1])})
		}
		out = append(out, x)
	}
	slices.SortStableFunc(out, func(a, b Loss) int {
		return cmp.Or(strings.Compare(a.Rule, b.Rule), strings.Compare(a.Cause, b.Cause))
	})
	return out
}

// coverageLost makes a loss a signal: what was not looked at is never silent.
func coverageLost(l Loss) Signal {
	s := Signal{
		Rule: "coverage-lost", Title: Text{KO: "탐지 공백", EN: "coverage lost"}, Severity: Low,
		Group: map[string]string{"rule": l.Rule, "cause": l.Cause}, First: l.First, Last: l.Last, ReachedAt: l.First,
		Items: map[string]int64{}, Status: Open, Reached: float64(l.Records),
		Reason: Text{
			KO: fmt.Sprintf("규칙 %s: %s (기록 %s건)", l.Rule, l.Text.KO, digits.Grouped(l.Records)),
			EN: plural.Sprintf("rule %s: %s (%s records)", l.Rule, l.Text.EN, digits.Grouped(l.Records)),
		},
	}
	if l.Cause == string(stateFull) || l.Cause == string(spaceFull) {
		s.Severity = Medium
	}
	if l.Cause == string(episodesFull) { // which counts no records
		s.Reason = Text{KO: fmt.Sprintf("규칙 %s: %s", l.Rule, l.Text.KO), EN: fmt.Sprintf("rule %s: %s", l.Rule, l.Text.EN)}
	}
	if l.Feed != "" {
		// Named by the feed alone: which rules rest on it changes with the rules.
		s.Severity, s.Reached = Medium, float64(len(l.Spans))
		s.Group = map[string]string{"cause": l.Cause, "feed": l.Feed}
		s.Reason = Text{
			KO: fmt.Sprintf("규칙 %s: %s (%s ~ %s, %d구간)", l.Rule, l.Text.KO, l.First, l.Last, len(l.Spans)),
			EN: plural.Sprintf("rule %s: %s (%s to %s, spans: %d)", l.Rule, l.Text.EN, l.First, l.Last, len(l.Spans)),
		}
	}
	if l.Source != "" {
		s.Severity, s.Reached = Medium, float64(len(l.Spans))
		s.Group["source"] = l.Source
		s.Reason = Text{
			KO: fmt.Sprintf("%s (%s ~ %s, %d곳)", l.Text.KO, l.First, l.Last, len(l.Spans)),
			EN: plural.Sprintf("%s (%s to %s, gaps: %d)", l.Text.EN, l.First, l.Last, len(l.Spans)),
		}
	}
	s.ID = SignalID(s.Rule, s.Group)
	return s
}

// Watermark is the moment before which everything is decided; zero while there was
// no record.
func (e *Engine) Watermark() time.Time {
	if e.newest == catalog.Always {
		return time.Time{}
	}
	return e.watermark.Time()
}
