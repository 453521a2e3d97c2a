package element

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// cut gives what is cut out of a text, fed in pieces; broken ones behind a "!".
func cut(text string, from int, pieces func(left int) int) []string {
	c := New("Records", int64(from))
	var cuts []Cut
	for at := from; at < len(text); {
		n := min(pieces(len(text)-at), len(text)-at)
		cuts = c.Feed([]byte(text[at:at+n]), cuts)
		at += n
	}
	cuts = c.End(cuts)
	var out []string
	last := int64(0)
	for _, e := range cuts {
		if e.From < last || e.To < e.From || e.To > int64(len(text)) {
			panic(fmt.Sprintf("%+v behind %d of %d", e, last, len(text)))
		}
		last = e.To
		s := text[e.From:e.To]
		if e.Broken {
			s = "!" + s
		}
		out = append(out, s)
	}
	return out
}

func whole(int) int { return 1 << 30 }

func TestCut(t *testing.T) {
	const a, b, c = `{"a":1,"x":{"y":[1,{"z":"]}"}]}}`, `{"b":"\"}{"}`, `{"c":null}`
	for _, test := range []struct {
		what, text string
		want       []string
	}{
		{"a list under the key", `{"Records":[` + a + `,` + b + `]}`, []string{a, b}},
		{"written over lines", "{\n  \"Records\": [\n    " + a + ",\r\n\n    " + b + "\n  ]\n}\n", []string{a, b}},
		{"a list", "[" + a + ",\n" + b + "]", []string{a, b}},
		{"lines", a + "\n" + b + "\n\n" + c + "\n", []string{a, b, c}},
		{"lines without the last end", a + "\n" + b, []string{a, b}},
		{"side by side", a + b + c, []string{a, b, c}},
		{"several documents", `{"Records":[` + a + "]}\n{\"Records\":[" + b + "]}[" + c + "]", []string{a, b, c}},
		{"documents and lines", `{"Records":[` + a + "]}\n" + b + "\n[" + c + "]", []string{a, b, c}},
		{"other members around the list", `{"v":1,"w":{"Records":[9]},"Records":[` + a + `],"x":[{"y":1}],"z":"Records"}` + b, []string{a, b}},
		{"the key deeper is another", `[{"Records":[` + a + `]}]`, []string{`{"Records":[` + a + `]}`}},
		{"a key that begins alike", `{"Record":[1],"Recordss":[2]}`, []string{`{"Record":[1],"Recordss":[2]}`}},
		{"the key holds no list", `{"Records":{"a":[1]}}`, []string{`{"Records":{"a":[1]}}`}},
		{"an empty list", `{"Records":[]}`, nil},
		{"an empty list at the top", ` [ ] `, nil},
		{"nothing", "", nil},
		{"a byte order mark", "\ufeff{\"Records\":[" + a + "]}", []string{a}},
		{"lists in a list", "[[1],[{}]," + a + "]", []string{"[1]", "[{}]", a}},
		{"a comma too many", "[" + a + ",]" + b, []string{a, b}},

		{"a value that is missing", `[{"a":},` + b + `]`, []string{`!{"a":}`, b}},
		{"a brace that is missing", `[{"x":{"y":1},` + b + `,` + c + `]`, []string{`!{"x":{"y":1},`, b, c}},
		{"at the end of the list", `[` + a + `,{"x":[1}]` + "\n" + b, []string{a, `!{"x":[1}]`, b}},
		{"a brace too many", `[{"x":1}},` + b + `]`, []string{`{"x":1}`, `!}`, b}},
		{"a quote that is missing", `[{"x":"1,"y":"2"},` + b + `,` + c + `]`, []string{`!{"x":"1,"y":"2"}`, b, c}},
		{"a quote on lines", `{"x":"1` + "\n" + b + "\n", []string{`!{"x":"1`, b}},
		{"words between lines", a + "\nhello there\n\n" + b + "\nbye", []string{a, "!hello there", b, "!bye"}},
		{"words in a list", `[1,"two",` + a + `]`, []string{`!1,"two"`, a}},
		{"two without a comma", `[` + a + ` ` + b + `]`, []string{a, b}},
		{"in front of a document", "# sync\n" + `{"Records":[` + a + `]}`, []string{`!# sync`, a}},
		{"deeper than anybody nests", `[` + strings.Repeat(`{"a":`, 300) + "1" + strings.Repeat("}", 300) + "\n," + b + "]", []string{"!" + strings.Repeat(`{"a":`, 300) + "1" + strings.Repeat("}", 300), b}},

		{"cut off inside", `{"Records":[` + a + `,{"b":"x`, []string{a, `!{"b":"x`}},
		{"cut off behind a comma", `{"Records":[` + a + `,`, []string{a, "!"}},
		{"cut off behind an element", `{"Records":[` + a, []string{a, "!"}},
		{"cut off before the first", `{"Records":[`, []string{"!"}},
		{"cut off in what stands around", `{"Records":[` + a + `],"x":`, []string{a, "!"}},
		{"cut off before the key", `{"Rec`, []string{`!{"Rec`}},
	} {
		if got := cut(test.text, 0, whole); !slices.Equal(got, test.want) {
			t.Errorf("%s:\n got %q\nwant %q", test.what, got, test.want)
		}
		if got := cut(test.text, 0, func(int) int { return 1 }); !slices.Equal(got, test.want) {
			t.Errorf("%s, byte by byte:\n got %q\nwant %q", test.what, got, test.want)
		}
	}
}

// TestGoneOnWith: behind every element another Cutter gives the same that follows.
func TestGoneOnWith(t *testing.T) {
	text := `{"v":0,"Records":[{"a":1}, {"b":[{"c":2}]},{"d":3,"e"},` + "\n" + `{"f":4}],"more":[{"g":5}]}` + "\n" + `{"h":6}` + "\n" + `[{"i":7}]{"Records":[{"j":8}]}`
	all := cut(text, 0, whole)
	if len(all) != 7 || all[2] != `!{"d":3,"e"}` {
		t.Fatalf("%q", all)
	}
	c := New("Records", 0)
	var cuts []Cut
	seen := map[int64]bool{}
	for i := range len(text) {
		cuts = c.Feed([]byte(text[i:i+1]), cuts)
		at := c.Safe()
		if at == 0 || seen[at] {
			continue
		}
		seen[at] = true
		if got := cut(text, int(at), whole); !slices.Equal(got, all[len(cuts):]) {
			t.Errorf("behind %d elements: %q, want %q", len(cuts), got, all[len(cuts):])
		}
	}
	if len(seen) != 7 {
		t.Errorf("%d places", len(seen))
	}
}

// TestInside: what is left of an element that was cut before is passed over, and
// nothing that follows is lost.
func TestInside(t *testing.T) {
	text := "[\n {\n  \"a\": 1,\n  \"s\": \"x\"\n },\n {\n  \"b\": 2\n }\n]\n"
	second := text[strings.LastIndex(text, "{") : strings.LastIndex(text, "}")+1]
	for at := strings.Index(text, "{") + 1; at <= strings.Index(text, "}"); at++ {
		if text[at-1] != '\n' {
			continue // streams are known by their line feeds
		}
		if got := cut(text, at, whole); !slices.Equal(got, []string{second}) {
			t.Errorf("from %q: %q", text[at:at+5], got)
		}
	}
}

// made writes documents of elements whose texts it gives.
func made(rnd *rand.Rand) (text string, want []string) {
	var b strings.Builder
	blank := func() { b.WriteString([]string{"", "", " ", "\n", "\r\n\t"}[rnd.IntN(5)]) }
	element := func() {
		v := map[string]any{"id": rnd.IntN(1000), "text": strings.Repeat(`"{[\,`, rnd.IntN(4)) + "é한", "deep": []any{map[string]any{"Records": []int{1}}, nil, 1.5e3, true}}
		s, _ := json.Marshal(v)
		if rnd.IntN(2) == 0 {
			s, _ = json.MarshalIndent(v, " ", "\t")
		}
		want = append(want, string(s))
		b.Write(s)
	}
	for range rnd.IntN(4) + 1 {
		n := rnd.IntN(5)
		switch rnd.IntN(3) {
		case 0:
			for range n {
				element()
				b.WriteString("\n")
			}
			continue
		case 1:
			b.WriteString(`{"x":{"Records":[{}]},`)
			blank()
			b.WriteString(`"Records" :`)
		}
		open := b.Len() > 0 && strings.HasSuffix(b.String(), ":")
		b.WriteString("[")
		for i := range n {
			if i > 0 {
				blank()
				b.WriteString(",")
			}
			blank()
			element()
		}
		blank()
		b.WriteString("]")
		if open {
			blank()
			b.WriteString("}")
		}
		b.WriteString("\n")
	}
	return b.String(), want
}

// TestMade: whatever is written, its elements come back, however it is fed.
func TestMade(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 9))
	for range 500 {
		text, want := made(rnd)
		if got := cut(text, 0, func(int) int { return rnd.IntN(40) + 1 }); !slices.Equal(got, want) {
			t.Fatalf("%s\n got %q\nwant %q", text, got, want)
		}
	}
}

// TestDamaged: one byte that is wrong costs the elements around it, and no other.
func TestDamaged(t *testing.T) {
	rnd := rand.New(rand.NewPCG(11, 13))
	for range 3000 {
		var list []string
		for i := range 8 {
			list = append(list, fmt.Sprintf(`{"n":%d,"who":{"name":"somebody","tags":["a","b"]},"last":"%d"}`, i, i))
		}
		text := []byte(`{"Records":[` + strings.Join(list, ",") + "]}")
		at := 13 + rnd.IntN(len(text)-16)
		switch rnd.IntN(3) {
		case 0:
			text[at] = `{}[]",:x\`[rnd.IntN(9)]
		case 1:
			text = append(text[:at], text[at+1:]...)
		default:
			text = slices.Insert(text, at, `{}[]",:x\`[rnd.IntN(9)])
		}
		got := cut(string(text), 0, whole)
		lost := 0
		for _, e := range list {
			if !slices.Contains(got, e) {
				lost++
			}
		}
		if lost > 2 {
			t.Fatalf("%d lost of\n%s\n%q", lost, text, got)
		}
	}
}

func TestObject(t *testing.T) {
	o := Members([]byte(` {"a":"x\u00e9\n","b" : [1, {"c":"]"}] ,"\u0061":-1.5e+3,"":{}} `))
	var got []string
	for name, v, ok := o.Next(); ok; name, v, ok = o.Next() {
		got = append(got, string(name)+"="+string(v))
	}
	if want := []string{`a="x\u00e9\n"`, `b=[1, {"c":"]"}]`, `a=-1.5e+3`, `={}`}; o.Bad() || !slices.Equal(got, want) {
		t.Errorf("%v, %q", o.Bad(), got)
	}
	if s, ok := Text([]byte(`"x\u00e9\n\ud55c\ud83d\ude00\\\""`)); !ok || string(s) != "xé\n한😀\\\"" {
		t.Errorf("%q", s)
	}
	if got := Elements([]byte(`[1, {"a":[2]} ,"x"]`), 9); len(got) != 3 || string(got[1]) != `{"a":[2]}` {
		t.Errorf("%q", got)
	}
	if Elements([]byte(`{"a":1}`), 9) != nil || len(Elements([]byte(`[1,2,3]`), 2)) != 2 {
		t.Error("Elements gives what is none, or too many")
	}
}

// FuzzObject: what is no JSON object is told, and what is one is read as
// encoding/json reads it.
func FuzzObject(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":1,"b":[{"c":"d\"}"}]}`, `{"a":tru}`, `{"a":01}`, `[1]`, `{"a":1}x`, `{"a" 1}`, `{"a":1,}`, `{"\ud83d":"\u12"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		o := Members(text)
		got := map[string]string{}
		for name, v, ok := o.Next(); ok; name, v, ok = o.Next() {
			got[string(name)] = string(v)
		}
		var want map[string]json.RawMessage
		err := json.Unmarshal(text, &want)
		if err == nil && want != nil && o.Bad() && !strings.Contains(string(text), strings.Repeat("[", maxDepth)) && depthOf(text) < maxDepth {
			t.Fatalf("refused: %q", text)
		}
		if o.Bad() || err != nil {
			return
		}
		for name, v := range want {
			if strings.ContainsRune(name, '�') {
				continue // encoding/json replaces what is not UTF-8
			}
			if got[name] != string(v) {
				t.Fatalf("%q: %q, want %q", name, got[name], v)
			}
		}
	})
}

func depthOf(text []byte) int {
	deep, n := 0, 0
	for _, c := range text {
		switch c {
		case '{', '[':
			n++
			deep = max(deep, n)
		case '}', ']':
			n--
		}
	}
	return deep
}

// FuzzCut: however a text is fed, the same is cut out of it; what is cut out does
// not overlap; and a valid document is cut into what it holds.
func FuzzCut(f *testing.F) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 10 {
		text, _ := made(rnd)
		f.Add(text, uint8(rnd.IntN(20)))
	}
	f.Add(`{"Records":[{"a":{"b":1},{"c":"2},{"d":3}]}`, uint8(3))
	f.Fuzz(func(t *testing.T, text string, n uint8) {
		want := cut(text, 0, whole)
		if got := cut(text, 0, func(int) int { return int(n) + 1 }); !slices.Equal(got, want) {
			t.Fatalf("%q in pieces of %d: %q, whole %q", text, n+1, got, want)
		}
		var list []json.RawMessage
		if json.Unmarshal([]byte(text), &list) == nil && depthOf([]byte(text)) < maxDepth && list != nil {
			for _, e := range list {
				if e[0] == '{' && !slices.Contains(want, string(e)) {
					t.Fatalf("%q is not among %q", e, want)
				}
			}
		}
	})
}

func BenchmarkCut(b *testing.B) {
	one := `{"eventVersion":"1.09","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::123456789012:user/somebody","accountId":"123456789012"},"requestParameters":{"bucketName":"shop-members","key":"profiles/m1000042.json"},"responseElements":null,"userAgent":"[aws-cli/2.15.0 Python/3.11.6 Linux/6.1]"}`
	text := []byte(`{"Records":[` + strings.Repeat(one+",", 3000) + one + "]}")
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	var cuts []Cut
	for b.Loop() {
		c := New("Records", 0)
		cuts = c.End(c.Feed(text, cuts[:0]))
	}
	if len(cuts) != 3001 {
		b.Fatal(len(cuts))
	}
}
