package written

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// marker stands where a value may name somebody.
const marker = "4815162342"

func hangul(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Hangul, r) })
}

// TestKinds: every kind of mistake has a code of its own and a sentence in each
// language that takes the same values in the same order.
func TestKinds(t *testing.T) {
	verb := regexp.MustCompile(`%[a-z]`)
	codes := map[string]bool{}
	for _, k := range []Kind{
		TooLarge, ManyMore, NotYAML, Empty, Second, Unknown, NoValue, WantKeys, WantList, WantValue, PlainKey, Repeated, Reference, TooMany,
		NoText, LongText, Control, NoNumber, NoWord, Missing, NoZone,
	} {
		if k.Code == "" || k.EN == "" || !hangul(k.KO) || hangul(k.EN) || codes[k.Code] {
			t.Errorf("%+v", k)
		}
		codes[k.Code] = true
		if !slices.Equal(verb.FindAllString(k.EN, -1), verb.FindAllString(k.KO, -1)) {
			t.Errorf("%s: %q and %q take different values", k.Code, k.EN, k.KO)
		}
	}
}

// shelf is a file that has one of everything.
type shelf struct {
	Name  string            `yaml:"name"`
	Count int               `yaml:"count"`
	On    bool              `yaml:"on"`
	List  []string          `yaml:"list"`
	Map   map[string]string `yaml:"map"`
	Inner *struct {
		Deep []struct {
			Text string `yaml:"text"`
		} `yaml:"deep"`
	} `yaml:"inner"`
}

func read(text string) (*shelf, *Reader) {
	r := &Reader{File: "f.yaml", Places: true}
	s := &shelf{}
	if root := r.Document([]byte(text), 1); root != nil {
		r.Into(root, "", s)
	}
	return s, r
}

func TestInto(t *testing.T) {
	s, r := read("name: a\ncount: 7\non: true\nlist: [x, 2]\nmap: {k: v}\ninner:\n  deep:\n    - {text: one}\n    - text: |\n        two\n        lines\n")
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%s %d %t %q %v %q", s.Name, s.Count, s.On, s.List, s.Map, s.Inner.Deep)
	if want := `a 7 true ["x" "2"] map[k:v] [{"one"} {"two\nlines\n"}]`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for field, line := range map[string]int{"name": 1, "list[1]": 4, "map": 5, "inner.deep[1].text": 9, "inner.deep[1].none": 9, "inner.deep[7]": 8, "none": 1} {
		if r.LineOf(field) != line {
			t.Errorf("%s: line %d, want %d", field, r.LineOf(field), line)
		}
	}
	if s, r := read(""); s.Name != "" || r.Err() == nil {
		t.Error("an empty file is none")
	}
}

// TestMistakes: file, line and field are named, in both languages, and of several
// mistakes none hides another.
func TestMistakes(t *testing.T) {
	for _, x := range []struct{ text, en, ko string }{
		{"", "f.yaml:1: the file is empty", "f.yaml:1: 파일이 비어 있습니다"},
		{"nane: a\n", `f.yaml:1: unknown key; did you mean "name"?; known are name, count, on, list, map, inner`, `f.yaml:1: 알 수 없는 키가 있습니다 (혹시 "name"?). 사용할 수 있는 키: name, count, on, list, map, inner`},
		{"inner:\n  deep:\n    - m1000007: x\n", "f.yaml:3: inner.deep[0]: unknown key; known are text", "f.yaml:3: inner.deep[0]: 알 수 없는 키가 있습니다. 사용할 수 있는 키: text"},
		{"count: many\non: yes please\n", "f.yaml:1: count: expected a whole number\nf.yaml:2: on: is not one of true, false", "f.yaml:1: count: 정수여야 합니다\nf.yaml:2: on: 다음 중 하나여야 합니다: true, false"},
		{"list: x\nmap: [a]\nname: {a: b}\n", "f.yaml:1: list: expected a list, found one value\nf.yaml:2: map: expected keys and values, found a list\nf.yaml:3: name: expected one value, found keys and values",
			"f.yaml:1: list: 목록이 있어야 할 자리에 값 하나가 있습니다\nf.yaml:2: map: 키와 값이 있어야 할 자리에 목록이 있습니다\nf.yaml:3: name: 값 하나가 있어야 할 자리에 키와 값이 있습니다"},
		{"map:\n  kim: a\n  kim: b\n", "f.yaml:3: map[1]: stands twice; first on line 2", "f.yaml:3: map[1]: 같은 키가 두 번 있습니다. 처음은 2번째 줄입니다"},
		{"name: a\nname: b\n", "f.yaml:2: name: stands twice; first on line 1", "f.yaml:2: name: 같은 키가 두 번 있습니다. 처음은 1번째 줄입니다"},
		{"name:\n", "f.yaml:1: name: has no value", "f.yaml:1: name: 값이 없습니다"},
		{"name: &a x\nlist: [*a]\n", "f.yaml:2: list[0]: YAML references (*) are not supported: write the value out", "f.yaml:2: list[0]: YAML 참조(*)는 쓸 수 없습니다. 값을 그대로 쓰십시오"},
		{"name: \"a\\e[31m\"\n", "f.yaml:1: name: holds a control character", "f.yaml:1: name: 제어 문자가 있습니다"},
		{"name: a\n---\nname: b\n", "f.yaml:2: a second document begins here; a file holds one", "f.yaml:2: 여기서 두 번째 문서가 시작됩니다. 파일에는 문서가 하나만 있어야 합니다"},
		{"? [a]\n: b\n", "f.yaml:1: a key is a plain word", "f.yaml:1: 키는 한 단어여야 합니다"},
		{strings.Repeat("#", 1<<20+1), "f.yaml:1: the file is larger than 1 MiB", "f.yaml:1: 파일이 1 MiB보다 큽니다"},
	} {
		_, r := read(x.text)
		err := r.Err()
		if err == nil {
			t.Errorf("%.40q: no mistake", x.text)
			continue
		}
		if err.Error() != x.en || Korean(err) != x.ko {
			t.Errorf("%.40q:\n%v\n%s\nwant\n%s\n%s", x.text, err, Korean(err), x.en, x.ko)
		}
		if m, ok := errors.AsType[Mistake](err); !ok || m.File != "f.yaml" {
			t.Errorf("%T holds no Mistake", err)
		}
	}
}

// TestBrokenYAML: there is a line, words of ours in both languages, and none of the
// library's.
func TestBrokenYAML(t *testing.T) {
	for text, line := range map[string]int{
		"a: [" + marker: 1, "\"" + marker + ": [\n": 0, "a: b\nc: {\n": 2, "a: b\n\n c: " + marker + "\n": 0, "a: b\nc:\n  d: *x" + marker + "\n": 3,
		"a: b\n# \xff\n": 2, "a: b\n\nc: \x01" + marker + "\n": 3, "a: " + marker + ": c": 1, "- a\n" + marker + ": c\n": 0, "a: @" + marker: 1,
		"a: \"\\" + marker + "\"\n": 1, "a:\n\t- " + marker: 0, "a: &" + marker: 0, "%" + marker + "\n---\n": 0, "a: !<" + marker: 1,
	} {
		_, r := read(text)
		err := r.Err()
		if err == nil {
			continue
		}
		m, _ := errors.AsType[Mistake](err)
		if m.Line < 1 || line > 0 && m.Line != line || !hangul(m.ProblemKO) {
			t.Errorf("%q: %v", text, err)
		}
		for _, s := range []string{err.Error(), Korean(err)} {
			if strings.Contains(s, marker) || strings.Contains(s, "did not") || strings.Contains(s, "yaml:") && !strings.HasPrefix(s, "f.yaml:") {
				t.Errorf("%q: %s", text, s)
			}
		}
	}
}

// TestMany: a wrong file does not print itself.
func TestMany(t *testing.T) {
	_, r := read("list:\n" + strings.Repeat("- {}\n", 500))
	ms, ok := errors.AsType[Mistakes](r.Err())
	if !ok || len(ms) != maxMistakes+1 || ms[maxMistakes].Problem != "and 400 more mistakes" {
		t.Errorf("%d mistakes", len(ms))
	}
}

// TestReferences: they can be allowed, and then unfold to no more than a bound.
func TestReferences(t *testing.T) {
	r := &Reader{File: "f.yaml", References: true}
	s := &shelf{}
	r.Into(r.Document([]byte("name: &a x\nlist: &l [*a, *a]\n"), 1), "", s)
	if err := r.Err(); err != nil || len(s.List) != 2 || s.List[1] != "x" {
		t.Errorf("%v %v", err, s.List)
	}
	wide := "a: &a [" + strings.Repeat("x,", 2000) + "x]\nb: [" + strings.Repeat("*a,", 2000) + "*a]\n"
	r = &Reader{File: "f.yaml", References: true}
	v := &struct {
		A []string   `yaml:"a"`
		B [][]string `yaml:"b"`
	}{}
	r.Into(r.Document([]byte(wide), 1), "", v)
	if err := r.Err(); err == nil || !strings.Contains(err.Error(), "unfold to too many") {
		t.Errorf("%.200v", err)
	}
}

// TestJoined: each error is told in the language asked for, as far as it can.
func TestJoined(t *testing.T) {
	_, r := read("")
	plain := errors.New("plain")
	err := Joined(nil, r.Err(), plain, fmt.Errorf("around: %w", Errorf("%d개", "%d of them", 3)))
	if got := err.Error(); got != "f.yaml:1: the file is empty\nplain\naround: 3 of them" {
		t.Error(got)
	}
	if got := Korean(err); got != "f.yaml:1: 파일이 비어 있습니다\nplain\n3개" {
		t.Error(got)
	}
	if !errors.Is(err, plain) || Joined(nil, plain) != plain || Joined(nil, nil) != nil {
		t.Error("Joined loses what it joins")
	}
}

// FuzzInto: any file is read or refused, with no word of it in the refusal.
func FuzzInto(f *testing.F) {
	f.Add([]byte("name: a\ncount: 7\nlist: [x, 2]\nmap: {k: v}\ninner: {deep: [{text: one}]}\n"))
	f.Add([]byte("a: &a [*a]\nb: *a\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, references := range []bool{false, true} {
			r := &Reader{File: "f.yaml", References: references, Places: true}
			if root := r.Document(text, 1); root != nil {
				r.Into(root, "", &shelf{})
			}
			err := r.Err()
			if err == nil {
				continue
			}
			for _, s := range []string{err.Error(), Korean(err)} {
				for l := range strings.SplitSeq(s, "\n") {
					if !strings.HasPrefix(l, "f.yaml:") || strings.Contains(l, "%!") {
						t.Fatalf("%q", l)
					}
				}
			}
		}
	})
}
