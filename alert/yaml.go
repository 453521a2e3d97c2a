package alert

import (
	"regexp"
	_ "time/tzdata" // a rota names a time zone; a container may have none

	"go.yaml.in/yaml/v3"

	"github.com/haetae/haetae/internal/written"
)

// Error is one mistake in a file. It quotes nothing that stands there: it may be a
// secret, or name somebody.
type Error = written.Mistake

// Errors is all mistakes of the files of one configuration.
type Errors = written.Mistakes

const (
	maxFileMiB   = 1 // a thousand people with a shift each take 100 KB
	maxFileBytes = maxFileMiB << 20
	maxText      = 1000 // bytes of a name or an address
)

// parser collects the mistakes of one file.
type parser struct{ *written.Reader }

func newParser(file string) *parser {
	return &parser{&written.Reader{File: file, Places: true}}
}

// must reports keys that are not there.
func (p *parser) must(n *yaml.Node, field string, keys map[string]*yaml.Node, names ...string) {
	for _, name := range names {
		if at := written.Key(field, name); keys[name] == nil && !p.Has(at) {
			p.Fail(n, at, written.Missing)
		}
	}
}

// text is one value. nil is an absent key, and gives "".
func (p *parser) text(n *yaml.Node, field string) string {
	if n == nil {
		return ""
	}
	s, _ := p.Text(n, field, maxText)
	return s
}

// list is the entries of a list, and the same for a mistake and for none.
func (p *parser) list(n *yaml.Node, field string) []*yaml.Node {
	out, _ := p.List(n, field)
	return out
}

var namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

// badName: a name is a word of ours that appears in headers, logs and addresses.
var badName = written.Kind{
	Code: "name", KO: "이름은 영문 소문자, 숫자, -로 이루어지며 40자까지입니다", EN: "a name is made of small letters, digits and -, at most 40",
}

func (p *parser) name(n *yaml.Node, field string) string {
	s := p.text(n, field)
	if s != "" && !namePattern.MatchString(s) {
		p.Fail(n, field, badName)
		return ""
	}
	return s
}
