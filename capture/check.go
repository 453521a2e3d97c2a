package capture

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"unicode/utf8"
)

// What can go wrong with what a handler says. Each is a mistake in the service
// or in its configuration; the answer itself goes out unharmed. They carry no
// ids.
var (
	// ErrLate: said after the answer began, when the headers were already out.
	ErrLate = errors.New("capture: something was said after the first byte of the answer; it is in no record")
	// ErrTooMany: the subjects do not fit; the record has their number instead.
	ErrTooMany = errors.New("capture: more subjects than fit; the record says how many, and names none")
	// ErrID: an id is too long, or holds a comma, a control character, white
	// space at an end or invalid UTF-8. If it was a subject's, the record names
	// no subject at all.
	ErrID = errors.New("capture: an id that cannot be passed on")
	// ErrBearer: a value that opens something stood where an id belongs.
	ErrBearer = errors.New("capture: a usable token or cookie stood where its id belongs; it was left out")
	// ErrItem: not a name of an item.
	ErrItem = errors.New("capture: an item is named by small letters, digits and _, as in the catalog")
	// ErrRows: a negative number of rows.
	ErrRows = errors.New("capture: a negative number of rows")
)

// Reporter is told what went wrong. The default writes a warning with the
// route's pattern to slog.Default.
type Reporter func(r *http.Request, err error)

func (report Reporter) tell(r *http.Request, err error) {
	if report != nil {
		report(r, err)
		return
	}
	slog.Default().WarnContext(r.Context(), "capture", "error", err, "route", r.Pattern)
}

// passable reports whether s survives the way through header, log and decoder
// unchanged. "-" is how logs write "nothing".
func passable(s string, max int) bool {
	if len(s) > max || s == "-" || strings.TrimSpace(s) != s || !utf8.ValidString(s) {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == 0x7f || c == ',' {
			return false
		}
	}
	return true
}

// isItem is the catalog's rule for names.
func isItem(s string) bool {
	if s == "" || len(s) > 40 || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return true
}

// opens reports whether s looks like a credential: a JWT, or something behind an
// authentication scheme. The decoders refuse the same.
func opens(s string) bool {
	scheme, _, two := strings.Cut(s, " ")
	if two && (strings.EqualFold(scheme, "bearer") || strings.EqualFold(scheme, "basic")) {
		return true
	}
	return len(s) > 20 && strings.HasPrefix(s, "eyJ") && strings.Count(s, ".") == 2
}

// secretsOf lists the credentials that a request came with.
func secretsOf(r *http.Request) []string {
	var out []string
	for _, h := range []string{"Authorization", "Proxy-Authorization", "X-Api-Key"} {
		for _, v := range r.Header[h] {
			out = append(out, v)
			if _, rest, ok := strings.Cut(v, " "); ok {
				out = append(out, strings.TrimSpace(rest))
			}
		}
	}
	if _, password, ok := r.BasicAuth(); ok && password != "" {
		out = append(out, password)
	}
	for _, c := range r.Cookies() {
		if c.Value != "" {
			out = append(out, c.Value)
		}
	}
	return out
}
