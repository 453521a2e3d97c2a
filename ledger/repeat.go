package ledger

import (
	"errors"
	"fmt"
	"hash/maphash"
	"net/netip"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/segment"
)

// Fingerprints of records are kept for seenHorizon, and the content of a log by
// its beginning. A tail of a log that is copied and imported a month later has
// neither. What it does have are the records themselves: so an import of a stream
// that goes on with no known one is compared, before it becomes visible, with the
// records that are held of its source, in the minutes both have records of.
//
// An access and a copy of it agree in time, status, key, token, address and agent.
// Two accesses may, too: one client asks twice in a second. So it takes an hour in
// which half of the import's records, in minutes both have some of, were there
// already, at three moments or more.

const (
	// repeatRows is about how many of an import's records are compared: more of
	// them would say the same. Partitions are left out for it.
	repeatRows = 200_000
	// repeatHeld is about how many held records are looked at for it: of a ledger
	// with many, fewer partitions. There are eight in any case.
	repeatHeld = 20_000_000
	repeatStep = dictionary.Partitions / 8
	// repeatMoments is how many moments of one hour have to agree.
	repeatMoments = 3
)

// access is what an access and its copy have in common.
type access struct {
	at     event.Millis
	status uint16
	ip     netip.Addr
	rest   uint64 // hash of key, agent and token
}

// repeats looks whether what is staged was recorded before. Nothing needs to be
// read when the source has no records of those minutes.
func (im *Import) repeats() error {
	if im.spec.New || len(im.rec.Replaces) > 0 || im.rec.From > 0 {
		return nil
	}
	staged, closeAll, err := im.stagedReaders()
	if err != nil {
		return err
	}
	defer closeAll()
	v, err := im.l.View()
	if err != nil {
		return err
	}
	defer v.Close()
	c := &comparison{source: im.rec.Source, minutes: roaring.New(), seed: maphash.MakeSeed()}
	old, err := c.shared(staged, v.readers)
	if err != nil || len(old) == 0 {
		return err
	}
	mine := map[access]int{}
	if err := c.walk(staged, func(a access) { mine[a]++ }); err != nil {
		return err
	}
	rows, met, moments := map[int64]int{}, map[int64]int{}, map[int64]map[event.Millis]bool{}
	for a, n := range mine {
		rows[hourOf(a.at)] += n
	}
	err = c.walk(old, func(a access) {
		if mine[a] == 0 {
			return
		}
		mine[a]--
		h := hourOf(a.at)
		met[h]++
		if moments[h] == nil {
			moments[h] = map[event.Millis]bool{}
		}
		if len(moments[h]) < repeatMoments {
			moments[h][a.at] = true
		}
	})
	if err != nil {
		return err
	}
	samples, matches := 0, 0
	for h, n := range met {
		if 2*n >= rows[h] && len(moments[h]) >= repeatMoments {
			samples, matches = samples+rows[h], matches+n
		}
	}
	if matches == 0 {
		return nil
	}
	return &OverlapError{Name: im.spec.Name, Samples: samples, Matches: matches, Held: true}
}

// stagedReaders opens what the import has staged.
func (im *Import) stagedReaders() (rs []*segment.Reader, closeAll func(), err error) {
	var closers []func() error
	closeAll = func() {
		for _, c := range closers {
			c()
		}
	}
	for _, ref := range im.rec.Staged {
		b, err := im.l.blobs.Open(ref.Name)
		if err == nil {
			closers = append(closers, b.Close)
			var r *segment.Reader
			if r, err = segment.Open(b, ref.Size); err == nil {
				rs = append(rs, r)
				continue
			}
		}
		closeAll()
		return nil, nil, fmt.Errorf("open segments/%s: %w", ref.Name, notThere(err))
	}
	return rs, closeAll, nil
}

// comparison is of the records of one source, in some minutes and partitions.
type comparison struct {
	source      string
	minutes     *roaring.Bitmap
	first, last event.Millis // of the minutes
	step        int          // every so many partitions
	seed        maphash.Seed
}

// shared finds the minutes of which both sides have records, and the segments of
// the others that have some.
func (c *comparison) shared(mine, others []*segment.Reader) (old []*segment.Reader, err error) {
	rows, held := int64(0), int64(0)
	for _, o := range others {
		of, err := o.Info()
		if err != nil {
			return nil, err
		}
		theirs := of.Sources[c.source]
		if theirs == nil {
			continue
		}
		some := false
		for _, m := range mine {
			info, err := m.Info()
			if err != nil {
				return nil, err
			}
			s := info.Sources[c.source]
			if s == nil || !s.Minutes.Intersects(theirs.Minutes) {
				continue
			}
			some = true
			c.minutes.Or(roaring.And(s.Minutes, theirs.Minutes))
		}
		if some {
			old = append(old, o)
			held += of.Rows
		}
	}
	if len(old) == 0 {
		return nil, nil
	}
	c.first = event.Millis(c.minutes.Minimum()) * minuteMillis
	c.last = event.Millis(c.minutes.Maximum()+1) * minuteMillis
	for _, m := range mine {
		info, err := m.Info()
		if err != nil {
			return nil, err
		}
		rows += info.Rows
	}
	c.step = int(min(max(1, rows/repeatRows, held/repeatHeld), repeatStep))
	return old, nil
}

const minuteMillis = 60_000

// walk gives every record of the source in those minutes and partitions.
func (c *comparison) walk(rs []*segment.Reader, fn func(access)) error {
	var homes []uint32
	var d segment.Details
	for _, r := range rs {
		shapes, err1 := r.Shapes()
		clients, err2 := r.Clients()
		agents, err3 := r.Agents()
		if err := errors.Join(err1, err2, err3); err != nil {
			return err
		}
		for p := 0; p < dictionary.Partitions; p += c.step {
			pt, err := r.Partition(p)
			if err != nil {
				return err
			}
			var ss *segment.Sessions
			for g, gr := range pt.Groups() {
				sh := &shapes[gr.Shape]
				if sh.Source != c.source || sh.Flags&segment.Primary == 0 || gr.MaxTime < c.first || gr.MinTime >= c.last {
					continue
				}
				if ss == nil {
					if ss, err = pt.Sessions(); err != nil {
						return err
					}
				}
				if homes, err = pt.Homes(g, homes); err != nil {
					return err
				}
				if err := pt.Details(g, homes, &d, false); err != nil {
					return err
				}
				for i, at := range d.Time {
					if at < c.first || at >= c.last || !c.minutes.Contains(uint32(at/minuteMillis)) {
						continue
					}
					s := d.Session[i]
					var h maphash.Hash
					h.SetSeed(c.seed)
					h.WriteString(sh.Key)
					h.WriteByte(0)
					h.WriteString(agents[ss.Agent[s]])
					fn(access{at, sh.Status, clients[ss.Client[s]].IP, h.Sum64() ^ ss.Token[s]})
				}
			}
		}
	}
	return nil
}
