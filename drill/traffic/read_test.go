package traffic_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/drill"
	"github.com/haetae/haetae/drill/traffic"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ingest"
)

// made is a run, kept whole.
type made struct {
	m     *traffic.Maker
	logs  map[string][]byte
	count map[string]int
	hours []time.Time
	by    map[string][][]byte // by log, the hours
}

func run(t testing.TB, s *drill.Scenario, scale int64, seed uint64) *made {
	t.Helper()
	m, err := traffic.New(s, traffic.Options{Scale: scale, Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	out := &made{m: m, logs: map[string][]byte{}, count: map[string]int{}, by: map[string][][]byte{}}
	err = m.Run(context.Background(), func(at time.Time, logs []traffic.Chunk) error {
		if n := len(out.hours); n > 0 && !at.After(out.hours[n-1]) {
			t.Fatalf("hour %v after %v", at, out.hours[n-1])
		}
		out.hours = append(out.hours, at)
		for _, c := range logs {
			if n := bytes.Count(c.Lines, []byte("\n")); n != c.Count {
				t.Fatalf("%d lines are said to be %d", n, c.Count)
			}
			out.logs[c.Log] = append(out.logs[c.Log], c.Lines...)
			out.count[c.Log] += c.Count
			out.by[c.Log] = append(out.by[c.Log], bytes.Clone(c.Lines))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// found is what the lines say, read with the decoders and the catalog, and the holdings.
type found struct {
	t       *testing.T
	cat     *catalog.Catalog
	book    map[string][]holding
	known   map[string]bool // in the register
	ids     map[string]int
	records []event.Record
	lines   int
	byLog   map[string]int

	reads, matched, unresolved, rows int64
	accounts, ghosts                 map[string]bool
	people                           map[string]map[string]bool // person, items
	named                            map[string]bool            // by a line that names the account
	order                            []string                   // accounts, as the holdings have them
	first                            map[string]int64
	itemReads                        map[string]int64
	itemAccounts                     map[string]map[string]bool
	actions                          map[string]int
}

type holding struct {
	person string
	holder bool
	items  []string
}

// again is the same records, of which nothing was counted.
func (f *found) again() *found {
	return &found{
		t: f.t, cat: f.cat, book: f.book, order: f.order, known: f.known, ids: f.ids, records: f.records, byLog: f.byLog, accounts: map[string]bool{}, ghosts: map[string]bool{},
		people: map[string]map[string]bool{}, named: map[string]bool{}, first: map[string]int64{}, itemReads: map[string]int64{}, itemAccounts: map[string]map[string]bool{}, actions: map[string]int{},
	}
}

// read decodes every line. Nothing may be set aside, and every route be known.
func (r *made) read(t *testing.T) *found {
	t.Helper()
	cat, err := catalog.Parse("catalog.yaml", r.m.Catalog())
	if err != nil {
		t.Fatalf("%v\n%s", err, r.m.Catalog())
	}
	f := (&found{t: t, cat: cat, book: map[string][]holding{}, known: map[string]bool{}, ids: map[string]int{}, byLog: map[string]int{}}).again()
	var b bytes.Buffer
	if err := r.m.WriteHoldings(&b); err != nil {
		t.Fatal(err)
	}
	rep, err := cat.ReadHoldings("holdings.csv", &b, func(h catalog.HoldingLine) error {
		if len(f.book[string(h.Account)]) == 0 {
			f.order = append(f.order, string(h.Account))
		}
		f.book[string(h.Account)] = append(f.book[string(h.Account)], holding{string(h.Person), h.Holder, slices.Clone(h.Items)})
		return nil
	})
	if err != nil || rep.Bad != 0 || rep.UnknownEntries != 0 {
		t.Fatalf("holdings: %v %+v", err, rep)
	}
	b.Reset()
	if err := r.m.WriteRegister(&b); err != nil {
		t.Fatal(err)
	}
	rep, err = catalog.ReadRegister("register.csv", &b, func(l catalog.RegisterLine) error {
		f.known[string(l.Account)] = true
		return nil
	})
	if err != nil || rep.Bad != 0 || rep.UnknownEntries != 0 {
		t.Fatalf("register: %v %+v", err, rep)
	}
	for name, text := range r.logs {
		f.decode(name, text)
	}
	return f
}

func (f *found) decode(name string, text []byte) {
	f.t.Helper()
	src, ok := f.cat.SourceFor(name + "-2025.log")
	if !ok || src.Name != name {
		f.t.Fatalf("no source for a file of %s", name)
	}
	form, err := ingest.FormatNamed(src.Format)
	if err != nil {
		f.t.Fatal(err)
	}
	dec, err := form.New(src, time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		f.t.Fatal(err)
	}
	if len(text) == 0 {
		return
	}
	st, err := ingest.Open(bytes.NewReader(text))
	if err != nil {
		f.t.Fatal(err)
	}
	defer st.Close()
	if form.Cutter != nil {
		st.Elements(form.Cutter)
	}
	for {
		c, err := st.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			f.t.Fatal(err)
		}
		n := ingest.DecodeChunk(c, name, src, f.cat, nil, dec, func(r *event.Record) {
			if !r.Mapped {
				f.t.Fatalf("unmapped: %s", r.Route)
			}
			k := r.Clone()
			k.Source = src.Name
			f.records = append(f.records, k)
			f.byLog[name]++
			f.ids[string(k.ID)]++
		}, func(a ingest.Aside) { f.t.Fatalf("%s: set aside: %s %v: %s", name, a.Field, a.Cause, a.Text) })
		if n.Aside != 0 || n.Empty != 0 || n.Records != n.Lines {
			f.t.Fatalf("%s: %+v", name, n)
		}
		c.Release()
	}
}

// take counts the records that an attack left, each once. reaches says by route how many
// accounts' data the answers held that name nobody.
func (f *found) take(reaches map[string]int, attack func(*event.Record) bool) {
	seen := map[string]bool{}
	blind := map[string][]*event.Record{}
	for i := range f.records {
		r := &f.records[i]
		if !attack(r) || seen[r.Source+string(r.ID)] {
			continue
		}
		seen[r.Source+string(r.ID)] = true
		f.matched++
		f.actions[r.Action.String()]++
		if f.cat.IsMember(r.Actor.Type) && !f.known[string(r.Actor.ID)] && r.Actor.ID != "" {
			f.ghosts[string(r.Actor.ID)] = true
		}
		m := f.cat.Meaning(r.Route, r.Mapped, r.Time)
		if !m.Personal || !(r.Status == 0 || m.Success.Contains(r.Status)) {
			continue
		}
		f.reads++
		names := f.cat.ItemNames(m.Items)
		for _, n := range names {
			f.itemReads[n]++
		}
		if len(r.Subjects) == 0 {
			f.unresolved++
			f.rows += int64(max(0, r.Rows))
			blind[r.Route] = append(blind[r.Route], r)
		}
		for _, a := range r.Subjects {
			f.show(string(a), names, m.Behind, int64(r.Time)/1000, true)
		}
	}
	for route, list := range blind {
		m := f.cat.Meaning(route, true, list[0].Time)
		slices.SortFunc(list, func(a, b *event.Record) int { return int(a.Time - b.Time) })
		n := reaches[route]
		if n == 0 {
			f.t.Fatalf("nobody said how many %s reaches", route)
		}
		for k, r := range list {
			for i := k * n / len(list); i < (k+1)*n/len(list); i++ {
				f.show(f.order[i*len(f.order)/n], f.cat.ItemNames(m.Items), m.Behind, int64(r.Time)/1000, false)
			}
		}
	}
}

func (f *found) show(account string, items []string, behind bool, at int64, named bool) {
	if len(f.book[account]) == 0 {
		return // a ghost, answered all the same
	}
	f.accounts[account] = true
	for _, it := range items {
		if !named {
			break
		}
		if f.itemAccounts[it] == nil {
			f.itemAccounts[it] = map[string]bool{}
		}
		f.itemAccounts[it][account] = true
	}
	for _, h := range f.book[account] {
		if !h.holder && !behind {
			continue
		}
		for _, it := range h.items {
			if !slices.Contains(items, it) {
				continue
			}
			if f.people[h.person] == nil {
				f.people[h.person] = map[string]bool{}
				f.first[h.person] = at
			}
			f.people[h.person][it] = true
			f.named[h.person] = f.named[h.person] || named
			f.first[h.person] = min(f.first[h.person], at)
		}
	}
}

// hold compares what was read with the truth.
func (f *found) hold(r *made) {
	t := f.t
	t.Helper()
	truth := r.m.Truth()
	for _, c := range []struct {
		what      string
		got, want int64
	}{
		{"records", f.matched, truth.Records}, {"reads", f.reads, truth.Reads}, {"accounts", int64(len(f.accounts)), truth.Accounts},
		{"people", int64(len(f.people)), truth.People}, {"ghosts", int64(len(f.ghosts)), truth.Ghosts},
		{"unresolved", f.unresolved, truth.Unresolved}, {"rows", f.rows, truth.UnresolvedRows},
	} {
		if c.got != c.want {
			t.Errorf("%s: the lines say %d, the truth %d", c.what, c.got, c.want)
		}
	}
	byItem := map[string]int64{}
	for _, items := range f.people {
		for it := range items {
			byItem[it]++
		}
	}
	for _, it := range truth.Items {
		if byItem[it] != truth.PeopleByItem[it] || f.itemReads[it] != truth.ReadsByItem[it] || int64(len(f.itemAccounts[it])) != truth.AccountsByItem[it] {
			t.Errorf("%s: people %d %d, reads %d %d, accounts %d %d", it, byItem[it], truth.PeopleByItem[it], f.itemReads[it], truth.ReadsByItem[it], len(f.itemAccounts[it]), truth.AccountsByItem[it])
		}
	}
	f.holdPeople(r)
}

// holdPeople compares person by person.
func (f *found) holdPeople(r *made) {
	t := f.t
	t.Helper()
	truth := r.m.Truth()
	n := 0
	for p := range r.m.People {
		n++
		if p.Named != f.named[p.Person] {
			t.Fatalf("a person: the truth says a line names the account: %v", p.Named)
		}
		var got []string
		for i, it := range truth.Items {
			if p.Items>>i&1 != 0 {
				got = append(got, it)
			}
		}
		want := slices.Sorted(maps.Keys(f.people[p.Person]))
		slices.Sort(got)
		if !slices.Equal(got, want) || p.First != f.first[p.Person] {
			t.Fatalf("a person: the truth has %v since %d, the lines %v since %d", got, p.First, want, f.first[p.Person])
		}
		if p.Account != !strings.HasPrefix(p.Person, "c") {
			t.Fatalf("account: %v", p.Account)
		}
	}
	if n != len(f.people) {
		t.Errorf("the truth has %d people, the lines %d", n, len(f.people))
	}
}

func parse(t testing.TB, text string) *drill.Scenario {
	t.Helper()
	s, err := drill.Parse("made.yaml", []byte(text), numbers(t))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// spans holds the times of the phases, and what the lines hold of each page, against
// the scenario.
func (f *found) spans(r *made) {
	f.t.Helper()
	truth := r.m.Truth()
	for _, p := range truth.Phases {
		if p.First.Before(truth.From) || !p.Last.Before(truth.To) || p.Last.Before(p.First) {
			f.t.Errorf("%s lasts from %v to %v", p.Name, p.First, p.Last)
		}
	}
	for i := range f.records {
		if at := f.records[i].Time.Time(); at.Before(truth.From.Add(-time.Second)) || !at.Before(truth.To) {
			f.t.Fatalf("a line of %v", at)
		}
	}
}
