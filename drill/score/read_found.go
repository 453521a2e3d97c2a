package score

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/haetae/haetae/internal/written"
)

// ReadPeople reads the people that a tool proves: CSV of person,items, the items apart
// by ; and named as in the scenario. Somebody who stands in several lines has the items
// of all.
func ReadPeople(file string, r io.Reader, items []string) (*People, Aside, error) {
	out := NewPeople()
	aside, err := readPeople(file, r, []string{"person", "items"}, items, func(_ *table, person string, mask uint32) {
		out.Add(person, mask)
	})
	return out, aside, err
}

// ReadOthers reads those that are possible and those that are excluded: CSV of
// kind,person,items.
func ReadOthers(file string, r io.Reader, items []string) (possible, excluded *People, aside Aside, err error) {
	possible, excluded = NewPeople(), NewPeople()
	aside, err = readPeople(file, r, []string{"kind", "person", "items"}, items, func(t *table, person string, mask uint32) {
		switch t.value("kind") {
		case "possible":
			possible.Add(person, mask)
		case "excluded":
			excluded.Add(person, mask)
		default:
			t.wrong("kind", written.NoWord, "possible, excluded")
		}
	})
	return possible, excluded, aside, err
}

func readPeople(file string, r io.Reader, known, items []string, add func(*table, string, uint32)) (Aside, error) {
	l := newLines(file, r)
	head, err := l.next()
	if err != nil || head == nil {
		return l.aside, err
	}
	t, err := newTable(l, head, slices.DeleteFunc(slices.Clone(known), func(n string) bool { return n == "items" }), known)
	if err != nil {
		return l.aside, err
	}
	masks := map[string]uint32{} // by text: a tool names few sets of items
	for {
		more, err := t.row()
		if err != nil || !more {
			return l.aside, err
		}
		person := t.value("person")
		if !plain(person) {
			t.wrong("person", noID, longest)
			continue
		}
		text := t.value("items")
		mask, ok := masks[text]
		if !ok {
			if mask, ok = maskOf(text, items); !ok {
				t.wrong("items", noItem, strings.Join(items, ", "))
				continue
			}
			if len(masks) < 1<<16 {
				masks[strings.Clone(text)] = mask
			}
		}
		add(t, person, mask)
	}
}

func maskOf(text string, items []string) (uint32, bool) {
	var mask uint32
	for name := range strings.SplitSeq(text, ";") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		k := slices.Index(items, name)
		if k < 0 || k > 31 {
			return 0, false
		}
		mask |= 1 << k
	}
	return mask, true
}

// ReadStatements reads what a tool says about the record: CSV of kind,log,from,to,rows.
func ReadStatements(file string, r io.Reader) ([]Statement, Aside, error) {
	l := newLines(file, r)
	head, err := l.next()
	if err != nil || head == nil {
		return nil, l.aside, err
	}
	t, err := newTable(l, head, []string{"kind"}, []string{"kind", "log", "from", "to", "rows"})
	if err != nil {
		return nil, l.aside, err
	}
	var out []Statement
	for {
		more, err := t.row()
		if err != nil || !more {
			return out, l.aside, err
		}
		if s, ok := t.statement(); ok {
			out = append(out, s)
		}
	}
}

func (t *table) statement() (Statement, bool) {
	s := Statement{Kind: t.value("kind"), Log: t.value("log")}
	if !slices.Contains(statementKinds, s.Kind) {
		t.wrong("kind", written.NoWord, strings.Join(statementKinds, ", "))
		return s, false
	}
	for _, m := range []struct {
		name string
		at   *time.Time
	}{{"from", &s.From}, {"to", &s.To}} {
		text := t.value(m.name)
		if text == "" {
			continue
		}
		var err error
		if *m.at, err = time.Parse(time.RFC3339, text); err != nil {
			t.wrong(m.name, noTime)
			return s, false
		}
	}
	switch text := t.value("rows"); {
	case !s.From.IsZero() && !s.To.IsZero() && s.To.Before(s.From):
		t.wrong("to", backwards)
		return s, false
	case s.Kind == Hold && s.From.IsZero():
		t.wrong("from", written.Missing)
		return s, false
	case text != "":
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			t.wrong("rows", noRows)
			return s, false
		}
		s.Rows = n
	}
	return s, true
}

// mostNumbers is far above any file of numbers.
const mostNumbers = 1 << 20

// ReadNumbers reads what a tool gives out: one JSON object with the keys of Numbers,
// and rules, the list of all rules that were at work. Here a mistake is the file's.
func ReadNumbers(file string, r io.Reader, items []string) (Numbers, []string, error) {
	var n Numbers
	raw, err := io.ReadAll(io.LimitReader(r, mostNumbers+1))
	if err != nil {
		return n, nil, fmt.Errorf("%s: %w", file, err)
	}
	l := &lines{file: file}
	if len(raw) > mostNumbers {
		return n, nil, written.Mistakes{l.mistake("", written.TooLarge, mostNumbers>>20)}
	}
	var o map[string]json.RawMessage
	if json.Unmarshal(raw, &o) != nil || o == nil {
		return n, nil, written.Mistakes{l.mistake("", badNumbers)}
	}
	var rules []string
	known := []string{"reads", "accounts", "people", "ghosts", "people_by_item", "reads_by_item", "accounts_by_item", "rules"}
	for name := range o {
		if !slices.Contains(known, name) && !strings.HasPrefix(name, "x_") {
			l.wrong("", noColumn, strings.Join(known, ", "))
		}
	}
	for i, p := range []**int64{&n.Reads, &n.Accounts, &n.People, &n.Ghosts} {
		if json.Unmarshal(or(o[known[i]], "null"), p) != nil || *p != nil && **p < 0 {
			l.wrong(known[i], badCount)
		}
	}
	for i, by := range []*map[string]int64{&n.ByItem, &n.ReadsByItem, &n.AccountsByItem} {
		name := known[4+i]
		if json.Unmarshal(or(o[name], "null"), by) != nil {
			l.wrong(name, badCount)
			continue
		}
		for _, item := range slices.Sorted(maps.Keys(*by)) {
			switch count := (*by)[item]; {
			case !slices.Contains(items, item):
				l.wrong(name, noItem, strings.Join(items, ", "))
			case count < 0:
				l.wrong(written.Key(name, item), badCount)
			}
		}
	}
	if json.Unmarshal(or(o["rules"], "null"), &rules) != nil {
		l.wrong("rules", noValues)
	}
	if err := l.aside.Err(); err != nil {
		return Numbers{}, nil, err
	}
	return n, rules, nil
}

func or(raw json.RawMessage, none string) json.RawMessage {
	if raw == nil {
		return json.RawMessage(none)
	}
	return raw
}
