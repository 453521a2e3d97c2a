package server

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/packs"
	"github.com/haetae/haetae/scope"
)

// signInCatalog is the catalog for Keycloak that ships, with the log of a web server
// that names the token of each request.
func signInCatalog(t *testing.T) string {
	t.Helper()
	text, err := fs.ReadFile(packs.FS, "catalogs/keycloak.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer(
		"\nsources:\n", "\nsources:\n  web:\n    match: \"web*.json\"\n    cadence: 3h\n    set: {actor.type: member, method: GET}\n"+
			"    fields: {time: at, actor.id: user, credential.key: kid, credential.token: jti, uri: path, status: status}\n",
		"\nroutes:\n", "\naccount: {pattern: \"m[0-9]{7}\"}\nroutes:\n  - {route: GET /my/profile, items: [name, email], account: actor}\n",
	).Replace(string(text))
}

// signIns writes two logs: members sign in at Keycloak every ten minutes and read
// their own page.
type signIns struct{ keycloak, web strings.Builder }

func (s *signIns) issued(n int, at time.Time) {
	user := fmt.Sprintf("8f1c0000-0000-4000-8000-%012d", n%300)
	event := func(kind, id, details string, at time.Time) {
		fmt.Fprintf(&s.keycloak, `{"id":"%s-%d","time":%d,"type":%q,"realmId":"0c5d","realmName":"members","clientId":"shop","userId":%q,"sessionId":"s%d","ipAddress":"203.0.113.%d","details":%s}`+"\n",
			id, n, at.UnixMilli(), kind, user, n, n%250, details)
	}
	event("LOGIN", "l", `{"auth_method":"openid-connect","username":"x"}`, at)
	event("CODE_TO_TOKEN", "c", fmt.Sprintf(`{"token_id":"t%d","grant_type":"authorization_code"}`, n), at.Add(time.Second))
}

func (s *signIns) refreshed(n int, at time.Time) {
	fmt.Fprintf(&s.keycloak, `{"id":"r-%d","time":%d,"type":"REFRESH_TOKEN","realmName":"members","userId":"u","sessionId":"s%d","details":{"token_id":"again%d"}}`+"\n", n, at.UnixMilli(), n, n)
}

func (s *signIns) read(member int, token string, at time.Time) {
	fmt.Fprintf(&s.web, `{"at":%q,"user":"m%07d","kid":"realm-key-1","jti":%q,"path":"/my/profile","status":200}`+"\n", at.Format(time.RFC3339), member, token)
}

// TestUnissuedTokens: tokens are given out in the log of Keycloak and used in that of
// a web server. Those that were never given out are found, by number; while Keycloak
// was not heard of, nobody is accused, and both the record and the rule say so.
func TestUnissuedTokens(t *testing.T) {
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	var logs signIns
	silent := start.Add(15*24*time.Hour + time.Hour) // for five hours
	quiet := func(at time.Time) bool { return at.After(silent) && at.Before(silent.Add(5*time.Hour)) }
	for n := range 20 * 144 {
		at := start.Add(time.Duration(n) * 10 * time.Minute)
		if !quiet(at) {
			logs.issued(n, at)
			logs.refreshed(n, at.Add(4*time.Minute))
		}
		logs.read(n%300, fmt.Sprintf("t%d", n), at.Add(2*time.Second))
		logs.read(n%300, fmt.Sprintf("again%d", n), at.Add(5*time.Minute))
	}
	forged := start.Add(12*24*time.Hour + 2*time.Hour)
	for n := range 120 {
		logs.read(1000+n, fmt.Sprintf("forged%d", n), forged.Add(time.Duration(n)*20*time.Second))
	}
	fsys := disk.NewMem()
	if err := ledger.Create(fsys, "d", ""); err != nil {
		t.Fatal(err)
	}
	l := openLedger(t, fsys, "d", ledger.Options{})
	in := inbox{t, t.TempDir()}
	req := ImportRequest{Catalog: in.write("c.yaml", signInCatalog(t)), Files: []string{in.write("keycloak.json", logs.keycloak.String()), in.write("web.json", logs.web.String())}}
	rep, err := Import(context.Background(), l, req, ImportOptions{Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range rep.Files {
		if f.ImportResult.Aside != 0 {
			t.Fatalf("%s: %d set aside", filepath.Base(f.File), f.ImportResult.Aside)
		}
	}
	got, err := Detect(context.Background(), l, DetectRequest{Now: start.Add(30 * 24 * time.Hour)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, s := range got.Signals {
		if s.Rule != "unissued_tokens" {
			continue
		}
		found++
		if s.Accounts != 120 || s.Reads != 120 || s.Severity != detect.High || s.Group["credential.key"] != "realm-key-1" {
			t.Errorf("%+v", s)
		}
	}
	if found != 1 {
		t.Errorf("%d signals of unissued tokens, want 1", found)
	}
	lost := false
	for _, loss := range got.Losses {
		lost = lost || loss.Rule == "unissued_tokens" && loss.Cause == "issuer_silent" && loss.Records > 0
	}
	if !lost {
		t.Error("the silence of the issuer is not said")
	}
	silences := 0
	for _, g := range got.Gaps {
		if g.Source == "web" && g.Kind == "cadence" {
			t.Errorf("the web log has a gap from %s", g.From)
		}
		if g.Source == "keycloak" && g.Kind == "cadence" {
			silences++
		}
	}
	if silences != 1 {
		t.Errorf("%d gaps in the log of Keycloak, want 1", silences)
	}
	// The same question, asked of the record.
	v, err := l.View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	day := forged.Truncate(24 * time.Hour)
	for where, want := range map[string]int64{
		`source == "web" && !credential.issued`:       120,
		`source == "web" && credential.issued`:        2 * 144,
		`source == "keycloak" && action == "issue"`:   2 * 144,
		`source == "keycloak" && action == "sign_in"`: 144,
	} {
		e, err := scope.Run(context.Background(), v, scope.Query{Where: where, From: event.MillisOf(day), To: event.MillisOf(day.Add(24 * time.Hour))})
		if err != nil || e.Records != want {
			t.Errorf("%s: %d records, want %d, %v", where, e.Records, want, err)
		}
	}
}
