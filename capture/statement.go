package capture

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"net/http"
	"slices"
	"sync"

	"github.com/haetae/haetae/event"
)

// statement is what the handlers of one request have said so far. Handlers may
// speak from several goroutines.
type statement struct {
	request *http.Request // as it came in

	mu        sync.Mutex
	said      int // how often anything was said: tells what came too late
	subjects  []string
	seen      map[string]struct{}
	over      int // subjects beyond maxSubjects, counted and not kept
	unnamed   int // subjects whose id cannot be passed on
	items     []string
	rows      int64 // event.RowsUnknown until somebody counts
	actor     string
	actorType string
	key       string
	token     string
	errs      []error
	secrets   []string // credentials the request came with, once looked up
	looked    bool
}

// maxID is how long an id may be, in bytes; the decoders refuse longer ones.
const maxID = 256

// maxSubjects is how many subjects of one answer are kept: no more than one record
// may name.
const maxSubjects = event.MaxSubjects

type contextKey struct{}

// open gives a request its statement. Middlewares inside one another share it.
func open(r *http.Request) (*statement, *http.Request) {
	if st := from(r.Context()); st != nil {
		return st, r
	}
	// A client cannot speak for the service.
	for _, name := range HeaderNames() {
		r.Header.Del(name)
	}
	st := &statement{rows: int64(event.RowsUnknown), request: r}
	return st, r.WithContext(context.WithValue(r.Context(), contextKey{}, st))
}

func from(ctx context.Context) *statement {
	st, _ := ctx.Value(contextKey{}).(*statement)
	return st
}

// with runs fn on the statement of ctx. Without a middleware nothing happens:
// handlers can be tested alone, and a forgotten middleware shows in the answers
// as reads that name nobody.
func with(ctx context.Context, fn func(*statement)) {
	st := from(ctx)
	if st == nil {
		return
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	st.said++
	fn(st)
}

// Subject says whose data the answer holds: account ids, as the platform names
// them. Call it as often as you like, before the first byte of the answer;
// repeats count once, and an empty id is nobody.
func Subject[ID ~string](ctx context.Context, ids ...ID) {
	with(ctx, func(st *statement) {
		for _, id := range ids {
			st.subject(string(id))
		}
	})
}

func (st *statement) subject(id string) {
	if id == "" {
		return
	}
	if !passable(id, maxID) {
		st.unnamed++
		st.fail(ErrID)
		return
	}
	if _, ok := st.seen[id]; ok {
		return
	}
	if len(st.subjects) >= maxSubjects {
		st.over++
		return
	}
	if st.seen == nil {
		st.seen = make(map[string]struct{})
	}
	st.seen[id] = struct{}{}
	st.subjects = append(st.subjects, id)
}

// Items says which items of personal data the answer holds, by the catalog's
// names ("name", "phone"). Which items are counted follows from the catalog; the
// header lets you compare the catalog with what the service says.
func Items(ctx context.Context, names ...string) {
	with(ctx, func(st *statement) {
		for _, n := range names {
			if !isItem(n) {
				st.fail(ErrItem)
			} else if !slices.Contains(st.items, n) {
				st.items = append(st.items, n)
			}
		}
	})
}

// Rows says how many rows the answer holds. The last call counts.
func Rows(ctx context.Context, n int) {
	with(ctx, func(st *statement) {
		if n < 0 {
			st.fail(ErrRows)
			return
		}
		st.rows = min(int64(n), math.MaxInt32)
	})
}

// Actor says who asked, and the catalog's word for what they are: "member",
// "staff", "partner", "service". The last call counts.
func Actor[ID ~string](ctx context.Context, id ID, typ string) {
	with(ctx, func(st *statement) {
		st.actor, st.actorType = st.own(string(id)), st.own(typ)
	})
}

// Credential says with what: the id of the key that signed the token, and the id
// of the token (a JWT's kid and jti). Never the token itself: a value that the
// request came with, or that looks like a token, is not passed on. For a
// session that has no id but its secret, see TokenID. The last call counts.
func Credential[ID ~string](ctx context.Context, key string, token ID) {
	with(ctx, func(st *statement) {
		st.key, st.token = st.own(key), st.own(string(token))
	})
}

// own checks a single value; what must not be passed on becomes empty.
func (st *statement) own(v string) string {
	if v != "" && !st.looked {
		st.secrets, st.looked = secretsOf(st.request), true
	}
	switch {
	case v == "":
	case opens(v) || slices.Contains(st.secrets, v):
		st.fail(ErrBearer)
		return ""
	case !passable(v, maxID):
		st.fail(ErrID)
		return ""
	}
	return v
}

// fail remembers an error once a request: one mistake in a loop over a thousand
// rows is one mistake.
func (st *statement) fail(err error) {
	if !slices.Contains(st.errs, err) {
		st.errs = append(st.errs, err)
	}
}

// TokenID makes an id of a session's secret: the same secret gives the same id,
// and the id opens nothing. The secret must be long and random (128 bits or
// more), else it could be found by trying.
func TokenID(secret string) event.TokenID {
	if secret == "" {
		return ""
	}
	sum := sha256.Sum256([]byte("haetae token id\x00" + secret))
	return event.TokenID(hex.EncodeToString(sum[:16]))
}

// account is what a statement comes to: the subjects, all or none of them, and
// the rows. more is how many subjects there are when they are not named.
type account struct {
	subjects []string
	more     int64
	rows     int64
}

// settle decides whether the subjects can be named: all of them within size
// bytes, where each costs its length and extra. A part of them is never named.
func (st *statement) settle(size, extra int) account {
	a := account{subjects: st.subjects, rows: st.rows}
	for _, s := range st.subjects {
		size -= len(s) + extra
	}
	all := int64(len(st.subjects)) + int64(st.over) + int64(st.unnamed)
	if all == int64(len(st.subjects)) && size >= 0 {
		return a
	}
	if st.unnamed == 0 {
		st.fail(ErrTooMany)
	}
	a.subjects, a.more = nil, all
	if a.rows < 0 {
		a.rows = min(all, math.MaxInt32)
	}
	return a
}
