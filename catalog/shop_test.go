package catalog_test

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/packs"
)

func shopCatalog(t testing.TB) *catalog.Catalog {
	t.Helper()
	text, err := packs.FS.ReadFile("catalogs/shop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalog.Parse("shop.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

type extent struct {
	Reads      int64            `json:"reads"`
	Accounts   int              `json:"accounts"`
	People     int              `json:"people"`
	Items      map[string]int   `json:"items"`
	Ghosts     int              `json:"ghosts"`
	Unresolved map[string]int64 `json:"unresolved"`
	Routes     map[string]int64 `json:"routes"`
}

// TestShop counts both samples by brute force over the catalog and compares
// with the answers that came with them: the shipped catalog describes the shop
// exactly.
func TestShop(t *testing.T) {
	for _, sample := range []string{"shop", "shop-hard"} {
		t.Run(sample, func(t *testing.T) { testShop(t, "sample/"+sample) })
	}
}

func testShop(t *testing.T, dir string) {
	c := shopCatalog(t)
	registered := make(map[event.AccountID]bool)
	people := make(map[event.AccountID][]catalog.HoldingLine)
	for _, file := range []string{"register.csv", "holdings.csv"} {
		f, err := packs.FS.Open(dir + "/" + file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		var rep catalog.Report
		if file == "register.csv" {
			rep, err = catalog.ReadRegister(file, f, func(l catalog.RegisterLine) error {
				registered[l.Account] = true
				return nil
			})
		} else {
			rep, err = catalog.ReadHoldings(file, f, func(l catalog.HoldingLine) error {
				l.Items = slices.Clone(l.Items)
				people[l.Account] = append(people[l.Account], l)
				return nil
			})
		}
		if err != nil || rep.Bad != 0 || rep.Good != rep.Lines || rep.Good < 2000 {
			t.Fatalf("%s: %+v, %v", file, rep, err)
		}
	}
	records := readShop(t, c, dir)

	var want struct {
		Middle  time.Time         `json:"middle"`
		Answers map[string]extent `json:"answers"`
	}
	text, err := packs.FS.ReadFile(dir + "/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	middle := event.MillisOf(want.Middle)
	day9 := event.MillisOf(time.Date(2025, 3, 9, 15, 0, 0, 0, time.UTC))
	predicates := map[string]func(*event.Record) bool{
		"key sig-2024-04":            func(r *event.Record) bool { return r.Credential.Key == "sig-2024-04" },
		"key sig-2024-09":            func(r *event.Record) bool { return r.Credential.Key == "sig-2024-09" },
		"key sig-2024-09 from day 9": func(r *event.Record) bool { return r.Credential.Key == "sig-2024-09" && r.Time >= day9 },
		"staff":                      func(r *event.Record) bool { return r.Actor.Type == "staff" },
		"partner":                    func(r *event.Record) bool { return r.Actor.Type == "partner" },
		"staff s103 first half": func(r *event.Record) bool {
			return string(r.Actor.ID) == "s103" && r.Time < middle
		},
		"client 45.0.0.0/8": func(r *event.Record) bool {
			return netip.MustParsePrefix("45.0.0.0/8").Contains(r.Client.IP)
		},
		"agent curl": func(r *event.Record) bool { return strings.HasPrefix(r.Client.Agent, "curl") },
		"everything": func(r *event.Record) bool { return true },
		"all":        func(r *event.Record) bool { return true },
	}
	for name, want := range want.Answers {
		match, ok := predicates[name]
		if !ok {
			t.Errorf("no predicate for %q", name)
			continue
		}
		got := count(c, records, match, registered, people)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

func count(c *catalog.Catalog, records []event.Record, match func(*event.Record) bool, registered map[event.AccountID]bool, people map[event.AccountID][]catalog.HoldingLine) extent {
	got := extent{Items: map[string]int{}, Routes: map[string]int64{}, Unresolved: map[string]int64{"records": 0, "rows": 0}}
	accounts := make(map[event.AccountID]bool)
	ghosts := make(map[event.ActorID]bool)
	persons := make(map[event.PersonID]catalog.ItemSet)
	for i := range records {
		r := &records[i]
		if !match(r) {
			continue
		}
		if r.Actor.Type == event.Member && !registered[event.AccountID(r.Actor.ID)] {
			ghosts[r.Actor.ID] = true
		}
		m := c.Meaning(r.Route, r.Mapped, r.Time)
		if !m.Known {
			continue
		}
		if !m.Personal || !m.Success.Contains(r.Status) {
			continue
		}
		got.Reads++
		got.Routes[r.Route]++
		if len(r.Subjects) == 0 {
			got.Unresolved["records"]++
			if r.Rows != event.RowsUnknown {
				got.Unresolved["rows"] += int64(r.Rows)
			}
		}
		for _, s := range r.Subjects {
			if !registered[s] {
				continue
			}
			accounts[s] = true
			for _, h := range people[s] {
				if !h.Holder && !m.Behind {
					continue
				}
				for _, item := range h.Items {
					if bit, ok := c.ItemBit(item); ok && m.Items.Has(bit) {
						persons[h.Person] |= 1 << bit
					}
				}
			}
		}
	}
	got.Accounts, got.Ghosts, got.People = len(accounts), len(ghosts), len(persons)
	for _, set := range persons {
		for _, n := range c.ItemNames(set) {
			got.Items[n]++
		}
	}
	return got
}

// readShop decodes a sample the slow and obvious way.
func readShop(t testing.TB, c *catalog.Catalog, dir string) []event.Record {
	t.Helper()
	f, err := packs.FS.Open(dir + "/access.ndjson.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	src, ok := c.SourceFor("access.ndjson.gz")
	if !ok {
		t.Fatal("no source matches the sample's file name")
	}
	var out []event.Record
	sc := bufio.NewScanner(z)
	for sc.Scan() {
		var line map[string]any
		if err := json.Unmarshal(sc.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		text := func(f catalog.Field) string { s, _ := line[src.Fields[f]].(string); return s }
		at, err := time.Parse(time.RFC3339, text(catalog.FieldTime))
		if err != nil {
			t.Fatal(err)
		}
		rec := event.Record{
			Time: event.MillisOf(at), Source: src.Name, ID: event.RecordID(text(catalog.FieldID)),
			Actor:      event.Actor{ID: event.ActorID(text(catalog.FieldActorID)), Type: text(catalog.FieldActorType)},
			Credential: event.Credential{Key: text(catalog.FieldKey), Token: event.TokenID(text(catalog.FieldToken))},
			Client:     event.Client{IP: netip.MustParseAddr(text(catalog.FieldIP)), Agent: text(catalog.FieldAgent)},
			Status:     uint16(line[src.Fields[catalog.FieldStatus]].(float64)), Rows: event.RowsUnknown,
		}
		if n, err := strconv.Atoi(text(catalog.FieldRows)); err == nil {
			rec.Rows = int32(n)
		}
		c.Fill(&rec, catalog.Request{Method: text(catalog.FieldMethod), URI: text(catalog.FieldURI), List: text(catalog.FieldSubjects)})
		if !rec.Mapped {
			t.Fatalf("%s is not mapped", rec.Route)
		}
		out = append(out, rec)
	}
	if err := sc.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}
