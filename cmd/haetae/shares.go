package main

import (
	"fmt"
	"slices"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/scope"
)

// showShares prints by which source each number of an answer is known. Of one source
// alone there is nothing to tell apart.
func (a *app) showShares(e *scope.Extent, cat *catalog.Catalog) {
	if len(e.Sources) < 2 {
		return
	}
	a.printf(sharesText.title)
	t := newTable(1, 2, 3, 4, 5, 6, 7)
	t.add("", a.say(scopeText.byRecords), a.say(scopeText.byReads), a.say(scopeText.byAccounts), a.say(scopeText.byPeople),
		a.say(sharesText.only), a.say(scopeText.unresolved), a.say(sharesText.rows))
	for _, s := range e.Sources {
		only := "-"
		if s.PeopleOnly != nil {
			only = count(*s.PeopleOnly)
		}
		t.add(s.Source, count(s.Records), count(s.Reads), count(s.Accounts), count(s.People), only, count(s.Unresolved.Records), unresolvedRows(s.Unresolved))
	}
	t.write(a.stdout)
	reading := slices.DeleteFunc(slices.Clone(e.Sources), func(s scope.SourceShare) bool { return len(s.Items) == 0 })
	const most = 6 // columns that fit beside each other
	if len(reading) < 2 || len(reading) > most || cat == nil {
		return
	}
	a.printf(sharesText.items)
	t = newTable(1, 2, 3, 4, 5, 6)
	head := []string{""}
	for _, s := range reading {
		head = append(head, s.Source)
	}
	t.add(head...)
	for _, item := range cat.Items {
		if e.Items[item.Name] == 0 {
			continue
		}
		line := []string{item.Name}
		for _, s := range reading {
			line = append(line, count(s.Items[item.Name]))
		}
		t.add(line...)
	}
	t.write(a.stdout)
}

// unresolvedRows is of how many rows the reads are that name nobody, as far as they say.
func unresolvedRows(u scope.Unresolved) string {
	switch {
	case u.RowsUnknown == 0:
		return count(u.Rows)
	case u.RowsUnknown == u.Records:
		return "?"
	}
	return fmt.Sprintf("%s+?", count(u.Rows))
}

// showAccessSources prints which source knows how much of one person.
func (a *app) showAccessSources(sources []scope.AccessSource) {
	if len(sources) < 2 {
		return
	}
	a.printf(sharesText.ofPerson)
	t := newTable(1, 2, 3)
	t.add("", a.say(sharesText.accesses), a.say(scopeText.byReads), a.say(scopeText.unresolved))
	for _, s := range sources {
		t.add(s.Source, count(s.Accesses), count(s.Reads), count(s.Unresolved))
	}
	t.write(a.stdout)
	fmt.Fprintln(a.stdout)
}
