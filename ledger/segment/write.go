package segment

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/dictionary"
)

const noLocal = 1<<24 - 1

// Write writes in as one segment. It reorders in.Rows and rewrites their codes.
func Write(w io.Writer, in *Input) (Info, error) {
	if len(in.Rows) > MaxRows {
		return Info{}, fmt.Errorf("segment of %d rows: at most %d", len(in.Rows), MaxRows)
	}
	src := newSource(in)
	t, codes := unite([]*tablesInUse{src})
	for i := range in.Rows {
		r := &in.Rows[i]
		r.Shape, r.File = codes[0].shapes[r.Shape], codes[0].files[r.File]
	}
	sessions := slices.Clone(in.Sessions)
	for i := range sessions {
		s := &sessions[i]
		if src.sessions[i] {
			s.Client, s.Agent = codes[0].clients[s.Client], codes[0].agents[s.Agent]
		}
	}
	// Rows by partition, in place (American flag sort).
	var start [dictionary.Partitions + 1]int
	for i := range in.Rows {
		start[in.Rows[i].Home.Part()+1]++
	}
	for p := range dictionary.Partitions {
		start[p+1] += start[p]
	}
	next := start
	for p := range dictionary.Partitions {
		for i := next[p]; i < start[p+1]; {
			q := in.Rows[i].Home.Part()
			if q == p {
				i++
				next[p] = i
				continue
			}
			in.Rows[i], in.Rows[next[q]] = in.Rows[next[q]], in.Rows[i]
			next[q]++
		}
	}
	out := newFile(w, t)
	err := out.partitions(func(p int) ([]Session, []Row, error) {
		rows := in.Rows[start[p]:start[p+1]]
		return sessions, rows, nil
	})
	if err != nil {
		return Info{}, err
	}
	return out.finish()
}

// tablesInUse is a set of tables with marks for the entries that rows use.
type tablesInUse struct {
	shapes         []Shape
	clients        []Client
	agents, files  []string
	uShape, uFile  []bool
	uClient, uAgnt []bool
	sessions       []bool
	first          []map[uint32]event.Millis // per file, first time of each block
	minTime        event.Millis
}

type tableCodes struct{ shapes, clients, agents, files []uint32 }

func newSource(in *Input) *tablesInUse {
	u := &tablesInUse{
		shapes: in.Shapes, clients: in.Clients, agents: in.Agents, files: in.Files,
		uShape: make([]bool, len(in.Shapes)), uFile: make([]bool, len(in.Files)),
		uClient: make([]bool, len(in.Clients)), uAgnt: make([]bool, len(in.Agents)),
		sessions: make([]bool, len(in.Sessions)), first: make([]map[uint32]event.Millis, len(in.Files)),
	}
	type key struct{ file, block uint32 }
	last, lastTime := key{^uint32(0), 0}, event.Millis(0)
	for i := range in.Rows {
		r := &in.Rows[i]
		if i == 0 || r.Time < u.minTime {
			u.minTime = r.Time
		}
		u.uShape[r.Shape], u.uFile[r.File], u.sessions[r.Session] = true, true, true
		if k := (key{r.File, r.Block}); k != last || r.Time < lastTime {
			last, lastTime = k, r.Time
			m := u.first[r.File]
			if m == nil {
				m = map[uint32]event.Millis{}
				u.first[r.File] = m
			}
			if t, ok := m[r.Block]; !ok || r.Time < t {
				m[r.Block] = r.Time
			}
		}
	}
	for i, used := range u.sessions {
		if used {
			u.uClient[in.Sessions[i].Client], u.uAgnt[in.Sessions[i].Agent] = true, true
		}
	}
	return u
}

// unite makes one set of tables of several.
func unite(us []*tablesInUse) (*tables, []tableCodes) {
	t := &tables{}
	var shapes [][]Shape
	var clients [][]Client
	var agents, files [][]string
	var uS, uC, uA, uF [][]bool
	for _, u := range us {
		shapes, clients = append(shapes, u.shapes), append(clients, u.clients)
		agents, files = append(agents, u.agents), append(files, u.files)
		uS, uC, uA, uF = append(uS, u.uShape), append(uC, u.uClient), append(uA, u.uAgnt), append(uF, u.uFile)
	}
	var cs, cc, ca, cf [][]uint32
	t.shapes, cs = canonical(shapes, uS, compareShapes)
	t.clients, cc = canonical(clients, uC, compareClients)
	t.agents, ca = canonical(agents, uA, cmp.Compare[string])
	t.files, cf = canonical(files, uF, cmp.Compare[string])
	codes := make([]tableCodes, len(us))
	first := make([]map[uint32]event.Millis, len(t.files))
	for i, u := range us {
		codes[i] = tableCodes{cs[i], cc[i], ca[i], cf[i]}
		for f, m := range u.first {
			if m == nil {
				continue
			}
			c := cf[i][f]
			if first[c] == nil {
				first[c] = map[uint32]event.Millis{}
			}
			for b, at := range m {
				if was, ok := first[c][b]; !ok || at < was {
					first[c][b] = at
				}
			}
		}
	}
	for _, m := range first {
		t.blocks = append(t.blocks, blockTable(m))
	}
	return t, codes
}

// file is a segment being written.
type file struct {
	w      io.Writer
	t      *tables
	at     int64
	dir    []byte
	tokens map[uint64]uint32
	info   Info
	err    error
}

func newFile(w io.Writer, t *tables) *file {
	return &file{w: w, t: t, tokens: map[uint64]uint32{}, info: Info{Sources: map[string]*SourceInfo{}}}
}

func (f *file) write(b []byte) {
	if f.err == nil {
		_, f.err = f.w.Write(b)
		f.at += int64(len(b))
	}
}

// partitions writes all partitions in order. rows are sorted and encoded side
// by side; what order decides (the token table) is done in between.
func (f *file) partitions(get func(p int) ([]Session, []Row, error)) error {
	f.write([]byte(magic))
	type prepared struct {
		part *partition
		err  error
	}
	workers := min(runtime.GOMAXPROCS(0), 8)
	ahead := make([]chan prepared, dictionary.Partitions)
	for p := range ahead {
		ahead[p] = make(chan prepared, 1)
	}
	limit := make(chan struct{}, workers)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(stop)
	wg.Add(1)
	go func() {
		defer wg.Done()
		for p := range dictionary.Partitions {
			select {
			case limit <- struct{}{}:
			case <-stop:
				return
			}
			wg.Add(1)
			go func() {
				defer wg.Done()
				sessions, rows, err := get(p)
				if err != nil || len(rows) == 0 {
					ahead[p] <- prepared{nil, err}
					return
				}
				ahead[p] <- prepared{preparePartition(f.t, sessions, rows), nil}
			}()
		}
	}()
	last := -1
	for p := range dictionary.Partitions {
		r := <-ahead[p]
		<-limit
		if r.err != nil {
			return r.err
		}
		if r.part == nil {
			continue
		}
		f.count(r.part)
		blocks, sums := r.part.encode(f)
		f.dir = binary.AppendUvarint(f.dir, uint64(p-last-1))
		last = p
		f.dir = binary.AppendUvarint(f.dir, uint64(len(r.part.rows)))
		f.dir = binary.AppendUvarint(f.dir, uint64(f.at))
		for i, b := range blocks {
			f.dir = binary.AppendUvarint(f.dir, uint64(len(b)))
			if sums[i] {
				f.dir = binary.LittleEndian.AppendUint32(f.dir, sum(b))
			}
			f.write(b)
		}
		if f.err != nil {
			return f.err
		}
	}
	return f.err
}

// count adds a partition to the segment's information.
func (f *file) count(p *partition) {
	var minutes *SourceInfo
	lastMinute := int64(-1)
	lastShape := ^uint32(0)
	var sh Shape
	for i := range p.rows {
		r := &p.rows[i]
		if f.info.Rows == 0 {
			f.info.MinTime, f.info.MaxTime = r.Time, r.Time
		}
		f.info.Rows++
		f.info.MinTime, f.info.MaxTime = min(f.info.MinTime, r.Time), max(f.info.MaxTime, r.Time)
		if r.Shape != lastShape {
			lastShape, lastMinute = r.Shape, -1
			sh = f.t.shapes[r.Shape]
			minutes = f.info.Sources[sh.Source]
			if minutes == nil {
				minutes = &SourceInfo{MinTime: r.Time, MaxTime: r.Time, Minutes: roaring.New()}
				f.info.Sources[sh.Source] = minutes
			}
		}
		if sh.Flags&Primary == 0 {
			continue
		}
		f.info.Primaries++
		minutes.Records++
		minutes.MinTime, minutes.MaxTime = min(minutes.MinTime, r.Time), max(minutes.MaxTime, r.Time)
		if m := int64(r.Time) / 60000; m != lastMinute {
			lastMinute = m
			if m >= 0 && m < 1<<32 {
				minutes.Minutes.Add(uint32(m))
			}
		}
		if sh.Flags&Malformed != 0 {
			f.info.Malformed++
		}
	}
}

func (f *file) finish() (Info, error) {
	f.t.tokens = make([]uint64, len(f.tokens))
	for t, c := range f.tokens {
		f.t.tokens[c] = t
	}
	info, err := f.info.encode()
	if err != nil {
		return Info{}, err
	}
	dir := binary.AppendUvarint(nil, zigzag(int64(f.info.MinTime)))
	dir = append(dir, f.dir...)
	var foot []byte
	t := f.t.encode()
	for _, b := range [sections][]byte{t[0], t[1], t[2], t[3], info, dir} {
		foot = binary.LittleEndian.AppendUint64(foot, uint64(f.at))
		foot = binary.LittleEndian.AppendUint64(foot, uint64(len(b)))
		foot = binary.LittleEndian.AppendUint32(foot, sum(b))
		f.write(b)
	}
	foot = binary.LittleEndian.AppendUint32(foot, sum(foot))
	foot = append(foot, endMagic...)
	f.write(foot)
	return f.info, f.err
}
