package detect

import (
	"fmt"
	"slices"
	"strings"

	"github.com/haetae/haetae/rule"
)

// Lists are what %name% stands for in a rule that says expand: the accounts of
// well-known people, colleagues, who has left, countries that are ordinary. Ids are
// real ids here, in memory, and pseudonyms in every comparison.
type Lists map[string][]string

// maxListed bounds one list: it is compiled into the rules.
const maxListed = 100_000

// ReadLists reads a file of them:
//
//	lists:
//	  vips: [m1000007, m1000233]
//	  leavers:
//	    - s117      # left on 2026-02-28
func ReadLists(name string, data []byte) (Lists, error) {
	var f struct {
		Lists Lists `yaml:"lists"`
	}
	if err := strictYAML(data, &f); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for _, list := range sortedKeys(f.Lists) {
		values := f.Lists[list]
		if len(values) > maxListed {
			return nil, fmt.Errorf("%s: lists.%s has %d entries, and at most %d are supported", name, list, len(values), maxListed)
		}
		for i, v := range values {
			// A * would be a pattern, and no id or country has one.
			if strings.TrimSpace(v) == "" || strings.ContainsAny(v, "*?") {
				return nil, fmt.Errorf("%s: lists.%s[%d] is empty or has a * or ?", name, list, i+1)
			}
		}
	}
	return f.Lists, nil
}

// Tags say what a list is to a rule, so that a rule can ship before anybody has
// filled its list. A rule with list.vips looks for what is on the list: without it,
// it sees nothing, and the report names the list. A rule with
// unless.abroad leaves out what is on the list, and runs without it. Any other rule
// that asks for a list nobody has given is refused when it is compiled.
const (
	listTag   = "list."
	unlessTag = "unless."
)

// unlisted is what an empty list holds: no record has a value with a zero byte.
const unlisted = "\x00"

// forRules gives the lists as package rule takes them, and those that rules look at
// and nobody has filled.
func (l Lists) forRules(docs []*rule.Document) (given map[string][]string, empty []string) {
	given = map[string][]string{}
	for name, values := range l {
		if len(values) > 0 {
			given[name] = values
		}
	}
	for _, d := range docs {
		for _, tag := range d.Tags {
			name, needed := strings.CutPrefix(tag, listTag)
			if !needed {
				var ok bool
				if name, ok = strings.CutPrefix(tag, unlessTag); !ok {
					continue
				}
			}
			if len(l[name]) > 0 {
				continue
			}
			given[name] = []string{unlisted}
			if needed && !slices.Contains(empty, name) {
				empty = append(empty, name)
			}
		}
	}
	slices.Sort(empty)
	return given, empty
}
