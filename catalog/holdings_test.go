package catalog

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func holdings(t testing.TB, text string) ([]string, Report, error) {
	t.Helper()
	var got []string
	rep, err := ReadHoldings("h.csv", strings.NewReader(text), func(l HoldingLine) error {
		got = append(got, fmt.Sprintf("%s %s %s %v", string(l.Account), string(l.Person), strings.Join(l.Items, "+"), l.Holder))
		return nil
	})
	return got, rep, err
}

func TestReadHoldings(t *testing.T) {
	long := strings.Repeat("x", maxTableLine+10)
	for _, test := range []struct {
		name, text string
		want       []string
		errors     []string
		ignored    []string
	}{
		{"csv", "account,person,items\nm1,m1,name;email\nm1,c5,name\n", []string{"m1 m1 name+email true", "m1 c5 name false"}, nil, nil},
		{"no final newline, CRLF, BOM, blank lines", "\ufeffaccount,person,items\r\n\r\nm1,m1,name\r\n  \nm2,m2,", []string{"m1 m1 name true", "m2 m2  true"}, nil, nil},
		{"NDJSON with a BOM", "\ufeff" + `{"account":"m1","person":"m1","items":["name"]}` + "\n", []string{"m1 m1 name true"}, nil, nil},
		{"other order, capitals, spaces, more columns", "Items, Person ,note,ACCOUNT\nname,c5,vip,m1\n", []string{"m1 c5 name false"}, nil, []string{"note"}},
		{"quotes", "account,person,items\n\"m1\",\"m\"\"1\",\"name;email\"\n", []string{`m1 m"1 name+email false`}, nil, nil},
		{"relation", "account,person,items,relation\nm1,c5,name,holder\nm1,m1,name,contact\nm1,m1,name,\n", []string{"m1 c5 name true", "m1 m1 name false", "m1 m1 name true"}, nil, nil},
		{"bad lines, the rest goes on", "account,person,items,relation\n" +
			"m1,m1\n" +
			"m1,m1,name,holder,x\n" +
			",m1,name,\n" +
			"m1,,name,\n" +
			"m1,m1,Na me,\n" +
			"m1,m1,name,owner\n" +
			"m1,\"m1,name,\n" +
			"m1,\"m1\"x,name,\n" +
			"m\x001,m1,name,\n" +
			"m\xff,m1,name,\n" +
			strings.Repeat("m", 257) + ",m1,name,\n" +
			long + "\n" +
			"m9,m9,name,\n", []string{"m9 m9 name true"}, []string{
			"h.csv:2: fewer fields than the heading",
			"h.csv:3: more fields than the heading",
			"h.csv:4:1: account: is empty",
			"h.csv:5:4: person: is empty",
			"h.csv:6:7: items: not an item name",
			"h.csv:7:12: relation: neither holder nor contact",
			"h.csv:8: a quoted field does not end on its line",
			"h.csv:9: text after a closing quote",
			"h.csv:10:1: account: holds a control character",
			"h.csv:11:1: account: is not UTF-8",
			"h.csv:12:1: account: is longer than 256 bytes",
			"h.csv:13: longer than 1 MiB",
		}, nil},
		{"ndjson", `{"account":"m1","person":"m1","items":["name","email"]}
{"account":"m1","person":"c5","items":"name;phone","relation":"contact","extra":{"a":[1]}}
{"account":"m2","person":"m2"}
{"account":"m2","person":"m2","items":null}
`, []string{"m1 m1 name+email true", "m1 c5 name+phone false", "m2 m2  true", "m2 m2  true"}, nil, nil},
		{"ndjson bad", `{"account":"m1","person":"m1","items":["name"]}
{"account":1,"person":"m1","items":[]}
{"person":"m1","items":[]}
{"account":"m1","person":"m1","items":[1]}
{"account":"m1","person":"m1","items":{}}
{"account":"m1"
[1]
` + `{"account":"` + long + `"}` + "\n" + `{"account":"m3","person":"m3","items":[]}`, []string{"m1 m1 name true", "m3 m3  true"}, []string{
			"h.csv:2: account: not a text",
			"h.csv:3: account: is missing",
			"h.csv:4: items: not a text or list of texts",
			"h.csv:5: items: neither text nor a list of texts",
			"h.csv:6: not a JSON object",
			"h.csv:7: not a JSON object",
			"h.csv:8: longer than 1 MiB",
		}, nil},
		{"empty", "", nil, nil, nil},
		{"too many items", "account,person,items\nm1,m1," + strings.TrimSuffix(strings.Repeat("a;", 65), ";") + "\n", nil, []string{"h.csv:2:7: items: more than 64 items"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, rep, err := holdings(t, test.text)
			if err != nil {
				t.Fatal(err)
			}
			var errs []string
			for _, e := range rep.Errors {
				errs = append(errs, e.Error())
			}
			if d := cmp.Diff(test.want, got); d != "" {
				t.Errorf("lines: %s", d)
			}
			if d := cmp.Diff(test.errors, errs); d != "" {
				t.Errorf("errors: %s", d)
			}
			if d := cmp.Diff(test.ignored, rep.Ignored); d != "" {
				t.Errorf("ignored: %s", d)
			}
			if rep.Good != int64(len(got)) || rep.Bad != int64(len(errs)) || rep.Lines != rep.Good+rep.Bad {
				t.Errorf("%d lines, %d good, %d bad", rep.Lines, rep.Good, rep.Bad)
			}
		})
	}
}

func TestReadHoldingsStops(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"no heading", "m1000001,m1000001,name\n", "read h.csv: line 1: the first line is not a heading: expected the columns account, person, items"},
		{"a column missing", "account,items\n", "read h.csv: line 1: the first line is not a heading with the column person"},
		{"long first line", strings.Repeat("x", 2<<20), "read h.csv: line 1: the first line is not a heading: expected the columns account, person, items"},
	} {
		_, rep, err := holdings(t, test.text)
		if err == nil || err.Error() != test.want || !errors.Is(err, ErrHeading) {
			t.Errorf("%s: %v", test.name, err)
		}
		if ko, ok := err.(interface{ KO() string }); !ok || !hangul(ko.KO()) {
			t.Errorf("%s: no Korean", test.name)
		}
		if len(rep.Ignored) > 0 {
			t.Errorf("%s: quotes what may be data", test.name)
		}
	}
	enough := errors.New("enough")
	_, err := ReadHoldings("h.csv", strings.NewReader("account,person,items\nm1,m1,\nm2,m2,\n"), func(HoldingLine) error { return enough })
	if !errors.Is(err, enough) || err.Error() != "read h.csv: line 2: enough" {
		t.Error(err)
	}
	_, err = ReadHoldings("h.csv", io.MultiReader(strings.NewReader("account,person,items\nm1,m1,\n"), iotest.ErrReader(enough)), func(HoldingLine) error { return nil })
	if !errors.Is(err, enough) {
		t.Error(err)
	}
}

// TestBrokenFileStaysSmall: a file that is wrong on every line does not fill
// the memory with messages.
func TestBrokenFileStaysSmall(t *testing.T) {
	_, rep, err := holdings(t, "account,person,items\n"+strings.Repeat("x\n", 5000))
	if err != nil || rep.Bad != 5000 || len(rep.Errors) != maxLineErrors {
		t.Errorf("%d bad, %d kept, %v", rep.Bad, len(rep.Errors), err)
	}
}

func TestReadRegister(t *testing.T) {
	var got []string
	read := func(l RegisterLine) error {
		since := "?"
		if l.Since != Always {
			since = l.Since.String()
		}
		got = append(got, string(l.Account)+" "+since)
		return nil
	}
	rep, err := ReadRegister("r.csv", strings.NewReader("account,since\nm1,2025-03-01\nm2,2025-03-01T00:00:00+09:00\nm3,\nm4,soon\n"), read)
	if err != nil || rep.Bad != 1 || rep.Errors[0].Error() != "r.csv:5:4: since: not a date or RFC 3339 time" {
		t.Errorf("%+v, %v", rep, err)
	}
	c := parse(t, "zone: Asia/Seoul\n")
	if _, err := ReadRegisterIn(c.Zone(), "r.json", strings.NewReader(`{"account":"m5","since":"2025-03-01"}`), read); err != nil {
		t.Error(err)
	}
	if _, err := ReadRegister("r.csv", strings.NewReader("account\nm6\n"), read); err != nil {
		t.Error(err)
	}
	for name, text := range map[string]string{"r.csv": "account\nm7\n", "r.json": `{"account":"m7"}` + "\n"} {
		before := len(got)
		if rep, err := ReadRegister(name, strings.NewReader("\ufeff"+text), read); err != nil || rep.Bad != 0 || !slices.Equal(got[before:], []string{"m7 ?"}) {
			t.Errorf("%s with a byte order mark: %+v, %v, %q", name, rep, err, got[before:])
		}
		got = got[:before]
	}
	want := []string{"m1 2025-03-01T00:00:00.000Z", "m2 2025-02-28T15:00:00.000Z", "m3 ?", "m5 2025-02-28T15:00:00.000Z", "m6 ?"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestLinesKeepTheirIDs: ids stay what they were while later lines are read.
func TestLinesKeepTheirIDs(t *testing.T) {
	var text strings.Builder
	text.WriteString("account,person,items\n")
	for i := range 50_000 {
		fmt.Fprintf(&text, "m%07d,c%07d,name\n", i, i)
	}
	var kept []HoldingLine
	if _, err := ReadHoldings("h.csv", iotest.HalfReader(strings.NewReader(text.String())), func(l HoldingLine) error {
		l.Items = slices.Clone(l.Items)
		kept = append(kept, l)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for i, l := range kept {
		if string(l.Account) != fmt.Sprintf("m%07d", i) || string(l.Person) != fmt.Sprintf("c%07d", i) {
			t.Fatalf("line %d changed", i)
		}
	}
}

// TestNoValueInErrors marks every value and looks for the mark in what comes out.
func TestNoValueInErrors(t *testing.T) {
	const mark = "zzmarkzz"
	for _, text := range []string{
		mark, mark + "," + mark + "\n", "{\"" + mark + "\":1}", "{" + mark,
		"account,person,items\n" + mark + "\n",
		"account,person,items,relation\n" + mark + "," + mark + "," + mark + " x," + mark + "\n",
		"account,person,items\n\"" + mark + "\n\"" + mark + "\"" + mark + ",a,b\n",
		`{"account":"` + mark + `","person":["` + mark + `"]}`,
		`{"account":"` + mark + "\x01" + `","person":"` + mark + `","items":["` + mark + ` "]}`,
	} {
		_, rep, err := holdings(t, text)
		rep2, err2 := ReadRegister("r.csv", strings.NewReader(strings.Replace(text, "person", "since", 1)), func(RegisterLine) error { return nil })
		if out := fmt.Sprintf("%+v %v %+v %v", rep, err, rep2, err2); strings.Contains(out, mark) {
			t.Errorf("a value came out: %s", out)
		}
	}
}

var tableSeeds = []string{
	"account,person,items,relation\nm1,m1,name;email,holder\nm1,c1,\"na\"\"me\",contact\n",
	"account,since\nm1,2025-03-01\nm2,2025-03-01T00:00:00Z\n",
	`{"account":"m1","person":"c1","items":["name"],"relation":"contact"}` + "\n",
	`{"account":"m1","since":"2025-03-01"}` + "\r\n\r\n{}",
	"\ufeffaccount,person,items\n\"\n", "{", ",,,\n", "\x00",
}

func FuzzReadHoldings(f *testing.F) {
	for _, s := range tableSeeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		n := int64(0)
		rep, err := ReadHoldings("h", strings.NewReader(string(text)), func(l HoldingLine) error {
			n++
			if l.Account == "" || l.Person == "" || len(l.Items) > maxLineItems {
				t.Fatal("an empty id or too many items were delivered")
			}
			return nil
		})
		if n != rep.Good || rep.Good+rep.Bad != rep.Lines && err == nil || int64(len(rep.Errors)) != min(rep.Bad, maxLineErrors) {
			t.Fatalf("%d delivered: %+v", n, rep)
		}
	})
}

func FuzzReadRegister(f *testing.F) {
	for _, s := range tableSeeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		n := int64(0)
		rep, err := ReadRegister("r", strings.NewReader(string(text)), func(l RegisterLine) error {
			n++
			if l.Account == "" {
				t.Fatal("an empty id was delivered")
			}
			return nil
		})
		if n != rep.Good || rep.Good+rep.Bad != rep.Lines && err == nil {
			t.Fatalf("%d delivered: %+v", n, rep)
		}
	})
}

func BenchmarkReadHoldings(b *testing.B) {
	var text strings.Builder
	text.WriteString("account,person,items\n")
	for i := range 20_000 {
		fmt.Fprintf(&text, "m%07d,c%07d,name;email;phone;address;door_code;orders\n", i, i)
	}
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ReadHoldings("h", strings.NewReader(text.String()), func(HoldingLine) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/20_000, "ns/line")
}
