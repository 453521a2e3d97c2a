package scope_test

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/pseudonym"
)

// values are the fields of one record, with one of its accounts.
type values struct {
	rec     *event.Record
	route   string
	items   []string
	account string
	actor   string
	issued  bool // somebody was given the record's token
}

// key is the credential's key: an opening has none.
func (v *values) key() string {
	if v.rec.Source == "haetae" {
		return ""
	}
	return v.rec.Credential.Key
}

func (v *values) ip() string {
	if v.rec.Client.IP.IsValid() {
		return v.rec.Client.IP.String()
	}
	return ""
}

// marks are named as their numbers were given out.
func (v *values) marks() (out []string) {
	for _, n := range v.rec.Marks {
		out = append(out, madeRules[n].ID)
	}
	return out
}

func (v *values) rows() int64 { return int64(max(0, v.rec.Rows)) }

// question is a predicate twice: as text, and as plain Go.
type question struct {
	text string
	test func(*values) bool
}

func ask(text string, test func(*values) bool) question { return question{text, test} }

// quote writes a list of texts in CEL.
func quote(xs []string) string {
	out := make([]string, len(xs))
	for i, x := range xs {
		out[i] = strconv.Quote(x)
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// text makes questions about one text field.
func textQuestion(rnd *rand.Rand, field string, some []string, pseudonym bool, of func(*values) string) question {
	x := pick(rnd, some)
	kinds := 4
	if !pseudonym {
		kinds = 7
	}
	switch rnd.IntN(kinds) {
	case 0:
		return ask(fmt.Sprintf("%s == %q", field, x), func(v *values) bool { return of(v) == x })
	case 1:
		return ask(fmt.Sprintf("%q != %s", x, field), func(v *values) bool { return of(v) != x })
	case 2:
		xs := []string{x, pick(rnd, some), pick(rnd, some)}
		return ask(fmt.Sprintf("%s in %s", field, quote(xs)), func(v *values) bool { return slices.Contains(xs, of(v)) })
	case 3:
		xs := []string{x, pick(rnd, some)}
		return ask(fmt.Sprintf("!(%s in %s)", field, quote(xs)), func(v *values) bool { return !slices.Contains(xs, of(v)) })
	case 4:
		p := x[:min(len(x), 2)]
		return ask(fmt.Sprintf("%s.startsWith(%q)", field, p), func(v *values) bool { return strings.HasPrefix(of(v), p) })
	case 5:
		p := x[:len(x)/2]
		return ask(fmt.Sprintf("%s.matches(%q) || %s.contains(%q)", field, "^zz", field, p), func(v *values) bool {
			return strings.HasPrefix(of(v), "zz") || strings.Contains(of(v), p)
		})
	}
	n := rnd.IntN(9)
	return ask(fmt.Sprintf("size(%s) > %d", field, n), func(v *values) bool { return len(of(v)) > n })
}

// pseudonymQuestion asks for somebody without saying the id. An actor's
// pseudonym also says whether a member is meant.
func (w *world) pseudonymQuestion() question {
	rnd := w.rnd
	of := func(p pseudonym.Pseudonym) string { return fmt.Sprintf("pseudonym(%q)", hex.EncodeToString(p[:])) }
	if rnd.IntN(2) == 0 {
		a, b := pick(rnd, w.accounts), pick(rnd, w.accounts)
		p := of(w.hasher.Account(event.AccountID(a)))
		return pick(rnd, []question{
			ask("account == "+p, func(v *values) bool { return v.account == a }),
			ask(p+" != account", func(v *values) bool { return v.account != a }),
			ask(fmt.Sprintf("account in [%q, %s]", b, p), func(v *values) bool { return v.account == a || v.account == b }),
		})
	}
	id, typ := pick(rnd, []string{"s1", "s2", "m0003", "m0004"}), pick(rnd, []string{event.Member, "staff"})
	is := func(v *values) bool {
		return v.actor == id && (v.rec.Actor.Type == event.Member) == (typ == event.Member)
	}
	p := of(w.hasher.Actor(event.ActorID(id), typ))
	return pick(rnd, []question{
		ask("actor.id == "+p, is),
		ask("actor.id != "+p, func(v *values) bool { return !is(v) }),
		ask(fmt.Sprintf("actor.id in [%s, \"\"]", p), func(v *values) bool { return is(v) || v.actor == "" }),
	})
}

func (w *world) question(depth int) question {
	rnd := w.rnd
	if depth > 0 && rnd.IntN(3) > 0 {
		a, b := w.question(depth-1), w.question(depth-1)
		switch rnd.IntN(5) {
		case 0, 1:
			return ask("("+a.text+") && ("+b.text+")", func(v *values) bool { return a.test(v) && b.test(v) })
		case 2:
			return ask("("+a.text+") || ("+b.text+")", func(v *values) bool { return a.test(v) || b.test(v) })
		case 3:
			return ask("!("+a.text+")", func(v *values) bool { return !a.test(v) })
		default:
			c := w.question(depth - 1)
			return ask("("+a.text+") ? ("+b.text+") : ("+c.text+")", func(v *values) bool {
				if a.test(v) {
					return b.test(v)
				}
				return c.test(v)
			})
		}
	}
	switch rnd.IntN(25) {
	case 23, 24:
		id := pick(rnd, []string{"r1", "r2", "r3"})
		has := func(v *values) bool { return slices.Contains(v.marks(), id) }
		return pick(rnd, []question{
			ask(fmt.Sprintf("%q in marks", id), has),
			ask(fmt.Sprintf("marks.exists(m, m == %q)", id), has),
			ask("size(marks) > 1", func(v *values) bool { return len(v.marks()) > 1 }),
			ask(fmt.Sprintf("size(marks) > 0 && marks[0] == %q", id), func(v *values) bool { return len(v.marks()) > 0 && v.marks()[0] == id }),
			ask(fmt.Sprintf("%q in marks && credential.key == \"k1\"", id), func(v *values) bool { return has(v) && v.key() == "k1" }),
		})
	case 20, 21:
		issued := func(v *values) bool { return v.issued }
		not := func(v *values) bool { return !v.issued }
		return pick(rnd, []question{
			ask("credential.issued", issued),
			ask("!credential.issued", not),
			ask("credential.issued == false", not),
			ask("true != credential.issued", not),
			ask("false != credential.issued", issued),
			ask("credential.token != \"\" && !credential.issued", func(v *values) bool { return v.rec.Credential.Token != "" && !v.issued }),
		})
	case 22:
		return w.pseudonymQuestion()
	case 0:
		return textQuestion(rnd, "source", []string{"gateway", "admin", "silent", "haetae"}, false, func(v *values) string { return v.rec.Source })
	case 1:
		return textQuestion(rnd, "action", []string{"read", "export", "sign_in", "open"}, false, func(v *values) string { return v.rec.Action.String() })
	case 2:
		return textQuestion(rnd, "route", []string{"GET /my/profile", "GET /orders/{member}", "GET /reviews/{account}", ""}, false, func(v *values) string { return v.route })
	case 3, 4, 5:
		some := append([]string{"", "m9001", "notanid7"}, w.accounts[:6]...)
		return textQuestion(rnd, "account", some, true, func(v *values) string { return v.account })
	case 6, 7:
		some := []string{"", "s1", "s2", "m0003", "m0004", "m9001", "notanid7"}
		return textQuestion(rnd, "actor.id", some, true, func(v *values) string { return v.actor })
	case 8:
		return textQuestion(rnd, "actor.type", []string{"member", "staff", "partner", "", "stafff"}, false, func(v *values) string { return v.rec.Actor.Type })
	case 9:
		return textQuestion(rnd, "credential.key", []string{"k1", "k2", ""}, false, (*values).key)
	case 10:
		return textQuestion(rnd, "credential.token", []string{"t1", "t2", "", "none"}, true, func(v *values) string { return string(v.rec.Credential.Token) })
	case 11:
		return textQuestion(rnd, pick(rnd, []string{"client.country"}), []string{"KR", "US", ""}, false, func(v *values) string { return v.rec.Client.Country })
	case 12:
		return textQuestion(rnd, "client.agent", []string{"curl/8", "Shop/1", ""}, false, func(v *values) string { return v.rec.Client.Agent })
	case 13:
		if rnd.IntN(2) == 0 {
			return textQuestion(rnd, "client.ip", []string{"10.0.0.1", "192.0.2.1", "2001:db8::1", ""}, false, (*values).ip)
		}
		n := netip.MustParsePrefix(pick(rnd, []string{"10.0.0.0/8", "10.0.0.0/24", "2001:db8::/32", "0.0.0.0/0"}))
		return ask(fmt.Sprintf("inCIDR(client.ip, %q)", n), func(v *values) bool { return v.rec.Client.IP.IsValid() && n.Contains(v.rec.Client.IP) })
	case 14:
		n := pick(rnd, []int64{200, 206, 400, 0})
		return pick(rnd, []question{
			ask(fmt.Sprintf("status == %d", n), func(v *values) bool { return int64(v.rec.Status) == n }),
			ask(fmt.Sprintf("status >= %d", n), func(v *values) bool { return int64(v.rec.Status) >= n }),
			ask(fmt.Sprintf("status in [404, %d]", n), func(v *values) bool { return v.rec.Status == 404 || int64(v.rec.Status) == n }),
		})
	case 15:
		n := pick(rnd, []int64{0, 1, 5, 40})
		return pick(rnd, []question{
			ask(fmt.Sprintf("rows > %d", n), func(v *values) bool { return v.rows() > n }),
			ask(fmt.Sprintf("rows == %d", n), func(v *values) bool { return v.rows() == n }),
			ask(fmt.Sprintf("rows + %d < status", 195+n), func(v *values) bool { return v.rows()+195+n < int64(v.rec.Status) }),
		})
	case 16:
		it := pick(rnd, w.items)
		return pick(rnd, []question{
			ask(fmt.Sprintf("%q in items", it), func(v *values) bool { return slices.Contains(v.items, it) }),
			ask(fmt.Sprintf("items.exists(i, i == %q)", it), func(v *values) bool { return slices.Contains(v.items, it) }),
			ask("items.size() >= 2", func(v *values) bool { return len(v.items) >= 2 }),
			ask(fmt.Sprintf("items.size() > 0 && items[0] == %q", it), func(v *values) bool { return len(v.items) > 0 && v.items[0] == it }),
		})
	case 17, 18:
		at := day(rnd.IntN(worldDays)) + event.Millis(rnd.IntN(86_400_000))
		ts := fmt.Sprintf("timestamp(%q)", at.Time().Format(time.RFC3339Nano))
		h := rnd.IntN(24)
		return pick(rnd, []question{
			ask("time < "+ts, func(v *values) bool { return v.rec.Time < at }),
			ask("time >= "+ts, func(v *values) bool { return v.rec.Time >= at }),
			ask(ts+" >= time", func(v *values) bool { return at >= v.rec.Time }),
			ask(fmt.Sprintf("time.getHours(%q) < %d", "+09:00", h), func(v *values) bool { return v.rec.Time.Time().Add(9*time.Hour).Hour() < h }),
		})
	}
	return pick(rnd, []question{
		ask("true", func(*values) bool { return true }),
		ask("client.network == \"AS1\"", func(v *values) bool { return v.rec.Client.Network == "AS1" }),
		ask("size(client.agent) + status > 205", func(v *values) bool { return len(v.rec.Client.Agent)+int(v.rec.Status) > 205 }),
		ask("client.country + credential.key == \"KRk1\"", func(v *values) bool { return v.rec.Client.Country+v.key() == "KRk1" }),
	})
}
