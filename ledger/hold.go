package ledger

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
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

// held is the refusal while a hold stands.
func (m *manifest) held() error {
	if held := Standing(m.HeldBy); len(held) > 0 {
		return &HeldError{held}
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
