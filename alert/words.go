package alert

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/internal/digits"
	"github.com/haetae/haetae/internal/plural"
)

// text is a message in one language, before a channel gives it its form.
type text struct {
	title string      // one line: subject of a mail, heading in Slack
	lead  string      // why this comes now; may be empty
	rows  [][2]string // label and value
	note  string      // what a signal is not
}

// texts are the message in the languages of a channel.
func (m message) texts(l Language, personal bool) []text {
	switch l {
	case Korean:
		return []text{m.korean(personal)}
	case English:
		return []text{m.english(personal)}
	}
	return []text{m.korean(personal), m.english(personal)}
}

var severityKO = [...]string{"참고", "낮음", "보통", "높음", "심각"}

func (m message) korean(personal bool) text {
	s := m.signal
	status := map[detect.Status]string{detect.Open: "미확인", detect.Acknowledged: "담당자 확인", detect.Suppressed: "예외 처리", detect.Withdrawn: "철회"}[m.status()]
	if status == "" {
		status = "미확인"
	}
	severity := severityKO[min(int(s.Severity), len(severityKO)-1)]
	t := text{note: "탐지는 개인정보 유출이 확인되었다는 뜻이 아닙니다. 조회 범위를 확인한 뒤 유출 여부를 판단하십시오."}
	tag := severity
	switch {
	case m.test:
		tag, t.lead = "시험", "알림 설정을 확인하기 위한 시험 메시지입니다. 실제 탐지가 아닙니다."
		t.note = ""
	case m.status() == detect.Withdrawn:
		tag, t.lead = severity+", 철회", "현재의 기록과 규칙으로 다시 판단한 결과 더 이상 탐지되지 않아 이 탐지를 철회합니다. 늦게 도착한 기록, 변경된 규칙·명단, 보관기간이 지나 파기된 기록 등이 원인일 수 있습니다."
		t.note = "철회는 조회가 없었다는 뜻이 아닙니다. 이미 대응을 시작하였다면 조회 범위를 다시 확인한 뒤 종료하십시오."
	case m.status() == detect.Acknowledged:
		tag, t.lead = severity+", 담당자 확인", "담당자가 확인하여 단계별 알림을 중단하였습니다."
	case m.step > 0:
		tag = severity + ", 미확인"
		t.lead = fmt.Sprintf("확인한 담당자가 없어 %d단계 알림을 보냅니다(미확인 경과 시간: %s).", m.step, durationKO(m.open))
		if m.nobody {
			t.lead += fmt.Sprintf(" 당직(%s)에 지정된 사람이 없어 모든 채널로 알립니다.", m.role)
		} else if m.role != "" {
			t.lead += fmt.Sprintf(" 당직: %s.", m.role)
		}
		if m.every > 0 {
			t.lead += fmt.Sprintf(" 담당자가 확인할 때까지 %s마다 다시 알립니다.", durationKO(m.every))
		}
	}
	t.title = fmt.Sprintf("[해태] [%s] %s", tag, line(s.Title.KO, s.Title.EN, s.Rule))
	if s.People > 0 {
		t.title += fmt.Sprintf(" (정보주체 %s명)", digits.Grouped(s.People))
	}
	t.rows = [][2]string{
		{"심각도", severity}, {"상태", status}, {"탐지 규칙", line(s.Rule)},
		{"최초 조회", m.when(s.First)}, {"최근 조회", m.when(s.Last)},
		{"조회 건수", digits.Grouped(s.Reads) + "건"}, {"계정 수", digits.Grouped(s.Accounts) + "개"}, {"정보주체 수", digits.Grouped(s.People) + "명"},
	}
	if v := m.people("명", func(x detect.Text) string { return line(x.KO, x.EN) }); v != "" {
		t.rows = append(t.rows, [2]string{"항목별 정보주체 수", v})
	}
	if personal {
		t.rows = append(t.rows, m.details([...]string{"탐지 사유", "구분 값", "조회 조건", "진행 중인 일정", "예외", "확인자", "확인 메모"}, func(x detect.Text) string { return line(x.KO, x.EN) })...)
	}
	if m.link != "" {
		t.rows = append(t.rows, [2]string{"자세히 보기", m.link})
	}
	return t
}

func (m message) english(personal bool) text {
	s := m.signal
	t := text{note: "A signal is not a confirmed leak. Look at the extent before you decide whether it is one."}
	tag := s.Severity.String()
	switch {
	case m.test:
		tag, t.lead = "test", "This is a test of the alert settings. Nothing was detected."
		t.note = ""
	case m.status() == detect.Withdrawn:
		tag, t.lead = tag+", withdrawn", "By the records and rules as they are now, this is no longer found, and is withdrawn. Records that came late, changed rules or lists, or records destroyed at the end of their retention can be why."
		t.note = "Withdrawn does not mean that nobody read anything. If you have begun to act on it, look at the extent again before you stop."
	case m.status() == detect.Acknowledged:
		tag, t.lead = tag+", acknowledged", "Somebody has taken this. Nobody further will be called."
	case m.step > 0:
		tag += ", unacknowledged"
		t.lead = fmt.Sprintf("Nobody has acknowledged this for %s: step %d of the escalation.", durationEN(m.open), m.step)
		if m.nobody {
			t.lead += fmt.Sprintf(" Nobody is on call as %s, so every channel is told.", m.role)
		} else if m.role != "" {
			t.lead += fmt.Sprintf(" On call: %s.", m.role)
		}
		if m.every > 0 {
			t.lead += fmt.Sprintf(" It is told again every %s until somebody acknowledges it.", durationEN(m.every))
		}
	}
	t.title = fmt.Sprintf("[Haetae] [%s] %s", tag, line(s.Title.EN, s.Title.KO, s.Rule))
	if s.People > 0 {
		t.title += plural.Sprintf(" (%s people)", digits.Grouped(s.People))
	}
	t.rows = [][2]string{
		{"Severity", s.Severity.String()}, {"Status", string(m.status())}, {"Rule", line(s.Rule)},
		{"First read", m.when(s.First)}, {"Last read", m.when(s.Last)},
		{"Reads", digits.Grouped(s.Reads)}, {"Accounts", digits.Grouped(s.Accounts)}, {"People", digits.Grouped(s.People)},
	}
	if v := m.people("", func(x detect.Text) string { return line(x.EN, x.KO) }); v != "" {
		t.rows = append(t.rows, [2]string{"People by item", v})
	}
	if personal {
		t.rows = append(t.rows, m.details([...]string{"Reason", "Group", "Predicate", "Going on", "Exception", "Acknowledged by", "Their note"}, func(x detect.Text) string { return line(x.EN, x.KO) })...)
	}
	if m.link != "" {
		t.rows = append(t.rows, [2]string{"Details", m.link})
	}
	return t
}

// details are the rows that may hold personal data.
func (m message) details(labels [7]string, in func(detect.Text) string) [][2]string {
	s := m.signal
	var group, calendar []string
	for _, k := range slices.Sorted(maps.Keys(s.Group)) {
		group = append(group, line(k)+"="+line(s.Group[k]))
	}
	for _, c := range s.Calendar {
		calendar = append(calendar, in(c))
	}
	values := [7]string{in(s.Reason), strings.Join(group, ", "), line(s.Where), strings.Join(calendar, ", ")}
	if x := s.Exception; x != nil {
		values[4] = line(x.ID) + ": " + in(x.Reason) + " (" + line(x.Owner) + ", " + line(x.Until) + ")"
	}
	if m.taken != nil {
		values[5] = line(m.taken.Who) + ", " + m.clock(m.taken.At)
		values[6] = line(m.taken.Note)
	}
	var rows [][2]string
	for i, v := range values {
		if v != "" {
			rows = append(rows, [2]string{labels[i], v})
		}
	}
	return rows
}

// plain is the message as text, each language for itself.
func plain(texts []text) string {
	var b strings.Builder
	for i, t := range texts {
		if i > 0 {
			b.WriteString("\n----\n\n")
		}
		b.WriteString(t.title + "\n\n")
		if t.lead != "" {
			b.WriteString(t.lead + "\n\n")
		}
		for _, r := range t.rows {
			b.WriteString(r[0] + ": " + r[1] + "\n")
		}
		if t.note != "" {
			b.WriteString("\n" + t.note + "\n")
		}
	}
	return b.String()
}

// line is the first of the candidates that is not empty, as one line.
func line(candidates ...string) string {
	for _, s := range candidates {
		s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "?"), func(r rune) bool {
			return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
		}), " ")
		if s = strings.TrimSpace(s); s != "" {
			return s
		}
	}
	return ""
}

// when puts a time of a signal into the zone of the channel's readers. Anything
// but a time is not passed on.
func (m message) when(s string) string {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return "-"
	}
	return m.clock(t)
}

func (m message) clock(t time.Time) string {
	return t.In(m.zone).Format("2006-01-02 15:04:05 (MST)")
}

// people is how many people each item is of, the items by their names.
func (m message) people(unit string, in func(detect.Text) string) string {
	var out []string
	for _, id := range slices.Sorted(maps.Keys(m.signal.Items)) {
		out = append(out, line(in(m.items[id]), id)+" "+digits.Grouped(m.signal.Items[id])+unit)
	}
	return strings.Join(out, ", ")
}

func durationKO(d time.Duration) string { return duration(d, "일", "시간", "분", "1분 미만") }
func durationEN(d time.Duration) string { return duration(d, " d", " h", " min", "less than a minute") }

// duration names the two largest units.
func duration(d time.Duration, days, hours, minutes, less string) string {
	m := int64(d / time.Minute)
	var out []string
	for _, u := range []struct {
		n    int64
		name string
	}{{m / (24 * 60), days}, {m / 60 % 24, hours}, {m % 60, minutes}} {
		if u.n > 0 && len(out) < 2 {
			out = append(out, strconv.FormatInt(u.n, 10)+u.name)
		}
	}
	if len(out) == 0 {
		return less
	}
	return strings.Join(out, " ")
}
