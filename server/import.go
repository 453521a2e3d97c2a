package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/feed"
	"github.com/haetae/haetae/ingest"
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
	Source   string `json:"source,omitempty"`
	Format   string `json:"format,omitempty"`
	New      bool   `json:"new,omitempty"`
	Redecode bool   `json:"redecode,omitempty"`
	// Again installs a catalog that was in force earlier and is not any more.
	Again bool `json:"again,omitempty"`
	// Networks are files (.mmdb) that tell the country and network of an address,
	// for lines that do not say them. A server's own are used without.
	Networks []string `json:"networks,omitempty"`
	// Rules is a folder of rules, and Lists what %name% stands for in them. Those
	// that ask for what no record keeps look at the lines (docs/rules.md). A server's
	// own are used without.
	Rules string   `json:"rules,omitempty"`
	Lists string   `json:"lists,omitempty"`
	Files []string `json:"files,omitempty"` // "-" is the stream handed along
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
	Failed     int   `json:"failed"` // of the files
}

// Remarks reports whether something was left out: lines set aside, bad lines of
// a register, items of the holdings that the catalog does not have, a file that
// ended early.
func (r *ImportReport) Remarks() bool {
	if r.Aside > 0 {
		return true
	}
	for _, e := range append(append([]EditionReport{}, r.Register...), r.Holdings...) {
		if e.Bad > 0 || e.UnknownEntries > 0 {
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
	// Causes are why lines were set aside, the most frequent first.
	Causes []CauseCount `json:"causes,omitempty"`
	// Of the records, how many lack something that stood in their line: a client
	// address that cannot be read, a text that was cut or cleaned.
	LostAddresses int64 `json:"lost_addresses,omitempty"`
	LostTexts     int64 `json:"lost_texts,omitempty"`
	// Error is why nothing of the file was imported.
	Error *failure `json:"error,omitempty"`
	// Broken says where and why reading ended before the end of the file. What
	// came before it is imported.
	Broken   string  `json:"broken,omitempty"`
	BrokenKO string  `json:"broken_ko,omitempty"`
	Seconds  float64 `json:"seconds"`
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
	Workers  int             // default: one
	Stdin    io.Reader       // what "-" reads
	Networks ingest.Networks // where the request names no files; may be nil
	// Intake are the live-only rules in force, where the request names none; may be
	// nil.
	Intake   func() *detect.Intake
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

// FileError is why one file could not be imported. Its text has the file's own
// name without the folder, since it is logged too, and personal data hides in
// paths; whoever typed the path may be shown Path.
type FileError struct {
	Path string
	Err  error
}

func (e *FileError) Error() string { return baseName(e.Path) + ": " + e.Cause() }
func (e *FileError) Unwrap() error { return e.Err }

// Cause is what is wrong, without the file's name.
func (e *FileError) Cause() string {
	var pe *fs.PathError
	if errors.As(e.Err, &pe) {
		return pe.Err.Error()
	}
	text, name := e.Err.Error(), baseName(e.Path)
	for again := true; again; {
		again = false
		for _, said := range []string{"import: ", "import " + name + ": ", name + ": ", name + " "} {
			if rest, ok := strings.CutPrefix(text, said); ok {
				text, again = rest, true
			}
		}
	}
	return text
}

// FilesError says that some of the logs could not be imported; the report has
// all of them.
type FilesError struct {
	Of   int
	Errs []error
}

func (e *FilesError) Error() string {
	if e.Of == 1 {
		return e.Errs[0].Error()
	}
	return fmt.Sprintf("%d of %d files could not be imported; the first: %v", len(e.Errs), e.Of, e.Errs[0])
}

func (e *FilesError) Unwrap() []error { return e.Errs }

// ErrFolder: a folder was named where a file is needed.
var ErrFolder = errors.New("this is a folder; name the files in it")

// stops reports whether an error is of more than one file: what comes after it
// would only fail in the same way.
func stops(err error) bool {
	for _, e := range []error{
		context.Canceled, context.DeadlineExceeded, syscall.ENOSPC,
		ledger.ErrFailed, ledger.ErrClosed, ledger.ErrReadOnly, ledger.ErrImporting, ledger.ErrCorrupt,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// Import does all of a request. A log that cannot be imported does not keep the
// others from it: the report says what became of each, and the error is then a
// FilesError. Stopped by ctx or by any other error, it leaves a state from which
// the same request goes on, and the report says what was done before.
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
		if st, err := os.Stat(f); err == nil && !st.IsDir() {
			r.size += st.Size()
		}
	}
	if len(req.Networks) > 0 {
		var err error
		if r.opts.Networks, err = openNetworks(req.Networks); err != nil {
			return &r.rep, err
		}
	}
	stop := r.report()
	defer stop()
	if err := r.editions(ctx); err != nil {
		return &r.rep, err
	}
	if req.Rules != "" {
		in, err := importIntake(l, req)
		if err != nil {
			return &r.rep, err
		}
		r.opts.Intake = func() *detect.Intake { return in }
	}
	failed := &FilesError{Of: len(req.Files)}
	for i, f := range req.Files {
		r.index.Store(int64(i))
		done, err := r.log(ctx, f)
		// Records of the file that came by HTTP or by following meanwhile are
		// counted already; the second run takes the rest.
		for again := 0; errors.Is(err, ledger.ErrBeginAgain) && f != "-" && again < 3; again++ {
			done, err = r.log(ctx, f)
		}
		if err != nil {
			fe := &FileError{f, err}
			if stops(err) {
				return &r.rep, fe
			}
			failed.Errs = append(failed.Errs, fe)
			r.rep.Failed++
			r.rep.Files = append(r.rep.Files, FileReport{File: baseName(f), Source: req.Source, Error: &failure{Code: KindOf(err), Message: fe.Cause(), Korean: koreanOf(err)}})
			continue
		}
		r.rep.Files = append(r.rep.Files, *done)
		r.rep.Lines += done.Lines
		r.rep.Records += done.Records
		r.rep.Duplicates += done.Duplicates
		r.rep.Aside += done.ImportResult.Aside
	}
	if len(failed.Errs) > 0 {
		return &r.rep, failed
	}
	return &r.rep, nil
}

// importIntake reads the rules of a request. A mistake in any of them is one of the
// request: somebody who has them look expects that they do.
func importIntake(l *ledger.Ledger, req ImportRequest) (*detect.Intake, error) {
	book, err := readBook(DetectRequest{Rules: req.Rules, Lists: req.Lists})
	if err != nil {
		return nil, err
	}
	fed, err := feed.Kept(l.FS(), l.Dir(), l.Hasher())
	if err == nil {
		err = book.check(l, fed)
	}
	if err != nil {
		return nil, err
	}
	return book.intake(l, fed)
}

// openNetworks opens the files, or gives nil without one.
func openNetworks(names []string) (ingest.Networks, error) {
	if len(names) == 0 {
		return nil, nil
	}
	n, err := ingest.OpenNetworks(names...)
	if err != nil {
		name := names[0]
		var pe *fs.PathError
		var nf *ingest.NetworkFileError
		switch {
		case errors.As(err, &pe):
			name = pe.Path
		case errors.As(err, &nf):
			name = nf.Name
		}
		return nil, &FileError{name, withoutFolder(err)}
	}
	return n, nil
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
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return &fs.PathError{Op: pe.Op, Path: filepath.Base(pe.Path), Err: pe.Err}
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
