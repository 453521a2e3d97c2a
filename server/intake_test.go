package server

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
)

const intakeCatalog = `version: 1
items:
  name: {ko: 성명, en: name, class: ordinary}
sources:
  web: {format: combined}
  app:
    format: json
    fields: {time: time, id: id, actor.id: actor, client.ip: ip, method: method, uri: uri, status: status}
  trail: {format: cloudtrail}
routes:
  - {route: GET /search, items: [name], account: none}
`

// intakeRules ask for what no record keeps. What they look for has the marker in it.
const intakeRules = `
title: Injection in a query / 질의 문자열 주입
id: 5c1f4c36-0000-4000-8000-000000000001
name: injection
level: high
logsource: {category: webserver}
detection: {q: {cs-uri-query|contains: 'union-` + marker + `'}, own: {cs-method: GET}, condition: q and own}
---
title: Came from a bad place
name: referred
level: medium
logsource: {category: webserver}
detection: {r: {cs-referer|endswith: 'bad-` + marker + `'}, condition: r}
---
title: A header of ours
name: header
level: low
logsource: {category: webserver}
detection: {r: {headers.x-tool: 'tool-` + marker + `'}, condition: r}
---
title: The production secret
name: secret
level: high
logsource: {product: aws, service: cloudtrail}
detection: {s: {eventName: GetSecretValue, requestParameters.secretId|startswith: 'prod-` + marker + `'}, condition: s}
---
title: Three of one kind
name: three
level: high
correlation: {type: event_count, rules: [injection], group-by: [client.ip], timespan: 1h, generate: true, condition: {gte: 3}}
`

// webLine, appLine and secretEvent are lines that a rule matches, or is near to.
func webLine(second, query, referer string) string {
	return `203.0.113.9 - - [10/Mar/2025:09:00:` + second + ` +0000] "GET /search?q=` + query + ` HTTP/1.1" 200 512 "` + referer + `" "curl"` + "\n"
}

func appLine(id, query, more string) string {
	return `{"time":"2025-03-10T10:00:00Z","id":"` + id + `","ip":"203.0.113.10","method":"GET","uri":"/search?q=` + query + `","status":200` + more + `}` + "\n"
}

func secretEvent(id, name, secret string) string {
	return `{"eventVersion":"1.09","eventTime":"2025-03-10T11:00:00Z","eventID":"` + id + `","eventSource":"secretsmanager.amazonaws.com","eventName":"` + name + `","sourceIPAddress":"203.0.113.11","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::1:user/a","accessKeyId":"AKIA1"},"requestParameters":{"secretId":"` + secret + `"}}`
}

// found is what was found, by rule: how many records, and the condition for them.
func found(list []detect.Signal) map[string]int64 {
	out := map[string]int64{}
	for _, s := range list {
		if s.Rule != "coverage-lost" {
			out[s.Rule] += int64(s.Reached)
		}
	}
	return out
}

// TestIntake: rules on what no record keeps match what is imported, posted and
// followed while it is at hand; live, after a restart and in a run over history they
// find the same; records from before say that nobody looked; and nothing of what the
// rules saw is kept or shown.
func TestIntake(t *testing.T) {
	top := t.TempDir()
	in := inbox{t, top}
	w := newWorld(t, disk.OS, filepath.Join(top, "d"))
	rules := filepath.Join(top, "rules")
	if err := os.Mkdir(rules, 0o700); err != nil {
		t.Fatal(err)
	}
	in.write("rules/r.yaml", intakeRules)
	bad, good := "union-"+marker, "plain"
	before := webLine("00", bad, "-") + webLine("01", good, "-")
	l := openLedger(t, w.fs, w.dir, ledger.Options{})
	ctx := context.Background()
	if _, err := Import(ctx, l, ImportRequest{Catalog: in.write("c.yaml", intakeCatalog), Source: "web", Files: []string{in.write("before.log", before)}}, ImportOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	var err error
	if w.token, _, err = AddToken(w.fs, w.dir, "app"); err != nil {
		t.Fatal(err)
	}
	trailToken, _, err := AddToken(w.fs, w.dir, "trail")
	if err != nil {
		t.Fatal(err)
	}
	followed := in.write("app.json", appLine("f1", bad, "")+appLine("f2", good, `,"http_referer":"http://bad-`+marker+`"`)+appLine("f3", good, `,"headers":{"x-tool":"tool-`+marker+`"}`)+appLine("f4", good, ""))
	with := func(o *Options) {
		o.Detect = &DetectRequest{Rules: rules}
		o.Follow = []Follow{{"app", followed}}
	}
	r := w.serve(with)
	until(t, "live detection", func() bool { return r.signals(t).Status.State == "live" })
	if st := r.signals(t).Status; st.LiveOnly != 4 || st.NotRun != 0 {
		t.Errorf("status: %+v", st)
	}
	body := webLine("10", bad, "-") + webLine("11", bad, "http://bad-"+marker) + webLine("12", good, "http://other") + webLine("13", bad, "-")
	if _, err := Import(ctx, r.Ledger(), ImportRequest{Source: "web", Files: []string{in.write("after.log", body)}}, ImportOptions{Workers: 2, Intake: r.intake.Load}); err != nil {
		t.Fatal(err)
	}
	if status, got := r.post(nil, `{"time":"2025-03-10T10:00:01Z","id":"p1","client":{"ip":"203.0.113.12"},"method":"GET","uri":"/search?q=`+bad+`","status":200}`+"\n"); status != 200 {
		t.Fatalf("%d %+v", status, got)
	}
	events := "[" + secretEvent("t1", "GetSecretValue", "prod-"+marker+"/db") + "," + secretEvent("t2", "GetSecretValue", "test-"+marker) + "," + secretEvent("t3", "PutSecretValue", "prod-"+marker) + "]"
	if status, _, text := r.call("POST", "/v1/records", trailToken, map[string]string{"Content-Type": "application/json"}, strings.NewReader(events)); status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	want := map[string]int64{"injection": 5, "referred": 2, "header": 1, "secret": 1, "three": 3}
	same := func(list []detect.Signal) bool {
		got := found(list)
		if len(got) != len(want) {
			return false
		}
		for k, n := range want {
			if got[k] != n {
				return false
			}
		}
		return true
	}
	until(t, "signals", func() bool { return same(r.signals(t).Signals) })
	// An import makes detection begin anew: all that it then says is a function of the
	// ledger.
	live := r.signals(t).Signals
	for _, s := range live {
		if s.Rule == "coverage-lost" {
			if s.Group["cause"] != "not_in_force" || s.Reached != 2 {
				t.Errorf("coverage lost: %+v", s)
			}
			continue
		}
		if !s.Exact || !strings.Contains(s.Where, "in marks") {
			t.Errorf("%s: %s, exact %t", s.Rule, s.Where, s.Exact)
		}
		if n := r.count(s.Where); n != int64(s.Reached) {
			t.Errorf("%s: its condition finds %d records, not %v", s.Rule, n, s.Reached)
		}
	}
	// The same again, by rules that match all: it is the same records.
	in.write("rules/r.yaml", strings.ReplaceAll(intakeRules, bad, "q=plain"))
	if err := r.ReloadRules(); err != nil {
		t.Fatal(err)
	}
	if status, _, text := r.call("POST", "/v1/records", trailToken, map[string]string{"Content-Type": "application/json"}, strings.NewReader(events)); status != 200 || !strings.Contains(text, `"accepted":0`) {
		t.Errorf("delivered again: %d %s", status, text)
	}
	in.write("rules/r.yaml", intakeRules)
	r.end()

	r = w.serve(with)
	until(t, "signals after a restart", func() bool { return same(r.signals(t).Signals) })
	rep, err := Detect(ctx, r.Ledger(), DetectRequest{Rules: rules}, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(rep.Signals)
	b, _ := json.Marshal(live)
	if !bytes.Equal(a, b) {
		t.Errorf("live and not live differ:\n%s\n%s", b, a)
	}
	if len(rep.LiveOnly) != 4 || len(rep.NotRun) != 0 || len(rep.Elsewhere) != 0 {
		t.Errorf("%+v", rep)
	}
	for _, x := range rep.LiveOnly {
		// The secrets' rule looks at no line of a web server.
		if n := map[string]int64{"injection": 2, "referred": 2, "header": 2, "secret": 0}[x.Rule]; x.Records != n || (n > 0) != (x.First != "" && x.Last != "") {
			t.Errorf("%+v, not %d records", x, n)
		}
	}
	// In another wording the rule has looked at none; what it matched before stays.
	in.write("rules/r.yaml", strings.Replace(intakeRules, "cs-method: GET", "cs-method: HEAD", 1))
	if rep, err = Detect(ctx, r.Ledger(), DetectRequest{Rules: rules}, nil); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(rep.LiveOnly, func(x detect.LiveOnly) bool { return x.Rule == "injection" })
	if n := r.count(`source != "trail" && source != "haetae"`); rep.LiveOnly[i].Records != n || !same(rep.Signals) {
		t.Errorf("in another wording: %+v of %d", rep.LiveOnly[i], n)
	}
	if err := r.Ledger().Seal(); err != nil {
		t.Fatal(err)
	}
	r.end()

	// Nothing of what the rules saw got out.
	var out strings.Builder
	out.WriteString(w.logs.String())
	out.Write(a)
	l = openLedger(t, w.fs, w.dir, ledger.Options{})
	v, err := l.View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	marked := 0
	for _, seg := range v.Segments() {
		shapes, err := seg.Shapes()
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range shapes {
			out.WriteString(s.Source + s.Route + s.Key + s.ActorType + s.Marks + "\n")
			if s.Marks != "" {
				marked++
			}
		}
	}
	if marked < 4 {
		t.Errorf("%d shapes have marks: the test looks at too little", marked)
	}
	if strings.Contains(out.String(), marker) {
		t.Error("the marker got out")
	}
	err = filepath.WalkDir(w.dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(p)
		if bytes.Contains(data, []byte(marker)) {
			t.Errorf("the marker is in %s", strings.TrimPrefix(p, w.dir))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestImportRules: an import without a server looks by the rules it is told, and one
// decoded anew is looked at again.
func TestImportRules(t *testing.T) {
	in := inbox{t, t.TempDir()}
	if err := os.Mkdir(filepath.Join(in.dir, "rules"), 0o700); err != nil {
		t.Fatal(err)
	}
	in.write("rules/r.yaml", intakeRules)
	rules := filepath.Join(in.dir, "rules")
	w := newWorld(t, disk.OS, filepath.Join(in.dir, "d"))
	l := openLedger(t, w.fs, w.dir, ledger.Options{})
	ctx := context.Background()
	log := in.write("web.log", webLine("00", "union-"+marker, "-")+webLine("01", "plain", "-"))
	req := ImportRequest{Catalog: in.write("c.yaml", intakeCatalog), Source: "web", Files: []string{log}}
	if _, err := Import(ctx, l, req, ImportOptions{}); err != nil {
		t.Fatal(err)
	}
	look := func() (int64, int64) {
		t.Helper()
		rep, err := Detect(ctx, l, DetectRequest{Rules: rules}, nil)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(rep.LiveOnly, func(x detect.LiveOnly) bool { return x.Rule == "injection" })
		return found(rep.Signals)["injection"], rep.LiveOnly[i].Records
	}
	if n, unseen := look(); n != 0 || unseen != 2 {
		t.Errorf("without rules: %d found, %d not seen", n, unseen)
	}
	req.Catalog, req.Rules, req.Redecode = "", rules, true
	if _, err := Import(ctx, l, req, ImportOptions{}); err != nil {
		t.Fatal(err)
	}
	if n, unseen := look(); n != 1 || unseen != 0 {
		t.Errorf("decoded anew: %d found, %d not seen", n, unseen)
	}
	in.write("rules/r.yaml", "title: x\nlogsource: {category: webserver}\ndetection: {a: {b|nosuch: c}, condition: a}\n")
	req.Redecode = false
	req.Files = []string{in.write("web2.log", webLine("30", "plain", "-"))}
	if _, err := Import(ctx, l, req, ImportOptions{}); err == nil {
		t.Error("broken rules are taken")
	}
}
