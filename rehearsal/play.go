package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
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
func set(ctx context.Context, f *File, c *Case) (*stage, error) {
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
	if err := st.fill(ctx, f, c); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return st, nil
}

func (st *stage) fill(ctx context.Context, f *File, c *Case) error {
	text := []byte(f.Catalog)
	if f.Catalog == "" || !strings.Contains(f.Catalog, "\n") {
		name := f.Catalog
		if name == "" {
			name = "shop"
		}
		var err error
		if text, err = fs.ReadFile(packs.FS, "catalogs/"+name+".yaml"); err != nil {
			return fmt.Errorf("catalog: there is none called %q that ships", name)
		}
	}
	if _, _, err := st.ledger.InstallCatalog("catalog.yaml", text); err != nil {
		return err
	}
	cat := st.ledger.Catalog()
	defaults := f.Defaults
	if defaults.Source == "" && len(cat.Sources) > 0 {
		defaults.Source = cat.Sources[0].Name
	}
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
	lines := c.Records
	if !c.Alone {
		lines = slices.Concat(f.Background, lines)
	}
	if c.Since != "" {
		// Somebody's stylesheet says that the record had begun.
		lines = append([]Line{{At: c.Since, Request: texts{"GET /static/began.css"}, Type: "visitor"}}, lines...)
	}
	for i, line := range lines {
		d := defaults
		if line.Type == "visitor" {
			d = Line{Source: defaults.Source}
			line.Type = ""
		}
		if err := line.or(d).records(cat, add); err != nil {
			return fmt.Errorf("records[%d]: %w", i+1, err)
		}
	}
	if err := flush(); err != nil {
		return err
	}
	return st.editions(f, cat, first)
}

// editions installs the register and the holdings.
func (st *stage) editions(f *File, cat *catalog.Catalog, first event.Millis) error {
	from := first - event.Millis(366*24*time.Hour/time.Millisecond)
	if f.RegisterFrom != "" {
		t, err := moment(f.RegisterFrom, cat.Zone())
		if err != nil {
			return fmt.Errorf("register_from: %w", err)
		}
		from = event.MillisOf(t)
	}
	if f.Register != nil {
		ids, err := expand(f.Register)
		if err != nil {
			return fmt.Errorf("register: %w", err)
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
		accounts, err := expand([]string{h.Account})
		if err != nil {
			return fmt.Errorf("holdings[%d]: %w", i+1, err)
		}
		persons, err := expand([]string{h.Person})
		if err != nil || len(persons) != len(accounts) && len(persons) != 1 {
			return errors.Join(fmt.Errorf("holdings[%d]: there are not as many persons as accounts", i+1), err)
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
func (f *File) options(zone *time.Location) (o detect.Options, err error) {
	o.Zone = zone
	var errs []error
	below := func(key string, n *yaml.Node) []byte {
		text, err := yaml.Marshal(map[string]*yaml.Node{key: n})
		errs = append(errs, err)
		return text
	}
	calendar, err := fs.ReadFile(packs.FS, "calendars/kr.yaml")
	errs = append(errs, err)
	if !f.Calendar.IsZero() {
		calendar = below("calendars", &f.Calendar)
	}
	o.Calendar, err = detect.ReadCalendar("calendar", calendar, zone)
	errs = append(errs, err)
	if !f.Exceptions.IsZero() {
		o.Exceptions, err = detect.ReadExceptions("exceptions", below("exceptions", &f.Exceptions), zone)
		errs = append(errs, err)
	}
	if !f.Lists.IsZero() {
		o.Lists, err = detect.ReadLists("lists", below("lists", &f.Lists))
		errs = append(errs, err)
	}
	if f.Keys != "" {
		o.Keys, err = detect.ReadKeys("keys", strings.NewReader(f.Keys), zone)
		errs = append(errs, err)
	}
	return o, errors.Join(errs...)
}

// world is a view of the ledger as the engine asks it.
type world struct {
	*ledger.View
	*detect.Blocks
}

// play runs the rules over a stage. forms gives how a real id stands in a group.
func (st *stage) play(ctx context.Context, docs []*rule.Document, f *File, c *Case) (rep *detect.Report, forms func(field, id string) []string, err error) {
	v, err := st.ledger.View()
	if err != nil {
		return nil, nil, err
	}
	defer v.Close()
	zone := v.Catalog().Zone()
	o, err := f.options(zone)
	if err != nil {
		return nil, nil, err
	}
	e, err := detect.New(docs, world{v, detect.NewBlocks(v.Blocks)}, o)
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
		t, err := moment(c.Now, zone)
		if err != nil {
			return nil, nil, fmt.Errorf("now: %w", err)
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
