package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/feed"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/internal/written"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/packs"
	"github.com/haetae/haetae/rule"
	"github.com/haetae/haetae/scope"
)

// stage is a ledger in memory with the records of a case, ready for an engine.
type stage struct {
	ledger  *ledger.Ledger
	records int
	last    event.Millis
}

// batchRecords is how many records are appended at a time.
const batchRecords = 5000

// set makes the stage of a case.
func set(ctx context.Context, docs []*rule.Document, f *File, c *Case, at place) (*stage, error) {
	fsys := disk.NewMem()
	if err := fsys.MkdirAll("."); err != nil {
		return nil, err
	}
	if err := ledger.Create(fsys, "data", ""); err != nil {
		return nil, err
	}
	l, err := ledger.Open(fsys, "data", ledger.Options{})
	if err != nil {
		return nil, err
	}
	st := &stage{ledger: l}
	if err := st.fill(ctx, docs, f, c, at); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return st, nil
}

func (st *stage) fill(ctx context.Context, docs []*rule.Document, f *File, c *Case, at place) error {
	text := []byte(f.Catalog)
	if f.Catalog == "" || !strings.Contains(f.Catalog, "\n") {
		name := f.Catalog
		if name == "" {
			name = "shop"
		}
		var err error
		if text, err = fs.ReadFile(packs.FS, "catalogs/"+name+".yaml"); err != nil {
			return f.read.Wrong("catalog", "그런 이름의 카탈로그는 없습니다. 제공하는 카탈로그: %s", "there is no catalog of that name; those that ship: %s", shipped())
		}
	}
	if _, _, err := st.ledger.InstallCatalog("catalog.yaml", text); err != nil {
		return f.read.Inside("catalog", err)
	}
	cat := st.ledger.Catalog()
	defaults := f.Defaults
	if defaults.Source == "" && len(cat.Sources) > 0 {
		defaults.Source = cat.Sources[0].Name
	}
	o, err := f.options(cat.Zone(), st.ledger.Hasher())
	if err != nil {
		return err
	}
	intake, err := detect.NewIntake(docs, st.ledger, o)
	if err != nil {
		return err
	}
	w := &watch{cat: cat, intake: intake}
	first := event.Millis(catalog.Never)
	var batch []event.Record
	flush := func() error {
		got, err := st.ledger.Append(ctx, batch)
		if err == nil && got.Accepted != len(batch) {
			err = fmt.Errorf("%d of %d records were taken", got.Accepted, len(batch))
		}
		batch = batch[:0]
		return err
	}
	add := func(r event.Record) error {
		st.records++
		r.ID = event.RecordID(strconv.Itoa(st.records))
		first, st.last = min(first, r.Time), max(st.last, r.Time)
		if batch = append(batch, r); len(batch) == batchRecords {
			return flush()
		}
		return nil
	}
	all := func(lines []Line, list string) error {
		for i, line := range lines {
			d := defaults
			if line.Type == "visitor" {
				d = Line{Source: defaults.Source}
				line.Type = ""
			}
			if err := line.or(d).records(place{f.read, written.Index(list, i)}, w, add); err != nil {
				return err
			}
		}
		return nil
	}
	if c.Since != "" {
		if _, err := at.moment("since", c.Since, cat.Zone()); err != nil {
			return err
		}
		// Somebody's stylesheet says that the record had begun.
		if err := all([]Line{{At: c.Since, Request: texts{"GET /static/began.css"}, Type: "visitor"}}, at.at); err != nil {
			return err
		}
	}
	if !c.Alone {
		if err := all(f.Background, "background"); err != nil {
			return err
		}
	}
	if err := all(c.Records, written.Key(at.at, "records")); err != nil {
		return err
	}
	if err := flush(); err != nil {
		return err
	}
	return st.editions(f, cat, first)
}

// shipped is the names of the catalogs that ship.
func shipped() string {
	names, _ := fs.Glob(packs.FS, "catalogs/*.yaml")
	for i, name := range names {
		names[i] = strings.TrimSuffix(path.Base(name), ".yaml")
	}
	return strings.Join(names, ", ")
}

// editions installs the register and the holdings.
func (st *stage) editions(f *File, cat *catalog.Catalog, first event.Millis) error {
	from := first - event.Millis(366*24*time.Hour/time.Millisecond)
	top := place{f.read, ""}
	if f.RegisterFrom != "" {
		t, err := top.moment("register_from", f.RegisterFrom, cat.Zone())
		if err != nil {
			return err
		}
		from = event.MillisOf(t)
	}
	if f.Register != nil {
		ids, err := top.expand("register", f.Register)
		if err != nil {
			return err
		}
		_, err = st.ledger.InstallRegister("register", from, each(ids, func(i int) catalog.RegisterLine {
			return catalog.RegisterLine{Account: event.AccountID(ids[i]), Since: catalog.Always}
		}))
		if err != nil {
			return err
		}
	}
	if f.Holdings == nil {
		return nil
	}
	var held []catalog.HoldingLine
	for i, h := range f.Holdings {
		if h.Person == "" {
			h.Person = h.Account
		}
		here := place{f.read, written.Index("holdings", i)}
		accounts, err := here.expand("account", []string{h.Account})
		if err != nil {
			return err
		}
		persons, err := here.expand("person", []string{h.Person})
		if err != nil {
			return err
		}
		if len(persons) != len(accounts) && len(persons) != 1 {
			return here.wrong("person", "사람의 수가 계정의 수와 다릅니다", "there are not as many persons as accounts")
		}
		for j, a := range accounts {
			p := persons[min(j, len(persons)-1)]
			held = append(held, catalog.HoldingLine{Account: event.AccountID(a), Person: event.PersonID(p), Items: h.Items, Holder: a == p})
		}
	}
	_, err := st.ledger.InstallHoldings("holdings", from, each(held, func(i int) catalog.HoldingLine { return held[i] }))
	return err
}

func each[T, L any](list []T, line func(i int) L) iter.Seq2[L, error] {
	return func(yield func(L, error) bool) {
		for i := range list {
			if !yield(line(i), nil) {
				return
			}
		}
	}
}

// options reads what a file gives an engine.
func (f *File) options(zone *time.Location, h *pseudonym.Hasher) (o detect.Options, err error) {
	o.Zone = zone
	calendar, err := fs.ReadFile(packs.FS, "calendars/kr.yaml")
	if err == nil {
		o.Calendar, err = detect.ReadCalendar("kr.yaml", calendar, zone)
	}
	if err != nil {
		return o, err
	}
	r := f.read.Again()
	if f.Calendar != nil {
		o.Calendar = detect.CalendarOf(r, f.Calendar, "calendar", zone)
	}
	if f.Exceptions != nil {
		o.Exceptions = detect.ExceptionsOf(r, f.Exceptions, "exceptions", zone)
	}
	if f.Lists != nil {
		o.Lists = detect.ListsOf(r, f.Lists, "lists")
	}
	if f.Keys != "" {
		o.Keys, err = detect.ReadKeys(r.File, strings.NewReader(f.Keys), zone)
		r.Add(r.Inside("keys", err))
	}
	if f.Holders != "" {
		o.Holders, err = feed.ReadHolders(r.File, []byte(f.Holders), h, zone)
		r.Add(r.Inside("holders", err))
	}
	return o, r.Err()
}

// world is a view of the ledger as the engine asks it.
type world struct {
	*ledger.View
	*detect.Blocks
}

// play runs the rules over a stage. forms gives how a real id stands in a group.
func (st *stage) play(ctx context.Context, docs []*rule.Document, f *File, c *Case, at place) (rep *detect.Report, forms func(field, id string) []string, err error) {
	v, err := st.ledger.View()
	if err != nil {
		return nil, nil, err
	}
	defer v.Close()
	zone := v.Catalog().Zone()
	o, err := f.options(zone, st.ledger.Hasher())
	if err != nil {
		return nil, nil, err
	}
	e, err := detect.New(docs, world{v, detect.NewBlocks(v.Blocks, v.Registers())}, o)
	if err != nil {
		return nil, nil, err
	}
	if err := e.Run(ctx, v.Segments(), catalog.Always, catalog.Never, nil); err != nil {
		return nil, nil, err
	}
	if err := e.Finish(); err != nil {
		return nil, nil, err
	}
	now := st.last
	if c.Now != "" {
		t, err := at.moment("now", c.Now, zone)
		if err != nil {
			return nil, nil, err
		}
		now = event.MillisOf(t)
	}
	e.Custody(now)
	rep, err = e.Report(ctx, func(ctx context.Context, where string, from, to event.Millis) (detect.Extent, error) {
		x, err := scope.Run(ctx, v, scope.Query{Where: where, From: from, To: to, Zone: zone})
		if err != nil {
			return detect.Extent{}, err
		}
		return detect.Extent{Reads: x.Reads, Accounts: x.Accounts, People: x.People, Items: x.Items}, nil
	})
	return rep, e.Forms, err
}
