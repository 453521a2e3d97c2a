package server

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/packs"
)

func (r *running) sources(query string) []SourceStatus {
	r.w.t.Helper()
	status, _, text := r.call("GET", "/v1/sources"+query, r.address.Token, nil, nil)
	var got Sources
	if err := json.Unmarshal([]byte(text), &got); err != nil || status != 200 {
		r.w.t.Fatalf("%d %s: %v", status, text, err)
	}
	return got.Sources
}

func (s *SourceStatus) way(w Way) *SourceWay {
	if i := slices.IndexFunc(s.Ways, func(o SourceWay) bool { return o.Way == w }); i >= 0 {
		return &s.Ways[i]
	}
	return nil
}

// TestSources: what came in by each way, over the life of a folder, from a server and
// without one.
func TestSources(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "access.json")
	w := newWorld(t, disk.OS, filepath.Join(dir, "d"))
	if err := os.WriteFile(log, []byte(shopLines(0, 90)), 0o600); err != nil {
		t.Fatal(err)
	}
	r := w.serve(func(o *Options) { o.Follow = []Follow{{"gateway", log}} })
	r.awaitCount(90)
	if status, got := r.post(nil, lines("a", 10)+"no record\n"+`{"time":"2025-03-10T10:00:00+09:00","id":"x","method":"GET","uri":"/kim/younghee","status":200}`+"\n"); status != 400 || got.Accepted != 11 {
		t.Fatalf("%d, %+v", status, got)
	}
	list := r.sources("")
	if len(list) != 1 {
		t.Fatalf("%+v", list)
	}
	s := &list[0]
	if s.Source != "gateway" || !s.Declared || s.Format != "json" || s.Records != 101 || s.Aside != 1 || s.CadenceSeconds != 6*3600 {
		t.Errorf("%+v", s)
	}
	for way, n := range map[Way]int64{WayFollow: 90, WayHTTP: 11} {
		if got := s.way(way); got == nil || got.Records != n || got.Last == nil || time.Since(*got.Last) > time.Minute {
			t.Errorf("%s: %+v", way, got)
		}
	}
	if got := s.way(WayToken); got == nil || got.Count != 1 || got.Last != nil {
		t.Errorf("token: %+v", got)
	}
	// The records are of 2025, and came now.
	if s.LagSeconds == nil || *s.LagSeconds < 24*3600 || s.LastArrival == nil || s.SilentSeconds == nil || *s.SilentSeconds < 24*3600 || s.Coverage != "gaps" {
		t.Errorf("lag %v, arrival %v, silent %v, %s", s.LagSeconds, s.LastArrival, s.SilentSeconds, s.Coverage)
	}
	want := Recent{WindowSeconds: 86400, Records: 101, PerHour: 101, Actor: 100, Credential: 0, Address: 90, Route: 100, Item: 100, Account: 100}
	if s.Recent != want {
		t.Errorf("%+v\nwant %+v", s.Recent, want)
	}
	// A window of a minute up to the last record has that record alone.
	if got := r.sources("?window=1m")[0].Recent; got.Records != 1 || got.Route != 0 || got.Actor != 0 || got.WindowSeconds != 60 {
		t.Errorf("%+v", got)
	}
	for _, bad := range []string{"?window=0s", "?window=x", "?window=9000h", "?window=1h&window=2h", "?source=gateway"} {
		if status, _, text := r.call("GET", "/v1/sources"+bad, r.address.Token, nil, nil); status != 400 || !strings.Contains(text, `"parameter"`) {
			t.Errorf("%s: %d %s", bad, status, text)
		}
	}
	if status, _, _ := r.call("GET", "/v1/sources", w.token, nil, nil); status != 401 {
		t.Errorf("with a source's token: %d", status)
	}
	if _, _, text := r.call("GET", "/v1/sources", r.address.Token, nil, nil); strings.Contains(text, "kim") || strings.Contains(text, "m1000") {
		t.Errorf("it says whom: %s", text)
	}
	if got, err := NewClient(r.address).Sources(context.Background(), DefaultWindow); err != nil || len(got.Sources) != 1 || got.Sources[0].Recent != want {
		t.Errorf("%+v, %v", got, err)
	}
	r.end()

	// Without a server the folder knows the file that was followed, and not when.
	l, err := ledger.Open(disk.OS, w.dir, ledger.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got, err := FolderSources(context.Background(), disk.OS, w.dir, l, DefaultWindow, 1)
	if err != nil || len(got.Sources) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	s = &got.Sources[0]
	if f := s.way(WayFollow); f == nil || f.Count != 1 || f.Last != nil {
		t.Errorf("%+v", f)
	}
	if s.LagSeconds != nil || s.LastArrival != nil || s.Recent != want || s.Records != 101 {
		t.Errorf("%+v", s)
	}
}

// A followed file that is not there is listed with what keeps it.
func TestSourcesNothingYet(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, disk.OS, filepath.Join(dir, "d"))
	r := w.serve(func(o *Options) { o.Follow = []Follow{{"gateway", filepath.Join(dir, "none.log")}} })
	defer r.end()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		list := r.sources("")
		if len(list) != 1 || list[0].Records != 0 || list[0].Last != nil || list[0].Coverage != "gaps" {
			t.Fatalf("%+v", list)
		}
		if f := list[0].way(WayFollow); f != nil && f.Error == FollowMissing {
			return
		} else if time.Now().After(deadline) {
			t.Fatalf("%+v", list[0])
		}
	}
}

// marked are ids and texts that a test of a source must not repeat.
const marked = "kimyounghee"

func TestTryLog(t *testing.T) {
	text, err := packs.FS.ReadFile("catalogs/shop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	cat, err := catalog.Parse("shop.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	log := `{"time":"2025-03-10T09:00:00+09:00","request_id":"` + marked + `1","remote_addr":"10.0.0.1","http_user_agent":"` + marked + `","request_method":"GET","request_uri":"/support/members/m1000042?q=` + marked + `","status":200,"actor_id":"` + marked + `","actor_type":"` + marked + `","key_id":"` + marked + `"}
{"time":"2025-03-10T09:00:01+09:00","request_method":"GET","request_uri":"/doctor/` + marked + `","status":404,"actor_id":"m1000042","actor_type":"member"}
{"time":"yesterday","request_uri":"/` + marked + `"}
` + marked + "\n" + strings.Repeat(shopLines(0, 50), 1)
	for _, workers := range []int{1, 3} {
		got, err := TryLog(t.Context(), strings.NewReader(log), "x.json", cat, "gateway", "", workers)
		if err != nil {
			t.Fatal(err)
		}
		if got.Lines != 54 || got.Records != 52 || got.Aside != 2 || len(got.Causes) != 2 || got.Causes[0].Line+got.Causes[1].Line != 7 {
			t.Errorf("%+v", got)
		}
		counts := map[string]int64{}
		for _, f := range got.Fields {
			counts[f.Field] = f.Records
		}
		for f, n := range map[string]int64{"time": 52, "id": 1, "actor.id": 52, "credential.key": 1, "credential.token": 0, "client.ip": 51, "route": 51, "subjects": 51, "status": 52, "rows": 0} {
			if counts[f] != n {
				t.Errorf("%s: %d, want %d", f, counts[f], n)
			}
		}
		if len(got.Examples) != MaxExamples || got.Examples[0].Line != 1 || got.Examples[1].Line != 2 || got.Examples[2].Line != 5 {
			t.Fatalf("%+v", got.Examples)
		}
		forms := map[string]string{}
		for _, f := range got.Examples[0].Fields {
			forms[f.Field] = f.Form
		}
		for f, want := range map[string]string{"time": "2025-03-10T09:00:00.000+09:00", "id": "aaaaaaaaaaa#", "actor.type": "aaaaaaaaaaa", "client.ip": "IPv4", "status": "200",
			"route": "GET /support/members/{member}", "subjects": "a#######", "action": "read"} {
			if forms[f] != want {
				t.Errorf("%s: %q, want %q", f, forms[f], want)
			}
		}
		all, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{marked, "m1000042", "10.0.0.1"} {
			if strings.Contains(string(all), secret) {
				t.Errorf("it says %q: %s", secret, all)
			}
		}
		if !strings.Contains(string(all), `{"field":"unmapped","form":"GET /doctor/{word}"}`) || !strings.Contains(string(all), `"form":"member"`) {
			t.Errorf("%s", all)
		}
	}
	if _, err := TryLog(t.Context(), strings.NewReader(log), "x.json", cat, "nowhere", "", 1); err == nil {
		t.Error("a source that is not there")
	}
}
