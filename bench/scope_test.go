package bench

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"runtime"
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
	l := fill(t, dir, s, *rows)
	l.Close()
	begin := time.Now()
	l, err := ledger.Open(disk.OS, filepath.Join(dir, "data"), ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Logf("opened in %v", time.Since(begin))
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
			t.Logf("scope, first: %v", d)
		} else if best == 0 || d < best {
			best = d
		}
	}
	var ms runtime.MemStats
	runtime.ReadMemStats(&ms)
	t.Logf("scope, warm, best of 5: %v; reads %d, accounts %d, people %d, items %v; heap %d MB", best, e.Reads, e.Accounts, e.People, e.Items, ms.HeapInuse>>20)
	begin = time.Now()
	v, _ := l.View()
	a, err := scope.Subject(context.Background(), v, accountID(4242), scope.Query{}, 0)
	v.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("subject: %d accesses in %v", len(a.Accesses), time.Since(begin))
	if *peer {
		d := askDuckDB(t, dir, s, *rows, e)
		t.Logf("DuckDB, its own table, warm, best of 3: %v; ratio %.0f", d, float64(d)/float64(best))
	}
}
