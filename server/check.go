package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ingest"
	"github.com/haetae/haetae/ingest/line"
)

// CheckReport is what a log looks like under a catalog, without storing it.
type CheckReport struct {
	File   string `json:"file"`
	Source string `json:"source"`
	Format string `json:"format"`
	Lines  int64  `json:"lines"`
	Aside  int64  `json:"aside"`
	// Causes counts the lines that could not be read, by field and cause.
	Causes   []CauseCount `json:"causes"`
	Broken   string       `json:"broken,omitempty"`
	BrokenKO string       `json:"broken_ko,omitempty"`
	catalog.CheckResult
}

// CauseCount is how many lines could not be read for one reason.
type CauseCount struct {
	Field string `json:"field,omitempty"`
	Cause string `json:"cause"`
	Count int64  `json:"count"`
	// Line and Offset are where the first of them stands: a position, never what
	// stands there.
	Line   int64 `json:"line,omitempty"`
	Offset int64 `json:"offset"`
}

// CheckLog measures how much of a log a catalog explains.
func CheckLog(ctx context.Context, in io.Reader, name string, cat *catalog.Catalog, said, format string, workers int) (*CheckReport, error) {
	total := catalog.NewCheck(cat)
	rep, err := readLog(ctx, in, name, cat, said, format, workers, func() (func(*event.Record), func()) {
		check := catalog.NewCheck(cat)
		return check.Add, func() { total.Merge(check) }
	})
	if err != nil {
		return nil, fmt.Errorf("check %s: %w", name, err)
	}
	rep.CheckResult = total.Result()
	return rep, nil
}

// readLog decodes a log as an import would, and keeps nothing of it. begin is called
// for each worker: the first function is given its records, the second is called when
// there are no more, one worker after another.
func readLog(ctx context.Context, in io.Reader, name string, cat *catalog.Catalog, said, format string, workers int, begin func() (each func(*event.Record), end func())) (*CheckReport, error) {
	src, err := SourceOf(cat, said, name)
	if err != nil {
		return nil, err
	}
	stream, err := ingest.Open(in)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	f, err := formatOf(format, src, stream)
	if err != nil {
		return nil, err
	}
	if f.Cutter != nil {
		stream.Elements(f.Cutter)
	}
	rep := &CheckReport{File: name, Source: src.Name, Format: f.Name, Causes: []CauseCount{}}
	var causes causeBook
	var mu sync.Mutex
	var wg sync.WaitGroup
	chunks := make(chan *ingest.Chunk, 1)
	for range max(1, workers) {
		dec, err := f.New(src, time.Now())
		if err != nil {
			close(chunks)
			wg.Wait()
			return nil, err
		}
		wg.Go(func() {
			each, end := begin()
			var n ingest.Counts
			for c := range chunks {
				m := ingest.DecodeChunk(c, name, src, cat, nil, dec, each,
					func(a ingest.Aside) {
						causes.add(line.Error{Field: a.Field, Cause: a.Cause}, CauseCount{Count: 1, Line: a.Origin.Line, Offset: a.Origin.Offset})
					})
				n.Lines += m.Lines
				n.Aside += m.Aside
				c.Release()
			}
			mu.Lock()
			defer mu.Unlock()
			end()
			rep.Lines += n.Lines
			rep.Aside += n.Aside
		})
	}
	for ctx.Err() == nil {
		var c *ingest.Chunk
		if c, err = stream.Next(); err != nil {
			break
		}
		chunks <- c
	}
	close(chunks)
	wg.Wait()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	b := new(ingest.BrokenError)
	if errors.As(err, &b) {
		rep.Broken, rep.BrokenKO = b.Error(), b.KO()
	} else if err != nil && !errors.Is(err, io.EOF) {
		return nil, withoutFolder(err)
	}
	rep.Causes = causes.list()
	return rep, nil
}
