// Package line holds what every log format shares: the one error a line can
// give, and the readers of times, addresses, numbers and ids that all of them
// need. Every cause is a fixed text, in both languages, so that no error ever
// carries a value of the line.
//
// What it is not: a parser of any format.
package line

import (
	"bytes"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"
	"unsafe"

	"github.com/haetae/haetae/event"
)

// Cause is why a line was set aside.
type Cause struct{ Code, EN, KO string }

// The causes. The codes are stable.
var (
	Syntax  = Cause{"syntax", "the line is not of the declared format", "선언된 형식의 행이 아닙니다"}
	Missing = Cause{"missing", "the field is missing or empty", "필드가 없거나 비어 있습니다"}
	Type    = Cause{"type", "the value is of the wrong type", "값의 형식이 다릅니다"}
	Time    = Cause{"time", "the time cannot be read", "시각을 읽을 수 없습니다"}

	ClockSkew = Cause{"clock", "the time is before 2000 or more than a day ahead", "시각이 2000년 전이거나 현재보다 하루 넘게 앞섭니다"}
	UTF8      = Cause{"utf8", "the value is not valid UTF-8", "올바른 UTF-8이 아닙니다"}
	Control   = Cause{"control", "the value holds a NUL or another control character", "값에 NUL 등 제어 문자가 있습니다"}
	TooLong   = Cause{"too_long", "the value is longer than an id can be", "식별자로 보기에 너무 깁니다"}
	Bearer    = Cause{"bearer", "the field holds a usable token, which is never stored", "그대로 쓸 수 있는 토큰이 들어 있어 저장하지 않습니다"}
	LongLine  = Cause{"long_line", "the line is longer than 1 MiB", "한 행이 1 MiB를 넘습니다"}
	CutOff    = Cause{"cut_off", "the log ends inside it", "로그가 그 행의 중간에서 끝납니다"}
	Undecoded = Cause{"undecoded", "the bytes cannot be unpacked from here on", "여기부터 압축을 풀 수 없습니다"}
	TooMany   = Cause{"too_many", "the line names more than 10,000 accounts", "한 행에 적힌 계정이 10,000개를 넘습니다"}
	Unknown   = Cause{"unknown_field", "the record has a field that is not known", "알 수 없는 필드가 있습니다"}

	IsJSON      = Cause{"is_json", "the line is JSON, but the source is declared as another format: give it format: json and its fields in the catalog", "JSON 행인데 다른 형식으로 선언되어 있습니다. 카탈로그의 이 로그에 format: json과 fields를 쓰십시오"}
	IsAccessLog = Cause{"is_access_log", "the line is of an access log, but the source is declared as JSON: give it format: combined and no fields in the catalog", "웹 접속 로그(combined) 행인데 JSON으로 선언되어 있습니다. 카탈로그의 이 로그에 format: combined를 쓰고 fields를 빼십시오"}
	IsDocument  = Cause{"is_document", "a whole document of events where one event is expected", "이벤트 하나가 있을 자리에 이벤트가 여럿 담긴 JSON 문서가 있습니다"}
	OtherSource = Cause{"other_source", "the record says another source than its token is for", "토큰이 발급된 로그와 다른 로그 이름이 적혀 있습니다"}
	Header      = Cause{"syslog_header", "the message has no header of syslog that can be read", "읽을 수 있는 syslog 헤더가 없습니다"}
	NoFormat    = Cause{"no_format", "the messages are of no known format: give the source its format in the catalog", "알려진 형식의 메시지가 아닙니다. 카탈로그의 이 로그에 format을 쓰십시오"}
	Unverified  = Cause{"unverified", "the packed stream is damaged near here, so this may not be what was logged", "압축이 이 부근에서 손상되어, 원래 기록과 다를 수 있습니다"}
)

var causes = []Cause{Syntax, Missing, Type, Time, ClockSkew, UTF8, Control, TooLong, Bearer, LongLine, CutOff, Undecoded, TooMany, Unknown, IsJSON, IsAccessLog, IsDocument, OtherSource, Header, NoFormat, Unverified}

// CauseText gives a cause's text by its code, in Korean or English.
func CauseText(code string, korean bool) string {
	for _, c := range causes {
		if c.Code == code {
			if korean {
				return c.KO
			}
			return c.EN
		}
	}
	return code
}

// Error says that a line cannot become a record. Field is the record field.
type Error struct {
	Field string
	Cause Cause
}

// NoAccess is no fault: the line tells of something else, and is passed over.
var NoAccess = &Error{}

func (e *Error) Error() string {
	if e.Field == "" {
		return e.Cause.EN
	}
	return fmt.Sprintf("%s: %s", e.Field, e.Cause.EN)
}

// String makes a string of b without copying it; it is valid as long as b is.
func String(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// MaxID is how long an id may be, in bytes. UUIDs have 36; anything above 256
// is a payload in the wrong field.
const MaxID = 256

// CheckID refuses what cannot be an id.
func CheckID(field string, s []byte) *Error {
	if len(s) > MaxID {
		return &Error{field, TooLong}
	}
	return CheckText(field, s)
}

// CheckLength refuses what is too long to be a word.
func CheckLength(field string, s []byte) *Error {
	if len(s) > MaxID {
		return &Error{field, TooLong}
	}
	return nil
}

// CheckText refuses control characters and invalid UTF-8.
func CheckText(field string, s []byte) *Error {
	ascii := true
	for _, c := range s {
		if c < 0x20 || c == 0x7f {
			return &Error{field, Control}
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	if !ascii && !utf8.Valid(s) {
		return &Error{field, UTF8}
	}
	return nil
}

// CheckToken refuses a value that opens something: a token's id is what belongs
// here. What it refuses, for whatever reason, is not kept: see Mask.
func CheckToken(field string, s []byte) *Error {
	if Usable(s) {
		return &Error{field, Bearer}
	}
	return CheckID(field, s)
}

// Absent reports whether a log means "no value" by s.
func Absent(s []byte) bool { return len(s) == 0 || len(s) == 1 && s[0] == '-' }

// earliest is 2000-01-01T00:00:00Z: an earlier access is a clock that was
// never set.
const earliest event.Millis = 946_684_800_000

// Clock checks times against the present.
type Clock struct{ Latest event.Millis }

// NewClock allows times up to a day after now.
func NewClock(now time.Time) Clock { return Clock{event.MillisOf(now.Add(24 * time.Hour))} }

// Check refuses a time that cannot be.
func (c Clock) Check(t event.Millis) *Error {
	if t < earliest || c.Latest != 0 && t > c.Latest {
		return &Error{"time", ClockSkew}
	}
	return nil
}

// Times reads times. It remembers the last hour it worked out, since a log's
// lines are neighbours in time. It belongs to one goroutine.
type Times struct {
	zone *time.Location // for times that name none
	key  [16]byte       // "2025-03-01T00" and what else fixes the hour
	n    int
	base event.Millis
}

// NewTimes reads times that name no zone in zone; nil means UTC.
func NewTimes(zone *time.Location) *Times {
	if zone == nil {
		zone = time.UTC
	}
	return &Times{zone: zone}
}

// Parse reads RFC 3339 (with any fraction, "T" or a space, and with or without
// a zone), seconds since 1970 with a fraction, milliseconds, microseconds or
// nanoseconds since 1970, or the
// "02/Jan/2006:15:04:05 -0700" of access logs. The parts of a date may also be apart
// by slashes or points, "2025/03/01 09:00:00".
func (t *Times) Parse(s []byte) (event.Millis, bool) {
	if len(s) >= 19 && s[4] == s[7] && (s[4] == '-' || s[4] == '/' || s[4] == '.') && (s[10] == 'T' || s[10] == ' ') {
		return t.rfc3339(s)
	}
	if len(s) >= 20 && s[2] == '/' {
		return t.accessLog(s)
	}
	return epoch(s)
}

func digits2(s []byte) (int, bool) {
	a, b := s[0]-'0', s[1]-'0'
	return int(a)*10 + int(b), a <= 9 && b <= 9
}

// rest reads ":MM:SS[.fraction]" behind the hour and returns the milliseconds.
func rest(s []byte) (ms event.Millis, n int, ok bool) {
	if len(s) < 6 || s[0] != ':' || s[3] != ':' {
		return 0, 0, false
	}
	m, ok1 := digits2(s[1:])
	sec, ok2 := digits2(s[4:])
	if !ok1 || !ok2 || m > 59 || sec > 60 {
		return 0, 0, false
	}
	ms = event.Millis(m*60_000 + sec*1000)
	n = 6
	if n < len(s) && (s[n] == '.' || s[n] == ',') {
		n++
		scale, from := 100, n
		for ; n < len(s) && s[n] >= '0' && s[n] <= '9'; n++ {
			ms += event.Millis(int(s[n]-'0') * scale)
			scale /= 10
		}
		if n == from {
			return 0, 0, false
		}
	}
	return ms, n, true
}

func (t *Times) rfc3339(s []byte) (event.Millis, bool) {
	ms, n, ok := rest(s[13:])
	if !ok {
		return 0, false
	}
	off, zoned, ok := offset(s[13+n:])
	if !ok {
		return 0, false
	}
	if t.n != 13 || !bytes.Equal(t.key[:13], s[:13]) {
		y1, ok1 := digits2(s)
		y2, ok2 := digits2(s[2:])
		mo, ok3 := digits2(s[5:])
		d, ok4 := digits2(s[8:])
		h, ok5 := digits2(s[11:])
		if !(ok1 && ok2 && ok3 && ok4 && ok5) || mo < 1 || mo > 12 || d < 1 || d > daysIn(y1*100+y2, mo) || h > 23 {
			return 0, false
		}
		t.base = event.MillisOf(time.Date(y1*100+y2, time.Month(mo), d, h, 0, 0, 0, time.UTC))
		copy(t.key[:], s[:13])
		t.n = 13
	}
	at := t.base + ms
	if zoned {
		return at - off, true
	}
	return t.local(at), true
}

// local takes a wall-clock reading in the source's zone.
func (t *Times) local(wall event.Millis) event.Millis {
	if t.zone == time.UTC {
		return wall
	}
	u := wall.Time()
	return event.MillisOf(time.Date(u.Year(), u.Month(), u.Day(), u.Hour(), u.Minute(), u.Second(), u.Nanosecond(), t.zone))
}

func daysIn(y, m int) int {
	return time.Date(y, time.Month(m)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// offset reads "Z", "+09:00", "+0900", "+09" or nothing.
func offset(s []byte) (off event.Millis, zoned, ok bool) {
	if len(s) > 0 && s[0] == ' ' {
		s = s[1:]
	}
	if len(s) == 0 {
		return 0, false, true
	}
	if s[0] == 'Z' || s[0] == 'z' {
		return 0, true, len(s) == 1
	}
	if s[0] != '+' && s[0] != '-' || len(s) < 3 {
		return 0, false, false
	}
	h, ok1 := digits2(s[1:])
	m, ok2 := 0, true
	switch {
	case len(s) == 3:
	case len(s) == 5:
		m, ok2 = digits2(s[3:])
	case len(s) == 6 && s[3] == ':':
		m, ok2 = digits2(s[4:])
	default:
		return 0, false, false
	}
	if !ok1 || !ok2 || h > 23 || m > 59 {
		return 0, false, false
	}
	off = event.Millis(h*3_600_000 + m*60_000)
	if s[0] == '-' {
		off = -off
	}
	return off, true, true
}

const months = "JanFebMarAprMayJunJulAugSepOctNovDec"

// accessLog reads "17/May/2015:10:05:03 +0000".
func (t *Times) accessLog(s []byte) (event.Millis, bool) {
	ms, n, ok := rest(s[14:])
	if !ok {
		return 0, false
	}
	off, zoned, ok := offset(s[14+n:])
	if !ok {
		return 0, false
	}
	if t.n != 14 || !bytes.Equal(t.key[:14], s[:14]) {
		d, ok1 := digits2(s)
		y1, ok2 := digits2(s[7:])
		y2, ok3 := digits2(s[9:])
		h, ok4 := digits2(s[12:])
		mo := strings.Index(months, String(s[3:6]))
		if !(ok1 && ok2 && ok3 && ok4) || s[6] != '/' || s[11] != ':' || mo < 0 || mo%3 != 0 || h > 23 {
			return 0, false
		}
		mo = mo/3 + 1
		if d < 1 || d > daysIn(y1*100+y2, mo) {
			return 0, false
		}
		t.base = event.MillisOf(time.Date(y1*100+y2, time.Month(mo), d, h, 0, 0, 0, time.UTC))
		copy(t.key[:], s[:14])
		t.n = 14
	}
	at := t.base + ms
	if zoned {
		return at - off, true
	}
	return t.local(at), true
}

// epoch reads "1740784286.348", "1740784286", "1740784286348", and the same in
// microseconds (16 digits) and nanoseconds (19). The number of digits tells them
// apart for every time from 2001 to 2286.
func epoch(s []byte) (event.Millis, bool) {
	whole, frac, hasFrac := bytes.Cut(s, []byte("."))
	if n := len(whole); n == 16 || n == 19 {
		for _, c := range whole[13:] {
			if c < '0' || c > '9' {
				return 0, false
			}
		}
		whole = whole[:13]
	}
	if len(whole) == 0 || len(whole) > 13 {
		return 0, false
	}
	n := int64(0)
	for _, c := range whole {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if len(whole) > 11 { // milliseconds since long before 2000
		return event.Millis(n), !hasFrac || len(frac) > 0
	}
	n *= 1000
	if hasFrac {
		if len(frac) == 0 {
			return 0, false
		}
		scale := int64(100)
		for _, c := range frac {
			if c < '0' || c > '9' {
				return 0, false
			}
			n += int64(c-'0') * scale
			scale /= 10
		}
	}
	return event.Millis(n), true
}

// Status reads an outcome; absent is 0.
func Status(s []byte) (uint16, bool) {
	n, ok := Count(s)
	return uint16(n), ok && n <= 999
}

// Count reads a number of rows, 0 to 2,147,483,647. A fraction of zeros, as
// some encoders write whole numbers, is allowed.
func Count(s []byte) (int32, bool) {
	if i := bytes.IndexByte(s, '.'); i > 0 && len(bytes.Trim(s[i+1:], "0")) == 0 && i+1 < len(s) {
		s = s[:i]
	}
	if len(s) == 0 || len(s) > 10 {
		return 0, false
	}
	n := int64(0)
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return int32(n), n <= math.MaxInt32
}

// IP reads an address; what cannot be read is no address, since an unreadable
// one must not lose the record. A port, brackets and a zone are taken off.
func IP(s []byte) netip.Addr {
	if len(s) >= 7 && len(s) <= 15 {
		if a, ok := ipv4(s); ok {
			return a
		}
	}
	if len(s) < 2 || len(s) > 64 {
		return netip.Addr{}
	}
	t := String(s)
	if t[0] == '[' {
		if i := strings.IndexByte(t, ']'); i > 0 {
			t = t[1:i]
		}
	} else if i := strings.LastIndexByte(t, ':'); i > 0 && strings.IndexByte(t, ':') == i {
		t = t[:i] // "1.2.3.4:567"
	}
	if i := strings.IndexByte(t, '%'); i > 0 {
		t = t[:i]
	}
	a, err := netip.ParseAddr(t)
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap()
}

func ipv4(s []byte) (netip.Addr, bool) {
	var a [4]byte
	n, k, d := 0, 0, 0
	for _, c := range s {
		switch {
		case c >= '0' && c <= '9':
			n = n*10 + int(c-'0')
			if d++; n > 255 || d > 3 {
				return netip.Addr{}, false
			}
		case c == '.' && d > 0 && k < 3:
			a[k] = byte(n)
			k++
			n, d = 0, 0
		default:
			return netip.Addr{}, false
		}
	}
	if k != 3 || d == 0 {
		return netip.Addr{}, false
	}
	a[3] = byte(n)
	return netip.AddrFrom4(a), true
}
