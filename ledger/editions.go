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

// editionSet is what is open of the dated editions.
type editionSet struct {
	registers []*edition.Register
	holdings  []*edition.Holdings
	files     []io.Closer
	// catalogs outlives the set: an edition never changes.
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
		return nil, fmt.Errorf("open editions/%s: %w", e.File, err)
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

// loadEditions opens the editions the manifest names, sorted by their date.
func (l *Ledger) loadEditions() error {
	var set editionSet
	open := func(e editionRef) (disk.File, int64, error) {
		f, err := l.fs.Open(l.path(editionDir, e.File))
		if err != nil {
			return nil, 0, fmt.Errorf("open editions/%s: %w", e.File, err)
		}
		size, err := f.Size()
		set.files = append(set.files, f)
		return f, size, err
	}
	byDate := func(a, b editionRef) int {
		if a.From != b.From {
			return cmpMillis(a.From, b.From)
		}
		return int(a.Number) - int(b.Number)
	}
	for _, e := range slices.SortedFunc(slices.Values(l.m.Registers), byDate) {
		f, size, err := open(e)
		if err != nil {
			return err
		}
		r, err := edition.OpenRegister(f, size)
		if err != nil {
			return fmt.Errorf("open editions/%s: %w", e.File, err)
		}
		set.registers = append(set.registers, r)
	}
	for _, e := range slices.SortedFunc(slices.Values(l.m.Holdings), byDate) {
		f, size, err := open(e)
		if err != nil {
			return err
		}
		h, err := edition.OpenHoldings(f, size)
		if err != nil {
			return fmt.Errorf("open editions/%s: %w", e.File, err)
		}
		set.holdings = append(set.holdings, h)
	}
	var cat *catalog.Catalog
	if n := len(l.m.Catalogs); n > 0 {
		var err error
		if cat, err = l.readCatalog(l.m.Catalogs[n-1]); err != nil {
			return err
		}
	}
	l.mu.Lock()
	if set.catalogs = l.editions.catalogs; set.catalogs == nil {
		set.catalogs = &catalogCache{by: map[uint32]*catalog.Catalog{}}
	}
	l.editions, l.catalog = set, cat
	l.mu.Unlock()
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
	sum := sha256.Sum256(text)
	file := "catalog-" + hex.EncodeToString(sum[:8]) + ".yaml"
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
	err = l.commitLocked(func(m *manifest) error {
		m.Catalogs = append(m.Catalogs, editionRef{Number: number, Name: name, File: file, Added: l.opts.Now().UTC()})
		return nil
	})
	if err != nil {
		return 0, false, fmt.Errorf("install catalog: %w", err)
	}
	cat.Edition = number
	l.mu.Lock()
	l.catalog = cat
	l.mu.Unlock()
	return number, true, nil
}

// editionBatch is how many lines are resolved at a time.
const editionBatch = 1 << 14

// InstallRegister adds a dated edition of the register: the accounts that exist
// from that date on. lines may stop early with an error, and then nothing is
// installed.
func (l *Ledger) InstallRegister(name string, from event.Millis, lines iter.Seq2[catalog.RegisterLine, error]) (int64, error) {
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
	err := l.commit(func(m *manifest) error {
		refs := list(m)
		*refs = append(*refs, editionRef{Number: uint32(len(*refs) + 1), Name: name, File: file, From: from, Added: l.opts.Now().UTC(), Lines: lines})
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("install %s %s: %w", kind, name, err)
	}
	// Views that are being answered keep the editions they began with; the
	// files of the old set stay open until the ledger is closed.
	old := l.editions.files
	if err := l.loadEditions(); err != nil {
		return 0, err
	}
	l.mu.Lock()
	l.editions.files = append(l.editions.files, old...)
	l.mu.Unlock()
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
