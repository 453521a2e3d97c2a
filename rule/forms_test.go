package rule

import (
	_ "embed"
	"fmt"
	"strings"
	"testing"
)

// sigmaHQForms is every form of search and of condition that SigmaHQ's rules have,
// one a line, taken from them by TestSigmaHQForms.
//
//go:embed testdata/sigmahq-forms.txt
var sigmaHQForms string

// TestForms: whatever SigmaHQ's rules write loads, also where the rules themselves
// are not at hand.
func TestForms(t *testing.T) {
	values := map[string]string{"text": "'abcdef'", "number": "5", "bool": "true", "null": "null"}
	special := map[string]string{"cidr": "10.0.0.0/8", "exists": "true", "fieldref": "Other", "re": "'a.*b'"}
	forms := 0
	for line := range strings.Lines(sigmaHQForms) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		forms++
		kind, form, _ := strings.Cut(line, " ")
		search, condition := "{Field: 'x'}", "s"
		switch kind {
		case "keywords":
			search = "['x y', 5]"
		case "search":
			item, kinds, _ := strings.Cut(form, " ")
			var list []string
			for k := range strings.SplitSeq(strings.TrimPrefix(kinds, "list "), ",") {
				v := values[k]
				for mod := range strings.SplitSeq(item, "|") {
					if special[mod] != "" {
						v = special[mod]
					}
				}
				list = append(list, v)
			}
			value := list[0]
			if strings.HasPrefix(kinds, "list ") {
				value = "[" + strings.Join(append(list, list[0]), ", ") + "]"
			}
			search = fmt.Sprintf("{'%s': %s}", item, value)
		case "condition":
			condition = form
		default:
			t.Fatalf("%q is no form", line)
		}
		text := fmt.Sprintf("title: t\nlogsource: {category: c}\ndetection: {s: %s, s1: {A: b}, s2: {A: c}, condition: '%s'}\n", search, condition)
		docs, err := Parse("form.yaml", []byte(text))
		if err == nil {
			_, err = Compile(docs, AccessRecord(), Options{})
		}
		if err != nil {
			t.Errorf("%s: %v\n%s", line, err, text)
		}
	}
	if forms < 100 {
		t.Errorf("there are only %d forms", forms)
	}
}
