package detect

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/haetae/haetae/internal/written"
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
	r := beside(name)
	r.Places = false // a list can be long
	var out Lists
	if root := r.Document(data, maxBesideMiB); root != nil {
		if n := r.Keys(root, "", "lists")["lists"]; n != nil {
			out = ListsOf(r, n, "lists")
		}
	}
	return out, r.Err()
}

// ListsOf reads the lists that stand at a node of a file.
func ListsOf(r *written.Reader, n *yaml.Node, field string) Lists {
	out := Lists{}
	pairs, _ := r.Pairs(n, field)
	for _, kv := range pairs {
		if written.IsNull(kv.Value) {
			out[kv.Name] = []string{}
			continue
		}
		list, _ := r.List(kv.Value, kv.Field)
		if len(list) > maxListed {
			r.Failf(kv.Value, kv.Field, "목록에 %d개가 있습니다. 한 목록은 %d개까지입니다", "has %d entries, and at most %d are supported", len(list), maxListed)
			continue
		}
		out[kv.Name] = make([]string, 0, len(list))
		for i, n := range list {
			at := written.Index(kv.Field, i)
			// A * would be a pattern, and no id or country has one.
			s, ok := r.Text(n, at, maxListText)
			if ok && strings.ContainsAny(s, "*?") {
				r.Failf(n, at, "*나 ?는 쓸 수 없습니다", "has a * or ?")
			}
			out[kv.Name] = append(out[kv.Name], s)
		}
	}
	return out
}

// maxListText is more than an id or a country has.
const maxListText = 1000

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

// holdersTag is of a rule beside which another looks by the register of holders: with
// that register, nobody has to fill the list that the rule looks for.
const holdersTag = "feed.holders"

// forRules is that of the lists. A list that a feed is to fill is given, even while
// the feed has not come: that is told as coverage lost.
func (o *Options) forRules(docs []*rule.Document) (given map[string][]string, empty []string) {
	given, empty = o.Lists.forRules(docs)
	for _, f := range o.Feeds {
		if f.Kind == FeedList && given[f.List] == nil {
			given[f.List] = []string{unlisted}
		}
	}
	if o.Holders == nil {
		return given, empty
	}
	for _, d := range docs {
		if slices.Contains(d.Tags, holdersTag) {
			empty = slices.DeleteFunc(empty, func(name string) bool { return slices.Contains(d.Tags, listTag+name) })
		}
	}
	return given, empty
}
