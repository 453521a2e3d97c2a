package server

import (
	"encoding/json"
	"io/fs"
	"testing"
	"time"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/packs"
)

// TestWatch: a run over history that is watched finds what one that is not watched
// finds, and tells of the stolen key of the sample within three hours of the record
// that makes the rule fire, and of nothing before there is anything.
func TestWatch(t *testing.T) {
	fsys := disk.NewMem()
	if err := ledger.Create(fsys, "d", ""); err != nil {
		t.Fatal(err)
	}
	l := openLedger(t, fsys, "d", ledger.Options{})
	in := inbox{t, t.TempDir()}
	file := func(name, as string) string {
		b, err := fs.ReadFile(packs.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		return in.write(as, string(b))
	}
	req := ImportRequest{
		Catalog: file("catalogs/shop.yaml", "shop.yaml"), Files: []string{file("sample/shop/access.ndjson.gz", "access.ndjson.gz")},
		Register: []DatedFile{{File: file("sample/shop/register.csv", "register.csv")}},
		Holdings: []DatedFile{{File: file("sample/shop/holdings.csv", "holdings.csv")}},
	}
	if _, err := Import(t.Context(), l, req, ImportOptions{Workers: 2}); err != nil {
		t.Fatal(err)
	}
	type told struct {
		at time.Time
		detect.Signal
	}
	var first []told
	now := time.Date(2025, 4, 1, 0, 0, 0, 0, time.UTC)
	watched, err := Detect(t.Context(), l, DetectRequest{Now: now, Watch: func(at time.Time, signals []detect.Signal) {
		for _, s := range signals {
			if s.Severity >= detect.High {
				first = append(first, told{at, s})
			}
		}
	}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := Detect(t.Context(), l, DetectRequest{Now: now}, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(watched)
	b, _ := json.Marshal(plain)
	if string(a) != string(b) {
		t.Errorf("being watched changes what is found:\n%s\n%s", a, b)
	}
	if len(first) == 0 || first[0].Rule != "unissued_tokens" {
		t.Fatalf("the first that is told is %+v", first)
	}
	fired, err := time.Parse(time.RFC3339, first[0].ReachedAt)
	if err != nil {
		t.Fatal(err)
	}
	// Three at most: the hour it lies in, the hour a run over history keeps back, and
	// the time until the sign-ins of then are known to be complete.
	if d := first[0].at.Sub(fired); d < 0 || d > 3*time.Hour {
		t.Errorf("told %v behind the record that made it fire", d)
	}
	if last, _ := time.Parse(time.RFC3339, first[0].Last); last.After(first[0].at) {
		t.Errorf("told at %v of a record of %v", first[0].at, last)
	}
}
