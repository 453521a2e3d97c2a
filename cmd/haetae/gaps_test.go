package main

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/scope"
)

// TestGaps: what following has lost stands beside the numbers of scope and of
// detect, with its source and span, in both languages, and no such span is
// complete.
func TestGaps(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	call := func(args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		if code := run(context.Background(), append(args, "--data", dir), strings.NewReader(""), &out, &errs); code != exitOK {
			t.Fatalf("%v: exit code %d: %s%s", args, code, out.String(), errs.String())
		}
		return out.String()
	}
	call("init")
	log := "../../packs/sample/shop/access.ndjson.gz"
	call("import", "--quiet", "--catalog", "../../packs/catalogs/shop.yaml", log)
	l, err := ledger.Open(disk.OS, dir, ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	moment := func(day, hour int) event.Millis {
		return event.MillisOf(time.Date(2025, 3, day, hour, 0, 0, 0, time.FixedZone("KST", 9*3600)))
	}
	for _, g := range []ledger.Gap{
		{Source: "gateway", From: moment(10, 4), To: moment(10, 5), Kind: ledger.GapLost},
		{Source: "gateway", From: moment(12, 9), Kind: ledger.GapCut}, // not ended yet
		{Source: "gateway", From: moment(12, 9), To: moment(12, 8), Kind: ledger.GapCut},
		{Source: "other", From: moment(1, 0), To: moment(1, 1), Kind: ledger.GapLost},
	} {
		if err := l.AddGap(g); err != nil {
			t.Fatal(err)
		}
	}
	if gaps := l.Gaps(); len(gaps) != 3 {
		t.Errorf("%+v, want the one that ended once", gaps)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}

	ask := func(args ...string) *scope.Extent {
		t.Helper()
		var e scope.Extent
		if err := json.Unmarshal([]byte(call(append([]string{"scope", "--json", "--where", "true"}, args...)...)), &e); err != nil {
			t.Fatal(err)
		}
		return &e
	}
	coverage := func(e *scope.Extent, source string) string {
		for _, c := range e.Coverage {
			if c.Source == source {
				return c.Coverage
			}
		}
		return ""
	}
	has := func(e *scope.Extent, code string) bool {
		for _, l := range e.Limits {
			if l.Code == code {
				return true
			}
		}
		return false
	}
	e := ask("--from", "2025-03-10", "--to", "2025-03-11")
	want := scope.Gap{Source: "gateway", From: "2025-03-10T04:00:00.000+09:00", To: "2025-03-10T05:00:00.000+09:00", Kind: "lost_file"}
	if len(e.Gaps) != 1 || e.Gaps[0] != want || coverage(e, "gateway") != "gaps" || coverage(e, "other") != "" || !has(e, "lost_lines") {
		t.Errorf("a span with a gap: gaps %+v, coverage %+v, limits %+v", e.Gaps, e.Coverage, e.Limits)
	}
	if e := ask("--from", "2025-03-12T08:30", "--to", "2025-03-12T08:40"); len(e.Gaps) != 1 || e.Gaps[0].Kind != "cut_file" {
		t.Errorf("a gap whose end has the earlier time: %+v", e.Gaps)
	}
	if e := ask("--from", "2025-03-20", "--to", "2025-03-21"); len(e.Gaps) != 0 || coverage(e, "gateway") == "gaps" || has(e, "lost_lines") {
		t.Errorf("a span without one: gaps %+v, coverage %+v", e.Gaps, e.Coverage)
	}
	if e := ask("--from", "2025-03-01", "--to", "2025-03-02"); coverage(e, "other") != "gaps" || has(e, "no_records") {
		t.Errorf("a source of which only a loss is known: coverage %+v, limits %+v", e.Coverage, e.Limits)
	}
	for _, c := range []struct{ lang, scope, detect string }{
		{"en", "gateway: 2025-03-10T04:00:00.000+09:00 to 2025-03-10T05:00:00.000+09:00 (a followed file was gone before it was read to its end)",
			"a followed log of gateway was gone before it was read to its end, so no rule saw what happened meanwhile\n      2025-03-10T04:00:00.000+09:00 ~ 2025-03-10T05:00:00.000+09:00"},
		{"ko", "gateway: 2025-03-10T04:00:00.000+09:00부터 2025-03-10T05:00:00.000+09:00까지 (수집 중이던 파일이 다 읽히기 전에 없어짐)",
			"수집 중이던 gateway 로그 파일이 다 읽히기 전에 없어져, 그 사이의 접속은 어느 규칙도 살펴보지 못하였습니다\n      2025-03-10T04:00:00.000+09:00 ~ 2025-03-10T05:00:00.000+09:00"},
	} {
		if got := call("scope", "--where", "true", "--from", "2025-03-10", "--to", "2025-03-11", "--lang", c.lang); !strings.Contains(got, c.scope) {
			t.Errorf("scope says\n%s", got)
		}
		if got := call("detect", "--quiet", "--from", "2025-03-10", "--to", "2025-03-11", "--lang", c.lang); !strings.Contains(got, c.detect) {
			t.Errorf("detect says\n%s", got)
		}
	}
	lost := false
	for line := range strings.Lines(call("detect", "--quiet", "--json")) {
		var s detect.Signal
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			t.Fatal(err)
		}
		lost = lost || s.Rule == "coverage-lost" && s.Group["source"] == "gateway" && s.Group["cause"] == "lost_file" && s.Severity == detect.Medium
	}
	if !lost {
		t.Error("detect --json has no signal about what was lost")
	}
}
