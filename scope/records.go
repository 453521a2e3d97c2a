package scope

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/segment"
)

// Record is one access as it is kept, whole: the fragments of all accounts that it
// names are together again. Ids are pseudonyms in hexadecimal, as pseudonym("…")
// reads them.
type Record struct {
	Time      event.Millis
	Source    string
	Action    event.Action
	Route     string // by the catalog in force where it knows the route, else as stored
	Mapped    bool   // it does
	Status    uint16
	Rows      int32 // event.RowsUnknown if the source does not say
	Actor     string
	ActorType string
	Key       string
	Token     uint64 // keyed hash; 0 = none
	Client    event.Client
	Subjects  []string // sorted
	Items     []string // of a successful answer, by the catalog in force
	Stream    string
	Block     uint32

	// ID follows from what is stored: with the same records it is the same,
	// whatever the catalog says now. Nth tells records apart of which the same is
	// stored.
	ID  [16]byte
	Nth int

	homes [][]byte
}

// UID is ID and Nth as one word.
func (r *Record) UID() string {
	s := hex.EncodeToString(r.ID[:])
	if r.Nth > 0 {
		s += "-" + hex.EncodeToString(binary.BigEndian.AppendUint32(nil, uint32(r.Nth)))
	}
	return s
}

// heldRecords is about how many records are held at once, to be told in the order
// of time: some hundred megabytes at most.
var heldRecords = 1 << 18

// Records calls fn with every record that the query matches, in the order of time,
// whatever files they lie in. The record is fn's to keep. By, Zone, Keep and Workers
// of the query mean nothing here.
//
// What stands in view at different times has the same ids, as long as the files do
// not change: records are told apart by what they hold, not by where they lie.
func Records(ctx context.Context, v View, q Query, fn func(*Record) error) error {
	p, err := newPlan(v, Query{Where: q.Where, From: q.From, To: q.To, anyWord: q.anyWord})
	if err != nil {
		return err
	}
	if err := p.segmentsOf(&Explain{}); err != nil {
		return err
	}
	if p.issued, err = p.issuedTokens(ctx, max(q.Workers, 1)); err != nil {
		return err
	}
	g := &gatherer{worker: worker{plan: p, t: newTally(), pass: passCount}, ctx: ctx, fn: fn, held: heldRecords}
	lo, hi := catalog.Never, catalog.Always
	for _, sp := range p.segments {
		info, err := sp.r.Info()
		if err != nil {
			return err
		}
		lo, hi = min(lo, max(info.MinTime, p.from)), max(hi, min(info.MaxTime+1, p.to))
	}
	if lo >= hi {
		return nil
	}
	return g.tell(lo, hi)
}

// EachOf is Records for rows that are not in files yet: of words that the
// condition compares with, none is refused because no file holds it.
func EachOf(ctx context.Context, v View, where string, fn func(*Record) error) error {
	return Records(ctx, v, Query{Where: where, anyWord: true}, fn)
}

// AsksIssued reports whether the predicate asks for credential.issued, which only a
// look through all records can say.
func (p *Predicate) AsksIssued() bool {
	return slices.ContainsFunc(p.leaves, func(l *leaf) bool { return l.pseudo == issued })
}

// gatherer puts records together, of one stretch of time after the other.
type gatherer struct {
	worker
	ctx  context.Context
	fn   func(*Record) error
	held int

	found []*Record
	open  map[openKey][]*unfinished
	opens int
	names map[dictionary.Ref]string
	raw   []byte
}

// openKey is what the fragments of a record have in common. Records of which the
// same is stored may share it; no two fragments of one have one account.
type openKey struct {
	recordKey
	id [16]byte
}

// unfinished is a record of which not all fragments were met.
type unfinished struct {
	rec     *Record
	left    int
	matches bool
}

var errTooMany = errors.New("more records than are held at once")

// tell tells the records of [lo, hi). A stretch that holds too many is divided.
func (g *gatherer) tell(lo, hi event.Millis) error {
	if hi-lo > 1 {
		about := 0.0
		for _, sp := range g.segments {
			info, err := sp.r.Info()
			if err != nil {
				return err
			}
			if from, to := max(info.MinTime, lo), min(info.MaxTime+1, hi); from < to {
				about += float64(info.Rows) * float64(to-from) / float64(info.MaxTime+1-info.MinTime)
			}
		}
		if about > float64(g.held) {
			return g.halves(lo, hi)
		}
	}
	err := g.gather(lo, hi)
	if errors.Is(err, errTooMany) {
		return g.halves(lo, hi)
	}
	if err != nil {
		return err
	}
	slices.SortFunc(g.found, func(a, b *Record) int {
		return cmp.Or(cmp.Compare(a.Time, b.Time), bytes.Compare(a.ID[:], b.ID[:]))
	})
	for i, r := range g.found {
		if i > 0 && g.found[i-1].ID == r.ID {
			r.Nth = g.found[i-1].Nth + 1
		}
		if err := g.fn(r); err != nil {
			return err
		}
	}
	return nil
}

func (g *gatherer) halves(lo, hi event.Millis) error {
	mid := lo + (hi-lo)/2
	if err := g.tell(lo, mid); err != nil {
		return err
	}
	return g.tell(mid, hi)
}

func (g *gatherer) gather(lo, hi event.Millis) error {
	g.found, g.open, g.opens = g.found[:0], map[openKey][]*unfinished{}, 0
	if len(g.names) > 1<<18 {
		g.names = nil
	}
	for _, sp := range g.segments {
		info, err := sp.r.Info()
		if err != nil {
			return err
		}
		if info.MaxTime < lo || info.MinTime >= hi {
			continue
		}
		for part := range dictionary.Partitions {
			if err := g.ctx.Err(); err != nil {
				return err
			}
			if err := g.partitionOf(sp, part, lo, hi); err != nil {
				return err
			}
		}
		// A record lies in one file: what is open now has lost a fragment.
		for _, us := range g.open {
			for _, u := range us {
				g.finished(u)
			}
		}
		clear(g.open)
		g.opens = 0
	}
	return nil
}

func (g *gatherer) partitionOf(sp *segmentPlan, part int, lo, hi event.Millis) error {
	g.part = part
	if err := g.at.Read(sp.r, part); err != nil {
		return err
	}
	pt := &g.at
	g.sessions, g.summary, g.summed, g.tables = nil, nil, nil, nil
	clear(g.combos)
	for n := range pt.Groups() {
		gr := &pt.Groups()[n]
		if gr.MaxTime < lo || gr.MinTime >= hi {
			continue
		}
		sh := sp.shapes[gr.Shape].shape
		split := sh.Flags&segment.Split != 0
		ms := sp.shapes[gr.Shape].meaningSet
		if ms == &impossible || !ms.possible {
			if !split {
				continue
			}
			// Another fragment of its records may match.
			var err error
			if ms, err = g.meaningsOf(sh, sp.all); err != nil {
				return err
			}
		}
		if err := g.groupOf(sp, pt, n, sh, ms, lo, hi); err != nil {
			return err
		}
	}
	return nil
}

func (g *gatherer) groupOf(sp *segmentPlan, pt *segment.Partition, n int, sh *segment.Shape, ms *meaningSet, lo, hi event.Millis) error {
	if err := g.loadSessions(pt); err != nil {
		return err
	}
	var err error
	if g.homes, err = pt.Homes(n, g.homes); err != nil {
		return err
	}
	if err := pt.Details(n, g.homes, &g.details, true); err != nil {
		return err
	}
	files, err := sp.r.Files()
	if err != nil {
		return err
	}
	d, ss, r := &g.details, g.sessions, &g.row
	for i, l := range g.homes {
		at := d.Time[i]
		if at < lo || at >= hi {
			continue
		}
		m, s := ms.at(at), d.Session[i]
		r.sp, r.m, r.session, r.time, r.rows = sp, m, s, at, d.Rows[i]
		home := dictionary.MakeRef(byte(g.part), l)
		r.account, r.has = home, m.named && l != noAccount
		if m.moved {
			r.account, r.has = ss.Actor[s], ss.HasActor[s]
		}
		ok := m.verdict == yes
		if m.verdict == unknown {
			if ok, err = g.decideRow(r); err != nil {
				return err
			}
		}
		if sh.Flags&segment.Split == 0 {
			if ok {
				u := &unfinished{matches: true}
				if u.rec, err = g.record(sp, sh, m, ss, s, i, files); err == nil {
					err = g.take(u, home, l)
				}
				if err != nil {
					return err
				}
				g.finished(u)
			}
		} else if err := g.fragment(sp, sh, m, ss, s, i, files, home, l, ok); err != nil {
			return err
		}
		if len(g.found)+g.opens > 4*g.held && hi-lo > 1 {
			return errTooMany
		}
	}
	return nil
}

// fragment takes one of the fragments of a record that has several.
func (g *gatherer) fragment(sp *segmentPlan, sh *segment.Shape, m *meaningPlan, ss *segment.Sessions, s uint32, i int, files []string, home dictionary.Ref, local uint32, ok bool) error {
	rec, err := g.record(sp, sh, m, ss, s, i, files)
	if err != nil {
		return err
	}
	name := ""
	if local != noAccount {
		if name, err = g.name(home); err != nil {
			return err
		}
	}
	k := openKey{keyOf(sh, &g.details, i), rec.ID}
	us := g.open[k]
	n := slices.IndexFunc(us, func(u *unfinished) bool {
		return !slices.ContainsFunc(u.rec.homes, func(h []byte) bool { return string(h) == name })
	})
	if n < 0 {
		n, us = len(us), append(us, &unfinished{rec: rec, left: segment.Fragments(g.details.Record[i])})
		g.opens++
	}
	u := us[n]
	u.matches = u.matches || ok
	if err := g.take(u, home, local); err != nil {
		return err
	}
	if u.left--; u.left <= 0 {
		us = slices.Delete(us, n, n+1)
		g.opens--
		g.finished(u)
	}
	if g.open[k] = us; len(us) == 0 {
		delete(g.open, k)
	}
	return nil
}

// take notes the account of the row at hand.
func (g *gatherer) take(u *unfinished, home dictionary.Ref, local uint32) error {
	if local != noAccount {
		name, err := g.name(home)
		if err != nil {
			return err
		}
		u.rec.homes = append(u.rec.homes, []byte(name))
	}
	if !g.row.has {
		return nil
	}
	name, err := g.name(g.row.account)
	if err == nil && !slices.Contains(u.rec.Subjects, name) {
		u.rec.Subjects = append(u.rec.Subjects, name)
	}
	return err
}

func (g *gatherer) name(ref dictionary.Ref) (string, error) {
	if s, ok := g.names[ref]; ok {
		return s, nil
	}
	p, err := g.view.Pseudonym(ref)
	if err != nil {
		return "", err
	}
	if g.names == nil {
		g.names = map[dictionary.Ref]string{}
	}
	s := hexOf(p)
	g.names[ref] = s
	return s, nil
}

// record makes the record of the row at hand, without its subjects.
func (g *gatherer) record(sp *segmentPlan, sh *segment.Shape, m *meaningPlan, ss *segment.Sessions, s uint32, i int, files []string) (*Record, error) {
	d := &g.details
	c := &sp.clients[ss.Client[s]]
	rec := &Record{
		Time: d.Time[i], Source: sh.Source, Action: sh.Action, Route: m.route, Mapped: m.Known, Status: sh.Status, Rows: event.RowsUnknown,
		ActorType: sh.ActorType, Key: sh.Key, Token: ss.Token[s],
		Client: event.Client{IP: c.IP, Agent: sp.agents[ss.Agent[s]], Country: c.Country, Network: c.Network},
		Stream: files[d.File[i]], Block: d.Block[i],
	}
	if sh.Flags&segment.HasRows != 0 {
		rec.Rows = d.Rows[i]
	}
	if m.read && g.catalog != nil {
		rec.Items = g.catalog.ItemNames(m.Items)
	}
	if ss.HasActor[s] {
		var err error
		if rec.Actor, err = g.name(ss.Actor[s]); err != nil {
			return nil, err
		}
	}
	b := append(g.raw[:0], "haetae record 1\n"...)
	for _, n := range []uint64{uint64(rec.Time), uint64(rec.Action), uint64(rec.Status), uint64(uint32(rec.Rows)), rec.Token, uint64(rec.Block), uint64(sh.Edition)} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	ip, _ := c.IP.MarshalBinary()
	for _, t := range []string{rec.Source, sh.Route, rec.Actor, rec.ActorType, rec.Key, string(ip), rec.Client.Agent, c.Country, c.Network, rec.Stream} {
		b = append(binary.AppendUvarint(b, uint64(len(t))), t...)
	}
	g.raw = b
	sum := sha256.Sum256(b)
	copy(rec.ID[:], sum[:])
	return rec, nil
}

func (g *gatherer) finished(u *unfinished) {
	r := u.rec
	slices.SortFunc(r.homes, bytes.Compare)
	h := sha256.New()
	h.Write(r.ID[:])
	for _, home := range r.homes {
		h.Write(home)
	}
	copy(r.ID[:], h.Sum(nil))
	r.homes = nil
	slices.Sort(r.Subjects)
	if u.matches {
		g.found = append(g.found, r)
	}
}
