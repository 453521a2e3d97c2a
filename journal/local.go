package journal

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sync"

	"github.com/haetae/haetae/internal/disk"
)

// Options of a Local. The zero value is right for production.
type Options struct {
	// FileSize ends a file; default 64 MiB. Trimming removes whole files, so a
	// smaller one gives space back earlier, at the price of more files. An
	// entry larger than FileSize gets a file of its own.
	FileSize int64

	newSalt func() salt // tests fix it
}

// Local is the embedded journal: one writer, files in a folder. Whoever opens
// it must own the folder; the ledger holds a lock for that.
type Local struct {
	fs      disk.FS
	dir     string
	opts    Options
	trimMu  sync.Mutex // one Trim at a time; before mu
	repairs int64

	mu      sync.Mutex
	idle    sync.Cond  // writing became false
	files   []Position // first position of each file, ascending
	next    Position   // of the next entry; what is before is durable
	queue   []*request // waiting for their turn
	writing bool       // a goroutine is in run
	rotate  bool       // the next frame begins a file; never taken back, see begin
	err     error      // why nothing can be written any more
	// Where readings ended lately, so that who reads on as the journal grows does not
	// step over everything before.
	places []place

	// The last file. Only the goroutine in run touches these after Open, size
	// with mu held when it changes.
	file disk.File
	size int64
	salt salt
	buf  []byte
}

// Open opens the journal in dir for writing. A torn frame at the very end, which
// was never acknowledged, is cut off; Repaired says how much. Damage before it
// is ErrCorrupt, and nothing is changed then.
func Open(fsys disk.FS, dir string, o Options) (*Local, error) {
	if o.FileSize <= 0 {
		o.FileSize = 64 << 20
	}
	if o.newSalt == nil {
		o.newSalt = func() (s salt) {
			rand.Read(s[:])
			return s
		}
	}
	j := &Local{fs: fsys, dir: dir, opts: o, next: 1}
	j.idle.L = &j.mu
	files, err := list(fsys, dir)
	if err != nil {
		return nil, err
	}
	for i, first := range files {
		if i > 0 && first != j.next {
			return nil, discontinuity(first, j.next)
		}
		if err := j.openFile(first, i == len(files)-1); err != nil {
			return nil, err
		}
	}
	if len(files) > 0 && j.file != nil {
		// A process that was killed may have left a file, or a part of one,
		// that is only in a cache. Make it durable before anything builds on
		// it: an fsync of the file alone would not keep its name.
		err := j.file.Sync()
		if err == nil {
			err = fsys.SyncDir(dir)
		}
		if err != nil {
			j.file.Close()
			return nil, fmt.Errorf("sync journal: %w", err)
		}
	}
	return j, nil
}

func discontinuity(first, next Position) error {
	if first < next {
		return fmt.Errorf("journal file %s begins before the end of the one before, which is entry %d: %w", fileName(first), next-1, ErrCorrupt)
	}
	return fmt.Errorf("journal lacks entries %d to %d: %w", next, first-1, ErrCorrupt)
}

// openFile checks a file; the last one it also repairs and opens for appending.
func (j *Local) openFile(first Position, last bool) error {
	s, err := openScanner(j.fs, j.dir, first)
	if err != nil {
		return err
	}
	defer s.close()
	if s.unfinished {
		if !last {
			return s.corrupt(0, "damaged header")
		}
		// Made, and lost power before the header was synced. It is finished
		// and not removed: were it removed and the file before it continued, a
		// power cut that undid the removal would leave two files that overlap.
		j.next = first
		return j.begin()
	}
	for {
		_, _, err := s.frame(nil)
		if err != nil {
			if err := s.atEnd(err, last); err != nil {
				return err
			}
			break
		}
	}
	j.files = append(j.files, first)
	j.next = s.next
	if !last {
		return nil
	}
	if j.file, err = j.fs.OpenAppend(path.Join(j.dir, fileName(first))); err != nil {
		return fmt.Errorf("open journal: %w", err)
	}
	if s.size > s.at {
		j.repairs = s.size - s.at
		if err := j.file.Truncate(s.at); err != nil {
			j.file.Close()
			return fmt.Errorf("cut torn journal tail: %w", err)
		}
	}
	j.size, j.salt = s.at, s.salt
	return nil
}

// Repaired is how many bytes of a torn tail Open cut off.
func (j *Local) Repaired() int64 { return j.repairs }

// begin starts the file whose first entry is the next one. It may find one that
// was begun and not finished, which holds nothing but a part of a header.
//
// Having tried once, the journal never returns to the file before: an entry
// there would overlap with the name that may be on the disk already.
//
// The order: header and name are durable before the first frame is written, so
// a file with anything behind its header has a good one.
func (j *Local) begin() error {
	name := path.Join(j.dir, fileName(j.next))
	f, err := j.fs.OpenAppend(name)
	if err != nil {
		return fmt.Errorf("new journal file: %w", err)
	}
	size, err := f.Size()
	if err == nil && size > headerSize {
		err = fmt.Errorf("%s has entries already: %w", fileName(j.next), ErrCorrupt)
	}
	if err == nil && size > 0 {
		err = f.Truncate(0)
	}
	s := j.opts.newSalt()
	if err == nil {
		_, err = f.Write(appendHeader(nil, j.next, s))
	}
	if err != nil {
		f.Close()
		return fmt.Errorf("new journal file: %w", err)
	}
	if err = f.Sync(); err == nil {
		err = j.fs.SyncDir(j.dir)
	}
	if err != nil {
		f.Close()
		return j.poison(fmt.Errorf("new journal file: %w", err))
	}
	if j.file != nil {
		j.file.Close() // everything in it is synced
	}
	j.file, j.salt = f, s
	j.mu.Lock()
	j.size, j.rotate = headerSize, false
	// It may be there already, made by Open or for an entry that was refused. Named
	// twice, Trim would take the first for a file whose entries all come before the
	// second, and remove what is needed.
	if len(j.files) == 0 || j.files[len(j.files)-1] != j.next {
		j.files = append(j.files, j.next)
	}
	j.mu.Unlock()
	return nil
}

// poison stops the journal for good.
func (j *Local) poison(cause error) error {
	err := fmt.Errorf("%w: %w", ErrPoisoned, cause)
	j.mu.Lock()
	if j.err == nil {
		j.err = err
	}
	j.mu.Unlock()
	return err
}

// Read implements Journal.
func (j *Local) Read(after Position, fn func(Position, []byte) error) error {
	j.mu.Lock()
	files, end, err := slices.Clone(j.files), j.next-1, j.err
	j.mu.Unlock()
	if errors.Is(err, ErrClosed) {
		return err
	}
	files, err = behind(files, after)
	if err != nil {
		return err
	}
	at := end // of what is in the files
	for i, first := range files {
		if i > 0 && first > end {
			break // begun since
		}
		s, err := openScanner(j.fs, j.dir, first)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("read journal behind %d: %w", after, ErrTrimmed)
		}
		if err != nil {
			return err
		}
		j.resume(s, after)
		err = s.read(after, end, fn)
		s.close()
		j.stopped(s.last)
		if err != nil {
			return err
		}
		at = s.next - 1
	}
	return reached(at, max(after, end))
}

// maxPlaces is how many readings are remembered. Who reads so seldom that theirs was
// forgotten steps over the heads of one file's frames.
const maxPlaces = 256

// resume has a reading behind after begin where an earlier one ended, if that is not
// behind it. What is in a file up to there does not change any more.
func (j *Local) resume(s *scanner, after Position) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, p := range j.places {
		if p.file == s.last.file && p.next <= after+1 && p.next > s.next && p.at < s.size {
			s.next, s.at, s.last = p.next, p.at, p
		}
	}
}

// stopped remembers where a reading ended.
func (j *Local) stopped(p place) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.places = slices.DeleteFunc(j.places, func(o place) bool { return o == p || len(j.files) > 0 && o.file < j.files[0] })
	if len(j.places) == maxPlaces {
		j.places = j.places[1:]
	}
	j.places = append(j.places, p)
}

// reached tells a journal that ends before a position that was once given from
// one that has nothing new.
func reached(end, want Position) error {
	if end < want {
		return fmt.Errorf("journal ends at entry %d, but entry %d was there: %w", end, want, ErrCorrupt)
	}
	return nil
}

// Trim implements Journal: it removes the files whose entries are all unneeded.
// The last file stays, since it remembers the position; when nothing in it is
// needed either, the next entry begins a new one, unless it is small.
func (j *Local) Trim(upTo Position) error {
	j.trimMu.Lock()
	defer j.trimMu.Unlock()
	j.mu.Lock()
	if j.err != nil {
		defer j.mu.Unlock()
		return j.err
	}
	gone := 0
	for gone+1 < len(j.files) && j.files[gone+1] <= upTo+1 {
		gone++
	}
	names := slices.Clone(j.files[:gone])
	if upTo >= j.next-1 && j.size > max(headerSize, j.opts.FileSize/16) {
		j.rotate = true
	}
	j.mu.Unlock()
	for _, first := range names {
		if err := j.fs.Remove(path.Join(j.dir, fileName(first))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("trim journal: %w", err)
		}
		// One at a time, oldest first: removals that are not synced may survive
		// a power cut in any combination, and a missing file in the middle is
		// corruption.
		if err := j.fs.SyncDir(j.dir); err != nil {
			return j.poison(fmt.Errorf("trim journal: %w", err))
		}
		j.mu.Lock()
		j.files = j.files[1:]
		j.mu.Unlock()
	}
	return nil
}

// Close implements Journal. Everything acknowledged is durable already.
func (j *Local) Close() error {
	j.trimMu.Lock()
	defer j.trimMu.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	if errors.Is(j.err, ErrClosed) {
		return nil
	}
	j.err = ErrClosed
	j.refuseAll()
	for j.writing {
		j.idle.Wait()
	}
	if j.file == nil {
		return nil
	}
	err := j.file.Close()
	j.file = nil
	return err
}
