package scope_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"iter"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/scope"
)

// expectation is one answer of expected.json.
type expectation struct {
	Reads, Accounts, People, Ghosts int64
	Items, Routes                   map[string]int64
	Unresolved                      scope.Unresolved
}

// predicates says the sample's questions in CEL.
var predicates = map[string]scope.Query{
	"key sig-2024-04":            {Where: `credential.key == "sig-2024-04"`},
	"key sig-2024-09":            {Where: `credential.key == "sig-2024-09"`},
	"staff":                      {Where: `actor.type == "staff"`},
	"staff s103 first half":      {Where: `actor.id == "s103" && time < timestamp("2025-03-16T00:00:00+09:00")`},
	"client 45.0.0.0/8":          {Where: `inCIDR(client.ip, "45.0.0.0/8")`},
	"agent curl":                 {Where: `client.agent.startsWith("curl")`},
	"partner":                    {Where: `actor.type == "partner"`},
	"everything":                 {Where: ``},
	"key sig-2024-09 from day 9": {Where: `credential.key == "sig-2024-09" && time >= timestamp("2025-03-10T00:00:00+09:00")`},
}

// TestSamples reproduces the known answers of both sample shops, exactly.
func TestSamples(t *testing.T) {
	for _, shop := range []string{"shop", "shop-hard"} {
		t.Run(shop, func(t *testing.T) {
			dir := filepath.Join("..", "testdata", shop)
			l := loadSample(t, dir)
			v, err := l.View()
			if err != nil {
				t.Fatal(err)
			}
			defer v.Close()
			raw, err := os.ReadFile(filepath.Join(dir, "expected.json"))
			if err != nil {
				t.Fatal(err)
			}
			var want struct{ Answers map[string]expectation }
			if err := json.Unmarshal(raw, &want); err != nil {
				t.Fatal(err)
			}
			if len(want.Answers) != len(predicates) {
				t.Fatalf("%d answers, %d questions", len(want.Answers), len(predicates))
			}
			for name, w := range want.Answers {
				q, ok := predicates[name]
				if !ok {
					t.Fatalf("no question for %q", name)
				}
				for _, workers := range []int{1, 3} {
					q.Workers = workers
					e, err := scope.Run(context.Background(), v, q)
					if err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					got := expectation{e.Reads, e.Accounts, e.People, *e.Ghosts, e.Items, e.Routes, scope.Unresolved{Records: e.Unresolved.Records, Rows: e.Unresolved.Rows}}
					if d := cmp.Diff(w, got); d != "" {
						t.Errorf("%s, %d worker(s): (-want +got)\n%s", name, workers, d)
					}
				}
			}
		})
	}
}

// loadSample puts a sample shop into a ledger in memory.
func loadSample(t *testing.T, dir string) *ledger.Ledger {
	t.Helper()
	fsys := disk.NewMem()
	fsys.MkdirAll(".")
	if err := ledger.Create(fsys, "data", ""); err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(fsys, "data", ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	text, err := os.ReadFile("../packs/catalogs/shop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := l.InstallCatalog("shop.yaml", text); err != nil {
		t.Fatal(err)
	}
	day := event.MillisOf(time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC))
	open := func(name string) *os.File {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	_, err = l.InstallRegister("register.csv", day, lines(func(yield func(catalog.RegisterLine) error) error {
		_, err := catalog.ReadRegister("register.csv", open("register.csv"), yield)
		return err
	}))
	if err != nil {
		t.Fatal(err)
	}
	_, err = l.InstallHoldings("holdings.csv", day, lines(func(yield func(catalog.HoldingLine) error) error {
		_, err := catalog.ReadHoldings("holdings.csv", open("holdings.csv"), yield)
		return err
	}))
	if err != nil {
		t.Fatal(err)
	}
	var recs []event.Record
	z, err := gzip.NewReader(open("access.ndjson.gz"))
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(z)
	for dec.More() {
		var in struct {
			Time                                                              time.Time
			Remote_addr, Request_method, Request_uri, Http_user_agent         string
			Status                                                            uint16
			Request_id, Actor_id, Actor_type, Key_id, Token_id, Data_subjects string
			Data_rows                                                         string
		}
		if err := dec.Decode(&in); err != nil {
			t.Fatal(err)
		}
		r := event.Record{
			Time: event.MillisOf(in.Time), Source: "gateway", ID: event.RecordID(in.Request_id),
			Actor:      event.Actor{ID: event.ActorID(in.Actor_id), Type: in.Actor_type},
			Credential: event.Credential{Key: in.Key_id, Token: event.TokenID(in.Token_id)},
			Client:     event.Client{IP: netip.MustParseAddr(in.Remote_addr), Agent: in.Http_user_agent},
			Status:     in.Status, Rows: event.RowsUnknown,
		}
		if in.Data_rows != "" {
			n, err := strconv.Atoi(in.Data_rows)
			if err != nil {
				t.Fatal(err)
			}
			r.Rows = int32(n)
		}
		l.Catalog().Fill(&r, catalog.Request{Method: in.Request_method, URI: in.Request_uri, List: in.Data_subjects})
		recs = append(recs, r.Clone())
	}
	for len(recs) > 0 {
		n := min(len(recs), 1500)
		got, err := l.Append(context.Background(), recs[:n])
		if err != nil {
			t.Fatal(err)
		}
		if got.Accepted != n {
			t.Fatalf("%d of %d records accepted", got.Accepted, n)
		}
		recs = recs[n:]
	}
	return l
}

// lines turns a reader with a callback into a sequence.
func lines[T any](read func(func(T) error) error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		stop := false
		err := read(func(x T) error {
			if !stop && !yield(x, nil) {
				stop = true
			}
			return nil
		})
		if err != nil && !stop {
			var zero T
			yield(zero, err)
		}
	}
}
