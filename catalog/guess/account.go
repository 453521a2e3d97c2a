package guess

import (
	"bytes"
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ingest/element"
)

// account is the form of account ids, as far as the sample shows it.
type account struct {
	pattern string
	shown   string // the outline of such an id, with its beginning
	seen    int    // different ids of that form
	where   say
	active  bool // sure enough to stand in the draft, and not beside it
}

// form is what ids have in common: a beginning of letters, and how many digits.
type form struct {
	prefix   string
	uuid     bool
	min, max int
	ids      map[string]bool
	count    int
}

const (
	// sameForm is how many different ids must have a form: with fewer, a beginning that
	// they share may be somebody's name.
	sameForm = 3
	// longNumber is how many digits an id of nothing else must have, so that the number
	// of a page is not taken for one.
	longNumber = 5
)

// evidence of account ids, the best first.
type evidence struct {
	where  say
	ids    []string
	strong bool
}

// inferAccount looks for the form of account ids: where the log says whose data was
// shown, behind words for people in paths, among members who are signed in.
func (g *guesser) inferAccount() *account {
	behind, params, other := g.inPaths()
	members := slices.Clone(g.found.actors[event.Member])
	var anybody []string
	for kind, ids := range g.found.actors {
		if kind != event.Member && actorTypes[strings.ToLower(kind)] == event.Member {
			members = append(members, ids...)
		} else if kind == "" {
			anybody = append(anybody, ids...)
		}
	}
	var weak *account
	for _, e := range []evidence{{textListed, g.found.listed, true}, {textBehind, behind, true}, {textParams, params, true}, {textMembers, members, true},
		{textActors, anybody, false}, {textPaths, other, false}} {
		if f := commonForm(e.ids); f != nil {
			a := &account{pattern: f.pattern(), shown: f.outline(), seen: len(f.ids), where: e.where}
			a.active = e.strong && (f.prefix != "" || f.uuid || f.min >= longNumber)
			if a.active {
				return a
			}
			if weak == nil {
				weak = a
			}
		}
	}
	return weak
}

// commonForm is the form that most ids have.
func commonForm(ids []string) *form {
	forms := map[string]*form{}
	for _, id := range ids {
		prefix, digits, ok := parts(id)
		key := prefix
		if isUUID([]byte(id)) {
			prefix, key, ok = "", "\x00uuid", true
		}
		if !ok {
			continue
		}
		f := forms[key]
		if f == nil {
			f = &form{prefix: prefix, uuid: key == "\x00uuid", min: digits, max: digits, ids: map[string]bool{}}
			forms[key] = f
		}
		f.count++
		f.ids[id] = true
		f.min, f.max = min(f.min, digits), max(f.max, digits)
	}
	var best *form
	for _, f := range forms {
		if len(f.ids) < sameForm {
			continue
		}
		if best == nil || cmp.Or(cmp.Compare(f.count, best.count), cmp.Compare(best.prefix, f.prefix)) > 0 {
			best = f
		}
	}
	if best != nil && best.count*2 < len(ids) {
		return nil
	}
	return best
}

// parts splits an id into a beginning of letters and the digits behind it.
func parts(id string) (prefix string, digits int, ok bool) {
	end := strings.IndexFunc(id, unicode.IsDigit)
	if end < 0 {
		return "", 0, false
	}
	prefix = id[:end]
	letters := 0
	for _, r := range prefix {
		if unicode.IsLetter(r) {
			letters++
		} else if r != '-' && r != '_' && r != ':' {
			return "", 0, false
		}
	}
	return prefix, len(id) - end, letters <= 6 && len(prefix) <= 20 && isDigits([]byte(id[end:])) && len(id)-end <= 20
}

func (f *form) pattern() string {
	if f.uuid {
		return "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
	}
	if f.min == f.max {
		return fmt.Sprintf("%s[0-9]{%d}", regexp.QuoteMeta(f.prefix), f.min)
	}
	return fmt.Sprintf("%s[0-9]{%d,%d}", regexp.QuoteMeta(f.prefix), f.min, f.max)
}

func (f *form) outline() string {
	if f.uuid {
		return "xxxxxxxx-xxxx-…"
	}
	return f.prefix + strings.Repeat("#", f.min)
}

// inPaths gives what stands in addresses and may be an id: behind a word for people,
// in a parameter that is called like one, anywhere else.
func (g *guesser) inPaths() (behind, params, other []string) {
	for _, u := range g.addresses() {
		path, query, _ := strings.Cut(u, "?")
		if i := strings.Index(path, "://"); i >= 0 {
			_, path, _ = strings.Cut(path[i+3:], "/")
		}
		segments := strings.Split(path, "/")
		for i, s := range segments {
			if s == "" || catalog.IsWord(s) {
				continue
			}
			switch {
			case i > 0 && catalog.NamesPeople(segments[i-1]):
				behind = append(behind, s)
			case strings.ContainsFunc(s, unicode.IsDigit) && !strings.Contains(s, "."):
				other = append(other, s)
			}
		}
		for query != "" && len(params) < maxIDs {
			var p string
			p, query, _ = strings.Cut(query, "&")
			name, value, _ := strings.Cut(p, "=")
			if v, err := url.QueryUnescape(value); err == nil && v != "" && namesAccount(name) {
				for one := range strings.SplitSeq(v, ",") {
					params = append(params, one)
				}
			}
		}
	}
	return behind, params, other
}

// namesAccount knows parameters that name somebody.
func namesAccount(name string) bool {
	if n, err := url.QueryUnescape(name); err == nil {
		name = n
	}
	parts := split(name)
	if len(parts) == 0 {
		return false
	}
	if last := parts[len(parts)-1]; last == "id" || last == "no" || last == "ids" || last == "number" {
		parts = parts[:len(parts)-1]
	}
	return len(parts) > 0 && catalog.NamesPeople(parts[len(parts)-1]) || strings.Contains(name, "회원") || strings.Contains(name, "고객") || strings.Contains(name, "환자")
}

// addresses are the addresses of the sample, as far as they can be found.
func (g *guesser) addresses() []string {
	var out []string
	if g.keys != nil {
		c := g.mapping.of(catalog.FieldURI)
		var query string
		if g.mapping != nil && g.mapping.query != nil {
			query = g.mapping.query.key
		}
		want := packPaths
		if c != nil {
			want = c.keys
		}
		for _, l := range g.sample.lines {
			var u, q string
			walk(l, "", 0, func(key string, value []byte) {
				if v, ok := element.Text(value); ok {
					if slices.Contains(want, key) && u == "" {
						u = string(v)
					} else if key == query && query != "" {
						q = string(v)
					}
				}
			})
			if f := strings.Fields(u); isRequest([]byte(u)) {
				u = f[1]
			}
			if u != "" {
				if q != "" {
					u += "?" + strings.TrimPrefix(q, "?")
				}
				out = append(out, u)
			}
		}
		return out
	}
	if g.sample.format != catalog.FormatCombined && g.sample.format != catalog.FormatCommon {
		return nil
	}
	for l := range bytes.Lines(g.sample.raw) {
		_, rest, _ := bytes.Cut(l, []byte(`"`))
		request, _, _ := bytes.Cut(rest, []byte(`"`))
		if f := bytes.Fields(request); len(f) >= 2 {
			out = append(out, string(f[1]))
		}
	}
	return out
}
