package bench

import (
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
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
  - {route: POST /auth/login, items: [], action: sign_in}
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
		for i := range s.members() {
			if !yield(catalog.RegisterLine{Account: accountID(i)}, nil) {
				return
			}
		}
	})
	check(err)
	_, err = l.InstallHoldings("holdings", start, iter.Seq2[catalog.HoldingLine, error](func(yield func(catalog.HoldingLine, error) bool) {
		for i := range s.members() {
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
	cat := l.Catalog()
	chunks := (n + chunkRows - 1) / chunkRows
	var next atomic.Int64
	var workers sync.WaitGroup
	for range runtime.NumCPU() {
		workers.Go(func() {
			b := l.NewBatch()
			for seq := int(next.Add(1)) - 1; seq < chunks; seq = int(next.Add(1)) - 1 {
				m := min(chunkRows, n-seq*chunkRows)
				b.Reset()
				s.batch(b, n, seq, m, cat.Edition)
				if err := im.Submit(ledger.Chunk{Seq: seq, Batch: b, Lines: int64(m), End: int64(seq*chunkRows+m) * 500}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	workers.Wait()
	if t.Failed() {
		t.FailNow()
	}
	took := time.Since(begin)
	_, err = im.Commit("")
	check(err)
	check(l.Compact(context.Background()))
	st := l.Stats()
	point{Rows: n, Fill: took, Merge: time.Since(begin) - took}.report(t)
	t.Logf("filled %d records in %v (%.2f million a second, without decoding lines), merged in %v; %d segments, %.2f bytes a record",
		st.Records, took.Round(time.Second), float64(n)/1e6/took.Seconds(), (time.Since(begin) - took).Round(time.Second), st.Segments, float64(st.Bytes)/float64(st.Records))
	return l
}

// days is how long the records' span is.
const days = 180

// batch fills b with the m records of a chunk.
func (s shape) batch(b *ledger.Batch, n, seq, m int, edition uint32) {
	g := s.chunk(n, days, seq)
	var r record
	for i := range m {
		g.make(&r)
		x := r.event(edition)
		x.Origin = event.Origin{Offset: int64(seq*chunkRows+i) * 500}
		b.Add(&x)
	}
}

// event is the record as the catalog fills it. The id stays empty: once-only is
// measured elsewhere.
func (r *record) event(edition uint32) event.Record {
	id := accountID(r.Account)
	x := event.Record{
		Time: r.Time, Source: "gateway", Actor: event.Actor{ID: event.ActorID(id), Type: event.Member},
		Credential: event.Credential{Key: keyName(r.Key), Token: event.TokenID(appendHex(nil, r.Token))},
		Client:     event.Client{IP: r.addr(), Agent: agentNames[r.Agent]},
		Action:     event.ActionSignIn, Route: "POST /auth/login", Mapped: true, Status: r.Status, Rows: event.RowsUnknown,
		Edition: edition,
	}
	if r.Route != signIn {
		x.Action, x.Route = event.ActionRead, routes[r.Route]
		x.Subjects, x.Position = []event.AccountID{id}, event.PositionActor
	}
	return x
}

var agentNames = func() (out [256]string) {
	for i := range out {
		out[i] = fmt.Sprint("agent ", i)
	}
	return out
}()
