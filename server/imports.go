package server

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/ingest"
	"github.com/haetae/haetae/ledger"
)

// An import into a running server: the command hands over the request, and the
// answer is a stream of lines, progress first and one result or error at the
// end. A stream ("-") is sent as the body, with the request in a header.

// importHeader carries the request when the body is the log itself.
const importHeader = "Haetae-Import"

// importEvent is one line of the answer to POST /v1/imports.
type importEvent struct {
	Progress *Progress     `json:"progress,omitempty"`
	Result   *ImportReport `json:"result,omitempty"`
	Error    *importError  `json:"error,omitempty"`
}

// importError carries an error from the server to the command, with what the
// command needs to give the same hint as if it had met the error itself.
type importError struct {
	Message string         `json:"message"`
	Korean  string         `json:"message_ko,omitempty"`
	Kind    string         `json:"code,omitempty"`
	Catalog catalog.Errors `json:"catalog,omitempty"`
}

// importKinds are the errors a command gives a hint for, by the code that stands
// for each in an answer. The first that fits counts.
var importKinds = []struct {
	kind string
	err  error
}{
	{"no_catalog", ErrNoCatalog}, {"no_source", ErrNoSource}, {"folder", ErrFolder}, {"importing", ledger.ErrImporting},
	{"failed", ledger.ErrFailed}, {"canceled", context.Canceled}, {"disk_full", syscall.ENOSPC}, {"damaged", ledger.ErrCorrupt},
	{"missing_file", fs.ErrNotExist}, {"permission", fs.ErrPermission},
}

// KindOf finds the code of an error.
func KindOf(err error) string {
	var mistakes catalog.Errors
	var overlap *ledger.OverlapError
	var elsewhere *ledger.ElsewhereError
	var held *ledger.HeldError
	var earlier *EarlierCatalogError
	var pe *fs.PathError
	switch {
	case errors.As(err, &mistakes):
		return "catalog"
	case errors.As(err, &earlier):
		return "earlier_catalog"
	case errors.As(err, &overlap):
		return "overlap"
	case errors.As(err, &elsewhere):
		return "elsewhere"
	case errors.As(err, &held):
		return "held"
	case errors.Is(err, ledger.ErrFollowed):
		return "followed"
	case errors.Is(err, fs.ErrNotExist) && !errors.As(err, &pe) && !errors.Is(err, ledger.ErrCorrupt):
		return "not_imported" // nothing to redecode
	case errors.As(err, new(*ingest.FormatError)):
		return "format"
	case errors.As(err, new(*ingest.NetworkFileError)):
		return "networks"
	}
	for _, k := range importKinds {
		if errors.Is(err, k.err) {
			return k.kind
		}
	}
	return "unreadable"
}

// ofKind gives an error that a command recognises as the one the server met.
func ofKind(kind, message string) error {
	switch kind {
	case "overlap":
		return &RemoteError{message, &ledger.OverlapError{}}
	case "held":
		return &RemoteError{message, &ledger.HeldError{Holds: []ledger.Hold{{}}}}
	case "earlier_catalog":
		return &RemoteError{message, &EarlierCatalogError{}}
	}
	for _, k := range importKinds {
		if kind == k.kind {
			return &RemoteError{message, k.err}
		}
	}
	return &RemoteError{message, nil}
}

// RemoteError is an error of the server that did the import.
type RemoteError struct {
	Message string
	kind    error
}

func (e *RemoteError) Error() string { return e.Message }
func (e *RemoteError) Unwrap() error { return e.kind }

// translatedError is one that says itself in Korean too.
type translatedError struct {
	error
	ko string
}

func translated(err error, ko string) error {
	if ko == "" {
		return err
	}
	return &translatedError{err, ko}
}

func (e *translatedError) KO() string    { return e.ko }
func (e *translatedError) Unwrap() error { return e.error }

func (s *Server) postImports(w http.ResponseWriter, r *http.Request) {
	var req ImportRequest
	var stream io.Reader
	if head := r.Header.Get(importHeader); head != "" {
		dec := json.NewDecoder(bytes.NewReader([]byte(head)))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&req); err != nil {
			refuse(w, http.StatusBadRequest, "bad_json", importHeader+" is not the JSON of an import")
			return
		}
		stream = r.Body
	} else if !readJSON(w, r, &req) {
		return
	}
	for _, f := range append(allFiles(&req), req.Files...) {
		if f != "-" && !filepath.IsAbs(f) {
			refuse(w, http.StatusBadRequest, "path", "files are named by their whole path")
			return
		}
		if f == "-" && stream == nil {
			refuse(w, http.StatusBadRequest, "path", `"-" needs the log in the body and the request in `+importHeader)
			return
		}
	}
	if field, err := Missing(&req); err != nil {
		writeError(w, http.StatusBadRequest, failure{Code: KindOf(err.Err), Field: field, Message: "the server cannot read this file: " + err.Cause()})
		return
	}
	if !s.importing.TryLock() {
		s.busy(w, http.StatusConflict, "importing", ledger.ErrImporting.Error())
		return
	}
	// Free before the last line is sent: who reads it may begin the next import.
	free := sync.OnceFunc(s.importing.Unlock)
	defer free()
	ctl := http.NewResponseController(w)
	ctl.EnableFullDuplex()
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.WriteHeader(http.StatusOK)
	ctl.Flush()
	enc := json.NewEncoder(w)
	tell := func(e importEvent) {
		ctl.SetWriteDeadline(time.Now().Add(10 * time.Second))
		enc.Encode(e)
		ctl.Flush()
	}
	ctx, stop := context.WithCancel(r.Context())
	defer stop()
	defer context.AfterFunc(s.work, stop)()
	begin := time.Now()
	var seen int64
	rep, err := Import(ctx, s.ledger, req, ImportOptions{
		Workers: s.opts.Workers, Stdin: stream, Networks: s.networks, Intake: s.intake.Load,
		Progress: func(p Progress) {
			s.metrics.importLines.Add(p.Lines - seen)
			seen = p.Lines
			tell(importEvent{Progress: &p})
		},
	})
	free()
	if err != nil {
		s.log.Warn("import failed", "error", err)
		var some *FilesError
		if !errors.As(err, &some) {
			tell(importEvent{Error: remoteError(err), Result: rep})
			return
		}
	}
	s.log.Info("imported", "files", len(rep.Files), "records", rep.Records, "aside", rep.Aside, "took", time.Since(begin).Round(time.Millisecond))
	tell(importEvent{Result: rep})
}

func allFiles(req *ImportRequest) []string {
	var out []string
	if req.Catalog != "" {
		out = append(out, req.Catalog)
	}
	for _, d := range append(append([]DatedFile{}, req.Register...), req.Holdings...) {
		out = append(out, d.File)
	}
	return append(out, req.Networks...)
}

// Missing finds the file without which nothing of a request can be done: a
// catalog, register or holdings file, or the logs when none of them is there. A
// log that is missing beside others is told of in the report.
func Missing(req *ImportRequest) (field string, err *FileError) {
	look := func(name string) error {
		if name == "-" {
			return nil
		}
		f, err := os.Open(name)
		if err != nil {
			return withoutFolder(err)
		}
		defer f.Close()
		if st, err := f.Stat(); err == nil && st.IsDir() {
			return ErrFolder
		}
		return nil
	}
	if req.Catalog != "" {
		if err := look(req.Catalog); err != nil {
			return "catalog", &FileError{req.Catalog, err}
		}
	}
	for key, list := range map[string][]DatedFile{"register": req.Register, "holdings": req.Holdings} {
		for i, d := range list {
			if err := look(d.File); err != nil {
				return fmt.Sprintf("%s[%d]", key, i), &FileError{d.File, err}
			}
		}
	}
	for i, name := range req.Networks {
		if err := look(name); err != nil {
			return fmt.Sprintf("networks[%d]", i), &FileError{name, err}
		}
	}
	for i, name := range req.Files {
		e := look(name)
		if e == nil {
			return "", nil
		}
		if i == 0 {
			field, err = "files[0]", &FileError{name, e}
		}
	}
	return field, err
}

func remoteError(err error) *importError {
	e := &importError{Message: err.Error(), Korean: koreanOf(err), Kind: KindOf(err)}
	errors.As(err, &e.Catalog)
	return e
}

func (e *importError) local() error {
	if e.Kind == "catalog" {
		return e.Catalog
	}
	return translated(ofKind(e.Kind, e.Message), e.Korean)
}

// failed gives the error that Import gave beside this report on the server.
func (r *ImportReport) failed(req *ImportRequest) error {
	e := &FilesError{Of: len(req.Files)}
	for i, f := range r.Files {
		if f.Error != nil && i < len(req.Files) {
			e.Errs = append(e.Errs, &FileError{req.Files[i], translated(ofKind(f.Error.Code, f.Error.Message), f.Error.Korean)})
		}
	}
	if len(e.Errs) == 0 {
		return nil
	}
	return e
}

// Import hands an import over to the server. "-" is read from stdin.
func (c *Client) Import(ctx context.Context, req ImportRequest, stdin io.Reader, progress func(Progress)) (*ImportReport, error) {
	read := func(body io.Reader) (*ImportReport, error) {
		lines := bufio.NewScanner(body)
		lines.Buffer(nil, 64<<20)
		for lines.Scan() {
			var e importEvent
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
				return nil, fmt.Errorf("import: the server's answer cannot be read: %w", err)
			}
			switch {
			case e.Error != nil:
				return e.Result, e.Error.local()
			case e.Result != nil:
				return e.Result, e.Result.failed(&req)
			case e.Progress != nil && progress != nil:
				progress(*e.Progress)
			}
		}
		if err := lines.Err(); err != nil && ctx.Err() == nil {
			return nil, fmt.Errorf("import: the server went away; the same command goes on from where it stopped: %w", err)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		return nil, errors.New("import: the server went away; the same command goes on from where it stopped")
	}
	var rep *ImportReport
	var header http.Header
	var body io.Reader
	if contains(req.Files, "-") {
		data, err := json.Marshal(req)
		if err != nil {
			return nil, err
		}
		header = http.Header{importHeader: {string(data)}, "Content-Type": {"application/octet-stream"}}
		body = io.NopCloser(stdin)
	} else {
		data, err := json.Marshal(req)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(data)
	}
	err := c.send(ctx, "/v1/imports", header, body, func(r io.Reader) (err error) {
		rep, err = read(r)
		return err
	})
	return rep, err
}

// Workers is how many workers a number given by a user means.
func Workers(n int) int {
	if n > 0 {
		return n
	}
	return runtime.GOMAXPROCS(0)
}
