package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/edition"
)

// editionSet is what is open of the dated editions, sorted by their date. It is
// under Ledger.mu; the slices are replaced and never changed, since a View keeps
// those it began with.
type editionSet struct {
	registers    []*edition.Register
	registerRefs []editionRef // parallel to registers
	holdings     []*edition.Holdings
	holdingRefs  []editionRef
	// files stay open until the ledger is closed, since a View may be reading
	// in an edition that is no longer named.
	files []io.Closer
	// catalogs outlives every set: an edition never changes.
	catalogs *catalogCache
}

// catalogCache keeps the editions of the catalog that a question asked for. An
// old edition is parsed once for as long as the folder is open.
type catalogCache struct {
	mu sync.Mutex // guards what follows; held while one is read, so that nobody reads it twice
	by map[uint32]*catalog.Catalog
}

// CatalogEdition gives the catalog that was installed under a number. With it an
// answer can tell which items a correction has added since a record was decoded.
func (v *View) CatalogEdition(number uint32) (*catalog.Catalog, error) {
	if v.catalog != nil && v.catalog.Edition == number {
		return v.catalog, nil
	}
	i := slices.IndexFunc(v.catalogs, func(e editionRef) bool { return e.Number == number })
	if i < 0 {
		return nil, fmt.Errorf("catalog edition %d was never installed: %w", number, ErrCorrupt)
	}
	v.olds.mu.Lock()
	defer v.olds.mu.Unlock()
	if c := v.olds.by[number]; c != nil {
		return c, nil
	}
	c, err := v.l.readCatalog(v.catalogs[i])
	if err != nil {
		return nil, err
	}
	v.olds.by[number] = c
	return c, nil
}

func (l *Ledger) readCatalog(e editionRef) (*catalog.Catalog, error) {
	data, err := disk.ReadFile(l.fs, l.path(editionDir, e.File))
	if err != nil {
		return nil, fmt.Errorf("open editions/%s: %w", e.File, notThere(err))
	}
	// Every answer rests on it, and YAML has no checksum but the one in the name.
	if catalogFile(data) != e.File {
		return nil, fmt.Errorf("open editions/%s: checksum does not match: %w", e.File, ErrCorrupt)
	}
	c, err := catalog.Parse(e.Name, data)
	if err != nil {
		return nil, fmt.Errorf("open editions/%s: %w", e.File, err)
	}
	c.Edition = e.Number
	return c, nil
}

func (s *editionSet) close() error {
	var errs []error
	for _, f := range s.files {
		errs = append(errs, f.Close())
	}
	s.files = nil
	return errors.Join(errs...)
}

// openEdition is one edition: a register or holdings.
type openEdition struct {
	ref      editionRef
	register *edition.Register
	holdings *edition.Holdings
	file     io.Closer
}

func (l *Ledger) openEdition(ref editionRef, holdings bool) (_ openEdition, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("open editions/%s: %w", ref.File, err)
		}
	}()
	f, err := l.fs.Open(l.path(editionDir, ref.File))
	if err != nil {
		return openEdition{}, err
	}
	e := openEdition{ref: ref, file: f}
	size, err := f.Size()
	if err == nil && holdings {
		if e.holdings, err = edition.OpenHoldings(f, size); err == nil {
			e.holdings.File = "editions/" + ref.File
		}
	} else if err == nil {
		e.register, err = edition.OpenRegister(f, size)
	}
	if err != nil {
		f.Close()
		return openEdition{}, err
	}
	return e, nil
}

// add makes e one of the set.
func (s *editionSet) add(e openEdition) {
	s.files = append(s.files, e.file)
	if e.holdings != nil {
		s.holdings, s.holdingRefs = placed(s.holdings, s.holdingRefs, e.holdings, e.ref)
	} else {
		s.registers, s.registerRefs = placed(s.registers, s.registerRefs, e.register, e.ref)
	}
}

// placed inserts by date.
func placed[T any](list []T, refs []editionRef, e T, ref editionRef) ([]T, []editionRef) {
	i, _ := slices.BinarySearchFunc(refs, ref, byDate)
	return slices.Insert(slices.Clone(list), i, e), slices.Insert(slices.Clone(refs), i, ref)
}

// remove takes editions out of the set.
func (s *editionSet) remove(gone []editionRef) {
	s.registers, s.registerRefs = without(s.registers, s.registerRefs, gone)
	s.holdings, s.holdingRefs = without(s.holdings, s.holdingRefs, gone)
}

func without[T any](list []T, refs, gone []editionRef) (left []T, leftRefs []editionRef) {
	for i, r := range refs {
		if !slices.ContainsFunc(gone, func(g editionRef) bool { return g.File == r.File }) {
			left, leftRefs = append(left, list[i]), append(leftRefs, r)
		}
	}
	return left, leftRefs
}

func byDate(a, b editionRef) int {
	if a.From != b.From {
		return cmpMillis(a.From, b.From)
	}
	return int(a.Number) - int(b.Number)
}

// loadEditions opens the editions the manifest names. Nobody else has l yet.
func (l *Ledger) loadEditions() error {
	l.editions.catalogs = &catalogCache{by: map[uint32]*catalog.Catalog{}}
	for _, list := range []struct {
		refs     []editionRef
		holdings bool
	}{{l.m.Registers, false}, {l.m.Holdings, true}} {
		for _, ref := range list.refs {
			e, err := l.openEdition(ref, list.holdings)
			if err != nil {
				return err
			}
			l.editions.add(e)
		}
	}
	if n := len(l.m.Catalogs); n > 0 {
		cat, err := l.readCatalog(l.m.Catalogs[n-1])
		if err != nil {
			return err
		}
		l.catalog = cat
	}
	return nil
}

// InstallCatalog makes a catalog the one in force. The same text again changes
// nothing. Records keep the edition that decoded them; questions are answered
// by the newest.
func (l *Ledger) InstallCatalog(name string, text []byte) (edition uint32, changed bool, err error) {
	cat, err := catalog.Parse(name, text)
	if err != nil {
		return 0, false, err
	}
	file := catalogFile(text)
	l.commitMu.Lock()
	defer l.commitMu.Unlock()
	if n := len(l.m.Catalogs); n > 0 {
		last := l.m.Catalogs[n-1]
		old, err := disk.ReadFile(l.fs, l.path(editionDir, last.File))
		if err == nil && bytes.Equal(old, text) {
			return last.Number, false, nil
		}
	}
	if err := l.writable(); err != nil {
		return 0, false, err
	}
	if err := disk.WriteFile(l.fs, l.path(editionDir, file), text); err != nil {
		return 0, false, fmt.Errorf("install catalog: %w", err)
	}
	number := uint32(len(l.m.Catalogs) + 1)
	cat.Edition = number
	err = l.commitLocked(func(m *manifest) error {
		m.Catalogs = append(m.Catalogs, editionRef{Number: number, Name: name, File: file, Added: l.opts.Now().UTC()})
		return nil
	}, func() { l.catalog = cat })
	if err != nil {
		return 0, false, fmt.Errorf("install catalog: %w", err)
	}
	return number, true, nil
}

// editionBatch is how many lines are resolved at a time.
const editionBatch = 1 << 14

// InstallRegister adds a dated edition of the register: the accounts that exist
// from that date on. A line's own date (Since) is informational and not kept: an
// edition is a bit for each account, and is dated as a whole. lines may stop early with an error, and then nothing is
// installed.
func (l *Ledger) InstallRegister(name string, from event.Millis, lines iter.Seq2[catalog.RegisterLine, error]) (int64, error) {
	defer l.uses.begin()() // until the edition that names them is installed
	var refs []dictionary.Ref
	ids := newIDBatch(l, l.identities)
	flush := func() error {
		out, err := ids.resolve()
		refs = append(refs, out...)
		return err
	}
	for line, err := range lines {
		if err != nil {
			return 0, fmt.Errorf("install register %s: %w", name, err)
		}
		ids.add(l.hasher.Account(line.Account), string(line.Account))
		if len(ids.ps) == editionBatch {
			if err := flush(); err != nil {
				return 0, fmt.Errorf("install register %s: %w", name, err)
			}
		}
	}
	if err := flush(); err != nil {
		return 0, fmt.Errorf("install register %s: %w", name, err)
	}
	return l.installEdition("register", name, from, int64(len(refs)), func(w io.Writer) error {
		return edition.BuildRegister(w, name, from, slices.Values(refs))
	}, func(m *manifest) *[]editionRef { return &m.Registers })
}

// InstallHoldings adds a dated edition of the holdings.
func (l *Ledger) InstallHoldings(name string, from event.Millis, lines iter.Seq2[catalog.HoldingLine, error]) (int64, error) {
	defer l.uses.begin()()
	b := edition.NewHoldingsBuilder(name, from)
	accounts, persons := newIDBatch(l, l.identities), newIDBatch(l, l.persons)
	type rest struct {
		items  []string
		holder bool
	}
	var rests []rest
	n := int64(0)
	flush := func() error {
		as, err := accounts.resolve()
		if err != nil {
			return err
		}
		ps, err := persons.resolve()
		if err != nil {
			return err
		}
		for i, r := range rests {
			if err := b.Add(as[i], ps[i], r.items, r.holder); err != nil {
				return err
			}
		}
		rests = rests[:0]
		return nil
	}
	for line, err := range lines {
		if err != nil {
			return 0, fmt.Errorf("install holdings %s: %w", name, err)
		}
		accounts.add(l.hasher.Account(line.Account), string(line.Account))
		persons.add(l.hasher.Person(line.Person), string(line.Person))
		rests = append(rests, rest{slices.Clone(line.Items), line.Holder})
		n++
		if len(rests) == editionBatch {
			if err := flush(); err != nil {
				return 0, fmt.Errorf("install holdings %s: %w", name, err)
			}
		}
	}
	if err := flush(); err != nil {
		return 0, fmt.Errorf("install holdings %s: %w", name, err)
	}
	return l.installEdition("holdings", name, from, n, b.Write, func(m *manifest) *[]editionRef { return &m.Holdings })
}

func (l *Ledger) installEdition(kind, name string, from event.Millis, lines int64, write func(io.Writer) error, list func(*manifest) *[]editionRef) (int64, error) {
	file := l.newName(kind, ".edition")
	var buf bytes.Buffer
	if err := write(&buf); err != nil {
		return 0, fmt.Errorf("install %s %s: %w", kind, name, err)
	}
	if err := disk.WriteFile(l.fs, l.path(editionDir, file), buf.Bytes()); err != nil {
		return 0, fmt.Errorf("install %s %s: %w", kind, name, err)
	}
	e, err := l.openEdition(editionRef{Name: name, File: file, From: from, Added: l.opts.Now().UTC(), Lines: lines}, kind == "holdings")
	if err != nil {
		return 0, fmt.Errorf("install %s %s: %w", kind, name, err)
	}
	err = l.commit(func(m *manifest) error {
		refs := list(m)
		e.ref.Number = 1
		if n := len(*refs); n > 0 { // the newest is never taken away, so no number comes twice
			e.ref.Number = (*refs)[n-1].Number + 1
		}
		*refs = append(*refs, e.ref)
		return nil
	}, func() { l.editions.add(e) })
	if err != nil {
		e.file.Close()
		return 0, fmt.Errorf("install %s %s: %w", kind, name, err)
	}
	return lines, nil
}

// idBatch resolves ids many at a time, which is several times faster.
type idBatch struct {
	l       *Ledger
	d       *dictionary.Dictionary
	ps      []pseudonym.Pseudonym
	buckets []uint64
	plain   []string
}

func newIDBatch(l *Ledger, d *dictionary.Dictionary) *idBatch { return &idBatch{l: l, d: d} }

func (b *idBatch) add(p pseudonym.Pseudonym, plain string) {
	b.ps = append(b.ps, p)
	b.buckets = append(b.buckets, b.l.hasher.Bucket(plain))
	b.plain = append(b.plain, plain)
}

func (b *idBatch) resolve() ([]dictionary.Ref, error) {
	out := make([]dictionary.Ref, len(b.ps))
	err := b.d.Resolve(b.ps, b.buckets, func(i int) []byte { return b.l.sealer.Seal(nil, b.plain[i]) }, out)
	b.ps, b.buckets, b.plain = b.ps[:0], b.buckets[:0], b.plain[:0]
	return out, err
}

// EarlierCatalog reports whether this very text was an edition of the catalog
// that has been replaced since, and which. An edition's file is named for its
// content. What is in force is not earlier, though it may have been before.
func (l *Ledger) EarlierCatalog(text []byte) (number uint32, earlier bool) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	file := catalogFile(text)
	for i, e := range l.m.Catalogs {
		if e.File != file {
			continue
		}
		number, earlier = e.Number, i < len(l.m.Catalogs)-1
	}
	return number, earlier
}

func catalogFile(text []byte) string {
	sum := sha256.Sum256(text)
	return "catalog-" + hex.EncodeToString(sum[:8]) + ".yaml"
}
