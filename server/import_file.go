package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/ledger"
)

// rawReader counts the bytes of a file as they are read.
type rawReader struct {
	ctx  context.Context
	in   io.Reader
	size int64
	err  error // of the file itself, not of what is packed in it
	all  *atomic.Int64
}

func (r *rawReader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		r.err = err
		return 0, err
	}
	n, err := r.in.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	r.size += int64(n)
	r.all.Add(int64(n))
	return n, err
}

func (r *importRun) source(name string) (*catalog.Catalog, *catalog.Source, error) {
	cat := r.l.Catalog()
	if cat == nil {
		return nil, nil, ErrNoCatalog
	}
	src, err := SourceOf(cat, r.req.Source, name)
	if err != nil {
		return nil, nil, err
	}
	return cat, src, nil
}

// SourceOf finds the source of a log: the one that was said, else the one whose
// pattern fits the file's name, else the only one there is.
func SourceOf(cat *catalog.Catalog, said, name string) (*catalog.Source, error) {
	if said != "" {
		src, ok := cat.Source(said)
		if !ok {
			return nil, fmt.Errorf("the catalog has no source %q: %w", said, ErrNoSource)
		}
		return src, nil
	}
	if src, ok := cat.SourceFor(name); ok {
		return src, nil
	}
	if len(cat.Sources) == 1 {
		return &cat.Sources[0], nil
	}
	return nil, ErrNoSource
}

// log imports one file.
func (r *importRun) log(ctx context.Context, file string) (*FileReport, error) {
	begin := time.Now()
	name := baseName(file)
	cat, src, err := r.source(name)
	if err != nil {
		return nil, err
	}
	rep := &FileReport{File: name, Source: src.Name}
	spec := ledger.ImportSpec{Source: src.Name, Name: name, Size: -1, New: r.req.New, Redecode: r.req.Redecode}
	raw := &rawReader{ctx: ctx, in: r.opts.Stdin, all: &r.read}
	again := func() error { return errors.New("this has to be read twice: give it as a file") }
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, withoutFolder(err)
		}
		defer f.Close()
		st, err := f.Stat()
		if err == nil && st.IsDir() {
			return nil, ErrFolder
		}
		if err == nil && st.Mode().IsRegular() {
			spec.Size = st.Size()
			again = func() error {
				r.read.Add(-raw.size)
				raw.size = 0
				_, err := f.Seek(0, io.SeekStart)
				return withoutFolder(err)
			}
		}
		raw.in = f
	} else if raw.in == nil {
		return nil, errors.New("there is no standard input here")
	}
	probe, p, broken, err := r.recognise(spec, raw, again, cat, src)
	if err != nil {
		return nil, err
	}
	rep.Bytes = raw.size
	if broken != nil {
		rep.Broken, rep.BrokenKO = broken.Error(), koreanOf(broken)
	}
	if p == nil {
		return rep, nil // nothing in it could be unpacked
	}
	defer p.stream.Close()
	rep.Format = p.format.Name
	if probe.Already() {
		rep.ImportResult = ledger.ImportResult{Import: probe.Last(), Already: true, Known: probe.Known()}
		return rep, nil
	}
	im, err := probe.Begin()
	if err != nil {
		return nil, err
	}
	r.at("read")
	broken, err = p.pour(ctx, im)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		var overlap *ledger.OverlapError
		if errors.As(err, &overlap) {
			// A refused copy must not lie about half taken.
			return nil, errors.Join(err, im.Abort())
		}
		im.Suspend()
		return nil, err
	}
	r.at("commit")
	if broken != nil {
		rep.Broken, rep.BrokenKO = broken.Error(), koreanOf(broken)
		im.Broken()
	}
	rep.ImportResult, err = im.Commit(im.Sum().Digest())
	if err != nil {
		return nil, err
	}
	rep.Causes = p.causes.list()
	rep.LostAddresses, rep.LostTexts = p.lostAddresses.Load(), p.lostTexts.Load()
	rep.Bytes = raw.size
	rep.Seconds = time.Since(begin).Seconds()
	return rep, nil
}

// recognise finds out how much of a log was read before, and leaves its stream
// where there is more. The format is found out before an import begins: a log
// that nobody can read leaves no unfinished import behind. broken is why the log
// ended before its end, as far as it was read; without a pourer there is nothing
// in it that could be unpacked.
func (r *importRun) recognise(spec ledger.ImportSpec, raw *rawReader, again func() error, cat *catalog.Catalog, src *catalog.Source) (*ledger.Probe, *pourer, error, error) {
	r.at("check")
	for {
		p, broken, err := r.pourer(raw, spec.Name, cat, src)
		if err != nil || broken != nil {
			return nil, nil, broken, err
		}
		probe, err := r.l.Probe(spec)
		if err == nil {
			err = probe.Read(p.stream.Unpacked())
		}
		switch {
		case raw.err != nil:
			err = withoutFolder(raw.err)
		case errors.Is(err, ledger.ErrReadAgain), err == nil && spec.Redecode:
			p.stream.Close()
			if err := again(); err != nil {
				return nil, nil, nil, err
			}
			if spec.Redecode {
				p, broken, err := r.pourer(raw, spec.Name, cat, src)
				return probe, p, broken, err
			}
			spec.Fresh = true
			continue
		case err == nil:
			offset, lines := probe.Start()
			p.stream.Begin(offset, lines, probe.Rest())
		}
		if err != nil {
			p.stream.Close()
			return nil, nil, nil, err
		}
		return probe, p, probe.Broken(), nil
	}
}
