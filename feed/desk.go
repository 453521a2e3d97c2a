package feed

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/internal/written"
)

// Options of a Desk.
type Options struct {
	FS     disk.FS
	Data   string // the data folder
	Hasher *pseudonym.Hasher
	// Zone is in which days are meant. It is asked at each look.
	Zone func() *time.Location
	// Install puts a register of members or holdings into the ledger: an object a
	// line, true from a moment on.
	Install func(ctx context.Context, f *Feed, from event.Millis, lines []byte) error
	// Changed is called when rules have to be run with other content.
	Changed func()
	Log     *slog.Logger
}

// Desk looks at feeds from time to time and keeps what they bring. It is safe for
// concurrent use.
type Desk struct {
	o   Options
	dir string
	log *slog.Logger

	again chan struct{} // other settings are in force

	mu      sync.Mutex
	slots   []*slot
	stop    context.CancelFunc // ends the looks under way; nil before Run
	refused written.Text       // what is wrong with settings that were read since
}

// slot is a feed with what is known of it. Its fields are guarded by the Desk's mu; only
// its own goroutine changes kept.
type slot struct {
	feed     Feed
	kept     *kept // never changed in place
	kick     chan struct{}
	trouble  written.Text
	failures int        // in a row
	cut      *Refused   // content that is much shorter
	busy     sync.Mutex // one look at a time
	tried    event.Millis
}

// Refused is content that was not taken, since it is much shorter than what was before.
type Refused struct {
	Rows   int       `json:"rows"`
	Before int       `json:"before"`
	At     time.Time `json:"at"`
}

// Open begins with what was kept.
func Open(c *Config, o Options) (*Desk, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	d := &Desk{o: o, dir: path.Join(o.Data, Dir), log: o.Log, again: make(chan struct{}, 1)}
	if err := o.FS.MkdirAll(d.dir); err != nil {
		return nil, fmt.Errorf("feeds: %w", err)
	}
	return d, d.adopt(c)
}

// source is a digest of where a feed comes from and how it is read: what an ETag was
// given for, and what the same content means.
func (f *Feed) source() string {
	x := *f
	x.Every, x.MaxAge, x.Shrink, x.CAFile, x.TokenFile, x.HeadersFile = 0, 0, 0, "", "", ""
	sum := sha256.Sum256(fmt.Appendf(nil, "%#v", x))
	return hex.EncodeToString(sum[:])
}

// adopt puts settings in force. What is kept of feeds that are no longer there is
// removed: nothing rests on them any more.
func (d *Desk) adopt(c *Config) error {
	list, err := names(d.o.FS, d.dir)
	if err != nil {
		return fmt.Errorf("feeds: %w", err)
	}
	now := event.MillisOf(time.Now())
	var slots []*slot
	for _, f := range c.Feeds {
		k, err := read(d.o.FS, d.dir, f.Name, d.o.Hasher)
		if err != nil {
			return err
		}
		if k == nil || k.Kind != f.Kind {
			k = &kept{Version: version, Name: f.Name, Kind: f.Kind, Since: now}
		}
		was := *k
		k.List, k.MaxAge, k.Every = f.List, event.Millis(f.MaxAge/time.Millisecond), event.Millis(f.Every/time.Millisecond)
		if s := f.source(); k.Source != s {
			k.Source, k.ETag, k.Modified, k.Digest = s, "", "", ""
		}
		if was.Source != k.Source || was.MaxAge != k.MaxAge || was.Every != k.Every || was.List != k.List {
			if err := k.write(d.o.FS, d.dir, d.o.Hasher); err != nil {
				return err
			}
		}
		slots = append(slots, &slot{feed: f, kept: k, kick: make(chan struct{}, 1)})
	}
	for _, name := range list {
		if !slices.ContainsFunc(c.Feeds, func(f Feed) bool { return f.Name == name }) {
			if err := d.o.FS.Remove(fileOf(d.dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
				return fmt.Errorf("feeds: %w", err)
			}
		}
	}
	if err := d.o.FS.SyncDir(d.dir); err != nil {
		return fmt.Errorf("feeds: %w", err)
	}
	d.mu.Lock()
	before := d.slots
	for _, s := range slots { // a mistake that is still there is still told
		for _, b := range before {
			if b.feed.Name == s.feed.Name && b.kept.Source == s.kept.Source {
				s.trouble, s.cut, s.failures, s.tried = b.trouble, b.cut, b.failures, b.tried
			}
		}
	}
	d.slots = slots
	d.mu.Unlock()
	return nil
}

// Reload reads the settings again. A mistake changes nothing: those before go on.
func (d *Desk) Reload(file string) error {
	c, err := Load(file)
	if err == nil {
		d.mu.Lock()
		slots := d.slots
		if d.stop != nil {
			d.stop()
		}
		d.mu.Unlock()
		for _, s := range slots {
			s.busy.Lock()
		}
		err = d.adopt(c)
		for _, s := range slots {
			s.busy.Unlock()
		}
	}
	d.mu.Lock()
	d.refused = written.Text{}
	if err != nil {
		d.refused = written.TextOf(err)
	}
	d.mu.Unlock()
	select {
	case d.again <- struct{}{}:
	default:
	}
	if err != nil {
		d.log.Error("the settings of feeds were not read again; those before go on")
	}
	return err
}

// Run looks at the feeds until ctx ends.
func (d *Desk) Run(ctx context.Context) {
	for ctx.Err() == nil {
		now, stop := context.WithCancel(ctx)
		var wg sync.WaitGroup
		d.mu.Lock()
		slots := d.slots
		d.stop = stop
		d.mu.Unlock()
		for _, s := range slots {
			wg.Go(func() { d.follow(now, s) })
		}
		select {
		case <-ctx.Done():
		case <-d.again:
		}
		stop()
		wg.Wait()
	}
}

const firstPause = 10 * time.Second // after a failure; it doubles

func (d *Desk) follow(ctx context.Context, s *slot) {
	for {
		after := d.look(ctx, s)
		timer := time.NewTimer(after)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-s.kick:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// look looks once, and says when to look again: somewhat irregularly, so that many do
// not ask one server at the same moment.
func (d *Desk) look(ctx context.Context, s *slot) time.Duration {
	s.busy.Lock()
	defer s.busy.Unlock()
	d.mu.Lock()
	stale := !slices.Contains(d.slots, s)
	d.mu.Unlock()
	if stale || ctx.Err() != nil {
		return s.feed.Every
	}
	changed, err := d.take(ctx, s)
	if ctx.Err() != nil {
		return s.feed.Every
	}
	d.mu.Lock()
	s.tried = event.MillisOf(time.Now())
	if err != nil {
		s.failures++
		s.trouble = written.TextOf(err)
	} else {
		s.failures, s.trouble, s.cut = 0, written.Text{}, nil
	}
	failures := s.failures
	d.mu.Unlock()
	pause := s.feed.Every
	var wait *later
	switch {
	case err == nil:
	case errors.As(err, &wait):
		pause = min(max(wait.after, firstPause), maxRetry)
	default:
		pause = min(pause, firstPause<<min(failures-1, 16))
	}
	switch {
	case err != nil:
		// Of what a mistake says no word: it may stand beside a name.
		d.log.Warn("a feed could not be taken; the content before goes on", "feed", s.feed.Name, "failures", failures)
	case changed:
		d.log.Info("a feed has changed", "feed", s.feed.Name, "rows", s.kept.Rows)
		if s.kept.Content != nil { // else the ledger says it itself
			d.o.Changed()
		}
	}
	return pause - pause/10 + rand.N(pause/5+1)
}

// take fetches, and keeps what was fetched. changed says that the content is another.
func (d *Desk) take(ctx context.Context, s *slot) (changed bool, err error) {
	d.mu.Lock()
	before := s.kept
	d.mu.Unlock()
	k := *before
	// The same text says another thing in another zone.
	if zone := d.o.Zone().String(); k.Zone != zone {
		k.Zone, k.ETag, k.Modified, k.Digest = zone, "", "", ""
	}
	got, err := s.feed.fetch(ctx, &k)
	if err != nil {
		return false, err
	}
	now := event.MillisOf(time.Now())
	k.Looked = now
	asOf := min(event.MillisOf(got.asOf), now)
	if !got.unchanged {
		sum := sha256.Sum256(got.data)
		digest := hex.EncodeToString(sum[:])
		if digest != k.Digest {
			if err := d.other(ctx, s, &k, got.data, asOf); err != nil {
				return false, err
			}
			k.Digest, k.Changed, changed = digest, now, true
		}
		k.ETag, k.Modified = got.etag, got.modified
	}
	k.seen(asOf)
	if err := k.write(d.o.FS, d.dir, d.o.Hasher); err != nil {
		return false, writing(err)
	}
	d.mu.Lock()
	s.kept = &k
	d.mu.Unlock()
	return changed, nil
}

// writing says that the disk is at fault, without a path.
func writing(err error) error {
	cause := err
	if p, ok := errors.AsType[*os.PathError](err); ok {
		cause = p.Err
	}
	return written.Errorf("데이터 폴더에 쓰지 못하였습니다: %s", "cannot be written into the data folder: %s", cause.Error())
}

// other takes content that is not the one before.
func (d *Desk) other(ctx context.Context, s *slot, k *kept, data []byte, asOf event.Millis) error {
	c, err := parse(&s.feed, data, d.o.Hasher, d.o.Zone())
	if err != nil {
		return err
	}
	least := k.Baseline - k.Baseline*s.feed.Shrink/100
	if !k.Accepted && (c.Rows == 0 || c.Rows < least) || k.Accepted && c.Rows < least {
		d.mu.Lock()
		s.cut = &Refused{Rows: c.Rows, Before: k.Baseline, At: time.Now()}
		d.mu.Unlock()
		return written.Errorf("행이 %d개에서 %d개로 크게 줄어 반영하지 않았습니다. 맞는 내용이면 haetae feed accept %s --reason 사유 명령으로 확인하십시오", "not taken, since its rows went from %d to %d: if that is right, say haetae feed accept %s --reason TEXT", k.Baseline, c.Rows, k.Name)
	}
	if c.lines != nil || k.Kind == detect.FeedRegister || k.Kind == detect.FeedHoldings {
		if err := d.o.Install(ctx, &s.feed, asOf, c.lines); err != nil {
			return c.placed(err)
		}
		k.Content = nil
	} else {
		c.after(k.Content, asOf, k.Digest == "")
		k.Content = c
	}
	k.Rows, k.Baseline, k.Accepted = c.Rows, c.Rows, c.Rows == 0
	return nil
}

// placed gives the mistakes that the ledger found their lines in the source.
func (c *content) placed(err error) error {
	found, ok := errors.AsType[written.Mistakes](err)
	if !ok {
		return err
	}
	found = slices.Clone(found)
	for i := range found {
		if n := found[i].Line - 1; n >= 0 && n < len(c.lineOf) {
			found[i].Line = c.lineOf[n]
		}
	}
	return found
}

// ErrUnknown: there is no such feed, or nothing of it to be accepted.
var ErrUnknown = errors.New("no such feed")

// ErrNothing: nothing was refused for being short.
var ErrNothing = errors.New("nothing was refused")

// Accept says that content which was refused for being short is right. It is durable
// when Accept returns; the feed is looked at again at once, and so many rows are enough.
// note is called before, and where it fails nothing is accepted.
func (d *Desk) Accept(name string, note func(Refused) error) (Refused, error) {
	d.mu.Lock()
	var s *slot
	for _, x := range d.slots {
		if x.feed.Name == name {
			s = x
		}
	}
	d.mu.Unlock()
	if s == nil {
		return Refused{}, ErrUnknown
	}
	s.busy.Lock()
	defer s.busy.Unlock()
	d.mu.Lock()
	cut, k := s.cut, *s.kept
	d.mu.Unlock()
	if cut == nil {
		return Refused{}, ErrNothing
	}
	if err := note(*cut); err != nil {
		return Refused{}, err
	}
	k.Baseline, k.Accepted = cut.Rows, true
	if err := k.write(d.o.FS, d.dir, d.o.Hasher); err != nil {
		return Refused{}, err
	}
	d.mu.Lock()
	s.kept, s.cut = &k, nil
	d.mu.Unlock()
	select {
	case s.kick <- struct{}{}:
	default:
	}
	return *cut, nil
}

// Registers are what all feeds have brought.
func (d *Desk) Registers() (out Registers) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.slots {
		out.add(s.kept)
	}
	return out
}

// Covers says how current the feeds are.
func (d *Desk) Covers() []detect.FeedCover {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := make([]detect.FeedCover, len(d.slots))
	for i, s := range d.slots {
		out[i] = s.kept.cover()
	}
	return out
}

// State of a feed.
type State string

const (
	Fresh State = "fresh"
	Stale State = "stale" // its content is older than it may be
	Never State = "never" // it has not come yet
)

// Status says how a feed stands. It names no address and no folder.
type Status struct {
	Name    string          `json:"name"`
	Kind    detect.FeedKind `json:"kind"`
	List    string          `json:"list,omitempty"`
	From    string          `json:"from"` // "file", "folder" or "http"
	File    string          `json:"file,omitempty"`
	State   State           `json:"state"`
	AsOf    time.Time       `json:"as_of,omitzero"`   // the age of the content
	Age     int64           `json:"age_seconds"`      // since then; 0 if it never came
	Success time.Time       `json:"success,omitzero"` // of the last look that succeeded
	Changed time.Time       `json:"changed,omitzero"` // when the content last was another
	Tried   time.Time       `json:"tried,omitzero"`   // the last look
	Rows    int             `json:"rows"`             // of the content in force
	Every   int64           `json:"every_seconds"`    // between two looks
	MaxAge  int64           `json:"max_age_seconds"`  // beyond which it is stale
	Fails   int             `json:"failures"`         // looks that have failed in a row
	Error   string          `json:"error,omitempty"`  // of the last look
	ErrorKO string          `json:"error_ko,omitempty"`
	Refused *Refused        `json:"refused,omitempty"` // waits for feed accept
}

// Status says how each feed stands, and what is wrong with settings that were read and
// not taken.
func (d *Desk) Status(now time.Time) ([]Status, written.Text) {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := []Status{}
	for _, s := range d.slots {
		k := s.kept
		st := Status{
			Name: k.Name, Kind: k.Kind, List: k.List, From: "http", State: Never, Rows: k.Rows,
			Every: int64(s.feed.Every / time.Second), MaxAge: int64(s.feed.MaxAge / time.Second),
			Fails: s.failures, Error: s.trouble.EN, ErrorKO: s.trouble.KO, Refused: s.cut,
		}
		switch {
		case s.feed.File != "":
			st.From, st.File = "file", filepath.Base(s.feed.File)
		case s.feed.Folder != "":
			st.From, st.File = "folder", s.feed.Pattern
		}
		moment := func(t event.Millis) time.Time {
			if t == 0 {
				return time.Time{}
			}
			return t.Time()
		}
		st.Success, st.Changed, st.Tried = moment(k.Looked), moment(k.Changed), moment(s.tried)
		if age, ok := k.age(); ok {
			st.AsOf, st.Age, st.State = age.Time(), int64(max(0, now.Sub(age.Time()))/time.Second), Fresh
			if now.Sub(age.Time()) > s.feed.MaxAge {
				st.State = Stale
			}
		}
		out = append(out, st)
	}
	return out, d.refused
}
