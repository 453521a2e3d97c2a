package server

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
)

// TestFollowCut: a log whose records go over several lines is followed record by
// record also where its format is found out, or is declared while it is followed. What
// stands on a line of a statement is no record of its own.
func TestFollowCut(t *testing.T) {
	t.Parallel() // it waits more than it works
	const (
		line  = `2025-03-10 00:00:01.000 UTC,"dba1","shop",1,"10.0.0.1:2",s1,NR,"SELECT",2025-03-10 00:00:00 UTC,3/1,0,LOG,00000,"AUDIT: SESSION,NR,1,READ,SELECT,,,""SQL"",<none>,1",,,,,,,,,"report","client backend",,0` + "\n"
		other = `2025-03-10 00:00:02.000 UTC,dba2,shop,1,10.0.0.1:2,s2,1,authentication,2025-03-10 00:00:00 UTC,3/1,0,LOG,00000,connection authorized: user=dba2,,,,,,,,,report,client backend,,0`
	)
	record := func(n, sql string) string { return strings.NewReplacer("NR", n, "SQL", sql).Replace(line) }
	for _, format := range []string{"detected", "declared later"} {
		top := t.TempDir()
		in := inbox{t, top}
		w := newWorld(t, disk.OS, filepath.Join(top, "d"))
		l := openLedger(t, w.fs, w.dir, ledger.Options{})
		install := func(l *ledger.Ledger, source string) {
			t.Helper()
			text := strings.Replace(statementCatalog, `pg: {format: pgaudit, match: "*.csv"}`, "pg: {"+source+"}", 1)
			if _, err := Import(context.Background(), l, ImportRequest{Catalog: in.write("c.yaml", text)}, ImportOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		if format == "detected" {
			install(l, `match: "*.csv"`)
		} else {
			install(l, "format: combined")
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		log := in.write("pg.csv", "")
		r := w.serve(func(o *Options) { o.Follow = []Follow{{"pg", log}} })
		if format != "detected" {
			install(r.Ledger(), "format: pgaudit")
		}
		text := record("1", "select 1") + record("2", "select /*\n"+other+"\n*/ 1") + record("3", "select 1\n\n") + record("4", "select 1")
		if err := os.WriteFile(log, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		r.awaitCount(4)
		if n := r.count(`actor.id == "dba2"`); n != 0 {
			t.Errorf("%s: %d records were made of a line of a statement", format, n)
		}
		if n := r.follows[0].status().Aside; n != 0 {
			t.Errorf("%s: %d lines set aside, want none", format, n)
		}
		r.end()
	}
}
