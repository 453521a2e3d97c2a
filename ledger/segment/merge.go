package segment

import (
	"fmt"
	"io"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/dictionary"
)

// Merge writes the rows of several segments as one, partition by partition. The
// result is what Write would make of all their rows.
func Merge(w io.Writer, rs []*Reader) (Info, error) {
	return Filter(w, rs, nil)
}

// Filter is Merge without the rows whose file drop names; drop may be nil.
func Filter(w io.Writer, rs []*Reader, drop func(file string) bool) (Info, error) {
	rows := int64(0)
	us := make([]*tablesInUse, len(rs))
	dropped := make([][]bool, len(rs))
	for i, r := range rs {
		t, err := r.load()
		if err != nil {
			return Info{}, err
		}
		for _, pl := range r.parts {
			rows += int64(pl.rows)
		}
		dropped[i] = make([]bool, len(t.files))
		some := false
		for f, name := range t.files {
			dropped[i][f] = drop != nil && drop(name)
			some = some || dropped[i][f]
		}
		if us[i], err = inUse(r, t, dropped[i], some); err != nil {
			return Info{}, err
		}
	}
	if rows > MaxRows {
		return Info{}, fmt.Errorf("merge of %d rows: at most %d", rows, MaxRows)
	}
	t, codes := unite(us)
	out := newFile(w, t)
	err := out.partitions(func(p int) ([]Session, []Row, error) { return gather(rs, codes, dropped, p) })
	if err != nil {
		return Info{}, err
	}
	return out.finish()
}

// inUse marks what the kept rows use. When nothing is dropped that is all.
func inUse(r *Reader, t *names, dropped []bool, some bool) (*tablesInUse, error) {
	clients, err := r.Clients()
	if err != nil {
		return nil, err
	}
	blocks, err := r.loadBlocks()
	if err != nil {
		return nil, err
	}
	u := &tablesInUse{
		shapes: t.shapes, clients: clients, agents: t.agents, files: t.files, minTime: r.base,
		first: make([]map[uint32]event.Millis, len(t.files)),
	}
	mark := func(n int, v bool) []bool {
		b := make([]bool, n)
		for i := range b {
			b[i] = v
		}
		return b
	}
	u.uShape, u.uClient = mark(len(t.shapes), !some), mark(len(clients), !some)
	u.uAgnt, u.uFile = mark(len(t.agents), !some), mark(len(t.files), !some)
	for f, b := range blocks {
		if dropped[f] {
			continue
		}
		u.first[f] = make(map[uint32]event.Millis, len(b.blocks))
		for i := range b.blocks {
			u.first[f][b.blocks[i]] = b.times[i]
		}
	}
	if !some {
		return u, nil
	}
	for p := range dictionary.Partitions {
		err := eachRow(r, p, func(pt *Partition, ss *Sessions, g *Group, d *Details, i int) {
			if f := d.File[i]; !dropped[f] {
				s := d.Session[i]
				u.uShape[g.Shape], u.uFile[f], u.uClient[ss.Client[s]], u.uAgnt[ss.Agent[s]] = true, true, true, true
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return u, nil
}

func eachRow(r *Reader, p int, fn func(pt *Partition, ss *Sessions, g *Group, d *Details, i int)) error {
	pt, err := r.Partition(p)
	if err != nil || len(pt.groups) == 0 {
		return err
	}
	ss, err := pt.Sessions()
	if err != nil {
		return err
	}
	var homes []uint32
	var d Details
	for g := range pt.groups {
		if homes, err = pt.Homes(g, homes); err != nil {
			return err
		}
		if err := pt.Details(g, homes, &d, true); err != nil {
			return err
		}
		for i := range homes {
			fn(pt, ss, &pt.groups[g], &d, i)
		}
	}
	return nil
}

// gather collects one partition of all segments, in the codes of the result.
func gather(rs []*Reader, codes []tableCodes, dropped [][]bool, p int) ([]Session, []Row, error) {
	var sessions []Session
	var rows []Row
	for i, r := range rs {
		c := &codes[i]
		var base uint32
		first := true
		err := eachRow(r, p, func(pt *Partition, ss *Sessions, g *Group, d *Details, k int) {
			if first {
				first = false
				base = uint32(len(sessions))
				for j := range ss.Home {
					sessions = append(sessions, Session{
						Home: dictionary.MakeRef(byte(p), ss.Home[j]), Actor: ss.Actor[j], HasActor: ss.HasActor[j],
						Token: ss.Token[j], Client: c.clients[ss.Client[j]], Agent: c.agents[ss.Agent[j]],
					})
				}
			}
			if dropped[i][d.File[k]] {
				return
			}
			s := d.Session[k]
			rows = append(rows, Row{
				Time: d.Time[k], Home: dictionary.MakeRef(byte(p), ss.Home[s]), Shape: c.shapes[g.Shape], Session: base + s,
				Rows: d.Rows[k], File: c.files[d.File[k]], Block: d.Block[k], Record: d.Record[k],
			})
		})
		if err != nil {
			return nil, nil, err
		}
	}
	return sessions, rows, nil
}
