package rehearsal

import (
	"context"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/internal/written"
	"github.com/haetae/haetae/rule"
)

// Result is what the tests of a folder came to.
type Result struct {
	Tests []Test `json:"tests"`
	// Untested are the rule files without a test, that signal something.
	Untested []string `json:"untested"`
}

// Test is what the cases of one file came to.
type Test struct {
	File  string    `json:"file"`
	Cases []Outcome `json:"cases"`
}

// Outcome of a case. It passed when there are no differences.
type Outcome struct {
	Name        string          `json:"name"`
	Records     int             `json:"records"`
	Signals     []detect.Signal `json:"signals"` // of the file's rules, and what these could not decide
	Differences []Difference    `json:"differences"`
}

// Kind is what is wrong.
type Kind string

const (
	Missing    Kind = "missing"    // an expected signal is not there
	Unexpected Kind = "unexpected" // a signal is there that was not expected
	Differs    Kind = "differs"    // a signal is there, and its Field is another
	TooSevere  Kind = "too_severe" // a signal is above at_most
)

// Difference between what a case expects and what there is.
type Difference struct {
	Kind  Kind              `json:"kind"`
	Rule  string            `json:"rule"`
	Group map[string]string `json:"group,omitempty"`
	Field string            `json:"field,omitempty"`
	Want  string            `json:"want,omitempty"`
	Got   string            `json:"got,omitempty"`
}

// Passed counts the cases that passed, and all.
func (r *Result) Passed() (passed, all int) {
	for _, t := range r.Tests {
		for _, c := range t.Cases {
			all++
			if len(c.Differences) == 0 {
				passed++
			}
		}
	}
	return passed, all
}

const (
	suffix   = ".test.yaml"
	packTest = "pack" + suffix // of all rules of a folder
)

// Run tests the rules below root of a file system. only, when it is not empty,
// names the rule files to test; all are loaded.
func Run(ctx context.Context, files fs.FS, root string, only ...string) (*Result, error) {
	docs, tests, err := load(files, root)
	if err != nil {
		return nil, err
	}
	res := &Result{Tests: []Test{}, Untested: []string{}}
	var untested []*rule.Document
	byFile := map[string][]*rule.Document{}
	var order []string
	for _, d := range docs {
		if byFile[d.File] == nil {
			order = append(order, d.File)
		}
		byFile[d.File] = append(byFile[d.File], d)
	}
	if f := tests[packTest]; f != nil {
		byFile[packTest] = docs
		order = append(order, packTest)
	}
	for _, file := range order {
		if len(only) > 0 && !slices.Contains(only, file) {
			continue
		}
		name := strings.TrimSuffix(strings.TrimSuffix(file, ".yaml"), ".yml") + suffix
		if file == packTest {
			name = packTest
		}
		f := tests[name]
		if f == nil {
			if slices.ContainsFunc(byFile[file], func(d *rule.Document) bool { return d.Correlation != nil || d.Haetae != nil }) {
				res.Untested = append(res.Untested, file)
			}
			untested = append(untested, byFile[file]...)
			continue
		}
		t := Test{File: name}
		for i := range f.Cases {
			o, err := rehearse(ctx, needed(docs, byFile[file]), byFile[file], f, i)
			if err != nil {
				return nil, err
			}
			t.Cases = append(t.Cases, *o)
		}
		res.Tests = append(res.Tests, t)
	}
	// What keeps rules from running is found without a test, too.
	if len(untested) > 0 {
		if _, err := rehearse(ctx, needed(docs, untested), untested, &File{Cases: []Case{{Expect: &[]Expectation{}}}, read: &written.Reader{File: root}}, 0); err != nil {
			return nil, err
		}
	}
	return res, nil
}

// load reads the rules of a folder and their tests. All mistakes come at once.
func load(files fs.FS, root string) (docs []*rule.Document, tests map[string]*File, err error) {
	tests = map[string]*File{}
	var errs []error
	err = fs.WalkDir(files, root, func(name string, d fs.DirEntry, err error) error {
		base := path.Base(name)
		if err != nil || d.IsDir() || strings.HasPrefix(base, ".") || !strings.HasSuffix(base, ".yaml") && !strings.HasSuffix(base, ".yml") {
			return err
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		if strings.HasSuffix(base, suffix) {
			tests[base], err = parseFile(base, text)
		} else {
			var got []*rule.Document
			got, err = rule.Parse(base, text)
			docs = append(docs, got...)
		}
		errs = append(errs, err)
		return nil
	})
	if err = written.Joined(append(errs, err)...); err != nil {
		return nil, nil, err
	}
	for _, name := range slices.Sorted(keys(tests)) {
		stem := strings.TrimSuffix(name, suffix)
		if name != packTest && !slices.ContainsFunc(docs, func(d *rule.Document) bool { return d.File == stem+".yaml" || d.File == stem+".yml" }) {
			return nil, nil, written.Errorf("%s: 같은 폴더에 규칙 파일 %s.yaml이 없습니다", "%s: there is no rule file %s.yaml beside it", name, stem)
		}
	}
	if len(docs) == 0 {
		return nil, nil, rule.ErrNoRules
	}
	return docs, tests, nil
}

func keys[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// needed is the rules of a file, those they refer to, and all filters: what the
// other rules of the folder would find is not asked.
func needed(docs, mine []*rule.Document) []*rule.Document {
	take := map[*rule.Document]bool{}
	var add func(d *rule.Document)
	add = func(d *rule.Document) {
		if take[d] {
			return
		}
		take[d] = true
		k := d.Correlation
		if k == nil {
			return
		}
		for _, r := range slices.Concat(k.Rules, k.Of, k.To, k.Issued, k.Exclude) {
			for _, other := range docs {
				if r.Name == other.Name || r.Name == other.ID {
					add(other)
				}
			}
		}
	}
	for _, d := range mine {
		add(d)
	}
	return slices.DeleteFunc(slices.Clone(docs), func(d *rule.Document) bool { return !take[d] && d.Filter == nil })
}

// rehearse plays one case. A mistake that shows in it names its place; what is wrong
// with a rule names that of the rule.
func rehearse(ctx context.Context, docs, mine []*rule.Document, f *File, n int) (*Outcome, error) {
	c, at := &f.Cases[n], place{f.read, written.Index("cases", n)}
	st, err := set(ctx, docs, f, c, at)
	if err != nil {
		return nil, err
	}
	defer st.ledger.Close()
	rep, forms, err := st.play(ctx, docs, f, c, at)
	if err != nil {
		return nil, err
	}
	o := &Outcome{Name: c.Name, Records: st.records, Signals: []detect.Signal{}}
	for _, s := range rep.Signals {
		name := s.Rule
		if s.Rule == coverageLost {
			name = s.Group["rule"]
		}
		if slices.ContainsFunc(mine, func(d *rule.Document) bool { return d.Key() == name }) {
			o.Signals = append(o.Signals, s)
		}
	}
	if o.Differences, err = compare(o.Signals, c, forms, st.ledger.Catalog().Zone(), at); err != nil {
		return nil, err
	}
	if o.Differences == nil {
		o.Differences = []Difference{}
	}
	return o, nil
}

// coverageLost is the rule of signals about what was not decided.
const coverageLost = "coverage-lost"
