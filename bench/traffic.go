package bench

import (
	"math/rand/v2"
	"net/netip"
	"strconv"

	"github.com/haetae/haetae/event"
)

// shape is a kind of traffic.
type shape struct {
	name       string
	accounts   int // that are read
	registered int // the first of them; the rest are ghosts. 0 = all
	perToken   int // pages of one session
	agents     int
	clients    int
	rising     bool // accounts one after the other, as a walk over their numbers
	signIns    bool // a session begins with one
}

// shapes by the name of -traffic.
var shapes = map[string]shape{
	// What members do: a few pages by one token, from one place.
	"sessions": {name: "ordinary sessions", accounts: 4_000_000, perToken: 6, agents: 200, clients: 1_000_000},
	// The same, and the sign-in before them: what detection compares tokens with.
	"members": {name: "sessions with sign-ins", accounts: 4_000_000, perToken: 6, agents: 200, clients: 1_000_000, signIns: true},
	// A page for each minted token, over rising numbers, from a pool of addresses.
	"attack": {name: "attack: one page a token", accounts: 4_000_000, perToken: 1, agents: 1, clients: 2_000, rising: true},
	// The largest known case: 40 million accounts, and 44 million tokens that
	// named members who do not exist.
	"ghosts": {name: "attack with ghosts", accounts: 84_000_000, registered: 40_000_000, perToken: 1, agents: 1, clients: 2_000, rising: true},
}

func (s shape) members() int {
	if s.registered > 0 {
		return s.registered
	}
	return s.accounts
}

var pages = []string{"/my/addresses", "/my/profile", "/my/orders", "/my/addresses/1/edit"}
var routes = []string{"GET /my/addresses", "GET /my/profile", "GET /my/orders", "GET /my/addresses/{n}/edit"}

// signIn is the Route of a record that is no page.
const signIn = -1

// generator makes the records of one chunk in the order of their time. Chunks
// are independent of each other, so that several cores can make them.
type generator struct {
	shape
	rnd  *rand.Rand
	step float64 // milliseconds between records
	at   float64
	keys int

	// The session under way.
	left    int
	account int
	token   uint64
	client  uint32
	agent   int
	key     int
	next    int
}

// start is 2025-03-01T00:00:00Z.
const start = event.Millis(1_740_787_200_000)

// chunkRows is how many records a chunk has.
const chunkRows = 50_000

// chunk makes the generator of the seq-th chunk of rows spread over days; one
// key in ten is the asked one.
func (s shape) chunk(rows, days, seq int) *generator {
	step := float64(days) * 86_400_000 / float64(rows)
	first := seq * chunkRows
	return &generator{shape: s, rnd: rand.New(rand.NewPCG(7, uint64(seq))), step: step, at: float64(first) * step, keys: 10, next: first / s.perToken}
}

// each makes all of them.
func (s shape) each(rows, days int, fn func(*record)) {
	var r record
	for seq, left := 0, rows; left > 0; seq++ {
		g := s.chunk(rows, days, seq)
		for range min(chunkRows, left) {
			g.make(&r)
			fn(&r)
		}
		left -= chunkRows
	}
}

// record is what the generator makes: small, so that making one costs little.
type record struct {
	Time    event.Millis
	Account int
	Token   uint64
	Client  uint32
	Agent   int
	Key     int
	Route   int
	Status  uint16
	ID      uint64
}

func (g *generator) make(r *record) {
	if g.left == 0 {
		g.left = g.perToken
		if g.rising {
			g.account = g.next % g.accounts
			g.next++
		} else {
			g.account = g.rnd.IntN(g.accounts)
		}
		g.token, g.client, g.agent = g.rnd.Uint64(), uint32(g.rnd.IntN(g.clients))*2654435761, g.rnd.IntN(g.agents)
		g.key = g.rnd.IntN(g.keys)
		if g.signIns {
			g.at += g.step
			*r = record{start + event.Millis(g.at), g.account, g.token, g.client, g.agent, g.key, signIn, 200, g.rnd.Uint64()}
			return
		}
	}
	g.left--
	g.at += g.step
	*r = record{start + event.Millis(g.at), g.account, g.token, g.client, g.agent, g.key, g.rnd.IntN(len(pages)), 200, g.rnd.Uint64()}
	if g.rnd.IntN(50) == 0 {
		r.Status = 404
	}
}

func accountID(n int) event.AccountID { return event.AccountID("m" + strconv.Itoa(10_000_000+n)) }

func (r *record) addr() netip.Addr {
	return netip.AddrFrom4([4]byte{byte(r.Client >> 24), byte(r.Client >> 16), byte(r.Client >> 8), byte(r.Client)})
}

func keyName(k int) string { return "sig-" + strconv.Itoa(2015+k) }

// line writes r as the sample shop's gateway would, about 500 bytes.
func (r *record) line(b []byte) []byte {
	b = append(b, `{"time": "`...)
	b = r.Time.Time().AppendFormat(b, "2006-01-02T15:04:05.000Z07:00")
	b = append(b, `", "remote_addr": "`...)
	b = r.addr().AppendTo(b)
	method, page := "GET", "/auth/login"
	if r.Route == signIn {
		method = "POST"
	} else {
		page = pages[r.Route]
	}
	b = append(b, `", "request_method": "`...)
	b = append(b, method...)
	b = append(b, `", "request_uri": "`...)
	b = append(b, page...)
	b = append(b, `", "status": `...)
	b = strconv.AppendInt(b, int64(r.Status), 10)
	b = append(b, `, "body_bytes_sent": 4280, "http_user_agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/`...)
	b = strconv.AppendInt(b, int64(100+r.Agent), 10)
	b = append(b, `.0 Safari/537.36", "host": "api.shop.example", "request_time": 0.079, "request_id": "`...)
	b = appendHex(b, r.ID)
	b = appendHex(b, r.ID*0x9E3779B97F4A7C15)
	b = append(b, `", "actor_id": "`...)
	b = append(b, accountID(r.Account)...)
	b = append(b, `", "actor_type": "member", "key_id": "`...)
	b = append(b, keyName(r.Key)...)
	b = append(b, `", "token_id": "t`...)
	b = appendHex(b, r.Token)
	return append(b, `", "data_subjects": "", "data_rows": ""}`+"\n"...)
}

func appendHex(b []byte, v uint64) []byte {
	const digits = "0123456789abcdef"
	for i := 60; i >= 0; i -= 4 {
		b = append(b, digits[v>>i&15])
	}
	return b
}
