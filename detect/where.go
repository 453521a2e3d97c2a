package detect

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/haetae/haetae/rule"
)

// celFields are the group fields that a predicate can compare for equality; the
// rest are said in their own way.
var celFields = map[fieldKind]string{
	fieldSource: "source", fieldAction: "action", fieldRoute: "route", fieldStatus: "status", fieldRows: "rows", fieldActorType: "actor.type",
	fieldKey: "credential.key", fieldIP: "client.ip", fieldAgent: "client.agent", fieldCountry: "client.country", fieldNetwork: "client.network",
}

// fieldName is the name a rule knows a field by.
func fieldName(k fieldKind) string {
	for name, f := range fieldNames {
		if f == k && !strings.HasPrefix(name, "c-") && !strings.HasPrefix(name, "cs-") && !strings.HasPrefix(name, "sc-") && name != "src_ip" {
			return name
		}
	}
	return ""
}

// where writes the predicate that finds the records of a finding, between its
// first and last moment. It may be wider than the rule where a predicate cannot say
// what the rule asks; then exact is false and the signal says so.
func (e *Engine) where(f *finding) (text string, exact bool, err error) {
	var parts []string
	exact = true
	c := f.corr
	for i, k := range c.group {
		if f.key[i] == 0 {
			continue
		}
		t, err := e.text(k, f.key[i])
		if err != nil {
			return "", false, err
		}
		switch k {
		case fieldAccount, fieldActorID:
			parts = append(parts, fmt.Sprintf("%s == pseudonym(%q)", fieldName(k), strings.TrimPrefix(t, "p:")))
		case fieldSubnet:
			parts = append(parts, fmt.Sprintf("inCIDR(client.ip, %q)", t))
		case fieldStatus, fieldRows:
			parts = append(parts, celFields[k]+" == "+t)
		case fieldMethod:
			parts = append(parts, "route.startsWith("+strconv.Quote(t+" ")+")")
		case fieldDay, fieldToken:
			exact = false // between first and last says the day; a token's hash cannot be asked for
		default:
			parts = append(parts, celFields[k]+" == "+strconv.Quote(t))
		}
	}
	var any []string
	for _, r := range c.bases() {
		text, ok := e.set.CEL(r)
		if slices.Contains(e.set.Rules()[r].Fields, "calendar") {
			text, ok = "", false // a predicate knows no calendar: every day then
		}
		exact = exact && ok
		if text == "" {
			any = nil
			break
		}
		if !slices.Contains(any, text) {
			any = append(any, text)
		}
	}
	switch len(any) {
	case 0:
	case 1:
		parts = append(parts, paren(any[0], " || "))
	default:
		for i := range any {
			any[i] = paren(any[i], " ")
		}
		parts = append(parts, "("+strings.Join(any, " || ")+")")
	}
	switch c.kind {
	case rule.Absent:
		if c.values[0] != fieldToken {
			exact = false
			break
		}
		parts = append(parts, `credential.token != ""`, "!credential.issued")
	case rule.Unknown, rule.FirstSeen, rule.Density, rule.Dormant, rule.Deviation:
		exact = false // the group's records, of which those that fired are a part
	}
	return strings.Join(parts, " && "), exact, nil
}

func paren(s, when string) string {
	if strings.Contains(s, when) {
		return "(" + s + ")"
	}
	return s
}

// bases are the rules whose records a correlation counts.
func (c *correlation) bases() []rule.RuleIndex {
	if c.rule == nil {
		return []rule.RuleIndex{c.single}
	}
	var out []rule.RuleIndex
	for _, list := range [][]rule.Target{c.rule.Rules, c.rule.Of} {
		for _, t := range list {
			if t.Correlation == nil {
				out = append(out, t.Rule)
			}
		}
	}
	return out
}
