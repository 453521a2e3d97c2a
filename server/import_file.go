package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/ledger"
)

// rawReader counts and hashes the bytes of a file as they are read.
type rawReader struct {
	ctx  context.Context
	in   io.Reader
	sum  hash.Hash
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
	r.sum.Write(b[:n])
	r.size += int64(n)
	r.all.Add(int64(n))
	return n, err
}

// headSize is how much of a file is hashed to recognise it.
const headSize = 64 << 10

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
	in := r.opts.Stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, withoutFolder(err)
		}
		defer f.Close()
		if st, err := f.Stat(); err == nil && st.IsDir() {
			return nil, ErrFolder
		}
		in = f
		done, err := r.recognise(ctx, f, &spec)
		if err != nil {
			return nil, withoutFolder(err)
		}
		if done != 0 && !spec.Redecode && !spec.New {
			rep.ImportResult = ledger.ImportResult{Import: done, Already: true}
			rep.Bytes = spec.Size
			r.read.Add(spec.Size)
			return rep, nil
		}
	} else if in == nil {
		return nil, errors.New("there is no standard input here")
	}
	raw := &rawReader{ctx: ctx, in: in, sum: sha256.New(), all: &r.read}
	// The format is found out before the import begins: a log that nobody can
	// read leaves no unfinished import behind.
	p, broken, err := r.pourer(raw, name, cat, src)
	if err != nil {
		return nil, err
	}
	if broken != nil {
		rep.Broken, rep.Bytes = broken.Error(), raw.size
		return rep, nil
	}
	defer p.stream.Close()
	rep.Format = p.format.Name
	im, err := r.l.BeginImport(spec)
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
		if errors.As(err, &overlap) || spec.Head == "" {
			// A stream cannot go on from where it was, and a refused copy must
			// not lie about half taken.
			return nil, errors.Join(err, im.Abort())
		}
		im.Suspend()
		return nil, err
	}
	if broken != nil {
		im.Broke()
	}
	r.at("commit")
	rep.ImportResult, err = im.Commit(hex.EncodeToString(raw.sum.Sum(nil)))
	if err != nil {
		return nil, err
	}
	if broken != nil {
		rep.Broken = broken.Error()
	}
	rep.Causes = p.causes.list()
	rep.LostAddresses, rep.LostTexts = p.lostAddresses.Load(), p.lostTexts.Load()
	rep.Bytes = raw.size
	rep.Seconds = time.Since(begin).Seconds()
	return rep, nil
}

// recognise fills in what a file is known by, and returns the finished import of
// the very same bytes if there is one.
func (r *importRun) recognise(ctx context.Context, f *os.File, spec *ledger.ImportSpec) (uint64, error) {
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if !st.Mode().IsRegular() {
		return 0, nil // a pipe: read once, like standard input
	}
	spec.Size = st.Size()
	head := make([]byte, headSize)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return 0, err
	}
	sum := sha256.Sum256(head[:n])
	spec.Head = hex.EncodeToString(sum[:])
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	id, whole, ok := r.l.FindImport(*spec)
	if !ok || spec.New || spec.Redecode {
		return 0, nil
	}
	r.at("check")
	var skip atomic.Int64
	all := &rawReader{ctx: ctx, in: f, sum: sha256.New(), all: &skip}
	if _, err := io.Copy(io.Discard, all); err != nil {
		return 0, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	if hex.EncodeToString(all.sum.Sum(nil)) != whole {
		return 0, nil
	}
	return id, nil
}
