package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"path"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/packs"
)

// world is a folder with the sample's catalog and a token for its source.
type world struct {
	t     *testing.T
	fs    disk.FS
	dir   string
	token string
	logs  bytes.Buffer // of the last server, written only while it runs
}

func newWorld(t *testing.T, fsys disk.FS, dir string) *world {
	t.Helper()
	w := &world{t: t, fs: fsys, dir: dir}
	if err := ledger.Create(fsys, dir, ""); err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(fsys, dir, ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := fs.ReadFile(packs.FS, "catalogs/shop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := l.InstallCatalog("shop.yaml", text); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if w.token, _, err = AddToken(fsys, dir, "gateway"); err != nil {
		t.Fatal(err)
	}
	return w
}

// running is a server that serves.
type running struct {
	*Server
	w    *world
	stop context.CancelFunc
	done chan error
}

func (w *world) serve(change func(*Options)) *running {
	w.t.Helper()
	o := Options{Data: w.dir, Listen: "127.0.0.1:0", FS: w.fs, Logger: slog.New(slog.NewTextHandler(&w.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
		PollEvery: 5 * time.Millisecond, ShutdownTimeout: 5 * time.Second}
	if change != nil {
		change(&o)
	}
	s, err := New(o)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	r := &running{s, w, stop, make(chan error, 1)}
	go func() { r.done <- s.Run(ctx) }()
	w.t.Cleanup(func() { r.Server.Close() })
	return r
}

func (r *running) end() {
	r.w.t.Helper()
	r.stop()
	if err := <-r.done; err != nil {
		r.w.t.Fatal(err)
	}
}

// call makes a request and returns the answer's status, header and body.
func (r *running) call(method, where, token string, header map[string]string, body io.Reader) (int, http.Header, string) {
	r.w.t.Helper()
	req, err := http.NewRequest(method, "http://"+r.Addr()+where, body)
	if err != nil {
		r.w.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.w.t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		r.w.t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(data)
}

func (r *running) post(header map[string]string, body string) (int, Received) {
	r.w.t.Helper()
	status, _, text := r.call("POST", "/v1/records", r.w.token, header, strings.NewReader(body))
	var got Received
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		r.w.t.Fatalf("%d %s: %v", status, text, err)
	}
	return status, got
}

// count is the number of records that match, as an administrator asks.
func (r *running) count(where string) int64 {
	r.w.t.Helper()
	body, _ := json.Marshal(map[string]string{"where": where})
	status, _, text := r.call("POST", "/v1/scope", r.address.Token, nil, bytes.NewReader(body))
	var e struct{ Records int64 }
	if err := json.Unmarshal([]byte(text), &e); err != nil || status != 200 {
		r.w.t.Fatalf("%d %s: %v", status, text, err)
	}
	return e.Records
}

// lines makes n lines whose ids begin with prefix; without a prefix they have
// no ids.
func lines(prefix string, n int) string {
	var b strings.Builder
	for i := range n {
		id := ""
		if prefix != "" {
			id = fmt.Sprintf(`"id":"%s-%d",`, prefix, i)
		}
		fmt.Fprintf(&b, `{"time":"2025-03-10T09:%02d:%02d+09:00",%s"actor":{"id":"s103","type":"staff"},"method":"GET","uri":"/support/members/m1%06d","status":200}`+"\n", i/60%60, i%60, id, i)
	}
	return b.String()
}

func TestRecords(t *testing.T) {
	w := newWorld(t, disk.OS, path.Join(t.TempDir(), "d"))
	r := w.serve(nil)
	check := func(what string, status, wantStatus int, got, want Received) {
		t.Helper()
		got.Error, want.Error = nil, nil
		if status != wantStatus || got != want {
			t.Errorf("%s: %d %+v, want %d %+v", what, status, got, wantStatus, want)
		}
	}
	status, got := r.post(nil, lines("a", 10))
	check("first", status, 200, got, Received{Accepted: 10, Delivery: deliveryOnce})
	status, got = r.post(nil, lines("a", 12))
	check("again and two more", status, 200, got, Received{Accepted: 2, Duplicates: 10, Delivery: deliveryOnce})
	status, got = r.post(nil, lines("", 3))
	check("without ids", status, 200, got, Received{Accepted: 3, Delivery: deliveryAtLeast})
	key := map[string]string{"Idempotency-Key": "k1"}
	status, got = r.post(key, lines("", 5))
	check("with a key", status, 200, got, Received{Accepted: 5, Delivery: deliveryOnce})
	status, got = r.post(key, lines("", 5))
	check("with the same key", status, 200, got, Received{Duplicates: 5, Delivery: deliveryOnce})
	status, got = r.post(nil, "\n\r\n")
	check("nothing", status, 200, got, Received{Delivery: deliveryOnce})

	var gz, zs bytes.Buffer
	z := gzip.NewWriter(&gz)
	z.Write([]byte(lines("gz", 100)))
	z.Close()
	e, _ := zstd.NewWriter(&zs)
	e.Write([]byte(lines("zs", 100)))
	e.Close()
	status, got = r.post(map[string]string{"Content-Encoding": "gzip"}, gz.String())
	check("gzip", status, 200, got, Received{Accepted: 100, Delivery: deliveryOnce})
	status, got = r.post(map[string]string{"Content-Encoding": "zstd"}, zs.String())
	check("zstd", status, 200, got, Received{Accepted: 100, Delivery: deliveryOnce})

	bad := lines("b", 1) + "not json\n" + `{"time":"soon","uri":"/my/profile"}` + "\n" + lines("c", 1)
	status, got = r.post(nil, bad)
	check("bad lines", status, 400, got, Received{Accepted: 2, Aside: 2, Delivery: deliveryOnce})
	if got.Error == nil || got.Error.Line != 2 || !strings.Contains(got.Error.Message, "good lines of this request are stored") {
		t.Errorf("first error is %+v, want one of line 2 that says what was kept", got.Error)
	}
	if n := r.count("true"); n != 222 {
		t.Errorf("%d records, want 222", n)
	}

	refused := func(what string, want int, token string, header map[string]string, body io.Reader) {
		t.Helper()
		status, _, text := r.call("POST", "/v1/records", token, header, body)
		if status != want || !strings.Contains(text, `"code"`) {
			t.Errorf("%s: %d %s, want %d", what, status, text, want)
		}
	}
	refused("no token", 401, "", nil, strings.NewReader(lines("x", 1)))
	refused("wrong token", 401, "hts_wrong", nil, strings.NewReader(lines("x", 1)))
	refused("administrator's token", 401, r.address.Token, nil, strings.NewReader(lines("x", 1)))
	refused("media type", 415, w.token, map[string]string{"Content-Type": "text/csv"}, strings.NewReader("a,b"))
	refused("encoding", 415, w.token, map[string]string{"Content-Encoding": "br"}, strings.NewReader("x"))
	refused("broken gzip", 400, w.token, map[string]string{"Content-Encoding": "gzip"}, bytes.NewReader(gz.Bytes()[:gz.Len()/2]))
	refused("broken zstd", 400, w.token, map[string]string{"Content-Encoding": "zstd"}, strings.NewReader("nothing of the kind"))
	refused("too large", 413, w.token, nil, bytes.NewReader(make([]byte, 17<<20)))
	refused("too large, length unknown", 413, w.token, nil, io.LimitReader(zeros{}, 17<<20))
	var bomb bytes.Buffer
	z = gzip.NewWriter(&bomb)
	io.CopyN(z, zeros{}, 64<<20)
	z.Close()
	refused("bomb", 413, w.token, map[string]string{"Content-Encoding": "gzip"}, &bomb)
	refused("long key", 400, w.token, map[string]string{"Idempotency-Key": strings.Repeat("k", 201)}, strings.NewReader(lines("x", 1)))
	if n, b := r.limits.load(); n != 0 || b != 0 {
		t.Errorf("%d requests and %d bytes are still reserved", n, b)
	}
	if n := r.count("true"); n != 222 {
		t.Errorf("%d records after refusals, want 222", n)
	}

	// A token that is taken away stops working, a new one works, at once.
	ts, err := Tokens(w.fs, w.dir)
	if err != nil || len(ts) != 1 {
		t.Fatal(ts, err)
	}
	if _, err := RemoveToken(w.fs, w.dir, ts[0].ID); err != nil {
		t.Fatal(err)
	}
	refused("removed token", 401, w.token, nil, strings.NewReader(lines("x", 1)))
	if w.token, _, err = AddToken(w.fs, w.dir, "gateway"); err != nil {
		t.Fatal(err)
	}
	status, got = r.post(nil, lines("new", 1))
	check("new token", status, 200, got, Received{Accepted: 1, Delivery: deliveryOnce})
	r.end()
	if _, err := ReadAddress(w.fs, w.dir); !errors.Is(err, ErrNoServer) {
		t.Errorf("after the end server.json says %v, want ErrNoServer", err)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// TestBackPressure: what finds no room is refused at once and told when to come
// back, and the room is there again afterwards.
func TestBackPressure(t *testing.T) {
	w := newWorld(t, disk.OS, path.Join(t.TempDir(), "d"))
	other, _, err := AddToken(w.fs, w.dir, "other")
	if err != nil {
		t.Fatal(err)
	}
	third, _, err := AddToken(w.fs, w.dir, "third")
	if err != nil {
		t.Fatal(err)
	}
	r := w.serve(func(o *Options) { o.MaxRequests, o.MaxPerSource, o.MaxInFlight, o.MaxBody = 2, 1, 1<<20, 1<<20 })
	slow := func(token string) (*io.PipeWriter, chan int) {
		pr, pw := io.Pipe()
		got := make(chan int, 1)
		go func() {
			req, _ := http.NewRequest("POST", "http://"+r.Addr()+"/v1/records", pr)
			req.Header.Set("Authorization", "Bearer "+token)
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				got <- 0
				return
			}
			res.Body.Close()
			got <- res.StatusCode
		}()
		return pw, got
	}
	until := func(requests int) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); ; {
			if n, _ := r.limits.load(); n == requests {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("never %d requests under way", requests)
			}
			time.Sleep(time.Millisecond)
		}
	}
	first, gotFirst := slow(w.token)
	until(1)
	status, header, _ := r.call("POST", "/v1/records", w.token, nil, strings.NewReader(lines("x", 1)))
	if status != 429 || header.Get("Retry-After") == "" {
		t.Errorf("second request of a source: %d, Retry-After %q, want 429 and a time", status, header.Get("Retry-After"))
	}
	second, gotSecond := slow(other)
	until(2)
	status, header, _ = r.call("POST", "/v1/records", third, nil, strings.NewReader(lines("x", 1)))
	if status != 503 || header.Get("Retry-After") == "" {
		t.Errorf("third request: %d, Retry-After %q, want 503 and a time", status, header.Get("Retry-After"))
	}
	io.WriteString(first, lines("f", 1))
	first.Close()
	if got := <-gotFirst; got != 200 {
		t.Errorf("first request: %d, want 200", got)
	}
	until(1)
	// The bytes are bounded too: half of them are held by the second request.
	status, _, text := r.call("POST", "/v1/records", third, nil, strings.NewReader(strings.Repeat(" ", 1<<20-10)))
	if status != 503 {
		t.Errorf("a request without room for its bytes: %d %s, want 503", status, text)
	}
	second.Close()
	<-gotSecond
	until(0)
	if _, b := r.limits.load(); b != 0 {
		t.Errorf("%d bytes are still reserved", b)
	}
	if status, got := r.post(nil, lines("y", 1)); status != 200 || got.Accepted != 1 {
		t.Errorf("afterwards: %d %+v", status, got)
	}
}

// TestCrash: a power cut at any moment loses nothing that was acknowledged, and
// doubles nothing when the sender comes again.
func TestCrash(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	mem := disk.NewMem()
	w := newWorld(t, mem, "d")
	for round := range 8 {
		r := w.serve(nil)
		if n, want := r.count("true"), int64(round*30); n != want {
			t.Fatalf("round %d begins with %d records, want %d", round, n, want)
		}
		for i := range 3 {
			if status, got := r.post(nil, lines(fmt.Sprintf("r%d-%d", round, i), 10)); status != 200 || got.Accepted != 10 {
				t.Fatalf("round %d: %d %+v", round, status, got)
			}
		}
		if round%3 == 1 {
			if err := r.Ledger().Seal(); err != nil {
				t.Fatal(err)
			}
		}
		crashed := w.fs.(*disk.Mem).Crash(rnd)
		r.Server.Close()
		w.fs = crashed
		r2 := w.serve(nil)
		if status, got := r2.post(nil, lines(fmt.Sprintf("r%d-2", round), 10)); status != 200 || got.Duplicates != 10 {
			t.Fatalf("round %d, the last request again: %d %+v, want 10 duplicates", round, status, got)
		}
		r2.end()
	}
}

// TestFullDisk: a disk that fills up is named, nothing is acknowledged, and what
// was acknowledged before is there afterwards.
func TestFullDisk(t *testing.T) {
	mem := disk.NewMem()
	w := newWorld(t, mem, "d")
	faulty := disk.NewFaulty(mem)
	w.fs = faulty
	r := w.serve(nil)
	if status, _ := r.post(nil, lines("a", 5)); status != 200 {
		t.Fatal(status)
	}
	faulty.FailAt(1, syscall.ENOSPC)
	status, _, text := r.call("POST", "/v1/records", w.token, nil, strings.NewReader(lines("b", 5)))
	if status != http.StatusInsufficientStorage || !strings.Contains(text, "disk_full") {
		t.Errorf("on a full disk: %d %s, want 507", status, text)
	}
	r.Server.Close()
	w.fs = mem
	r = w.serve(nil)
	if n := r.count("true"); n != 5 {
		t.Errorf("%d records afterwards, want 5", n)
	}
	if status, got := r.post(nil, lines("b", 5)); status != 200 || got.Accepted != 5 {
		t.Errorf("sent again: %d %+v, want 5 accepted", status, got)
	}
}

func TestQuestions(t *testing.T) {
	w := newWorld(t, disk.OS, path.Join(t.TempDir(), "d"))
	r := w.serve(nil)
	if status, _ := r.post(nil, lines("a", 20)); status != 200 {
		t.Fatal(status)
	}
	admin := r.address.Token
	for _, c := range []struct {
		method, where, token, body string
		status                     int
		holds                      string
	}{
		{"GET", `/v1/scope?where=actor.type=="staff"&by=route`, admin, "", 200, `"records":20`},
		{"GET", `/v1/scope?where=true&from=2025-03-11`, admin, "", 200, `"records":0`},
		{"GET", `/v1/scope?where=true&from=2025-03-10&to=2025-03-11`, admin, "", 200, `"to":"2025-03-11T00:00:00.000+09:00"`},
		{"GET", `/v1/scope?where=true&from=2025-03-11&to=2025-03-11`, admin, "", 400, "from is not before to"},
		{"GET", `/v1/scope?where=true&to=never`, admin, "", 400, `"field":"to"`},
		{"GET", `/v1/scope?where=true&where=false`, admin, "", 400, "where is given more than once"},
		{"GET", `/v1/scope?where=true&by=day&by=route`, admin, "", 400, `"field":"by"`},
		{"GET", `/v1/scope?where=true&by=client.ip`, admin, "", 200, `"by":[`},
		{"GET", `/v1/scope?where=status=="200"`, admin, "", 400, "numbers with 200"},
		{"GET", `/v1/scope?where=nonsense==1`, admin, "", 400, "the fields are time, source"},
		{"GET", `/v1/scope?where=actor%0A.id=="s103"`, admin, "", 400, "use_post"},
		{"GET", `/v1/scope?where=route=="GET /account"`, admin, "", 200, `"records":0`},
		{"GET", `/v1/scope?where=credential.issued`, admin, "", 200, `"records":`},
		{"GET", `/v1/scope?where=credential .token=="t"`, admin, "", 400, "use_post"},
		{"GET", `/v1/scope?where=true&explain=1`, admin, "", 200, `"explain":`},
		{"GET", `/v1/scope?where=account=="m1000001"`, admin, "", 400, "use_post"},
		{"GET", `/v1/scope?where=true&form=x`, admin, "", 400, "parameter"},
		{"GET", `/v1/scope?where=true&from=x`, admin, "", 400, `"field":"from"`},
		{"GET", `/v1/scope?where=true&by=weekday`, admin, "", 400, `"field":"by"`},
		{"GET", `/v1/scope?where=`, admin, "", 400, "no condition"},
		{"GET", `/v1/scope?where=true`, "", "", 401, "unauthorized"},
		{"GET", `/v1/scope?where=true`, w.token, "", 401, "unauthorized"},
		{"POST", `/v1/scope`, admin, `{"where":"account == \"m1000001\""}`, 200, `"records":1`},
		{"POST", `/v1/scope`, admin, `{"where":"nonsense == 1"}`, 400, `"column":1`},
		{"POST", `/v1/scope`, admin, `{"were":"true"}`, 400, "those that are: where, from, to, by, explain"},
		{"POST", `/v1/scope`, admin, `{"where":1}`, 400, `"field":"where"`},
		{"POST", `/v1/scope`, admin, `{"where":"true"} more`, 400, "bad_json"},
		{"POST", `/v1/scope`, admin, `[`, 400, "bad_json"},
		{"POST", `/v1/subjects`, admin, `{"account":"m1000001"}`, 200, `"reads":1`},
		{"POST", `/v1/subjects`, admin, `{"account":"m9999999"}`, 200, `"known":false`},
		{"POST", `/v1/subjects`, admin, `{}`, 400, "account"},
		{"POST", `/v1/subjects`, admin, `{"account":"m1000001","from":"2025-03-11"}`, 200, `"total":0`},
		{"POST", `/v1/subjects`, admin, `{"account":"m1000001","from":"x"}`, 400, `"field":"from"`},
		{"POST", `/v1/subjects`, admin, `{"account":"m1000001","limit":-1}`, 400, `"field":"limit"`},
		{"POST", `/v1/subjects`, admin, `{"account":"m1000001","where":"true"}`, 400, "those that are: account, from, to, limit"},
		{"POST", `/v1/subjects`, admin, `{"account":"m1000001"}`, 200, `"code":"gaps"`},
		{"GET", `/v1/status`, admin, "", 200, `"ready":true`},
		{"GET", `/v1/status`, "", "", 401, "unauthorized"},
		{"GET", `/healthz`, "", "", 200, "ok"},
		{"GET", `/readyz`, "", "", 200, "ready"},
		{"GET", `/metrics`, "", "", 200, `haetae_records_total{source="gateway",outcome="accepted"} 20`},
		{"GET", `/`, "", "", 404, "not_found"},
		{"DELETE", `/v1/records`, w.token, "", 405, ""},
		{"POST", `/v1/retain`, admin, `{"before":0}`, 400, "before"},
		{"POST", `/v1/retain`, admin, `{"before":1}`, 200, `"records":0`},
		{"POST", `/v1/holds`, admin, `{}`, 400, "set or lift"},
		{"POST", `/v1/holds`, admin, `{"set":{"name":"h","reason":"r"}}`, 200, `"found":true`},
		{"POST", `/v1/holds`, admin, `{"set":{"name":"h","reason":"another"}}`, 409, "hold_stands"},
		{"POST", `/v1/holds`, admin, `{"set":{"name":"two words","reason":"r"}}`, 400, "hold_name"},
		{"POST", `/v1/holds`, admin, `{"set":{"name":"h2","reason":"\u0007"}}`, 400, "set.reason"},
		{"POST", `/v1/retain`, admin, `{"before":2}`, 409, "held"},
		{"POST", `/v1/openings`, admin, `{"by":"x","what":"y"}`, 400, "reason"},
		{"POST", `/v1/imports`, admin, `{"files":["relative.log"]}`, 400, "whole path"},
		{"POST", `/v1/imports`, admin, `{"files":["-"]}`, 400, "needs the log in the body"},
		{"POST", `/v1/imports`, admin, `{"files":["/nowhere/x.log"]}`, 400, `"code":"missing_file"`},
		{"POST", `/v1/imports`, admin, `{"catalog":"/nowhere/c.yaml"}`, 400, `"field":"catalog"`},
		{"POST", `/v1/imports`, admin, `{"register":[{"file":"/nowhere/r.csv"}]}`, 400, `"field":"register[0]"`},
		{"POST", `/v1/imports`, admin, `{"files":["/"]}`, 400, `"code":"folder"`},
		{"POST", `/v1/imports`, w.token, `{}`, 401, "unauthorized"},
	} {
		where := strings.NewReplacer(`"`, "%22", " ", "%20").Replace(c.where)
		status, _, text := r.call(c.method, where, c.token, nil, strings.NewReader(c.body))
		if status != c.status || !strings.Contains(text, c.holds) {
			t.Errorf("%s %s %s: %d %s\nwant %d and %s", c.method, c.where, c.body, status, text, c.status, c.holds)
		}
	}
	r.end()
}

func TestOptions(t *testing.T) {
	o := Options{Listen: "nowhere", MaxBody: 10, MaxInFlight: 5, ReadTimeout: -1, Follow: []Follow{{"a", "f"}, {"b", "f"}, {"", "g"}}}
	err := o.check()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"Data", "Listen", "MaxInFlight", "ReadTimeout", "named twice", "both needed"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not speak of %s: all mistakes should come at once", err, want)
		}
	}
	for _, s := range []string{"", "x", "=f", "s="} {
		if _, err := ParseFollow(s); err == nil {
			t.Errorf("ParseFollow(%q) is taken", s)
		}
	}
}

// FuzzTokens: the file of tokens may hold anything.
func FuzzTokens(f *testing.F) {
	mem := disk.NewMem()
	if err := mem.MkdirAll("d"); err != nil {
		f.Fatal(err)
	}
	if _, _, err := AddToken(mem, "d", "gateway"); err != nil {
		f.Fatal(err)
	}
	data, err := disk.ReadFile(mem, "d/"+tokensName)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte("haetae tokens 2\n"))
	f.Add([]byte("haetae tokens 1\ngateway 00 x\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		ts, err := parseTokens(data)
		if err != nil && !errors.Is(err, ErrTokens) {
			t.Errorf("%v is not ErrTokens", err)
		}
		for _, x := range ts {
			if x.Source == "" || len(x.ID) != 8 {
				t.Errorf("token without a source or id: %+v", x)
			}
		}
	})
}
