package scope

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"

	"github.com/haetae/haetae/event"
)

// phrase is a sentence in both languages of the product.
type phrase struct{ ko, en string }

// PredicateError says what is wrong with a predicate, and where.
//
// Its text never repeats what stands in quotes: a predicate may hold an id.
type PredicateError struct {
	Where string // the predicate
	Line  int    // 1-based
	At    int    // column, 1-based; 0 when the whole is meant
	Cause string
	Hint  string

	causeKO, hintKO string // empty: the same as in English
}

func (e *PredicateError) Error() string {
	switch {
	case e.At > 0 && e.Line > 1:
		return fmt.Sprintf("predicate, line %d, column %d: %s", e.Line, e.At, e.Cause)
	case e.At > 0:
		return fmt.Sprintf("predicate, column %d: %s", e.At, e.Cause)
	}
	return "predicate: " + e.Cause
}

// KO is Error and Hint for a Korean reader.
func (e *PredicateError) KO() (message, hint string) {
	cause, hint := e.causeKO, e.hintKO
	if cause == "" {
		cause = e.Cause
	}
	if hint == "" {
		hint = e.Hint
	}
	switch {
	case e.At > 0 && e.Line > 1:
		return fmt.Sprintf("조건 %d번째 줄 %d번째 글자: %s", e.Line, e.At, cause), hint
	case e.At > 0:
		return fmt.Sprintf("조건 %d번째 글자: %s", e.At, cause), hint
	}
	return "조건: " + cause, hint
}

func mistake(where string, at common.Location, cause, hint phrase) *PredicateError {
	e := &PredicateError{Where: where, Cause: cause.en, Hint: hint.en, causeKO: cause.ko, hintKO: hint.ko}
	if at != nil && at.Line() > 0 { // CEL gives up without a place, at -1
		e.Line, e.At = at.Line(), at.Column()+1
	}
	return e
}

var quoted = regexp.MustCompile(`'[^']*'|"[^"]*"`)

// withoutQuotes gives the first line of a message of CEL, without quoted pieces
// that may be an id or a name.
func withoutQuotes(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	return quoted.ReplaceAllStringFunc(s, func(q string) string {
		if len(q) > 26 || strings.ContainsFunc(q, func(r rune) bool { return r >= '0' && r <= '9' || r == '@' || r > 127 || r == '"' }) {
			return "‹…›"
		}
		return q
	})
}

// celMessages are what CEL says of most mistakes, in Korean.
var celMessages = []struct {
	message *regexp.Regexp
	ko      string
}{
	{regexp.MustCompile(`^undeclared reference to (\S+).*$`), "알 수 없는 이름 $1"},
	{regexp.MustCompile(`^found no matching overload for (\S+) applied to '?\(([^)]*)\)'?$`), "$1: 함께 쓸 수 없는 값의 형식 ($2)"},
	{regexp.MustCompile(`^undefined field (\S+)$`), "없는 필드 $1"},
	{regexp.MustCompile(`^Syntax error: (.*)$`), "문법 오류: $1"},
	{regexp.MustCompile(`^no such key.*$`), "없는 키"},
	{regexp.MustCompile(`^index out of bounds: (.*)$`), "목록의 범위를 벗어난 순번: $1"},
	{regexp.MustCompile(`^division by zero$`), "0으로 나눔"},
}

func inKorean(message string) string {
	for _, m := range celMessages {
		if m.message.MatchString(message) {
			return m.message.ReplaceAllString(message, m.ko)
		}
	}
	return message
}

// ofCEL makes a mistake of CEL's own a PredicateError.
func ofCEL(where string, e *cel.Error) *PredicateError {
	cause := withoutQuotes(e.Message)
	hint := phrase{}
	switch {
	case strings.Contains(cause, "undeclared reference"):
		names := strings.Join(FieldNames(), ", ")
		hint = phrase{"사용할 수 있는 이름: " + names + ". 문자열은 \"따옴표\" 안에 씁니다", "the fields are " + names + "; text stands in \"quotes\""}
	case strings.Contains(cause, "no matching overload"):
		hint = phrase{"문자열은 \"…\", 수는 200, 시각은 timestamp(\"2025-03-10T00:00:00+09:00\")와 비교합니다",
			"compare text with \"text\", numbers with 200, times with timestamp(\"2025-03-10T00:00:00+09:00\")"}
	}
	return mistake(where, e.Location, phrase{inKorean(cause), cause}, hint)
}

// mention is a word of a closed set that a predicate compares with. A word that
// is not in the set would make an answer of zero that means "not looked".
type mention struct {
	field, word string
	at          common.Location
}

// closed are the fields whose values are a closed set: the actions always, items
// and sources once there is a ledger to ask.
var closed = []string{"action", "items", "source"}

// mentioned collects the words a leaf compares a field of a closed set with.
func (c *compiler) mentioned(e ast.Expr, l *leaf) {
	if slices.Contains(l.names, marksField) {
		ast.PostOrderVisit(e, ast.NewExprVisitor(func(x ast.Expr) {
			if s, ok := textOf(x); ok {
				l.marks = append(l.marks, s)
			}
		}))
	}
	if len(l.names) != 1 || !slices.Contains(closed, l.names[0]) && l.names[0] != "actor.type" {
		return
	}
	add := func(x ast.Expr) {
		s, ok := textOf(x)
		switch {
		case !ok, s == "": // "" is how an absent value is asked for
		case l.names[0] == "actor.type":
			l.types = append(l.types, s)
		default:
			c.p.mentions = append(c.p.mentions, mention{l.names[0], s, c.place(x)})
		}
	}
	ast.PostOrderVisit(e, ast.NewExprVisitor(func(x ast.Expr) {
		if x.Kind() != ast.CallKind {
			return
		}
		args := x.AsCall().Args()
		switch x.AsCall().FunctionName() {
		case operators.Equals, operators.NotEquals:
			// The other side is the field, one of its items, or the variable of
			// a macro over them: a leaf of one field has nothing else.
			for i, a := range args {
				if other := args[1-i]; other.Kind() == ast.IdentKind || other.Kind() == ast.CallKind && other.AsCall().FunctionName() == operators.Index {
					add(a)
				}
			}
		case operators.In:
			add(args[0])
			if args[1].Kind() == ast.ListKind {
				for _, a := range args[1].AsList().Elements() {
					add(a)
				}
			}
		}
	}))
}

// known refuses a mention of a word that is not in its set.
func (p *Predicate) known(field string, words []string) error {
	for _, m := range p.mentions {
		if m.field != field || slices.Contains(words, m.word) {
			continue
		}
		const most = 40
		list := strings.Join(words[:min(most, len(words))], ", ")
		if len(words) > most {
			list += ", …"
		}
		what := map[string]phrase{
			"action": {"그런 업무는 없습니다", "there is no such action"},
			"items":  {"카탈로그에 그런 개인정보 항목이 없습니다", "the catalog has no such item"},
			"source": {"카탈로그에도 기록에도 그런 로그가 없습니다", "no source of that name is in the catalog or in the record"},
		}[field]
		return mistake(p.text, m.at, what, phrase{"사용할 수 있는 값: " + list, "the known ones are " + list})
	}
	return nil
}

// actionWords are the words of action.
func actionWords() []string {
	var out []string
	for _, a := range event.Actions() {
		out = append(out, a.String())
	}
	return out
}
