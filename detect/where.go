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
	parts, sure, err := e.groupParts(&f.key, c.group)
	if err != nil {
		return "", false, err
	}
	bases := c.bases(c.byRule)
	own := c.byRule != nil || slices.ContainsFunc(bases, func(b base) bool { return b.inner != nil })
	if own {
		parts = nil // the group is another predicate for each rule
	}
	exact = exact && sure
	var any []string
	for _, b := range bases {
		if e.holders == nil && slices.Contains(e.set.Rules()[b.rule].Fields, leftField) && len(bases) > 1 {
			continue // nobody is known to have left, so the others found it
		}
		text, ok := e.set.CEL(b.rule)
		if r := e.set.Rules()[b.rule]; !notLive(r) {
			text, ok = strconv.Quote(markID(r.Doc))+" in marks", true
		} else if slices.Contains(e.set.Rules()[b.rule].Fields, "calendar") {
			text, ok = "", false // a predicate knows no calendar: every day then
		}
		if own {
			group, sure, err := e.partsOf(f, b)
			if err != nil {
				return "", false, err
			}
			ok = ok && sure && b.inner == nil
			if text != "" {
				group = append(group, paren(text, " || "))
			}
			text = strings.Join(append(group, b.more...), " && ")
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
	if text := e.within(f); text != "" {
		parts = append(parts, text)
	}
	switch c.kind {
	case rule.Absent:
		if c.values[0] != fieldToken {
			exact = false
			break
		}
		parts = append(parts, notIssued...)
	case rule.Unknown, rule.FirstSeen, rule.Density, rule.Dormant, rule.Deviation:
		exact = false // the group's records, of which those that fired are a part
	}
	return strings.Join(parts, " && "), exact, nil
}

// partsOf are the predicates that a record of a base rule fulfils, for the groups on
// which a finding rests: its own, or those of the correlation that it counts.
func (e *Engine) partsOf(f *finding, b base) (parts []string, exact bool, err error) {
	parts, exact, err = e.groupParts(&f.key, b.kinds)
	if b.inner == nil || err != nil || f.many {
		return parts, exact, err
	}
	var any []string
	for k := range f.inner {
		if k.corr != b.inner {
			continue
		}
		of, _, err := e.groupParts(&k.key, b.innerKinds)
		if err != nil {
			return nil, false, err
		}
		of = slices.DeleteFunc(of, func(p string) bool { return slices.Contains(parts, p) })
		if len(of) == 0 {
			return parts, exact, nil // it is the finding's own
		}
		any = append(any, strings.Join(of, " && "))
	}
	slices.Sort(any)
	switch any = slices.Compact(any); len(any) {
	case 0:
	case 1:
		parts = append(parts, any[0])
	default:
		for i := range any {
			any[i] = paren(any[i], " ")
		}
		parts = append(parts, "("+strings.Join(any, " || ")+")")
	}
	return parts, exact, nil
}

// groupParts are the predicates that a record of a group fulfils, where the group's
// fields are these.
func (e *Engine) groupParts(key *tuple, kinds []fieldKind) (parts []string, exact bool, err error) {
	exact = true
	for i, k := range kinds {
		if key[i] == 0 {
			continue
		}
		t, err := e.text(k, key[i])
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

// base is a rule whose records a correlation counts, by itself or by another
// correlation.
type base struct {
	rule  rule.RuleIndex
	kinds []fieldKind // the fields of the correlation's group, in its records

	inner      *correlation // that is counted in its place
	innerKinds []fieldKind  // the fields of that one's group
	more       []string     // what else holds of its records
}

// bases are the rules whose records a correlation counts. byRule are the fields of its
// group by place among its rules; nil where they are the same for all.
func (c *correlation) bases(byRule [][]fieldKind) (out []base) {
	if c.rule == nil {
		return []base{{rule: c.single, kinds: c.group}}
	}
	for i, t := range slices.Concat(c.rule.Rules, c.rule.Of) {
		if t.Correlation == nil {
			kinds := c.group
			if byRule != nil {
				kinds = byRule[i]
			}
			out = append(out, base{rule: t.Rule, kinds: kinds})
			continue
		}
		in := c.innerOf(t.Correlation)
		for _, b := range in.bases(in.byRule) {
			x := base{rule: b.rule, inner: in, innerKinds: b.kinds, more: b.more}
			for _, g := range c.rule.GroupBy {
				x.kinds = append(x.kinds, b.kinds[g.Inner[i]])
			}
			if in.kind == rule.Absent && in.values[0] == fieldToken {
				x.more = append(slices.Clone(x.more), notIssued...)
			}
			out = append(out, x)
		}
	}
	return out
}

// notIssued says of a record what Absent asks of its token.
var notIssued = []string{`credential.token != ""`, "!credential.issued"}

func (c *correlation) innerOf(r *rule.CorrelationRule) *correlation {
	return c.inner[slices.IndexFunc(c.inner, func(in *correlation) bool { return in.rule == r })]
}
