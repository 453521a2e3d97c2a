package rehearsal

import (
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/haetae/haetae/internal/written"
)

// File is an x.test.yaml. Keys that are not named here are mistakes.
type File struct {
	// Catalog is the name of one that ships (shop) or the text of one.
	Catalog string `yaml:"catalog"`
	// Register is the accounts that exist: ids, and counted ranges of them
	// (m1000001..m1003000). It is in force from RegisterFrom, a date; without one,
	// from a year before the first record. Without Register there is none.
	Register     []string   `yaml:"register"`
	RegisterFrom string     `yaml:"register_from"`
	Holdings     []holding  `yaml:"holdings"`
	Keys         string     `yaml:"keys"`       // the register of keys, as CSV
	Holders      string     `yaml:"holders"`    // of people who hold access, as CSV (docs/feeds.md)
	Calendar     *yaml.Node `yaml:"calendar"`   // as in a calendar file, below `calendars`
	Exceptions   *yaml.Node `yaml:"exceptions"` // as in a file of exceptions
	Lists        *yaml.Node `yaml:"lists"`      // as in a file of lists
	Defaults     Line       `yaml:"defaults"`   // for what a line does not say
	// Background is records that every case has before its own: the ordinary traffic.
	Background []Line `yaml:"background"`
	Cases      []Case `yaml:"cases"`

	read *written.Reader // for mistakes that show when a case is played
}

// holding is who stands behind accounts: each account of a range holds its own
// person, or the person of the same place in Person.
type holding struct {
	Account string   `yaml:"account"`
	Person  string   `yaml:"person"`
	Items   []string `yaml:"items"`
}

// Case is a history and what the rules should say of it.
type Case struct {
	Name string `yaml:"name"`
	// Since is when the record begins, if that is before the first of Records: a
	// learning phase is over by then.
	Since string `yaml:"since"`
	// Now is the moment by which custody is judged; without it, the last record.
	Now     string `yaml:"now"`
	Records []Line `yaml:"records"`
	// Alone leaves the background out.
	Alone bool `yaml:"alone"`
	// Expect is the signals there have to be, and no others. AtMost allows any other
	// signal up to a severity.
	Expect *[]Expectation `yaml:"expect"`
	AtMost string         `yaml:"at_most"`
}

// Line makes records. In all its texts {n} is the number of the record, from 1;
// {i} counts within a day and {d} the days. They can be computed with, from left
// to right, and padded: {n*7%3000+1:7}.
type Line struct {
	At    string `yaml:"at"`    // 2026-03-02 09:00 in the catalog's zone, or RFC 3339
	Every string `yaml:"every"` // between two of them: 10s
	Times int    `yaml:"times"` // how many in a row; default 1
	Days  int    `yaml:"days"`  // the same again on so many days; default 1
	On    string `yaml:"on"`    // weekdays or weekends: the other days are skipped

	// Request is what was asked for, GET /my/profile; of a list, one after the other,
	// a second apart.
	Request  texts  `yaml:"request"`
	Actor    string `yaml:"actor"`
	Type     string `yaml:"type"` // of the actor
	Key      string `yaml:"key"`
	Token    string `yaml:"token"`
	IP       string `yaml:"ip"`
	Country  string `yaml:"country"`
	Network  string `yaml:"network"`
	Agent    string `yaml:"agent"`
	Source   string `yaml:"source"`   // default: the catalog's first
	Status   string `yaml:"status"`   // default 200
	Rows     string `yaml:"rows"`     // in the answer
	Subjects texts  `yaml:"subjects"` // accounts in the answer; ranges as in Register

	// Fields are what else stands in the line, for rules that ask for what no record
	// keeps: cs-referer, or any field of a JSON log or of CloudTrail.
	Fields map[string]string `yaml:"fields"`
}

// Expectation is a signal there has to be. What is empty is not compared. Numbers
// are bounds: 12, ">= 10", "<= 20", "3..20".
type Expectation struct {
	Rule     string            `yaml:"rule"`
	Severity string            `yaml:"severity"`
	Group    map[string]string `yaml:"group"` // with real ids
	Count    bound             `yaml:"count"` // what the condition compares, at its largest
	Reads    bound             `yaml:"reads"`
	Accounts bound             `yaml:"accounts"`
	People   bound             `yaml:"people"`
	Status   string            `yaml:"status"`
	// Reached is a moment by which the rule must have fired.
	Reached string `yaml:"reached"`
}

// texts is one text or a list of them.
type texts []string

// Read takes either form.
func (t *texts) Read(r *written.Reader, n *yaml.Node, field string) {
	if n.Kind == yaml.SequenceNode || n.Kind == yaml.AliasNode && n.Alias.Kind == yaml.SequenceNode {
		r.Into(n, field, (*[]string)(t))
		return
	}
	var s string
	r.Into(n, field, &s)
	*t = texts{s}
}

// maxFileMiB is far above any test.
const maxFileMiB = 16

var severities = []string{"informational", "low", "medium", "high", "critical"}

// parseFile reads a test file. All mistakes come at once.
func parseFile(name string, data []byte) (*File, error) {
	r := &written.Reader{File: name, References: true, Blank: true, Places: true}
	f := &File{read: r}
	if root := r.Document(data, maxFileMiB); root != nil {
		r.Into(root, "", f)
	}
	if len(f.Cases) == 0 && r.Found() == 0 {
		r.FailAt("cases", "시험할 사례가 없습니다", "there are no cases")
	}
	severity := func(field, s string) {
		if !slices.Contains(severities, s) && s != "" {
			r.Fail(r.At(field), field, written.NoWord, strings.Join(severities, ", "))
		}
	}
	for i := range f.Cases {
		c, at := &f.Cases[i], written.Index("cases", i)
		switch {
		case c.Name == "":
			r.FailAt(at+".name", "사례에 이름이 없습니다", "the case has no name")
		case slices.ContainsFunc(f.Cases[:i], func(o Case) bool { return o.Name == c.Name }):
			r.FailAt(at+".name", "같은 이름의 사례가 두 번 있습니다", "the name stands twice")
		}
		if c.Expect == nil && c.AtMost == "" && !r.Has(at+".expect") {
			r.FailAt(at, "expect(목록, 없으면 [])나 at_most를 쓰십시오. 둘 다 써도 됩니다", "needs expect (a list, empty for none), at_most or both")
		}
		severity(at+".at_most", c.AtMost)
		if c.Expect == nil {
			continue
		}
		for j, x := range *c.Expect {
			at := written.Index(at+".expect", j)
			if x.Rule == "" {
				r.Fail(r.At(at), at+".rule", written.Missing)
			}
			severity(at+".severity", x.Severity)
		}
	}
	return f, r.Err()
}

// place is where something stands in a test file.
type place struct {
	read *written.Reader
	at   string
}

// wrong is a mistake in a key of what stands there.
func (p place) wrong(key, ko, en string, args ...any) error {
	return p.read.Wrong(written.Key(p.at, key), ko, en, args...)
}

var layouts = []string{time.DateOnly, "2006-01-02 15:04", "2006-01-02 15:04:05", time.RFC3339}

// moment reads a date, a time in the zone, or a time that says its own.
func (p place) moment(key, s string, zone *time.Location) (time.Time, error) {
	for _, l := range layouts {
		if t, err := time.ParseInLocation(l, s, zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, p.wrong(key, "2026-03-02 09:00과 같은 시각이 아닙니다", "is no moment such as 2026-03-02 09:00")
}
