package bench

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"flag"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/scope"
)

var (
	rows   = flag.Int("rows", 2_000_000, "records to ask over")
	peer   = flag.Bool("duckdb", true, "also ask DuckDB, on its own table")
	kind   = flag.String("traffic", "sessions", "sessions or attack")
	keepIn = flag.String("dir", "", "keep the folder here, and use it again if it is there")
)

const catalogText = `version: 1
account: {pattern: "m[0-9]{8}"}
items:
  name: {ko: 성명, en: name, class: ordinary}
  email: {ko: 전자우편주소, en: e-mail address, class: contact}
  phone: {ko: 휴대전화번호, en: phone number, class: contact}
  address: {ko: 배송지 주소, en: delivery address, class: contact}
  door_code: {ko: 공동현관 비밀번호, en: door code, class: authentication_secret}
  orders: {ko: 주문내역, en: order history, class: behaviour}
sources:
  gateway:
    format: json
    match: "*"
    fields: {time: time, id: request_id, actor.id: actor_id, actor.type: actor_type, credential.key: key_id, credential.token: token_id, client.ip: remote_addr, client.agent: http_user_agent, method: request_method, uri: request_uri, status: status, rows: data_rows, subjects: data_subjects}
routes:
  - {route: GET /my/profile, items: [name, email], account: actor}
  - {route: GET /my/addresses, items: [name, phone, address], account: actor, shows: people_behind_account}
  - {route: "GET /my/addresses/{n}/edit", items: [name, phone, address, door_code], account: actor, shows: people_behind_account}
  - {route: GET /my/orders, items: [orders], account: actor}
`

// holding tells what stands behind account n: its holder, and for one account in
// five a person of an address book, one in ten of whom stands in two books.
func holding(n int, yield func(person string, items []string) bool) bool {
	own := []string{"name", "email", "phone", "address", "orders"}
	if n%5 == 0 {
		own = []string{"name", "email"}
	}
	if n%8 == 0 {
		own = append(own, "door_code")
	}
	if !yield(string(accountID(n)), own) {
		return false
	}
	if n%5 == 1 {
		c := n
		if n%50 == 1 {
			c = n % 10_000_000 / 100 * 100
		}
		return yield(fmt.Sprintf("c%d", c), []string{"name", "phone", "address"})
	}
	return true
}

// fill puts rows into a ledger, holdings and register included.
func fill(t testing.TB, dir string, s shape, n int) *ledger.Ledger {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "data", "HAETAE")); err == nil {
		l, err := ledger.Open(disk.OS, filepath.Join(dir, "data"), ledger.Options{})
		check(err)
		return l
	}
	check(ledger.Create(disk.OS, filepath.Join(dir, "data"), ""))
	l, err := ledger.Open(disk.OS, filepath.Join(dir, "data"), ledger.Options{StageRows: 16 << 20})
	check(err)
	_, _, err = l.InstallCatalog("bench.yaml", []byte(catalogText))
	check(err)
	_, err = l.InstallRegister("register", start, func(yield func(catalog.RegisterLine, error) bool) {
		for i := range s.accounts {
			if !yield(catalog.RegisterLine{Account: accountID(i)}, nil) {
				return
			}
		}
	})
	check(err)
	_, err = l.InstallHoldings("holdings", start, iter.Seq2[catalog.HoldingLine, error](func(yield func(catalog.HoldingLine, error) bool) {
		for i := range s.accounts {
			ok := holding(i, func(p string, items []string) bool {
				return yield(catalog.HoldingLine{Account: accountID(i), Person: event.PersonID(p), Items: items, Holder: p[0] == 'm'}, nil)
			})
			if !ok {
				return
			}
		}
	}))
	check(err)
	begin := time.Now()
	im, err := l.BeginImport(ledger.ImportSpec{Source: "gateway", Name: "generated", Size: -1, New: true})
	check(err)
	g := newGenerator(s, n, 180, 7)
	cat := l.Catalog()
	const chunk = 50_000
	for seq, done := 0, 0; done < n; seq++ {
		b := l.NewBatch()
		m := min(chunk, n-done)
		for range m {
			var r record
			g.make(&r)
			id := accountID(r.Account)
			// The id stays empty: this measures the scope, not once-only.
			rec := event.Record{
				Time: r.Time, Source: "gateway", Actor: event.Actor{ID: event.ActorID(id), Type: event.Member},
				Credential: event.Credential{Key: keyName(r.Key), Token: event.TokenID(appendHex(nil, r.Token))},
				Client:     event.Client{IP: r.addr(), Agent: fmt.Sprint("agent ", r.Agent)},
				Action:     event.ActionRead, Route: routes[r.Route], Mapped: true, Status: r.Status, Rows: event.RowsUnknown,
				Subjects: []event.AccountID{id}, Position: event.PositionActor, Edition: cat.Edition,
				Origin: event.Origin{Offset: int64(done) * 500},
			}
			b.Add(&rec)
			done++
		}
		check(im.Submit(ledger.Chunk{Seq: seq, Batch: b, Lines: int64(m), End: int64(done) * 500}))
	}
	_, err = im.Commit("")
	check(err)
	check(l.Compact(context.Background()))
	st := l.Stats()
	t.Logf("filled %d records in %v; %d segments, %.2f bytes a record", st.Records, time.Since(begin).Round(time.Second), st.Segments, float64(st.Bytes)/float64(st.Records))
	return l
}

// TestScope asks for one key that covers a tenth of the records, with holdings
// and people, and prints the ratio to DuckDB asked the same of its own table.
func TestScope(t *testing.T) {
	s := sessions
	if *kind == "attack" {
		s = attack
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

// askDuckDB loads the same records and holdings into DuckDB and asks the same.
// Accounts, people and routes are integers and dictionary-coded text there,
// which is kinder to it than the strings of a log.
func askDuckDB(t *testing.T, dir string, s shape, n int, want *scope.Extent) time.Duration {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	c, err := duckdb.NewConnector(filepath.Join(dir, fmt.Sprintf("peer-%d.duckdb", n)), nil)
	check(err)
	db := sql.OpenDB(c)
	defer db.Close()
	ctx := context.Background()
	conn, err := c.Connect(ctx)
	check(err)
	defer conn.Close()
	var have int
	if db.QueryRow("select count(*) from records").Scan(&have) != nil {
		for _, q := range []string{
			"create table records (time timestamp, account integer, token ubigint, key varchar, route varchar, status usmallint, ip uinteger, agent usmallint)",
			"create table holdings (account integer, person bigint, holder boolean, name boolean, email boolean, phone boolean, address boolean, door_code boolean, orders boolean)",
		} {
			_, err := db.Exec(q)
			check(err)
		}
		load := func(table string, rows func(add func(...driver.Value))) {
			app, err := duckdb.NewAppenderFromConn(conn, "", table)
			check(err)
			rows(func(v ...driver.Value) { check(app.AppendRow(v...)) })
			check(app.Close())
		}
		load("records", func(add func(...driver.Value)) {
			g := newGenerator(s, n, 180, 7)
			for range n {
				var r record
				g.make(&r)
				add(r.Time.Time(), int32(r.Account), r.Token, keyName(r.Key), routes[r.Route], r.Status, r.Client, uint16(r.Agent))
			}
		})
		load("holdings", func(add func(...driver.Value)) {
			for i := range s.accounts {
				holding(i, func(p string, items []string) bool {
					var id int64
					fmt.Sscanf(p[1:], "%d", &id)
					if p[0] == 'c' {
						id += 1 << 40
					}
					has := map[string]bool{}
					for _, it := range items {
						has[it] = true
					}
					add(int32(i), id, p[0] == 'm', has["name"], has["email"], has["phone"], has["address"], has["door_code"], has["orders"])
					return true
				})
			}
		})
	}
	query := `
with r as (select account, route from records where key = '` + keyName(3) + `' and status between 200 and 299),
a as (select account,
  bool_or(route = 'GET /my/profile') p, bool_or(route = 'GET /my/addresses') l,
  bool_or(route = 'GET /my/addresses/{n}/edit') e, bool_or(route = 'GET /my/orders') o from r group by account),
s as (select person,
  bool_or(name and ((p and holder) or l or e)) n, bool_or(email and p and holder) m,
  bool_or(phone and (l or e)) ph, bool_or(address and (l or e)) ad, bool_or(door_code and e) d, bool_or(orders and o and holder) od
  from a join holdings using (account) group by person)
select (select count(*) from r), (select count(*) from a), count(*) filter (n or m or ph or ad or d or od),
  count(*) filter (n), count(*) filter (m), count(*) filter (ph), count(*) filter (ad), count(*) filter (d), count(*) filter (od) from s`
	var best time.Duration
	for range 4 {
		var reads, accounts, people, name, email, phone, address, door, orders int64
		begin := time.Now()
		check(db.QueryRow(query).Scan(&reads, &accounts, &people, &name, &email, &phone, &address, &door, &orders))
		if d := time.Since(begin); best == 0 || d < best {
			best = d
		}
		got := fmt.Sprint(reads, accounts, people, name, email, phone, address, door, orders)
		i := want.Items
		exp := fmt.Sprint(want.Reads, want.Accounts, want.People, i["name"], i["email"], i["phone"], i["address"], i["door_code"], i["orders"])
		if got != exp {
			t.Fatalf("DuckDB answers %s, Haetae %s", got, exp)
		}
	}
	return best
}
