package segment

import (
	"fmt"
	"io"

	"github.com/haetae/haetae/ledger/dictionary"
)

// Merge writes the rows of several segments as one, partition by partition, so
// that it needs the memory of their tables and of a few partitions. The result
// is byte for byte what Write makes of all their rows.
func Merge(w io.Writer, rs []*Reader) (Info, error) {
	return Filter(w, rs, nil)
}

// Filter is Merge without the rows whose file drop names; drop may be nil.
func Filter(w io.Writer, rs []*Reader, drop func(file string) bool) (Info, error) {
	rows := int64(0)
	ins := make([]*input, len(rs))
	us := make([]source, len(rs))
	for i, r := range rs {
		rows += r.rows
		ins[i] = &input{r: r}
		var err error
		if us[i], err = ins[i].source(drop); err != nil {
			return Info{}, err
		}
	}
	if rows > MaxRows {
		return Info{}, fmt.Errorf("merge of %d rows: at most %d", rows, MaxRows)
	}
	f, codes := newFile(w, us)
	sessions := 0
	for i, in := range ins {
		in.codes = codes[i]
		sessions += in.sessions
	}
	var err error
	f.t.visitors, err = findVisitors(sessions, func(fn func(*Session)) error {
		for _, in := range ins {
			if err := in.eachSession(fn); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return Info{}, err
	}
	err = f.partitions(func(p int, l *load) error {
		for _, in := range ins {
			if err := in.gather(p, l); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return Info{}, err
	}
	return f.finish()
}

// input is a segment being merged.
type input struct {
	r        *Reader
	codes    tableCodes // in the result
	sessions int        // in use, at most
	dropped  []bool     // per file; nil if none is
	// inUse marks, per partition, the sessions that have a row which is kept;
	// only if a file is dropped.
	inUse [dictionary.Partitions][]bool
}

// source tells what the kept rows use. When none is dropped, that is all.
func (in *input) source(drop func(string) bool) (source, error) {
	var u source
	r := in.r
	files, err := r.fileTable()
	if err != nil {
		return u, err
	}
	if u.shapes.list, err = r.Shapes(); err != nil {
		return u, err
	}
	if u.clients.list, err = r.Clients(); err != nil {
		return u, err
	}
	if u.agents.list, err = r.Agents(); err != nil {
		return u, err
	}
	u.files.list = files.names
	for i, name := range files.names {
		if drop != nil && drop(name) {
			if in.dropped == nil {
				in.dropped = make([]bool, len(files.names))
			}
			in.dropped[i] = true
		}
	}
	u.first = make([]firstTimes, len(files.names))
	for i := range files.blocks {
		if in.dropped == nil || !in.dropped[i] {
			u.first[i].noteAll(&files.blocks[i])
		}
	}
	if in.dropped == nil {
		info, err := r.Info()
		if err != nil || info.Rows == 0 {
			return u, err
		}
		u.time(info.MinTime, info.MaxTime)
		// As many sessions as rows is much too high, and costs a byte each.
		in.sessions = int(info.Rows)
		return u, nil
	}
	u.shapes.on, u.clients.on = make([]bool, len(u.shapes.list)), make([]bool, len(u.clients.list))
	u.agents.on, u.files.on = make([]bool, len(u.agents.list)), make([]bool, len(u.files.list))
	for p := range in.inUse {
		err := eachGroup(r, p, func(ss *Sessions, g *Group, d *Details) {
			if in.inUse[p] == nil {
				in.inUse[p] = make([]bool, len(ss.Home))
			}
			for i, f := range d.File {
				if in.dropped[f] {
					continue
				}
				u.time(d.Time[i], d.Time[i])
				u.shapes.on[g.Shape], u.files.on[f] = true, true
				if s := d.Session[i]; !in.inUse[p][s] {
					in.inUse[p][s] = true
					in.sessions++
					u.clients.on[ss.Client[s]], u.agents.on[ss.Agent[s]] = true, true
				}
			}
		})
		if err != nil {
			return u, err
		}
	}
	return u, nil
}

// eachGroup decodes a partition, group by group. What fn is given is good until
// it returns.
func eachGroup(r *Reader, p int, fn func(ss *Sessions, g *Group, d *Details)) error {
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
		fn(ss, &pt.groups[g], &d)
	}
	return nil
}

// session gives one in the codes of the result.
func (in *input) session(p int, ss *Sessions, i int) Session {
	return Session{
		Home: dictionary.MakeRef(byte(p), ss.Home[i]), Actor: ss.Actor[i], HasActor: ss.HasActor[i],
		Token: ss.Token[i], Client: in.codes.clients[ss.Client[i]], Agent: in.codes.agents[ss.Agent[i]],
	}
}

func (in *input) eachSession(fn func(*Session)) error {
	for p := range dictionary.Partitions {
		pt, err := in.r.Partition(p)
		if err != nil {
			return err
		}
		ss, err := pt.Sessions()
		if err != nil {
			return err
		}
		for i := range ss.Home {
			if in.dropped != nil && !in.inUse[p][i] {
				continue
			}
			s := in.session(p, ss, i)
			fn(&s)
		}
	}
	return nil
}

// gather adds one partition to l.
func (in *input) gather(p int, l *load) error {
	local := []uint32(nil) // of a session in l, +1
	return eachGroup(in.r, p, func(ss *Sessions, g *Group, d *Details) {
		if local == nil {
			local = make([]uint32, len(ss.Home))
		}
		shape := in.codes.shapes[g.Shape]
		k := l.grow(len(d.File))
		for i, f := range d.File {
			if in.dropped != nil && in.dropped[f] {
				continue
			}
			s := d.Session[i]
			if local[s] == 0 {
				l.sessions = append(l.sessions, in.session(p, ss, int(s)))
				local[s] = uint32(len(l.sessions))
			}
			l.session[k], l.shape[k], l.file[k] = local[s]-1, shape, in.codes.files[f]
			l.block[k], l.record[k], l.rows[k], l.time[k] = d.Block[i], d.Record[i], d.Rows[i], d.Time[i]
			k++
		}
		l.cut(k)
	})
}
