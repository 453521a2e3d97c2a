package ledger

import (
	"fmt"
	"slices"
	"time"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/segment"
)

// Hold stops retention (자료 보전): while one stands, nothing is destroyed.
type Hold struct {
	Name   string    `json:"name"`
	Reason string    `json:"reason"`
	By     string    `json:"by"`
	Since  time.Time `json:"since"`
}

// HeldError says that retention was refused.
type HeldError struct{ Holds []Hold }

func (e *HeldError) Error() string {
	return fmt.Sprintf("nothing may be destroyed while %d hold(s) stand, the first is %q", len(e.Holds), e.Holds[0].Name)
}

// SetHold places a hold.
func (l *Ledger) SetHold(h Hold) error {
	if h.Name == "" || h.Reason == "" {
		return fmt.Errorf("hold: a name and a reason are needed")
	}
	h.Since = l.opts.Now().UTC()
	err := l.commit(func(m *manifest) error {
		m.HeldBy = slices.DeleteFunc(m.HeldBy, func(o Hold) bool { return o.Name == h.Name })
		m.HeldBy = append(m.HeldBy, h)
		return nil
	})
	if err != nil {
		return fmt.Errorf("hold: %w", err)
	}
	return nil
}

// LiftHold removes a hold and reports whether it was there.
func (l *Ledger) LiftHold(name string) (bool, error) {
	found := false
	err := l.commit(func(m *manifest) error {
		m.HeldBy = slices.DeleteFunc(m.HeldBy, func(o Hold) bool {
			found = found || o.Name == name
			return o.Name == name
		})
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("lift hold: %w", err)
	}
	return found, nil
}

// Retained says what a retention run destroyed.
type Retained struct {
	Segments int   `json:"segments"`
	Records  int64 `json:"records"`
	// Ids is how many identities were destroyed because no record, register or
	// holdings line needs them any more.
	Ids int64 `json:"ids"`
}

// Retain destroys whole segment files whose newest record is older than before,
// then the dictionary entries that nothing needs any more. A month that reaches
// beyond before stays whole: destroying is by file, so that it costs nothing and
// cannot be half done.
func (l *Ledger) Retain(before event.Millis) (Retained, error) {
	var out Retained
	if err := l.Seal(); err != nil {
		return out, fmt.Errorf("retain: %w", err)
	}
	l.compactMu.Lock()
	defer l.compactMu.Unlock()
	r := &replacement{}
	err := l.commit(func(m *manifest) error {
		if len(m.HeldBy) > 0 {
			return &HeldError{slices.Clone(m.HeldBy)}
		}
		for _, s := range m.Segments {
			if s.Zone.MaxTime < before {
				r.gone = append(r.gone, s.Name)
				out.Segments++
				out.Records += int64(s.Zone.Primaries)
			}
		}
		if len(r.gone) > 0 && before > m.RetainedFrom {
			m.RetainedFrom = before
		}
		r.apply(m)
		return nil
	})
	if err != nil {
		return Retained{}, fmt.Errorf("retain: %w", err)
	}
	l.finishReplacement(r)
	if len(r.gone) == 0 {
		return out, nil
	}
	n, err := l.dropUnneeded()
	out.Ids = n
	return out, err
}

// dropUnneeded destroys the identities that no row and no edition names.
func (l *Ledger) dropUnneeded() (int64, error) {
	l.mu.RLock()
	segs := slices.Clone(l.m.Segments)
	busy := l.importing || !l.mem.empty() || l.frozen != nil
	l.mu.RUnlock()
	if busy {
		// Rows on their way may use entries found unneeded here; the next
		// retention run gets them.
		return 0, nil
	}
	needed := map[dictionary.Ref]struct{}{}
	mark := func(r dictionary.Ref) { needed[r] = struct{}{} }
	for _, s := range segs {
		l.mu.RLock()
		reader := l.segments[s.Name].reader
		l.mu.RUnlock()
		if err := eachRef(reader, mark); err != nil {
			return 0, fmt.Errorf("retain: %w", err)
		}
	}
	l.mu.RLock()
	registers, holdings := l.editions.registers, l.editions.holdings
	l.mu.RUnlock()
	keep := func(r dictionary.Ref) bool {
		if _, ok := needed[r]; ok {
			return true
		}
		for _, reg := range registers {
			if reg.Has(r) {
				return true
			}
		}
		for _, h := range holdings {
			if h.Has(r) {
				return true
			}
		}
		return false
	}
	l.commitMu.Lock()
	defer l.commitMu.Unlock()
	dropped := int64(0)
	err := l.commitLocked(func(m *manifest) error {
		infos, n, err := l.identities.Drop(keep)
		if err != nil {
			return l.fail(err)
		}
		m.Identities, dropped = infos, n
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("retain: %w", err)
	}
	if err := l.identities.Clean(l.m.Identities); err != nil {
		return dropped, fmt.Errorf("retain: %w", err)
	}
	return dropped, nil
}

// eachRef calls fn for every home and actor of a segment.
func eachRef(r *segment.Reader, fn func(dictionary.Ref)) error {
	for p := range 256 {
		pt, err := r.Partition(p)
		if err != nil {
			return err
		}
		if len(pt.Groups()) == 0 {
			continue
		}
		ss, err := pt.Sessions()
		if err != nil {
			return err
		}
		for i, h := range ss.Home {
			if ref := dictionary.MakeRef(byte(p), h); ref.IsAccount() {
				fn(ref)
			}
			if ss.HasActor[i] {
				fn(ss.Actor[i])
			}
		}
	}
	return nil
}
