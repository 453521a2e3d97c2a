package server

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	common "go.opentelemetry.io/proto/otlp/common/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"

	"github.com/haetae/haetae/internal/disk"
)

// TestLogsWatched: rules on what no record keeps look at logs of OpenTelemetry too;
// and what stood in the logs, marked, gets out nowhere: not in answers, not in the
// server's log, and what opens something not even into the folder.
func TestLogsWatched(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "d")
	w := newLogs(t, disk.OS, dir)
	rules := writeRules(t, `
title: Injection in a query / 질의 문자열 주입
name: injection
level: high
logsource: {category: webserver}
detection: {q: {cs-uri-query|contains: 'union-`+marker+`'}, condition: q}
---
title: A tool of ours / 자체 도구
name: tool
level: low
logsource: {category: webserver}
detection: {q: {service.tool: 'tool-`+marker+`'}, condition: q}
`)
	r := w.serve(func(o *Options) { o.Detect = &DetectRequest{Rules: rules} })
	until(t, "live detection", func() bool { return r.signals(t).Status.State == "live" })
	var said strings.Builder
	usable := "eyJhbGciOiJIUzI1NiJ9.eyJ" + marker + ".c2lnbmF0dXJl"
	record := func(id string, more map[string]any) map[string]any {
		all := map[string]any{"log.record.uid": id + marker, "url.path": "/members/" + marker, "http.request.method": "GET", "http.response.status_code": 200, "enduser.id": "u-" + marker, "session.id": "s-" + marker}
		for k, v := range more {
			all[k] = v
		}
		return all
	}
	for _, text := range []bool{false, true} {
		_, _, rejected, message := r.export(t, nil, text, logRequest(
			logRecord(1, record("a", map[string]any{"url.query": "q=union-" + marker, "service.tool": "tool-" + marker})),
			logRecord(2, record("b", map[string]any{"url.query": "q=plain"})),
			logRecord(3, record("c", map[string]any{"session.id": usable})),
			logRecord(4, record("d", map[string]any{"http.response.status_code": "x" + marker, "authorization": "Bearer " + usable, "note": usable})),
		))
		if rejected != 2 {
			t.Errorf("%d rejected, want 2", rejected)
		}
		said.WriteString(message)
		_, _, _, message = r.export(t, map[string]string{"Authorization": "Bearer hts_" + marker}, text, logRequest())
		said.WriteString(message)
	}
	until(t, "signals", func() bool {
		got := found(r.signals(t).Signals)
		return got["injection"] == 1 && got["tool"] == 1
	})
	if err := r.Ledger().Seal(); err != nil {
		t.Fatal(err)
	}
	if n := r.count(`actor.id == "u-` + marker + `"`); n != 2 {
		t.Errorf("the marked actor has %d records, want 2: the test proves nothing", n)
	}
	r.end()
	said.WriteString(w.logs.String())
	if i := strings.Index(said.String(), marker); i >= 0 {
		t.Errorf("a marked value got out: …%s…", said.String()[max(0, i-200):i])
	}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		if bytes.Contains(data, []byte(marker)) {
			t.Errorf("a marked value stands in %s", filepath.Base(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestLogsWatchedAround: rules may ask for what stands around the records, of a source
// whose fields are all of the records.
func TestLogsWatchedAround(t *testing.T) {
	for _, asks := range []string{"{resource.service.name: strange}", "{scope.name: strange}", "[strange]"} {
		w := newLogs(t, disk.OS, filepath.Join(t.TempDir(), "d"))
		rules := writeRules(t, "title: A service that should not be there\nname: strange\nlevel: low\nlogsource: {category: webserver}\ndetection: {q: "+asks+", condition: q}\n")
		r := w.serve(func(o *Options) { o.Detect = &DetectRequest{Rules: rules} })
		until(t, "live detection", func() bool { return r.signals(t).Status.State == "live" })
		for i, text := range []bool{false, true} {
			req := logRequest(visits(string(rune('a'+i)), 2)...)
			group := req.ResourceLogs[0]
			group.Resource = &resource.Resource{Attributes: []*common.KeyValue{{Key: "service.name", Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: "strange"}}}}}
			group.ScopeLogs[0].Scope = &common.InstrumentationScope{Name: "strange"}
			if status, _, rejected, _ := r.export(t, nil, text, req); status != 200 || rejected != 0 {
				t.Fatalf("%d, %d rejected", status, rejected)
			}
		}
		if n := r.count(`"strange" in marks`); n != 4 {
			t.Errorf("%d records match %s, want 4", n, asks)
		}
		r.end()
	}
}
