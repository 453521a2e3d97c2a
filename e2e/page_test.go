package e2e

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/haetae/haetae/capture"
	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ingest"
	"github.com/haetae/haetae/packs"
)

// fence is a block of code in docs/capture.md.
type fence struct{ lang, text string }

func page(t *testing.T) []fence {
	t.Helper()
	raw, err := os.ReadFile("../docs/capture.md")
	if err != nil {
		t.Fatal(err)
	}
	var out []fence
	rest := string(raw)
	for {
		_, after, ok := strings.Cut(rest, "\n```")
		if !ok {
			return out
		}
		lang, body, _ := strings.Cut(after, "\n")
		text, next, ok := strings.Cut(body, "\n```\n")
		if !ok {
			t.Fatal("docs/capture.md: a block of code has no end")
		}
		out = append(out, fence{lang, text + "\n"})
		rest = "\n" + next
	}
}

// file finds the block that is a configuration file, by the name in its first line.
func file(t *testing.T, lang, name string) string {
	t.Helper()
	for _, f := range page(t) {
		if f.lang == lang && strings.HasPrefix(f.text, "# "+name+"\n") {
			return f.text
		}
	}
	t.Fatalf("docs/capture.md has no %s block that begins with # %s", lang, name)
	return ""
}

const (
	nginxLog    = "/etc/nginx/conf.d/haetae.conf"
	nginxProxy  = "/etc/nginx/snippets/haetae.conf"
	nginxServer = "/etc/nginx/sites-enabled/shop"
)

// Every header of the package is logged, hidden from the client and cleared from
// the request, in both proxies. A header added to the package and forgotten here
// would reach every client.
func TestEveryHeaderIsHandled(t *testing.T) {
	log, proxy := file(t, "nginx", nginxLog), file(t, "nginx", nginxProxy)
	envoy := envoyBlock(t)
	for _, h := range capture.HeaderNames() {
		variable := "$upstream_http_" + strings.ReplaceAll(strings.ToLower(h), "-", "_") + `"`
		for _, c := range []struct{ what, text, want string }{
			{"nginx log", log, variable},
			{"nginx hides", proxy, "proxy_hide_header " + h + ";\n"},
			{"nginx clears", proxy, "proxy_set_header " + h + " \"\";\n"},
			{"Envoy moves", envoy, "{header: " + h + ", remove: true, on_header_present: {metadata_namespace: haetae, key: "},
		} {
			if strings.Count(c.text, c.want) != 1 {
				t.Errorf("%s %s: %d times", c.what, h, strings.Count(c.text, c.want))
			}
		}
		_, cleared, _ := strings.Cut(envoy, "request_headers_to_remove: [")
		if !slices.Contains(strings.Split(strings.TrimRight(cleared, "]\n"), ", "), h) {
			t.Errorf("Envoy does not clear %s", h)
		}
	}
}

func envoyBlock(t *testing.T) string {
	t.Helper()
	for _, f := range page(t) {
		if f.lang == "yaml" && strings.Contains(f.text, "header_to_metadata") {
			return f.text
		}
	}
	t.Fatal("docs/capture.md has no Envoy block")
	return ""
}

// What Envoy's filter puts into metadata is what its log reads, and the log's
// keys are those that the catalog maps.
func TestEnvoyConfiguration(t *testing.T) {
	var conf struct {
		AccessLog []struct {
			Typed struct {
				Log struct {
					JSON map[string]string `yaml:"json_format"`
				} `yaml:"log_format"`
			} `yaml:"typed_config"`
		} `yaml:"access_log"`
		Filters []struct {
			Typed struct {
				Rules []struct {
					Header  string
					Present struct {
						Namespace string `yaml:"metadata_namespace"`
						Key       string
					} `yaml:"on_header_present"`
				} `yaml:"response_rules"`
			} `yaml:"typed_config"`
		} `yaml:"http_filters"`
	}
	if err := yaml.Unmarshal([]byte(envoyBlock(t)), &conf); err != nil {
		t.Fatal(err)
	}
	format := conf.AccessLog[0].Typed.Log.JSON
	read := map[string]bool{}
	for _, v := range format {
		read[v] = true
	}
	rules := conf.Filters[0].Typed.Rules
	if len(rules) != len(capture.HeaderNames()) {
		t.Errorf("%d rules for %d headers", len(rules), len(capture.HeaderNames()))
	}
	for _, r := range rules {
		if want := "%DYNAMIC_METADATA(" + r.Present.Namespace + ":" + r.Present.Key + ")%"; !read[want] {
			t.Errorf("%s is moved, and the log does not read %s", r.Header, want)
		}
	}
	source, _ := gateway(t)
	for field, key := range source.Fields {
		if format[key] == "" {
			t.Errorf("the catalog reads %s from %s, which Envoy does not log", field, key)
		}
	}
}

// gateway is the source of the shop's catalog.
func gateway(t *testing.T) (*catalog.Source, *catalog.Catalog) {
	t.Helper()
	raw, err := packs.FS.ReadFile("catalogs/shop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cat, err := catalog.Parse("shop.yaml", raw)
	if err != nil {
		t.Fatal(err)
	}
	src, ok := cat.Source("gateway")
	if !ok {
		t.Fatal("the shop's catalog has no gateway")
	}
	return src, cat
}

// The sources of the page are catalogs, and the first is the shop's.
func TestSourcesOfThePage(t *testing.T) {
	n := 0
	for _, f := range page(t) {
		if f.lang != "yaml" || !strings.HasPrefix(f.text, "sources:") {
			continue
		}
		n++
		cat, err := catalog.Parse("page.yaml", []byte(f.text))
		if err != nil {
			t.Errorf("docs/capture.md: %v", err)
			continue
		}
		shop, _ := gateway(t)
		if src, ok := cat.Source("gateway"); ok {
			for field, key := range shop.Fields {
				if src.Fields[field] != key {
					t.Errorf("%s: %q on the page, %q in the shop's catalog", field, src.Fields[field], key)
				}
			}
		}
	}
	if n != 2 {
		t.Errorf("%d sources on the page, want nginx's and the service's own", n)
	}
}

// decode reads one line as a followed file's.
func decode(t *testing.T, src *catalog.Source, cat *catalog.Catalog, text string) event.Record {
	t.Helper()
	format, err := ingest.FormatNamed(catalog.FormatJSON)
	if err != nil {
		t.Fatal(err)
	}
	dec, err := format.New(src, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	rec := event.Record{Source: src.Name, Rows: event.RowsUnknown}
	var req catalog.Request
	if err := dec.Decode([]byte(text), &rec, &req); err != nil {
		t.Fatalf("the line cannot be read: %v", err)
	}
	cat.Fill(&rec, req)
	return rec.Clone()
}

// TestEnvoyLine: Envoy itself does not run here; a line as it writes one does.
func TestEnvoyLine(t *testing.T) {
	src, cat := gateway(t)
	for _, f := range page(t) {
		if f.lang != "json" {
			continue
		}
		rec := decode(t, src, cat, strings.TrimSpace(f.text))
		if rec.Route != "GET /seller/shipments/export" || rec.Status != 200 || rec.Rows != 2 || rec.ID == "" ||
			rec.Actor != (event.Actor{ID: "v7", Type: "partner"}) || rec.Credential != (event.Credential{Key: "partner-2025-01", Token: "t77"}) ||
			!slices.Equal(rec.Subjects, []event.AccountID{"m1000001", "m1000002"}) || rec.Client.IP.String() != "203.0.113.9" {
			t.Errorf("%+v", rec)
		}
		return
	}
	t.Error("docs/capture.md has no line of Envoy's")
}

// The Go on the page is Go that compiles.
func TestGoOfThePage(t *testing.T) {
	raw, err := os.ReadFile("../capture/example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range page(t) {
		if f.lang != "go" {
			continue
		}
		n++
		var b strings.Builder
		for line := range strings.Lines(f.text) {
			if line != "\n" {
				b.WriteByte('\t')
			}
			b.WriteString(line)
		}
		if !strings.Contains(string(raw), b.String()) {
			t.Errorf("this stands in docs/capture.md and not in capture/example_test.go:\n%s", f.text)
		}
	}
	if n == 0 {
		t.Error("docs/capture.md has no Go")
	}
}

// TestTagged says where the rest is.
func TestTagged(t *testing.T) {
	t.Log("the tests with a real nginx have the build tag e2e: run `make test`")
}
