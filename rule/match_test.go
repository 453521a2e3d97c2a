package rule

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/event"
)

// fields is an event as a test writes it: texts, numbers, truth values, nil,
// moments, addresses and lists.
type fields map[string]any

func (s *Set) put(e *Event, source SourceID, f fields) {
	e.Reset(source)
	for name, v := range f {
		id, ok := s.Field(name)
		if !ok {
			continue
		}
		switch v := v.(type) {
		case nil:
			e.SetNull(id)
		case string:
			e.SetText(id, v)
		case int:
			e.SetInt(id, int64(v))
		case float64:
			e.SetFloat(id, v)
		case bool:
			e.SetBool(id, v)
		case time.Time:
			e.SetTime(id, v.UnixMilli())
		case netip.Addr:
			e.SetAddr(id, v)
		case []string:
			e.SetNull(id) // so that an empty list is there
			e.values[id].kind = listValue
			for _, s := range v {
				e.AddText(id, s)
			}
		default:
			panic(fmt.Sprintf("a test sets %T", v))
		}
	}
}

// testSchema has one source for everything that tests write.
func testSchema(t testing.TB) *Schema {
	t.Helper()
	s, err := NewSchema([]Field{{Name: "f"}, {Name: "g"}, {Name: "h"}, {Name: "z"}}, []Source{{Name: "test", Is: []LogSource{{Category: "test"}}}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ruleOf is a rule document around a detection, which is written indented by two.
func ruleOf(detection string) string {
	return "title: T\nlogsource: {category: test}\ndetection:\n" + strings.TrimPrefix(detection, "\n") + "\n"
}

func mustCompile(t testing.TB, text string, schema *Schema, o Options) *Set {
	t.Helper()
	docs, err := Parse("test.yaml", []byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	set, err := Compile(docs, schema, o)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return set
}

// holds asks the index and the plain evaluation, which have to agree.
func holds(t testing.TB, set *Set, source SourceID, f fields) bool {
	t.Helper()
	e, m := set.NewEvent(), set.NewMatcher()
	set.put(e, source, f)
	got := slices.Contains(set.Match(e, m), 0)
	if set.Holds(0, e, m) != got {
		t.Errorf("%v: Match says %t, Holds the opposite", f, got)
	}
	return got
}

type matchCase struct {
	name      string
	detection string // a map of one search sel, or a whole detection if it has a condition
	yes       []fields
	no        []fields // near misses
}

func runMatchCases(t *testing.T, cases []matchCase, o Options) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d := c.detection
			if !strings.Contains(d, "condition:") {
				d = "  sel:\n    " + strings.ReplaceAll(d, "\n", "\n    ") + "\n  condition: sel"
			}
			set := mustCompile(t, ruleOf(d), testSchema(t), o)
			for _, f := range c.yes {
				if !holds(t, set, 1, f) {
					t.Errorf("%v does not match\n%s", f, d)
				}
			}
			for _, f := range c.no {
				if holds(t, set, 1, f) {
					t.Errorf("%v matches\n%s", f, d)
				}
			}
		})
	}
}

func TestValues(t *testing.T) {
	runMatchCases(t, []matchCase{
		{"equal ignores case", `a: Kim`,
			[]fields{{"a": "Kim"}, {"a": "KIM"}, {"a": "\u212aim"}, {"a": []string{"x", "kim"}}},
			[]fields{{}, {"a": "Kims"}, {"a": "aKim"}, {"a": ""}, {"b": "Kim"}, {"a": nil}, {"a": []string{}}}},
		{"case by Unicode", `a: ÉCOLE ß σ`,
			[]fields{{"a": "école ß ς"}, {"a": "École ẞ Σ"}},
			[]fields{{"a": "ecole ß σ"}, {"a": "école ss σ"}, {"a": "e\u0301cole ß σ"}}},
		{"the Turkish i is itself", `a: ırmak`, []fields{{"a": "ırmak"}, {"a": "ıRMAK"}}, []fields{{"a": "irmak"}, {"a": "Irmak"}, {"a": "İrmak"}}},
		{"Korean", `a|contains: 회원`, []fields{{"a": "전체 회원 목록"}}, []fields{{"a": "회 원"}}},
		{"list is or", "a:\n  - x\n  - y", []fields{{"a": "x"}, {"a": "Y"}}, []fields{{"a": "z"}, {"a": "xy"}}},
		{"map is and", "a: x\nb: y", []fields{{"a": "x", "b": "y"}}, []fields{{"a": "x"}, {"b": "y"}, {"a": "y", "b": "x"}}},
		{"list of maps is or", "- a: x\n  b: y\n- c: z", []fields{{"a": "x", "b": "y"}, {"c": "z"}}, []fields{{"a": "x"}, {"b": "y", "c": "y"}}},
		{"number", `a: 4624`,
			[]fields{{"a": 4624}, {"a": "4624"}, {"a": 4624.0}}, []fields{{"a": 4625}, {"a": "04624"}, {"a": "46240"}, {"a": 4624.5}}},
		{"number as it was written", `a: 10.0`, []fields{{"a": "10.0"}, {"a": "10"}, {"a": 10}, {"a": 10.0}}, []fields{{"a": "10.00"}, {"a": 10.1}}},
		{"leading zeros", `a: 007`, []fields{{"a": "007"}, {"a": 7}}, []fields{{"a": "07"}, {"a": "70"}}},
		{"hexadecimal", `a: 0x17`, []fields{{"a": "0x17"}, {"a": 23}}, []fields{{"a": 17}}},
		{"negative and large", `a: [-5, 9007199254740993]`, []fields{{"a": -5}, {"a": 9007199254740993}}, []fields{{"a": 5}, {"a": 9007199254740992}}},
		{"truth", `a: true`, []fields{{"a": true}, {"a": "True"}}, []fields{{"a": false}, {"a": 1}, {}}},
		{"date", `a: 2025-06-01`, []fields{{"a": "2025-06-01"}}, []fields{{"a": "2025-06-01T00:00:00Z"}}},
		{"null", `a: null`, []fields{{}, {"a": nil}, {"a": []string{}}}, []fields{{"a": ""}, {"a": "null"}, {"a": 0}, {"a": []string{""}}}},
		{"nothing is null", `a:`, []fields{{}}, []fields{{"a": ""}}},
		{"empty", `a: ''`, []fields{{"a": ""}}, []fields{{}, {"a": nil}, {"a": " "}}},
		{"null or a value", "a:\n  - null\n  - x", []fields{{}, {"a": "x"}}, []fields{{"a": "y"}}},
		{"address", `a: [2001:DB8::1, 192.0.2.7]`,
			[]fields{{"a": netip.MustParseAddr("2001:db8::1")}, {"a": netip.MustParseAddr("::ffff:192.0.2.7")}}, []fields{{"a": netip.MustParseAddr("2001:db8::2")}}},
		{"moment", `a|startswith: 2025-06-01t09`, []fields{{"a": time.Date(2025, 6, 1, 9, 5, 0, 0, time.UTC)}}, []fields{{"a": time.Date(2025, 6, 1, 10, 0, 0, 0, time.UTC)}}},
	}, Options{})
}

func TestWildcards(t *testing.T) {
	runMatchCases(t, []matchCase{
		{"star", `a: pr*g`, []fields{{"a": "prg"}, {"a": "PROG"}, {"a": "pr\ng"}}, []fields{{"a": "prog1"}, {"a": "xprog"}}},
		{"question mark", `a: prog?`, []fields{{"a": "progA"}, {"a": "prog각"}, {"a": "prog\xff"}}, []fields{{"a": "prog"}, {"a": "prog12"}}},
		{"both", `a: '?a*b?c'`, []fields{{"a": "xabbbxc"}, {"a": "xab.c"}}, []fields{{"a": "xabc"}, {"a": "abxc"}, {"a": "xabxcd"}}},
		{"many stars", `a: '*a*b*a*'`, []fields{{"a": "xxabxa"}}, []fields{{"a": "aab"}, {"a": "ba a"}}},
		{"lone star is any value", `a: '*'`, []fields{{"a": ""}, {"a": 0}, {"a": "x"}}, []fields{{}, {"a": nil}, {"a": []string{}}}},
		{"star in the front", `a: '*.exe'`, []fields{{"a": "C.EXE"}, {"a": ".exe"}}, []fields{{"a": "exe"}, {"a": ".exe1"}}},
		{"escaped star", `a: 'x\*y'`, []fields{{"a": "x*y"}}, []fields{{"a": "xzy"}, {"a": `x\*y`}}},
		{"escaped question mark", `a: 'x\?'`, []fields{{"a": "x?"}}, []fields{{"a": "xy"}}},
		{"backslash alone", `a: 'x\y'`, []fields{{"a": `x\y`}}, []fields{{"a": `x\\y`}, {"a": "xy"}}},
		{"two backslashes are one", `a: 'x\\y'`, []fields{{"a": `x\y`}}, []fields{{"a": `x\\y`}}},
		{"backslash, then star", `a: 'x\\*'`, []fields{{"a": `x\y`}, {"a": `x\`}}, []fields{{"a": "x*"}, {"a": "xy"}}},
		{"backslash and star, both plain", `a: 'x\\\*'`, []fields{{"a": `x\*`}}, []fields{{"a": `x\y`}, {"a": "x*"}}},
		{"four backslashes are two", `a: 'x\\\\y'`, []fields{{"a": `x\\y`}}, []fields{{"a": `x\y`}}},
		{"three too", `a: 'x\\\y'`, []fields{{"a": `x\\y`}}, []fields{{"a": `x\y`}}},
		{"backslash at the end", `a: 'x\'`, []fields{{"a": `x\`}}, []fields{{"a": `x`}}},
		{"in contains", `a|contains: 'b?d'`, []fields{{"a": "abcde"}}, []fields{{"a": "abde"}}},
	}, Options{})
}

func TestModifiers(t *testing.T) {
	at := func(h, m int) time.Time { return time.Date(2025, 12, 29, h, m, 0, 0, time.UTC) }
	addr := netip.MustParseAddr
	runMatchCases(t, []matchCase{
		{"contains", `a|contains: bc`, []fields{{"a": "abcd"}, {"a": "BC"}}, []fields{{"a": "b c"}, {"a": "cb"}, {}}},
		{"contains of a number", `a|contains: 62`, []fields{{"a": 4624}}, []fields{{"a": 4264}}},
		{"contains nothing", `a|contains: ''`, []fields{{"a": ""}, {"a": "x"}}, []fields{{}}},
		{"startswith", `a|startswith: ab`, []fields{{"a": "ABc"}, {"a": "ab"}}, []fields{{"a": "xab"}, {"a": "a"}}},
		{"endswith", `a|endswith: '\cmd.exe'`, []fields{{"a": `C:\CMD.exe`}}, []fields{{"a": "cmd.exe"}, {"a": `\cmd.exe `}}},
		{"all", "a|contains|all:\n  - x\n  - y", []fields{{"a": "y x"}}, []fields{{"a": "x"}, {"a": "y"}}},
		{"all over a list in the event", "a|all:\n  - x\n  - y", []fields{{"a": []string{"x", "y"}}}, []fields{{"a": []string{"x", "z"}}, {"a": "x"}}},
		{"exists", `a|exists: true`, []fields{{"a": nil}, {"a": ""}, {"a": 0}}, []fields{{}, {"b": 1}}},
		{"exists not", `a|exists: false`, []fields{{}, {"b": 1}}, []fields{{"a": nil}, {"a": "x"}}},
		{"cased", `a|cased: Kim`, []fields{{"a": "Kim"}}, []fields{{"a": "kim"}, {"a": "KIM"}}},
		{"cased contains", `a|contains|cased: aB`, []fields{{"a": "xaBx"}}, []fields{{"a": "xabx"}, {"a": "xABx"}}},
		{"cased with wildcards", `a|cased: 'a?B*c'`, []fields{{"a": "axBc"}}, []fields{{"a": "axbc"}, {"a": "AxBc"}}},
		{"neq", `a|neq: x`, []fields{{"a": "y"}, {}}, []fields{{"a": "x"}, {"a": "X"}, {"a": []string{"y", "x"}}}},
		{"neq of several", "a|neq: [x, y]", []fields{{"a": "z"}}, []fields{{"a": "x"}, {"a": "y"}}},
		{"neq null", `a|neq: null`, []fields{{"a": "x"}, {"a": ""}}, []fields{{}, {"a": nil}}},
		{"neq of a number", `a|neq: 3`, []fields{{"a": 4}}, []fields{{"a": 3}, {"a": "3"}}},
		{"neq contains", `a|contains|neq: x`, []fields{{"a": "y"}}, []fields{{"a": "axb"}}},

		{"re", `a|re: 'b[cd]+e'`, []fields{{"a": "abcdef"}}, []fields{{"a": "aBcef"}, {"a": "be"}}},
		{"re anchored", `a|re: '^b$'`, []fields{{"a": "b"}}, []fields{{"a": "ab"}, {"a": "b\n"}, {"a": "a\nb"}}},
		{"re i", `a|re|i: 'select\s.+from'`, []fields{{"a": "x SELECT a FROM t"}}, []fields{{"a": "selectfrom"}}},
		{"re m", `a|re|m: '^b$'`, []fields{{"a": "a\nb\nc"}}, []fields{{"a": "ab\nc"}}},
		{"re s", `a|re|s: 'a.b'`, []fields{{"a": "a\nb"}}, []fields{{"a": "ab"}}},
		{"re without s", `a|re: 'a.b'`, []fields{{"a": "axb"}}, []fields{{"a": "a\nb"}}},
		{"re ims", `a|re|i|m|s: '^A.b'`, []fields{{"a": "x\na\nB"}}, []fields{{"a": "xa\nB"}}},
		{"re on a number", `a|re: '^4\d\d$'`, []fields{{"a": 404}}, []fields{{"a": 4040}}},
		{"re alternatives", `a|re: '(?:curl|wget)/[0-9]'`, []fields{{"a": "wget/1"}}, []fields{{"a": "wget"}, {"a": "Curl/8"}}},
		{"re with a class for case", `a|re: '[Aa]pp[Dd]ata'`, []fields{{"a": "AppData"}, {"a": "appdata"}}, []fields{{"a": "APPDATA"}}},

		{"cidr", `a|cidr: 192.0.2.0/24`, []fields{{"a": "192.0.2.7"}, {"a": "::ffff:192.0.2.7"}, {"a": addr("192.0.2.255")}}, []fields{{"a": "192.0.3.7"}, {"a": "192.0.2.7x"}, {"a": "x"}, {"a": 5}}},
		{"cidr of six", `a|cidr: 2001:db8::/32`, []fields{{"a": "2001:DB8:1::1"}, {"a": addr("2001:db8::")}}, []fields{{"a": "2001:db9::1"}, {"a": "192.0.2.7"}}},
		{"cidr in a list", "a|cidr:\n  - 10.0.0.0/8\n  - fc00::/7", []fields{{"a": "10.9.9.9"}, {"a": "fd00::1"}}, []fields{{"a": "11.0.0.1"}}},

		{"lt", `a|lt: 5`, []fields{{"a": 4}, {"a": "4.9"}, {"a": -1.5}}, []fields{{"a": 5}, {"a": "x"}, {"a": ""}, {}, {"a": "0x1"}}},
		{"lte", `a|lte: 5`, []fields{{"a": 5}, {"a": "5.0"}}, []fields{{"a": 5.1}}},
		{"gt", `a|gt: 5`, []fields{{"a": 6}, {"a": "1e3"}}, []fields{{"a": 5}, {"a": true}}},
		{"gte", `a|gte: 9007199254740993`, []fields{{"a": 9007199254740993}}, []fields{{"a": 9007199254740992}}},
		{"gt of a fraction", `a|gt: 0.5`, []fields{{"a": 0.6}, {"a": 1}}, []fields{{"a": 0.5}, {"a": 0}}},

		{"fieldref", `a|fieldref: b`, []fields{{"a": "x", "b": "X"}, {"a": 5, "b": "5"}}, []fields{{"a": "x", "b": "y"}, {"a": "x"}, {"b": "x"}, {}}},
		{"fieldref cased", `a|fieldref|cased: b`, []fields{{"a": "x", "b": "x"}}, []fields{{"a": "x", "b": "X"}}},
		{"fieldref neq", `a|fieldref|neq: b`, []fields{{"a": "x", "b": "y"}, {"a": "x"}}, []fields{{"a": "x", "b": "x"}}},
		{"fieldref startswith", `a|fieldref|startswith: b`, []fields{{"a": "xyz", "b": "XY"}}, []fields{{"a": "xyz", "b": "yz"}}},
		{"fieldref endswith", `a|fieldref|endswith: b`, []fields{{"a": "xyz", "b": "yz"}}, []fields{{"a": "xyz", "b": "xy"}}},
		{"fieldref contains", `a|fieldref|contains: b`, []fields{{"a": "xyz", "b": "y"}, {"a": "xyz", "b": []string{"q", "z"}}}, []fields{{"a": "xyz", "b": "zx"}}},

		{"base64", `a|base64: foobar`, []fields{{"a": "Zm9vYmFy"}}, []fields{{"a": "foobar"}, {"a": "xZm9vYmFy"}}},
		{"base64offset", `a|base64offset|contains: /bin/bash`,
			[]fields{{"a": "L2Jpbi9iYXNo"}, {"a": "eC9iaW4vYmFzaA=="}, {"a": "eHgvYmluL2Jhc2g="}}, []fields{{"a": "/bin/bash"}, {"a": "L2Jpbi9zaA=="}}},
		{"wide base64offset", `a|wide|base64offset|contains: IEX`, []fields{{"a": "SQBFAFgA"}, {"a": "IABJAEUAWAAg"}}, []fields{{"a": "SUVY"}}},
		{"utf16le", `a|utf16le: ab`, []fields{{"a": "a\x00b\x00"}}, []fields{{"a": "ab"}, {"a": "\x00a\x00b"}}},
		{"utf16be", `a|utf16be: ab`, []fields{{"a": "\x00a\x00b"}}, []fields{{"a": "a\x00b\x00"}}},
		{"utf16", `a|utf16: ab`, []fields{{"a": "\xff\xfea\x00b\x00"}}, []fields{{"a": "a\x00b\x00"}}},
		{"utf16 of a pair", `a|utf16be: 😀`, []fields{{"a": "\xd8\x3d\xde\x00"}}, []fields{{"a": "😀"}}},

		{"windash", `a|windash|contains: ' -enc '`,
			[]fields{{"a": "x -enc y"}, {"a": "x /ENC y"}, {"a": "x –enc y"}, {"a": "x —enc y"}, {"a": "x ―enc y"}}, []fields{{"a": "x enc y"}, {"a": "x +enc y"}}},
		{"windash takes any of them", `a|windash: '/f –x'`, []fields{{"a": "-f -x"}, {"a": "/f ―x"}}, []fields{{"a": "f x"}}},
		{"windash leaves words alone", `a|contains|windash: '-a Get-Item'`, []fields{{"a": "/a Get-Item"}}, []fields{{"a": "-a Get/Item"}}},
		{"windash all", "a|windash|contains|all:\n  - ' -a'\n  - ' -b'", []fields{{"a": "x /b —a"}}, []fields{{"a": "x /b"}}},

		{"hour", `a|hour: 3`, []fields{{"a": at(3, 10)}, {"a": "2025-01-01 03:59"}, {"a": "2025-01-01T03:00:00+09:00"}}, []fields{{"a": at(4, 0)}, {"a": "03:00"}, {"a": 3}}},
		{"hour from", `a|hour|gte: 22`, []fields{{"a": at(22, 0)}, {"a": at(23, 59)}}, []fields{{"a": at(21, 59)}}},
		{"minute", `a|minute: [0, 30]`, []fields{{"a": at(1, 30)}}, []fields{{"a": at(1, 31)}}},
		{"day", `a|day: 29`, []fields{{"a": at(0, 0)}}, []fields{{"a": "2025-12-28"}}},
		{"week of ISO", `a|week: 1`, []fields{{"a": at(0, 0)}}, []fields{{"a": "2025-12-28"}}},
		{"month", `a|month: 12`, []fields{{"a": at(0, 0)}}, []fields{{"a": "2025-11-30 23:59:59"}}},
		{"year", `a|year|lt: 2026`, []fields{{"a": at(0, 0)}}, []fields{{"a": "2026-01-01"}, {"a": "2025-02-30"}}},
		{"hour neq", `a|hour|neq: 3`, []fields{{"a": at(4, 0)}}, []fields{{"a": at(3, 0)}}},

		{"expand", `a|expand: '%staff%'`, []fields{{"a": "kim"}, {"a": "lee-9"}}, []fields{{"a": "park"}, {"a": "%staff%"}}},
		{"expand within", `a|expand|contains: 'x-%staff%'`, []fields{{"a": "1 x-kim"}}, []fields{{"a": "x- kim"}}},
		{"expand escaped", `a|expand: '\%50 %staff%'`, []fields{{"a": "%50 kim"}}, []fields{{"a": "kim"}}},
		{"expand lone percent", `a|expand: '50%'`, []fields{{"a": "50%"}}, []fields{{"a": "50"}}},
		{"without expand it is a text", `a: '%staff%'`, []fields{{"a": "%staff%"}}, []fields{{"a": "kim"}}},
	}, Options{Placeholders: map[string][]string{"staff": {"kim", "lee-?"}}})
}

func TestZone(t *testing.T) {
	seoul := time.FixedZone("KST", 9*3600)
	runMatchCases(t, []matchCase{
		{"hour in Seoul", `a|hour: 2`, []fields{{"a": time.Date(2025, 1, 1, 17, 0, 0, 0, time.UTC)}, {"a": "2025-01-01T02:00:00Z"}},
			[]fields{{"a": time.Date(2025, 1, 1, 2, 0, 0, 0, time.UTC)}}},
	}, Options{Zone: seoul})
}

func TestConditions(t *testing.T) {
	three := "  a1: {f: x}\n  a2: {g: x}\n  b: {h: x}\n  _c: {i: x}\n  condition: "
	x := func(names ...string) fields {
		f := fields{"z": "there"}
		for _, n := range names {
			f[n] = "x"
		}
		return f
	}
	runMatchCases(t, []matchCase{
		{"and", three + "a1 and a2", []fields{x("f", "g")}, []fields{x("f"), x("g"), x()}},
		{"or", three + "a1 or a2", []fields{x("f"), x("g")}, []fields{x("h"), x()}},
		{"not", three + "not a1", []fields{x(), x("g")}, []fields{x("f")}},
		{"not not", three + "not not a1", []fields{x("f")}, []fields{x()}},
		{"and before or", three + "a1 or a2 and b", []fields{x("f"), x("g", "h")}, []fields{x("g"), x("h")}},
		{"not before and", three + "not a1 and a2", []fields{x("g")}, []fields{x("f", "g"), x()}},
		{"parentheses", three + "(a1 or a2) and not (b or _c)", []fields{x("f"), x("g")}, []fields{x("f", "h"), x("g", "i"), x()}},
		{"any case", three + "a1 AND NOT a2 Or b", []fields{x("f"), x("h")}, []fields{x("f", "g")}},
		{"1 of", three + "1 of a*", []fields{x("f"), x("g")}, []fields{x("h")}},
		{"all of", three + "all of a*", []fields{x("f", "g")}, []fields{x("f"), x("h")}},
		{"any of", three + "any of a*", []fields{x("g")}, []fields{x("h")}},
		{"a star within", three + "all of *1", []fields{x("f")}, []fields{x("g")}},
		{"1 of them", three + "1 of them", []fields{x("f"), x("h")}, []fields{x("i"), x()}},
		{"all of them", three + "all of them", []fields{x("f", "g", "h")}, []fields{x("f", "g"), x("f", "g", "i")}},
		{"2 of them", three + "2 of them", []fields{x("f", "g"), x("g", "h"), x("f", "g", "h")}, []fields{x("f"), x("h", "i")}},
		{"not 2 of them", three + "not 2 of them", []fields{x("f"), x()}, []fields{x("f", "h")}},
		{"not 1 of", three + "b and not 1 of a*", []fields{x("h")}, []fields{x("h", "f"), x()}},
		{"list is or", three + "\n    - a1 and a2\n    - b", []fields{x("f", "g"), x("h")}, []fields{x("f")}},
		{"keywords", "  k: [Mimi, 'a b', 12]\n  condition: k",
			[]fields{{"f": "xmimikatz"}, {"g": []string{"q", "A B"}}, {"h": 8123}}, []fields{{"f": "mi", "g": "mi"}, {"f": "ab"}, {}}},
		{"keywords with a wildcard", "  k: ['ev?l*service']\n  condition: k", []fields{{"f": "an EvilX service"}}, []fields{{"f": "evil"}, {"f": "evl service"}}},
		{"all keywords", "  k:\n    '|all': [one, two]\n  condition: k", []fields{{"f": "two", "g": "one"}}, []fields{{"f": "one"}}},
		{"keyword by re", "  k:\n    '|re': '\\d{4}-x'\n  condition: k", []fields{{"f": "1234-x"}}, []fields{{"f": "123-x"}, {"f": "1234-X"}}},
		{"cased keywords", "  k:\n    '|cased': [Abc, dEf]\n  condition: k", []fields{{"f": "xAbc"}}, []fields{{"f": "xabc"}}},
		{"one keyword", "  k: evil\n  condition: k", []fields{{"f": "EVIL!"}}, []fields{{"f": "ev il"}}},
		{"keywords or maps", "  k:\n    - evil\n    - f: good\n  condition: k", []fields{{"g": "evil"}, {"f": "good"}}, []fields{{"g": "good"}}},
	}, Options{})
}

func TestMessage(t *testing.T) {
	set := mustCompile(t, ruleOf("  k: ['GET /x HTTP']\n  condition: k"), testSchema(t), Options{})
	e, m := set.NewEvent(), set.NewMatcher()
	e.Reset(1)
	e.SetText(Message, `192.0.2.1 - "get /x http/1.1" 200`)
	if got := set.Match(e, m); len(got) != 1 {
		t.Errorf("a keyword is not found in the whole text")
	}
}

func TestFilters(t *testing.T) {
	text := `
title: R
name: r
logsource: {category: test, product: p}
detection: {sel: {a: x}, condition: sel}
---
title: Not from the office
logsource: {category: test}
filter:
  rules: [r]
  selection: {b|startswith: adm_}
  condition: not selection
---
title: For all
logsource: {category: test, product: p}
filter:
  rules: any
  selection: {c: y}
  condition: not selection
`
	schema, err := NewSchema(nil, []Source{{Name: "s", Is: []LogSource{{"TEST", "P", ""}}}})
	if err != nil {
		t.Fatal(err)
	}
	set := mustCompile(t, text, schema, Options{})
	for _, c := range []struct {
		f    fields
		want bool
	}{
		{fields{"a": "x"}, true},
		{fields{"a": "x", "b": "ADM_kim"}, false},
		{fields{"a": "x", "c": "y"}, false},
		{fields{"a": "z", "b": "q"}, false},
	} {
		if got := holds(t, set, 1, c.f); got != c.want {
			t.Errorf("%v: %t, want %t", c.f, got, c.want)
		}
	}
	if n := len(set.Rules()[0].Filters()); n != 2 {
		t.Errorf("%d filters, want 2", n)
	}
}

func TestRouting(t *testing.T) {
	text := ""
	for i, l := range []string{"{category: c}", "{product: p}", "{category: c, product: p}", "{service: s, product: p}", "{category: other}"} {
		text += fmt.Sprintf("title: R%d\nlogsource: %s\ndetection: {sel: {a: x}, condition: sel}\n---\n", i, l)
	}
	schema, err := NewSchema(nil, []Source{
		{"c", []LogSource{{Category: "c"}}},
		{"cp", []LogSource{{Category: "c", Product: "p"}}},
		{"ps or c", []LogSource{{Product: "p", Service: "s"}, {Category: "c"}}},
		{"nothing", []LogSource{{Category: "x"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	set := mustCompile(t, text, schema, Options{})
	e, m := set.NewEvent(), set.NewMatcher()
	for source, want := range map[SourceID][]RuleIndex{1: {0}, 2: {0, 1, 2}, 3: {0, 1, 3}, 4: nil, 0: nil, 99: nil} {
		set.put(e, source, fields{"a": "x"})
		if got := set.Match(e, m); !slices.Equal(got, want) {
			t.Errorf("source %d: %v, want %v", source, got, want)
		}
	}
	if got := set.Stats().Unrouted; got != 1 {
		t.Errorf("%d rules look nowhere, want 1", got)
	}
	if got := set.Rules()[0].Sources; !slices.Equal(got, []string{"c", "cp", "ps or c"}) {
		t.Errorf("the first rule looks at %q", got)
	}
}

func TestAccessRecord(t *testing.T) {
	text := `
title: Staff export
logsource: {product: haetae}
detection:
  sel:
    actor.type: staff
    action: export
    route|startswith: GET /support/
    method: get
    path|endswith: '{member}'
    status: '2*'
    rows|gte: 100
    account: m-7
    client.ip|cidr: 203.0.113.0/24
    client.country|neq: KR
    time|hour|lt: 6
    source: gateway
    credential.key|exists: true
  condition: sel
---
title: No agent
logsource: {category: webserver}
detection: {sel: {c-useragent: ''}, condition: sel}
---
title: Sigma names
logsource: {category: proxy}
detection:
  sel: {c-ip|startswith: 203.0., cs-method: GET, sc-status: 200, cs-uri-stem|contains: /members/, c-useragent|contains: curl}
  condition: sel
---
title: Not in the record
logsource: {category: webserver}
detection: {sel: {cs-uri-query|contains: union, c-ip: 203.0.113.9}, condition: sel}
---
title: More of an id
logsource: {product: haetae}
detection: {sel: {account|startswith: m-}, condition: sel}
---
title: An id with its case
logsource: {product: haetae}
detection: {sel: {actor.id: Kim, account|neq: null}, condition: sel}
`
	set := mustCompile(t, text, AccessRecord(), Options{})
	rec := event.Record{
		Time: event.MillisOf(time.Date(2025, 6, 1, 3, 0, 0, 0, time.UTC)), Source: "gateway", Action: event.ActionExport,
		Route: "GET /support/members/{member}", Mapped: true, Status: 200, Rows: 100,
		Actor: event.Actor{ID: "kim", Type: "staff"}, Credential: event.Credential{Key: "k1", Token: "t1"},
		Client:   event.Client{IP: netip.MustParseAddr("203.0.113.9"), Agent: "curl/8.5", Country: "US"},
		Subjects: []event.AccountID{"m-6", "m-7"},
	}
	e, m := set.NewEvent(), set.NewMatcher()
	match := func(change func(r *event.Record)) []RuleIndex {
		r := rec.Clone()
		change(&r)
		e.SetRecord(&r)
		return slices.Clone(set.Match(e, m))
	}
	for _, c := range []struct {
		name   string
		change func(r *event.Record)
		want   []RuleIndex
	}{
		{"as it is", func(*event.Record) {}, []RuleIndex{0, 2, 4}},
		{"one row less", func(r *event.Record) { r.Rows = 99 }, []RuleIndex{2, 4}},
		{"rows unknown", func(r *event.Record) { r.Rows = event.RowsUnknown }, []RuleIndex{2, 4}},
		{"no agent", func(r *event.Record) { r.Client.Agent = "" }, []RuleIndex{0, 1, 4}},
		{"another account", func(r *event.Record) { r.Subjects = []event.AccountID{"M-7"} }, []RuleIndex{2}},
		{"nobody", func(r *event.Record) { r.Subjects = nil }, []RuleIndex{2}},
		{"at home", func(r *event.Record) { r.Client.Country = "KR" }, []RuleIndex{2, 4}},
		{"a capital actor", func(r *event.Record) { r.Actor.ID = "Kim" }, []RuleIndex{0, 2, 4, 5}},
		{"six o'clock", func(r *event.Record) { r.Time += 3 * 3600 * 1000 }, []RuleIndex{2, 4}},
		{"empty", func(r *event.Record) { *r = event.Record{Rows: event.RowsUnknown} }, []RuleIndex{1}},
	} {
		if got := match(c.change); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	// A live event that has more than the record.
	set.put(e, RecordSource, fields{"cs-uri-query": "a=1 UNION select", "client.ip": netip.MustParseAddr("203.0.113.9"), "c-useragent": "x"})
	if got := set.Match(e, m); !slices.Equal(got, []RuleIndex{3}) {
		t.Errorf("a live event: %v", got)
	}
	rules := set.Rules()
	for i, want := range []bool{false, false, false, true, true, false} {
		if got := rules[i].LiveOnly(); got != want {
			t.Errorf("%s: live only is %t", rules[i].Doc.Title, got)
		}
	}
	if !slices.Equal(rules[3].Missing, []string{"cs-uri-query"}) || !slices.Equal(rules[4].BeyondID, []string{"account"}) {
		t.Errorf("missing %q, beyond an id %q", rules[3].Missing, rules[4].BeyondID)
	}
}

func TestPseudonym(t *testing.T) {
	text := "title: T\nlogsource: {product: haetae}\ndetection: {sel: {actor.id: [Kim, ''], action: Read}, condition: sel}\n"
	set := mustCompile(t, text, AccessRecord(), Options{Pseudonym: func(_ FieldID, id string) string { return "p:" + id + "!" }})
	if !holds(t, set, RecordSource, fields{"actor.id": "p:Kim!", "action": "read"}) || !holds(t, set, RecordSource, fields{"action": "read"}) {
		t.Error("a constant is not compared as its pseudonym")
	}
	if holds(t, set, RecordSource, fields{"actor.id": "Kim", "action": "read"}) || holds(t, set, RecordSource, fields{"actor.id": "p:kim!", "action": "read"}) {
		t.Error("a constant is compared in the open, or without case")
	}
}
