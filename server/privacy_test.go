package server

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/scope"
)

// marker stands in every value that may identify somebody. It has the form of an
// id: a path segment made of nothing but letters is a word of the application to
// any program, and docs/threat-model.md says so.
const marker = "4815162342"

const markedCatalog = `version: 1
items:
  name: {ko: 성명, en: name, class: ordinary}
sources:
  app:
    format: json
    fields: {time: time, id: id, actor.id: actor, actor.type: kind, credential.token: token, credential.key: key, client.ip: ip, method: method, uri: uri, status: status, subjects: subjects}
routes:
  - {route: "GET /members/{member}", items: [name], account: path.member}
  - {route: GET /members, items: [name], account: query.id}
  - {route: GET /export, items: [name], account: list}
`

// markedLog has the marker in every field that can hold an id, in good lines and
// in broken ones.
const markedLog = `{"time":"2025-03-10T09:00:00Z","id":"rid-` + marker + `","actor":"act-` + marker + `","kind":"staff","token":"tok-` + marker + `","key":"k1","ip":"10.0.0.1","method":"GET","uri":"/members/mem-` + marker + `","status":200}
{"time":"2025-03-10T09:00:01Z","id":"rid-` + marker + `-2","actor":"act-` + marker + `","kind":"member","method":"GET","uri":"/members?id=q-` + marker + `&x=` + marker + `","status":200}
{"time":"2025-03-10T09:00:02Z","id":"rid-` + marker + `-3","actor":"act-` + marker + `","kind":"staff","method":"GET","uri":"/export","subjects":"a-` + marker + `,b-` + marker + `","status":200}
{"time":"2025-03-10T09:00:03Z","id":"rid-` + marker + `-4","method":"GET","uri":"/unmapped/` + marker + `/cards/m` + marker + `?q=` + marker + `","status":200}
{"time":"` + marker + `x","id":"rid-` + marker + `","method":"GET","uri":"/members/` + marker + `","status":200}
{"time":"2025-03-10T09:00:04Z","token":"eyJ` + marker + `.eyJ` + marker + `.` + marker + `","method":"GET","uri":"/members/` + marker + `","status":200}
{"time":"2025-03-10T09:00:05Z","status":"` + marker + `","method":"GET","uri":"/members/` + marker + `"}
not json ` + marker + `
`

// TestPrivacy sends marked values through every way in and every question, and
// then searches everything that came out: the files byte by byte, the words the
// ledger keeps unpacked, logs, metrics, answers and errors.
func TestPrivacy(t *testing.T) {
	top := t.TempDir()
	inbox := filepath.Join(top, "inbox-"+marker) // personal data hides in paths, too
	if err := os.Mkdir(inbox, 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) string {
		f := filepath.Join(inbox, name)
		if err := os.WriteFile(f, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return f
	}
	w := newWorld(t, disk.OS, filepath.Join(top, "d"))
	var err error
	if w.token, _, err = AddToken(w.fs, w.dir, "app"); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer // everything that is said
	say := func(parts ...string) {
		for _, p := range parts {
			out.WriteString(p + "\n")
		}
	}
	req := ImportRequest{
		Catalog:  write("app.yaml", markedCatalog),
		Register: []DatedFile{{File: write("register.csv", "account,since\nmem-"+marker+",2024-01-01\n"+strings.Repeat("x", 300)+marker+",2024\nb-"+marker+","+marker+"\n")}},
		Holdings: []DatedFile{{File: write("holdings.csv", "account,person,items\nmem-"+marker+",p-"+marker+",name\nmem-"+marker+",q-"+marker+","+marker+"!\n")}},
		Files:    []string{write("history.json", markedLog)},
	}
	l := openLedger(t, w.fs, w.dir, ledger.Options{})
	rep, err := Import(context.Background(), l, req, ImportOptions{Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	if rep.Records != 4 || rep.Aside != 4 {
		t.Errorf("import: %d records, %d set aside, want 4 and 4", rep.Records, rep.Aside)
	}
	said, err := json.Marshal(rep)
	if err != nil {
		t.Fatal(err)
	}
	say(string(said))
	// Requests that fail say so without the value.
	for _, bad := range []ImportRequest{
		{Files: []string{filepath.Join(inbox, "missing.json")}},
		{Register: []DatedFile{{File: write("bad.csv", marker+","+marker+"\n"+marker)}}},
		{Holdings: []DatedFile{{File: write("bad2.csv", "account,person,items\n"+marker+"\x00,"+marker+",x\n")}}},
		{Catalog: write("bad.yaml", "version: 1\naccount: {pattern: '("+marker+"'}\n"), Files: nil},
	} {
		_, err := Import(context.Background(), l, bad, ImportOptions{})
		if err == nil {
			t.Errorf("%+v is taken", bad)
			continue
		}
		// A catalog's mistakes may quote the catalog: it is not personal data.
		if bad.Catalog == "" {
			say(err.Error())
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}

	live := write("live.json", strings.ReplaceAll(markedLog, "rid-", "live-"))
	r := w.serve(func(o *Options) { o.Follow = []Follow{{"app", live}} })
	records := `{"time":"2025-03-10T10:00:00Z","id":"http-` + marker + `","actor":{"id":"h-` + marker + `","type":"staff"},"credential":{"token":"t-` + marker + `"},"method":"GET","uri":"/members/h-` + marker + `","status":200}
{"time":"2025-03-10T10:00:01Z","actor":{"id":"h-` + marker + `","type":"staff"},"route":"GET /members/{member}","subjects":["s-` + marker + `"],"status":200}
{"time":"2025-03-10T10:00:02Z","` + marker + `":1,"uri":"/x"}
{"time":"` + marker + `"}
{"` + marker
	for range 2 {
		_, _, text := r.call("POST", "/v1/records", w.token, map[string]string{"Idempotency-Key": "idem-" + marker}, strings.NewReader(records))
		say(text)
	}
	_, _, text := r.call("POST", "/v1/records", "hts_"+marker, nil, strings.NewReader(records))
	say(text)
	r.awaitCount(10)
	admin := r.address.Token
	for _, c := range []struct{ method, where, body string }{
		{"POST", "/v1/scope", `{"where":"account == \"mem-` + marker + `\"","by":"actor"}`},
		{"POST", "/v1/scope", `{"where":"account.startsWith(\"` + marker + `\")"}`},
		{"POST", "/v1/scope", `{"` + marker + `":1}`},
		{"POST", "/v1/scope", `{"where":"true","from":"` + marker + `"}`},
		{"POST", "/v1/scope", `{"where":"true","by":"` + marker + `"}`},
		{"GET", "/v1/scope?where=account==%22" + marker + "%22", ""},
		{"GET", "/v1/scope?" + marker + "=1", ""},
		{"GET", "/" + marker, ""},
		{"POST", "/v1/subjects", `{"account":"mem-` + marker + `"}`},
		{"POST", "/v1/subjects", `{"account":"nobody-` + marker + `"}`},
		{"POST", "/v1/subjects", `{"account":{"` + marker + `":1}}`},
		{"GET", "/v1/status", ""},
		{"GET", "/metrics", ""},
	} {
		_, _, text := r.call(c.method, c.where, admin, nil, strings.NewReader(c.body))
		if c.where == "/v1/scope" && strings.Contains(c.body, "mem-") {
			// The question itself is said back to whoever asked it.
			text = strings.ReplaceAll(text, `account == \"mem-`+marker, "")
		}
		say(text)
	}
	if err := r.Ledger().Seal(); err != nil {
		t.Fatal(err)
	}
	r.end()
	say(w.logs.String())
	if !strings.Contains(w.logs.String(), "msg=request") {
		t.Error("the log has no requests: the test looks at too little")
	}

	// What the ledger keeps in compressed columns is searched unpacked.
	l = openLedger(t, w.fs, w.dir, ledger.Options{})
	v, err := l.View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if acc, err := scope.Subject(context.Background(), v, event.AccountID("mem-"+marker), scope.Query{}, 0); err != nil || acc.Reads == 0 {
		t.Errorf("the marked account was not found (%+v, %v): the test proves nothing", acc, err)
	}
	for _, seg := range v.Segments() {
		shapes, err := seg.Shapes()
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range shapes {
			say(s.Source, s.Route, s.Key, s.ActorType)
		}
		agents, err := seg.Agents()
		if err != nil {
			t.Fatal(err)
		}
		files, err := seg.Files()
		if err != nil {
			t.Fatal(err)
		}
		say(append(agents, files...)...)
	}
	if i := strings.Index(out.String(), marker); i >= 0 {
		text := out.String()
		t.Errorf("the marker got out: …%s…", text[max(0, i-200):min(len(text), i+100)])
	}
	files := 0
	err = filepath.WalkDir(w.dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		files++
		if strings.Contains(p, marker) || bytes.Contains(data, []byte(marker)) {
			t.Errorf("the marker is in %s", strings.TrimPrefix(p, w.dir))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 8 {
		t.Errorf("only %d files were searched", files)
	}
	// It can be opened again, by whoever has the key.
	opener, err := pseudonym.LoadOpening(disk.OS, filepath.Join(ledger.KeyDirOf(w.dir), pseudonym.OpenKeyName))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	if err := l.OpenAside(opener, func(a ledger.AsideLine) error {
		if bytes.Contains(a.Text, []byte(marker)) {
			found++
		}
		return nil
	}); err != nil || found == 0 {
		t.Errorf("%d marked lines set aside, %v: want some", found, err)
	}
}
