package server

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ingest/line"
)

// SourceTest is what a source of a catalog makes of a log: whether each field landed
// where it belongs. It holds no value of the log, see exampleOf.
type SourceTest struct {
	File     string       `json:"file"`
	Source   string       `json:"source"`
	Format   string       `json:"format"`
	Lines    int64        `json:"lines"`
	Records  int64        `json:"records"`
	Aside    int64        `json:"aside"`
	Causes   []CauseCount `json:"causes"`
	Broken   string       `json:"broken,omitempty"`
	BrokenKO string       `json:"broken_ko,omitempty"`
	// Shares are those of catalog check: reader, address, route, item, account.
	Shares []catalog.Share `json:"shares"`
	// Fields is how many records have each field.
	Fields   []FieldCount `json:"fields"`
	Examples []Example    `json:"examples"`
}

// FieldCount is how many records have a field.
type FieldCount struct {
	Field   string `json:"field"`
	Records int64  `json:"records"`
}

// Example is a record without its values.
type Example struct {
	Line   int64       `json:"line"`
	Fields []FieldForm `json:"fields"`

	offset int64
}

// FieldForm is what a field of a record looks like.
type FieldForm struct {
	Field string `json:"field"`
	Form  string `json:"form"`
}

// MaxExamples is how many records are shown: the first of the log.
const MaxExamples = 3

// testedFields are the fields that are counted, in the order in which they are shown.
var testedFields = []struct {
	name string
	has  func(*event.Record) bool
	form func(*event.Record, *time.Location) string
}{
	// When something happened is needed to see whether the zone is right, and names nobody.
	{"time", func(*event.Record) bool { return true }, func(r *event.Record, z *time.Location) string {
		return r.Time.Time().In(z).Format("2006-01-02T15:04:05.000Z07:00")
	}},
	{"id", func(r *event.Record) bool { return r.ID != "" }, func(r *event.Record, _ *time.Location) string { return outline(r.ID) }},
	{"actor.id", func(r *event.Record) bool { return r.Actor.ID != "" }, func(r *event.Record, _ *time.Location) string { return outline(r.Actor.ID) }},
	{"actor.type", func(r *event.Record) bool { return r.Actor.Type != "" }, func(r *event.Record, _ *time.Location) string { return kindOf(r.Actor.Type) }},
	{"credential.key", func(r *event.Record) bool { return r.Credential.Key != "" }, func(r *event.Record, _ *time.Location) string { return outline(r.Credential.Key) }},
	{"credential.token", func(r *event.Record) bool { return r.Credential.Token != "" }, func(r *event.Record, _ *time.Location) string { return outline(r.Credential.Token) }},
	{"client.ip", func(r *event.Record) bool { return r.Client.IP.IsValid() }, func(r *event.Record, _ *time.Location) string {
		if r.Client.IP.Is4() {
			return "IPv4"
		}
		return "IPv6"
	}},
	{"client.agent", func(r *event.Record) bool { return r.Client.Agent != "" }, func(r *event.Record, _ *time.Location) string { return outline(r.Client.Agent) }},
	{"client.country", func(r *event.Record) bool { return r.Client.Country != "" }, func(r *event.Record, _ *time.Location) string { return outline(r.Client.Country) }},
	{"client.network", func(r *event.Record) bool { return r.Client.Network != "" }, func(r *event.Record, _ *time.Location) string { return outline(r.Client.Network) }},
	{"action", func(*event.Record) bool { return true }, func(r *event.Record, _ *time.Location) string { return r.Action.String() }},
	{"status", func(r *event.Record) bool { return r.Status != 0 }, func(r *event.Record, _ *time.Location) string { return strconv.Itoa(int(r.Status)) }},
	{"rows", func(r *event.Record) bool { return r.Rows != event.RowsUnknown }, func(r *event.Record, _ *time.Location) string { return outline(strconv.Itoa(int(r.Rows))) }},
	// A template of the catalog, or a shape, out of which ids and names are lifted.
	{"route", func(r *event.Record) bool { return r.Mapped }, func(r *event.Record, _ *time.Location) string { return strings.Clone(r.Route) }},
	{"subjects", func(r *event.Record) bool { return len(r.Subjects) > 0 }, func(r *event.Record, _ *time.Location) string {
		s := outline(r.Subjects[0])
		if n := len(r.Subjects); n > 1 {
			s += fmt.Sprintf(" ×%d", n)
		}
		return s
	}},
}

func outline[S ~string](s S) string { return line.Outline([]byte(s)) }

// kindOf shows the words that are ours. Another may be anything. What it gives is never
// the record's own string, which may point into a buffer that is used again.
func kindOf(t string) string {
	for _, ours := range []string{event.Member, "staff", "partner", "service"} {
		if t == ours {
			return ours
		}
	}
	return outline(t)
}

// exampleOf is a record as it may be shown to whoever connects a log: outlines of ids
// and texts, and as they are only the time, the status, the action and the route.
func exampleOf(rec *event.Record, zone *time.Location) Example {
	e := Example{Line: rec.Origin.Line, offset: rec.Origin.Offset}
	for _, f := range testedFields {
		switch {
		case f.has(rec):
			e.Fields = append(e.Fields, FieldForm{f.name, f.form(rec, zone)})
		case f.name == "route":
			e.Fields = append(e.Fields, FieldForm{"unmapped", strings.Clone(rec.Route)})
		}
	}
	return e
}

// TryLog decodes a log with a source of a catalog and keeps nothing.
func TryLog(ctx context.Context, in io.Reader, name string, cat *catalog.Catalog, source, format string, workers int) (*SourceTest, error) {
	total := catalog.NewCheck(cat)
	counts := make([]int64, len(testedFields))
	examples := []Example{}
	rep, err := readLog(ctx, in, name, cat, source, format, workers, func() (func(*event.Record), func()) {
		check, mine, first := catalog.NewCheck(cat), make([]int64, len(testedFields)), []Example{}
		each := func(rec *event.Record) {
			check.Add(rec)
			for i, f := range testedFields {
				if f.has(rec) {
					mine[i]++
				}
			}
			if len(first) < MaxExamples { // a worker's records come in order
				first = append(first, exampleOf(rec, cat.Zone()))
			}
		}
		return each, func() {
			total.Merge(check)
			for i := range counts {
				counts[i] += mine[i]
			}
			examples = append(examples, first...)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("test %s: %w", name, err)
	}
	res := total.Result()
	t := &SourceTest{File: rep.File, Source: rep.Source, Format: rep.Format, Lines: rep.Lines, Records: res.Records, Aside: rep.Aside,
		Causes: rep.Causes, Broken: rep.Broken, BrokenKO: rep.BrokenKO, Shares: res.Shares}
	for i, f := range testedFields {
		t.Fields = append(t.Fields, FieldCount{f.name, counts[i]})
	}
	slices.SortFunc(examples, func(a, b Example) int { return cmp.Compare(a.offset, b.offset) })
	t.Examples = examples[:min(len(examples), MaxExamples)]
	return t, nil
}
