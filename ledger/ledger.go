package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/haetae/haetae/blob"
	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/journal"
	"github.com/haetae/haetae/ledger/dictionary"
)

// Options say how a folder is opened. The zero value of each field is right for
// production.
type Options struct {
	// KeyDir holds hash.key. Default: the data folder's name with ".keys"
	// behind it, so that the keys are never inside the folder that is backed up.
	KeyDir string
	// ReadOnly opens without the lock, beside a running owner: the answer is
	// as of the last acknowledged record.
	ReadOnly bool
	// MemtableRows seals after so many rows; default 4 million (about 60 MB
	// encoded). Smaller seals more files, larger replays longer after a crash.
	MemtableRows int
	// MemtableBytes seals by memory: rows of long agents and many addresses take
	// more than sixteen bytes. Default 256 MiB. Twice of it may be held: while
	// one memtable is sealed another fills. When a seal fails and the second is
	// full too, appends are refused with ErrBehind.
	MemtableBytes int64
	// SealAfter seals what is older; default 5 minutes. It bounds the time a
	// restart needs to replay.
	SealAfter time.Duration
	// StageRows is how many rows of an import go into one staged segment;
	// default 4 million, about 200 MB while they are collected.
	StageRows int
	// HoldBytes is how much of the journal is kept for outlets that have not sent it
	// yet; default 4 GiB, ten to fifty million records. What is more is lost to them.
	HoldBytes int64

	journalFile int64 // bytes, for tests; the journal's default
	// Now is the clock for retention horizons; default time.Now.
	Now func() time.Time
	// Logger receives what an operator should know; default: discard.
	Logger *slog.Logger
}

func (o *Options) defaults(dir string) {
	if o.KeyDir == "" {
		o.KeyDir = KeyDirOf(dir)
	}
	if o.MemtableRows == 0 {
		o.MemtableRows = 4 << 20
	}
	if o.MemtableBytes == 0 {
		o.MemtableBytes = 256 << 20
	}
	if o.SealAfter == 0 {
		o.SealAfter = 5 * time.Minute
	}
	if o.HoldBytes == 0 {
		o.HoldBytes = 4 << 30
	}
	if o.StageRows == 0 {
		o.StageRows = 4 << 20
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// KeyDirOf is where the keys of a data folder are kept unless said otherwise.
func KeyDirOf(dir string) string { return strings.TrimRight(dir, "/") + ".keys" }

var (
	// ErrNotFolder: the folder is not a data folder.
	ErrNotFolder = errors.New("not a haetae data folder")
	// ErrInUse: another process owns the folder.
	ErrInUse = errors.New("the data folder is in use by another haetae process")
	// ErrFailed: a write had an unknown outcome; the ledger refuses further
	// writes until it is opened again, which finds out what is there.
	ErrFailed = errors.New("an earlier write had an unknown outcome: close and open the folder again")
	// ErrBehind: what was acknowledged cannot be sealed (the cause is wrapped
	// too), and there is no room for more until it can.
	ErrBehind = errors.New("acknowledged records cannot be written into files")
	// ErrReadOnly: the ledger was opened for reading.
	ErrReadOnly = errors.New("the folder is open for reading only")
	// ErrClosed: the ledger was closed.
	ErrClosed = errors.New("the ledger is closed")
)

// Ledger is an open data folder. All methods may be called from any goroutine.
type Ledger struct {
	fs   disk.FS
	dir  string
	opts Options
	log  *slog.Logger

	lock    io.Closer
	hasher  *pseudonym.Hasher
	keys    *pseudonym.Keys
	sealer  *pseudonym.Sealer
	journal journal.Journal
	blobs   blob.Store

	identities *dictionary.Dictionary
	persons    *dictionary.Dictionary
	seen       *seenSet

	outletMu sync.Mutex // guards outlets and their places; mu may be taken under it
	outlets  map[string]*Outlet

	queue chan *appendRequest
	done  chan struct{} // closed when the appender has stopped
	stop  context.CancelFunc
	ctx   context.Context

	commitMu sync.Mutex // one manifest commit at a time; before mu

	mu        sync.RWMutex
	m         *manifest
	mem       *memtable
	frozen    *memtable // being sealed
	segments  map[string]*openSegment
	editions  editionSet
	catalog   *catalog.Catalog
	position  journal.Position // last entry in mem
	frozenAt  journal.Position // last entry in frozen
	nextFile  uint64           // see newName
	failed    error
	closed    bool
	sealError error       // of the last attempt to seal frozen
	sealTried time.Time   // when it ended
	running   *Import     // the one import under way
	followers []*follower // told of new rows; replaced, never changed in place
	// streamsVersion grows when content becomes known that a Probe before could
	// not know.
	streamsVersion uint64

	sealing chan struct{} // closed when the seal in the background ends; nil when there is none. Under mu.
	sealMu  sync.Mutex    // one seal at a time
	// In the order in which they are taken; commitMu comes after them.
	compactMu sync.Mutex // one remover of segments at a time
	importMu  sync.Mutex // held while an import begins, or others change unfinished ones; Import.mu comes after
	claimMu   sync.Mutex // held while records are claimed, or an import's claims become everybody's
	uses      uses       // of ordinals that are not yet where Retain looks

	// Run files flushed and not yet named by a manifest; under commitMu.
	flushedIdentities, flushedPersons []dictionary.FileInfo
	aside                             asideBook
}

// Create makes an empty data folder and its keys. It refuses a folder that has
// anything in it, since a ledger must not be started by a slip of the finger.
func Create(fsys disk.FS, dir, keyDir string) error {
	if keyDir == "" {
		keyDir = KeyDirOf(dir)
	}
	if names, err := fsys.List(dir); err == nil && len(names) > 0 {
		return fmt.Errorf("create %s: the folder is not empty: %w", dir, fs.ErrExist)
	}
	if err := fsys.MkdirAll(dir); err != nil {
		return fmt.Errorf("create %s: %w", dir, err)
	}
	if err := pseudonym.CreateKeys(fsys, keyDir); err != nil {
		return fmt.Errorf("create keys: %w", err)
	}
	for _, d := range []string{manifestDir, journalDir, segmentDir, dictionaryDir, editionDir, seenDir, asideDir, ScopeDir} {
		if err := fsys.MkdirAll(path.Join(dir, d)); err != nil {
			return fmt.Errorf("create %s: %w", d, err)
		}
	}
	keys, err := pseudonym.LoadKeys(fsys, keyDir)
	if err != nil {
		return fmt.Errorf("create keys: %w", err)
	}
	if err := installManifest(fsys, dir, &manifest{Number: 1, NextFile: 1, Written: time.Now().UTC(), Key: checkOf(keys)}); err != nil {
		return err
	}
	// The marker comes last: a folder with a marker is complete.
	if err := disk.WriteFile(fsys, path.Join(dir, markerName), fmt.Appendf(nil, markerText, FolderVersion)); err != nil {
		return fmt.Errorf("write marker: %w", err)
	}
	return nil
}

func checkOf(k *pseudonym.Keys) keyCheck {
	return keyCheck{Check: pseudonym.NewHasher(k.Hash).Check(), Recipient: k.Recipient}
}

// WrongKeyError says that the keys are not those the folder was made with.
type WrongKeyError struct {
	Dir string // of the keys
	// Unknown: the folder does not say which its keys are.
	Unknown bool
}

func (e *WrongKeyError) Error() string {
	if e.Unknown {
		return "the folder does not say which keys it was made with: it is of a build before the first release; make a new one and import again"
	}
	return fmt.Sprintf("the keys in %s are those of another data folder: say --keys with the folder that init made together with this one", path.Base(e.Dir))
}

// Unwrap makes it a kind of pseudonym.ErrKey.
func (e *WrongKeyError) Unwrap() error { return pseudonym.ErrKey }

func checkMarker(fsys disk.FS, dir string) error {
	data, err := disk.ReadFile(fsys, path.Join(dir, markerName))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("open %s: %w", dir, ErrNotFolder)
	}
	if err != nil {
		return fmt.Errorf("open %s: %w", dir, err)
	}
	rest, ok := strings.CutPrefix(strings.TrimSpace(string(data)), "haetae data folder, format ")
	version, err := strconv.Atoi(rest)
	if !ok || err != nil {
		return fmt.Errorf("open %s: %s is unreadable: %w", dir, markerName, ErrCorrupt)
	}
	if version > FolderVersion {
		return fmt.Errorf("open: %w", &VersionError{What: "the data folder", Found: version, Known: FolderVersion})
	}
	return nil
}

// Open opens a data folder. It reads the manifest, the footers of the segments
// and the journal's tail; dictionaries are read when first asked.
func Open(fsys disk.FS, dir string, o Options) (_ *Ledger, err error) {
	o.defaults(dir)
	if err := checkMarker(fsys, dir); err != nil {
		return nil, err
	}
	l := &Ledger{fs: fsys, dir: dir, opts: o, log: o.Logger, segments: map[string]*openSegment{}, mem: newMemtable()}
	defer func() {
		if err != nil {
			l.closeFiles()
		}
	}()
	if l.keys, err = pseudonym.LoadKeys(fsys, o.KeyDir); err != nil {
		return nil, fmt.Errorf("open keys: %w", err)
	}
	l.hasher = pseudonym.NewHasher(l.keys.Hash)
	if !o.ReadOnly {
		if l.lock, err = fsys.Lock(path.Join(dir, lockName)); err != nil {
			if errors.Is(err, disk.ErrLocked) {
				err = ErrInUse
			}
			return nil, fmt.Errorf("open %s: %w", dir, err)
		}
	}
	if l.blobs, err = blob.Folder(fsys, path.Join(dir, segmentDir)); err != nil {
		return nil, fmt.Errorf("open segments: %w", l.missing(err))
	}
	// Beside a running owner a merge may remove a file between reading the
	// manifest and opening the file; the next manifest no longer names it.
	for try := 0; ; try++ {
		if err = l.load(); err == nil {
			break
		}
		if !o.ReadOnly || try == 5 || !errors.Is(err, fs.ErrNotExist) {
			return nil, l.missing(err)
		}
		l.closeFiles()
		l.segments = map[string]*openSegment{}
		l.mem, l.editions, l.catalog = newMemtable(), editionSet{}, nil
	}
	if o.ReadOnly {
		return l, nil
	}
	if err = l.start(); err != nil {
		return nil, err
	}
	return l, nil
}

// load reads the manifest and everything it names, and replays the journal.
func (l *Ledger) load() (err error) {
	if l.m, err = latestManifest(l.fs, l.dir); err != nil {
		return fmt.Errorf("open %s: %w", l.dir, err)
	}
	if l.m.Key != checkOf(l.keys) {
		return fmt.Errorf("open %s: %w", l.dir, &WrongKeyError{Dir: l.opts.KeyDir, Unknown: l.m.Key == keyCheck{}})
	}
	for _, s := range l.m.Segments {
		if err := l.openSegment(s); err != nil {
			return err
		}
	}
	dict := path.Join(l.dir, dictionaryDir)
	if l.identities, err = dictionary.Open(l.fs, dict, identitiesName, l.m.Identities); err != nil {
		return fmt.Errorf("open identities: %w", err)
	}
	if l.persons, err = dictionary.Open(l.fs, dict, personsName, l.m.Persons); err != nil {
		return fmt.Errorf("open persons: %w", err)
	}
	l.seen = newSeenSet(l.fs, path.Join(l.dir, seenDir), l.m.Seen)
	l.loadAside()
	if err := l.loadOutlets(); err != nil {
		return err
	}
	if err := l.loadEditions(); err != nil {
		return err
	}
	return l.replay()
}

// start makes the ledger writable: it removes what a crash left, takes the next
// epoch and begins to accept records.
func (l *Ledger) start() error {
	if err := l.clean(); err != nil {
		return err
	}
	var err error
	if l.sealer, err = pseudonym.NewSealer(l.keys.Recipient); err != nil {
		return fmt.Errorf("open sealer: %w", err)
	}
	if err := l.keepSealer(l.sealer); err != nil {
		return err
	}
	if err := l.keepAside(); err != nil {
		return err
	}
	old := l.m.Aside
	if err := l.commit(func(m *manifest) error { m.Epoch++; return nil }); err != nil {
		return fmt.Errorf("take ownership: %w", err)
	}
	for _, a := range old {
		if !isAside(l.m.Aside, a.Name) {
			l.remove(asideDir, a.Name)
		}
	}
	l.queue = make(chan *appendRequest, queueLength)
	l.done = make(chan struct{})
	l.ctx, l.stop = context.WithCancel(context.Background())
	go l.appender()
	return nil
}

// Close seals nothing: what is in the journal is safe there, and the next Open
// replays it. It waits for a seal that is under way.
func (l *Ledger) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	l.mu.Unlock()
	if l.stop != nil {
		l.stop()
		<-l.done
	}
	l.waitSeal()
	return l.closeFiles()
}

func (l *Ledger) closeFiles() error {
	var errs []error
	for _, s := range l.segments {
		errs = append(errs, s.blob.Close())
	}
	l.segments = nil
	errs = append(errs, l.editions.close())
	l.aside.turn.Lock()
	errs = append(errs, l.aside.shut())
	l.aside.turn.Unlock()
	if l.journal != nil {
		errs = append(errs, l.journal.Close())
		l.journal = nil
	}
	if l.identities != nil {
		errs = append(errs, l.identities.Close())
	}
	if l.persons != nil {
		errs = append(errs, l.persons.Close())
	}
	if l.lock != nil {
		errs = append(errs, l.lock.Close())
		l.lock = nil
	}
	return errors.Join(errs...)
}

// commit changes the manifest: it flushes the dictionaries, so that no segment
// is ever named before the ordinals it uses, applies change to a copy, installs
// it as the next number and makes it current. What else changes for a View with
// that, installed does: mu is held from the new manifest to its end, so that no
// View sees the one without the other. It does no I/O.
func (l *Ledger) commit(change func(*manifest) error, installed ...func()) error {
	l.commitMu.Lock()
	defer l.commitMu.Unlock()
	return l.commitLocked(change, installed...)
}

func (l *Ledger) commitLocked(change func(*manifest) error, installed ...func()) error {
	if err := l.writable(); err != nil {
		return err
	}
	m := l.m.clone()
	// A file that a failed flush left is named by nobody: the next one writes
	// another.
	if info, some, err := l.identities.Flush(); err != nil {
		return fmt.Errorf("flush identities: %w", err)
	} else if some {
		l.flushedIdentities = append(l.flushedIdentities, info)
	}
	if info, some, err := l.persons.Flush(); err != nil {
		return fmt.Errorf("flush persons: %w", err)
	} else if some {
		l.flushedPersons = append(l.flushedPersons, info)
	}
	m.Aside = l.aside.refs()
	m.Identities = append(m.Identities, l.flushedIdentities...)
	m.Persons = append(m.Persons, l.flushedPersons...)
	if err := change(m); err != nil {
		return err // nothing is named yet; the flushed runs are named by the next commit
	}
	l.mu.Lock()
	m.NextFile = max(m.NextFile, l.nextFile)
	l.mu.Unlock()
	m.Number++
	m.Written = l.opts.Now().UTC()
	if err := installManifest(l.fs, l.dir, m); err != nil {
		name := path.Join(l.dir, manifestDir, manifestName(m.Number))
		if _, serr := l.fs.Stat(name); errors.Is(serr, fs.ErrNotExist) {
			return err // a full disk, say: it was not installed, and the next may be
		}
		return l.fail(err)
	}
	l.flushedIdentities, l.flushedPersons = nil, nil
	l.identities.Committed()
	l.persons.Committed()
	l.mu.Lock()
	rewritten := historyChanged(l.m, m)
	l.m = m
	for _, fn := range installed {
		fn()
	}
	if rewritten {
		l.tellHistory()
	}
	l.mu.Unlock()
	trimManifests(l.fs, l.dir, m.Number)
	return nil
}

// fail stops all further writing: a manifest whose installation failed may be
// there or not after a power cut, and only a new Open can tell.
func (l *Ledger) fail(err error) error {
	l.mu.Lock()
	if l.failed == nil {
		l.failed = err
	}
	l.mu.Unlock()
	return err
}

func (l *Ledger) writable() error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	switch {
	case l.opts.ReadOnly:
		return ErrReadOnly
	case l.closed:
		return ErrClosed
	case l.failed != nil:
		return fmt.Errorf("%w (%w)", ErrFailed, l.failed)
	}
	return nil
}

// Hasher gives the folder's keyed hash.
func (l *Ledger) Hasher() *pseudonym.Hasher { return l.hasher }

// Recipient is the age recipient to which set-aside lines are sealed.
func (l *Ledger) Recipient() string { return l.keys.Recipient }

// Dir is the folder.
func (l *Ledger) Dir() string { return l.dir }

// FS is the file system the folder lies on.
func (l *Ledger) FS() disk.FS { return l.fs }

// Catalog is the catalog in force for decoding and for questions.
func (l *Ledger) Catalog() *catalog.Catalog {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.catalog
}

// validAccount reports whether id fits the catalog's account pattern.
func (l *Ledger) validAccount() func(event.AccountID) bool {
	c := l.Catalog()
	if c == nil {
		return func(id event.AccountID) bool { return len(id) <= maxIDLength }
	}
	return func(id event.AccountID) bool { return len(id) <= maxIDLength && c.ValidAccount(id) }
}

// maxIDLength refuses ids no platform has, before they fill the dictionary.
const maxIDLength = 256
