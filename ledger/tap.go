package ledger

import (
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/segment"
)

// Tap is what a follower of the ledger is told: rows that have just become durable
// and part of every later View, or that something before them has changed.
type Tap struct {
	Shapes  []segment.Shape
	Clients []segment.Client
	Agents  []string
	Rows    []TapRow
	// History: records, a catalog, a register or holdings were installed that
	// concern what was told before. Whoever has worked something out begins again.
	History bool
}

// TapRow is one fragment; Shape, Client and Agent are places in the Tap's tables.
type TapRow struct {
	Time                 event.Millis
	Shape, Client, Agent uint32
	Home                 dictionary.Ref
	Actor                dictionary.Ref
	HasActor             bool
	Token                uint64
	Rows                 int32
}

// Follow gives a view, and calls fn with everything that comes after it, nothing
// twice and nothing left out. fn is called while the ledger waits: it must only put
// the Tap away. end stops the calls.
func (l *Ledger) Follow(fn func(Tap)) (v *View, end func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if v, err = l.view(); err != nil {
		return nil, nil, err
	}
	f := &follower{fn}
	l.followers = append(l.followers, f)
	return v, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		for i, g := range l.followers {
			if g == f {
				l.followers = append(l.followers[:i:i], l.followers[i+1:]...)
				return
			}
		}
	}, nil
}

type follower struct{ fn func(Tap) }

// tell tells followers the rows of a batch that were kept. mu is held. The batch
// belongs to its sender, so what is told is copied, and of its tables, which grow
// over many batches, only what the rows use.
func (l *Ledger) tell(b *Batch, refs []dictionary.Ref, keep []bool) {
	if len(l.followers) == 0 {
		return
	}
	var t Tap
	shapes, clients, agents := make([]uint32, len(b.shapes)), make([]uint32, len(b.clients)), make([]uint32, len(b.agents))
	for i := range b.frags {
		f := &b.frags[i]
		if keep != nil && !keep[f.record] {
			continue
		}
		if shapes[f.shape] == 0 {
			t.Shapes = append(t.Shapes, b.shapes[f.shape])
			shapes[f.shape] = uint32(len(t.Shapes))
		}
		if clients[f.client] == 0 {
			t.Clients = append(t.Clients, b.clients[f.client])
			clients[f.client] = uint32(len(t.Clients))
		}
		if agents[f.agent] == 0 {
			t.Agents = append(t.Agents, b.agents[f.agent])
			agents[f.agent] = uint32(len(t.Agents))
		}
		r := TapRow{
			Time: f.time, Shape: shapes[f.shape] - 1, Client: clients[f.client] - 1, Agent: agents[f.agent] - 1,
			Home: dictionary.NoAccount(int(f.part)), Token: f.token, Rows: f.rows,
		}
		if f.home != noIndex {
			r.Home = refs[f.home]
		}
		if f.actor != noIndex {
			r.Actor, r.HasActor = refs[f.actor], true
		}
		t.Rows = append(t.Rows, r)
	}
	if len(t.Rows) == 0 {
		return
	}
	for _, f := range l.followers {
		f.fn(t)
	}
}

// tellHistory tells followers to begin again. mu is held.
func (l *Ledger) tellHistory() {
	for _, f := range l.followers {
		f.fn(Tap{History: true})
	}
}

// historyChanged reports whether a manifest changes what was there before, other
// than by what was told row by row and by merging.
func historyChanged(old, now *manifest) bool {
	done := func(m *manifest) (n int) {
		for i := range m.Imports {
			if m.Imports[i].Done {
				n++
			}
		}
		return n
	}
	return len(old.Catalogs) != len(now.Catalogs) || len(old.Registers) != len(now.Registers) || len(old.Holdings) != len(now.Holdings) ||
		done(old) != done(now) || old.RetainedFrom != now.RetainedFrom
}
