package scope_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/ledger"
)

// seed is drawn anew for each run; HAETAE_SEED repeats one.
func seed(t testing.TB) *rand.Rand {
	n := rand.Uint64()
	if s := os.Getenv("HAETAE_SEED"); s != "" {
		n, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("repeat with HAETAE_SEED=%d go test -run '^%s$' ./scope", n, strings.Split(t.Name(), "/")[0])
		}
	})
	return rand.New(rand.NewPCG(n, 1))
}

// A world is a small made-up platform with everything that makes counting
// hard: routes that change and catalogs that are corrected, registers and
// holdings in editions, people in many address books, records of many subjects,
// ids that do not exist or do not fit.
type world struct {
	rnd       *rand.Rand
	items     []string
	catalogs  []*madeCatalog // in the order they are installed; the last answers
	registers []madeRegister // by date
	holdings  []madeHoldings
	records   []madeRecord
	accounts  []string
	cadence   map[string]time.Duration
	bare      bool              // its log lacks some fields
	hasher    *pseudonym.Hasher // of the ledger it was loaded into last
}

type madeCatalog struct{ answers [][]madeAnswer } // per template

type madeAnswer struct {
	from, until event.Millis // 0 = open
	items       []string
	behind      bool
	position    string
}

type madeRegister struct {
	name string
	from event.Millis
	has  map[string]bool
}

type madeHoldings struct {
	name  string
	from  event.Millis
	lines []catalog.HoldingLine
}

// madeRecord is a request as it was made, before any catalog saw it.
type madeRecord struct {
	event.Record
	template int
	opening  bool // Haetae's own, which no catalog decodes
	uri      string
	ids      []string // in the path or query
	list     []string
	catalog  int // which decoded it
}

// templates and where each may hold the account. Those called late below are in
// no catalog but the last; the never ones in none. The words are such as a shape
// keeps (see catalog.Shape), so that a correction meets them.
var templates = []struct{ route, position string }{
	{"GET /my/profile", "actor"},
	{"GET /my/book", "actor"},
	{"GET /support/members/{member}", "path.member"},
	{"GET /export", "list"},
	{"GET /find", "query.id"},
	{"GET /search", "none"},
	{"GET /home", "none"},
	{"POST /auth/login", "none"}, // gives out a token
	{"POST /auth/token", "none"}, // likewise
	{"GET /orders/{member}", "path.member"},
	{"GET /settings", "actor"},
	{"GET /reports", "list"},
	{"GET /moved", "list"},      // corrected to the actor
	{"GET /rewritten", "actor"}, // corrected to the list
	{"GET /invoices", "list"},   // corrected to the actor
	{"GET /reviews/{member}", ""},
	{"GET /news", ""},
}

const (
	pageHome      = 6 // from here to pageLate: no items
	pageLogin     = 7
	pageToken     = 8
	pageLate      = 9
	pageMoved     = 12
	pageRewritten = 13
	pageLateAny   = 14
	pageNever     = 15
)

var dayZero = time.Date(2025, 1, 20, 0, 0, 0, 0, time.UTC)

func day(n int) event.Millis { return event.MillisOf(dayZero.AddDate(0, 0, n)) }

// madeRules are live-only rules, of which edition 1 has the first and edition 2 both.
var madeRules = []ledger.LiveRule{{ID: "r1", Wording: 1}, {ID: "r2", Wording: 1}}

var madeEditions = [][]ledger.LiveRule{nil, madeRules[:1], madeRules}

func takeRules(t testing.TB, l *ledger.Ledger) {
	t.Helper()
	for i, rules := range madeEditions {
		if n, numbers, err := l.TakeLiveRules(rules); err != nil || int(n) != i || len(numbers) != i {
			t.Fatal(n, numbers, err)
		}
	}
}

const worldDays = 40 // crosses two ends of month

func makeWorld(rnd *rand.Rand) *world {
	w := &world{rnd: rnd, items: []string{"name", "email", "phone", "address", "door_code"}, cadence: map[string]time.Duration{}}
	for i := range 30 {
		w.accounts = append(w.accounts, fmt.Sprintf("m%04d", i))
	}
	for range 1 + rnd.IntN(3) {
		w.catalogs = append(w.catalogs, &madeCatalog{})
	}
	for i, c := range w.catalogs {
		w.makeCatalog(c, i == len(w.catalogs)-1)
	}
	if rnd.IntN(3) > 0 {
		w.cadence["gateway"] = time.Duration(1+rnd.IntN(30)) * time.Hour
	}
	if rnd.IntN(5) == 0 {
		w.cadence["silent"] = time.Hour
	}
	for i := range rnd.IntN(4) {
		r := madeRegister{fmt.Sprintf("register %d", i), day(i*12 - 3 + rnd.IntN(10)), map[string]bool{}}
		for _, a := range w.accounts {
			r.has[a] = rnd.IntN(5) > 0
		}
		if i > 0 && rnd.IntN(4) == 0 {
			r.from = w.registers[i-1].from // a correction
		}
		w.registers = append(w.registers, r)
	}
	for i := range rnd.IntN(4) {
		h := madeHoldings{fmt.Sprintf("holdings %d", i), day(i*12 - 3 + rnd.IntN(10)), nil}
		items := w.subset(w.items)
		if rnd.IntN(2) == 0 {
			items = append(slices.Clone(w.items), "unknown_to_the_catalog")
		}
		for _, a := range w.accounts {
			if rnd.IntN(8) == 0 {
				continue
			}
			own := a
			if rnd.IntN(20) == 0 {
				own = pick(rnd, w.accounts) // an account that was handed on
			}
			h.lines = append(h.lines, catalog.HoldingLine{Account: event.AccountID(a), Person: event.PersonID(own), Items: w.subset(items), Holder: true})
			for range rnd.IntN(4) {
				person := fmt.Sprintf("c%03d", rnd.IntN(60))
				if rnd.IntN(5) == 0 {
					person = pick(rnd, w.accounts)
				}
				h.lines = append(h.lines, catalog.HoldingLine{Account: event.AccountID(a), Person: event.PersonID(person), Items: w.subset(items)})
			}
		}
		if i > 0 && rnd.IntN(4) == 0 {
			h.from = w.holdings[i-1].from
		}
		w.holdings = append(w.holdings, h)
	}
	w.bare = rnd.IntN(4) == 0
	n := 200 + rnd.IntN(400)
	for i := range n {
		w.records = append(w.records, w.makeRecord(i, i*len(w.catalogs)/n))
		if r := &w.records[len(w.records)-1]; r.ID == "" && rnd.IntN(3) == 0 {
			w.records = append(w.records, *r) // a second one like it, in the same millisecond
		}
	}
	return w
}

func pick[T any](rnd *rand.Rand, xs []T) T { return xs[rnd.IntN(len(xs))] }

func (w *world) subset(xs []string) []string {
	out := []string{}
	for _, x := range xs {
		if w.rnd.IntN(2) == 0 {
			out = append(out, x)
		}
	}
	return out
}

func (w *world) makeCatalog(c *madeCatalog, last bool) {
	c.answers = make([][]madeAnswer, len(templates))
	for k, tp := range templates {
		late := k >= pageLate && k < pageMoved || k == pageLateAny
		if k >= pageNever || late && !last {
			continue
		}
		position := tp.position
		if last {
			switch k {
			case pageMoved, pageLateAny:
				position = "actor"
			case pageRewritten:
				position = "list"
			}
		}
		one := func(from, until event.Millis) madeAnswer {
			a := madeAnswer{from: from, until: until, position: position, items: w.subset(w.items)}
			if k >= pageHome && k < pageLate {
				a.items = nil
			}
			a.behind = len(a.items) > 0 && w.rnd.IntN(3) == 0
			return a
		}
		switch w.rnd.IntN(4) {
		case 0: // changed on a day
			d := day(w.rnd.IntN(worldDays))
			c.answers[k] = []madeAnswer{one(0, d), one(d, 0)}
		case 1: // says nothing about a while
			d := w.rnd.IntN(worldDays)
			c.answers[k] = []madeAnswer{one(0, day(d)), one(day(d+5), 0)}
		default:
			c.answers[k] = []madeAnswer{one(0, 0)}
		}
	}
}

// text writes a catalog as its owner would.
func (w *world) text(c *madeCatalog) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "version: 1\nzone: UTC\naccount:\n  pattern: \"m[0-9]{4}\"\nitems:\n")
	for _, it := range w.items {
		fmt.Fprintf(&b, "  %s: {ko: 항목, en: %s, class: ordinary}\n", it, it)
	}
	fmt.Fprintf(&b, "sources:\n")
	for _, s := range []string{"gateway", "admin", "database", "silent"} {
		fmt.Fprintf(&b, "  %s:\n    format: json\n    fields: {time: t, uri: u}\n", s)
		if d := w.cadence[s]; d > 0 {
			fmt.Fprintf(&b, "    cadence: %dh\n", int(d.Hours()))
		}
	}
	fmt.Fprintf(&b, "routes:\n")
	for k, as := range c.answers {
		for _, a := range as {
			fmt.Fprintf(&b, "  - route: %s\n    items: [%s]\n    account: %s\n", templates[k].route, strings.Join(a.items, ", "), a.position)
			switch k {
			case pageLogin:
				fmt.Fprintf(&b, "    action: sign_in\n")
			case pageToken:
				fmt.Fprintf(&b, "    action: issue\n")
			}
			if a.behind {
				fmt.Fprintf(&b, "    shows: people_behind_account\n")
			}
			for _, d := range []struct {
				key string
				at  event.Millis
			}{{"from", a.from}, {"until", a.until}} {
				if d.at != 0 {
					fmt.Fprintf(&b, "    %s: %s\n", d.key, d.at.Time().Format(time.RFC3339))
				}
			}
		}
	}
	return b.Bytes()
}

func (w *world) someAccount() string {
	switch w.rnd.IntN(12) {
	case 0:
		return fmt.Sprintf("m9%03d", w.rnd.IntN(6)) // exists nowhere
	case 1:
		return "notanid7"
	}
	return pick(w.rnd, w.accounts)
}

func (w *world) makeRecord(i, decoder int) madeRecord {
	rnd := w.rnd
	r := madeRecord{template: rnd.IntN(len(templates)), catalog: decoder}
	r.Time = day(0) + event.Millis(rnd.IntN(worldDays*24*60))*60_000
	if rnd.IntN(2) == 0 {
		r.Time += event.Millis(rnd.IntN(60_000))
	}
	if rnd.IntN(40) == 0 {
		return w.makeOpening(r)
	}
	r.Source = pick(rnd, []string{"gateway", "gateway", "admin", "database"})
	r.ID = event.RecordID(fmt.Sprint("r", i))
	if rnd.IntN(4) == 0 {
		r.ID = "" // then the content tells records apart, and this the content
	}
	r.Actor.Type = pick(rnd, []string{event.Member, event.Member, event.Member, "staff", "partner", ""})
	switch {
	case rnd.IntN(15) == 0: // nobody
	case r.Actor.Type == event.Member:
		r.Actor.ID = event.ActorID(w.someAccount())
	default:
		r.Actor.ID = event.ActorID(pick(rnd, []string{"s1", "s2", "s3", "m0003"}))
	}
	r.Credential = event.Credential{Key: pick(rnd, []string{"k1", "k2", ""}), Token: event.TokenID(pick(rnd, []string{"t1", "t2", "", fmt.Sprint("t", rnd.IntN(60))}))}
	r.Client = event.Client{
		Agent: pick(rnd, []string{"curl/8", "Shop/1", "", "haetae scope export: forged"}), Country: pick(rnd, []string{"KR", "US", ""}),
		Network: pick(rnd, []string{"AS1", "AS2"}),
	}
	if w.bare { // a poor log
		r.Client.Country, r.Credential.Token = "", ""
	}
	if r.Looked = uint32(rnd.IntN(3)); rnd.IntN(2) == 0 {
		for n := range madeEditions[r.Looked] {
			if rnd.IntN(2) == 0 {
				r.Marks = append(r.Marks, uint32(n))
			}
		}
	}
	if rnd.IntN(6) > 0 {
		r.Client.IP = netip.MustParseAddr(pick(rnd, []string{"10.0.0.1", "10.9.0.2", "192.0.2.1", "2001:db8::1"}))
	}
	r.Status = pick(rnd, []uint16{200, 200, 200, 206, 404, 500, 0})
	r.Rows = pick(rnd, []int32{event.RowsUnknown, 0, 1, 2, 3, 7, 40})
	_, path, _ := strings.Cut(templates[r.template].route, " ")
	if rest, ok := strings.CutSuffix(path, "{member}"); ok {
		id := w.someAccount()
		if rnd.IntN(4) == 0 && r.Actor.ID != "" {
			id = string(r.Actor.ID)
		}
		r.ids, path = []string{id}, rest+id
	}
	if path == "/find" {
		sep := "?"
		for range rnd.IntN(4) {
			if id := w.someAccount(); !slices.Contains(r.ids, id) {
				r.ids = append(r.ids, id)
				path += sep + "id=" + id
				sep = "&"
			}
		}
	}
	r.uri = path
	if rnd.IntN(2) == 0 {
		for range rnd.IntN(6) {
			if id := w.someAccount(); !slices.Contains(r.list, id) {
				r.list = append(r.list, id)
			}
		}
		if rnd.IntN(4) == 0 && r.Actor.ID != "" && !slices.Contains(r.list, string(r.Actor.ID)) {
			r.list = append(r.list, string(r.Actor.ID))
		}
	}
	return r
}

// makeOpening makes a record as server.Opening does.
func (w *world) makeOpening(r madeRecord) madeRecord {
	r.opening, r.ID = true, ""
	r.Record = event.Record{
		Time: r.Time, Source: "haetae", Actor: event.Actor{ID: event.ActorID(pick(w.rnd, []string{"root", "s1"})), Type: "staff"},
		Credential: event.Credential{Key: pick(w.rnd, []string{"age1a", "age1b", ""})},
		Client:     event.Client{IP: netip.MustParseAddr("127.0.0.1"), Agent: pick(w.rnd, []string{"haetae scope export: notice", "haetae aside show: why"})},
		Action:     event.ActionOpen, Route: "OPEN /scope/export", Rows: int32(w.rnd.IntN(3)),
	}
	return r
}

// decoded completes a record as the catalog of its time did.
func (w *world) decoded(r *madeRecord, c *catalog.Catalog) event.Record {
	rec := r.Record
	if r.opening {
		return rec
	}
	method, _, _ := strings.Cut(templates[r.template].route, " ")
	c.Fill(&rec, catalog.Request{Method: method, URI: r.uri, List: strings.Join(r.list, ",")})
	return rec.Clone()
}

// layout says how the rows of a world come to lie in segments.
type layout struct {
	seals   bool
	merge   bool
	shuffle bool
	life    bool // see life
}

func (w *world) installEditions(t testing.TB, l *ledger.Ledger) {
	t.Helper()
	for _, r := range w.registers {
		_, err := l.InstallRegister(r.name, r.from, func(yield func(catalog.RegisterLine, error) bool) {
			for _, a := range w.accounts {
				if r.has[a] && !yield(catalog.RegisterLine{Account: event.AccountID(a)}, nil) {
					return
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, h := range w.holdings {
		_, err := l.InstallHoldings(h.name, h.from, func(yield func(catalog.HoldingLine, error) bool) {
			for _, line := range h.lines {
				if !yield(line, nil) {
					return
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// load puts a world into a ledger. decode holds its catalogs, as installed.
func (w *world) load(t testing.TB, o layout) (*ledger.Ledger, []*catalog.Catalog) {
	t.Helper()
	if o.life {
		return w.live(t)
	}
	fsys := disk.NewMem()
	if err := ledger.Create(fsys, "data", ""); err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(fsys, "data", ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	w.installEditions(t, l)
	takeRules(t, l)
	var cats []*catalog.Catalog
	for i, c := range w.catalogs {
		if _, _, err := l.InstallCatalog("made.yaml", w.text(c)); err != nil {
			t.Fatalf("%v\n%s", err, w.text(c))
		}
		cats = append(cats, l.Catalog())
		var recs []event.Record
		for k := range w.records {
			if r := &w.records[k]; r.catalog == i {
				recs = append(recs, w.decoded(r, l.Catalog()))
			}
		}
		if o.shuffle {
			w.rnd.Shuffle(len(recs), func(a, b int) { recs[a], recs[b] = recs[b], recs[a] })
		}
		for len(recs) > 0 {
			n := min(len(recs), 1+w.rnd.IntN(80))
			if _, err := l.Append(context.Background(), recs[:n]); err != nil {
				t.Fatal(err)
			}
			recs = recs[n:]
			if o.seals && w.rnd.IntN(2) == 0 {
				if err := l.Seal(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if o.merge {
		if err := l.Seal(); err != nil {
			t.Fatal(err)
		}
		if err := l.Compact(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	return l, cats
}
