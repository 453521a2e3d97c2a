package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ingest"
	"github.com/haetae/haetae/ingest/line"
	"github.com/haetae/haetae/ledger"
)

// FormatNames lists the formats a log can be said to have.
func FormatNames() []string {
	var out []string
	for _, f := range ingest.Formats() {
		out = append(out, f.Name)
	}
	return out
}

// formatOf decides the format of a log: said on the command line, said in the
// catalog, or found out.
func formatOf(said string, src *catalog.Source, stream *ingest.Stream) (ingest.Format, error) {
	if said == "" {
		said = src.Format
	}
	sample, err := stream.Sample()
	if err != nil {
		return ingest.Format{}, err
	}
	if said != catalog.FormatDetect {
		f, err := ingest.FormatNamed(said)
		if err == nil {
			err = ingest.CheckDeclared(f, src, sample)
		}
		return f, err
	}
	if len(bytes.TrimSpace(sample)) == 0 {
		return ingest.Formats()[0], nil // an empty log is one of any format
	}
	v := ingest.Detect(sample)
	if v.Format == "" {
		return ingest.Format{}, &ingest.FormatError{Text: catalog.Text{
			KO: fmt.Sprintf("%s. 형식을 지정하십시오: --format %s", v.KO(), bar(FormatNames())),
			EN: fmt.Sprintf("%s: say which it is: --format %s", v, bar(FormatNames())),
		}}
	}
	return ingest.FormatNamed(v.Format)
}

func bar(names []string) string {
	var b bytes.Buffer
	for i, n := range names {
		if i > 0 {
			b.WriteByte('|')
		}
		b.WriteString(n)
	}
	return b.String()
}

// pourer sends one log through the workers into an import.
type pourer struct {
	*importRun
	raw    *rawReader
	name   string
	cat    *catalog.Catalog
	src    *catalog.Source
	stream *ingest.Stream
	format ingest.Format
	now    time.Time
	causes causeBook

	lostAddresses, lostTexts atomic.Int64
}

// pourer unpacks and recognises a log. broken says that there is nothing in it
// that could be unpacked.
func (r *importRun) pourer(raw *rawReader, name string, cat *catalog.Catalog, src *catalog.Source) (p *pourer, broken, err error) {
	p = &pourer{importRun: r, raw: raw, name: name, cat: cat, src: src, now: time.Now()}
	if p.stream, err = ingest.Open(raw); err != nil {
		if b := new(ingest.BrokenError); raw.err == nil && errors.As(err, &b) {
			return nil, b, nil
		}
		return nil, nil, withoutFolder(err)
	}
	if p.format, err = formatOf(r.req.Format, src, p.stream); err == nil {
		_, err = p.format.New(src, p.now)
	}
	if err != nil {
		p.stream.Close()
		return nil, nil, err
	}
	if p.format.Cutter != nil {
		p.stream.Elements(p.format.Cutter)
	}
	return p, nil, nil
}

// pour sends the log on its way. broken says why reading ended before the end of
// a compressed log.
func (r *pourer) pour(ctx context.Context, im *ledger.Import) (broken, err error) {
	src, stream, raw := r.src, r.stream, r.raw
	r.lines.Add(im.Lines())
	stream.Taken, stream.Tag = im.Sum(), func() any { return im.Sum().Snapshot() }
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	chunks := make(chan *ingest.Chunk, 1)
	var workers sync.WaitGroup
	for range r.opts.Workers {
		dec, err := r.format.New(src, r.now)
		if err != nil {
			stop(err)
			im.Fail(err)
			break
		}
		if r.opts.Intake != nil {
			dec = watchedBy(r.opts.Intake, r.format.Name, dec)
		}
		workers.Go(func() {
			batch := r.l.NewBatch()
			failed := false
			for c := range chunks {
				if !failed {
					if err := r.chunk(im, batch, c, dec); err != nil {
						failed = true
						stop(err)
						im.Fail(err)
					}
				}
				c.Release()
			}
		})
	}
	for ctx.Err() == nil {
		var c *ingest.Chunk
		if c, err = stream.Next(); err != nil {
			break
		}
		select {
		case chunks <- c:
		case <-ctx.Done():
		}
	}
	close(chunks)
	if cause := context.Cause(ctx); cause != nil {
		im.Fail(cause)
		workers.Wait()
		return nil, cause
	}
	workers.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return nil, cause
	}
	b := new(ingest.BrokenError)
	switch {
	case raw.err != nil:
		return nil, withoutFolder(raw.err)
	case errors.As(err, &b):
		broken = b
	case err != nil && !errors.Is(err, io.EOF):
		return nil, err
	}
	return broken, nil
}

func (r *pourer) chunk(im *ledger.Import, batch *ledger.Batch, c *ingest.Chunk, dec ingest.Decoder) error {
	batch.Reset()
	var bad []ledger.AsideLine
	tail := tailOf(c)
	made := false
	n := ingest.DecodeChunk(c, r.name, r.src, r.cat, r.opts.Networks, dec, func(rec *event.Record) {
		made = made || rec.Origin.Offset == tail
		batch.Add(rec)
	}, func(a ingest.Aside) {
		bad = append(bad, asideLine(r.src.Name, r.name, a.Origin.Line, a.Origin.Offset, a.Field, a.Cause.Code, a.Text))
		r.causes.add(line.Error{Field: a.Field, Cause: a.Cause}, CauseCount{Count: 1, Line: a.Origin.Line, Offset: a.Origin.Offset})
	})
	err := im.Submit(ledger.Chunk{
		Seq: c.Seq, Batch: batch, Lines: n.Lines, Aside: n.Aside, End: c.End, Part: partOf(c), Tail: made, Whole: c.Documents(), Bad: bad,
	})
	r.lines.Add(n.Lines)
	r.aside.Add(n.Aside)
	r.lostAddresses.Add(n.LostAddresses)
	r.lostTexts.Add(n.LostTexts)
	return err
}

// tailOf is where the last line of a chunk begins if it has no end, else -1. The end
// of an element is its own.
func tailOf(c *ingest.Chunk) int64 {
	if n := len(c.Data); n == 0 || c.Data[n-1] == '\n' || c.Documents() {
		return -1
	}
	return c.Offset + int64(bytes.LastIndexByte(c.Data, '\n')+1)
}

// partOf is what a chunk adds to the identity of the log: nothing that may not be
// what was logged.
func partOf(c *ingest.Chunk) ledger.Part {
	before, after := c.Before.(*ledger.Sum), c.After.(*ledger.Sum)
	sound := c.Sound()
	switch {
	case len(sound) == len(c.Data) && !c.Doubtful:
		return before.Part().With(after.Part())
	case c.Doubtful && len(sound) == 0:
		return ledger.Part{}
	}
	before.Write(sound)
	return before.Part()
}

// causeBook counts why lines were set aside. The numbers of causes and of fields
// are fixed, so it stays small.
type causeBook struct {
	mu sync.Mutex
	by map[line.Error]CauseCount
}

// add takes a count in and keeps the position that comes first.
func (b *causeBook) add(why line.Error, c CauseCount) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.by == nil {
		b.by = map[line.Error]CauseCount{}
	}
	if old, ok := b.by[why]; ok {
		if old.Offset <= c.Offset {
			c.Line, c.Offset = old.Line, old.Offset
		}
		c.Count += old.Count
	}
	c.Field, c.Cause = why.Field, why.Cause.Code
	b.by[why] = c
}

// list gives the counts, the most frequent first.
func (b *causeBook) list() []CauseCount {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := []CauseCount{}
	for _, c := range b.by {
		out = append(out, c)
	}
	sortCauses(out)
	return out
}
