package ledger

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/haetae/haetae/internal/disk"
)

func isAside(list []asideRef, name string) bool {
	return slices.ContainsFunc(list, func(a asideRef) bool { return a.Name == name })
}

// asideBook writes lines aside and knows how many there are.
type asideBook struct {
	turn sync.Mutex // one writer, or Retain; before commitMu
	file disk.File  // the last of files; nil when the next line begins one

	mu    sync.Mutex
	files []asideRef
	err   error // of reading them at the opening
}

// refs is what the next manifest says.
func (b *asideBook) refs() []asideRef {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.files)
}

// before gives the files that hold nothing newer than t. turn is held.
func (b *asideBook) before(t time.Time) []asideRef {
	return slices.DeleteFunc(b.refs(), func(a asideRef) bool { return a.Size == 0 || !a.Last.Before(t) })
}

// forget takes files out and says how many lines they held. turn is held, and
// shut has ended the last one.
func (b *asideBook) forget(gone []asideRef) (lines int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range gone {
		for _, c := range a.Counts {
			lines += c.Count
		}
	}
	b.files = slices.DeleteFunc(slices.Clone(b.files), func(a asideRef) bool { return isAside(gone, a.Name) })
	return lines
}

// shut makes the next line begin a file. turn is held.
func (b *asideBook) shut() error {
	if b.file == nil {
		return nil
	}
	f := b.file
	b.file = nil
	return f.Close()
}

// adopt takes over the files of an import that is done. The last file is the one
// that is written to, so they come before it.
func (b *asideBook) adopt(files []asideRef) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.files = append(slices.Clone(files), b.files...)
}

// writeAside appends one frame and counts it once it is durable. turn is held.
func (l *Ledger) writeAside(frame []byte, sum *asideSummary) error {
	b := &l.aside
	if b.file != nil {
		b.mu.Lock()
		last := b.files[len(b.files)-1]
		b.mu.Unlock()
		// A file is of one month, as segments are, or retention could not take it.
		sameMonth := last.First.IsZero() || last.First.Year() == sum.At.Year() && last.First.Month() == sum.At.Month()
		if last.Size > asideFileMax || !sameMonth {
			if err := b.shut(); err != nil {
				return err
			}
		}
	}
	if b.file == nil {
		if err := l.newAsideFile(); err != nil {
			return err
		}
	}
	b.mu.Lock()
	last := b.files[len(b.files)-1]
	b.mu.Unlock()
	if _, err := b.file.Write(frame); err != nil {
		// A full disk: once there is room the file goes on where it was. If it
		// cannot be cut there, nothing may follow: what comes behind an
		// unfinished frame would make it look like damage.
		if terr := b.file.Truncate(last.Size); terr != nil {
			return errors.Join(err, terr, b.shut())
		}
		return err
	}
	if err := b.file.Sync(); err != nil {
		return errors.Join(err, b.shut())
	}
	last.add(sum, int64(len(frame)))
	b.mu.Lock()
	defer b.mu.Unlock()
	b.files = slices.Clone(b.files)
	b.files[len(b.files)-1] = last
	return nil
}

// newAsideFile begins a file: first there is one, then the manifest names it.
func (l *Ledger) newAsideFile() error {
	name := l.newName("aside", asideSuffix)
	f, err := l.fs.OpenAppend(l.path(asideDir, name)) // so that a truncation moves the end
	if err != nil {
		return err
	}
	if err := l.fs.SyncDir(l.path(asideDir)); err != nil {
		f.Close()
		return err
	}
	set := func(files []asideRef) {
		l.aside.mu.Lock()
		l.aside.files = files
		l.aside.mu.Unlock()
	}
	old := l.aside.refs()
	set(append(slices.Clone(old), asideRef{Name: name}))
	if err := l.commit(func(*manifest) error { return nil }); err != nil {
		set(old)
		f.Close()
		return err
	}
	l.aside.file = f
	return nil
}

// loadAside counts what was set aside after the manifest was written. Damage
// does not keep the ledger from opening, since no answer about people depends on
// these files; Aside says it.
func (l *Ledger) loadAside() {
	l.aside.files, l.aside.err = slices.Clone(l.m.Aside), nil
	for i := range l.aside.files {
		a := &l.aside.files[i]
		err := l.readAside(a.Name, a.Size, true, a.Size, func(s *asideSummary, size int64, _ []byte) error {
			a.add(s, size)
			return nil
		})
		if err != nil {
			*a = l.m.Aside[i]
			l.aside.err = cmp.Or(l.aside.err, fmt.Errorf("read aside/%s: %w", a.Name, err))
		}
	}
	if l.aside.err != nil {
		l.log.Error("lines set aside cannot be counted", "error", l.aside.err)
	}
}

// keepAside makes durable what loadAside counted behind the manifest. It can be
// read, but it may be what a failed sync left in the system's memory, which no
// further sync writes: so it is written anew, and the old file is named no more.
func (l *Ledger) keepAside() error {
	for i := range l.aside.files {
		a := &l.aside.files[i]
		if a.Size == l.m.Aside[i].Size {
			continue
		}
		name := l.newName("aside", asideSuffix)
		if err := l.copyAside(a.Name, name, a.Size); err != nil {
			return fmt.Errorf("keep aside/%s: %w", a.Name, err)
		}
		a.Name = name
	}
	return nil
}

func (l *Ledger) copyAside(from, to string, size int64) error {
	in, err := l.fs.Open(l.path(asideDir, from))
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := l.fs.Create(l.path(asideDir, to))
	if err != nil {
		return err
	}
	if _, err = io.Copy(out, io.NewSectionReader(in, 0, size)); err == nil {
		err = out.Sync()
	}
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return l.fs.SyncDir(l.path(asideDir))
}
