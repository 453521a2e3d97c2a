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
		if f == k {
			return name
		}
	}
	return ""
}

// groupName is what signals call a field of group-by, which the rule may call by
// another of its names.
func (c *correlation) groupName(field string) string {
	if c.rule != nil {
		if i := slices.Index(c.typ.GroupBy, field); i >= 0 && i < len(c.names) {
			return c.names[i]
		}
	}
	return field
}

// where writes the predicate that finds the records of a finding, between its
// first and last moment. It may be wider than the rule where a predicate cannot say
// what the rule asks; then exact is false and the signal says so.
func (e *Engine) where(f *finding) (text string, exact bool, err error) {
	c := f.corr
	exact = true
	parts, sure, err := e.groupParts(f, c.group)
	if err != nil {
		return "", false, err
	}
	if c.byRule != nil {
		parts = nil // the group is another predicate for each rule
	}
	exact = exact && sure
	var any []string
	for _, b := range c.bases() {
		text, ok := e.set.CEL(b.rule)
		if r := e.set.Rules()[b.rule]; !notLive(r) {
			text, ok = strconv.Quote(markID(r.Doc))+" in marks", true
		} else if slices.Contains(e.set.Rules()[b.rule].Fields, "calendar") {
			text, ok = "", false // a predicate knows no calendar: every day then
		}
		if c.byRule != nil {
			own, sure, err := e.groupParts(f, c.byRule[b.place])
			if err != nil {
				return "", false, err
			}
			ok = ok && sure
			if text != "" {
				own = append(own, paren(text, " || "))
			}
			text = strings.Join(own, " && ")
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

// groupParts are the predicates that a record of a finding's group fulfils, where
// the group's fields are these.
func (e *Engine) groupParts(f *finding, kinds []fieldKind) (parts []string, exact bool, err error) {
	exact = true
	for i, k := range kinds {
		if f.key[i] == 0 {
			continue
		}
		t, err := e.text(k, f.key[i])
		if err != nil {
			return nil, false, err
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
	return parts, exact, nil
}

func paren(s, when string) string {
	if strings.Contains(s, when) {
		return "(" + s + ")"
	}
	return s
}

// base is a rule whose records a correlation counts, and its place among the
// correlation's rules.
type base struct {
	rule  rule.RuleIndex
	place int
}

func (c *correlation) bases() []base {
	if c.rule == nil {
		return []base{{c.single, 0}}
	}
	var out []base
	for i, t := range slices.Concat(c.rule.Rules, c.rule.Of) {
		if t.Correlation == nil {
			out = append(out, base{t.Rule, i})
		}
	}
	return out
}
