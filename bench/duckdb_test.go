package bench

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/duckdb/duckdb-go/v2"

	"github.com/haetae/haetae/scope"
)

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
			s.each(n, days, func(r *record) {
				add(r.Time.Time(), int32(r.Account), r.Token, keyName(r.Key), routes[r.Route], r.Status, r.Client, uint16(r.Agent))
			})
		})
		load("holdings", func(add func(...driver.Value)) {
			for i := range s.members() {
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
	parquet := filepath.Join(dir, "peer.parquet")
	_, err = db.Exec(fmt.Sprintf("copy records to '%s' (format parquet, compression zstd)", parquet))
	check(err)
	info, err := os.Stat(parquet)
	check(err)
	t.Logf("Parquet with zstd, the same columns in the same order: %.2f bytes a record", float64(info.Size())/float64(n))
	check(os.Remove(parquet))
	return best
}
