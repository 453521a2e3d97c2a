package server

import (
	"fmt"
	"time"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger"
)

// Contents is what is in a data folder, without any id.
type Contents struct {
	Records   int64         `json:"records"`
	First     *time.Time    `json:"first"` // of the records; null when there are none
	Last      *time.Time    `json:"last"`
	Files     int           `json:"files"`
	Catalog   *NamedEdition `json:"catalog"` // in force; null without one
	Registers []string      `json:"registers"`
	Holdings  []string      `json:"holdings"`
	// Editions are the same with the day from which each is true.
	RegisterEditions []DatedEdition `json:"register_editions"`
	HoldingsEditions []DatedEdition `json:"holdings_editions"`
	Ids              uint64         `json:"ids"`
	Imports          int            `json:"imports"`
	Interrupted      int            `json:"interrupted_imports"` // the same command goes on with them
	// Unfinished are those, and one that runs, by the name of their file.
	Unfinished   []ledger.UnfinishedImport `json:"unfinished_imports"`
	MemtableRows int                       `json:"memtable_rows"` // in the journal, not yet in a file
	Holds        int                       `json:"holds"`
	Aside        int64                     `json:"aside"`
	Failed       bool                      `json:"failed"` // a write had an unknown outcome: open again
	RetainedFrom *time.Time                `json:"retained_from,omitempty"`
	Number       uint64                    `json:"ledger"`
}

// NamedEdition is a catalog by name and number.
type NamedEdition struct {
	Name    string `json:"name"`
	Edition uint32 `json:"edition"`
}

// DatedEdition is a register or a holdings file that was installed.
type DatedEdition struct {
	Name string     `json:"name"`
	From *time.Time `json:"from"` // null: for all time
}

// ContentsOf looks into a ledger.
func ContentsOf(l *ledger.Ledger) (Contents, error) {
	c := Contents{Registers: []string{}, Holdings: []string{}, RegisterEditions: []DatedEdition{}, HoldingsEditions: []DatedEdition{}}
	v, err := l.View()
	if err != nil {
		return c, fmt.Errorf("contents: %w", err)
	}
	defer v.Close()
	c.Number = v.Number()
	st := l.Stats()
	c.Imports, c.Interrupted, c.MemtableRows, c.Failed, c.Ids = st.Imports, st.Interrupted, st.MemtableRows, st.Failed, st.Identities
	c.Holds = len(ledger.Standing(st.Holds))
	var first, last event.Millis
	for _, r := range v.Segments() {
		info, err := r.Info()
		if err != nil {
			return c, fmt.Errorf("contents: %w", err)
		}
		if info.Rows == 0 {
			continue
		}
		if c.Records == 0 || info.MinTime < first {
			first = info.MinTime
		}
		if c.Records == 0 || info.MaxTime > last {
			last = info.MaxTime
		}
		c.Records += info.Primaries
		c.Files++
	}
	c.Unfinished = l.Unfinished()
	moment := func(m event.Millis) *time.Time { t := m.Time(); return &t }
	if c.Records > 0 {
		c.First, c.Last = moment(first), moment(last)
	}
	if cat := v.Catalog(); cat != nil {
		c.Catalog = &NamedEdition{cat.Name, cat.Edition}
	}
	dated := func(name string, from event.Millis) DatedEdition {
		if from == 0 {
			return DatedEdition{Name: name}
		}
		return DatedEdition{name, moment(from)}
	}
	for _, r := range v.Registers() {
		c.Registers = append(c.Registers, r.Name())
		c.RegisterEditions = append(c.RegisterEditions, dated(r.Name(), r.From()))
	}
	for _, h := range v.Holdings() {
		c.Holdings = append(c.Holdings, h.Name())
		c.HoldingsEditions = append(c.HoldingsEditions, dated(h.Name(), h.From()))
	}
	if m := v.RetainedFrom(); m != 0 {
		c.RetainedFrom = moment(m)
	}
	counts, err := l.Aside()
	if err != nil {
		return c, fmt.Errorf("contents: %w", err)
	}
	for _, n := range counts {
		c.Aside += n.Count
	}
	return c, nil
}
