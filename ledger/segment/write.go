package segment

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"
	"sync"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/dictionary"
)

const noLocal = 1<<24 - 1

// Write writes in as one segment. Beside in it needs about four bytes a row and
// four a session.
func Write(w io.Writer, in *Input) (Info, error) {
	if len(in.Rows) > MaxRows || len(in.Sessions) > math.MaxUint32-1 {
		return Info{}, fmt.Errorf("segment of %d rows and %d sessions: at most %d rows", len(in.Rows), len(in.Sessions), MaxRows)
	}
	u := source{
		shapes: used[Shape]{in.Shapes, make([]bool, len(in.Shapes))}, clients: used[Client]{in.Clients, make([]bool, len(in.Clients))},
		agents: used[string]{in.Agents, make([]bool, len(in.Agents))}, files: used[string]{in.Files, make([]bool, len(in.Files))},
		first: make([]firstTimes, len(in.Files)),
	}
	inUse := make([]bool, len(in.Sessions))
	sessions := 0
	var start [dictionary.Partitions + 1]int
	for i := range in.Rows {
		r := &in.Rows[i]
		u.time(r.Time, r.Time)
		u.shapes.on[r.Shape], u.files.on[r.File] = true, true
		u.first[r.File].note(r.Block, r.Time)
		start[r.Home.Part()+1]++
		if !inUse[r.Session] {
			inUse[r.Session] = true
			sessions++
			s := &in.Sessions[r.Session]
			u.clients.on[s.Client], u.agents.on[s.Agent] = true, true
		}
	}
	f, codes := newFile(w, []source{u})
	c := &codes[0]
	var err error
	f.t.visitors, err = findVisitors(sessions, func(fn func(*Session)) error {
		for i, on := range inUse {
			if s := &in.Sessions[i]; on && s.visits() {
				x := *s
				x.Client, x.Agent = c.clients[s.Client], c.agents[s.Agent]
				fn(&x)
			}
		}
		return nil
	})
	if err != nil {
		return Info{}, err
	}
	// Rows by partition, in the order in which they came: that is mostly the
	// order of time, and then there is little left to sort.
	for p := range dictionary.Partitions {
		start[p+1] += start[p]
	}
	next := start
	byPart := make([]uint32, len(in.Rows))
	for i := range in.Rows {
		p := in.Rows[i].Home.Part()
		byPart[next[p]] = uint32(i)
		next[p]++
	}
	local := make([]uint32, len(in.Sessions)) // of a session in its load, +1; a session is in one partition
	err = f.partitions(func(p int, l *load) error {
		mine := byPart[start[p]:start[p+1]]
		l.grow(len(mine))
		// The rows lie scattered, and so do their sessions: in loops of their
		// own the waits for memory overlap.
		for k, i := range mine {
			r := &in.Rows[i]
			l.session[k], l.shape[k], l.file[k], l.block[k], l.record[k] = r.Session, r.Shape, r.File, r.Block, r.Record
			l.rows[k], l.time[k], l.home[k] = r.Rows, r.Time, r.Home
		}
		for k := range mine {
			l.shape[k], l.file[k] = c.shapes[l.shape[k]], c.files[l.file[k]]
		}
		for k, i := range l.session {
			n := local[i]
			if n == 0 {
				s := in.Sessions[i]
				s.Client, s.Agent = c.clients[s.Client], c.agents[s.Agent]
				if !s.HasActor {
					s.Actor = 0
				}
				if s.Home != l.home[k] {
					return errHome
				}
				l.sessions = append(l.sessions, s)
				n = uint32(len(l.sessions))
				local[i] = n
			} else if l.sessions[n-1].Home != l.home[k] {
				return errHome
			}
			l.session[k] = n - 1
		}
		return nil
	})
	if err != nil {
		return Info{}, err
	}
	return f.finish()
}

var errHome = errors.New("a row's home is not its session's")

// source is the tables of one of a segment's inputs and what they are used for.
type source struct {
	shapes        used[Shape]
	clients       used[Client]
	agents, files used[string]
	first         []firstTimes // per file
	lo, hi        event.Millis // of the rows
	any           bool
}

func (u *source) time(lo, hi event.Millis) {
	if !u.any {
		u.any, u.lo, u.hi = true, lo, hi
	}
	u.lo, u.hi = min(u.lo, lo), max(u.hi, hi)
}

type tableCodes struct{ shapes, clients, agents, files []uint32 }

// file is a segment being written.
type file struct {
	w       *bufio.Writer
	t       *tables
	base    event.Millis
	minutes minuteSpan
	shapes  []shapeOf
	sources []string
	tallies []*tally
	dir     []byte
}

// newFile unites the tables of a segment's inputs.
func newFile(w io.Writer, us []source) (*file, []tableCodes) {
	f := &file{w: bufio.NewWriterSize(w, 1<<18), t: &tables{}}
	var all source
	var shapes []used[Shape]
	var clients []used[Client]
	var agents, files []used[string]
	for _, u := range us {
		shapes, clients = append(shapes, u.shapes), append(clients, u.clients)
		agents, files = append(agents, u.agents), append(files, u.files)
		if u.any {
			all.time(u.lo, u.hi)
		}
	}
	var cs, cc, ca, cf [][]uint32
	f.t.shapes, cs = canonical(shapes, keyOfShape, compareShapes)
	f.t.clients, cc = canonical(clients, keyOfClient, compareClients)
	f.t.agents, ca = canonical(agents, keyOfString, strings.Compare)
	f.t.files, cf = canonical(files, keyOfString, strings.Compare)
	f.base, f.minutes = all.lo, spanOf(all.lo, all.hi)
	codes := make([]tableCodes, len(us))
	first := make([]*firstTimes, len(f.t.files))
	for i := range us {
		codes[i] = tableCodes{cs[i], cc[i], ca[i], cf[i]}
		for k := range us[i].first {
			if !us[i].files.has(k) {
				continue
			}
			mine := &us[i].first[k]
			if have := first[cf[i][k]]; have != nil {
				b := mine.table()
				have.noteAll(&b)
			} else {
				first[cf[i][k]] = mine
			}
		}
	}
	for _, m := range first {
		f.t.blocks = append(f.t.blocks, m.table())
	}
	for _, s := range f.t.shapes { // sorted by source
		if n := len(f.sources); n == 0 || f.sources[n-1] != s.Source {
			f.sources = append(f.sources, s.Source)
		}
		f.shapes = append(f.shapes, shapeOf{s.Flags, len(f.sources) - 1})
	}
	return f, codes
}

// maxWorkers bounds the memory: a load may hold a large partition.
const maxWorkers = 8

// partitions writes all partitions in order. Loads are filled, arranged and
// encoded side by side, written one after the other.
func (f *file) partitions(fill func(p int, l *load) error) error {
	f.w.WriteString(magicName + version)
	workers := min(runtime.GOMAXPROCS(0), maxWorkers)
	type result struct {
		l     *load
		paged bool
		err   error
	}
	free := make(chan *load, workers+1)
	for range workers + 1 { // one more, so that nobody waits for the writing
		l := &load{tally: newTally(len(f.sources))}
		f.tallies = append(f.tallies, l.tally)
		free <- l
	}
	var done [dictionary.Partitions]chan result
	for p := range done {
		done[p] = make(chan result, 1)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(stop)
	// Loads are handed out in the order of the partitions, so that the next one
	// to be written always has one.
	type job struct {
		p int
		l *load
	}
	jobs := make(chan job)
	wg.Go(func() {
		defer close(jobs)
		for p := range dictionary.Partitions {
			select {
			case l := <-free:
				jobs <- job{p, l}
			case <-stop:
				return
			}
		}
	})
	for range workers {
		wg.Go(func() {
			for j := range jobs {
				r := result{l: j.l}
				j.l.reset()
				if r.err = fill(j.p, j.l); r.err == nil && len(j.l.session) > 0 {
					j.l.arrange()
					r.paged = j.l.encode(f.t, f.shapes, f.base, f.minutes)
				}
				done[j.p] <- r
			}
		})
	}
	last := -1
	for p := range dictionary.Partitions {
		r := <-done[p]
		if r.err != nil {
			return fmt.Errorf("partition %d: %w", p, r.err)
		}
		if len(r.l.session) > 0 {
			if err := f.put(p-last-1, r.l, r.paged); err != nil {
				return err
			}
			last = p
		}
		free <- r.l
	}
	return nil
}

// put writes one partition and its line of the directory.
func (f *file) put(gap int, l *load, paged bool) error {
	f.dir = binary.AppendUvarint(f.dir, uint64(gap))
	rows := uint64(len(l.session)) << 1
	if paged {
		rows |= 1
	}
	f.dir = binary.AppendUvarint(f.dir, rows)
	whole := uint32(0)
	for _, b := range l.out {
		f.dir = binary.AppendUvarint(f.dir, uint64(len(b)))
		whole = update(whole, b)
		if _, err := f.w.Write(b); err != nil {
			return err
		}
	}
	if !paged {
		f.dir = binary.LittleEndian.AppendUint32(f.dir, whole)
		return nil
	}
	f.dir = binary.LittleEndian.AppendUint32(f.dir, sum(l.out[blockGroups]))
	f.dir = binary.LittleEndian.AppendUint32(f.dir, sum(l.out[blockSessions]))
	return nil
}

// finish writes what follows the partitions.
func (f *file) finish() (Info, error) {
	info := total(f.tallies, f.sources, f.minutes)
	rawInfo, err := info.encode()
	if err != nil {
		return Info{}, err
	}
	dir := binary.AppendUvarint(nil, zigzag(int64(f.base)))
	for _, n := range []int{len(f.t.clients), len(f.t.agents)} {
		dir = binary.AppendUvarint(dir, uint64(n))
	}
	dir = append(dir, f.dir...)
	raw := [sections][]byte{
		encodeShapes(f.t.shapes), encodeClients(f.t.clients), encodeStrings(nil, f.t.agents), encodeFiles(f.t.files, f.t.blocks),
		encodeVisitors(f.t.visitors.list), rawInfo, dir,
	}
	var foot []byte
	for i, r := range raw {
		b := r
		if i != sectionDirectory { // it is small, and opening a file should be fast
			b = packSection(r)
		}
		if uint64(len(r)) > math.MaxUint32 {
			return Info{}, fmt.Errorf("%s of %d bytes: at most 4 GiB", sectionNames[i], len(r))
		}
		foot = binary.LittleEndian.AppendUint32(foot, uint32(len(b)))
		foot = binary.LittleEndian.AppendUint32(foot, uint32(len(r)))
		foot = binary.LittleEndian.AppendUint32(foot, sum(b))
		f.w.Write(b)
	}
	foot = binary.LittleEndian.AppendUint32(foot, sum(foot))
	foot = append(foot, endName+version...)
	f.w.Write(foot)
	return info, f.w.Flush()
}
