package server

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/ledger"
)

var (
	// ErrNoCatalog: there is nothing to decode by.
	ErrNoCatalog = errors.New("the folder has no catalog yet")
	// ErrNoSource: nobody said which of the catalog's sources a file is.
	ErrNoSource = errors.New("cannot tell which source of the catalog this log is")
)

// ImportRequest is what to import, in this order: catalog, register, holdings,
// then the logs one after another.
type ImportRequest struct {
	Catalog  string      `json:"catalog,omitempty"` // file
	Register []DatedFile `json:"register,omitempty"`
	Holdings []DatedFile `json:"holdings,omitempty"`
	// Source is the catalog's name for the logs. Without it the catalog's own
	// patterns of file names decide.
	Source   string   `json:"source,omitempty"`
	Format   string   `json:"format,omitempty"`
	New      bool     `json:"new,omitempty"`
	Redecode bool     `json:"redecode,omitempty"`
	Files    []string `json:"files,omitempty"` // "-" is the stream handed along
}

// DatedFile is a file that is true from a day on.
type DatedFile struct {
	File string `json:"file"`
	// From is a date, or a moment in RFC 3339; empty: for all time.
	From string `json:"from,omitempty"`
}

// ImportReport is what was done.
type ImportReport struct {
	Catalog  *CatalogReport  `json:"catalog,omitempty"`
	Register []EditionReport `json:"register"`
	Holdings []EditionReport `json:"holdings"`
	Files    []FileReport    `json:"files"`

	Lines      int64 `json:"lines"`
	Records    int64 `json:"records"`
	Duplicates int64 `json:"duplicates"`
	Aside      int64 `json:"aside"`
}

// Remarks reports whether something was left out: lines set aside, bad lines of
// a register, a file that ended early.
func (r *ImportReport) Remarks() bool {
	if r.Aside > 0 {
		return true
	}
	for _, e := range append(append([]EditionReport{}, r.Register...), r.Holdings...) {
		if e.Bad > 0 {
			return true
		}
	}
	for _, f := range r.Files {
		if f.Broken != "" {
			return true
		}
	}
	return false
}

// CatalogReport is what became of the catalog.
type CatalogReport struct {
	Name    string `json:"name"`
	Edition uint32 `json:"edition"`
	Changed bool   `json:"changed"`
}

// EditionReport is what became of a register or a holdings file.
type EditionReport struct {
	catalog.Report
	From string `json:"from,omitempty"`
}

// FileReport is what became of one log.
type FileReport struct {
	File   string `json:"file"` // without its folder
	Source string `json:"source"`
	Format string `json:"format,omitempty"`
	Bytes  int64  `json:"bytes"` // as read, before unpacking
	ledger.ImportResult
	// Broken says where and why reading ended before the end of the file. What
	// came before it is imported.
	Broken  string  `json:"broken,omitempty"`
	Seconds float64 `json:"seconds"`
}

// Progress is how far an import is.
type Progress struct {
	File  string `json:"file"`
	Index int    `json:"index"` // from 0
	Files int    `json:"files"`
	Read  int64  `json:"read"` // bytes of all files so far, before unpacking
	Size  int64  `json:"size"` // of all files; -1 when a stream is among them
	Lines int64  `json:"lines"`
	Aside int64  `json:"aside"`
	// Stage is "read", "check" (is it the same file again?), "commit" or "edition".
	Stage string `json:"stage"`
}

// ImportOptions are the circumstances of an import.
type ImportOptions struct {
	Workers  int            // default: one
	Stdin    io.Reader      // what "-" reads
	Progress func(Progress) // called from time to time, from one goroutine
}

// importRun is one import under way.
type importRun struct {
	l     *ledger.Ledger
	req   ImportRequest
	opts  ImportOptions
	rep   ImportReport
	index atomic.Int64 // of the file at hand
	size  int64        // of all files
	stage atomic.Pointer[string]

	read  atomic.Int64
	lines atomic.Int64
	aside atomic.Int64
}

// Import does all of a request. Stopped by ctx or by an error, it leaves a state
// from which the same request goes on.
func Import(ctx context.Context, l *ledger.Ledger, req ImportRequest, o ImportOptions) (*ImportReport, error) {
	if o.Workers < 1 {
		o.Workers = 1
	}
	r := &importRun{l: l, req: req, opts: o}
	r.rep.Register, r.rep.Holdings, r.rep.Files = []EditionReport{}, []EditionReport{}, []FileReport{}
	for _, f := range req.Files {
		if f == "-" {
			r.size = -1
			break
		}
		st, err := os.Stat(f)
		if err != nil {
			return nil, fmt.Errorf("import: %w", withoutFolder(err))
		}
		if st.IsDir() {
			return nil, fmt.Errorf("import %s: this is a folder; name the files in it", path.Base(f))
		}
		r.size += st.Size()
	}
	stop := r.report()
	defer stop()
	if err := r.editions(ctx); err != nil {
		return &r.rep, err
	}
	for i, f := range req.Files {
		r.index.Store(int64(i))
		done, err := r.log(ctx, f)
		// Records of the file that came by HTTP or by following meanwhile are
		// counted already; the second run takes the rest.
		for again := 0; errors.Is(err, ledger.ErrBeginAgain) && f != "-" && again < 3; again++ {
			done, err = r.log(ctx, f)
		}
		if err != nil {
			return &r.rep, err
		}
		r.rep.Files = append(r.rep.Files, *done)
		r.rep.Lines += done.Lines
		r.rep.Records += done.Records
		r.rep.Duplicates += done.Duplicates
		r.rep.Aside += done.ImportResult.Aside
	}
	return &r.rep, nil
}

func sortCauses(cs []CauseCount) {
	slices.SortFunc(cs, func(a, b CauseCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Field+a.Cause, b.Field+b.Cause))
	})
}

// baseName is how a file is called from here on: personal data hides in paths.
func baseName(f string) string {
	if f == "-" {
		return "stdin"
	}
	return filepath.Base(f)
}

// withoutFolder shortens the path in an error of the operating system.
func withoutFolder(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return fmt.Errorf("%s %s: %w", pe.Op, filepath.Base(pe.Path), pe.Err)
	}
	return err
}

// progressEvery is how often progress is told: often enough to look alive.
const progressEvery = 200 * time.Millisecond

func (r *importRun) at(stage string) { r.stage.Store(&stage) }

// report tells the progress until the function it returns is called.
func (r *importRun) report() (stop func()) {
	r.at("edition")
	if r.opts.Progress == nil {
		return func() {}
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(progressEvery)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				r.opts.Progress(r.now())
			}
		}
	}()
	return func() {
		close(done)
		<-ended
		r.opts.Progress(r.now())
	}
}

func (r *importRun) now() Progress {
	i := int(r.index.Load())
	p := Progress{
		Index: i, Files: len(r.req.Files), Read: r.read.Load(), Size: r.size,
		Lines: r.lines.Load(), Aside: r.aside.Load(), Stage: *r.stage.Load(),
	}
	if i < len(r.req.Files) {
		p.File = baseName(r.req.Files[i])
	}
	return p
}

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
		return nil, nil, fmt.Errorf("import %s: %w", name, ErrNoCatalog)
	}
	src, err := SourceOf(cat, r.req.Source, name)
	if err != nil {
		return nil, nil, fmt.Errorf("import %s: %w", name, err)
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
			return nil, fmt.Errorf("import: %w", withoutFolder(err))
		}
		defer f.Close()
		in = f
		done, err := r.recognise(ctx, f, &spec)
		if err != nil {
			return nil, fmt.Errorf("import %s: %w", name, withoutFolder(err))
		}
		if done != 0 && !spec.Redecode && !spec.New {
			rep.ImportResult = ledger.ImportResult{Import: done, Already: true}
			rep.Bytes = spec.Size
			r.read.Add(spec.Size)
			return rep, nil
		}
	} else if in == nil {
		return nil, errors.New("import -: there is no standard input here")
	}
	raw := &rawReader{ctx: ctx, in: in, sum: sha256.New(), all: &r.read}
	// The format is found out before the import begins: a log that nobody can
	// read leaves no unfinished import behind.
	p, broken, err := r.pourer(raw, name, cat, src)
	if err != nil {
		return nil, fmt.Errorf("import %s: %w", name, err)
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
	r.at("commit")
	rep.ImportResult, err = im.Commit(hex.EncodeToString(raw.sum.Sum(nil)))
	if err != nil {
		return nil, err
	}
	if broken != nil {
		rep.Broken = broken.Error()
	}
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
