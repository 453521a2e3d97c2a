package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"
)

// importHorizon is how long an unfinished import waits for somebody to go on
// with it. After that its input has most likely grown or gone, so that it never
// will be, and what it staged is personal data that nobody can ask for. It is
// seenHorizon, since from then on nothing would recognise its records.
const importHorizon = seenHorizon

// UnfinishedImport is an import that was interrupted, or that runs.
type UnfinishedImport struct {
	Import  uint64    `json:"import"`
	Source  string    `json:"source"`
	Name    string    `json:"name"`
	Lines   int64     `json:"lines"`  // read so far
	Staged  int64     `json:"staged"` // records that are written and not yet visible
	Touched time.Time `json:"touched"`
	Running bool      `json:"running"`
}

// Unfinished lists the imports that AbortImport could give up, oldest first.
func (l *Ledger) Unfinished() []UnfinishedImport {
	l.importMu.Lock()
	defer l.importMu.Unlock()
	l.mu.RLock()
	defer l.mu.RUnlock()
	out := []UnfinishedImport{}
	for i := range l.m.Imports {
		r := &l.m.Imports[i]
		if r.Done {
			continue
		}
		u := UnfinishedImport{Import: r.ID, Source: r.Source, Name: r.Name, Lines: r.Lines, Touched: r.Touched, Running: l.running != nil && l.running.rec.ID == r.ID}
		for _, s := range r.Staged {
			u.Staged += int64(s.Zone.Primaries)
		}
		out = append(out, u)
	}
	return out
}

// AbortImport gives up an interrupted import and destroys what it staged. It
// refuses one that runs (ErrImporting) and all while a hold stands; an import
// that is finished or was never there is an fs.ErrNotExist.
func (l *Ledger) AbortImport(id uint64) error {
	l.importMu.Lock()
	defer l.importMu.Unlock()
	l.mu.RLock()
	running := l.running != nil && l.running.rec.ID == id
	there := slices.ContainsFunc(l.m.Imports, func(r importRecord) bool { return r.ID == id && !r.Done })
	held := Standing(l.m.HeldBy)
	l.mu.RUnlock()
	var err error
	switch {
	case running:
		err = ErrImporting
	case !there:
		err = fmt.Errorf("no unfinished import has this number: %w", fs.ErrNotExist)
	case len(held) > 0:
		err = &HeldError{held}
	default:
		err = l.dropImports(func(r *importRecord) bool { return r.ID == id })
	}
	if err != nil {
		return fmt.Errorf("abort import %d: %w", id, err)
	}
	return nil
}

// expireImports gives up the imports nobody goes on with.
func (l *Ledger) expireImports() error {
	l.importMu.Lock()
	defer l.importMu.Unlock()
	_, err := l.expireUnfinished()
	return err
}

// expireUnfinished is expireImports with importMu held.
func (l *Ledger) expireUnfinished() (int, error) {
	before := l.opts.Now().Add(-importHorizon)
	l.mu.RLock()
	held := len(Standing(l.m.HeldBy)) > 0
	var ids []uint64
	for _, r := range l.m.Imports {
		if !r.Done && r.Touched.Before(before) && (l.running == nil || l.running.rec.ID != r.ID) {
			ids = append(ids, r.ID)
		}
	}
	l.mu.RUnlock()
	if len(ids) == 0 || held {
		return 0, nil
	}
	err := l.dropImports(func(r *importRecord) bool { return slices.Contains(ids, r.ID) })
	if err != nil {
		return 0, fmt.Errorf("give up old imports: %w", err)
	}
	l.log.Warn("imports that were interrupted and not gone on with were given up", "imports", len(ids))
	return len(ids), nil
}

// dropImports removes unfinished imports and what they staged.
func (l *Ledger) dropImports(gone func(*importRecord) bool) error {
	var dropped []importRecord
	err := l.commit(func(m *manifest) error {
		m.Imports = slices.DeleteFunc(m.Imports, func(r importRecord) bool {
			if r.Done || !gone(&r) {
				return false
			}
			dropped = append(dropped, r)
			m.Unneeded = m.Unneeded || len(r.Staged) > 0
			return true
		})
		return nil
	})
	if err != nil {
		return err
	}
	for _, im := range dropped {
		for _, s := range im.Staged {
			if err := l.blobs.Delete(s.Name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				l.log.Warn("a segment no longer in use could not be removed; the next opening removes it", "segment", s.Name, "error", err)
			}
		}
		for _, s := range im.Seen {
			l.remove(seenDir, s.Name)
		}
		for _, a := range im.Asides {
			l.remove(asideDir, a.Name)
		}
	}
	return nil
}
