package ledger

import (
	"bytes"
	"context"
	"strconv"
	"testing"

	"github.com/haetae/haetae/event"
)

// benchRecords are requests of 5,000 members, most of them two pages each.
func benchRecords(from, n int) []event.Record {
	out := make([]event.Record, n)
	for i := range out {
		r := record(from + i)
		id := event.AccountID("m" + strconv.Itoa((from+i)/2*7919%5000))
		r.Time = noon + event.Millis(from+i)*10
		r.Actor = event.Actor{ID: event.ActorID(id), Type: event.Member}
		r.Subjects, r.Position = []event.AccountID{id}, event.PositionActor
		out[i] = r
	}
	return out
}

// BenchmarkAppend is the live path, a request of 1,000 records at a time.
func BenchmarkAppend(b *testing.B) {
	l := open(b, create(b), Options{})
	defer l.Close()
	const each = 1000
	b.ReportAllocs()
	for n := 0; b.Loop(); n += each {
		if _, err := l.Append(context.Background(), benchRecords(n, each)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*each)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkImport is the path of a log: chunks of 8,000 records.
func BenchmarkImport(b *testing.B) {
	l := open(b, create(b), Options{})
	defer l.Close()
	im, err := l.BeginImport(ImportSpec{Source: "gateway", Name: "log", Size: 1})
	if err != nil {
		b.Fatal(err)
	}
	const each = 8000
	batch := l.NewBatch()
	b.ReportAllocs()
	for seq := 0; b.Loop(); seq++ {
		batch.Reset()
		rs := benchRecords(seq*each, each)
		for i := range rs {
			batch.Add(&rs[i])
		}
		if err := im.Submit(Chunk{Seq: seq, Batch: batch, Lines: each, End: int64(seq + 1)}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*each)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkSum is what knowing a log by its content costs.
func BenchmarkSum(b *testing.B) {
	chunk := bytes.Repeat([]byte(logLine(7)), 4000)
	s := newSum(testHasher())
	b.SetBytes(int64(len(chunk)))
	for b.Loop() {
		s.Write(chunk)
		s.Snapshot().Part()
	}
}
