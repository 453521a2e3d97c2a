package detect

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/rule"
)

// Intake matches the live-only rules of a rulebook: those that ask for what no
// record keeps, and so can be decided only while a line is at hand. What they saw is
// gone after that; that they matched stays with the record, as a mark, and an Engine
// goes by the marks, live and over history.
//
// It is immutable. Each goroutine looks through a Look of its own.
type Intake struct {
	set      *rule.Set
	schema   *rule.Schema
	calendar *Calendar
	holders  holders
	taker    Taker
	edition  uint32
	numbers  map[rule.RuleIndex]uint32
}

// Taker is what an Intake asks of the ledger.
type Taker interface {
	Catalog() *catalog.Catalog
	Hasher() *pseudonym.Hasher
	TakeLiveRules([]ledger.LiveRule) (edition uint32, numbers []uint32, err error)
}

// lineSchema is what a live-only rule may ask: the line's own fields, and what the
// engine adds to a record, as it is by the catalog in force at that moment.
var lineSchema = func() *rule.Schema {
	s, err := rule.Line().With(own, nil)
	if err != nil {
		panic("detect: line: " + err.Error()) // a mistake in the table above
	}
	return s
}()

// lanes are the sources of lines at which a live-only rule looks; none if it is no
// such rule, or one about other logs.
func lanes(r *rule.Rule) []string {
	if !r.LiveOnly() {
		return nil
	}
	return lineSchema.Selects(r.Doc.LogSource)
}

// liveRule is a rule as the ledger knows it.
func liveRule(h *pseudonym.Hasher, r *rule.Rule) ledger.LiveRule {
	return ledger.LiveRule{ID: markID(r.Doc), Wording: h.Wording(hex.EncodeToString(r.Wording[:]))}
}

// markID is what a mark is called: the rule's id, or its name where it has none.
func markID(d *rule.Document) string {
	if d.ID != "" {
		return d.ID
	}
	return d.Key()
}

// NewIntake prepares the live-only rules among docs, and has the ledger number them.
// It is nil if there are none. The documents have to be those that an Engine takes:
// that is who refuses what cannot be run.
func NewIntake(docs []*rule.Document, t Taker, o Options) (*Intake, error) {
	lists, _ := o.forRules(docs)
	zone := o.Zone
	if zone == nil {
		zone = time.UTC
	}
	stored, err := rule.Compile(docs, Schema(), rule.Options{Zone: zone, Placeholders: lists})
	if err != nil {
		return nil, err
	}
	var rules []ledger.LiveRule
	var places []rule.RuleIndex
	live := map[rule.RuleIndex]bool{}
	for _, r := range stored.Rules() {
		if len(lanes(r)) > 0 {
			live[r.Index] = true
			places, rules = append(places, r.Index), append(rules, liveRule(t.Hasher(), r))
		}
	}
	if len(rules) == 0 {
		return nil, nil
	}
	in := &Intake{schema: lineSchema, calendar: o.Calendar, holders: holdersOf(o.Holders), taker: t, numbers: map[rule.RuleIndex]uint32{}}
	in.set, err = rule.Compile(docs, lineSchema, rule.Options{Zone: zone, Placeholders: lists, Only: func(r *rule.Rule) bool { return live[r.Index] }})
	if err != nil {
		return nil, err
	}
	edition, numbers, err := t.TakeLiveRules(rules)
	if err != nil {
		return nil, err
	}
	in.edition = edition
	for i, at := range places {
		in.numbers[at] = numbers[i]
	}
	return in, nil
}

// Look is an Intake at work on the lines of one format, in one goroutine.
type Look struct {
	in     *Intake
	source rule.SourceID
	json   bool // fields come as JSON writes them, else as they are
	event  *rule.Event
	match  *rule.Matcher
	busy   bool // some rule looks at such lines

	set     []setter // what rules ask of the record and the request
	message bool     // and of the whole line
	rest    []setter // what else there is, for keywords
	asks    []string
	fields  [][]rule.FieldID // by asks
	marks   []uint32
}

// setter writes one field that rules ask for.
type setter struct {
	field rule.FieldID
	set   write
}

type write func(*Look, rule.FieldID, *event.Record, *catalog.Request)

// sameInJSON are keys under which logs in JSON write a field of Sigma's taxonomy.
var sameInJSON = map[string][]string{
	"cs-referer": {"http_referer", "referer", "referrer"},
	"cs-host":    {"http_host", "host"},
	"cs-cookie":  {"http_cookie", "cookie"},
}

// For makes a Look at lines of a format, by the catalog's name for it.
func (in *Intake) For(format string) *Look {
	w := &Look{in: in, source: rule.RecordSource, event: in.set.NewEvent(), match: in.set.NewMatcher()}
	switch format {
	case catalog.FormatCombined, catalog.FormatCommon, catalog.FormatPgAudit, catalog.FormatMariaDB, catalog.FormatKeycloak:
	case catalog.FormatCloudTrail:
		w.source, w.json = rule.CloudTrailSource, true
	default:
		w.json = true
	}
	asked := map[rule.FieldID]string{}
	for _, r := range in.set.Rules() {
		if _, ok := in.numbers[r.Index]; !ok || !slices.Contains(r.Sources, sourceName(w.source)) {
			continue
		}
		w.busy, w.message = true, w.message || r.Keywords
		for _, name := range r.Fields {
			if f, ok := in.set.Field(name); ok && asked[f] == "" {
				asked[f] = name
			}
		}
	}
	if w.message {
		w.everything(asked)
	}
	// In one order, so that of two keys for the same field it is always the same that
	// counts: the name itself before others.
	for _, f := range slices.Sorted(maps.Keys(asked)) {
		names, web := lineSchema.Names(f), webSetters[f]
		if names == nil {
			names = []string{asked[f]}
		}
		if w.source == rule.CloudTrailSource {
			web = nil
		}
		known := recordSetters[f]
		if known == nil {
			known = web
		}
		if known != nil {
			w.set = append(w.set, setter{f, known})
		}
		if web != nil && w.json {
			for _, key := range sameInJSON[names[0]] {
				w.ask(key, f)
			}
		}
		if recordSetters[f] == nil {
			for _, name := range slices.Backward(names) {
				w.ask(name, f)
			}
		}
	}
	return w
}

// Plain makes it one whose fields come as texts.
func (w *Look) Plain() *Look {
	w.json = false
	return w
}

// ask asks for a value once, for however many fields.
func (w *Look) ask(name string, f rule.FieldID) {
	i := slices.Index(w.asks, name)
	if i < 0 {
		i = len(w.asks)
		w.asks, w.fields = append(w.asks, name), append(w.fields, nil)
	}
	w.fields[i] = append(w.fields[i], f)
}

// everything is what is said in the line's text, where a keyword may stand, and may be
// written there with escapes. Other fields are in the text alone.
func (w *Look) everything(asked map[rule.FieldID]string) {
	for _, name := range []string{"c-uri", "client.agent", "actor.id", "credential.key", "credential.token"} {
		f, _ := lineSchema.Field(name)
		fn := recordSetters[f]
		if fn == nil && w.source != rule.CloudTrailSource {
			fn = webSetters[f]
		}
		if asked[f] == "" && fn != nil {
			w.rest = append(w.rest, setter{f, fn})
		}
	}
}

func sourceName(s rule.SourceID) string {
	if s == rule.CloudTrailSource {
		return "cloudtrail"
	}
	return "access"
}

// Asks names the fields of a line that its rules ask for beside the record's.
func (w *Look) Asks() []string { return w.asks }

// Whole reports whether its rules look at whole lines.
func (w *Look) Whole() bool { return w.message }

// Look marks a record with the rules that match its line. fields are what stood in
// the fields asked for.
func (w *Look) Look(text []byte, fields [][]byte, rec *event.Record, req *catalog.Request) {
	rec.Looked, rec.Marks = w.in.edition, nil
	if !w.busy {
		return
	}
	w.event.Reset(w.source)
	for _, s := range w.set {
		s.set(w, s.field, rec, req)
	}
	for i, v := range fields {
		if v == nil {
			continue
		}
		for _, f := range w.fields[i] {
			w.setField(f, v)
		}
	}
	if w.message {
		w.setMessage(text, rec, req)
	}
	matched := w.in.set.Match(w.event, w.match)
	if len(matched) == 0 {
		return
	}
	w.marks = w.marks[:0]
	for _, i := range matched {
		w.marks = append(w.marks, w.in.numbers[i])
	}
	slices.Sort(w.marks)
	w.marks = slices.Compact(w.marks)
	rec.Marks = w.marks
}

// setMessage lets keywords look at the line, and where something in it is escaped, at
// the fields too, in which it is not.
func (w *Look) setMessage(text []byte, rec *event.Record, req *catalog.Request) {
	if bytes.IndexByte(text, '\\') < 0 {
		w.event.SetWhole(view(text))
		return
	}
	w.event.SetText(rule.Message, view(text))
	for _, s := range w.rest {
		s.set(w, s.field, rec, req)
	}
}

// setField writes a field as its format has it.
func (w *Look) setField(f rule.FieldID, v []byte) {
	if !w.json {
		w.event.SetText(f, view(v))
		return
	}
	if len(v) == 0 {
		return
	}
	switch c := v[0]; {
	case c == '"':
		w.event.SetText(f, textOf(v))
	case c == 't' || c == 'f':
		w.event.SetBool(f, c == 't')
	case c == 'n':
		w.event.SetNull(f)
	case c == '[':
		var list []json.RawMessage
		if json.Unmarshal(v, &list) != nil {
			return
		}
		for _, x := range list {
			w.event.AddText(f, textOf(x))
		}
	case c == '{':
		w.event.SetText(f, view(v))
	default:
		if n, err := strconv.ParseInt(view(v), 10, 64); err == nil {
			w.event.SetInt(f, n)
		} else if x, err := strconv.ParseFloat(view(v), 64); err == nil {
			w.event.SetFloat(f, x)
		}
	}
}

// textOf is a string of JSON; any other value is the text it is written as.
func textOf(v []byte) string {
	if len(v) < 2 || v[0] != '"' {
		return view(v)
	}
	if bytes.IndexByte(v, '\\') < 0 {
		return view(v[1 : len(v)-1])
	}
	var s string
	if json.Unmarshal(v, &s) != nil {
		return ""
	}
	return s
}

// view is b as a string, for as long as b is not written to.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// recordSetters and webSetters write the fields of the schema: what the record has,
// and what the request line says.
var recordSetters, webSetters = func() (record, web map[rule.FieldID]write) {
	text := func(of func(*event.Record) string) write {
		return func(w *Look, f rule.FieldID, r *event.Record, _ *catalog.Request) {
			if s := of(r); s != "" {
				w.event.SetText(f, s)
			}
		}
	}
	part := func(of func(uri string) (string, bool)) write {
		return func(w *Look, f rule.FieldID, _ *event.Record, q *catalog.Request) {
			if s, ok := of(q.URI); ok && q.URI != "" {
				w.event.SetText(f, s)
			}
		}
	}
	byName := func(list map[string]write) map[rule.FieldID]write {
		out := map[rule.FieldID]write{}
		for name, fn := range list {
			f, ok := lineSchema.Field(name)
			if !ok {
				panic(fmt.Sprintf("detect: no field %s", name)) // a mistake in the tables below
			}
			out[f] = fn
		}
		return out
	}
	record = byName(map[string]write{
		"time":             func(w *Look, f rule.FieldID, r *event.Record, _ *catalog.Request) { w.event.SetTime(f, int64(r.Time)) },
		"source":           text(func(r *event.Record) string { return r.Source }),
		"action":           text(func(r *event.Record) string { return r.Action.String() }),
		"route":            text(func(r *event.Record) string { return r.Route }),
		"path":             text(func(r *event.Record) string { _, path, _ := strings.Cut(r.Route, " "); return path }),
		"actor.id":         text(func(r *event.Record) string { return string(r.Actor.ID) }),
		"actor.type":       text(func(r *event.Record) string { return r.Actor.Type }),
		"credential.key":   text(func(r *event.Record) string { return r.Credential.Key }),
		"credential.token": text(func(r *event.Record) string { return string(r.Credential.Token) }),
		"client.agent":     text(func(r *event.Record) string { return r.Client.Agent }),
		"client.country":   text(func(r *event.Record) string { return r.Client.Country }),
		"client.network":   text(func(r *event.Record) string { return r.Client.Network }),
		"method": func(w *Look, f rule.FieldID, r *event.Record, q *catalog.Request) {
			method := q.Method
			if method == "" {
				method, _, _ = strings.Cut(r.Route, " ")
			}
			if method != "" {
				w.event.SetText(f, method)
			}
		},
		"status": func(w *Look, f rule.FieldID, r *event.Record, _ *catalog.Request) {
			if r.Status != 0 {
				w.event.SetInt(f, int64(r.Status))
			}
		},
		"rows": func(w *Look, f rule.FieldID, r *event.Record, _ *catalog.Request) {
			if r.Rows != event.RowsUnknown {
				w.event.SetInt(f, int64(r.Rows))
			}
		},
		"account": func(w *Look, f rule.FieldID, r *event.Record, _ *catalog.Request) {
			for _, a := range r.Subjects {
				w.event.AddText(f, string(a))
			}
		},
		"client.ip": func(w *Look, f rule.FieldID, r *event.Record, _ *catalog.Request) {
			if r.Client.IP.IsValid() {
				w.event.SetAddr(f, r.Client.IP)
			}
		},
		"client.subnet": func(w *Look, f rule.FieldID, r *event.Record, _ *catalog.Request) {
			if r.Client.IP.IsValid() {
				w.event.SetAddr(f, subnet(r.Client.IP.Unmap()))
			}
		},
		ownField: func(w *Look, f rule.FieldID, r *event.Record, _ *catalog.Request) {
			another := func(a event.AccountID) bool { return string(a) != string(r.Actor.ID) }
			if r.Actor.Type == event.Member && len(r.Subjects) > 0 && !slices.ContainsFunc(r.Subjects, another) {
				w.event.SetBool(f, true)
			}
		},
		leftField: func(w *Look, f rule.FieldID, r *event.Record, _ *catalog.Request) {
			if w.in.holders != nil && r.Actor.ID != "" && w.in.holders.left(PersonOf(w.in.taker.Hasher(), string(r.Actor.ID)).Actor, r.Time) != 0 {
				w.event.SetBool(f, true)
			}
		},
		"calendar": func(w *Look, f rule.FieldID, r *event.Record, _ *catalog.Request) {
			for _, c := range w.in.calendar.On(r.Time) {
				w.event.AddText(f, c)
			}
		},
		"items": func(w *Look, f rule.FieldID, r *event.Record, _ *catalog.Request) {
			if c, m, ok := w.meaning(r); ok {
				for _, it := range c.ItemNames(m.Items) {
					w.event.AddText(f, it)
				}
			}
		},
		"read": func(w *Look, f rule.FieldID, r *event.Record, _ *catalog.Request) {
			_, m, ok := w.meaning(r)
			w.event.SetBool(f, ok && m.Personal && m.Success.Contains(r.Status))
		},
	})
	web = byName(map[string]write{
		"c-uri":           part(func(uri string) (string, bool) { return uri, true }),
		"cs-uri-stem":     part(func(uri string) (string, bool) { stem, _, _ := strings.Cut(uri, "?"); return stem, true }),
		"cs-uri-query":    part(func(uri string) (string, bool) { _, query, ok := strings.Cut(uri, "?"); return query, ok }),
		"c-uri-extension": part(extension),
		"cs-host":         part(host),
		"cs-referer":      func(*Look, rule.FieldID, *event.Record, *catalog.Request) {}, // the line's
		"cs-cookie":       func(*Look, rule.FieldID, *event.Record, *catalog.Request) {},
	})
	return record, web
}()

// extension is what stands behind the last dot of a path's last part.
func extension(uri string) (string, bool) {
	stem, _, _ := strings.Cut(uri, "?")
	stem = stem[strings.LastIndexByte(stem, '/')+1:]
	i := strings.LastIndexByte(stem, '.')
	return stem[i+1:], i >= 0
}

// host is that of an address with one in it, as a proxy writes it.
func host(uri string) (string, bool) {
	_, rest, ok := strings.Cut(uri, "://")
	if !ok || strings.HasPrefix(uri, "/") {
		return "", false
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	return rest, rest != ""
}

// meaning is what the catalog in force says of a record's route at its time.
func (w *Look) meaning(r *event.Record) (*catalog.Catalog, catalog.Meaning, bool) {
	c := w.in.taker.Catalog()
	if c == nil {
		return nil, catalog.Meaning{}, false
	}
	for _, m := range c.Meanings(r.Route, r.Mapped) {
		if m.From <= r.Time && r.Time < m.Until {
			return c, m, m.Known
		}
	}
	return c, catalog.Meaning{}, false
}
