package report

import (
	"fmt"
	"math"
	"net/url"
	"strings"
	"time"

	"github.com/haetae/haetae/drill/score"
	"github.com/haetae/haetae/internal/digits"
	"github.com/haetae/haetae/internal/plural"
)

// none stands where there is no number.
const none = "–"

// Num writes a count.
func (v *view) Num(n int64) string { return digits.Grouped(n) }

// Maybe writes a count that may be missing.
func (v *view) Maybe(n *int64) string {
	if n == nil {
		return none
	}
	return digits.Grouped(*n)
}

// Dec writes a number that may have a fraction.
func (v *view) Dec(f float64) string {
	if f > 0 && f < 0.005 {
		return "<0.01"
	}
	whole, fraction, some := strings.Cut(digits.Decimal(f), ".")
	if fraction = strings.TrimRight(fraction, "0"); some && fraction != "" {
		return whole + "." + fraction
	}
	return whole
}

// Pct writes a share. What is not all is never written as 100 %, and what is not
// nothing never as 0 %.
func (v *view) Pct(f *float64) string {
	switch {
	case f == nil:
		return none
	case *f > 0 && *f < 0.0005:
		return "<0.1%"
	}
	return digits.Percent(*f) + "%"
}

// Times writes a ratio.
func (v *view) Times(f *float64) string {
	if f == nil {
		return none
	}
	places := 1
	if *f >= 100 || *f == math.Trunc(*f) {
		places = 0
	}
	return v.Dec(math.Round(*f*math.Pow10(places))/math.Pow10(places)) + v.T("배", "×")
}

// Date and Clock write moments in the scenario's zone.
func (v *view) Date(t time.Time) string { return t.In(v.S.Location()).Format("2006-01-02") }

func (v *view) Clock(t time.Time) string { return t.In(v.S.Location()).Format("2006-01-02 15:04") }

// When is Clock, or Date where a moment is only a day.
func (v *view) When(t time.Time) string {
	if t.IsZero() {
		return none
	}
	if l := t.In(v.S.Location()); l.Hour() == 0 && l.Minute() == 0 && l.Second() == 0 {
		return v.Date(t)
	}
	return v.Clock(t)
}

// Days writes a number of days.
func (v *view) Days(d float64) string {
	n := digits.Grouped(int64(math.Round(d)))
	if d < 10 {
		n = strings.TrimSuffix(fmt.Sprintf("%.1f", d), ".0")
	}
	if v.Lang == "ko" {
		return n + "일"
	}
	return v.en("%s days", plural.One(n))
}

// After writes seconds with the two units that matter.
func (v *view) After(sec int64) string {
	d := time.Duration(sec) * time.Second
	days, hours, minutes, seconds := int64(d/(24*time.Hour)), int64(d%(24*time.Hour)/time.Hour), int64(d%time.Hour/time.Minute), int64(d%time.Minute/time.Second)
	units := []struct {
		n      int64
		ko, en string
	}{{days, "일", "days"}, {hours, "시간", "hours"}, {minutes, "분", "minutes"}, {seconds, "초", "seconds"}}
	var out []string
	for i, u := range units {
		if u.n == 0 {
			continue
		}
		for _, u := range units[i:min(i+2, len(units))] {
			if u.n == 0 {
				continue
			}
			if v.Lang == "ko" {
				out = append(out, digits.Grouped(u.n)+u.ko)
			} else {
				out = append(out, v.en("%s "+u.en, plural.One(digits.Grouped(u.n))))
			}
		}
		break
	}
	if len(out) == 0 {
		return v.T("곧바로", "at once")
	}
	return strings.Join(out, " ")
}

func (v *view) en(format string, args ...any) string {
	return plural.Settle(fmt.Sprintf(format, args...))
}

// People writes how many.
func (v *view) People(n int64) string {
	if v.Lang == "ko" {
		return digits.Grouped(n) + "명"
	}
	return v.en("%s people", plural.One(digits.Grouped(n)))
}

// Severity in words.
func (v *view) Severity(s string) string { return v.Of(score.SeverityText(s)) }

// Item is the name of an item.
func (v *view) Item(name string) string {
	if it := v.S.Items.Of[name]; it != nil {
		return v.T(it.KO, it.EN)
	}
	return name
}

// Host is what a link shows.
func (v *view) Host(link string) string {
	u, err := url.Parse(link)
	if err != nil || u.Host == "" {
		return link
	}
	return strings.TrimPrefix(u.Host, "www.")
}

// Unit of a figure. Units are written in English in a scenario; the usual ones are
// known in Korean.
func (v *view) Unit(u string) string {
	ko := map[string]string{
		"accounts": "개 계정", "people": "명", "reads": "건 조회", "rows": "행", "tokens": "개 토큰", "numbers": "개 번호", "number": "번", "addresses": "개 주소",
		"percent": "%", "days": "일", "times": "배", "visits a day": "회 방문/일", "in a hundred visits": "회(방문 100회당)", "partners": "곳",
		"orders": "건 주문", "e-mail addresses": "개 전자우편주소", "statements": "개 문장", "statements a day": "개 문장/일", "staff": "명", "calls a day": "회 호출/일", "files": "개 파일", "files a day": "개 파일/일",
		"look-ups a day": "회 조회/일", "records": "건 기록", "requests": "건 요청", "sign-ins": "회 로그인", "sign-ins a day": "회 로그인/일", "transfers": "건 전송", "tries": "회 시도",
	}
	if v.Lang == "ko" && ko[u] != "" {
		return ko[u]
	}
	if u == "percent" {
		return "%"
	}
	return " " + u
}

// Kind of a figure that is not a fact.
func (v *view) Kind(k string) string {
	switch k {
	case "invented":
		return v.T("가정", "invented")
	case "uncertain":
		return v.T("불확실", "uncertain")
	}
	return v.T("계산", "reckoned")
}

// Sender is who said something from outside.
func (v *view) Sender(k string) string {
	t, ok := map[string][2]string{
		"customer": {"고객", "a customer"}, "ransom": {"협박자", "a blackmailer"}, "police": {"경찰", "the police"}, "press": {"언론", "the press"},
		"authority": {"감독기관", "an authority"}, "whistleblower": {"내부고발자", "a whistleblower"}, "partner": {"협력사", "a partner"}, "staff": {"직원", "staff"},
	}[k]
	if !ok {
		return k
	}
	return v.T(t[0], t[1])
}

// Fault is a kind of fault.
func (v *view) Fault(k string) string {
	t := map[string][2]string{
		"retention": {"보존기간 경과 파기", "destroyed by retention"}, "silent": {"로그 중단", "log fell silent"}, "late": {"지연 도착", "came late"},
		"doubled": {"중복 기록", "written twice"}, "skew": {"시각 오차", "clock was wrong"}, "missing": {"로그 유실", "log is missing"},
	}[k]
	if t[0] == "" {
		return k
	}
	return v.T(t[0], t[1])
}
