package server

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/feed"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/scope"
)

// fedRules rest on what feeds bring: a list that is in no file, and who has left.
const fedRules = `title: Any read
name: read
tags: [haetae.record]
logsource: {category: access, product: haetae}
detection: {s: {read: true, actor.left: 'true'}, condition: s}
---
title: Leaver
name: leaver
level: high
correlation: {type: event_count, rules: [read], group-by: [actor.id], timespan: 1h, condition: {gte: 1}}
---
title: Listed
name: listed
tags: [haetae.record, list.watched]
logsource: {category: access, product: haetae}
detection: {s: {actor.id|expand: '%watched%'}, condition: s}
---
title: Watched
name: watched
level: low
correlation: {type: event_count, rules: [listed], group-by: [actor.id], timespan: 1h, condition: {gte: 1}}
---
title: Custodian
name: custodian
level: high
correlation: {type: custody, group-by: [credential.key], when: [custodian_left]}
`

// staffRecord is a read by a member of staff.
func staffRecord(n int, actor string, at time.Time) string {
	return fmt.Sprintf(`{"time":%q,"id":"s-%d","actor":{"id":%q,"type":"staff"},"credential":{"key":"k1"},"method":"GET","uri":"/support/members/m%d","status":200}`+"\n",
		at.UTC().Format(time.RFC3339Nano), n, actor, 1000000+n)
}

// TestFeeds: what feeds bring decides what rings, live, after a restart without them,
// and over history, the same; what is missing or too old is told.
func TestFeeds(t *testing.T) {
	t.Parallel() // it waits more than it works
	w := newWorld(t, disk.OS, filepath.Join(t.TempDir(), "data"))
	dir := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	yesterday, lastWeek := now.AddDate(0, 0, -1).Format(time.DateOnly), now.AddDate(0, 0, -7).Format(time.DateOnly)
	put("staff.csv", "id,left\ngone-1,"+yesterday+"\nhere-1,\nhere-2,\nhere-3,\n")
	put("keys.json", `{"data":[{"key":"k1","custodian":"gone-1","created":"2020-01-01"},{"key":"k2","custodian":"here-1"}]}`)
	put("register.csv", "account\nm1000000\nm1000001\n")
	settings := `version: 1
feeds:
  - {name: staff, kind: holders, from: {file: staff.csv}}
  - {name: keys, kind: keys, from: {folder: ., pattern: 'keys*.json'}}
  - {name: members, kind: register, from: {file: register.csv}}
  - {name: watched, kind: list, from: {file: watched.csv}}
`
	put("feeds.yaml", settings)
	rules := writeRules(t, fedRules)
	request := DetectRequest{Rules: rules}
	r := w.serve(func(o *Options) { o.Detect, o.Feeds = &request, filepath.Join(dir, "feeds.yaml") })
	at := now.Add(-time.Minute)
	r.post(nil, staffRecord(0, "gone-1", at)+staffRecord(1, "here-1", at)+staffRecord(2, "unknown-1", at))
	find := func(list []detect.Signal, rule string) (out []detect.Signal) {
		for _, s := range list {
			if s.Rule == rule {
				out = append(out, s)
			}
		}
		return out
	}
	until(t, "a leaver, and a key of theirs", func() bool {
		list := r.signals(t).Signals
		return len(find(list, "leaver")) == 1 && len(find(list, "custodian")) == 1
	})
	leaver := find(r.signals(t).Signals, "leaver")[0]
	if leaver.Reads != 1 || find(r.signals(t).Signals, "custodian")[0].Group["credential.key"] != "k1" {
		t.Errorf("%+v", r.signals(t).Signals)
	}
	feeds := func() map[string]feed.Status {
		t.Helper()
		status, _, text := r.call("GET", "/v1/feeds", r.address.Token, nil, nil)
		var got Feeds
		if err := json.Unmarshal([]byte(text), &got); err != nil || status != 200 {
			t.Fatalf("%d %s", status, text)
		}
		out := map[string]feed.Status{}
		for _, f := range got.Feeds {
			out[f.Name] = f
		}
		return out
	}
	until(t, "the register of members", func() bool { return feeds()["members"].State == feed.Fresh })
	installed := func() int {
		n := 0
		for _, x := range r.Ledger().Installed() {
			if x.Kind == "register" {
				n++
			}
		}
		return n
	}
	if n := installed(); n != 1 {
		t.Errorf("%d editions of the register", n)
	}
	got := feeds()
	if f := got["watched"]; f.State != feed.Never || f.Error != "the file is not there" || f.ErrorKO == "" {
		t.Errorf("a feed that never came: %+v", f)
	}
	if f := got["staff"]; f.State != feed.Fresh || f.Rows != 4 {
		t.Errorf("%+v", f)
	}
	// Nobody may ask without the token, and half an export makes no leaver.
	if status, _, _ := r.call("GET", "/v1/feeds", "", nil, nil); status != http.StatusUnauthorized {
		t.Errorf("without the token: %d", status)
	}
	accept := func(name string, want int) string {
		t.Helper()
		status, _, text := r.call("POST", "/v1/feeds/accept", r.address.Token, nil, strings.NewReader(`{"name":"`+name+`","by":"kim","reason":"an office\nwas closed"}`))
		if status != want {
			t.Errorf("accept %s: %d %s", name, status, text)
		}
		return text
	}
	accept("nobody", http.StatusNotFound)
	for _, body := range []string{`{"name":"staff"}`, `{"name":"staff","by":"kim","reason":" \n"}`, `{"name":"staff","by":" ","reason":"x"}`} {
		if status, _, text := r.call("POST", "/v1/feeds/accept", r.address.Token, nil, strings.NewReader(body)); status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", body, status, text)
		}
	}
	accepted := func() []string {
		t.Helper()
		v, err := r.Ledger().View()
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		out := []string{}
		err = scope.Records(t.Context(), v, scope.Query{Where: `source == "haetae"`}, func(rec *scope.Record) error {
			out = append(out, fmt.Sprint(rec.Action, " ", rec.Route, " ", rec.ActorType, " ", rec.Client.Agent))
			if by := r.Ledger().Hasher().Actor("kim", "staff"); rec.Actor != hex.EncodeToString(by[:]) {
				t.Errorf("by %s", rec.Actor)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if got := accepted(); len(got) != 0 {
		t.Errorf("nothing was accepted, and yet is written down: %q", got)
	}
	accept("staff", http.StatusConflict)
	put("staff.csv", "id,left\ngone-1,"+yesterday+"\n")
	put("watched.csv", "value\nhere-1\n")
	reload := func() {
		t.Helper()
		if status, _, text := r.call("POST", "/v1/rules/reload", r.address.Token, nil, strings.NewReader("{}")); status != 200 {
			t.Fatalf("%d %s", status, text)
		}
	}
	reload() // which looks at all of them
	until(t, "the list", func() bool { return len(find(r.signals(t).Signals, "watched")) == 1 })
	until(t, "half an export", func() bool { return feeds()["staff"].Refused != nil })
	if n := len(find(r.signals(t).Signals, "leaver")); n != 1 {
		t.Errorf("half an export made %d leavers", n)
	}
	if text := accept("staff", 200); !strings.Contains(text, `"rows":1,"before":4`) {
		t.Error(text)
	}
	if got := accepted(); len(got) != 1 || got[0] != "update ACCEPT /feed/staff staff haetae feed accept: 1 rows, before 4: an office was closed" {
		t.Errorf("%q", got)
	}
	until(t, "what was accepted", func() bool { f := feeds()["staff"]; return f.Rows == 1 && f.Error == "" })
	if n := installed(); n != 1 {
		t.Errorf("the same register is %d editions", n)
	}
	// A mistake in the settings changes nothing.
	put("feeds.yaml", settings+"  - {name: x}\n")
	if status, _, text := r.call("POST", "/v1/rules/reload", r.address.Token, nil, strings.NewReader("{}")); status != 422 || !strings.Contains(text, "feeds.yaml:7: feeds[4].kind") {
		t.Errorf("%d %s", status, text)
	}
	put("feeds.yaml", settings)
	reload()
	// The job has died: the file is read without trouble, and is a week old.
	old := now.AddDate(0, 0, -7)
	put("keys-2.json", `[{"key":"k1","custodian":"gone-1","retired":"`+lastWeek+`"},{"key":"k2"}]`)
	if err := os.Remove(filepath.Join(dir, "keys.json")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(filepath.Join(dir, "keys-2.json"), old, old); err != nil {
		t.Fatal(err)
	}
	reload()
	until(t, "a key that was retired", func() bool { return len(find(r.signals(t).Signals, "custodian")) == 0 })
	_, _, metrics := r.call("GET", "/metrics", "", nil, nil)
	for _, want := range []string{`haetae_feed_fresh{feed="staff",kind="holders"} 1`, `haetae_feed_rows{feed="watched",kind="list"} 1`, `haetae_feed_age_seconds{feed="keys"`, `haetae_feed_failures{feed="members",kind="register"} 0`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	leaver = find(r.signals(t).Signals, "leaver")[0]
	r.end()

	// Without its feeds a server goes on with what they brought; so does history.
	r = w.serve(func(o *Options) { o.Detect = &request })
	until(t, "signals after a restart", func() bool {
		list := r.signals(t).Signals
		return len(find(list, "leaver")) == 1 && len(find(list, "watched")) == 1
	})
	rep, err := Detect(t.Context(), r.Ledger(), request, nil)
	if err != nil {
		t.Fatal(err)
	}
	for what, list := range map[string][]detect.Signal{"after a restart": r.signals(t).Signals, "over history": rep.Signals} {
		a, _ := json.Marshal(leaver)
		b, _ := json.Marshal(find(list, "leaver"))
		if "["+string(a)+"]" != string(b) {
			t.Errorf("%s it is another:\n%s\n%s", what, a, b)
		}
	}
	if status, _, _ := r.call("GET", "/v1/feeds", r.address.Token, nil, nil); status != http.StatusNotFound {
		t.Errorf("without feeds: %d", status)
	}
	// Two days on, nothing has come: what could not be decided is told, with its rules.
	later := request
	later.Now = now.AddDate(0, 0, 2)
	if rep, err = Detect(t.Context(), r.Ledger(), later, nil); err != nil {
		t.Fatal(err)
	}
	lost := map[string]string{}
	for _, s := range find(rep.Signals, "coverage-lost") {
		if s.Group["cause"] == "feed_stale" {
			lost[s.Group["feed"]] = s.Reason.EN
		}
	}
	for name, want := range map[string]string{"staff": "rule custodian, leaver:", "keys": "rule custodian:", "watched": "rule watched:", "members": "rule *:"} {
		if !strings.HasPrefix(lost[name], want) {
			t.Errorf("%s is stale, and told as %q", name, lost[name])
		}
	}
	r.end()
	for what, text := range map[string]string{"logs": w.logs.String(), "metrics": metrics} {
		for _, id := range []string{"gone-1", "here-1", "k1"} {
			if strings.Contains(text, id) {
				t.Errorf("%s have %s", what, id)
			}
		}
	}
	err = filepath.Walk(filepath.Join(w.dir, feed.Dir), func(name string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		if strings.Contains(string(data), "gone-1") || strings.Contains(string(data), "here-1") {
			t.Errorf("%s has an id", name)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
