package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/packs"
	"github.com/haetae/haetae/scope"
)

// trailRoutes is what an operator adds to the catalog that ships.
const trailRoutes = `
  - {route: "GET /aws/s3/GetObject/shop-members/profiles/{member}/{file}", items: [name, phone], account: path.member}
  - {route: "GET /aws/s3/GetObject/shop-invoices/{year}/{file}", items: [name, address], account: query.stem}
  - {route: GET /aws/dynamodb/GetItem/Members, items: [name, email], account: query.memberId}
  - {route: GET /aws/dynamodb/Scan/Members, items: [name, email], account: none}
  - {route: POST /aws/rdsdata/ExecuteStatement/shop/members, items: [email], account: none, action: read}
`

// trailCatalog is the catalog that ships, with the routes of a shop.
func trailCatalog(t *testing.T) string {
	t.Helper()
	text, err := fs.ReadFile(packs.FS, "catalogs/cloudtrail.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := strings.Replace(string(text), "\nroutes:\n", "\naccount: {pattern: \"m[0-9]{7}\"}\nroutes:"+trailRoutes, 1)
	return strings.Replace(s, "words: []", "words: [shop-logs]", 1)
}

// trailEvent writes one event of a key.
func trailEvent(n int, key, service, call, parameters, more string) string {
	return fmt.Sprintf(`{"eventVersion":"1.09","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/kim","accountId":"111122223333","accessKeyId":%q,"userName":"kim"},`+
		`"eventTime":"2025-03-10T%02d:%02d:00Z","eventSource":"%s.amazonaws.com","eventName":%q,"awsRegion":"ap-northeast-2","sourceIPAddress":"203.0.113.7","userAgent":"aws-cli/2","requestParameters":%s,"responseElements":null,"eventID":"00000000-0000-4000-8000-%012d"%s}`,
		key, n/60%24, n%60, service, call, parameters, n, more)
}

// trail is a day of events whose answer is known: who was read with the key AKIALEAK.
func trail() (events []string, want trailTruth) {
	want.accounts, want.items = map[string]bool{}, map[string]map[string]bool{"name": {}, "phone": {}, "address": {}, "email": {}}
	read := func(member string, items ...string) {
		want.reads++
		want.accounts[member] = true
		for _, it := range items {
			want.items[it][member] = true
		}
	}
	add := func(key, service, call, parameters, more string) {
		events = append(events, trailEvent(len(events), key, service, call, parameters, more))
	}
	for i := range 300 {
		m := fmt.Sprintf("m%07d", 1000+i%90)
		key := "AKIALEAK"
		if i%5 == 0 {
			key = "AKIAWORK"
		}
		leak := key == "AKIALEAK"
		switch i % 6 {
		case 0, 1:
			add(key, "s3", "GetObject", `{"bucketName":"shop-members","key":"profiles/`+m+`/photo.jpg"}`, `,"readOnly":true`)
			if leak {
				read(m, "name", "phone")
			}
		case 2:
			add(key, "s3", "GetObject", `{"bucketName":"shop-invoices","key":"2025/`+m+`.pdf"}`, "")
			if leak {
				read(m, "name", "address")
			}
		case 3:
			add(key, "dynamodb", "GetItem", `{"tableName":"Members","key":{"memberId":{"S":"`+m+`"}}}`, "")
			if leak {
				read(m, "name", "email")
			}
		case 4: // refused
			add(key, "s3", "GetObject", `{"bucketName":"shop-members","key":"profiles/m0009999/photo.jpg"}`, `,"errorCode":"AccessDenied"`)
		case 5:
			add(key, "rdsdata", "ExecuteStatement", `{"resourceArn":"arn:aws:rds:ap-northeast-2:111122223333:cluster:shop","database":"members","sql":"**********"}`, `,"readOnly":false`)
			if leak {
				want.reads++
				want.unresolved++
			}
		}
	}
	add("AKIALEAK", "dynamodb", "Scan", `{"tableName":"Members"}`, "")
	want.reads++
	want.unresolved++
	add("AKIALEAK", "s3", "GetObject", `{"bucketName":"shop-logs","key":"2025/03/10/part-1.gz"}`, "")
	want.unmapped++
	add("AKIALEAK", "secretsmanager", "GetSecretValue", `{"secretId":"prod/db"}`, "")
	return events, want
}

type trailTruth struct {
	reads, unresolved, unmapped int64
	accounts                    map[string]bool
	items                       map[string]map[string]bool
}

// wantTrail compares what the ledger answers with what the events say.
func wantTrail(t *testing.T, what string, l *ledger.Ledger, want trailTruth) {
	t.Helper()
	v, err := l.View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	e, err := scope.Run(context.Background(), v, scope.Query{Where: `credential.key == "AKIALEAK"`})
	if err != nil {
		t.Fatal(err)
	}
	if e.Reads != want.reads || e.Accounts != int64(len(want.accounts)) || e.Unresolved.Records != want.unresolved || e.Unmapped.Records != want.unmapped {
		t.Errorf("%s: %d reads of %d accounts, %d unresolved, %d unmapped; want %d of %d, %d, %d", what,
			e.Reads, e.Accounts, e.Unresolved.Records, e.Unmapped.Records, want.reads, len(want.accounts), want.unresolved, want.unmapped)
	}
	for item, who := range want.items {
		if e.Items[item] != int64(len(who)) {
			t.Errorf("%s: %s of %d people, want %d", what, item, e.Items[item], len(who))
		}
	}
	for m := range want.accounts {
		acc, err := scope.Subject(context.Background(), v, event.AccountID(m), scope.Query{}, 0)
		if err != nil || acc.Reads == 0 {
			t.Fatalf("%s: %s was not found (%v)", what, m, err)
		}
	}
}

// trailFolder makes a folder with the catalog, a register and holdings of everybody.
func trailFolder(t *testing.T, fsys disk.FS, dir string, want trailTruth) (*ledger.Ledger, inbox) {
	t.Helper()
	in := inbox{t, t.TempDir()}
	register, holdings := "account\n", "account,person,items\n"
	for m := range want.accounts {
		register += m + "\n"
		holdings += m + "," + m + ",name;email;phone;address\n"
	}
	l := openLedger(t, fsys, dir, ledger.Options{})
	req := ImportRequest{Catalog: in.write("trail.yaml", trailCatalog(t)), Register: []DatedFile{{File: in.write("r.csv", register)}}, Holdings: []DatedFile{{File: in.write("h.csv", holdings)}}}
	if _, err := Import(context.Background(), l, req, ImportOptions{}); err != nil {
		t.Fatal(err)
	}
	return l, in
}

// TestCloudTrail: from files as AWS delivers and tools write them, whole, repeated
// and overlapping, to the exact extent.
func TestCloudTrail(t *testing.T) {
	events, want := trail()
	fsys := disk.NewMem()
	if err := ledger.Create(fsys, "d", ""); err != nil {
		t.Fatal(err)
	}
	l, in := trailFolder(t, fsys, "d", want)
	var pretty []any
	for _, e := range events[90:210] {
		var v any
		if err := json.Unmarshal([]byte(e), &v); err != nil {
			t.Fatal(err)
		}
		pretty = append(pretty, v)
	}
	text, err := json.MarshalIndent(pretty, "", "   ")
	if err != nil {
		t.Fatal(err)
	}
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	files := []struct {
		name, text   string
		lines, twice int64 // of it, delivered before
		already      bool
	}{
		{"1_CloudTrail_a.json.gz", string(zipped(t, `{"Records":[`+strings.Join(events[:100], ",")+`]}`)), 100, 0, false},
		{"2_CloudTrail_b.json.zst", string(enc.EncodeAll(text, nil)), 120, 10, false},
		{"3_CloudTrail_c.json", strings.Join(events[200:], "\n") + "\n", int64(len(events) - 200), 10, false},
		{"4_CloudTrail_d.json", `{"Records":[` + strings.Join(events[150:250], ",") + `]}`, 100, 100, false},
		{"5_CloudTrail_a.json", `{"Records":[` + strings.Join(events[:100], ",") + `]}`, 0, 0, true},
		{"6_CloudTrail_empty.json", `{"Records":[]}`, 0, 0, false},
	}
	for _, f := range files {
		rep, err := Import(context.Background(), l, ImportRequest{Files: []string{in.write(f.name, f.text)}}, ImportOptions{Workers: 2})
		if err != nil {
			t.Fatalf("%s: %v", f.name, err)
		}
		got := rep.Files[0]
		if got.Format != "cloudtrail" || got.Lines != f.lines || got.Records != f.lines-f.twice || got.Duplicates != f.twice || rep.Aside != 0 || got.Already != f.already {
			t.Errorf("%s: %+v", f.name, got)
		}
	}
	wantTrail(t, "imported", l, want)
}

// TestCloudTrailByHTTP: what was imported and what is sent count once together,
// as a document of AWS or as records of ours with the same id.
func TestCloudTrailByHTTP(t *testing.T) {
	events, want := trail()
	w := newWorld(t, disk.OS, filepath.Join(t.TempDir(), "d"))
	l, in := trailFolder(t, w.fs, w.dir, want)
	if _, err := Import(context.Background(), l, ImportRequest{Files: []string{in.write("a_CloudTrail_.json", `{"Records":[`+strings.Join(events[:150], ",")+`]}`)}}, ImportOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	var err error
	if w.token, _, err = AddToken(w.fs, w.dir, "cloudtrail"); err != nil {
		t.Fatal(err)
	}
	r := w.serve(nil)
	document := map[string]string{"Content-Type": "application/json; charset=utf-8"}
	status, got := r.post(document, "{\n \"Records\": [\n"+strings.Join(events[100:], ",\n")+"\n]}")
	if status != 200 || got.Accepted != len(events)-150 || got.Duplicates != 50 || got.Aside != 0 || got.Delivery != deliveryOnce {
		t.Errorf("%d %+v", status, got)
	}
	status, got = r.post(document, strings.Join(events[:20], "\n"))
	if status != 200 || got.Accepted != 0 || got.Duplicates != 20 {
		t.Errorf("again, as lines: %d %+v", status, got)
	}
	status, got = r.post(nil, `{"time":"2025-03-10T00:00:00Z","id":"00000000-0000-4000-8000-000000000000","uri":"/aws/s3/GetObject/x","method":"GET"}`)
	if status != 200 || got.Duplicates != 1 {
		t.Errorf("as a record of ours: %d %+v", status, got)
	}
	status, got = r.post(document, "[\n"+events[0]+",\n{\"eventTime\":7},\n"+events[1]+",\n{\"a\":")
	if status != 400 || got.Duplicates != 2 || got.Aside != 2 || got.Error == nil || got.Error.Line != 3 || got.Error.Field != "eventTime" {
		t.Errorf("broken: %d %+v %+v", status, got, got.Error)
	}
	if err := r.Ledger().Seal(); err != nil {
		t.Fatal(err)
	}
	r.end()
	wantTrail(t, "sent", openLedger(t, w.fs, w.dir, ledger.Options{}), want)
}

// TestCloudTrailBroken: a broken event is set aside with its place, and costs no
// other; a file that was cut off is repaired by the whole one.
func TestCloudTrailBroken(t *testing.T) {
	events, want := trail()
	fsys := disk.NewMem()
	if err := ledger.Create(fsys, "d", ""); err != nil {
		t.Fatal(err)
	}
	l, in := trailFolder(t, fsys, "d", want)
	take := func(name, text string) *FileReport {
		t.Helper()
		rep, err := Import(context.Background(), l, ImportRequest{Files: []string{in.write(name, text)}}, ImportOptions{Workers: 2})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return &rep.Files[0]
	}
	broken := `{"eventVersion":"1.09","eventTime":"2025-03-10T00:00:00Z","userIdentity":{"type":"Root"`
	text := "{\"Records\":[\n" + strings.Join(events[:10], ",\n") + ",\n" + broken + ",\n" + strings.Join(events[10:20], ",\n") + "]}"
	got := take("1_CloudTrail_.json", text)
	if got.Records != 20 || got.ImportResult.Aside != 1 || len(got.Causes) != 1 || got.Causes[0].Cause != "syntax" || got.Causes[0].Line != 12 || got.Causes[0].Offset != int64(strings.Index(text, broken)) {
		t.Errorf("%+v", got)
	}
	whole := "{\"Records\":[\n" + strings.ReplaceAll(strings.Join(events[20:], ","), ",", ",\n") + "\n]}\n"
	for i, cut := range []int{len(whole) / 3, len(whole) / 2} {
		got = take(fmt.Sprintf("2_CloudTrail_%d.json", i), whole[:cut])
		if got.ImportResult.Aside != 1 || len(got.Causes) != 1 || got.Causes[0].Cause != "cut_off" {
			t.Errorf("cut off: %+v", got)
		}
	}
	got = take("2_CloudTrail_whole.json.gz", string(zipped(t, whole)))
	if got.ImportResult.Aside > 1 {
		t.Errorf("the whole: %+v", got)
	}
	wantTrail(t, "repaired", l, want)

	// Cut off where it is packed: what can be unpacked counts.
	z := zipped(t, `{"Records":[`+strings.Join(events[:100], ",")+`]}`)
	got = take("3_CloudTrail_.json.gz", string(z[:len(z)/2]))
	if got.Broken == "" || got.Records+got.Duplicates == 0 || got.ImportResult.Aside != 1 || got.Causes[0].Cause != "undecoded" {
		t.Errorf("cut off while packed: %+v", got)
	}
}

// TestCloudTrailByContent: long after the ids of events are forgotten, what was read
// of a file is known by its content, though no line feed stands in it: the file
// again, one that goes on behind it, one that was cut off before.
func TestCloudTrailByContent(t *testing.T) {
	events, want := trail()
	fsys := disk.NewMem()
	if err := ledger.Create(fsys, "d", ""); err != nil {
		t.Fatal(err)
	}
	l, in := trailFolder(t, fsys, "d", want)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	now := time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)
	l = openLedger(t, fsys, "d", ledger.Options{Now: func() time.Time { return now }})
	a := `{"Records":[` + strings.Join(events[:100], ",") + `]}`
	b := `{"Records":[` + strings.Join(events[100:200], ",") + `]}`
	var list []any
	for _, e := range events[200:] {
		var v any
		if err := json.Unmarshal([]byte(e), &v); err != nil {
			t.Fatal(err)
		}
		list = append(list, v)
	}
	pretty, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	c := string(pretty)
	third := int64(strings.Count(c[:len(c)/3], `"eventID"`)) // as JSON sorts them, it may stand in the one that is cut
	for _, f := range []struct {
		what, text string
		records    int64
		aside      int64
	}{
		{"a file", a, 100, 0},
		{"again", a, 0, 0},
		{"packed", string(zipped(t, a)), 0, 0},
		{"with another behind it", a + b, 100, 0},
		{"both again, on two lines at the end", a + b + "\n", 0, 0},
		{"cut off", c[:len(c)/3], -1, 1},
		{"the whole", c, -1, 0},
		{"the whole again", string(zipped(t, c)), 0, 0},
	} {
		rep, err := Import(context.Background(), l, ImportRequest{Files: []string{in.write("x_CloudTrail_.json", f.text)}}, ImportOptions{Workers: 2})
		if err != nil {
			t.Fatalf("%s: %v", f.what, err)
		}
		got := rep.Files[0]
		if f.records >= 0 && got.Records != f.records || got.Duplicates != 0 || rep.Aside != f.aside {
			t.Errorf("%s: %+v", f.what, got)
		}
		if n := got.Records; f.what == "cut off" && n != third && n != third-1 {
			t.Errorf("cut off: %d records, %d ids", n, third)
		}
		now = now.Add(20 * 24 * time.Hour)
		if err := l.Compact(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	wantTrail(t, "by content", l, want)
}

// TestCloudTrailInterrupted: an import that was stopped inside a document goes on
// behind the last element that was staged, and one that is decoded again replaces
// what it was.
func TestCloudTrailInterrupted(t *testing.T) {
	fsys := disk.NewMem()
	if err := ledger.Create(fsys, "d", ""); err != nil {
		t.Fatal(err)
	}
	in := inbox{t, t.TempDir()}
	l := openLedger(t, fsys, "d", ledger.Options{StageRows: 1500})
	const events = 12_000
	var b strings.Builder
	b.WriteString(`{"Records":[`)
	bad := 0
	for i := range events {
		e := trailEvent(i, "AKIALEAK", "s3", "GetObject", fmt.Sprintf(`{"bucketName":"shop-members","key":"profiles/m%07d/x"}`, i), "")
		if i%5000 == 4999 {
			e = strings.TrimSuffix(e, "}")
			bad++
		}
		b.WriteString(e + ",")
	}
	text := strings.TrimSuffix(b.String(), ",") + "]}"
	req := ImportRequest{Catalog: in.write("trail.yaml", trailCatalog(t)), Source: "cloudtrail", Files: []string{"-"}}
	ctx, stop := context.WithCancel(context.Background())
	if _, err := Import(ctx, l, req, ImportOptions{Workers: 2, Stdin: &stopping{stop: stop, after: len(text) * 3 / 4, r: bytes.NewReader([]byte(text))}}); !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted: %v", err)
	}
	rep, err := Import(context.Background(), l, req, ImportOptions{Workers: 2, Stdin: strings.NewReader(text)})
	if err != nil {
		t.Fatal(err)
	}
	if got := rep.Files[0]; !got.Resumed || got.Records != int64(events-bad) || got.ImportResult.Aside != int64(bad) || got.Duplicates != 0 {
		t.Errorf("gone on with: %+v", got)
	}
	count := func(what string, accounts int64) {
		t.Helper()
		v, err := l.View()
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		e, err := scope.Run(context.Background(), v, scope.Query{Where: "true"})
		if err != nil || e.Records != int64(events-bad) || e.Accounts != accounts {
			t.Errorf("%s: %d records, %d accounts, %v; want %d accounts", what, e.Records, e.Accounts, err, accounts)
		}
	}
	count("gone on with", int64(events-bad))
	again := ImportRequest{Source: "cloudtrail", Redecode: true, Files: []string{in.write("x.json.gz", string(zipped(t, text)))},
		Catalog: in.write("other.yaml", strings.ReplaceAll(trailCatalog(t), "path.member", "query.stem"))}
	if rep, err = Import(context.Background(), l, again, ImportOptions{Workers: 2}); err != nil || rep.Records != int64(events-bad) {
		t.Fatalf("decoded again: %+v, %v", rep, err)
	}
	count("decoded again", 0) // an object called x is nobody's
}

// TestCloudTrailCheck: catalog check names the calls that no route describes, and
// keeps what they were about to itself unless the catalog knows the word.
func TestCloudTrailCheck(t *testing.T) {
	events, _ := trail()
	events = append(events, trailEvent(900, "AKIAWORK", "s3", "GetObject", `{"bucketName":"kim-minsu-backup","key":"hong/m0001000/x"}`, ""),
		trailEvent(901, "AKIAWORK", "glue", "GetTable", `{"name":"hong"}`, ""))
	cat, err := catalog.Parse("trail.yaml", []byte(trailCatalog(t)))
	if err != nil {
		t.Fatal(err)
	}
	rep, err := CheckLog(context.Background(), strings.NewReader(`{"Records":[`+strings.Join(events, ",\n")+`]}`), "1_CloudTrail_.json", cat, "", "", 2)
	if err != nil {
		t.Fatal(err)
	}
	if rep.Format != "cloudtrail" || rep.Source != "cloudtrail" || rep.Lines != int64(len(events)) || rep.Aside != 0 {
		t.Errorf("%+v", rep)
	}
	var shapes []string
	for _, u := range rep.Unmapped {
		shapes = append(shapes, u.Shape)
	}
	want := "GET /aws/s3/GetObject/{word}/{word}/{account}/x, GET /aws/glue/GetTable, GET /aws/s3/GetObject/shop-logs/{}/{}/{}/{}"
	if got := strings.Join(shapes, ", "); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	// The events that AWS wrote are described by the catalog that ships.
	text, err := fs.ReadFile(packs.FS, "catalogs/cloudtrail.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if cat, err = catalog.Parse("cloudtrail.yaml", text); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../testdata/real/cloudtrail/*.json")
	if err != nil || len(files) != 2 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		rep, err := CheckLog(context.Background(), f, filepath.Base(name), cat, "", "", 1)
		f.Close()
		if err != nil || rep.Records == 0 || rep.Aside != 0 || len(rep.Unmapped) != 0 || rep.Shares[0].Resolved != rep.Records {
			t.Errorf("%s: %+v, %v", filepath.Base(name), rep, err)
		}
	}
}
