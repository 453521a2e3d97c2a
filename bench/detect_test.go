package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/edition"
	"github.com/haetae/haetae/ledger/segment"
	"github.com/haetae/haetae/rule"
	"github.com/haetae/haetae/server"
)

var (
	rates   = flag.String("rates", "100000,150000,200000", "records a second of the live test, one after the other")
	seconds = flag.Int("seconds", 10, "that each of them lasts")
	groups  = flag.Int("groups", 10_000_000, "groups to hold in memory")
)

// TestDetect imports a log of members who sign in and read, by the full path with all
// cores, and runs the shipped rules over what was imported, which is what an import
// with detection takes today: the rules do not run in the stream of lines. Once as the
// log is all there is; and once with fewer accounts, so that the blocks of ids are full
// and walks over them are looked for, and with a register, so that members are too who
// are in none.
func TestDetect(t *testing.T) {
	t.Run("log alone", func(t *testing.T) { importAndDetect(t, shapes["members"], false) })
	t.Run("full blocks and a register", func(t *testing.T) {
		s := shapes["members"]
		s.accounts = 200_000
		importAndDetect(t, s, true)
	})
}

func importAndDetect(t *testing.T, s shape, register bool) {
	dir := t.TempDir()
	log := filepath.Join(dir, "access.ndjson")
	f, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	var text []byte
	s.each(*lines, 30, func(r *record) {
		text = r.line(text[:0])
		w.Write(text)
	})
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	f.Close()
	syscall.Sync()
	cat := filepath.Join(dir, "bench.yaml")
	if err := os.WriteFile(cat, []byte(catalogText), 0o600); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(dir, "data")
	if err := ledger.Create(disk.OS, data, ""); err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(disk.OS, data, ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if register {
		_, err := l.InstallRegister("register", start, func(yield func(catalog.RegisterLine, error) bool) {
			for i := range s.accounts {
				if !yield(catalog.RegisterLine{Account: accountID(i)}, nil) {
					return
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	begin, worked := time.Now(), cpu()
	rep, err := server.Import(context.Background(), l, server.ImportRequest{Catalog: cat, Files: []string{log}}, server.ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	alone, aloneWork := time.Since(begin), cpu()-worked
	if rep.Records != int64(*lines) {
		t.Fatalf("%+v", rep)
	}
	begin, worked = time.Now(), cpu()
	found, err := server.Detect(context.Background(), l, server.DetectRequest{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	more, moreWork := time.Since(begin), cpu()-worked
	if found.Rows != int64(*lines) {
		t.Fatalf("%d rows were looked at", found.Rows)
	}
	n := float64(*lines)
	t.Logf("import alone: %.0f lines/s (%.0f a second of processor time)", n/alone.Seconds(), n/aloneWork.Seconds())
	t.Logf("detection of %d rules over it: %.0f rows/s, %.0f ns a row (%.0f a second of processor time); %d signals",
		len(found.Rules), n/more.Seconds(), float64(more.Nanoseconds())/n, n/moreWork.Seconds(), len(found.Signals))
	t.Logf("import and detection: %.0f lines/s; the rules take %.0f %% of the import rate, %.0f %% by processor time (goal: at most 25 %%)",
		n/(alone+more).Seconds(), 100*more.Seconds()/(alone+more).Seconds(), 100*moreWork.Seconds()/(aloneWork+moreWork).Seconds())
	t.Logf("processor time of a line: import %.0f ns, detection %.0f ns, ratio %.2f (a quarter of the rate is 0.33)",
		float64(aloneWork.Nanoseconds())/n, float64(moreWork.Nanoseconds())/n, moreWork.Seconds()/aloneWork.Seconds())
}

// probe rings on the third account that a key read whose name begins so.
const probe = `
title: Read by a probe
name: bench_probe_read
logsource: {category: access, product: haetae}
detection: {s: {read: 'true', credential.key|startswith: probe-}, condition: s}
---
title: Probe
name: bench_probe
level: low
correlation: {type: value_count, rules: [bench_probe_read], group-by: [credential.key], timespan: 1h, condition: {gte: 3, field: account}}
`

// TestLive appends records at a steady rate into a ledger on disk, with the shipped
// rules running, and beside them probes: three accounts read by a key of their own. It
// measures from the append of a probe to its signal on the stream.
func TestLive(t *testing.T) {
	rules := t.TempDir()
	pack, err := filepath.Glob("../packs/rules/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range pack {
		if strings.HasSuffix(name, ".test.yaml") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(rules, filepath.Base(name)), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(rules, "bench-probe.yaml"), []byte(probe), 0o600); err != nil {
		t.Fatal(err)
	}
	best := 0
	for _, text := range strings.Split(*rates, ",") {
		rate, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal("-rates is numbers with commas between them")
		}
		if live(t, rules, rate) {
			best = max(best, rate)
		}
	}
	t.Logf("highest rate that holds: %d records/s (98 %% of it reached, p99 at most 1 s)", best)
}

func live(t *testing.T, rules string, rate int) bool {
	data := filepath.Join(t.TempDir(), "data")
	if err := ledger.Create(disk.OS, data, ""); err != nil {
		t.Fatal(err)
	}
	s, err := server.New(server.Options{Data: data, Listen: "127.0.0.1:0", Detect: &server.DetectRequest{Rules: rules}})
	if err != nil {
		t.Fatal(err)
	}
	l := s.Ledger()
	if _, _, err := l.InstallCatalog("bench.yaml", []byte(catalogText)); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	defer func() { stop(); <-ended }()
	at, err := server.ReadAddress(disk.OS, data)
	if err != nil {
		t.Fatal(err)
	}
	client := server.NewClient(at)
	for {
		if got, err := client.Signals(ctx); err == nil && got.Status.State == "live" {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}

	var mu sync.Mutex
	sent, took := map[string]time.Time{}, []time.Duration{}
	req, err := http.NewRequestWithContext(ctx, "GET", "http://"+at.Listen+"/v1/signals/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+at.Token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer res.Body.Close()
		sc := bufio.NewScanner(res.Body)
		sc.Buffer(nil, 1<<20)
		for sc.Scan() {
			line, ok := strings.CutPrefix(sc.Text(), "data: ")
			var x detect.Signal
			if !ok || json.Unmarshal([]byte(line), &x) != nil || x.Rule != "bench_probe" {
				continue
			}
			mu.Lock()
			if b, ok := sent[x.Group["credential.key"]]; ok {
				took = append(took, time.Since(b))
				delete(sent, x.Group["credential.key"])
			}
			mu.Unlock()
		}
	}()

	const batch = 1000
	edition := l.Catalog().Edition
	begin, worked := time.Now(), cpu()
	until := begin.Add(time.Duration(*seconds) * time.Second)
	var done, next atomic.Int64
	var senders sync.WaitGroup
	for n := range 4 { // as a pool of connections would: an append waits for its fsync
		senders.Go(func() {
			g := shapes["members"].chunk(1<<30, days, n*1000)
			b := l.NewBatch()
			var r record
			for {
				seq := next.Add(1) - 1
				due := begin.Add(time.Duration(float64(seq) * batch / float64(rate) * float64(time.Second)))
				time.Sleep(time.Until(due))
				if due.After(until) || time.Now().After(until) {
					return
				}
				b.Reset()
				now := event.MillisOf(time.Now())
				for range batch {
					g.make(&r)
					r.Time = now
					x := r.event(edition)
					b.Add(&x)
				}
				if _, err := l.AppendBatch(ctx, b, "bench", nil); err != nil {
					t.Error(err)
					return
				}
				done.Add(batch)
			}
		})
	}
	senders.Go(func() {
		b := l.NewBatch()
		for i := 0; time.Now().Before(until); i++ {
			key := fmt.Sprint("probe-", i)
			b.Reset()
			now := time.Now()
			for k := range 3 {
				r := record{Time: event.MillisOf(now), Account: i*3 + k, Token: uint64(i*3+k) + 1, Status: 200}
				x := r.event(edition)
				x.Credential.Key = key
				b.Add(&x)
			}
			mu.Lock()
			sent[key] = now
			mu.Unlock()
			if _, err := l.AppendBatch(ctx, b, "probe", nil); err != nil {
				t.Error(err)
				return
			}
			time.Sleep(97 * time.Millisecond) // no multiple of the detector's step
		}
	})
	senders.Wait()
	spent, work := time.Since(begin), cpu()-worked
	for range 100 { // what is still under way
		mu.Lock()
		left := len(sent)
		mu.Unlock()
		if left == 0 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	st, err := client.Signals(ctx)
	if err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	slices.Sort(took)
	if len(took) == 0 {
		t.Errorf("%d records/s: no probe rang", rate)
		return false
	}
	at99 := took[min(len(took)-1, len(took)*99/100)]
	reached := float64(done.Load()) / float64(*seconds) // the senders' span; spent has the last probe as well
	t.Logf("%d records/s asked, %.0f reached, %.2f cores; append to signal, %d probes: p50 %v, p99 %v, max %v; %d never rang; %d records late, engine began %d times",
		rate, reached, work.Seconds()/spent.Seconds(), len(took), took[len(took)/2].Round(time.Millisecond), at99.Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond),
		len(sent), st.Status.Late, st.Status.Restarts)
	return len(sent) == 0 && at99 <= time.Second && reached >= 0.98*float64(rate)
}

// empty is a world in which nothing is known.
type empty struct{ hasher *pseudonym.Hasher }

func (empty) Catalog() *catalog.Catalog                                 { return nil }
func (empty) Registers() []*edition.Register                            { return nil }
func (w empty) Hasher() *pseudonym.Hasher                               { return w.hasher }
func (empty) Pseudonym(dictionary.Ref) (p pseudonym.Pseudonym, _ error) { return p, nil }
func (empty) Bucket(dictionary.Ref) (uint64, []int, error)              { return 0, nil, nil }
func (empty) LiveRules(uint32) ([]uint32, error)                        { return nil, ledger.ErrCorrupt }
func (empty) LiveRule(uint32) (ledger.LiveRule, error)                  { return ledger.LiveRule{}, ledger.ErrCorrupt }

// TestGroups holds as many groups as a correlation may have, each with an account, and
// prints what they take: counted, and resident as the collector lets it grow.
func TestGroups(t *testing.T) {
	docs, err := rule.Parse("groups.yaml", []byte(`
title: any read
name: read
logsource: {category: access, product: haetae}
detection: {s: {action: read}, condition: s}
---
title: many accounts
name: many
correlation: {type: value_count, rules: [read], group-by: [credential.token], timespan: 1d, condition: {gte: 100, field: account}}
`))
	if err != nil {
		t.Fatal(err)
	}
	debug.FreeOSMemory()
	before := memory(t, "VmRSS")
	e, err := detect.New(docs, empty{pseudonym.NewHasher([32]byte{1})}, detect.Options{})
	if err != nil {
		t.Fatal(err)
	}
	table := &detect.Table{Shapes: []segment.Shape{{Action: event.ActionRead, Status: 200, Flags: segment.Primary | segment.Named}}, Clients: []segment.Client{{}}, Agents: []string{""}}
	primary := func(uint32) bool { return true }
	rows := make([]detect.Row, 1000)
	begin, highest := time.Now(), int64(0)
	for n := 0; n < *groups; n += len(rows) {
		for i := range rows {
			rows[i] = detect.Row{Time: start, Home: dictionary.MakeRef(byte(i), uint32(n/256)), Token: uint64(n+i+1) * 0x9E3779B97F4A7C15}
		}
		if err := e.Observe(table, rows, primary); err != nil {
			t.Fatal(err)
		}
		if n%100_000 == 0 {
			highest = max(highest, memory(t, "VmRSS"))
		}
	}
	took := time.Since(begin)
	highest = max(highest, memory(t, "VmRSS"))
	_, held, _ := e.Totals()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	t.Logf("%d groups in %v: %.0f bytes a group, %.2f GiB counted; resident at most %.2f GiB (%.2f before; goal 4)",
		held, took.Round(time.Millisecond), float64(m.HeapAlloc)/float64(held), float64(m.HeapAlloc)/(1<<30), float64(highest)/(1<<30), float64(before)/(1<<30))
	runtime.KeepAlive(e)
}

// memory is a line of /proc/self/status, in bytes; 0 where there is none.
func memory(t *testing.T, name string) int64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if v, ok := strings.CutPrefix(line, name+":"); ok {
			var kb int64
			fmt.Sscan(v, &kb)
			return kb << 10
		}
	}
	return 0
}
