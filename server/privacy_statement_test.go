package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/scope"
)

const statementCatalog = `version: 1
account: {pattern: "mem-[0-9]+"}
items: {name: {ko: 성명, en: name, class: ordinary}}
sources:
  pg: {format: pgaudit, match: "*.csv"}
  db: {format: mariadb, match: "*.log"}
routes:
  - {route: "ANY /postgresql/*", items: []}
  - {route: "ANY /mariadb/*", items: []}
  - {route: TABLE shop.public.members, account: column.id, columns: {name: [name]}, items: []}
  - {route: TABLE shop.members, account: column.id, columns: {name: [name]}, items: []}
`

// markedStatements have the marker wherever a statement can have it: as a value, in a
// comment, in the name of a table, a column and a function, and where it is not SQL.
var markedStatements = []string{
	"select name from members where id = 'mem-" + marker + "'",
	"select name /* " + marker + " */ from members where phone = '" + marker + "'",
	`select a` + marker + `.name, "b` + marker + `" from "c` + marker + `" as a` + marker + `, members`,
	"select f" + marker + "('x" + marker + "')",
	"selekt " + marker + " from members",
	"select '" + marker,
	"call p" + marker + "('" + marker + "')",
	"create table t" + marker + " (c" + marker + " int)",
}

// TestPrivacyStatements: nothing of a statement gets out but words.
func TestPrivacyStatements(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	w := newWorld(t, disk.OS, dir)
	in := inbox{t, t.TempDir()}
	l := openLedger(t, w.fs, dir, ledger.Options{})
	if _, err := Import(context.Background(), l, ImportRequest{Catalog: in.write("c.yaml", statementCatalog)}, ImportOptions{}); err != nil {
		t.Fatal(err)
	}
	var pg, db, out bytes.Buffer
	for i, sql := range markedStatements {
		quoted := strings.ReplaceAll(strings.ReplaceAll(sql, `"`, `""`), `"`, `""`)
		for j, change := range []string{"", "\xff", `"""`} { // as it is, not UTF-8, and no CSV
			fmt.Fprintf(&pg, `2025-03-10 00:%02d:%02d.000 UTC,"dba-%s","shop",1,"10.0.0.1:2",s%[3]s,%d,"SELECT",2025-03-10 00:00:00 UTC,3/1,0,LOG,00000,"AUDIT: SESSION,1,1,READ,SELECT,,,""%[5]s%[6]s"",""%[3]s"",1",,,,,,,,,"report","client backend",,0`+"\n",
				i, j, marker, i*10+j, quoted, change)
		}
		// A statement that failed while it ran.
		fmt.Fprintf(&pg, `2025-03-10 00:%02d:09.000 UTC,"dba-%s","shop",1,"10.0.0.1:2",s%[2]s,%d,"SELECT",2025-03-10 00:00:00 UTC,3/1,0,ERROR,57014,"canceled %[2]s",,,,,,"%[4]s",,,"report","client backend",,0`+"\n",
			i, marker, 1000+i, strings.ReplaceAll(sql, `"`, `""`))
		escaped := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(sql)
		for _, change := range []string{"", "\xff", "'"} {
			fmt.Fprintf(&db, "20250310 00:%02d:00,vm,dba-%s,10.0.0.1,3,%d,QUERY,shop,'%s%s',0\n", i, marker, i, escaped, change)
		}
	}
	rep, err := Import(context.Background(), l, ImportRequest{Files: []string{in.write("x.csv", pg.String()), in.write("x.log", db.String())}}, ImportOptions{Workers: 2})
	if err != nil || rep.Records < 2*int64(len(markedStatements)) || rep.Aside < int64(len(markedStatements)) {
		t.Fatalf("%+v, %v", rep, err)
	}
	if err := json.NewEncoder(&out).Encode(rep); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"x.csv": pg.String(), "x.log": db.String()} {
		check, err := CheckLog(context.Background(), strings.NewReader(text), name, l.Catalog(), "", "", 2)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.NewEncoder(&out).Encode(check); err != nil {
			t.Fatal(err)
		}
	}
	v, err := l.View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if acc, err := scope.Subject(context.Background(), v, event.AccountID("mem-"+marker), scope.Query{}, 0); err != nil || acc.Reads < 2 {
		t.Errorf("the marked account was not found (%+v, %v): the test proves nothing", acc, err)
	}
	for _, seg := range v.Segments() {
		shapes, err := seg.Shapes()
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range shapes {
			out.WriteString(strings.Join([]string{s.Source, s.Route, s.Key, s.ActorType, "\n"}, " "))
		}
	}
	if i := strings.Index(out.String(), marker); i >= 0 {
		t.Errorf("the marker got out: …%s…", out.String()[max(0, i-200):i])
	}
	if !strings.Contains(out.String(), "TABLE shop.public.members (name) by id") {
		t.Error("no statement was understood: the test proves nothing")
	}
	err = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(p)
		if bytes.Contains(data, []byte(marker)) {
			t.Errorf("the marker stands in %s", filepath.Base(p))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
