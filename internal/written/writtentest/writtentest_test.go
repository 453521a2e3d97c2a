package writtentest

import (
	"errors"
	"strings"
	"testing"

	"github.com/haetae/haetae/internal/written"
)

// TestTold: what a reader could do wrong is found.
func TestTold(t *testing.T) {
	for _, x := range []struct {
		err  error
		want string
	}{
		{written.Mistake{File: "f", Problem: "x", ProblemKO: "가"}, ""},
		{written.Mistake{File: "f", Problem: "x " + Marker, ProblemKO: "가"}, "the marker is in the English"},
		{written.Mistake{File: "f", Problem: "x", ProblemKO: "가 " + Marker}, "the marker is in the Korean"},
		{written.Mistake{File: "f", Field: "a." + Marker, Problem: "x", ProblemKO: "가"}, "the marker is in"},
		{written.Mistake{File: "f", Problem: "x"}, "not Korean"},
		{written.Mistake{File: "f", Problem: "가", ProblemKO: "가"}, "not English"},
		{written.Mistake{File: "g", Problem: "x", ProblemKO: "가"}, "does not name f"},
		{written.Mistake{File: "f", Problem: "x", ProblemKO: "x은(는) 가"}, "put a noun"},
		{errors.New("f: x"), "not Korean"},
		{written.Joined(written.Mistake{File: "f", Problem: "x", ProblemKO: "가"}, errors.New("f: x")), "not Korean"},
	} {
		if got := Told(x.err, "f"); (got == "") != (x.want == "") || !strings.Contains(got, x.want) {
			t.Errorf("%v: %q, want %q", x.err, got, x.want)
		}
	}
	if n := len(Spoiled("a: b\n")); n < 80 {
		t.Errorf("only %d ways", n)
	}
}
