package catalog

import (
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

func hangul(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Hangul, r) })
}

// TestMistakes: every kind of mistake has a code of its own and a sentence in
// each language that takes the same values in the same order.
func TestMistakes(t *testing.T) {
	verb := regexp.MustCompile(`%[a-z]`)
	codes := map[string]bool{}
	for m, text := range mistakes {
		if text.code == "" || text.en == "" || !hangul(text.ko) || hangul(text.en) || codes[text.code] {
			t.Errorf("mistake %d: %+v", m, text)
		}
		codes[text.code] = true
		if !slices.Equal(verb.FindAllString(text.en, -1), verb.FindAllString(text.ko, -1)) {
			t.Errorf("%s: %q and %q take different values", text.code, text.en, text.ko)
		}
	}
}

// TestMistakesInKorean: what Parse reports can be said in Korean, also after it
// came from a server.
func TestMistakesInKorean(t *testing.T) {
	text := "zone: Seoul\nitmes: {}\nitems: []\naccount: {pattern: \"[\"}\nroutes:\n  - {route: GET a, items: [TODO], account: TODO}\n"
	_, err := Parse("c.yaml", []byte(text))
	es, ok := errors.AsType[Errors](err)
	if !ok {
		t.Fatal(err)
	}
	raw, err := json.Marshal(es)
	if err != nil {
		t.Fatal(err)
	}
	var back Errors
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	want := `c.yaml:1: zone: 알 수 없는 시간대입니다. Asia/Seoul이나 UTC처럼 쓰십시오
c.yaml:2: 알 수 없는 키가 있습니다 (혹시 "items"?). 사용할 수 있는 키: version, zone, account, items, words, sources, routes
c.yaml:3: items: 키와 값이 있어야 할 자리에 목록이 있습니다
c.yaml:4: account.pattern: 정규식이 아닙니다: ]가 없습니다
c.yaml:6: routes[0].route: 경로는 /로 시작합니다
c.yaml:6: routes[0].items[0]: TODO는 아직 확인하지 않았다는 뜻입니다. 응답에 든 항목을 쓰고, 개인정보가 없으면 []로 쓰십시오
c.yaml:6: routes[0].account: TODO는 아직 확인하지 않았다는 뜻입니다. path.NAME, query.NAME, actor, list 중 하나를 쓰고, 로그에 없으면 none으로 쓰십시오`
	if got := back.KO(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if (Error{File: "c.yaml", Line: 1, Problem: "old"}).KO() != "c.yaml:1: old" {
		t.Error("a mistake without Korean says nothing")
	}
}

// TestLineIsAlwaysSaid: whatever is wrong with the YAML, there is a line to look at.
func TestLineIsAlwaysSaid(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"what: [", "c.yaml:1: not readable as YAML: a bracket is not closed, or a value is missing"},
		{"\"what: [\n", "c.yaml:"},
		{"zone: UTC\nitems: {\n", "c.yaml:2: not readable as YAML: "},
		{"zone: UTC\n\n sources: x\n", "c.yaml:"},
		{"zone: UTC\nitems:\n  name: *gone\n", "c.yaml:3: not readable as YAML: a reference (*) to a name that is not there"},
		{"zone: UTC\n# \xff\n", "c.yaml:2: not readable as YAML: "},
		{"zone: UTC\n\nitems: \x01\n", "c.yaml:3: not readable as YAML: it holds a control character"},
		{"a: b: c", "c.yaml:1: not readable as YAML: "},
		{"- a\nb: c\n", "c.yaml:"},
		{strings.Repeat("#", maxCatalogMiB<<20+1), "c.yaml:1: the file is larger"},
	} {
		_, err := Parse("c.yaml", []byte(test.text))
		e, ok := errors.AsType[Error](err)
		if !ok || e.Line < 1 || !strings.HasPrefix(e.Error(), test.want) || !hangul(e.KO()) || e.Code == "" {
			t.Errorf("%.40q: %v", test.text, err)
		}
	}
}

// TestNothingForTheTerminal: names and texts of a catalog are printed everywhere,
// so that none may hold what moves a cursor or turns a line around.
func TestNothingForTheTerminal(t *testing.T) {
	for _, bad := range []string{`\e[31m`, `\u202e`, `\u0085`, `\u200f`} {
		for _, text := range []string{
			`items: {name: {ko: "가` + bad + `", en: a, class: ordinary}}`,
			`routes: [{route: "GET /a` + bad + `", items: []}]`,
			`routes: [{route: GET /a, items: [], note: "x` + bad + `"}]`,
			`words: ["a` + bad + `"]`,
			`sources: {a: {format: common, set: {actor.type: "x` + bad + `"}}}`,
		} {
			if _, err := Parse("c.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), "control character") {
				t.Errorf("%s: %v", text, err)
			}
		}
	}
}

func TestUnknownItems(t *testing.T) {
	c := parse(t, frame)
	lines := "account,person,items\n" + strings.Repeat("m1,m1,name;phone\n", 3) + strings.Repeat("m1,m1,fone;name\n", 399) + "m1,m1,m1000001\n"
	rep, err := c.ReadHoldings("h.csv", strings.NewReader(lines), func(HoldingLine) error { return nil })
	if err != nil || rep.Bad != 0 || rep.UnknownEntries != 400 || len(rep.Unknown) != 1 || rep.Unknown[0] != (UnknownItem{"fone", 399, "phone"}) {
		t.Errorf("%+v, %v", rep, err)
	}
	// Columns exchanged: what stands there are names, and none is printed.
	var b strings.Builder
	b.WriteString("account,person,items\n")
	for i := range 30 {
		b.WriteString("m1,m1,kim" + string(rune('a'+i%26)) + strings.Repeat("x", i/26) + "\n")
	}
	rep, err = c.ReadHoldings("h.csv", strings.NewReader(b.String()), func(HoldingLine) error { return nil })
	if err != nil || rep.UnknownEntries != 30 || rep.Unknown != nil {
		t.Errorf("%+v, %v", rep, err)
	}
	// Without a catalog nothing is unknown.
	rep, _ = ReadHoldings("h.csv", strings.NewReader(lines), func(HoldingLine) error { return nil })
	if rep.UnknownEntries != 0 || rep.Unknown != nil {
		t.Errorf("%+v", rep)
	}
}
