//go:build e2e

package e2e

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/haetae/haetae/capture"
)

// The shop of packs/sample, small enough to be read at once. The service below
// knows who is signed in and whose data it answers, and says so by capture. The
// table says the same in the test's own words: what was asked for is counted from
// the table, never from what the service, the log or the catalog say.

// pageOf is one page of the shop.
type pageOf struct {
	route  string   // as the catalog calls it; empty: the catalog does not know it
	items  []string // personal data in the answer
	behind bool     // also of the people in the address book
}

var pages = map[string]pageOf{
	"profile":   {"GET /my/profile", []string{"name", "email"}, false},
	"addresses": {"GET /my/addresses", []string{"name", "phone", "address"}, true},
	"edit":      {"GET /my/addresses/{n}/edit", []string{"name", "phone", "address", "door_code"}, true},
	"orders":    {"GET /my/orders", []string{"orders"}, false},
	"support":   {"GET /support/members/{member}", []string{"name", "email", "phone", "address"}, false},
	"export":    {"GET /seller/shipments/export", []string{"name", "phone", "address"}, false},
	"search":    {"GET /admin/members/search", []string{"name", "email", "phone"}, false},
	"product":   {"GET /products/*", nil, false},
	"login":     {"POST /auth/login", nil, false},
	"wishlist":  {"", nil, false}, // a page somebody added yesterday
}

// asked is one request, with what its answer must hold.
type asked struct {
	page      string
	method    string
	path      string
	actor     string
	actorType string
	key       string
	status    int
	subjects  []string // named in the answer
	rows      int      // said in the answer; -1: not said
}

// service is the shop behind the proxy.
func service(t *testing.T) http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, items []string, answer func(w http.ResponseWriter, r *http.Request)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			ctx := r.Context()
			id := strings.TrimPrefix(r.Header.Get("Authorization"), "Session ")
			who := strings.Split(id, "/")
			capture.Actor(ctx, who[0], who[1])
			capture.Credential(ctx, who[2], capture.TokenID(id))
			capture.Items(ctx, items...)
			switch q := r.URL.Query(); {
			case q.Has("fail"):
				http.Error(w, "broken", http.StatusInternalServerError)
			case q.Has("drop"):
				panic(http.ErrAbortHandler) // the proxy answers instead
			default:
				answer(w, r)
			}
		})
	}
	own := func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "my data\n") }
	for _, name := range []string{"profile", "addresses", "edit", "orders"} {
		handle(pages[name].route, pages[name].items, own)
	}
	handle("GET /support/members/{member}", pages["support"].items, func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("member") == "m0000000" {
			http.NotFound(w, r)
			return
		}
		capture.Subject(r.Context(), r.PathValue("member"))
		capture.Rows(r.Context(), 1)
		http.NewResponseController(w).Flush() // streams, as some services do
		io.WriteString(w, "a member\n")
	})
	handle("GET /seller/shipments/export", pages["export"].items, func(w http.ResponseWriter, r *http.Request) {
		of := strings.Split(r.URL.Query().Get("of"), " ")
		capture.Subject(r.Context(), of...)
		capture.Rows(r.Context(), len(of))
		for _, m := range of {
			fmt.Fprintf(w, "%s,…\n", m)
		}
	})
	handle("GET /admin/members/search", pages["search"].items, func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("hits"))
		capture.Rows(r.Context(), n)
		io.WriteString(w, "hits\n")
	})
	handle("GET /api/v2/users/{member}/wishlist", nil, own)
	handle("GET /products/{id}", nil, own)
	handle("POST /auth/login", nil, own)
	return capture.Headers{Report: func(_ *http.Request, err error) {
		if !errors.Is(err, capture.ErrTooMany) { // the long exports mean it
			t.Errorf("the service: %v", err)
		}
	}}.Wrap(mux)
}

// visitor makes requests at random.
type visitor struct {
	rnd     *rand.Rand
	members []string
	serial  int
}

// ghost is a member whom the register does not know.
const ghost = "m9999999"

func (v *visitor) member() string {
	if v.rnd.IntN(40) == 0 {
		return ghost
	}
	return v.members[v.rnd.IntN(len(v.members))]
}

func (v *visitor) next() asked {
	v.serial++
	a := asked{method: "GET", actorType: "member", actor: v.member(), key: "sig-2024-09", status: 200, rows: -1}
	if v.rnd.IntN(5) == 0 {
		a.key = "sig-2024-04"
	}
	switch v.rnd.IntN(12) {
	case 0, 1:
		a.page, a.path, a.subjects = "profile", "/my/profile", []string{a.actor}
	case 2:
		a.page, a.path, a.subjects = "addresses", "/my/addresses?page=1", []string{a.actor}
	case 3:
		a.page, a.path, a.subjects = "edit", fmt.Sprintf("/my/addresses/%d/edit", v.rnd.IntN(9)), []string{a.actor}
	case 4:
		a.page, a.path, a.subjects = "orders", "/my/orders", []string{a.actor}
	case 5, 6:
		a.actor, a.actorType, a.key = fmt.Sprintf("s10%d", v.rnd.IntN(5)), "staff", "staff-2025-01"
		m := v.member()
		a.page, a.path, a.subjects, a.rows = "support", "/support/members/"+m, []string{m}, 1
		if v.rnd.IntN(6) == 0 {
			a.path, a.subjects, a.status, a.rows = "/support/members/m0000000", nil, 404, -1
		}
	case 7:
		a.actor, a.actorType, a.key = fmt.Sprintf("v%d", v.rnd.IntN(3)), "partner", "partner-2025-01"
		n := 1 + v.rnd.IntN(12)
		long := v.rnd.IntN(8) == 0
		if long {
			n = 300 // more than the headers hold
		}
		of := v.some(n)
		a.page, a.path, a.rows = "export", "/seller/shipments/export?of="+strings.Join(of, "+"), len(of)
		if !long {
			a.subjects = of
		}
	case 8:
		a.actor, a.actorType, a.key = "s103", "staff", "staff-2025-01"
		a.rows = v.rnd.IntN(50)
		a.page, a.path = "search", fmt.Sprintf("/admin/members/search?q=%%EA%%B9%%80&hits=%d", a.rows)
	case 9:
		a.page, a.path = "product", fmt.Sprintf("/products/%d", v.rnd.IntN(99))
	case 10:
		a.page, a.path, a.method = "login", "/auth/login", "POST"
	case 11:
		a.page, a.path = "wishlist", "/api/v2/users/"+v.member()+"/wishlist"
	}
	switch v.rnd.IntN(15) {
	case 0:
		a.path, a.status = with(a.path, "fail"), 500
	case 1:
		// nginx answers 502 itself, and knows nothing of who asked.
		a.path, a.status, a.actor, a.actorType, a.key = with(a.path, "drop"), 502, "", "", ""
	}
	return a
}

func with(path, parameter string) string {
	if strings.Contains(path, "?") {
		return path + "&" + parameter
	}
	return path + "?" + parameter
}

// some draws n different members.
func (v *visitor) some(n int) []string {
	out := make([]string, 0, n)
	for _, i := range v.rnd.Perm(len(v.members))[:n] {
		out = append(out, v.members[i])
	}
	return out
}

// holding is what a line of the holdings file says.
type holding struct {
	person string
	items  map[string]bool
}

// books are the register and the holdings, read by the test itself.
type books struct {
	registered map[string]bool
	members    []string
	holdings   map[string][]holding
}

func readBooks(t *testing.T) *books {
	t.Helper()
	b := &books{registered: map[string]bool{}, holdings: map[string][]holding{}}
	read := func(name string) [][]string {
		f, err := os.Open("../packs/sample/shop/" + name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		rows, err := csv.NewReader(f).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		return rows[1:]
	}
	for _, row := range read("register.csv") {
		b.registered[row[0]] = true
		b.members = append(b.members, row[0])
	}
	for _, row := range read("holdings.csv") {
		h := holding{row[1], map[string]bool{}}
		for _, i := range strings.Split(row[2], ";") {
			h.items[i] = true
		}
		b.holdings[row[0]] = append(b.holdings[row[0]], h)
	}
	return b
}

// extent is what is compared: the part of the answer that follows from what was
// asked for.
type extent struct {
	Records      int64            `json:"records"`
	Reads        int64            `json:"reads"`
	Accounts     int64            `json:"accounts"`
	People       int64            `json:"people"`
	Items        map[string]int64 `json:"items"`
	Ghosts       int64            `json:"ghosts"`
	Unregistered int64            `json:"unregistered"`
	Unresolved   struct {
		Records int64 `json:"records"`
		Rows    int64 `json:"rows"`
	} `json:"unresolved"`
	Unmapped struct {
		Records int64 `json:"records"`
	} `json:"unmapped"`
	Routes map[string]int64 `json:"routes"`
}

// count works out the extent of the requests that fit, from the requests.
func (b *books) count(all []asked, fits func(asked) bool) extent {
	e := extent{Items: map[string]int64{}, Routes: map[string]int64{}}
	accounts, people, ghosts, outside := set{}, set{}, set{}, set{}
	items := map[string]set{"name": {}, "email": {}, "phone": {}, "address": {}, "door_code": {}, "orders": {}}
	for _, a := range all {
		if !fits(a) {
			continue
		}
		e.Records++
		p := pages[a.page]
		if a.actorType == "member" && !b.registered[a.actor] {
			ghosts[a.actor] = true
		}
		if p.route == "" {
			e.Unmapped.Records++
		}
		if len(p.items) == 0 || a.status/100 != 2 {
			continue
		}
		e.Reads++
		e.Routes[p.route]++
		if len(a.subjects) == 0 {
			e.Unresolved.Records++
			e.Unresolved.Rows += int64(max(0, a.rows))
		}
		for _, m := range a.subjects {
			if !b.registered[m] {
				outside[m] = true
				continue
			}
			accounts[m] = true
			for _, h := range b.holdings[m] {
				if h.person != m && !p.behind {
					continue
				}
				for _, i := range p.items {
					if h.items[i] {
						people[h.person] = true
						items[i][h.person] = true
					}
				}
			}
		}
	}
	e.Accounts, e.People, e.Ghosts, e.Unregistered = int64(len(accounts)), int64(len(people)), int64(len(ghosts)), int64(len(outside))
	for i, s := range items {
		if len(s) > 0 {
			e.Items[i] = int64(len(s))
		}
	}
	return e
}

type set map[string]bool
