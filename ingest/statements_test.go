package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
)

// The logs of databases, from the stream to the record.

const databaseCatalog = `version: 1
account: {pattern: "m[0-9]{7}"}
items: {name: {ko: 성명, en: name, class: ordinary}}
sources:
  pg: {format: pgaudit}
  db: {format: mariadb}
routes:
  - {route: "ANY /postgresql/*", items: []}
  - {route: "ANY /mariadb/*", items: []}
  - {route: TABLE shop.public.members, account: column.id, columns: {name: [name]}, items: []}
  - {route: TABLE shop.members, account: column.id, columns: {name: [name]}, items: []}
`

// audit is a record of a csvlog.
func audit(n int, sql string) string {
	q := strings.ReplaceAll(strings.ReplaceAll(sql, `"`, `""`), `"`, `""`) // once for the audit line, once for the log
	return fmt.Sprintf(`2026-11-30 13:34:%02d.%03d UTC,"dba1","shop",1,"127.0.0.1:2",6b0d7b7b.778c,%d,"SELECT",2026-11-30 13:34:51 UTC,3/376,0,LOG,00000,"AUDIT: SESSION,%d,1,READ,SELECT,TABLE,public.members,""%s"",<none>,1",,,,,,,,,"report","client backend",,0`,
		n/1000%60, n%1000, n, n, q) + "\n"
}

type databaseLog struct {
	t      *testing.T
	cat    *catalog.Catalog
	src    *catalog.Source
	format Format
	dec    Decoder
	out    []string
	n      Counts
}

func newDatabaseLog(t *testing.T, source string) *databaseLog {
	cat, err := catalog.Parse("c.yaml", []byte(databaseCatalog))
	if err != nil {
		t.Fatal(err)
	}
	l := &databaseLog{t: t, cat: cat}
	l.src, _ = cat.Source(source)
	if l.format, err = FormatNamed(l.src.Format); err != nil {
		t.Fatal(err)
	}
	if l.dec, err = l.format.New(l.src, time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *databaseLog) chunk(c *Chunk) {
	n := DecodeChunk(c, "f", l.src, l.cat, nil, l.dec, func(r *event.Record) {
		who := ""
		for _, id := range r.Subjects {
			who += " " + string(id)
		}
		l.out = append(l.out, fmt.Sprintf("%d: %s%s", r.Origin.Line, r.Route, who))
	}, func(a Aside) {
		if bytes.Contains(a.Text, []byte("m10")) || bytes.Contains(a.Text, []byte("select")) {
			l.t.Errorf("a statement stands in what was set aside: %.200q", a.Text)
		}
		l.out = append(l.out, fmt.Sprintf("%d: aside %s %s", a.Origin.Line, a.Field, a.Cause.Code))
	})
	l.n.Lines, l.n.Records, l.n.Aside, l.n.Empty = l.n.Lines+n.Lines, l.n.Records+n.Records, l.n.Aside+n.Aside, l.n.Empty+n.Empty
	if n.Lines != n.Records+n.Aside+n.Empty {
		l.t.Errorf("%+v", n)
	}
}

func (l *databaseLog) read(text string) {
	l.t.Helper()
	s, err := Open(strings.NewReader(text))
	if err != nil {
		l.t.Fatal(err)
	}
	defer s.Close()
	if l.format.Cutter != nil {
		s.Elements(l.format.Cutter)
	}
	for {
		c, err := s.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			l.t.Fatal(err)
		}
		l.chunk(c)
		c.Release()
	}
}

func TestLongAndBrokenStatements(t *testing.T) {
	long := audit(2, "select name from members where id = 'm1000002' -- "+strings.Repeat("x\n", MaxLine))
	forged := audit(9, "select name from members where id = 'm1000009'")
	text := audit(1, "select name from members\n where id = 'm1000001'") + // lines 1, 2
		long + // 3 up to a million
		audit(3, "select 'x\n"+strings.ReplaceAll(strings.TrimSpace(forged), "'", "''")+"\n' from members where id = 'm1000003'") +
		audit(4, "select name from members where id = 'm1000004'")[:180] + "\n" + // cut off
		audit(5, "select name from members where id = 'm1000005'") +
		"no record of any log\n" +
		`2026-11-30 13:34:52.006 UTC,,,1,,6b0d7b7b.1,1,,2026-11-30 13:34:51 UTC,,0,LOG,00000,"checkpoint starting: time",,,,,,,,,"","checkpointer",,0` + "\n" +
		audit(6, "select name from members where id = 'm1000006'\xff") +
		audit(7, "select name from members where id = 'm1000007'") +
		strings.TrimSuffix(audit(8, "select name from members where id = 'm1000008'"), "\n")
	l := newDatabaseLog(t, "pg")
	l.read(text)
	n := MaxLine + 3
	want := []string{
		"1: TABLE shop.public.members (name) by id m1000001",
		"3: aside  long_line",
		fmt.Sprintf("%d: TABLE shop.public.members by id m1000003", n+1),
		fmt.Sprintf("%d: aside  syntax", n+4),
		fmt.Sprintf("%d: TABLE shop.public.members (name) by id m1000005", n+5),
		fmt.Sprintf("%d: aside  syntax", n+6),
		fmt.Sprintf("%d: aside message utf8", n+8),
		fmt.Sprintf("%d: TABLE shop.public.members (name) by id m1000007", n+9),
		fmt.Sprintf("%d: aside  cut_off", n+10),
	}
	if diff := cmp.Diff(want, l.out); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if l.n.Lines != 10 || l.n.Empty != 1 {
		t.Errorf("%+v", l.n)
	}
}

// TestFollowStatements writes a csvlog piece by piece: a record that is not whole
// waits, and nothing in it is taken for another.
func TestFollowStatements(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pg.csv")
	var text string
	for i := range 40 {
		text += audit(i, fmt.Sprintf("select name, 'x\n%s' from members\n where id = 'm%07d'", strings.ReplaceAll(strings.TrimSpace(audit(99, "select name from members where id = 'm1000099'")), "'", "''"), i))
	}
	whole := newDatabaseLog(t, "pg")
	whole.read(text)
	if len(whole.out) != 40 {
		t.Fatalf("%d records", len(whole.out))
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	l := newDatabaseLog(t, "pg")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	written := 0
	tail := Tail{Path: path, Every: time.Millisecond, Cutter: l.format.Cutter, Deliver: func(_ context.Context, c *Chunk, after Position) error {
		l.chunk(c)
		if after.Offset > int64(written) {
			t.Errorf("%d bytes of %d", after.Offset, written)
		}
		if len(l.out) == 40 {
			stop()
		}
		return nil
	}}
	look := func() {
		if err := tail.look(ctx); err != nil && ctx.Err() == nil {
			t.Fatal(err)
		}
	}
	for at := 0; at < len(text); at += 333 {
		written = min(len(text), at+333)
		if _, err := f.WriteString(text[at:written]); err != nil {
			t.Fatal(err)
		}
		look()
	}
	if diff := cmp.Diff(whole.out, l.out); diff != "" {
		t.Errorf("-whole +followed:\n%s", diff)
	}
}

func TestDetectStatements(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{audit(1, "select 1\n;"), catalog.FormatPgAudit},
		{`{"timestamp":"2026-11-30 13:34:52.006 UTC","session_id":"1.1","error_severity":"LOG","message":"x"}` + "\n", catalog.FormatPgAudit},
		{"20261130 13:40:38,vm,dba1,10.1.2.3,3,9,QUERY,shop,'select 1',0\n", catalog.FormatMariaDB},
	} {
		if v := Detect([]byte(strings.Repeat(test.text, 5))); v.Format != test.want {
			t.Errorf("%s is taken for %s", test.want, v)
		}
	}
}
