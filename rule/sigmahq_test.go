//go:build sigmahq

// The rules of SigmaHQ are not part of this repository (they have a licence of
// their own). This reads them from the archive that HAETAE_SIGMAHQ names:
//
//	HAETAE_SIGMAHQ=…/sigmahq-rules.tar.gz go test -tags sigmahq ./rule

package rule

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
)

const sigmaHQRules = 3141

// refusedSigmaHQ lists the rules that cannot be had, with the reason. There are
// none.
var refusedSigmaHQ = map[string]string{}

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
