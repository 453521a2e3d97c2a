package score

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/haetae/haetae/internal/golden"
	"github.com/haetae/haetae/internal/written/writtentest"
)

var items3 = []string{"name", "phone", "door"}

func TestReadAlerts(t *testing.T) {
	csv := "\ufefftime,severity,rule,key,actor,address,agent,route,text,id,x_mine\r\n" +
		"2025-03-10T01:00:00+09:00,HIGH,forged,old now,a1,198.18.0.9 198.18.0.0/24,\"curl/8 (x, \"\"y\"\")\",GET /profile,\"one, two\",1,z\r\n" +
		"\r\n" +
		"2025-03-10T01:00:00+09:00,high,forged,old,a2,,Firefox,,,1,\n" +
		"2025-03-09T16:00:00Z,low,,,,,,,,,"
	json := `{"time":"2025-03-10T01:00:00+09:00","severity":"high","rule":"forged","key":["old","now"],"actor":["a1","a2"],` +
		`"address":["198.18.0.9","198.18.0.0/24"],"agent":["curl/8 (x, \"y\")","Firefox"],"route":"GET /profile","text":"one, two","x_mine":{}}` + "\n" +
		`{"time":"2025-03-09T16:00:00Z","severity":"low","rule":null,"key":[]}`
	want := []Alert{
		{
			Time: at("10 01:00:00"), Severity: "high", Rule: "forged", Keys: []string{"old", "now"}, Actors: []string{"a1", "a2"},
			Addresses: []string{"198.18.0.9", "198.18.0.0/24"}, Agents: []string{`curl/8 (x, "y")`, "Firefox"}, Routes: []string{"GET /profile"}, Text: "one, two",
		},
		{Time: at("10 01:00:00"), Severity: "low"},
	}
	for name, text := range map[string]string{"csv": csv, "json": json} {
		got, aside, err := ReadAlerts(name, strings.NewReader(text))
		if err != nil || aside.Lines != 0 {
			t.Fatalf("%s: %v %v", name, err, aside.Err())
		}
		for i := range got {
			if !got[i].Time.Equal(want[i].Time) {
				t.Errorf("%s: time %v", name, got[i].Time)
			}
			got[i].Time = want[i].Time
			if len(got[i].Keys) == 0 { // nil and empty mean the same
				got[i].Keys, got[i].Actors, got[i].Addresses = nil, nil, nil
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	if got, _, err := ReadAlerts("empty", strings.NewReader("\n")); err != nil || got != nil {
		t.Errorf("an empty file: %v %v", got, err)
	}
}

// wrongLines puts each wrong line between two right ones: it is told, and they count.
func wrongLines(t *testing.T, head, right string, wrong map[string]string, read func(string) (int, Aside, error)) {
	t.Helper()
	for field, line := range wrong {
		field, _, _ = strings.Cut(field, " ")
		n, aside, err := read(head + right + line + "\n" + right)
		if err != nil || n != 2 || aside.Lines != 1 {
			t.Errorf("%s: %d lines read, %d set aside, %v", field, n, aside.Lines, err)
			continue
		}
		m := aside.Mistakes[0]
		if want := strings.Trim(field, "-"); m.Field != want || m.Line != 2+strings.Count(head, "\n") || m.File != "f" {
			t.Errorf("%s: told as %s line %d field %q", field, m.File, m.Line, m.Field)
		}
		if p := writtentest.Told(aside.Err(), "f"); p != "" {
			t.Errorf("%s: %s", field, p)
		}
	}
}

func TestAlertsSetAside(t *testing.T) {
	const id = writtentest.Marker
	read := func(text string) (int, Aside, error) {
		got, aside, err := ReadAlerts("f", strings.NewReader(text))
		return len(got), aside, err
	}
	now := "2025-03-10T01:00:00+09:00"
	wrongLines(t, "time,severity,rule,actor,address\n", now+",low,r,a,\n", map[string]string{
		"time":         id + ",low,r,a,",
		"time none":    ",low,r,a,",
		"severity":     now + "," + id + ",r,a,",
		"address":      now + ",low,r,a," + id,
		"- few":        now + ",low," + id,
		"- many":       now + ",low,r,a,,," + id,
		"- quote":      now + `,low,"` + id + ",a,",
		"- quote in":   now + `,low,x"` + id + `",a,`,
		"- after":      now + `,low,"x"` + id + `,a,`,
		"- not text":   now + ",low,\xff" + id + ",a,",
		"- too long":   now + ",low," + strings.Repeat(id, longestLine/10) + ",a,",
		"address zone": now + ",low,r,a,fe80::1%" + id,
	}, read)
	wrongLines(t, "", `{"time":"`+now+`","severity":"low"}`+"\n", map[string]string{
		"-":         id,
		"- list":    `["` + id + `"]`,
		"- null":    `null`,
		"- key":     `{"time":"` + now + `","severity":"low","` + id + `":1}`,
		"actor":     `{"time":"` + now + `","severity":"low","actor":{"` + id + `":1}}`,
		"actor nil": `{"time":"` + now + `","severity":"low","actor":["` + id + `",null]}`,
		"rule":      `{"time":"` + now + `","severity":"low","rule":["` + id + `"]}`,
		"time":      `{"severity":"low"}`,
		"severity":  `{"time":"` + now + `"}`,
	}, read)
	for _, c := range []struct{ line, field string }{
		{"2025-03-10T01:00:01+09:00,low,r,1", "time"}, {now + ",high,r,1", "severity"}, {now + ",low,q,1", "rule"},
	} {
		_, aside, err := read("time,severity,rule,id\n" + now + ",low,r,1\n" + c.line + "\n")
		if err != nil || aside.Lines != 1 || aside.Mistakes[0].Field != c.field {
			t.Errorf("another %s of the same id: %v %v", c.field, err, aside)
		}
	}
}

func TestHeaders(t *testing.T) {
	const id = writtentest.Marker
	for _, text := range []string{
		id + "\n", "time," + id + "\n", "time\n", "severity\n", "time,severity,time\n", "\"" + id + "\n", "\xff" + id, "time,severity," + strings.Repeat(id+",", 500) + "\n",
	} {
		_, _, err := ReadAlerts("f", strings.NewReader(text+id+"\n"))
		if err == nil {
			t.Errorf("%.40q was read", text)
		} else if p := writtentest.Told(err, "f"); p != "" {
			t.Error(p)
		}
	}
	if _, _, err := ReadPeople("f", strings.NewReader(id+",name\n"), items3); err == nil || writtentest.Told(err, "f") != "" {
		t.Errorf("people without a header: %v", err)
	}
}

func TestReadPeople(t *testing.T) {
	got, aside, err := ReadPeople("f", strings.NewReader("items,person\nname;door,m1\nphone,m2\n,m3\nphone,m1\n"), items3)
	if err != nil || aside.Lines != 0 || got.Len() != 3 {
		t.Fatal(got.Len(), err, aside.Err())
	}
	for id, want := range map[string]uint32{"m1": 7, "m2": 2, "m3": 0} {
		if m, in := got.Items(id); m != want || !in {
			t.Errorf("%s: %b %v", id, m, in)
		}
	}
	const id = writtentest.Marker
	wrongLines(t, "person,items\n", "m1,name\n", map[string]string{
		"items": id + "," + id, "items two": id + ",name;" + id, "person": ",name", "person long": strings.Repeat(id, 400) + ",name",
	}, func(text string) (int, Aside, error) {
		p, aside, err := ReadPeople("f", strings.NewReader(text), items3)
		return int(2 * p.Len()), aside, err
	})
	possible, excluded, aside, err := ReadOthers("f", strings.NewReader("kind,person,items\npossible,m1,name\nexcluded,m2,\n"+id+","+id+",name\n"), items3)
	if err != nil || possible.Len() != 1 || excluded.Len() != 1 || aside.Lines != 1 || writtentest.Told(aside.Err(), "f") != "" {
		t.Errorf("others: %d %d %v %v", possible.Len(), excluded.Len(), err, aside.Err())
	}
}

func TestReadStatements(t *testing.T) {
	const id = writtentest.Marker
	now := "2025-03-10T01:00:00+09:00"
	got, aside, err := ReadStatements("f", strings.NewReader("kind,log,from,to,rows\ngap,web,"+now+",,\nunresolved,,,"+now+",12\nhold,,"+now+",,\n"))
	if err != nil || aside.Lines != 0 || len(got) != 3 || got[1].Rows != 12 || !got[0].To.IsZero() || !got[2].From.Equal(at("10 01:00:00")) {
		t.Fatal(got, err, aside.Err())
	}
	wrongLines(t, "kind,log,from,to,rows\n", "gap,,,,\n", map[string]string{
		"kind": id + ",,,,", "from": "gap,," + id + ",,", "to": "gap,,," + id + ",", "rows": "unresolved,,,," + id, "rows neg": "unresolved,,,,-1",
		"to before": "gap," + id + "," + now + ",2025-03-09T00:00:00Z,", "from hold": "hold," + id + ",,,",
	}, func(text string) (int, Aside, error) {
		s, aside, err := ReadStatements("f", strings.NewReader(text))
		return len(s), aside, err
	})
}

func TestReadNumbers(t *testing.T) {
	sound := `{"reads": 3, "people": 0, "people_by_item": {"name": 2}, "reads_by_item": {"door": 1}, "rules": ["a"], "x_b": 1}`
	n, rules, err := ReadNumbers("f", strings.NewReader(sound), items3)
	if err != nil || *n.Reads != 3 || n.Accounts != nil || *n.People != 0 || n.ByItem["name"] != 2 || n.ReadsByItem["door"] != 1 || !slices.Equal(rules, []string{"a"}) {
		t.Fatal(n, rules, err)
	}
	writtentest.Private(t, "f", sound, func(text string) error {
		_, _, err := ReadNumbers("f", strings.NewReader(text), items3)
		return err
	})
	if _, _, err := ReadNumbers("f", strings.NewReader(`{"reads":1}`+strings.Repeat(" ", mostNumbers)), items3); err == nil {
		t.Error("a huge file was read")
	}
}

// TestSpoiledFiles: no mistake of any file repeats what stands in it.
func TestSpoiledFiles(t *testing.T) {
	for name, f := range map[string]struct {
		sound string
		read  func(string) (Aside, error)
	}{
		"alerts": {"time,severity,rule,key,address,id\n2025-03-10T01:00:00+09:00,high,r,k,10.0.0.1,1\n", func(s string) (Aside, error) {
			_, a, err := ReadAlerts("f", strings.NewReader(s))
			return a, err
		}},
		"JSON alerts": {`{"time":"2025-03-10T01:00:00+09:00","severity":"high","key":["k"],"address":"10.0.0.1"}` + "\n", func(s string) (Aside, error) {
			_, a, err := ReadAlerts("f", strings.NewReader(s))
			return a, err
		}},
		"people": {"person,items\nm1,name;phone\n", func(s string) (Aside, error) {
			_, a, err := ReadPeople("f", strings.NewReader(s), items3)
			return a, err
		}},
		"others": {"kind,person,items\npossible,m1,name\n", func(s string) (Aside, error) {
			_, _, a, err := ReadOthers("f", strings.NewReader(s), items3)
			return a, err
		}},
		"statements": {"kind,log,from,to,rows\ngap,web,2025-03-10T01:00:00+09:00,2025-03-11T01:00:00+09:00,3\n", func(s string) (Aside, error) {
			_, a, err := ReadStatements("f", strings.NewReader(s))
			return a, err
		}},
	} {
		told := 0
		for _, text := range writtentest.Spoiled(f.sound) {
			aside, err := f.read(text)
			for _, err := range []error{err, aside.Err()} {
				if err == nil {
					continue
				}
				told++
				if p := writtentest.Told(err, "f"); p != "" {
					t.Fatalf("%s: %s\n%q", name, p, text)
				}
			}
		}
		if told < 100 {
			t.Errorf("%s: only %d mistakes were told", name, told)
		}
	}
}

func TestAsideErr(t *testing.T) {
	_, aside, err := ReadPeople("f", strings.NewReader("person,items\n"+strings.Repeat("m1,zzz\n", 80)), items3)
	if err != nil || aside.Lines != 80 || len(aside.Mistakes) != mostMistakes || !strings.HasSuffix(aside.Err().Error(), "and 30 more mistakes") {
		t.Errorf("%v %d: %v", err, aside.Lines, aside.Err())
	}
}

// TestReadFails: a disk that fails in the middle is an error, not an end.
func TestReadFails(t *testing.T) {
	broken := errors.New("broken")
	for _, text := range []string{"", "person,items\n", "person,items\nm1,name\nm2"} {
		r := func() *bytes.Buffer { return bytes.NewBufferString(text) }
		if _, _, err := ReadPeople("f", fails(r(), broken), items3); !errors.Is(err, broken) {
			t.Errorf("people %q: %v", text, err)
		}
		if _, _, err := ReadAlerts("f", fails(r(), broken)); text == "" && !errors.Is(err, broken) {
			t.Errorf("alerts %q: %v", text, err)
		}
	}
}

func fails(r *bytes.Buffer, err error) *failing { return &failing{r, err} }

type failing struct {
	*bytes.Buffer
	err error
}

func (f *failing) Read(p []byte) (int, error) {
	if f.Len() == 0 {
		return iotest.ErrReader(f.err).Read(p)
	}
	return f.Buffer.Read(p)
}

// TestPeople holds the set against a map.
func TestPeople(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 11))
	p, want := NewPeople(), map[string]uint32{}
	for range 50_000 {
		id := fmt.Sprint("m", r.IntN(20_000))
		if r.IntN(10) == 0 {
			id = strings.Repeat("é", r.IntN(300)) + id
		}
		items := r.Uint32N(16)
		p.Add(id, items)
		want[id] |= items
	}
	if p.Len() != int64(len(want)) {
		t.Fatalf("%d people, want %d", p.Len(), len(want))
	}
	count := make([]int64, 4)
	for id, items := range want {
		if got, in := p.Items(id); got != items || !in {
			t.Fatalf("%d for a person of %d", got, items)
		}
		if _, in := p.Items(id + "x"); in != (want[id+"x"] > 0) && !slices.Contains(slices.Collect(maps.Keys(want)), id+"x") {
			t.Fatal("somebody is in who is not")
		}
		for k := range count {
			count[k] += int64(items >> k & 1)
		}
	}
	if got := p.counted(4); !slices.Equal(got, count) {
		t.Errorf("%v by item, want %v", got, count)
	}
	var none *People
	if _, in := none.Items("m1"); in || none.Len() != 0 || none.counted(1)[0] != 0 {
		t.Error("nobody is somebody")
	}
}

// TestPage: the examples of the page are files that can be read.
func TestPage(t *testing.T) {
	page := golden.Page(t, "docs/drills.md")
	block := func(begins string) string {
		_, rest, _ := strings.Cut(page, "\n"+begins)
		text, _, ok := strings.Cut(rest, "\n```")
		if !ok {
			t.Fatalf("the page has no block that begins with %s", begins)
		}
		return begins + text
	}
	if got, aside, err := ReadAlerts("f", strings.NewReader(block("time,severity"))); err != nil || aside.Lines != 0 || len(got) != 1 || len(got[0].Addresses) != 2 {
		t.Errorf("alerts: %v %v %v", got, aside.Err(), err)
	}
	all := []string{"name", "email", "phone", "address", "door_code", "orders"}
	if got, aside, err := ReadPeople("f", strings.NewReader(block("person,items")), all); err != nil || aside.Lines != 0 || got.Len() != 2 {
		t.Errorf("people: %v %v", aside.Err(), err)
	}
	if n, _, err := ReadNumbers("f", strings.NewReader(block(`{"reads"`)), all); err != nil || *n.Reads != 720 {
		t.Errorf("numbers: %v", err)
	}
	_, line, _ := strings.Cut(page, "texts: `{")
	line, _, _ = strings.Cut(line, "}`")
	if got, aside, err := ReadAlerts("f", strings.NewReader("{"+line+"}")); err != nil || aside.Lines != 0 || len(got) != 1 || len(got[0].Agents) != 1 {
		t.Errorf("JSON alerts: %v %v", aside.Err(), err)
	}
	for _, kind := range statementKinds {
		if !strings.Contains(page, "| `"+kind+"` |") {
			t.Errorf("the page does not explain the statement %s", kind)
		}
	}
	for _, name := range alertColumns {
		if !strings.Contains(page, "| `"+name+"` |") {
			t.Errorf("the page does not explain the column %s", name)
		}
	}
}

// FuzzFiles: no file of findings panics, and each line is read or set aside.
func FuzzFiles(f *testing.F) {
	f.Add([]byte("time,severity,key,address,id\n2025-03-10T01:00:00+09:00,high,k,10.0.0.1,1\n"))
	f.Add([]byte(`{"time":"2025-03-10T01:00:00+09:00","severity":"high","key":["k"]}`))
	f.Add([]byte("person,items\nm1,\"name;phone\"\n"))
	f.Add([]byte("kind,person,log,from,to,rows\ngap,,,,,\n"))
	f.Add([]byte(`{"reads":1,"rules":["a"]}`))
	match := newMatcher(scenario(f), truth())
	f.Fuzz(func(t *testing.T, raw []byte) {
		if got, aside, err := ReadAlerts("f", bytes.NewReader(raw)); err == nil {
			if n := int64(len(got)) + aside.Lines; n > int64(bytes.Count(raw, []byte("\n"))+1) {
				t.Fatalf("%d alerts and lines set aside", n)
			}
			for _, a := range got {
				match.of(a)
			}
		}
		people, _, _ := ReadPeople("f", bytes.NewReader(raw), items3)
		if n := people.counted(3); slices.Max(n) > people.Len() {
			t.Fatal("more people by item than people")
		}
		_, _, _, _ = ReadOthers("f", bytes.NewReader(raw), items3)
		said, _, _ := ReadStatements("f", bytes.NewReader(raw))
		spans(said, statementKinds...)
		_, _, _ = ReadNumbers("f", bytes.NewReader(raw), items3)
	})
}
