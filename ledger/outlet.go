package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/journal"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/segment"
)

// An Outlet is a place in the journal: somebody sends on what was acknowledged, in
// its order, and has come so far. The journal keeps what an outlet has not passed on
// yet, though it lies in segments long since, so that a receiver that is down for a
// day loses nothing and nothing is written twice for it. The place is a file of its
// own, replaced as a whole: after a crash what was sent since is sent again, under the
// same names.
//
// Two things end that. More than HoldBytes of the journal is not kept, or a receiver
// that is gone for good would fill the disk; and what Retain destroys is gone from the
// journal too. Either is counted as lost, and said.
//
//	haetae outlet 1 crc32c=5e1c9a04
//	{"at":8812,"sent":104233,…}
//
// An import of history does not go through the journal, and so through no outlet.
type Outlet struct {
	l    *Ledger
	name string
	s    outletState // under Ledger.outletMu
}

type outletState struct {
	At   journal.Position `json:"at"` // what is behind is not sent
	From time.Time        `json:"from"`
	OutletCounts
	LostEntries int64 `json:"lost_entries"`
	// Memo is what whoever sends keeps beside its place.
	Memo json.RawMessage `json:"memo,omitempty"`
}

// OutletCounts are numbers of records since the outlet was made.
type OutletCounts struct {
	Sent    int64 `json:"sent"`
	Left    int64 `json:"left_out"` // its condition did not match
	Refused int64 `json:"refused"`  // by the receiver, for good
	Lost    int64 `json:"lost"`     // gone before they were sent
}

func (c *OutletCounts) add(o OutletCounts) {
	c.Sent, c.Left, c.Refused, c.Lost = c.Sent+o.Sent, c.Left+o.Left, c.Refused+o.Refused, c.Lost+o.Lost
}

// OutletStatus says how far an outlet has come.
type OutletStatus struct {
	Name string    `json:"name"`
	From time.Time `json:"from"` // when it was made; what came before is not sent
	OutletCounts
	// LostEntries are those of the journal that were gone before anybody could count
	// what they held: its files were removed by somebody else.
	LostEntries int64 `json:"lost_entries"`
	// Behind is how many entries of the journal wait: each is what was acknowledged at
	// once, from one record to some ten thousand.
	Behind int64 `json:"entries_behind"`
}

const outletMagic = "haetae outlet 1"

var outletName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

func encodeOutlet(s *outletState) ([]byte, error) {
	body, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "%s crc32c=%08x\n%s\n", outletMagic, crc32.Checksum(body, castagnoli), body), nil
}

func decodeOutlet(raw []byte) (s outletState, err error) {
	head, body, _ := bytes.Cut(raw, []byte("\n"))
	body = bytes.TrimSuffix(body, []byte("\n"))
	rest, ok := strings.CutPrefix(string(head), "haetae outlet ")
	if !ok {
		return s, fmt.Errorf("not an outlet: %w", ErrCorrupt)
	}
	if !strings.HasPrefix(rest, "1 ") {
		return s, &VersionError{What: "an outlet", Found: 2, Known: 1}
	}
	if string(head) != fmt.Sprintf("%s crc32c=%08x", outletMagic, crc32.Checksum(body, castagnoli)) {
		return s, fmt.Errorf("the checksum of an outlet is another: %w", ErrCorrupt)
	}
	if json.Unmarshal(body, &s) != nil {
		return s, fmt.Errorf("an outlet is not readable: %w", ErrCorrupt)
	}
	return s, nil
}

// loadOutlets reads the places of all outlets, so that nobody trims what one of them
// still needs, whoever opens the folder.
func (l *Ledger) loadOutlets() error {
	l.outlets = map[string]*Outlet{}
	names, err := l.fs.List(path.Join(l.dir, outletDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open outlets: %w", err)
	}
	for _, name := range names {
		if !outletName.MatchString(name) {
			continue // a file that was not finished
		}
		raw, err := disk.ReadFile(l.fs, path.Join(l.dir, outletDir, name))
		if err != nil {
			return fmt.Errorf("open outlets/%s: %w", name, err)
		}
		o := &Outlet{l: l, name: name}
		if o.s, err = decodeOutlet(raw); err != nil {
			return fmt.Errorf("open outlets/%s: %w", name, err)
		}
		l.outlets[name] = o
	}
	return nil
}

// Outlet opens an outlet, or makes one that begins with what comes from now on.
func (l *Ledger) Outlet(name string) (*Outlet, error) {
	if !outletName.MatchString(name) {
		return nil, errors.New("the name of an outlet is made of small letters, digits and -, at most 40")
	}
	if err := l.writable(); err != nil {
		return nil, fmt.Errorf("outlet: %w", err)
	}
	l.outletMu.Lock()
	defer l.outletMu.Unlock()
	if o := l.outlets[name]; o != nil {
		return o, nil
	}
	if err := l.fs.MkdirAll(path.Join(l.dir, outletDir)); err != nil {
		return nil, fmt.Errorf("outlet: %w", err)
	}
	o := &Outlet{l: l, name: name}
	o.s.At, o.s.From = l.end(), l.opts.Now().UTC()
	if err := o.write(); err != nil {
		return nil, err
	}
	l.outlets[name] = o
	return o, nil
}

// end is the position of the last entry that was acknowledged.
func (l *Ledger) end() journal.Position {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.position
}

// DropOutlet forgets an outlet and lets go of what was kept for it.
func (l *Ledger) DropOutlet(name string) error {
	l.outletMu.Lock()
	defer l.outletMu.Unlock()
	if l.outlets[name] == nil {
		return nil
	}
	dir := path.Join(l.dir, outletDir)
	if err := l.fs.Remove(path.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("outlet: %w", err)
	}
	if err := l.fs.SyncDir(dir); err != nil {
		return fmt.Errorf("outlet: %w", err)
	}
	delete(l.outlets, name)
	return nil
}

// Outlets says how far each has come, by name.
func (l *Ledger) Outlets() []OutletStatus {
	l.outletMu.Lock()
	defer l.outletMu.Unlock()
	end := l.end()
	out := []OutletStatus{}
	for _, name := range sortedNames(l.outlets) {
		o := l.outlets[name]
		out = append(out, OutletStatus{name, o.s.From, o.s.OutletCounts, o.s.LostEntries, max(0, int64(end)-int64(o.s.At))})
	}
	return out
}

func sortedNames[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for n := range m {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

// write makes the place durable. outletMu is held.
func (o *Outlet) write() error {
	text, err := encodeOutlet(&o.s)
	if err == nil {
		err = disk.WriteFile(o.l.fs, path.Join(o.l.dir, outletDir, o.name), text)
	}
	if err != nil {
		return fmt.Errorf("outlet %s: %w", o.name, err)
	}
	return nil
}

// change writes a changed state, or leaves it as it was.
func (o *Outlet) change(fn func(*outletState)) error {
	before := o.s
	fn(&o.s)
	if err := o.write(); err != nil {
		o.s = before
		return err
	}
	return nil
}

// Memo is what was kept with SetMemo.
func (o *Outlet) Memo() json.RawMessage {
	o.l.outletMu.Lock()
	defer o.l.outletMu.Unlock()
	return o.s.Memo
}

// SetMemo keeps something durably beside the place.
func (o *Outlet) SetMemo(memo json.RawMessage) error {
	o.l.outletMu.Lock()
	defer o.l.outletMu.Unlock()
	return o.change(func(s *outletState) { s.Memo = memo })
}

// Pending is what an outlet has to pass on next.
type Pending struct {
	*View         // of these rows alone
	Records int64 // in it
	lost    int64 // whose ids were destroyed since
	upTo    journal.Position
}

// errEnough ends a reading.
var errEnough = errors.New("enough")

// Next gives what was acknowledged behind the outlet's place, whole entries of about
// so many rows; nil if there is nothing. The file of a row names the entry it is of,
// before the name of its stream and a zero: with it what the same bytes say is told
// apart, always the same way.
func (o *Outlet) Next(rows int) (*Pending, error) {
	l := o.l
	l.outletMu.Lock()
	end := l.end()
	if o.s.At > end {
		// The journal is of an older copy of the folder than the outlet.
		l.log.Warn("an outlet was further than the journal; it begins anew at its end", "outlet", o.name)
		if err := o.change(func(s *outletState) { s.At = end }); err != nil {
			l.outletMu.Unlock()
			return nil, err
		}
	}
	at := o.s.At
	l.outletMu.Unlock()
	if at == end {
		return nil, nil
	}
	p := &Pending{upTo: at}
	b := newBuilder(newShapeBook())
	b.book.limit = 1 << 30 // what is sent is what was acknowledged, in however many forms
	err := l.journal.Read(at, func(pos journal.Position, data []byte) error {
		if b.rows() >= rows || pos > end {
			return errEnough
		}
		en, err := decodeEntry(bytes.Clone(data))
		if err != nil {
			return fmt.Errorf("journal entry %d: %w", pos, err)
		}
		for i := range en.batches {
			if err := p.take(l, b, &en.batches[i], fmt.Sprintf("%d.%d\x00%s", pos, i, en.batches[i].file)); err != nil {
				return err
			}
		}
		p.upTo = pos
		return nil
	})
	switch {
	case errors.Is(err, journal.ErrTrimmed):
		return nil, o.trimmed()
	case err != nil && !errors.Is(err, errEnough):
		return nil, fmt.Errorf("outlet %s: %w", o.name, err)
	}
	var readers []*segment.Reader
	if b.rows() > 0 {
		r, _, err := b.encode()
		if err != nil {
			return nil, fmt.Errorf("outlet %s: %w", o.name, err)
		}
		readers = []*segment.Reader{r}
	}
	p.View, err = l.viewOf(readers)
	return p, err
}

// take adds the rows of a batch. A record one of whose ids is gone was destroyed.
func (p *Pending) take(l *Ledger, b *builder, eb *entryBatch, file string) error {
	refs, known, err := l.known(eb.batch)
	if err != nil {
		return err
	}
	gone := map[uint32]bool{}
	for i := range eb.batch.frags {
		f := &eb.batch.frags[i]
		if f.home != noIndex && !known[f.home] || f.actor != noIndex && !known[f.actor] {
			gone[f.record] = true
		}
	}
	p.lost += int64(len(gone))
	b.begin(eb.batch)
	n := b.file(file)
	for i := range eb.batch.frags {
		f := &eb.batch.frags[i]
		if gone[f.record] {
			continue
		}
		if eb.batch.shapes[f.shape].Flags&segment.Primary != 0 {
			p.Records++
		}
		b.add(eb.batch, f, refs, n)
	}
	return nil
}

// trimmed goes on after what is no longer there.
func (o *Outlet) trimmed() error {
	l := o.l
	files, err := journal.Files(l.fs, path.Join(l.dir, journalDir))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("outlet %s: %w", o.name, errors.Join(journal.ErrTrimmed, err))
	}
	l.outletMu.Lock()
	defer l.outletMu.Unlock()
	to := files[0].First - 1
	if to <= o.s.At {
		return nil // moved on meanwhile, and counted
	}
	l.log.Error("the journal lacks entries that were not sent; how many records they held is not known", "outlet", o.name, "entries", to-o.s.At)
	return o.change(func(s *outletState) { s.LostEntries, s.At = s.LostEntries+int64(to-s.At), to })
}

// UpTo names what comes to the end of p, and grows.
func (p *Pending) UpTo() uint64 { return uint64(p.upTo) }

// Done says that p was passed on, as far as the receiver takes it, and lets go of it.
// Until it has returned nil, a crash has p passed on once more.
func (o *Outlet) Done(p *Pending, n OutletCounts) error {
	n.Lost += p.lost
	l := o.l
	l.outletMu.Lock()
	err := o.change(func(s *outletState) {
		s.At = max(s.At, p.upTo)
		s.OutletCounts.add(n)
	})
	l.outletMu.Unlock()
	if err != nil {
		return err
	}
	l.mu.RLock()
	sealed := l.m.Journal
	l.mu.RUnlock()
	return l.trim(sealed)
}

// trim lets go of what lies in segments and what no outlet needs.
func (l *Ledger) trim(sealed journal.Position) error {
	l.outletMu.Lock()
	upTo, err := l.unheld(sealed)
	l.outletMu.Unlock()
	if err != nil {
		return err
	}
	return l.journal.Trim(upTo)
}

// unheld is up to where nobody needs the journal. outletMu is held.
func (l *Ledger) unheld(sealed journal.Position) (journal.Position, error) {
	upTo := l.slowest(sealed)
	if upTo == sealed {
		return upTo, nil
	}
	files, err := journal.Files(l.fs, path.Join(l.dir, journalDir))
	if err != nil {
		return 0, err
	}
	var size int64
	for i := len(files) - 1; i >= 0; i-- {
		if size += files[i].Size; size > l.opts.HoldBytes && i+1 < len(files) {
			if last := min(files[i+1].First-1, sealed); last > upTo {
				return last, l.skip(last, "more of the journal waits for it than may")
			}
			break
		}
	}
	return upTo, nil
}

// slowest is the place of the outlet that has come least far. outletMu is held.
func (l *Ledger) slowest(sealed journal.Position) journal.Position {
	for _, o := range l.outlets {
		sealed = min(sealed, o.s.At)
	}
	return sealed
}

// skip moves outlets on that have not passed on what goes, and counts it. outletMu is
// held.
func (l *Ledger) skip(upTo journal.Position, why string) error {
	at := l.slowest(upTo)
	counts := map[journal.Position]int64{} // of each entry
	err := l.journal.Read(at, func(pos journal.Position, data []byte) error {
		if pos > upTo {
			return errEnough
		}
		en, err := decodeEntry(bytes.Clone(data))
		if err != nil {
			return err
		}
		counts[pos] = en.records()
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) && !errors.Is(err, journal.ErrTrimmed) {
		return fmt.Errorf("outlets: %w", err)
	}
	for _, name := range sortedNames(l.outlets) {
		o := l.outlets[name]
		if o.s.At >= upTo {
			continue
		}
		var lost int64
		for pos, n := range counts {
			if pos > o.s.At {
				lost += n
			}
		}
		if err := o.change(func(s *outletState) { s.At, s.Lost = upTo, s.Lost+lost }); err != nil {
			return err
		}
		l.log.Error("records were not sent and will not be", "outlet", o.name, "records", lost, "why", why)
	}
	return nil
}

// records counts those of an entry.
func (en *entry) records() (n int64) {
	for _, eb := range en.batches {
		for i := range eb.batch.frags {
			if eb.batch.shapes[eb.batch.frags[i].shape].Flags&segment.Primary != 0 {
				n++
			}
		}
	}
	return n
}

// dropHeld takes from the journal what is older than a moment and was kept for
// outlets alone.
func (l *Ledger) dropHeld(before event.Millis) error {
	l.mu.RLock()
	sealed := l.m.Journal
	l.mu.RUnlock()
	l.outletMu.Lock()
	upTo := l.slowest(sealed)
	var last journal.Position
	err := l.journal.Read(upTo, func(pos journal.Position, data []byte) error {
		if pos > sealed {
			return errEnough
		}
		en, err := decodeEntry(bytes.Clone(data))
		if err != nil {
			return err
		}
		for _, eb := range en.batches {
			if slices.ContainsFunc(eb.batch.frags, func(f fragment) bool { return f.time < before }) {
				last = pos
			}
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	if err == nil && last > upTo {
		err = l.skip(last, "they are older than what is kept")
	}
	l.outletMu.Unlock()
	if err != nil {
		return fmt.Errorf("outlets: %w", err)
	}
	return l.trim(sealed)
}

// known gives the ordinals of a batch's ids, and which of them still have one.
func (l *Ledger) known(b *Batch) (refs []dictionary.Ref, known []bool, err error) {
	refs, known = make([]dictionary.Ref, len(b.ids)), make([]bool, len(b.ids))
	for i, id := range b.ids {
		if refs[i], known[i], err = l.identities.Lookup(id); err != nil {
			return nil, nil, err
		}
	}
	return refs, known, nil
}
