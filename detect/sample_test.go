package detect_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"io/fs"
	"iter"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/packs"
	"github.com/haetae/haetae/rule"
	"github.com/haetae/haetae/scope"
)

// line is a line of a sample's log.
type line struct {
	Time                                                              time.Time
	Remote_addr, Request_method, Request_uri, Http_user_agent         string
	Status                                                            uint16
	Request_id, Actor_id, Actor_type, Key_id, Token_id, Data_subjects string
	Data_rows                                                         string
}

// sample is a sample shop in a ledger, and its log as it was written.
type sample struct {
	dir    string
	ledger *ledger.Ledger
	log    []line
}

func (s *sample) open(t testing.TB, name string) *os.File {
	t.Helper()
	f, err := os.Open(filepath.Join(s.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// began is when the editions of the samples are in force from, and their log's first day.
var began = event.MillisOf(time.Date(2025, 3, 1, 0, 0, 0, 0, seoul))

var seoul = time.FixedZone("KST", 9*3600)

// loadSample puts a sample shop into a ledger in memory.
func loadSample(t testing.TB, dir string) *ledger.Ledger {
	t.Helper()
	return loadShop(t, dir).ledger
}

func loadShop(t testing.TB, dir string) *sample { return loadLines(t, dir, nil) }

// withoutLines is a sample's ledger without some lines of its log.
func withoutLines(t testing.TB, s *sample, leave func(line) bool) *ledger.Ledger {
	t.Helper()
	return loadLines(t, s.dir, leave).ledger
}

func loadLines(t testing.TB, dir string, leave func(line) bool) *sample {
	t.Helper()
	s := &sample{dir: dir}
	fsys := disk.NewMem()
	fsys.MkdirAll(".")
	if err := ledger.Create(fsys, "data", ""); err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(fsys, "data", ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	s.ledger = l
	text, err := fs.ReadFile(packs.FS, "catalogs/shop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := l.InstallCatalog("shop.yaml", text); err != nil {
		t.Fatal(err)
	}
	_, err = l.InstallRegister("register.csv", began, lines(func(yield func(catalog.RegisterLine) error) error {
		_, err := catalog.ReadRegister("register.csv", s.open(t, "register.csv"), yield)
		return err
	}))
	if err != nil {
		t.Fatal(err)
	}
	_, err = l.InstallHoldings("holdings.csv", began, lines(func(yield func(catalog.HoldingLine) error) error {
		_, err := catalog.ReadHoldings("holdings.csv", s.open(t, "holdings.csv"), yield)
		return err
	}))
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(s.open(t, "access.ndjson.gz"))
	if err != nil {
		t.Fatal(err)
	}
	var recs []event.Record
	for dec := json.NewDecoder(z); dec.More(); {
		var in line
		if err := dec.Decode(&in); err != nil {
			t.Fatal(err)
		}
		if leave != nil && leave(in) {
			continue
		}
		s.log = append(s.log, in)
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
	for b := range slices.Chunk(recs, 5000) {
		if _, err := l.Append(context.Background(), b); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func lines[L any](read func(yield func(L) error) error) iter.Seq2[L, error] {
	return func(yield func(L, error) bool) {
		stop := os.ErrClosed
		err := read(func(l L) error {
			if !yield(l, nil) {
				return stop
			}
			return nil
		})
		if err != nil && err != stop {
			var zero L
			yield(zero, err)
		}
	}
}

// pack is the rules that ship.
func pack(t testing.TB) []*rule.Document {
	t.Helper()
	var docs []*rule.Document
	files, err := fs.Glob(packs.FS, "rules/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if strings.HasSuffix(f, ".test.yaml") {
			continue
		}
		text, err := fs.ReadFile(packs.FS, f)
		if err != nil {
			t.Fatal(err)
		}
		got, err := rule.Parse(filepath.Base(f), text)
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, got...)
	}
	return docs
}

// world is a view as the engine asks it; it knows no blocks of ids.
type world struct{ *ledger.View }

func (world) Bucket(dictionary.Ref) (uint64, []int, error) { return 0, nil, nil }

// blockWorld knows them.
type blockWorld struct {
	*ledger.View
	*detect.Blocks
}

// detectAll runs the pack that ships over a ledger, as haetae detect does.
func detectAll(t testing.TB, l *ledger.Ledger) *detect.Report {
	t.Helper()
	return detectSlices(t, l, 0)
}

// detectSlices gathers so many rows at once.
func detectSlices(t testing.TB, l *ledger.Ledger, rows int) *detect.Report {
	t.Helper()
	v, err := l.View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	text, err := fs.ReadFile(packs.FS, "calendars/kr.yaml")
	if err != nil {
		t.Fatal(err)
	}
	calendar, err := detect.ReadCalendar("kr.yaml", text, seoul)
	if err != nil {
		t.Fatal(err)
	}
	e, err := detect.New(pack(t), blockWorld{v, detect.NewBlocks(v.Blocks, v.Registers())}, detect.Options{Zone: seoul, Calendar: calendar, SliceRows: rows})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Run(context.Background(), v.Segments(), catalog.Always, catalog.Never, nil); err != nil {
		t.Fatal(err)
	}
	if err := e.Finish(); err != nil {
		t.Fatal(err)
	}
	rep, err := e.Report(context.Background(), func(ctx context.Context, where string, from, to event.Millis) (detect.Extent, error) {
		x, err := scope.Run(ctx, v, scope.Query{Where: where, From: from, To: to, Zone: seoul})
		if err != nil {
			return detect.Extent{}, err
		}
		return detect.Extent{Reads: x.Reads, Accounts: x.Accounts, People: x.People, Items: x.Items}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range rep.Signals {
		t.Logf("[%s] %s %v: %s ~ %s, reached at %s\n%s\n%s", s.Severity, s.Rule, s.Group, s.First, s.Last, s.ReachedAt, s.Reason.KO, s.Reason.EN)
	}
	return rep
}

// attacks are the lines with a member's token that no sign-in issued: what the
// attacker did, by the sample's own description.
func (s *sample) attacks() []line {
	issued := map[string]bool{}
	for _, l := range s.log {
		if strings.HasPrefix(l.Request_uri, "/auth/") && l.Status == 200 {
			issued[l.Token_id] = true
		}
	}
	var out []line
	for _, l := range s.log {
		if l.Actor_type == "member" && !strings.HasPrefix(l.Request_uri, "/auth/") && !issued[l.Token_id] {
			out = append(out, l)
		}
	}
	return out
}

// peopleUntil counts the people that the attacker had reached up to a moment, from
// the log and the holdings alone.
func (s *sample) peopleUntil(t testing.TB, until time.Time) int {
	t.Helper()
	own, behind := map[string]map[string][]string{}, map[string][]string{}
	_, err := catalog.ReadHoldings("holdings.csv", s.open(t, "holdings.csv"), func(h catalog.HoldingLine) error {
		a, p := string(h.Account), string(h.Person)
		if own[a] == nil {
			own[a] = map[string][]string{}
		}
		own[a][p] = slices.Clone(h.Items)
		if a != p {
			behind[a] = append(behind[a], p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	reached := map[string]bool{}
	show := func(account, person string, items ...string) {
		for _, it := range items {
			if slices.Contains(own[account][person], it) {
				reached[person] = true
			}
		}
	}
	for _, l := range s.attacks() {
		if l.Time.After(until) || l.Status < 200 || l.Status > 299 {
			continue
		}
		path, _, _ := strings.Cut(l.Request_uri, "?")
		switch {
		case path == "/my/profile":
			show(l.Actor_id, l.Actor_id, "name", "email")
		case path == "/my/orders":
			show(l.Actor_id, l.Actor_id, "orders")
		case path == "/my/addresses":
			for _, p := range append([]string{l.Actor_id}, behind[l.Actor_id]...) {
				show(l.Actor_id, p, "name", "phone", "address")
			}
		case strings.HasPrefix(path, "/my/addresses/"):
			for _, p := range append([]string{l.Actor_id}, behind[l.Actor_id]...) {
				show(l.Actor_id, p, "name", "phone", "address", "door_code")
			}
		}
	}
	return len(reached)
}
