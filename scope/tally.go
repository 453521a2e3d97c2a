package scope

import (
	"errors"
	"maps"
	"math/bits"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/dictionary"
)

// class is what the reads of an account have in common as far as people and
// items go. A question has few of them.
type class struct {
	group    int32 // index of the --by value; 0 for the whole
	items    catalog.ItemSet
	behind   bool
	own      bool  // the accounts are the members who connected
	register int16 // index of the edition in force, -1 = none
	holdings int16
}

// tally is what one worker, or the whole question, has counted.
type tally struct {
	counts   []counts // per group
	groups   map[string]int32
	names    []string
	unmapped map[string]int64
	routes   map[string]int64
	sources  map[string]sourceTally
	split    map[splitKey]splitCount
	shared   []personItems
	actors   map[actorKey]struct{} // member actors whose home is elsewhere
	ghosts   [][]dictionary.Ref    // per group
	kept     []keptPart
	persons  []personItems // kept, of those in several places

	first, last    event.Millis
	registers      map[int16]bool // editions used
	holdings       map[int16]bool
	nearest        [2]bool // of the register, of the holdings
	partly         PartlyNamed
	byItem         itemTally
	added, missing catalog.ItemSet
	malformed      bool
	editions       map[uint32]bool
	stats          Explain
}

// counts are the numbers of one group.
type counts struct {
	records, reads                 int64
	unresolved                     int64
	unresolvedRows                 returned
	accounts, unregistered         int64
	people, ghosts, withoutHolding int64
	items                          [catalog.MaxItems]int64
}

// returned is how many rows some reads say they returned.
type returned struct{ told, untold int64 } // rows; reads that do not say

// itemTally counts the records of each item, for --by item.
type itemTally struct{ records, reads, accounts [catalog.MaxItems]int64 }

// recordKey finds the fragments of one record. Its number holds 32 bits of a keyed
// hash, so that two records of one source and millisecond are taken for one
// with a chance of one in four thousand million. Equal lines that were read by two
// catalogs are two records, of which the answer names both.
type recordKey struct {
	time    event.Millis
	record  uint64
	rows    int32 // as its line tells them
	edition uint32
	status  uint16
	source  string
	route   string // as stored
}

// splitKey is a record that a question finds by one or more of its fragments.
type splitKey struct {
	recordKey
	group int32
}

type splitCount struct {
	n  int32 // equal records without an id are told apart by nothing but their number
	by *meaningPlan
}

// splitHome is one fragment of it. Equal records have equal accounts, so the
// most that any account counts is how many there are.
type splitHome struct {
	splitKey
	home uint32
}

// personItems is a person who stands in several accounts, or under several
// editions, and the items shown of them in one place.
type personItems struct {
	group  int32
	person dictionary.Ref
	mask   uint64 // in the bits of the catalog
}

type actorKey struct {
	group    int32
	ref      dictionary.Ref
	register int16
}

type keptPart struct {
	part    int
	locals  []uint32
	persons []personItems
}

func newTally() *tally {
	return &tally{
		groups: map[string]int32{"": 0}, names: []string{""}, counts: make([]counts, 1),
		unmapped: map[string]int64{}, routes: map[string]int64{}, sources: map[string]sourceTally{}, split: map[splitKey]splitCount{},
		actors: map[actorKey]struct{}{}, editions: map[uint32]bool{}, registers: map[int16]bool{}, holdings: map[int16]bool{},
		first: catalog.Never, last: catalog.Always,
	}
}

// byPrefix keeps a --by value that is empty apart from the whole.
const byPrefix = "="

// restGroup is the line that holds what has no line of its own.
const restGroup = "…"

// maxGroups bounds --by: a report of more lines is not read by anybody, and
// each line has its own sets of accounts. A variable for the tests.
var maxGroups = 10_000

// errTooManyGroups asks for the run that finds out which groups are largest.
var errTooManyGroups = errors.New("--by gives too many groups")

func (t *tally) group(name string) (int32, error) {
	g, ok := t.groups[name]
	if !ok {
		lines := len(t.names) - 1
		if _, rest := t.groups[restGroup]; rest {
			lines--
		}
		if name != restGroup && lines >= maxGroups {
			return 0, errTooManyGroups
		}
		g = int32(len(t.names))
		t.groups[name] = g
		t.names = append(t.names, name)
		t.counts = append(t.counts, counts{})
	}
	return g, nil
}

func (t *tally) ghost(g int32, ref dictionary.Ref) {
	for len(t.ghosts) <= int(g) {
		t.ghosts = append(t.ghosts, nil)
	}
	t.ghosts[g] = append(t.ghosts[g], ref)
}

// record counts n primary rows of one meaning, and the rows they say they
// returned, which matter only where nobody is named.
func (t *tally) record(g int32, m *meaningPlan, n int64, rows returned, named bool) {
	t.counts[g].record(m, n, rows, named)
	if g == 0 {
		t.whole(m, n)
	}
}

func (c *counts) record(m *meaningPlan, n int64, rows returned, named bool) {
	c.records += n
	if m.read {
		c.reads += n
		if !named {
			c.unresolved += n
			c.unresolvedRows.told += rows.told
			c.unresolvedRows.untold += rows.untold
		}
	}
}

// whole counts what is not told by line of --by.
func (t *tally) whole(m *meaningPlan, n int64) {
	t.editions[m.shape.Edition] = true
	s := t.sources[m.shape.Source]
	s.records += n
	if m.read {
		s.reads += n
		t.routes[m.route] += n
		t.added |= m.added
	}
	t.sources[m.shape.Source] = s
	if !m.Known && m.shape.Source != ownSource { // no catalog describes Haetae's own records
		t.unmapped[m.route] += n
	}
	for x := uint64(m.Items); x != 0; x &= x - 1 {
		i := bits.TrailingZeros64(x)
		t.byItem.records[i] += n
		if m.read {
			t.byItem.reads[i] += n
		}
	}
}

// add joins what another worker counted.
func (t *tally) add(o *tally) error {
	code := make([]int32, len(o.names))
	for i, n := range o.names {
		if i > 0 {
			g, err := t.group(n)
			if err != nil {
				return err
			}
			code[i] = g
		}
		a, b := &t.counts[code[i]], &o.counts[i]
		a.records += b.records
		a.reads += b.reads
		a.unresolved += b.unresolved
		a.unresolvedRows.told += b.unresolvedRows.told
		a.unresolvedRows.untold += b.unresolvedRows.untold
		a.accounts += b.accounts
		a.unregistered += b.unregistered
		a.people += b.people
		a.ghosts += b.ghosts
		a.withoutHolding += b.withoutHolding
		for k := range a.items {
			a.items[k] += b.items[k]
		}
	}
	for k, v := range o.unmapped {
		t.unmapped[k] += v
	}
	for k, v := range o.routes {
		t.routes[k] += v
	}
	for k, v := range o.sources {
		s := t.sources[k]
		t.sources[k] = sourceTally{s.records + v.records, s.reads + v.reads}
	}
	for k, v := range o.split {
		k.group = code[k.group]
		t.addSplit(k, v)
	}
	for _, s := range o.shared {
		s.group = code[s.group]
		t.shared = append(t.shared, s)
	}
	for k := range o.actors {
		k.group = code[k.group]
		t.actors[k] = struct{}{}
	}
	for g, refs := range o.ghosts {
		for _, r := range refs {
			t.ghost(code[g], r)
		}
	}
	t.kept = append(t.kept, o.kept...)
	t.first, t.last = min(t.first, o.first), max(t.last, o.last)
	maps.Copy(t.registers, o.registers)
	maps.Copy(t.holdings, o.holdings)
	for i := range t.nearest {
		t.nearest[i] = t.nearest[i] || o.nearest[i]
	}
	t.partly.Records += o.partly.Records
	t.partly.Rows += o.partly.Rows
	for i := range t.byItem.records {
		t.byItem.records[i] += o.byItem.records[i]
		t.byItem.reads[i] += o.byItem.reads[i]
		t.byItem.accounts[i] += o.byItem.accounts[i]
	}
	t.added |= o.added
	t.missing |= o.missing
	t.malformed = t.malformed || o.malformed
	for k := range o.editions {
		t.editions[k] = true
	}
	t.stats.Groups += o.stats.Groups
	t.stats.GroupsSkipped += o.stats.GroupsSkipped
	t.stats.Rows += o.stats.Rows
	t.stats.RowsDecided += o.stats.RowsDecided
	return nil
}

// addSplit keeps the most that any fragment counted.
func (t *tally) addSplit(k splitKey, v splitCount) {
	if old, ok := t.split[k]; !ok || old.n < v.n {
		t.split[k] = v
	}
}
