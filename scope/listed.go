package scope

import (
	"context"
	"slices"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/segment"
)

// PartlyNamed are reads whose log line lists accounts, and fewer of them than
// the rows it says it returned. Whose the other rows are is not in the record:
// they may be further rows of the same accounts, or a list that was cut or
// could not be read. Such a read is not unresolved, since its accounts count.
//
// Only a list of the accounts in the answer is judged. Where the account stands
// in the path, in the query or is the actor, it says whose data was asked for,
// and any number of rows can be theirs.
type PartlyNamed struct {
	Records int64 `json:"records"`
	Rows    int64 `json:"rows"` // beyond the accounts their lists name
}

// partlyNamed counts n equal records, by the rows they returned (below 0: not
// told) and the accounts each names.
func (t *tally) partlyNamed(n int64, rows, named int32) {
	if over := int64(rows) - int64(named); over > 0 {
		t.partly.Records += n
		t.partly.Rows += n * over
	}
}

// listedRecord is what is known of a record that lists several accounts. Its
// fragments are spread over the partitions, so that it takes a pass to count
// them.
type listedRecord struct {
	fragments uint32
	primaries uint32 // more than one where equal records are not told apart
	rows      int32
}

// named is how many accounts it names.
func (l listedRecord) named() int32 { return int32(l.fragments / max(1, l.primaries)) }

// hash stands for a key where millions are kept: 16 bytes a record instead of
// 80. Of fifty million records two are taken for one with a chance of one in ten
// thousand.
func (k *recordKey) hash() uint64 {
	return hashRecord(hashNames(k.source, k.route, k.status), k.time, k.record)
}

func hashNames(source, route string, status uint16) uint64 {
	h := uint64(14695981039346656037) // FNV-1a
	for _, s := range [2]string{source, route} {
		for i := range len(s) {
			h = (h ^ uint64(s[i])) * 1099511628211
		}
		h = (h ^ 0xff) * 1099511628211 // no byte of a name
	}
	return h ^ uint64(status)
}

func hashRecord(names uint64, at event.Millis, record uint32) uint64 {
	return mix(mix(names^uint64(at)) ^ uint64(record))
}

// mix is the finalizer of SplitMix64: every bit of x changes half of the result.
func mix(x uint64) uint64 {
	x += 0x9E3779B97F4A7C15
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return x ^ x>>31
}

// countListed counts the accounts of the records that list several and say how
// many rows they returned. Without such records it costs nothing.
func (p *plan) countListed(ctx context.Context, workers int) error {
	const several = segment.Split | segment.Primary | segment.HasRows
	needed := slices.ContainsFunc(p.segments, func(sp *segmentPlan) bool {
		return slices.ContainsFunc(sp.shapes, func(s shapePlan) bool {
			return s.possible && s.shape.Flags&several == several &&
				slices.ContainsFunc(s.meanings, func(m meaningPlan) bool { return m.read && m.listed })
		})
	})
	if !needed {
		return nil
	}
	ws, err := p.scan(ctx, workers, passListed)
	if err != nil {
		return err
	}
	p.listed = map[uint64]listedRecord{}
	for _, w := range ws {
		for k, l := range w.listedFound {
			sum := p.listed[k]
			p.listed[k] = listedRecord{sum.fragments + l.fragments, sum.primaries + l.primaries, max(sum.rows, l.rows)}
		}
		w.listedFound = nil
	}
	return nil
}

func (w *worker) gatherListed(sp *segmentPlan, pt *segment.Partition, g int) error {
	var err error
	if w.homes, err = pt.Homes(g, w.homes); err != nil {
		return err
	}
	if err := pt.Details(g, w.homes, &w.details, false); err != nil {
		return err
	}
	if w.listedFound == nil {
		w.listedFound = map[uint64]listedRecord{}
	}
	sh := &sp.shapes[pt.Groups()[g].Shape].shape
	names := hashNames(sh.Source, sh.Route, sh.Status)
	for i, at := range w.details.Time {
		if at < w.from || at >= w.to {
			continue
		}
		k := hashRecord(names, at, w.details.Record[i])
		l := w.listedFound[k]
		l.fragments++
		if sh.Flags&segment.Primary != 0 {
			l.primaries++
			l.rows = max(l.rows, w.details.Rows[i])
		}
		w.listedFound[k] = l
	}
	return nil
}

// namedIn is how many accounts the record of a row of a list names.
func (w *worker) namedIn(sh *shapePlan, at event.Millis, record uint32) int32 {
	if sh.shape.Flags&segment.Split == 0 {
		return 1
	}
	k := keyOf(&sh.shape, at, record)
	return w.listed[k.hash()].named()
}
