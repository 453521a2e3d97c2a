package rule

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// CEL writes the rule's condition over the access record as a predicate of
// `haetae scope`, so that a signal leads to the records behind it. ok is false
// when some part of the condition cannot be said there; the predicate is then
// wider than the rule: it leaves that part out where leaving out can only add
// records, and is empty where it could not.
func (s *Set) CEL(r RuleIndex) (predicate string, ok bool) {
	w := &celWriter{set: s}
	text := w.node(s.rules[r].node, false)
	if text == "true" {
		text = ""
	}
	return text, !w.wider
}

type celWriter struct {
	set   *Set
	wider bool
}

// node writes a part. Under a not, what cannot be said must be left out the other
// way round: false there means more records here.
func (w *celWriter) node(n *node, under bool) string {
	switch n.op {
	case opTest:
		if text, ok := w.test(n.test); ok {
			return text
		}
		w.wider = true
		return strconv.FormatBool(!under)
	case opNot:
		switch text := w.node(n.kids[0], !under); text {
		case "true":
			return "false"
		case "false":
			return "true"
		default:
			return "!" + grouped(text)
		}
	case opAtLeast:
		var parts []string
		for _, k := range n.kids {
			parts = append(parts, grouped(w.node(k, under))+" ? 1 : 0")
		}
		return "(" + strings.Join(parts, ") + (") + ") >= " + strconv.Itoa(n.n)
	}
	word, decisive, idle := " && ", "false", "true"
	if n.op == opOr {
		word, decisive, idle = " || ", "true", "false"
	}
	var parts []string
	for _, k := range n.kids {
		text := w.node(k, under)
		switch text {
		case decisive:
			return decisive
		case idle:
			continue
		}
		if strings.Contains(text, " || ") || strings.Contains(text, " && ") && n.op == opOr || strings.Contains(text, " ? ") {
			text = grouped(text)
		}
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		return idle
	}
	return strings.Join(parts, word)
}

func grouped(s string) string {
	if strings.ContainsAny(s, " !") {
		return "(" + s + ")"
	}
	return s
}

// test writes one question about one field.
func (w *celWriter) test(t *test) (string, bool) {
	if t.field == "" || int(t.id) > len(w.set.schema.fields) {
		return "", false
	}
	name := w.set.schema.fields[t.id-1].Name
	switch name {
	case "time":
		return w.timeTest(t)
	case "status", "rows":
		return numberTest(t, name)
	case "actor.left", "account.own":
		return "", false // a predicate knows no register of holders, and compares no two fields
	case "read":
		return readTest(t)
	case "items":
		return listTest(t)
	case "method":
		return textTests(t, "route", `^`, ` `)
	case "path":
		return textTests(t, "route", `^\S+ `, `$`)
	case "client.subnet":
		return networkTest(t)
	case "account", "actor.id", "credential.token":
		return idTest(t, name)
	}
	return textTests(t, name, "^", "$")
}

// exactWords are fields whose values are written by Haetae or the catalog, in lower
// case, so that == says the same as a comparison that ignores case.
var exactWords = map[string]bool{"action": true, "actor.type": true}

func textTests(t *test, name, before, after string) (string, bool) {
	switch t.kind {
	case testNull:
		return name + ` == ""`, true
	case testExists:
		return name + ` != ""`, true
	case testCIDR:
		return fmt.Sprintf("inCIDR(%s, %q)", name, t.network), name == "client.ip"
	case testRegexp:
		return fmt.Sprintf("%s.matches(%s)", name, celText(t.regexp.String())), before == "^" && after == "$"
	case testText:
	default:
		return "", false
	}
	text, plain := t.original.plain()
	whole := before == "^" && after == "$"
	if plain && whole && (t.cased || exactWords[name] || !hasLetters(text)) {
		if exactWords[name] {
			text = strings.ToLower(text)
		}
		return name + " == " + celText(text), true
	}
	flags := "(?is)"
	if t.cased {
		flags = "(?s)"
	}
	return fmt.Sprintf("%s.matches(%s)", name, celText(flags+before+patternRegexp(t.original)+after)), true
}

func hasLetters(s string) bool { return strings.ToLower(s) != strings.ToUpper(s) }

func patternRegexp(p pattern) string {
	var b strings.Builder
	for _, q := range p {
		switch q.kind {
		case partText:
			b.WriteString(regexp.QuoteMeta(q.text))
		case partStar:
			b.WriteString(".*")
		case partOne:
			b.WriteString(".")
		}
	}
	return b.String()
}

// celText is a string literal of CEL: that of Go, for printable text.
func celText(s string) string { return strconv.Quote(s) }

var celOps = [...]string{compareEqual: "==", compareLess: "<", compareLessEqual: "<=", compareGreater: ">", compareGreaterEqual: ">="}

func numberTest(t *test, name string) (string, bool) {
	switch t.kind {
	case testNull:
		return name + " == 0", true
	case testExists:
		return name + " != 0", true
	case testNumber:
		if !t.number.whole {
			return "", false
		}
		// A record without the number is 0 to CEL and absent to the rule.
		less := t.compare == compareLess || t.compare == compareLessEqual
		text := fmt.Sprintf("%s %s %s", name, celOps[t.compare], t.number)
		if less {
			text = name + " != 0 && " + text
		}
		return text, true
	case testText:
		if text, plain := t.original.plain(); plain {
			n, ok := parseNumber(text)
			return fmt.Sprintf("%s == %s", name, n), ok && n.whole
		}
		return fmt.Sprintf("string(%s).matches(%s)", name, celText("^"+patternRegexp(t.original)+"$")), true
	}
	return "", false
}

func readTest(t *test) (string, bool) {
	const read = "size(items) > 0 && (status == 0 || status >= 200 && status < 300)"
	if t.kind != testText {
		return "", false
	}
	text, _ := t.original.plain()
	switch strings.ToLower(text) {
	case "true":
		return read, true
	case "false":
		return "!(" + read + ")", true
	}
	return "", false
}

func listTest(t *test) (string, bool) {
	switch t.kind {
	case testNull:
		return "size(items) == 0", true
	case testExists:
		return "size(items) > 0", true
	case testText:
		if text, plain := t.original.plain(); plain {
			return celText(strings.ToLower(text)) + " in items", true
		}
		return fmt.Sprintf("items.exists(i, i.matches(%s))", celText("(?is)^"+patternRegexp(t.original)+"$")), true
	}
	return "", false
}

func networkTest(t *test) (string, bool) {
	text, plain := t.original.plain()
	if t.kind != testText || !plain {
		return "", false
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return "", false
	}
	bits := 24
	if a.Is6() {
		bits = 48
	}
	return fmt.Sprintf("inCIDR(client.ip, \"%s/%d\")", a, bits), true
}

func idTest(t *test, name string) (string, bool) {
	switch t.kind {
	case testNull:
		return name + ` == ""`, true
	case testExists:
		return name + ` != ""`, true
	case testText:
		text, plain := t.original.plain()
		if hex, ok := strings.CutPrefix(text, "p:"); ok && plain && name != "credential.token" {
			return fmt.Sprintf("%s == pseudonym(%q)", name, hex), true
		}
		return name + " == " + celText(text), plain && !strings.HasPrefix(text, "t:")
	}
	return "", false
}

// timeTest writes a part of a date. CEL counts days and months from 0.
func (w *celWriter) timeTest(t *test) (string, bool) {
	if t.kind != testNumber || !t.number.whole {
		return "", false
	}
	var call string
	n := t.number.i
	switch t.date {
	case dateMinute:
		call = "getMinutes"
	case dateHour:
		call = "getHours"
	case dateDay:
		call, n = "getDayOfMonth", n-1
	case dateMonth:
		call, n = "getMonth", n-1
	case dateYear:
		call = "getFullYear"
	default:
		return "", false
	}
	return fmt.Sprintf("time.%s(%q) %s %d", call, w.set.zone, celOps[t.compare], n), true
}
