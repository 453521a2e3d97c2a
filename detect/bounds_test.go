package detect

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/segment"
)

const boundedRules = `
title: a read
name: read
logsource: {category: access, product: haetae}
detection: {s: {action: read}, condition: s}
---
title: an issue
name: issue
logsource: {category: access, product: haetae}
detection: {s: {action: issue}, condition: s}
---
title: many by one actor
name: many
correlation: {type: event_count, rules: [read], group-by: [actor.id], timespan: 1h, condition: {gte: 1000000}}
---
title: not issued
name: absent
level: high
correlation: {type: absent, rules: [read], issued: [issue], group-by: [credential.key], within: 6h, cadence: 90m, timespan: 3h, condition: {gte: 4, field: credential.token}}
`

// boundedEngine is an engine of few groups, and the table of the rows for it.
func boundedEngine(t *testing.T, groups int) (*Engine, *Table) {
	t.Helper()
	e, err := New(rules(t, boundedRules), &small{hasher: pseudonym.NewHasher([32]byte{1})}, Options{MaxGroups: groups})
	if err != nil {
		t.Fatal(err)
	}
	table := &Table{Agents: []string{"a"}, Clients: []segment.Client{{}}, Shapes: []segment.Shape{
		{Source: "s", Route: "GET /x", Key: "k", ActorType: "member", Action: event.ActionRead, Status: 200, Flags: segment.Primary},
		{Source: "s", Route: "POST /in", Key: "k", ActorType: "member", Action: event.ActionIssue, Status: 200, Flags: segment.Primary},
	}}
	return e, table
}

// boundedRun gives rows to an engine of few groups as they come.
func boundedRun(t *testing.T, groups int, rows []Row) *Report {
	t.Helper()
	e, table := boundedEngine(t, groups)
	for _, r := range rows {
		if err := e.Observe(table, []Row{r}, func(uint32) bool { return true }); err != nil {
			t.Fatal(err)
		}
		if err := e.Advance(); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Finish(); err != nil {
		t.Fatal(err)
	}
	rep, err := e.Report(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

const boundedFrom = event.Millis(1_700_000_000_000)

func boundedRow(shape uint32, minute int, actor uint32, token uint64) Row {
	who := dictionary.MakeRef(0, actor)
	return Row{Time: boundedFrom + event.Millis(minute)*60_000, Shape: shape, Home: who, Actor: who, HasActor: true, Token: token}
}

func fullOf(rep *Report, rule string) int64 {
	i := slices.IndexFunc(rep.Losses, func(l Loss) bool { return l.Rule == rule && l.Cause == string(stateFull) })
	if i < 0 {
		return 0
	}
	signalled := slices.ContainsFunc(rep.Signals, func(s Signal) bool {
		return s.Rule == "coverage-lost" && s.Severity == Medium && s.Group["rule"] == rule && s.Group["cause"] == string(stateFull)
	})
	if !signalled {
		return -1
	}
	return rep.Losses[i].Records
}

// TestFullOfGroups: what comes when there is no room for a group is said to be lost, by
// a signal, and the groups there are go on.
func TestFullOfGroups(t *testing.T) {
	var rows []Row
	for i := range 10 {
		rows = append(rows, boundedRow(0, i, uint32(i), 1))
	}
	if n := fullOf(boundedRun(t, 10, rows), "many"); n != 0 {
		t.Errorf("ten groups of ten: %d records are lost", n)
	}
	if n := fullOf(boundedRun(t, 7, rows), "many"); n != 3 {
		t.Errorf("ten groups of seven: %d records are lost, want 3 and a signal", n)
	}
}

// TestTokenPerRead: a new token for each read fills nothing, however many they are.
func TestTokenPerRead(t *testing.T) {
	var rows []Row
	for i := range 6000 {
		rows = append(rows, boundedRow(1, i/4, 1, uint64(1_000_000+i%20)), boundedRow(0, i/4, 1, uint64(i+1)))
	}
	rep := boundedRun(t, 100, rows)
	if n := fullOf(rep, "absent"); n != 0 {
		t.Errorf("%d records are lost", n)
	}
	if !slices.ContainsFunc(rep.Signals, func(s Signal) bool { return s.Rule == "absent" && s.Severity == High }) {
		t.Errorf("tokens that nobody issued are not found: %+v", rep.Signals)
	}
}

// TestFullOfIssued: where more tokens are issued than there is room for, nobody is
// accused by the others, and that is said.
func TestFullOfIssued(t *testing.T) {
	const room, more = 10 * issuedPerGroup, 30
	var rows []Row
	for i := range room + more {
		rows = append(rows, boundedRow(1, i, uint32(i%5), uint64(i+1)))
	}
	for i := range room + more {
		rows = append(rows, boundedRow(0, room+more+i, uint32(i%5), uint64(i+1)), boundedRow(1, room+more+i, 1, 1))
	}
	rep := boundedRun(t, 10, rows)
	for _, s := range rep.Signals {
		if s.Rule == "absent" {
			t.Errorf("tokens that were issued are said not to be: %s", s.Reason.EN)
		}
	}
	// Of the tokens without room, both the issue and the use.
	if n := fullOf(rep, "absent"); n < 2*more {
		t.Errorf("%d records are lost, want %d and a signal", n, 2*more)
	}
}

// TestLossIsDue: a loss that goes on with every record is told when it is due, as
// signals are, and is not forgotten while it is not.
func TestLossIsDue(t *testing.T) {
	e, table := boundedEngine(t, 1)
	changed := func(minute int, is bool) []Signal {
		t.Helper()
		row := boundedRow(0, minute, uint32(minute), uint64(minute))
		if err := e.Observe(table, []Row{row}, func(uint32) bool { return true }); err != nil {
			t.Fatal(err)
		}
		list, err := e.Changed(t.Context(), func(string, Severity) bool { return is }, nil)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	changed(1, true)
	// Of two rules: the groups of both are full.
	if list := changed(2, true); len(list) != 2 || list[0].Rule != "coverage-lost" || list[0].Reached != 1 || e.HasChanged() {
		t.Fatalf("the first loss: %+v, and more to tell: %v", list, e.HasChanged())
	}
	for minute := 3; minute < 6; minute++ {
		if list := changed(minute, false); len(list) != 0 || !e.HasChanged() {
			t.Errorf("told before it is due: %+v, and more to tell: %v", list, e.HasChanged())
		}
	}
	if list := changed(6, true); len(list) != 2 || list[0].Reached != 5 || e.HasChanged() {
		t.Errorf("when it is due: %+v, and more to tell: %v", list, e.HasChanged())
	}
}

// TestFullOfTexts: a text that there is no room for is said to be lost, by each rule that
// looks at it and no other, and live as soon as a record has it.
func TestFullOfTexts(t *testing.T) {
	e, err := New(rules(t, boundedRules+`---
title: many addresses
name: addresses
correlation: {type: value_count, rules: [read], group-by: [actor.id], timespan: 1h, condition: {gte: 1000, field: client.ip}}
---
title: many by one program
name: agents
correlation: {type: event_count, rules: [read], group-by: [client.agent], timespan: 1h, condition: {gte: 1000}}
---
title: old keys
name: old
correlation: {type: custody, group-by: [credential.key], when: [rotation_overdue]}
`), &small{hasher: pseudonym.NewHasher([32]byte{1})}, Options{MaxTexts: 12, Keys: []Key{{ID: "k", RotatesBy: boundedFrom}}})
	if err != nil {
		t.Fatal(err)
	}
	table := &Table{Shapes: []segment.Shape{{Source: "s", Route: "GET /x", Key: "k", ActorType: "member", Action: event.ActionRead, Status: 200, Flags: segment.Primary}}}
	for i := range 20 {
		table.Agents = append(table.Agents, fmt.Sprint("agent ", i))
		table.Clients = append(table.Clients, segment.Client{IP: netip.MustParseAddr(fmt.Sprintf("2001:db8:%x::1", i))})
	}
	table.Agents = append(table.Agents, "") // a record that does not say
	observe := func(minute int, client, agent uint32) []Signal {
		t.Helper()
		row := boundedRow(0, minute, 1, 1)
		row.Client, row.Agent = client, agent
		if err := e.Observe(table, []Row{row}, func(uint32) bool { return true }); err != nil {
			t.Fatal(err)
		}
		if !e.HasChanged() {
			return nil
		}
		list, err := e.Changed(t.Context(), func(string, Severity) bool { return true }, nil)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	lost := func(list []Signal, rule string) float64 {
		for _, s := range list {
			if s.Group["rule"] == rule && s.Group["cause"] == string(spaceFull) && s.Severity == Medium {
				return s.Reached
			}
		}
		return 0
	}
	// The shape has some texts of its own; an address and its network are two.
	for i := range uint32(6) {
		if list := observe(int(i), i, min(i, 4)); len(list) > 0 {
			t.Fatalf("record %d: %+v", i, list)
		}
	}
	list := observe(6, 19, 0)
	if lost(list, "addresses") != 1 || len(list) != 1 || list[0].First != e.stamp(boundedFrom+6*60_000) {
		t.Errorf("an address beyond the bound: %+v, want one record of one rule", list)
	}
	if e.HasChanged() {
		t.Error("there is news although nothing came")
	}
	if list = observe(7, 0, 19); lost(list, "agents") != 0 {
		t.Errorf("a text within the bound: %+v", list)
	}
	for i := range uint32(3) {
		list = observe(8+int(i), 0, 10+i)
	}
	if lost(list, "agents") == 0 {
		t.Errorf("a text beyond the bound: %+v", list)
	}
	if list = observe(11, 0, 20); len(list) != 0 {
		t.Errorf("a record without a text: %+v", list)
	}
	e.Custody(boundedFrom + 40*86_400_000)
	rep, err := e.Report(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(rep.Signals, func(s Signal) bool { return s.Rule == "old" && s.Group["credential.key"] == "k" }) {
		t.Error("a key of the register found no room")
	}
}
