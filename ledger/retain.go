package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/segment"
)

// Hold stops retention (자료 보전): while one stands, nothing is destroyed. A hold
// is evidence itself: it is never changed and never removed, only lifted, and
// the folder keeps by whom and when.
type Hold struct {
	Name   string    `json:"name"`
	Reason string    `json:"reason"`
	By     string    `json:"by"`
	Since  time.Time `json:"since"`

	Lifted     time.Time `json:"lifted,omitzero"` // zero while it stands
	LiftedBy   string    `json:"lifted_by,omitempty"`
	LiftReason string    `json:"lift_reason,omitempty"`
}

// Stands reports whether the hold still stops retention.
func (h *Hold) Stands() bool { return h.Lifted.IsZero() }

// Standing picks out the holds that still stop retention.
func Standing(holds []Hold) []Hold {
	var out []Hold
	for _, h := range holds {
		if h.Stands() {
			out = append(out, h)
		}
	}
	return out
}

// HeldError says that retention was refused.
type HeldError struct{ Holds []Hold }

func (e *HeldError) Error() string {
	if len(e.Holds) == 1 {
		return fmt.Sprintf("nothing may be destroyed while a hold stands: %q", e.Holds[0].Name)
	}
	return fmt.Sprintf("nothing may be destroyed while %d holds stand, the first is %q", len(e.Holds), e.Holds[0].Name)
}

var (
	// ErrHoldStands: a hold of this name stands, and is not replaced.
	ErrHoldStands = errors.New("a hold of this name stands already and is not replaced; lift it first, or choose another name")
	// ErrHoldName: a hold cannot be called so.
	ErrHoldName = errors.New("a hold's name has 1 to 64 letters, digits, dots, underscores and hyphens, and begins with a letter or digit")
)

// CheckHoldName refuses names that could not be typed again, or that would make
// a list of holds say something else than it does.
func CheckHoldName(name string) error {
	n := 0
	for _, r := range name {
		word := unicode.IsLetter(r) || unicode.IsDigit(r)
		if !word && (n == 0 || !strings.ContainsRune("._-", r)) {
			return ErrHoldName
		}
		n++
	}
	if n == 0 || n > 64 {
		return ErrHoldName
	}
	return nil
}

// SetHold places a hold. What its name may be is for the caller to check
// (CheckHoldName): a folder may hold names of older rules.
func (l *Ledger) SetHold(h Hold) error {
	if h.Name == "" || h.Reason == "" {
		return fmt.Errorf("hold: a name and a reason are needed")
	}
	h.Since = l.opts.Now().UTC()
	h.Lifted, h.LiftedBy, h.LiftReason = time.Time{}, "", ""
	err := l.commit(func(m *manifest) error {
		for i := range m.HeldBy {
			if m.HeldBy[i].Name == h.Name && m.HeldBy[i].Stands() {
				return ErrHoldStands
			}
		}
		m.HeldBy = append(m.HeldBy, h)
		return nil
	})
	if err != nil {
		return fmt.Errorf("hold: %w", err)
	}
	return nil
}

// LiftHold lifts a hold and reports whether it stood.
func (l *Ledger) LiftHold(name string) (bool, error) { return l.LiftHoldBy(name, "", "") }

// LiftHoldBy lifts a hold and keeps who did so and why. The hold stays in the
// list: that nothing could be destroyed from then to then is a fact that a case
// may need long afterwards.
func (l *Ledger) LiftHoldBy(name, by, reason string) (bool, error) {
	found := false
	err := l.commit(func(m *manifest) error {
		for i := range m.HeldBy {
			if h := &m.HeldBy[i]; h.Name == name && h.Stands() {
				h.Lifted, h.LiftedBy, h.LiftReason = l.opts.Now().UTC(), by, reason
				found = true
			}
		}
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
	// Kept is how many records are older than the moment and stay, because their
	// file also holds newer ones. They can go once the moment is KeptUntil.
	Kept      int64        `json:"kept"`
	KeptUntil event.Millis `json:"kept_until,omitempty"`
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
		if held := Standing(m.HeldBy); len(held) > 0 {
			return &HeldError{held}
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
	if err := l.keptBeyond(before, &out); err != nil {
		return out, err
	}
	if len(r.gone) == 0 {
		return out, nil
	}
	n, err := l.dropUnneeded()
	out.Ids = n
	return out, err
}

// keptBeyond counts what is older than before and stays. The caller keeps others
// from removing segments.
func (l *Ledger) keptBeyond(before event.Millis, out *Retained) error {
	l.mu.RLock()
	segs := slices.Clone(l.m.Segments)
	l.mu.RUnlock()
	for _, s := range segs {
		if s.Zone.MinTime >= before {
			continue
		}
		l.mu.RLock()
		reader := l.segments[s.Name].reader
		l.mu.RUnlock()
		n, err := older(reader, before)
		if err != nil {
			return fmt.Errorf("retain: segments/%s: %w", s.Name, err)
		}
		out.Kept += n
		if n > 0 {
			out.KeptUntil = max(out.KeptUntil, s.Zone.MaxTime+1)
		}
	}
	return nil
}

// older counts a segment's records before a moment. Only groups that the moment
// divides are decoded.
func older(r *segment.Reader, before event.Millis) (n int64, err error) {
	shapes, err := r.Shapes()
	if err != nil {
		return 0, err
	}
	var homes []uint32
	var d segment.Details
	for p := range 256 {
		pt, err := r.Partition(p)
		if err != nil {
			return 0, err
		}
		for g, gr := range pt.Groups() {
			if shapes[gr.Shape].Flags&segment.Primary == 0 || gr.MinTime >= before {
				continue
			}
			if gr.MaxTime < before {
				n += int64(gr.Rows)
				continue
			}
			if homes, err = pt.Homes(g, homes); err != nil {
				return 0, err
			}
			if err := pt.Details(g, homes, &d, false); err != nil {
				return 0, err
			}
			for _, t := range d.Time[:gr.Rows] {
				if t < before {
					n++
				}
			}
		}
	}
	return n, nil
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
