package server

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/scope"
)

const actorRule = `
title: Member's answer / 회원 조회
name: read
logsource: {category: access, product: haetae}
detection: {s: {read: true}, condition: s}
---
title: Many reads by one actor / 한 사람의 많은 조회
name: many
level: high
correlation: {type: event_count, rules: [read], group-by: [actor.id], timespan: 1h, condition: {gte: 3}}
`

// TestExceptionsOfAnswer: an answer lists the exceptions that kept a signal quiet about
// one of its records, and no others; also when the exception is gone. Who decided
// what, and when it ended, stays in the record, and no real id of a group does.
func TestExceptionsOfAnswer(t *testing.T) {
	w := newWorld(t, disk.OS, filepath.Join(t.TempDir(), "data"))
	rules := writeRules(t, actorRule)
	beside := filepath.Join(t.TempDir(), "exceptions.yaml")
	day := func(days int) string { return time.Now().AddDate(0, 0, days).Format("2006-01-02") }
	kim := "  - {id: kim-export, rule: many, group: {actor.id: m1000001}, owner: Kim, reason: {ko: 월말 정산, en: month-end}, from: " + day(-10) + ", until: " + day(30) + "}\n"
	lee := "  - {id: lee-export, rule: many, group: {actor.id: m1000002}, owner: Lee, reason: {ko: 점검, en: a check}, from: " + day(-10) + ", until: " + day(30) + "}\n"
	never := "  - {id: never, rule: many, group: {actor.id: m1000009}, owner: Lee, reason: {ko: 없음, en: none}, from: " + day(-10) + ", until: " + day(30) + "}\n"
	write := func(list string) {
		t.Helper()
		if list == "" {
			list = " []\n"
		} else {
			list = "\n" + list
		}
		if err := os.WriteFile(beside, []byte("exceptions:"+list), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(kim + lee + never)
	with := func(o *Options) { o.Detect = &DetectRequest{Rules: rules, Exceptions: beside} }
	r := w.serve(with)
	until(t, "live detection", func() bool { return r.signals(t).Status.State == "live" })
	at := time.Now().Add(-30 * time.Minute)
	for n := range 12 {
		r.post(nil, fmt.Sprintf(`{"id":"r%d","time":%q,"actor":{"id":"m100000%d","type":"member"},"credential":{"key":"k","token":"t"},"client":{"ip":"192.0.2.1"},"method":"GET","uri":"/my/profile","status":200}`+"\n",
			n, at.Add(time.Duration(n)*time.Second).UTC().Format(time.RFC3339Nano), n/4+1))
	}
	until(t, "quiet signals", func() bool {
		quiet := 0
		for _, s := range r.signals(t).Signals {
			if s.Exception != nil {
				quiet++
			}
		}
		return quiet == 2 && len(r.signals(t).Signals) == 3
	})
	ask := func(where, to string) string {
		t.Helper()
		body, err := json.Marshal(map[string]string{"where": where, "to": to})
		if err != nil {
			t.Fatal(err)
		}
		status, _, text := r.call("POST", "/v1/scope", r.address.Token, nil, strings.NewReader(string(body)))
		var e scope.Extent
		if err := json.Unmarshal([]byte(text), &e); err != nil || status != 200 {
			t.Fatalf("%d %s", status, text)
		}
		var ids []string
		for _, x := range e.Exceptions {
			if x.Owner == "" || x.Reason.KO == "" || x.Reason.EN == "" || x.Until != day(30) || x.From != day(-10) || x.Rule != "many" {
				t.Errorf("the exception is %+v", x)
			}
			ids = append(ids, x.ID)
		}
		return strings.Join(ids, " ")
	}
	answers := func(when string) {
		t.Helper()
		for _, q := range []struct{ where, to, want string }{
			{"true", "", "kim-export lee-export"},
			{`actor.id == "m1000001"`, "", "kim-export"},
			{`actor.id == "m1000002" && status == 200`, "", "lee-export"},
			{`actor.id == "m1000003"`, "", ""}, // its signal is open
			{`actor.id == "m1000001"`, at.Add(-time.Second).Format(time.RFC3339), ""},
			{`actor.id == "m1000001" // and no more`, at.Add(time.Second).Format(time.RFC3339), "kim-export"},
			{`actor.id == "m1000001" && status == 404`, "", ""},
			{`source == "haetae"`, "", ""},
		} {
			if got := ask(q.where, q.to); got != q.want {
				t.Errorf("%s: %s until %q: %q, want %q", when, q.where, q.to, got, q.want)
			}
		}
	}
	answers("in force")
	ofSubject := func(id string) string {
		t.Helper()
		status, _, text := r.call("POST", "/v1/subjects", r.address.Token, nil, strings.NewReader(`{"account":"`+id+`"}`))
		var g scope.Accesses
		if err := json.Unmarshal([]byte(text), &g); err != nil || status != 200 || g.Total != 4 {
			t.Fatalf("%d %s", status, text)
		}
		var ids []string
		for _, x := range g.Exceptions {
			ids = append(ids, x.ID)
		}
		return strings.Join(ids, " ")
	}
	for id, want := range map[string]string{"m1000001": "kim-export", "m1000002": "lee-export", "m1000003": ""} {
		if got := ofSubject(id); got != want {
			t.Errorf("of one person: %q, want %q", got, want)
		}
	}
	status, _, text := r.call("GET", "/v1/scope?where="+url.QueryEscape("status == 200"), r.address.Token, nil, nil)
	if status != 200 || !strings.Contains(text, `"id":"lee-export"`) {
		t.Errorf("by GET: %d %s", status, text)
	}
	noted := func() map[string]int {
		t.Helper()
		v, err := r.Ledger().View()
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		list, err := scope.NotedExceptions(v)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]int{}
		for _, n := range list {
			out[n.ID+" "+n.Is]++
			text, err := n.Text()
			if err != nil || strings.Contains(text, "m100000") {
				t.Errorf("a real id is noted: %s %v", text, err)
			}
			if n.Is == scope.InForce && n.ID == "kim-export" && !strings.Contains(n.Group["actor.id"], "p:") {
				t.Errorf("whom it is about is not noted: %+v", n)
			}
		}
		return out
	}
	until(t, "note of what is kept quiet", func() bool { return noted()["lee-export kept a signal quiet"] == 1 })
	if got := noted(); got["kim-export in force"] != 1 || got["never in force"] != 1 || got["kim-export kept a signal quiet"] != 1 || got["never kept a signal quiet"] != 0 {
		t.Errorf("noted is %v", got)
	}
	reload := func(list string) {
		t.Helper()
		write(list)
		before := r.signals(t).Status.Restarts
		if status, said := r.reload(); status != 200 {
			t.Fatalf("%d %s", status, said)
		}
		until(t, "another engine", func() bool { return r.signals(t).Status.Restarts > before })
	}
	reload(lee)
	answers("one is removed")
	if got := noted(); got["kim-export no longer in force"] != 1 || got["lee-export no longer in force"] != 0 || got["lee-export in force"] != 1 {
		t.Errorf("noted is %v", got)
	}
	remembered(t, r, 5) // three in force, and two no longer
	r.end()
	write("")
	r = w.serve(with)
	until(t, "live detection", func() bool { return r.signals(t).Status.State == "live" })
	answers("after a restart without any")
	reload(kim)
	if got := noted(); got["kim-export in force"] != 2 || got["kim-export no longer in force"] != 1 || got["lee-export no longer in force"] != 1 {
		t.Errorf("noted is %v", got)
	}
	remembered(t, r, 7)
	r.end()
	l := openLedger(t, w.fs, w.dir, ledger.Options{})
	defer l.Close()
	v, err := l.View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	e, err := scope.Run(t.Context(), v, scope.Query{Where: `credential.key == "k"`, Exceptions: true})
	if err != nil || len(e.Exceptions) != 2 {
		t.Errorf("without a server: %+v, %v", e.Exceptions, err)
	}
}

// TestDueAgain: a quiet signal that grows is written down every ten minutes of its
// growth and at the end, also where its condition has the moment of its last record;
// whatever else changes of it, at once.
func TestDueAgain(t *testing.T) {
	const minute = event.Millis(60_000)
	before := scope.Noted{Is: scope.Quiet, Exception: scope.Exception{ID: "x"}, Signal: "s", Where: "a", First: minute, Last: 60 * minute}
	for _, c := range []struct {
		name       string
		change     func(n *scope.Noted)
		while, end bool
	}{
		{"nothing", func(*scope.Noted) {}, false, false},
		{"a little growth", func(n *scope.Noted) { n.Last += minute }, false, true},
		{"a little growth of several episodes", func(n *scope.Noted) { n.Last, n.Where = n.Last+minute, "b" }, false, true},
		{"ten minutes", func(n *scope.Noted) { n.Last += 10 * minute }, true, true},
		{"ten minutes of several episodes", func(n *scope.Noted) { n.Last, n.Where = n.Last+10*minute, "b" }, true, true},
		{"another condition", func(n *scope.Noted) { n.Where = "b" }, true, true},
		{"an earlier begin", func(n *scope.Noted) { n.First = 0 }, true, true},
		{"an earlier end", func(n *scope.Noted) { n.Last -= minute }, true, true},
		{"another exception", func(n *scope.Noted) { n.Exception.ID = "y" }, true, true},
	} {
		n := before
		c.change(&n)
		if while, end := dueAgain(n, before, false), dueAgain(n, before, true); while != c.while || end != c.end {
			t.Errorf("%s: %v while it runs and %v at the end, want %v and %v", c.name, while, end, c.while, c.end)
		}
	}
}

// remembered holds what a server remembers of exceptions, so as not to look for it in all
// segments for each engine, against the ledger.
func remembered(t *testing.T, r *running, n int) {
	t.Helper()
	v, err := r.Ledger().View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	want, err := scope.NotedExceptions(v)
	if err != nil {
		t.Fatal(err)
	}
	want = slices.DeleteFunc(want, func(n scope.Noted) bool { return n.Is == scope.Quiet })
	got := slices.Clone(*r.noted)
	byText := func(a, b scope.Noted) int { return strings.Compare(a.ID+a.Is, b.ID+b.Is) }
	slices.SortStableFunc(want, byText) // the order of those noted at the same moment is open
	slices.SortStableFunc(got, byText)
	if d := cmp.Diff(want, got); d != "" || len(got) != n {
		t.Errorf("%d are remembered, want %d (-ledger +server)\n%s", len(got), n, d)
	}
}
