package scope

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/edition"
)

// bookLine is what one edition of the holdings says of a person in one account's
// book.
type bookLine struct {
	has, holder bool
	items       uint64 // not empty, in the bits of the edition
}

// book is a person's lines under one account, per edition of the holdings.
type book []bookLine

// booksOf finds every account under which some edition of the holdings has the
// person, but for the person's own account (own, if any). Holdings lie by
// account, so that this is a walk over all of them: a few nanoseconds a line, and
// none where the person's own line says that they stand nowhere else.
func (p *plan) booksOf(ctx context.Context, person dictionary.Ref, own *dictionary.Ref, workers int) (map[dictionary.Ref]book, error) {
	books := map[dictionary.Ref]book{}
	for h := range p.holdings {
		if own != nil {
			only, err := p.standsOnlyIn(h, person, *own)
			if err != nil {
				return nil, err
			}
			if only {
				continue
			}
		}
		found, err := p.booksIn(ctx, h, person, workers)
		if err != nil {
			return nil, err
		}
		for account, line := range found {
			if own != nil && account == *own {
				continue
			}
			if books[account] == nil {
				books[account] = make(book, len(p.holdings))
			}
			books[account][h] = line
		}
	}
	return books, nil
}

// standsOnlyIn reports whether edition h has the person under account, and says
// that it has them under no other.
func (p *plan) standsOnlyIn(h int, person, account dictionary.Ref) (bool, error) {
	pt, err := p.holdings[h].Partition(account.Part())
	if err != nil {
		return false, err
	}
	for n, to := pt.Lines(account.Local()); n < to; n++ {
		if line := pt.Line(n); line.Person == person {
			return !line.Shared, nil
		}
	}
	return false, nil
}

// booksIn walks over one edition, its partitions side by side.
func (p *plan) booksIn(ctx context.Context, h int, person dictionary.Ref, workers int) (map[dictionary.Ref]bookLine, error) {
	var (
		next  atomic.Int32
		wg    sync.WaitGroup
		mu    sync.Mutex // guards what follows
		found = map[dictionary.Ref]bookLine{}
		first error
	)
	for range workers {
		wg.Go(func() {
			for part := int(next.Add(1)) - 1; part < dictionary.Partitions; part = int(next.Add(1)) - 1 {
				err := ctx.Err()
				var pt *edition.Part
				if err == nil {
					pt, err = p.holdings[h].Partition(part)
				}
				if err != nil {
					mu.Lock()
					first = err
					mu.Unlock()
					next.Store(dictionary.Partitions)
					return
				}
				cursor := pt.Cursor()
				for l := range p.view.Count(part) {
					for n, to := cursor.Seek(l); n < to; n++ {
						line := pt.Line(n)
						if line.Person != person {
							continue
						}
						mu.Lock()
						found[dictionary.MakeRef(byte(part), l)] = bookLine{true, line.Holder, line.Mask}
						mu.Unlock()
					}
				}
			}
		})
	}
	wg.Wait()
	return found, first
}

// shown gives the items of the person that an answer showed, by the meaning of
// its route and the edition in force, in the bits of the catalog.
func (p *plan) shown(b book, m *meaningPlan, h int) uint64 {
	if h < 0 || !b[h].has || !m.Behind && !b[h].holder {
		return 0
	}
	return p.maps[h].toCatalog(b[h].items & p.maps[h].toHoldings(m.Items))
}
