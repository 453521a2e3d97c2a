//go:build sigmahq

// The rules of SigmaHQ are not part of this repository (they have a licence of
// their own). This reads them from the archive that HAETAE_SIGMAHQ names:
//
//	HAETAE_SIGMAHQ=…/sigmahq-rules.tar.gz make sigmahq
//
// What forms they have is carried in testdata/sigmahq-forms.txt, and TestForms loads
// each of those without the archive. When the archive is another one,
//
//	HAETAE_SIGMAHQ=… go test -tags sigmahq -run TestSigmaHQForms ./rule -write
//
// writes the list anew.

package rule

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"
)

const sigmaHQRules = 3141

// refusedSigmaHQ lists the rules that cannot be had, with the reason. There are
// none.
var refusedSigmaHQ = map[string]string{}

var writeForms = flag.Bool("write", false, "write testdata/sigmahq-forms.txt")

// archived is the text of each rule by the name of its file.
var archived = map[string][]byte{}

var sigmaHQ = sync.OnceValues(func() ([]*Document, error) {
	name := os.Getenv("HAETAE_SIGMAHQ")
	if name == "" {
		return nil, errors.New("HAETAE_SIGMAHQ has to name the archive of SigmaHQ's rules")
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	var docs []*Document
	var errs []error
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return docs, errors.Join(errs...)
		}
		if err != nil {
			return nil, err
		}
		if h.Typeflag != tar.TypeReg || !strings.HasSuffix(h.Name, ".yml") {
			continue
		}
		data, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		archived[h.Name] = data
		more, err := Parse(h.Name, data)
		if err != nil && refusedSigmaHQ[path.Base(h.Name)] == "" {
			errs = append(errs, err)
		}
		docs = append(docs, more...)
	}
})

func sigmaHQSet(t testing.TB) *Set {
	t.Helper()
	docs, err := sigmaHQ()
	if err != nil {
		t.Fatal(err)
	}
	schema, err := AccessRecord().With(nil, SourcesOf(docs))
	if err != nil {
		t.Fatal(err)
	}
	set, err := Compile(docs, schema, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// The index says of every rule what plain evaluation says, on the made corpus.
func TestSigmaHQIndex(t *testing.T) {
	set := sigmaHQSet(t)
	e, m := set.NewEvent(), set.NewMatcher()
	matches := 0
	for _, made := range corpus(7, 400) {
		f := set.filler(&made)
		f.fill(e)
		got := slices.Clone(set.Match(e, m))
		matches += len(got)
		for _, r := range set.Rules() {
			if slices.Contains(r.Sources, made.source) && set.Holds(r.Index, e, m) != slices.Contains(got, r.Index) {
				t.Errorf("%s: Match and Holds disagree", r.Doc.File)
			}
		}
	}
	if matches == 0 {
		t.Error("nothing matches")
	}
}

func TestSigmaHQLoads(t *testing.T) {
	set := sigmaHQSet(t)
	st := set.Stats()
	t.Logf("%+v", st)
	if st.Rules+len(refusedSigmaHQ) != sigmaHQRules || st.Unrouted != 0 {
		t.Errorf("%d rules were loaded, want %d less the %d that are refused; %d look nowhere", st.Rules, sigmaHQRules, len(refusedSigmaHQ), st.Unrouted)
	}
	for _, r := range set.AlwaysEvaluated() {
		t.Logf("evaluated for each event of %s: %s", r.Doc.LogSource, r.Doc.File)
	}
}

// TestSigmaHQForms: the list that TestForms goes by has every form that the rules
// have, and none besides.
func TestSigmaHQForms(t *testing.T) {
	sigmaHQSet(t)
	forms := map[string]bool{}
	for name, text := range archived {
		var d struct{ Detection map[string]any }
		if err := yaml.Unmarshal(text, &d); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for search, v := range d.Detection {
			if search == "condition" {
				list, ok := v.([]any)
				if !ok {
					list = []any{v}
				}
				for _, c := range list {
					forms["condition "+conditionForm(fmt.Sprint(c))] = true
				}
				continue
			}
			list, ok := v.([]any)
			if !ok {
				list = []any{v}
			}
			for _, m := range list {
				fields, ok := m.(map[string]any)
				if !ok {
					forms["keywords"] = true
				}
				for field, v := range fields {
					forms["search "+itemForm(field, v)] = true
				}
			}
		}
	}
	got := "# Forms of SigmaHQ's rules, by TestSigmaHQForms: the modifiers and kinds of values of\n# a search, and conditions with s for each search and s* for each pattern.\n" +
		strings.Join(slices.Sorted(maps.Keys(forms)), "\n") + "\n"
	if *writeForms {
		if err := os.WriteFile("testdata/sigmahq-forms.txt", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != sigmaHQForms {
		t.Error("testdata/sigmahq-forms.txt is not what these rules have: write it anew with -write")
	}
}

// conditionForm calls every search s and every pattern s*.
func conditionForm(c string) string {
	return regexp.MustCompile(`[\w*]+`).ReplaceAllStringFunc(c, func(w string) string {
		switch strings.ToLower(w) {
		case "and", "or", "not", "of", "them", "all", "any", "1", "2", "3":
			return w
		}
		if strings.Contains(w, "*") {
			return "s*"
		}
		return "s"
	})
}

// itemForm is a field with its modifiers, and the kinds of its values.
func itemForm(field string, v any) string {
	_, mods, modified := strings.Cut(field, "|")
	item := "Field"
	if field[0] == '|' {
		item = ""
	}
	if modified {
		item += "|" + mods
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	kinds := map[string]bool{}
	for _, x := range list {
		switch x.(type) {
		case nil:
			kinds["null"] = true
		case bool:
			kinds["bool"] = true
		case int, float64:
			kinds["number"] = true
		default:
			kinds["text"] = true
		}
	}
	out := strings.Join(slices.Sorted(maps.Keys(kinds)), ",")
	if ok {
		out = "list " + out
	}
	return item + " " + out
}
