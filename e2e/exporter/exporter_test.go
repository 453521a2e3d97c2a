package exporter

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/log"
	sdk "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"
)

// haetae is the built program, serving.
type haetae struct {
	t         *testing.T
	bin, data string
	address   string
}

func serve(t *testing.T) *haetae {
	t.Helper()
	dir := t.TempDir()
	h := &haetae{t: t, bin: filepath.Join(dir, "haetae"), data: filepath.Join(dir, "data")}
	build := exec.Command("go", "build", "-o", h.bin, "./cmd/haetae")
	build.Dir = "../.."
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	h.run("init", "--data", h.data)
	var said bytes.Buffer
	serving := exec.Command(h.bin, "serve", "--data", h.data, "--listen", "127.0.0.1:0")
	serving.Stdout, serving.Stderr = &said, &said
	if err := serving.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		serving.Process.Signal(os.Interrupt)
		serving.Wait()
		if t.Failed() {
			t.Logf("haetae serve said:\n%s", said.Bytes())
		}
	})
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		var at struct{ Listen string }
		if raw, err := os.ReadFile(filepath.Join(h.data, "server.json")); err == nil && json.Unmarshal(raw, &at) == nil && at.Listen != "" {
			h.address = at.Listen
			return h
		}
		if time.Now().After(end) {
			t.Fatalf("haetae serve did not begin:\n%s", said.Bytes())
		}
	}
}

func (h *haetae) run(args ...string) string {
	h.t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.Command(h.bin, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		h.t.Fatalf("haetae %s: %v\n%s", args[0], err, errs.Bytes())
	}
	return out.String()
}

func (h *haetae) token(source string) string {
	for _, word := range strings.Fields(h.run("token", "add", "--data", h.data, source)) {
		if strings.HasPrefix(word, "hts_") {
			return word
		}
	}
	h.t.Fatal("no token was made")
	return ""
}

func (h *haetae) count(where string) int64 {
	h.t.Helper()
	var e struct{ Records int64 }
	if err := json.Unmarshal([]byte(h.run("scope", "--data", h.data, "--where", where, "--json")), &e); err != nil {
		h.t.Fatal(err)
	}
	return e.Records
}

// install installs the catalog that ships, with a route of a shop.
func (h *haetae) install() {
	h.t.Helper()
	text, err := os.ReadFile("../../packs/catalogs/otel.yaml")
	if err != nil {
		h.t.Fatal(err)
	}
	file := filepath.Join(h.t.TempDir(), "otel.yaml")
	s := strings.Replace(string(text), "\nroutes: []\n", "\naccount: {pattern: \"m[0-9]{7}\"}\nroutes:\n"+
		"  - {route: \"GET /support/members/{member}\", items: [name, phone], account: path.member}\n"+
		"  - {route: POST /otel/token.issued, items: [], action: issue}\n", 1)
	s = strings.Replace(s, "actor.type: [haetae", "actor.type: [resource.service.namespace, haetae", 1)
	if err := os.WriteFile(file, []byte(s), 0o600); err != nil {
		h.t.Fatal(err)
	}
	h.run("import", "--data", h.data, "--catalog", file)
}

func (h *haetae) exporter(token string, more ...otlploghttp.Option) *otlploghttp.Exporter {
	h.t.Helper()
	e, err := otlploghttp.New(context.Background(), append([]otlploghttp.Option{
		otlploghttp.WithEndpointURL("http://" + h.address + "/v1/logs"),
		otlploghttp.WithHeaders(map[string]string{"Authorization": "Bearer " + token}),
		otlploghttp.WithRetry(otlploghttp.RetryConfig{Enabled: true, InitialInterval: 50 * time.Millisecond, MaxInterval: 200 * time.Millisecond, MaxElapsedTime: time.Minute}),
		otlploghttp.WithTimeout(time.Minute),
	}, more...)...)
	if err != nil {
		h.t.Fatal(err)
	}
	return e
}

// keeper keeps what an exporter said.
type keeper struct {
	sdk.Exporter
	errs []error
}

func (k *keeper) Export(ctx context.Context, records []sdk.Record) error {
	err := k.Exporter.Export(ctx, records)
	if err != nil {
		k.errs = append(k.errs, err)
	}
	return err
}

// logged sends what emit logs, at once, and gives what the exporter made of the answer.
func logged(t *testing.T, e sdk.Exporter, emit func(log.Logger)) []error {
	t.Helper()
	k := &keeper{Exporter: e}
	res := resource.NewSchemaless(attribute.String("service.name", "shop"), attribute.String("service.namespace", "staff"))
	p := sdk.NewLoggerProvider(sdk.WithResource(res), sdk.WithProcessor(sdk.NewBatchProcessor(k, sdk.WithExportInterval(time.Hour), sdk.WithMaxQueueSize(10_000), sdk.WithExportMaxBatchSize(1000))))
	emit(p.Logger("access"))
	p.ForceFlush(context.Background())
	p.Shutdown(context.Background())
	return k.errs
}

func visit(l log.Logger, id string, member int) {
	var r log.Record
	r.SetTimestamp(time.Date(2025, 3, 1, 0, 0, member%60, 0, time.UTC))
	r.AddAttributes(attribute.String("log.record.uid", id), attribute.String("http.request.method", "GET"), attribute.String("url.path", fmt.Sprintf("/support/members/m%07d", member)),
		attribute.Int("http.response.status_code", 200), attribute.String("enduser.id", "s101"), attribute.String("client.address", "192.0.2.1"), attribute.String("session.id", "t1"))
	l.Emit(context.Background(), r)
}

// TestExporter: what the exporter was told to have arrived has, packed or not; what
// was refused in part comes up as that; a wrong token is no reason to try again, and
// a catalog that is not there yet is one.
func TestExporter(t *testing.T) {
	h := serve(t)
	token := h.token("otel")
	early := make(chan []error)
	go func() {
		early <- logged(t, h.exporter(token), func(l log.Logger) { visit(l, "early", 1) })
	}()
	select {
	case errs := <-early:
		t.Fatalf("without a catalog the exporter did not try again: %v", errs)
	case <-time.After(500 * time.Millisecond):
	}
	h.install()
	if errs := <-early; errs != nil {
		t.Fatalf("the catalog is there, and still: %v", errs)
	}
	for _, packing := range []otlploghttp.Compression{otlploghttp.NoCompression, otlploghttp.GzipCompression} {
		for range 2 { // what is sent twice counts once
			errs := logged(t, h.exporter(token, otlploghttp.WithCompression(packing)), func(l log.Logger) {
				for i := range 2500 {
					visit(l, fmt.Sprintf("%d-%d", packing, i), i)
				}
			})
			if errs != nil {
				t.Fatal(errs)
			}
		}
	}
	errs := logged(t, h.exporter(token), func(l log.Logger) {
		visit(l, "good", 7)
		var bad log.Record
		bad.SetTimestamp(time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC))
		bad.AddAttributes(attribute.String("url.path", "/x"), attribute.String("session.id", "Bearer abcdefghijkl"))
		l.Emit(context.Background(), bad)
		var issued log.Record
		issued.SetEventName("token.issued")
		issued.SetTimestamp(time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC))
		issued.AddAttributes(attribute.String("log.record.uid", "i1"), attribute.String("session.id", "t1"))
		l.Emit(context.Background(), issued)
	})
	if len(errs) != 1 || !strings.Contains(errs[0].Error(), "partial success") || !strings.Contains(errs[0].Error(), "1 log") || !strings.Contains(errs[0].Error(), "credential.token") {
		t.Errorf("a record that is none: %v", errs)
	}
	begin := time.Now()
	if errs := logged(t, h.exporter("hts_none"), func(l log.Logger) { visit(l, "none", 1) }); len(errs) != 1 || !strings.Contains(errs[0].Error(), "401") {
		t.Errorf("a wrong token: %v after %v", errs, time.Since(begin))
	}
	const visits = 1 + 2*2500 + 1
	for where, want := range map[string]int64{
		"true": visits + 1,
		`route == "GET /support/members/{member}" && actor.type == "staff" && status == 200 && client.ip == "192.0.2.1"`: visits,
		`"phone" in items`:  visits,
		`action == "issue"`: 1,
		`credential.issued`: visits + 1,
	} {
		if n := h.count(where); n != want {
			t.Errorf("%s: %d records, want %d", where, n, want)
		}
	}
}
