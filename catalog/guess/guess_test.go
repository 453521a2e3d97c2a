package guess

import (
	"bytes"
	"errors"
	"flag"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/ingest"
)

var update = flag.Bool("update", false, "rewrite the drafts in testdata")

func draft(t *testing.T, log []byte, o Options) *Draft {
	t.Helper()
	o.Now = now
	d, err := From(t.Context(), bytes.NewReader(log), o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestSamples: of every sample there is a draft that is a catalog, reads all of the
// sample, and found what is there to be found, in both languages.
func TestSamples(t *testing.T) {
	for _, c := range samples(t) {
		t.Run(c.name, func(t *testing.T) {
			d := draft(t, c.log, Options{File: c.file})
			if d.Format != c.format || d.Pack != c.pack || d.Pattern != c.pattern || d.Jq != c.jq {
				t.Errorf("format %q, pack %q, pattern %q, jq %q\nwant %q, %q, %q, %q", d.Format, d.Pack, d.Pattern, d.Jq, c.format, c.pack, c.pattern, c.jq)
			}
			if c.fields != nil && !maps.Equal(d.Fields, c.fields) {
				t.Errorf("fields %v\nwant %v", d.Fields, c.fields)
			}
			if d.Read == 0 || d.Aside != c.aside {
				t.Errorf("%d of %d lines set aside, want %d", d.Aside, d.Read, c.aside)
			}
			cat, err := catalog.Parse("draft.yaml", d.Text)
			if err != nil {
				t.Fatalf("%v\n%s", err, d.Text)
			}
			if _, ok := cat.Source(d.Source); !ok {
				t.Errorf("no source %q", d.Source)
			}
			if _, ok := cat.SourceFor(c.file); !ok && c.file != "-" {
				t.Errorf("no source fits %s", c.file)
			}
			ko := draft(t, c.log, Options{File: c.file, Korean: true})
			if _, err := catalog.Parse("draft.yaml", ko.Text); err != nil {
				t.Fatalf("%v\n%s", err, ko.Text)
			}
			if bytes.Contains(ko.Text, []byte("lines of the log")) || !bytes.Contains(ko.Text, []byte("카탈로그 초안")) {
				t.Errorf("not in Korean:\n%s", ko.Text)
			}
			if again := draft(t, c.log, Options{File: c.file}); !bytes.Equal(d.Text, again.Text) {
				t.Error("a second draft differs")
			}
		})
	}
}

// TestDrafts holds whole drafts, as a person sees them.
func TestDrafts(t *testing.T) {
	for _, c := range samples(t) {
		var o Options
		switch c.name {
		case "shop", "nested", "ecs", "plain":
		case "korean":
			o.Korean = true
		default:
			continue
		}
		o.File = c.file
		got := draft(t, c.log, o).Text
		file := filepath.Join("testdata", c.name+".yaml")
		if *update {
			if err := os.WriteFile(file, got, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		if want := readFile(t, file); !bytes.Equal(got, want) {
			t.Errorf("%s: go test ./catalog/guess -update, and look at what changed:\n%s", file, got)
		}
	}
}

// TestSampleFiles: the samples that are made here stand in testdata, where the commands
// are tried on them.
func TestSampleFiles(t *testing.T) {
	for name, log := range map[string][]byte{
		"korean.ndjson": korean(), "nested.ndjson": nested(), "nanos.ndjson": nanos(), "plain.ndjson": plain(), "records.ndjson": records(), "document.json": document(t, `{"version":1,"events":[`, "]}"),
		"ocsf.ndjson": ocsf(), "ecs.ndjson": ecs(), "keycloak.ndjson": keycloak(), "otlp.ndjson": otlpFile(),
	} {
		file := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(file, log, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(readFile(t, file), log) {
			t.Errorf("%s: go test ./catalog/guess -update", file)
		}
	}
}

// route is a proposal as it stands in a draft.
var route = regexp.MustCompile(`(?m)^#  - \{.*$`)

// TestTaken: a proposal becomes a route by taking its # away, and one that was not
// looked at is refused.
func TestTaken(t *testing.T) {
	for _, c := range samples(t) {
		d := draft(t, c.log, Options{File: c.file})
		if n := len(route.FindAll(d.Text, -1)); n != d.Routes {
			t.Errorf("%s: %d proposals, and it says %d", c.name, n, d.Routes)
		}
		text := route.ReplaceAllStringFunc(string(d.Text), func(l string) string {
			if strings.Contains(l, "TODO") {
				return l
			}
			return l[1:]
		})
		if text != string(d.Text) {
			text = strings.Replace(text, "routes: []\n", "routes:\n", 1)
		}
		if _, err := catalog.Parse("taken.yaml", []byte(text)); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	d := draft(t, nested(), Options{File: "x.json"})
	text := strings.Replace(route.ReplaceAllStringFunc(string(d.Text), func(l string) string { return l[1:] }), "routes: []\n", "routes:\n", 1)
	if _, err := catalog.Parse("taken.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), "TODO") {
		t.Errorf("taken unseen: %v", err)
	}
}

// TestPrivate: nothing of a value stands in a draft, but words of events and kinds.
func TestPrivate(t *testing.T) {
	for _, c := range samples(t) {
		text := string(draft(t, c.log, Options{File: c.file}).Text) + string(draft(t, c.log, Options{File: c.file, Korean: true}).Text)
		for _, n := range nobody {
			if strings.Contains(text, n) {
				t.Errorf("%s: the draft says %q", c.name, n)
			}
		}
		for _, id := range regexp.MustCompile(`\b[mCs][0-9]{3,8}\b|\b[0-9]{6,}\b|[0-9a-f]{8}-[0-9a-f]{4}`).FindAllString(text, -1) {
			if !strings.Contains(text, "/"+id+"/") && c.pack == "" && bytes.Contains(c.log, []byte(id)) {
				t.Errorf("%s: the draft says %q", c.name, id)
			}
		}
	}
	// A name in every place that may hold one, in a log so small that every value is
	// as frequent as a key.
	for _, l := range []string{
		`{"time":"2025-03-01T00:00:00Z","uri":"/doctor/kimyounghee/chart","user":"kimyounghee","role":"kimyounghee","event":"kimyounghee","status":"kimyounghee","kimyounghee@x.y":1,"a":{"kimyounghee":{"kimyounghee":1}}}`,
		`{"time":"2025-03-01T00:00:00Z","event":"kimyounghee","menu":"kimyounghee"}`,
	} {
		text := string(draft(t, []byte(l+"\n"), Options{File: "x.json"}).Text)
		if strings.Contains(strings.ReplaceAll(text, "a.kimyounghee.kimyounghee", ""), "kimyounghee") {
			t.Errorf("the draft says a name:\n%s", text)
		}
	}
}

// TestSecrets: what opens something is taken for no field, and the draft says so.
func TestSecrets(t *testing.T) {
	jwt := "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtMTAwMDA0MiJ9.c2lnbmF0dXJl"
	log := strings.Repeat(`{"time":"2025-03-01T00:00:00Z","uri":"/a","session_id":"`+jwt+`","user":"`+jwt+`","kid":"k1"}`+"\n", 5)
	d := draft(t, []byte(log), Options{})
	want := map[catalog.Field]string{"time": "time", "uri": "uri", "credential.key": "kid"}
	if !maps.Equal(d.Fields, want) {
		t.Errorf("fields %v", d.Fields)
	}
	for _, key := range []string{"session_id holds usable tokens", "user holds usable tokens"} {
		if !bytes.Contains(d.Text, []byte(key)) {
			t.Errorf("nothing is said of %q:\n%s", key, d.Text)
		}
	}
}

// TestTakenOut: a key with which some lines could not be read is taken out again.
func TestTakenOut(t *testing.T) {
	long := strings.Repeat("x", 300)
	log := strings.Repeat(`{"time":"2025-03-01T00:00:00Z","uri":"/a","country":"KR","method":"GET"}`+"\n", 30) +
		`{"time":"2025-03-01T00:00:00Z","uri":"/a","country":"` + long + `","method":"GET"}` + "\n"
	d := draft(t, []byte(log), Options{})
	if d.Aside != 0 || d.Fields[catalog.FieldCountry] != "" || !bytes.Contains(d.Text, []byte("country is not taken, since 1 lines")) {
		t.Errorf("%d aside, %v\n%s", d.Aside, d.Fields, d.Text)
	}
}

// TestBrokenLines are counted and keep nothing else from being found.
func TestBrokenLines(t *testing.T) {
	log := append([]byte("\xef\xbb\xbf"), plain()...)
	log = append(log, "{\"time\":\nnot json\n{}\n"...)
	d := draft(t, log, Options{})
	if d.Fields[catalog.FieldTime] != "@timestamp" || !bytes.Contains(d.Text, []byte("3 lines cannot be read")) {
		t.Errorf("%v\n%s", d.Fields, d.Text)
	}
}

func TestRefused(t *testing.T) {
	for log, want := range map[string]error{
		"": ErrEmpty, "\n\n": ErrEmpty, "hello world\nagain\n": ErrUnknown, "[1,2,3]": ErrUnknown, `{"a":1}`: ErrNoTime,
		`{"time":"yesterday","uri":"/a"}`: ErrNoTime,
	} {
		_, err := From(t.Context(), strings.NewReader(log), Options{Now: now})
		if !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", log, err, want)
		}
	}
}

func TestMatch(t *testing.T) {
	for file, want := range map[string]string{
		"access.ndjson.gz": "access*.ndjson*", "access-2025-03-01.json": "access-*.json*", "app.log.12": "app*.log*", "20250301.json": "*.json*",
		"-": "", "": "", "logs": "logs*", "we[i]rd?.json": "we?i?rd?*.json*",
	} {
		if got := match(file); got != want {
			t.Errorf("%q: %q, want %q", file, got, want)
		}
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct {
		field catalog.Field
		key   string
		is    bool
	}{
		{catalog.FieldTime, "@timestamp", true}, {catalog.FieldTime, "requestTimestamp", true}, {catalog.FieldTime, "expires_time", false}, {catalog.FieldTime, "요청 시각", true},
		{catalog.FieldIP, "client.ip", true}, {catalog.FieldIP, "serverIp", false}, {catalog.FieldIP, "IP", true}, {catalog.FieldIP, "접속IP", true}, {catalog.FieldIP, "zip", false},
		{catalog.FieldActorID, "user.id", true}, {catalog.FieldActorID, "user_agent", false}, {catalog.FieldActorID, "userId", true},
		{catalog.FieldID, "user.id", false}, {catalog.FieldID, "request.id", true}, {catalog.FieldURI, "httpRequest.requestUrl", true}, {catalog.FieldURI, "referer", false},
	} {
		for i := range wants {
			if w := &wants[i]; w.field == c.field && (w.nameScore(c.key) > 0) != c.is {
				t.Errorf("%s, %s: %d", c.field, c.key, w.nameScore(c.key))
			}
		}
	}
}

// FuzzFrom: whatever the log, there is an error or a draft that is a catalog.
func FuzzFrom(f *testing.F) {
	for _, c := range samples(f) {
		if len(c.log) < 100_000 && c.format != catalog.FormatPgAudit && c.format != catalog.FormatMariaDB {
			f.Add(c.log[:min(len(c.log), 3000)])
		}
	}
	f.Add([]byte(`{"time":1740787200,"uri":"/a","a.b":{"c":1},"a":{"b.c":[{"d":"e"}]},"{x}":1,"\u0000":"\ud800"}`))
	f.Add([]byte("{\"time\":1740787200,\"event\":\"y\",\"type\":\"\\u0085\"}\n{\"time\":1740787200,\"event\":\"no\"}\n"))
	f.Fuzz(func(t *testing.T, log []byte) {
		switch ingest.Detect(log).Format {
		case catalog.FormatPgAudit, catalog.FormatMariaDB:
			return // their parsers take seconds when they are watched, and have targets of their own
		}
		d, err := From(t.Context(), bytes.NewReader(log), Options{Now: now, File: "log.json"})
		if err != nil {
			if strings.Contains(err.Error(), "no catalog") {
				t.Fatal(err)
			}
			return
		}
		if _, err := catalog.Parse("draft.yaml", d.Text); err != nil {
			t.Fatalf("%v\n%s", err, d.Text)
		}
	})
}

// TestDamaged: bytes of a log that are something else never lead to a draft that is no
// catalog.
func TestDamaged(t *testing.T) {
	const seed = 3
	r := rand.New(rand.NewPCG(seed, 4))
	for _, c := range samples(t) {
		if len(c.log) >= 100_000 || c.format == catalog.FormatPgAudit || c.format == catalog.FormatMariaDB {
			continue
		}
		for range 40 {
			log := bytes.Clone(c.log[:min(len(c.log), 3000)])
			for range 1 + r.IntN(5) {
				log[r.IntN(len(log))] = byte(r.IntN(256))
			}
			d, err := From(t.Context(), bytes.NewReader(log), Options{Now: now, File: c.file})
			if err != nil {
				if strings.Contains(err.Error(), "no catalog") {
					t.Fatalf("seed %d, %s: %v", seed, c.name, err)
				}
				continue
			}
			if _, err := catalog.Parse("draft.yaml", d.Text); err != nil {
				t.Fatalf("seed %d, %s: %v\n%s", seed, c.name, err, d.Text)
			}
		}
	}
}
