package bench

import (
	"bufio"
	"context"
	"database/sql"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/server"
)

var lines = flag.Int("lines", 200_000, "lines to import")

// logFile writes lines of about 500 bytes and returns the file's size, plain.
func logFile(t *testing.T, name string, n int, pack bool) int64 {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	out := interface {
		Write([]byte) (int, error)
	}(w)
	var z *zstd.Encoder
	if pack {
		if z, err = zstd.NewWriter(w); err != nil {
			t.Fatal(err)
		}
		out = z
	}
	var b []byte
	size := int64(0)
	shapes["sessions"].each(n, 30, func(r *record) {
		b = r.line(b[:0])
		size += int64(len(b))
		if _, err := out.Write(b); err != nil {
			t.Fatal(err)
		}
	})
	if z != nil {
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return size
}

// TestImport imports a log by the full path, once-only included, with one core
// and with all, and lets DuckDB load the same file into typed columns with one
// thread.
func TestImport(t *testing.T) {
	dir := t.TempDir()
	plain, packed := filepath.Join(dir, "access.ndjson"), filepath.Join(dir, "access.ndjson.zst")
	size := logFile(t, plain, *lines, false)
	logFile(t, packed, *lines, true)
	t.Logf("%d lines, %.0f bytes each", *lines, float64(size)/float64(*lines))
	syscall.Sync() // what was just written is not to be written during the measurement
	cat := filepath.Join(dir, "bench.yaml")
	if err := os.WriteFile(cat, []byte(catalogText), 0o600); err != nil {
		t.Fatal(err)
	}
	one := 0.0
	for _, c := range []struct {
		name, file string
		cores      int
	}{{"plain, one core", plain, 1}, {"zstd, one core", packed, 1}, {"plain, all cores", plain, runtime.NumCPU()}} {
		before := runtime.GOMAXPROCS(c.cores)
		data := filepath.Join(dir, c.name)
		if err := ledger.Create(disk.OS, data, ""); err != nil {
			t.Fatal(err)
		}
		l, err := ledger.Open(disk.OS, data, ledger.Options{})
		if err != nil {
			t.Fatal(err)
		}
		begin, worked := time.Now(), cpu()
		rep, err := server.Import(context.Background(), l, server.ImportRequest{Catalog: cat, Files: []string{c.file}}, server.ImportOptions{Workers: c.cores})
		if err != nil {
			t.Fatal(err)
		}
		d, work := time.Since(begin), cpu()-worked
		if rep.Records != int64(*lines) {
			t.Fatalf("%+v", rep)
		}
		rate := float64(*lines) / d.Seconds()
		if one == 0 {
			one = rate
		}
		st := l.Stats()
		t.Logf("haetae, %s: %.0f lines/s (%.0f a second of processor time), %.2f bytes a record", c.name, rate, float64(*lines)/work.Seconds(), float64(st.Bytes)/float64(st.Records))
		l.Close()
		runtime.GOMAXPROCS(before)
	}
	if !*peer {
		return
	}
	db, err := sql.Open("duckdb", filepath.Join(dir, "peer.duckdb")+"?threads=1")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	syscall.Sync()
	begin, worked := time.Now(), cpu()
	_, err = db.Exec(fmt.Sprintf(`create table access as select * from read_json('%s', format='newline_delimited', columns={
		time: 'TIMESTAMPTZ', remote_addr: 'VARCHAR', request_method: 'VARCHAR', request_uri: 'VARCHAR', status: 'USMALLINT',
		http_user_agent: 'VARCHAR', request_id: 'VARCHAR', actor_id: 'VARCHAR', actor_type: 'VARCHAR', key_id: 'VARCHAR',
		token_id: 'VARCHAR', data_subjects: 'VARCHAR', data_rows: 'VARCHAR'})`, plain))
	if err != nil {
		t.Fatal(err)
	}
	d, work := time.Since(begin), cpu()-worked
	rate := float64(*lines) / d.Seconds()
	t.Logf("DuckDB, typed load, plain, one thread: %.0f lines/s (%.0f a second of processor time); ratio %.2f", rate, float64(*lines)/work.Seconds(), one/rate)
}

// cpu is the processor time this process has used, in user and system mode.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
