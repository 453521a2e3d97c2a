package scope_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/scope"
)

// told is one access as the data subject is told of it.
type told struct {
	Time, Route, Items, Book string
	Own, Read                bool
	Source                   string
}

// subject lists the accesses to a person by walking over every record and every
// line of the holdings. account: the id is known as an account.
func (x *reference) subject(id string, account bool, from, to event.Millis, label func(string) string, each func(v *values)) []told {
	out := []told{}
	for i := range x.recs {
		r := &x.recs[i]
		made := &x.w.records[i]
		if made.opening || from != 0 && r.Time < from || to != 0 && r.Time >= to {
			continue
		}
		a := x.last.at(made.template, r.Time)
		route, items := r.Route, []string{}
		read := false
		if a != nil {
			route, items = templates[made.template].route, a.items
			read = len(items) > 0 && (r.Status == 0 || r.Status/100 == 2)
		}
		about := subjects(r, a)
		v := values{rec: r, route: route, items: items, actor: kept(r), issued: x.issued[r.Credential.Token]}
		var stored []string
		for _, s := range r.Subjects {
			if fits(string(s)) {
				stored = append(stored, string(s))
			}
		}
		self := func(s string) bool { return r.Actor.Type == event.Member && kept(r) == s }
		if account {
			names := slices.Contains(stored, id) || len(stored) == 0 && string(r.Lifted) == id && !self(id)
			if is := slices.Contains(about, id); is || names {
				t := told{Time: moment(r.Time), Route: route, Items: "[]", Own: self(id), Read: read && is, Source: r.Source}
				if t.Read {
					t.Items = fmt.Sprint(items)
				}
				out = append(out, t)
				// By the catalog in force it may be about whoever connected, or nobody.
				switch {
				case is:
					v.account = id
				case len(about) == 1:
					v.account = about[0]
				}
				each(&v)
			}
		}
		if !read || len(x.w.holdings) == 0 {
			continue
		}
		h, _ := inForce(len(x.w.holdings), func(i int) event.Millis { return x.w.holdings[i].from }, r.Time)
		for _, s := range about {
			if account && s == id {
				continue
			}
			has, holder := map[string]bool{}, false
			for _, l := range x.w.holdings[h].lines {
				if string(l.Account) == s && string(l.Person) == id {
					holder = holder || l.Holder
					for _, it := range l.Items {
						has[it] = true
					}
				}
			}
			shown := []string{}
			for _, it := range items {
				if has[it] && (a.behind || holder) {
					shown = append(shown, it)
				}
			}
			if len(shown) > 0 {
				out = append(out, told{moment(r.Time), route, fmt.Sprint(shown), label(s), self(s), true, r.Source})
				v.account = s
				each(&v)
			}
		}
	}
	slices.SortFunc(out, compareTold)
	return out
}

func compareTold(a, b told) int {
	return slices.Compare([]string{a.Time, fmt.Sprint(a)}, []string{b.Time, fmt.Sprint(b)})
}

// accessSources divides accesses, and the reads among all records that name nobody.
func (x *reference) accessSources(list []told, all []match) []scope.AccessSource {
	of := map[string]*scope.AccessSource{}
	at := func(source string) *scope.AccessSource {
		if of[source] == nil {
			of[source] = &scope.AccessSource{Source: source}
		}
		return of[source]
	}
	for _, a := range list {
		at(a.Source).Accesses++
		if a.Read {
			at(a.Source).Reads++
		}
	}
	for _, m := range all {
		if m.read && m.named == 0 {
			at(m.rec.Source).Unresolved++
		}
	}
	out := []scope.AccessSource{}
	for _, s := range slices.Sorted(maps.Keys(of)) {
		out = append(out, *of[s])
	}
	return out
}

// TestSubjectModel: what a person is told equals a walk over everything, also of
// people without an account and of those in many books, by any edition of the
// holdings and any correction of the catalog.
func TestSubjectModel(t *testing.T) {
	rnd := seed(t)
	touched, not := 0, 0
	defer func() {
		if !t.Failed() && (touched < 10 || not < 10) {
			t.Errorf("%d exceptions touched an answer, %d did not: the test looks at too little", touched, not)
		}
	}()
	for range worlds(t) {
		w := makeWorld(rnd)
		for _, o := range []layout{{}, {seals: true, merge: true}, {life: true}} {
			l, cats := w.load(t, o)
			v, err := l.View()
			if err != nil {
				t.Fatal(err)
			}
			w.hasher = v.Hasher()
			ref := w.reference(cats)
			ref.actorName = func(r *event.Record) string {
				p := v.Hasher().Actor(r.Actor.ID, r.Actor.Type)
				return hex.EncodeToString(p[:])
			}
			ids := []string{"m9001", "notanid7", "c999"}
			for range 25 {
				ids = append(ids, pick(rnd, w.accounts), fmt.Sprintf("c%03d", rnd.IntN(60)))
			}
			for _, id := range ids {
				var q scope.Query
				if rnd.IntN(2) == 0 {
					q.From = day(rnd.IntN(worldDays))
				}
				if rnd.IntN(2) == 0 {
					q.To = day(rnd.IntN(worldDays + 2))
				}
				var quiet []question
				q.Exceptions = true
				for x := range 3 {
					s := w.question(rnd.IntN(3))
					first := day(rnd.IntN(worldDays)) + event.Millis(rnd.IntN(86_400_000))
					q.Quiet = append(q.Quiet, scope.Noted{Is: scope.Quiet, Exception: scope.Exception{ID: fmt.Sprint("x", x), Rule: "r"}, Signal: fmt.Sprint("s", x), Where: s.text, First: first, Last: first + event.Millis(rnd.Int64N(5*86_400_000))})
					quiet = append(quiet, s)
				}
				n := checkSubject(t, v, ref, id, q, quiet)
				touched, not = touched+n, not+3-n
			}
			v.Close()
			l.Close()
		}
	}
}

// checkSubject holds an answer about one person against a walk over everything. quiet are
// the conditions of the question's quiet signals.
func checkSubject(t *testing.T, v *ledger.View, ref *reference, id string, q scope.Query, quiet []question) (touched int) {
	t.Helper()
	_, account, err := v.Lookup(v.Hasher().Account(event.AccountID(id)))
	if err != nil {
		t.Fatal(err)
	}
	person := false
	for _, h := range ref.w.holdings {
		person = person || slices.ContainsFunc(h.lines, func(l catalog.HoldingLine) bool { return string(l.Person) == id })
	}
	hit := map[string]bool{}
	each := func(x *values) {
		for i, n := range q.Quiet {
			if n.First <= x.rec.Time && x.rec.Time <= n.Last && quiet[i].test(x) {
				hit[n.ID] = true
			}
		}
	}
	want := ref.subject(id, account, q.From, q.To, func(s string) string {
		return "p:" + v.Hasher().Account(event.AccountID(s)).Label()
	}, each)
	got, err := scope.Subject(context.Background(), v, event.AccountID(id), q, 0)
	if err != nil {
		t.Fatal(err)
	}
	var exceptions []string
	for _, x := range got.Exceptions {
		exceptions = append(exceptions, x.ID)
	}
	slices.Sort(exceptions)
	if d := cmp.Diff(slices.Sorted(maps.Keys(hit)), exceptions); d != "" {
		t.Fatalf("%s from %v to %v: exceptions (-want +got)\n%s", id, q.From, q.To, d)
	}
	list, reads := []told{}, 0
	for _, a := range got.Accesses {
		list = append(list, told{a.Time, a.Route, fmt.Sprint(a.Items), a.Book, a.Own, a.Read, a.Source})
		if a.Read {
			reads++
		}
	}
	if !slices.IsSortedFunc(list, func(a, b told) int { return slices.Compare([]string{a.Time}, []string{b.Time}) }) {
		t.Fatalf("%s: not by time", id)
	}
	slices.SortFunc(list, compareTold)
	if d := cmp.Diff(want, list); d != "" {
		t.Fatalf("%s from %v to %v: (-want +got)\n%s", id, q.From, q.To, d)
	}
	if got.Known != (account || person) || got.Total != len(list) || got.Reads != reads || got.Truncated {
		t.Fatalf("%s: known %v, total %d, reads %d; want %v, %d, %d", id, got.Known, got.Total, got.Reads, account || person, len(list), reads)
	}
	all := ask("true", func(*values) bool { return true })
	if d := cmp.Diff(ref.accessSources(want, ref.find(all, q.From, q.To)), got.Sources); d != "" {
		t.Fatalf("%s from %v to %v: by source (-want +got)\n%s", id, q.From, q.To, d)
	}
	if n := ref.count(ref.find(all, q.From, q.To)).unresolved.Records; got.Unresolved != n {
		t.Fatalf("%s from %v to %v: %d unresolved, want %d", id, q.From, q.To, got.Unresolved, n)
	}
	// A limit cuts the list and no number.
	short, err := scope.Subject(context.Background(), v, event.AccountID(id), q, 2)
	if err != nil {
		t.Fatal(err)
	}
	if short.Total != got.Total || short.Reads != got.Reads || len(short.Accesses) != min(2, len(list)) || short.Truncated != (len(list) > 2) {
		t.Fatalf("%s: with a limit of 2: total %d, reads %d, %d listed; without: %d, %d", id, short.Total, short.Reads, len(short.Accesses), got.Total, got.Reads)
	}
	for i, a := range short.Accesses {
		if b := got.Accesses[got.Total-len(short.Accesses)+i]; cmp.Diff(a.Time, b.Time) != "" {
			t.Fatalf("%s: with a limit the latest are not shown", id)
		}
	}
	return len(hit)
}
