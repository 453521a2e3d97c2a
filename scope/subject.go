package scope

import (
	"cmp"
	"context"
	"maps"
	"runtime"
	"slices"
	"sort"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/edition"
	"github.com/haetae/haetae/ledger/segment"
)

// Access is one access to one person's data, as the data subject is told of it
// (열람 내역).
type Access struct {
	Time      string `json:"time"`
	Source    string `json:"source"`
	Actor     string `json:"actor"` // beginning of a pseudonym; "" when the log names none
	ActorType string `json:"actor_type"`
	// Pseudonym is the actor's whole pseudonym, as pseudonym("…") reads it.
	Pseudonym string `json:"actor_pseudonym,omitempty"`
	// Own: with the session of the account itself. Whether the person held it is
	// not in the record: a stolen session is own too.
	Own bool `json:"own"`
	// Book is the account in whose address book the person was shown, as the
	// beginning of its pseudonym; "" when it is the person's own account.
	Book    string   `json:"book,omitempty"`
	Key     string   `json:"key"`
	Client  string   `json:"client"`
	Country string   `json:"country,omitempty"`
	Network string   `json:"network,omitempty"`
	Agent   string   `json:"agent,omitempty"`
	Action  string   `json:"action"`
	Route   string   `json:"route"`
	Status  uint16   `json:"status"`
	Read    bool     `json:"read"` // a successful answer with items
	Items   []string `json:"items"`
	Stream  string   `json:"stream"` // where the record came from
	Block   uint32   `json:"block"`  // which MiB of it

	at event.Millis
}

// Accesses is the answer to "who read my data".
type Accesses struct {
	// Known is false when no record, register or holdings line ever named the
	// person.
	Known    bool `json:"known"`
	Accounts int  `json:"accounts"` // looked at: the own one, and all in whose books the person stands
	Total    int  `json:"total"`    // accesses, whatever the limit
	Reads    int  `json:"reads"`    // of them, answered with personal data
	// Accesses are the latest, oldest first. One record stands once for each
	// account by which it showed the person.
	Accesses  []Access `json:"accesses"`
	Truncated bool     `json:"truncated,omitempty"`
	// Unresolved are the reads of the time asked about that name nobody: each may
	// have shown this person.
	Unresolved int64 `json:"unresolved"`
	// Sources divides these numbers among the logs that know of them.
	Sources []AccessSource `json:"sources"`
	// Limits say what this answer could not tell.
	Limits []Limit `json:"limits"`
	// Exceptions are those that kept a signal quiet of which one of these accesses is.
	Exceptions []Exception `json:"exceptions,omitempty"`
}

// AccessSource is what one source says of a person. One look-up that two logs tell of
// is an access in each.
type AccessSource struct {
	Source     string `json:"source"`
	Accesses   int    `json:"accesses"`
	Reads      int    `json:"reads"`
	Unresolved int64  `json:"unresolved"` // reads of it that name nobody
}

// Subject lists every access to a person's data, oldest first.
//
// Of the person's own account: records that name it, successful or not, and
// those of its own sessions only on pages about the account. Of every other
// account in whose book the person stands, by any edition of the holdings:
// answers that showed at least one item of the person that was not empty, by the
// edition in force. Whether the register had that account is not asked: where
// the two lists disagree, the person is told.
//
// limit bounds the list, not the totals or the exceptions; 0 means no bound.
func Subject(ctx context.Context, v View, id event.AccountID, q Query, limit int) (*Accesses, error) {
	p, err := newPlan(v, Query{From: q.From, To: q.To})
	if err != nil {
		return nil, err
	}
	f := &finder{plan: p, out: &Accesses{Accesses: []Access{}, Limits: []Limit{}}, seen: map[movedKey]int{}, rows: map[movedKey]struct{}{}, nameless: map[string]int64{}, ofActor: map[routeKey]bool{}}
	if err := f.targets(ctx, id, q.Workers); err != nil {
		return nil, err
	}
	for _, pass := range []func(*segment.Reader) error{f.atHome, f.elsewhere} {
		for _, r := range v.Segments() {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if err := pass(r); err != nil {
				return nil, err
			}
		}
	}
	zone := q.Zone
	if zone == nil && p.catalog != nil {
		zone = p.catalog.Zone()
	}
	if zone == nil {
		zone = time.UTC
	}
	out := f.out
	if err := f.limitsOf(zone, q.Now); err != nil {
		return nil, err
	}
	slices.SortStableFunc(out.Accesses, func(a, b Access) int { return cmp.Compare(a.at, b.at) })
	for i := range out.Accesses {
		a := &out.Accesses[i]
		a.Time = stamp(a.at, zone)
		if a.Read {
			out.Reads++
		}
	}
	out.Sources = f.bySource()
	if q.Exceptions {
		if out.Exceptions, err = f.exceptions(ctx, q); err != nil {
			return nil, err
		}
	}
	out.Total = len(out.Accesses)
	if limit > 0 && out.Total > limit {
		out.Accesses, out.Truncated = out.Accesses[out.Total-limit:], true
	}
	return out, nil
}

// bySource divides the accesses, and the reads that name nobody, among their sources.
func (f *finder) bySource() []AccessSource {
	of := map[string]AccessSource{}
	for i := range f.out.Accesses {
		a := &f.out.Accesses[i]
		s := of[a.Source]
		s.Accesses++
		if a.Read {
			s.Reads++
		}
		of[a.Source] = s
	}
	for source, n := range f.nameless {
		s := of[source]
		s.Unresolved = n
		of[source] = s
	}
	out := []AccessSource{}
	for _, source := range slices.Sorted(maps.Keys(of)) {
		s := of[source]
		s.Source = source
		out = append(out, s)
	}
	return out
}

// finder looks for the accesses to some accounts.
type finder struct {
	*plan
	out   *Accesses
	books map[dictionary.Ref]*target
	order []dictionary.Ref // of books, sorted
	seen  map[movedKey]int
	rows  map[movedKey]struct{} // of the accesses, by the account where they live
	// nameless are the reads that name nobody, by source.
	nameless map[string]int64
	// ofActor: the catalog in force says that a stored route is about the actor.
	ofActor map[routeKey]bool

	shapes  map[uint32]*shapePlan // of the segment at hand
	homes   []uint32
	details segment.Details
}

// target is an account to look for: the person's own, or one with a book.
type target struct {
	own   bool
	book  book
	label string
}

type routeKey struct {
	route  string
	mapped bool
}

// movedKey is a record as one account's rows tell it.
type movedKey struct {
	recordKey
	account dictionary.Ref
}

// targets finds the accounts by which an id is shown.
func (f *finder) targets(ctx context.Context, id event.AccountID, workers int) error {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	v := f.view
	f.books = map[dictionary.Ref]*target{}
	ref, ok, err := v.Lookup(v.Hasher().Account(id))
	if err != nil {
		return err
	}
	var own *dictionary.Ref
	if ok {
		own = &ref
		f.books[ref] = &target{own: true}
	}
	person, is, err := v.LookupPerson(v.Hasher().Person(event.PersonID(id)))
	if err != nil {
		return err
	}
	if is {
		found, err := f.booksOf(ctx, person, own, workers)
		if err != nil {
			return err
		}
		for account, b := range found {
			hex, err := actorGroup(v, account, true)
			if err != nil {
				return err
			}
			f.books[account] = &target{book: b, label: labelOf(hex)}
		}
	}
	f.order = slices.Sorted(maps.Keys(f.books))
	f.out.Known, f.out.Accounts = ok || is, len(f.order)
	return nil
}

// meaningOf prepares a shape once per segment.
func (f *finder) meaningOf(shapes []segment.Shape, n uint32) (*shapePlan, error) {
	if s := f.shapes[n]; s != nil {
		return s, nil
	}
	m, err := f.meaningsOf(&shapes[n], nil)
	if err != nil {
		return nil, err
	}
	s := &shapePlan{&shapes[n], m}
	f.shapes[n] = s
	return s, nil
}

// atHome finds the rows of the accounts where they live: in each group they
// stand together.
func (f *finder) atHome(r *segment.Reader) error {
	shapes, err := r.Shapes()
	if err != nil {
		return err
	}
	f.shapes = map[uint32]*shapePlan{}
	for i := 0; i < len(f.order); {
		mine := f.order[i:]
		part := mine[0].Part()
		n := sort.Search(len(mine), func(k int) bool { return mine[k].Part() > part })
		i += n
		pt, err := r.Partition(part)
		if err != nil {
			return err
		}
		for g := range pt.Groups() {
			if err := f.homeGroup(r, pt, g, shapes, mine[:n]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *finder) homeGroup(r *segment.Reader, pt *segment.Partition, g int, shapes []segment.Shape, accounts []dictionary.Ref) error {
	gr := &pt.Groups()[g]
	if gr.MaxTime < f.from || gr.MinTime >= f.to {
		return nil
	}
	var err error
	if f.homes, err = pt.Homes(g, f.homes); err != nil {
		return err
	}
	read := false
	for _, ref := range accounts {
		local := ref.Local()
		lo := sort.Search(len(f.homes), func(i int) bool { return f.homes[i] >= local })
		if lo == len(f.homes) || f.homes[lo] != local {
			continue
		}
		if !read {
			read = true
			if err := pt.Details(g, f.homes, &f.details, true); err != nil {
				return err
			}
		}
		sh, err := f.meaningOf(shapes, gr.Shape)
		if err != nil {
			return err
		}
		flags := sh.shape.Flags
		for i := lo; i < len(f.homes) && f.homes[i] == local; i++ {
			at := f.details.Time[i]
			if at < f.from || at >= f.to {
				continue
			}
			m := sh.at(at)
			if flags&(segment.Split|segment.HomeIsActor) == segment.Split|segment.HomeIsActor && m.named {
				f.seen[movedKey{keyOf(sh.shape, &f.details, i), ref}]++
			}
			if !m.named && flags&(segment.Named|segment.Lifted) == 0 {
				continue // the account's own visit to a page that is not about it
			}
			if err := f.add(r, pt, sh, m, i, ref, ref, m.named, flags&segment.HomeIsActor != 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// elsewhere finds the answers that were about whoever connected, by a catalog
// that was corrected since, and whose rows lie with the accounts the earlier one
// found. There are none without such a correction.
func (f *finder) elsewhere(r *segment.Reader) error {
	shapes, err := r.Shapes()
	if err != nil {
		return err
	}
	if len(f.order) == 0 {
		return nil
	}
	f.shapes = map[uint32]*shapePlan{}
	moves := make([]bool, len(shapes))
	for n := range shapes {
		if !f.mayMove(&shapes[n]) {
			continue
		}
		sh, err := f.meaningOf(shapes, uint32(n))
		if err != nil {
			return err
		}
		moves[n] = slices.ContainsFunc(sh.meanings, func(m meaningPlan) bool { return m.moved })
	}
	if !slices.Contains(moves, true) {
		return nil
	}
	for part := range dictionary.Partitions {
		pt, err := r.Partition(part)
		if err != nil {
			return err
		}
		for g, gr := range pt.Groups() {
			if !moves[gr.Shape] || gr.MaxTime < f.from || gr.MinTime >= f.to {
				continue
			}
			if f.homes, err = pt.Homes(g, f.homes); err != nil {
				return err
			}
			if err := pt.Details(g, f.homes, &f.details, true); err != nil {
				return err
			}
			ss, err := pt.Sessions()
			if err != nil {
				return err
			}
			sh := f.shapes[gr.Shape]
			for i, at := range f.details.Time {
				s := f.details.Session[i]
				m := sh.at(at)
				if at < f.from || at >= f.to || !m.moved || !ss.HasActor[s] || f.books[ss.Actor[s]] == nil {
					continue
				}
				// The actor may have a fragment of the same record at home.
				k := movedKey{keyOf(sh.shape, &f.details, i), ss.Actor[s]}
				if f.seen[k] > 0 {
					f.seen[k]--
					continue
				}
				if err := f.add(r, pt, sh, m, i, dictionary.MakeRef(byte(part), f.homes[i]), ss.Actor[s], true, true); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// mayMove leaves out nearly all shapes without asking what they mean: a segment
// may have thousands.
func (f *finder) mayMove(sh *segment.Shape) bool {
	const several = segment.Primary | segment.HomeIsActor
	if sh.ActorType != event.Member || sh.Flags&several != segment.Primary || sh.Flags&(segment.Named|segment.Lifted) == 0 || f.catalog == nil {
		return false
	}
	mapped := sh.Flags&segment.Mapped != 0
	k := routeKey{sh.Route, mapped}
	is, ok := f.ofActor[k]
	if !ok {
		is = slices.ContainsFunc(f.catalog.Meanings(sh.Route, mapped), func(m catalog.Meaning) bool { return m.Position == event.PositionActor })
		f.ofActor[k] = is
	}
	return is
}

// add takes a row in, if it is an access to the person's data. subject: the
// record is about the account, by the catalog in force.
// home is where its row lives.
func (f *finder) add(r *segment.Reader, pt *segment.Partition, sh *shapePlan, m *meaningPlan, i int, home, account dictionary.Ref, subject, own bool) error {
	t, d := f.books[account], &f.details
	items := m.Items
	if !t.own {
		if !m.read || !subject {
			return nil
		}
		h, _ := edition.InForce(f.holdings, d.Time[i])
		if items = catalog.ItemSet(f.shown(t.book, m, h)); items == 0 {
			return nil
		}
	}
	ss, err := pt.Sessions()
	if err != nil {
		return err
	}
	clients, err := r.Clients()
	if err != nil {
		return err
	}
	agents, err := r.Agents()
	if err != nil {
		return err
	}
	files, err := r.Files()
	if err != nil {
		return err
	}
	s := d.Session[i]
	c := &clients[ss.Client[s]]
	a := Access{
		at: d.Time[i], Source: sh.shape.Source, ActorType: sh.shape.ActorType, Own: own, Book: t.label, Key: sh.shape.Key,
		Client: address(c), Country: c.Country, Network: c.Network, Agent: agents[ss.Agent[s]], Action: sh.shape.Action.String(),
		Route: m.route, Status: sh.shape.Status, Read: m.read && subject, Items: []string{},
		Stream: files[d.File[i]], Block: d.Block[i],
	}
	if a.Pseudonym, err = actorGroup(f.view, ss.Actor[s], ss.HasActor[s]); err != nil {
		return err
	}
	a.Actor = labelOf(a.Pseudonym)
	if a.Read && f.catalog != nil {
		a.Items = f.catalog.ItemNames(items)
	}
	f.out.Accesses = append(f.out.Accesses, a)
	f.rows[movedKey{keyOf(sh.shape, d, i), home}] = struct{}{}
	return nil
}
