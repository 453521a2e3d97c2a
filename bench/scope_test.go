package bench

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/scope"
)

var (
	rows   = flag.Int("rows", 2_000_000, "records to ask over")
	peer   = flag.Bool("duckdb", true, "also ask DuckDB, on its own table")
	kind   = flag.String("traffic", "sessions", "sessions, attack or ghosts")
	keepIn = flag.String("dir", "", "keep the folder here, and use it again if it is there")
)

// TestScope asks for one key that covers a tenth of the records, with holdings
// and people, and prints the ratio to DuckDB asked the same of its own table.
func TestScope(t *testing.T) {
	s, ok := shapes[*kind]
	if !ok {
		t.Fatalf("-traffic %s is not known", *kind)
	}
	dir := *keepIn
	if dir == "" {
		dir = t.TempDir()
	}
	p := point{Rows: *rows}
	l := fill(t, dir, s, *rows)
	st := l.Stats()
	p.Bytes, p.Segments = float64(st.Bytes)/float64(st.Records), st.Segments
	l.Close()
	forget(t, dir)
	before := fromDisk(t)
	begin := time.Now()
	l, err := ledger.Open(disk.OS, filepath.Join(dir, "data"), ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p.Open = time.Since(begin)
	t.Logf("opened in %v, nothing of it in the page cache", p.Open)
	q := scope.Query{Where: fmt.Sprintf("credential.key == %q", keyName(3))}
	var e *scope.Extent
	var best time.Duration
	for i := range 6 {
		begin = time.Now()
		v, err := l.View()
		if err != nil {
			t.Fatal(err)
		}
		if e, err = scope.Run(context.Background(), v, q); err != nil {
			t.Fatal(err)
		}
		v.Close()
		d := time.Since(begin)
		if i == 0 {
			p.Cold = d
			t.Logf("scope, cold: %v, %d MB read from the disk", d, (fromDisk(t)-before)>>20)
		} else if best == 0 || d < best {
			best = d
		}
	}
	p.Warm, p.Resident = best, resident(t)
	t.Logf("scope, warm, best of 5: %v; reads %d, accounts %d, people %d, items %v; %s", best, e.Reads, e.Accounts, e.People, e.Items, p.Resident)
	begin = time.Now()
	v, _ := l.View()
	a, err := scope.Subject(context.Background(), v, accountID(4242), scope.Query{}, 0)
	v.Close()
	if err != nil {
		t.Fatal(err)
	}
	p.Subject = time.Since(begin)
	t.Logf("subject: %d accesses in %v", len(a.Accesses), p.Subject)
	p.report(t)
	if *peer {
		d := askDuckDB(t, dir, s, *rows, e)
		t.Logf("DuckDB, its own table, warm, best of 3: %v; ratio %.0f", d, float64(d)/float64(best))
	}
}
