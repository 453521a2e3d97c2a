package guess

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ingest"
	"github.com/haetae/haetae/ingest/line"
)

// trial is what the sample is like, read with a draft.
type trial struct {
	lines, records, aside int64
	fields                map[string]int64 // lines set aside, by the field they could not be read for
	result                catalog.CheckResult

	// ids by the kind of actor, and the accounts of lists: where account ids may be.
	actors  map[string][]string
	listed  []string
	silence event.Millis // the longest between two records
	agents  int64
}

// maxIDs bounds what is kept of ids to find their form.
const maxIDs = 20_000

// try reads the sample with a draft.
func (g *guesser) try(ctx context.Context, text string) (*trial, error) {
	cat, err := catalog.Parse("draft.yaml", []byte(text))
	if err != nil {
		return nil, fmt.Errorf("the draft is no catalog: %w", err)
	}
	src := &cat.Sources[0]
	stream, err := ingest.Open(bytes.NewReader(g.sample.text()))
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	f, err := ingest.FormatNamed(g.sample.format)
	if err != nil {
		return nil, err
	}
	if f.Cutter != nil {
		stream.Elements(f.Cutter)
	}
	dec, err := f.New(src, g.opts.Now)
	if err != nil {
		return nil, err
	}
	t := &trial{fields: map[string]int64{}, actors: map[string][]string{}}
	check := catalog.NewCheck(cat)
	var times []event.Millis
	n := 0
	for ctx.Err() == nil {
		c, err := stream.Next()
		if err != nil {
			break // the sample is in memory: its end
		}
		counts := ingest.DecodeChunk(c, "sample", src, cat, nil, dec, func(rec *event.Record) {
			check.Add(rec)
			times = append(times, rec.Time)
			if rec.Client.Agent != "" {
				t.agents++
			}
			if n++; n > maxIDs {
				return
			}
			if id := string(rec.Actor.ID); id != "" {
				kind := strings.Clone(rec.Actor.Type)
				t.actors[kind] = append(t.actors[kind], strings.Clone(id))
			}
			for _, s := range rec.Subjects[:min(len(rec.Subjects), 20)] {
				t.listed = append(t.listed, strings.Clone(string(s)))
			}
		}, func(a ingest.Aside) {
			if a.Cause == line.CutOff && g.sample.more {
				t.aside--
				return // the sample ends there, not the log
			}
			t.fields[a.Field]++
		})
		t.lines += counts.Lines - counts.Empty
		t.records += counts.Records
		t.aside += counts.Aside
		c.Release()
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	slices.Sort(times)
	for i := 1; i < len(times); i++ {
		t.silence = max(t.silence, times[i]-times[i-1])
	}
	t.result = check.Result()
	return t, nil
}
