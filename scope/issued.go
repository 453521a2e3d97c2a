package scope

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/segment"
)

// tokenSet is a set of token fingerprints: a table of 8 bytes a slot, at most
// half of them used, so that a hundred million tokens take two gigabytes and a
// look takes one miss of the cache.
type tokenSet struct {
	slots []uint64 // 0: free; no token has that fingerprint
	n     int
}

// newTokenSet makes one for at most n tokens.
func newTokenSet(n int) *tokenSet {
	size := 16
	for size < 2*n {
		size *= 2
	}
	return &tokenSet{slots: make([]uint64, size)}
}

// place is where t stands or would stand. Fingerprints are keyed hashes, so that
// their own bits spread them.
func (s *tokenSet) place(t uint64) int {
	i := int(t) & (len(s.slots) - 1)
	for s.slots[i] != 0 && s.slots[i] != t {
		i = (i + 1) & (len(s.slots) - 1)
	}
	return i
}

func (s *tokenSet) add(t uint64) {
	if i := s.place(t); s.slots[i] == 0 {
		s.slots[i] = t
		s.n++
	}
}

// has is false for 0, which is no token.
func (s *tokenSet) has(t uint64) bool { return t != 0 && s.slots[s.place(t)] == t }

// issues reports whether the records of a shape gave somebody a token: a sign-in
// or an issue, answered with 2xx or without a status.
func issues(sh *segment.Shape) bool {
	return (sh.Action == event.ActionSignIn || sh.Action == event.ActionIssue) && (sh.Status == 0 || sh.Status/100 == 2)
}

// issuedTokens collects the tokens that somebody was given, at whatever time,
// when the predicate asks for it. It reads the groups of such records and no
// others.
func (p *plan) issuedTokens(ctx context.Context, workers int) (*tokenSet, error) {
	if !slices.ContainsFunc(p.pred.leaves, func(l *leaf) bool { return l.pseudo == issued }) {
		return nil, nil
	}
	var readers []*segment.Reader
	for _, r := range p.view.Segments() {
		shapes, err := r.Shapes()
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(shapes, func(sh segment.Shape) bool { return issues(&sh) }) {
			readers = append(readers, r)
		}
	}
	found := make([][]uint64, workers)
	errs := make([]error, workers)
	var next atomic.Int32
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			for part := int(next.Add(1)) - 1; part < dictionary.Partitions; part = int(next.Add(1)) - 1 {
				for _, r := range readers {
					if errs[i] = ctx.Err(); errs[i] == nil {
						found[i], errs[i] = issuedIn(r, part, found[i])
					}
					if errs[i] != nil {
						next.Store(dictionary.Partitions)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	n := 0
	for i := range found {
		if errs[i] != nil {
			return nil, errs[i]
		}
		n += len(found[i])
	}
	set := newTokenSet(n)
	for _, ts := range found {
		for _, t := range ts {
			set.add(t)
		}
	}
	return set, nil
}

// issuedIn appends the tokens that were given out in one partition of a segment.
func issuedIn(r *segment.Reader, part int, out []uint64) ([]uint64, error) {
	pt, err := r.Partition(part)
	if err != nil {
		return nil, err
	}
	shapes, err := r.Shapes()
	if err != nil {
		return nil, err
	}
	var homes []uint32
	var d segment.Details
	begin := len(out)
	for g, gr := range pt.Groups() {
		if !issues(&shapes[gr.Shape]) {
			continue
		}
		if homes, err = pt.Homes(g, homes); err != nil {
			return nil, err
		}
		if err := pt.Details(g, homes, &d, false); err != nil {
			return nil, err
		}
		ss, err := pt.Sessions()
		if err != nil {
			return nil, err
		}
		last := uint64(0)
		for _, s := range d.Session {
			if t := ss.Token[s]; t != 0 && t != last {
				out = append(out, t)
				last = t
			}
		}
	}
	// A token that was refreshed all day is one token.
	slices.Sort(out[begin:])
	return out[:begin+len(slices.Compact(out[begin:]))], nil
}
