package server

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/written"
)

// editions installs the catalog, the registers and the holdings.
func (r *importRun) editions(ctx context.Context) error {
	if r.req.Catalog != "" {
		data, err := os.ReadFile(r.req.Catalog)
		if err != nil {
			return &FileError{r.req.Catalog, withoutFolder(err)}
		}
		if !r.req.Again {
			if n, earlier := r.l.EarlierCatalog(data); earlier {
				return &FileError{r.req.Catalog, &EarlierCatalogError{n, r.l.Catalog().Edition}}
			}
		}
		n, changed, err := r.l.InstallCatalog(filepath.Base(r.req.Catalog), data)
		if err != nil {
			return &FileError{r.req.Catalog, err}
		}
		r.rep.Catalog = &CatalogReport{Name: filepath.Base(r.req.Catalog), Edition: n, Changed: changed}
	}
	zone := time.UTC
	if c := r.l.Catalog(); c != nil {
		zone = c.Zone()
	}
	for _, d := range r.req.Register {
		rep, err := installLines(ctx, d, zone, r.l.InstallRegister, func(name string, in io.Reader, fn func(catalog.RegisterLine) error) (catalog.Report, error) {
			return catalog.ReadRegisterIn(zone, name, in, fn)
		})
		if err != nil {
			return &FileError{d.File, err}
		}
		r.rep.Register = append(r.rep.Register, rep)
	}
	for _, d := range r.req.Holdings {
		rep, err := installLines(ctx, d, zone, r.l.InstallHoldings, r.l.Catalog().ReadHoldings)
		if err != nil {
			return &FileError{d.File, err}
		}
		r.rep.Holdings = append(r.rep.Holdings, rep)
	}
	return nil
}

// EarlierCatalogError says that a catalog was in force once and was replaced. A
// script that still names the old file would undo a correction, and every answer
// would change without a word.
type EarlierCatalogError struct{ Edition, InForce uint32 }

func (e *EarlierCatalogError) Error() string {
	return fmt.Sprintf("this was edition %d of the catalog, and edition %d has replaced it", e.Edition, e.InForce)
}

// unpack reads gzip and zstd as what is in them.
func unpack(r *bufio.Reader) (io.Reader, error) {
	head, err := r.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return gzip.NewReader(r)
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(256<<20))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	}
	return r, nil
}

var errEnough = errors.New("enough")

// installLines feeds a file of lines into the ledger as one dated edition.
func installLines[L any](ctx context.Context, d DatedFile, zone *time.Location,
	install func(string, event.Millis, iter.Seq2[L, error]) (int64, error),
	read func(string, io.Reader, func(L) error) (catalog.Report, error),
) (EditionReport, error) {
	rep := EditionReport{From: d.From}
	name := filepath.Base(d.File)
	from, err := parseFrom(d.From, zone)
	if err != nil {
		return rep, err
	}
	f, err := os.Open(d.File)
	if err != nil {
		return rep, withoutFolder(err)
	}
	defer f.Close()
	in, err := unpack(bufio.NewReaderSize(f, 1<<20))
	if err != nil {
		return rep, err
	}
	var report catalog.Report
	_, err = install(name, from, func(yield func(L, error) bool) {
		var err error
		report, err = read(name, in, func(l L) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			if !yield(l, nil) {
				return errEnough
			}
			return nil
		})
		if err == nil && report.Good == 0 {
			err = written.Errorf("읽을 수 있는 줄이 하나도 없습니다", "no line of it could be read")
			if len(report.Errors) > 0 {
				err = written.Errorf("읽을 수 있는 줄이 하나도 없습니다. 첫 오류: %s", "no line of it could be read; the first: %s", written.TextOf(report.Errors[0]))
			}
		}
		if err != nil && !errors.Is(err, errEnough) {
			var none L
			yield(none, err)
		}
	})
	rep.Report = report
	rep.Report.Name = name
	return rep, err
}

// parseFrom reads the day from which an edition is true.
func parseFrom(s string, zone *time.Location) (event.Millis, error) {
	if s == "" {
		return 0, nil
	}
	for _, layout := range []string{"2006-01-02", time.RFC3339} {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil {
			return event.MillisOf(t), nil
		}
	}
	return 0, written.Errorf("날짜를 FILE@2025-03-01처럼 쓰십시오", "write the day as FILE@2025-03-01")
}
