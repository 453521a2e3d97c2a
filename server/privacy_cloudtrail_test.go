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

// usable stands in what opens something: of it nothing may be kept, sealed or not.
const usable = "9871236540"

// markedTrail has the marker in what may identify somebody, and usable in what
// opens something, in good events and in broken ones.
var markedTrail = []string{
	`{"eventVersion":"1.09","eventTime":"2025-03-10T00:00:00Z","eventID":"id-` + marker + `","eventSource":"s3.amazonaws.com","eventName":"GetObject","sourceIPAddress":"203.0.113.7","userAgent":"aws-cli",` +
		`"userIdentity":{"type":"AssumedRole","arn":"arn:aws:sts::1:assumed-role/support/kim-` + marker + `","principalId":"AROA:` + marker + `","accessKeyId":"ASIA` + marker + `","sessionContext":{"sessionIssuer":{"arn":"arn:aws:iam::1:role/support"}}},` +
		`"requestParameters":{"bucketName":"shop-members","key":"profiles/mem-` + marker + `/photo.jpg","X-Amz-Security-Token":"` + usable + `"},"responseElements":{"x":"` + usable + `"},"errorMessage":"` + usable + `"}`,
	`{"eventVersion":"1.09","eventTime":"2025-03-10T00:01:00Z","eventID":"id2-` + marker + `","eventSource":"dynamodb.amazonaws.com","eventName":"GetItem","userIdentity":{"type":"WebIdentityUser","userName":"web-` + marker + `"},` +
		`"requestParameters":{"tableName":"Members","key":{"memberId":{"S":"mem-` + marker + `"}}}}`,
	`{"eventVersion":"1.09","eventTime":"2025-03-10T00:02:00Z","eventID":"id3-` + marker + `","eventSource":"sts.amazonaws.com","eventName":"AssumeRole","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::1:user/` + marker + `","accessKeyId":"AKIA1"},` +
		`"requestParameters":{"roleArn":"arn:aws:iam::1:role/support","roleSessionName":"` + marker + `"},"responseElements":{"credentials":{"accessKeyId":"ASIAN` + marker + `","sessionToken":"` + usable + `","secretAccessKey":"` + usable + `"}}}`,
	`{"eventVersion":"1.09","eventTime":"2025-03-10T00:03:00Z","eventID":"id4-` + marker + `","eventSource":"rds.amazonaws.com","eventName":"ModifyDBInstance","userIdentity":{"type":"Root","arn":"arn:aws:iam::1:root"},"requestParameters":{"masterUserPassword":"` + usable + `","x":"` + marker + `"}}`,
	`{"eventVersion":"1.09","eventTime":"2025-03-10T00:04:00Z","eventID":"id5-` + marker + `","eventSource":"s3.amazonaws.com","eventName":"GetObject","userIdentity":{"type":"Root"},"requestParameters":{"bucketName":"b","key":"other/` + marker + `/` + marker + `"}}`,
	// Set aside: a time that is none, a usable token as an id, and no JSON.
	`{"eventVersion":"1.09","eventTime":"x` + marker + `","eventID":"id6","requestParameters":{"secretString":"` + usable + `"},"responseElements":{"credentials":{"sessionToken":"` + usable + `"}}}`,
	`{"eventVersion":"1.09","eventTime":"2025-03-10T00:05:00Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","userIdentity":{"type":"IAMUser","accessKeyId":"Bearer ` + usable + `"}}`,
	`{"eventVersion":"1.09","eventName":"AssumeRole","responseElements":{"credentials":{"sessionToken":"` + usable + `","list":[{"a":1},{"password":"` + usable + `"}],"eventName":"a b ` + usable + `"`,
}

// TestPrivacyCloudTrail: no id of an event gets out, and nothing of an event that
// opens something is in the folder, not even for whoever has the key.
func TestPrivacyCloudTrail(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	w := newWorld(t, disk.OS, dir)
	in := inbox{t, t.TempDir()}
	l := openLedger(t, w.fs, dir, ledger.Options{})
	catalog := strings.Replace(trailCatalog(t), `pattern: "m[0-9]{7}"`, `pattern: "mem-[0-9]+"`, -1)
	if _, err := Import(context.Background(), l, ImportRequest{Catalog: in.write("trail.yaml", catalog)}, ImportOptions{}); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	rep, err := Import(context.Background(), l, ImportRequest{Source: "cloudtrail", Files: []string{in.write("x.json", `{"Records":[`+strings.Join(markedTrail, ",\n"))}}, ImportOptions{Workers: 2})
	if err != nil || rep.Records != 5 || rep.Aside < 3 {
		t.Fatalf("%+v, %v", rep, err)
	}
	if err := json.NewEncoder(&out).Encode(rep); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if w.token, _, err = AddToken(w.fs, dir, "cloudtrail"); err != nil {
		t.Fatal(err)
	}
	r := w.serve(nil)
	for _, body := range []string{"[" + strings.Join(markedTrail[:5], ","), strings.Join(markedTrail[5:], "\n")} {
		_, _, text := r.call("POST", "/v1/records", w.token, map[string]string{"Content-Type": "application/json"}, strings.NewReader(body))
		out.WriteString(text)
	}
	if err := r.Ledger().Seal(); err != nil {
		t.Fatal(err)
	}
	r.end()
	out.WriteString(w.logs.String())

	l = openLedger(t, w.fs, dir, ledger.Options{})
	v, err := l.View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if acc, err := scope.Subject(context.Background(), v, event.AccountID("mem-"+marker), scope.Query{}, 0); err != nil || acc.Reads != 2 {
		t.Errorf("the marked account was not found (%+v, %v): the test proves nothing", acc, err)
	}
	for _, seg := range v.Segments() {
		shapes, err := seg.Shapes()
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range shapes {
			out.WriteString(strings.Join([]string{s.Source, s.Route, s.Key, s.ActorType, "\n"}, " "))
		}
		agents, err := seg.Agents()
		if err != nil {
			t.Fatal(err)
		}
		out.WriteString(strings.Join(agents, "\n"))
	}
	for _, s := range []string{marker, usable} {
		if i := strings.Index(out.String(), s); i >= 0 {
			t.Errorf("%s got out: …%s…", s, out.String()[max(0, i-200):i])
		}
	}
	err = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(p)
		if bytes.Contains(data, []byte(marker)) || bytes.Contains(data, []byte(usable)) {
			t.Errorf("it is in %s", strings.TrimPrefix(p, dir))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	opener, err := pseudonym.LoadOpening(disk.OS, filepath.Join(ledger.KeyDirOf(dir), pseudonym.OpenKeyName))
	if err != nil {
		t.Fatal(err)
	}
	opened := 0
	if err := l.OpenAside(opener, func(a ledger.AsideLine) error {
		opened++
		if bytes.Contains(a.Text, []byte(usable)) {
			t.Errorf("kept with a line set aside: %s", a.Text)
		}
		return nil
	}); err != nil || opened < 6 {
		t.Errorf("%d opened, %v", opened, err)
	}
}
