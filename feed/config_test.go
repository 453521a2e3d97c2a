package feed

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/internal/golden"
	"github.com/haetae/haetae/internal/written/writtentest"
)

const sound = `version: 1
feeds:
  - name: signing-keys
    kind: keys
    from: {file: /srv/keys.csv}
    every: 10m
    max_age: 2d
  - name: staff
    kind: holders
    from: {folder: /srv/hr, pattern: 'staff-*.csv'}
    columns: {id: 사번, left: 퇴사일}
    last_day: true
    shrink: 20
  - name: vips
    kind: list
    list: very
    from: {url: 'https://crm.example.com/v1/vips', plain: false}
    format: json
    rows: members
`

func TestParse(t *testing.T) {
	c, err := Parse("feeds.yaml", []byte(sound))
	if err != nil {
		t.Fatal(err)
	}
	want := []Feed{
		{Name: "signing-keys", Kind: detect.FeedKeys, File: "/srv/keys.csv", Format: "csv", Every: 10 * time.Minute, MaxAge: 48 * time.Hour, Shrink: 50},
		{Name: "staff", Kind: detect.FeedHolders, Folder: "/srv/hr", Pattern: "staff-*.csv", Format: "csv", Columns: map[string]string{"id": "사번", "left": "퇴사일"}, LastDay: true, Every: time.Hour, MaxAge: 24 * time.Hour, Shrink: 20},
		{Name: "vips", Kind: detect.FeedList, List: "very", URL: "https://crm.example.com/v1/vips", Format: "json", Rows: "members", Every: time.Hour, MaxAge: 24 * time.Hour, Shrink: 50},
	}
	if d := cmp.Diff(want, c.Feeds); d != "" {
		t.Error(d)
	}
	if c, err = Parse("feeds.yaml", []byte("version: 1\nfeeds: []\n")); err != nil || len(c.Feeds) != 0 {
		t.Errorf("no feeds at all: %v, %v", c, err)
	}
}

// The page's example is read as the page says.
func TestPage(t *testing.T) {
	m := regexp.MustCompile("(?s)```yaml feeds\n(.*?)```").FindStringSubmatch(golden.Page(t, "docs/feeds.md"))
	if m == nil {
		t.Fatal("docs/feeds.md has no example")
	}
	c, err := Parse("feeds.yaml", []byte(m[1]))
	if err != nil || len(c.Feeds) != 3 {
		t.Fatalf("%v, %v", c, err)
	}
}

func TestMistakes(t *testing.T) {
	one := func(more string) string { return "version: 1\nfeeds:\n  - {name: a, " + more + "}\n" }
	for _, c := range []struct{ text, want string }{
		{"feeds: []", "feeds.yaml:1: version: is missing: version: 1"},
		{"version: 2\nfeeds: []", "feeds.yaml:1: version: this haetae reads version 1"},
		{one("from: {file: x}"), "feeds.yaml:3: feeds[0].kind: is missing"},
		{one("kind: people, from: {file: x}"), "feeds[0].kind: is not one of keys, holders, list, register, holdings"},
		{one("kind: keys"), "feeds[0].from: needs one of file, folder, url and url_file"},
		{one("kind: keys, from: {file: x, url: 'https://h/x'}"), "feeds[0].from: needs one of"},
		{one("kind: keys, from: {url: 'http://h.example/x'}"), "feeds[0].from.url: http to another machine can be read"},
		{one("kind: keys, from: {url: 'https://h.example/x?key=1'}"), "a query in an address can be a secret"},
		{one("kind: keys, from: {file: x, token_file: y}"), "feeds[0].from.token_file: goes with url alone"},
		{one("kind: keys, from: {folder: x, pattern: '['}"), "feeds[0].from.pattern: is no pattern"},
		{one("kind: keys, from: {file: x}, list: y"), "feeds[0].list: is for kind: list alone"},
		{one("kind: keys, from: {file: x}, last_day: true"), "feeds[0].last_day: is for kind: holders alone"},
		{one("kind: keys, from: {file: x}, columns: {custodain: y}"), `feeds[0].columns: unknown key; did you mean "custodian"?`},
		{one("kind: keys, from: {file: x}, every: 1s"), "feeds[0].every: expected a time from 10s to 7d"},
		{one("kind: keys, from: {file: x}, every: 2h, max_age: 1h"), "feeds[0].max_age: is shorter than every"},
		{one("kind: keys, from: {file: x}, shrink: 101"), "feeds[0].shrink: expected a number from 0 to 100"},
		{one("kind: keys, from: {file: x}, rows: data"), "feeds[0].rows: is for format: json alone"},
		{one("kind: keys, from: {file: x}}\n  - {name: a, kind: keys, from: {file: y}"), "feeds[1].name: the name stands twice"},
		{strings.Replace(one("kind: keys, from: {file: x}"), "name: a", "name: ../a", 1), "feeds[0].name: a name is made of"},
	} {
		if _, err := Parse("feeds.yaml", []byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s\n%v, want %q", c.text, err, c.want)
		}
	}
}

// TestSpoiled: no mistake repeats what stands in the file.
func TestSpoiled(t *testing.T) {
	writtentest.Private(t, "feeds.yaml", sound, func(text string) error {
		_, err := Parse("feeds.yaml", []byte(text))
		return err
	})
}

// TestSecrets: files that hold secrets are looked into at the start, beside the file
// of feeds, and no mistake names them or what is in them.
func TestSecrets(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("token", writtentest.Marker+"\n")
	put("headers", "X-Key: "+writtentest.Marker+"\nX-Tenant: 7\n")
	put("url", "https://h.example/x?k="+writtentest.Marker)
	head := "version: 1\nfeeds:\n  - {name: a, kind: keys, from: {url_file: "
	put("feeds.yaml", head+"url, token_file: token, headers_file: headers}}\n")
	c, err := Load(filepath.Join(dir, "feeds.yaml"))
	if err != nil || c.Feeds[0].TokenFile != filepath.Join(dir, "token") {
		t.Fatalf("%+v, %v", c, err)
	}
	h, err := headers(c.Feeds[0].HeadersFile)
	if err != nil || h.Get("X-Key") != writtentest.Marker || h.Get("X-Tenant") != "7" {
		t.Errorf("%v, %v", h, err)
	}
	put("two", "a\n"+writtentest.Marker)
	put("broken", writtentest.Marker+"\n")
	put("plain", "http://"+writtentest.Marker+".example/x")
	for text, want := range map[string]string{
		head + "plain}}\n":                     "feeds.yaml:3: feeds[0].from.url_file: the address in the file: http to another machine",
		head + "url, token_file: two}}\n":      "feeds[0].from.token_file: the file holds more than one line",
		head + "url, token_file: none}}\n":     "feeds[0].from.token_file: the file is not there",
		head + "url, headers_file: broken}}\n": "feeds[0].from.headers_file: line 1 is no header",
		head + "url, ca_file: token}}\n":       "feeds[0].from.ca_file: the file holds no certificate",
	} {
		put("feeds.yaml", text)
		_, err := Load(filepath.Join(dir, "feeds.yaml"))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
			continue
		}
		if problem := writtentest.Told(err, "feeds.yaml"); problem != "" {
			t.Error(problem)
		}
	}
	if _, err := Load(filepath.Join(dir, "gone.yaml")); err == nil || writtentest.Told(err, "gone.yaml") != "" {
		t.Errorf("a file that is not there: %v", err)
	}
}

// FuzzParse: whatever is written is settings that can be used, or mistakes.
func FuzzParse(f *testing.F) {
	f.Add([]byte(sound))
	for _, s := range writtentest.Spoiled(sound)[:40] {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse("feeds.yaml", text)
		if err != nil {
			for line := range strings.SplitSeq(err.Error(), "\n") {
				if !strings.HasPrefix(line, "feeds.yaml") {
					t.Fatalf("a mistake without its file: %q", line)
				}
			}
			return
		}
		for _, x := range c.Feeds {
			n := 0
			for _, s := range []string{x.File, x.Folder, x.URL, x.URLFile} {
				if s != "" {
					n++
				}
			}
			if n != 1 || columnsOf[x.Kind] == nil || !namePattern.MatchString(x.Name) || x.Every < minEvery || x.MaxAge < x.Every || x.Format == "" || x.Shrink < 0 || x.Shrink > 100 {
				t.Fatalf("%+v", x)
			}
		}
	})
}

// FuzzHeaders: a file of headers is headers that can be sent, or a mistake without a
// word of it.
func FuzzHeaders(f *testing.F) {
	f.Add([]byte("X-Key: 1\n\nAccept: text/csv\r\n"))
	f.Add([]byte("X-Key 1"))
	f.Add([]byte(": x"))
	f.Add([]byte("X: \x01"))
	name := filepath.Join(f.TempDir(), "headers")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		h, err := headers(name)
		if err != nil {
			if problem := writtentest.Told(err, ""); problem != "" {
				t.Fatal(problem)
			}
			return
		}
		if len(h) == 0 {
			t.Fatal("no headers and no mistake")
		}
		var b strings.Builder
		if err := h.Write(&b); err != nil || strings.Count(b.String(), "\r\n") != len(strings.Split(strings.TrimSpace(b.String()), "\r\n")) {
			t.Fatalf("%q: %v", b.String(), err)
		}
	})
}
