package bench

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

var (
	sizes    = flag.String("curve", "", "numbers of records at which TestCurve measures, with commas between")
	drawing  = flag.String("plot", "", "SVG file that TestCurve draws")
	reportTo = flag.String("report", "", "file to which what was measured is added, a line of JSON each")
)

// point is what was measured at one number of records.
type point struct {
	Rows     int
	Fill     time.Duration `json:",omitempty"` // both cores, lines not decoded
	Merge    time.Duration `json:",omitempty"`
	Open     time.Duration `json:",omitempty"`
	Cold     time.Duration `json:",omitempty"`
	Warm     time.Duration `json:",omitempty"`
	Subject  time.Duration `json:",omitempty"`
	Bytes    float64       `json:",omitempty"`
	Segments int           `json:",omitempty"`
	Resident string        `json:",omitempty"`
}

// report adds p to the file of -report.
func (p point) report(t testing.TB) {
	t.Helper()
	if *reportTo == "" {
		return
	}
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(*reportTo, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(append(b, '\n')); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestCurve measures what a record and a question cost as records grow. Filling
// and asking are processes of their own, so that memory is that of asking.
func TestCurve(t *testing.T) {
	if *sizes == "" {
		t.Log("not asked for: -curve 10000000,100000000,1000000000")
		return
	}
	var ps []point
	for f := range strings.SplitSeq(*sizes, ",") {
		n, err := strconv.Atoi(f)
		if err != nil {
			t.Fatalf("-curve: %v", err)
		}
		ps = append(ps, measure(t, n))
	}
	t.Logf("\n%s", table(ps))
	if *drawing != "" {
		draw(t, ps)
	}
}

func measure(t *testing.T, n int) point {
	t.Helper()
	dir := *keepIn
	if dir == "" {
		dir = t.TempDir()
	}
	dir = filepath.Join(dir, strconv.Itoa(n))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	notes := filepath.Join(dir, "measured.ndjson")
	for _, test := range []string{"^TestFill$", "^TestScope$"} {
		out, err := exec.Command(os.Args[0], "-test.run", test, "-test.v", "-test.timeout", "4h", "-duckdb=false",
			"-dir", dir, "-traffic", *kind, "-rows", strconv.Itoa(n), "-report", notes).CombinedOutput()
		t.Logf("%s", out)
		if err != nil {
			t.Fatal(err)
		}
	}
	p := point{}
	b, err := os.ReadFile(notes)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			t.Fatal(err)
		}
	}
	if *keepIn == "" {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func table(ps []point) string {
	var b strings.Builder
	b.WriteString("| records | a record, filled | merged | opened | cold | warm | a record asked, warm | one person | bytes a record | segments | memory at most |\n|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, p := range ps {
		var peak int
		fmt.Sscanf(p.Resident, "VmHWM %d kB", &peak)
		fmt.Fprintf(&b, "| %d million | %.0f ns | %.0f ns | %v | %v | %v | %.2f ns | %v | %.2f | %d | %d MB |\n", p.Rows/1e6, each(p.Fill, p), each(p.Merge, p),
			p.Open.Round(100*time.Microsecond), p.Cold.Round(time.Millisecond), p.Warm.Round(time.Millisecond), each(p.Warm, p), p.Subject.Round(100*time.Microsecond), p.Bytes, p.Segments, peak>>10)
	}
	return b.String()
}

// each is what a record's share is, in nanoseconds.
func each(d time.Duration, p point) float64 { return float64(d) / float64(p.Rows) }

// draw makes the picture of docs/performance.md: both axes by powers of ten.
func draw(t *testing.T, ps []point) {
	t.Helper()
	pl := plot.New()
	pl.Title.Text = "What a record costs as records grow (two cores)"
	pl.X.Label.Text, pl.Y.Label.Text = "records in the folder", "nanoseconds a record"
	pl.X.Scale, pl.Y.Scale = plot.LogScale{}, plot.LogScale{}
	var at plot.ConstantTicks
	for _, p := range ps {
		at = append(at, plot.Tick{Value: float64(p.Rows), Label: fmt.Sprintf("%d million", p.Rows/1e6)})
	}
	pl.X.Tick.Marker, pl.Y.Tick.Marker = at, plot.LogTicks{Prec: -1}
	pl.Legend.Top, pl.Legend.Left = true, true
	pl.Add(plotter.NewGrid())
	var lines []any
	for _, l := range []struct {
		name string
		of   func(point) time.Duration
	}{
		{"filling", func(p point) time.Duration { return p.Fill }},
		{"merging", func(p point) time.Duration { return p.Merge }},
		{"one key asked for, cold", func(p point) time.Duration { return p.Cold }},
		{"the same, warm", func(p point) time.Duration { return p.Warm }},
	} {
		var xys plotter.XYs
		for _, p := range ps {
			if y := each(l.of(p), p); y > 0 && !math.IsInf(y, 0) {
				xys = append(xys, plotter.XY{X: float64(p.Rows), Y: y})
			}
		}
		if len(xys) > 0 {
			lines = append(lines, l.name, xys)
		}
	}
	if err := plotutil.AddLinePoints(pl, lines...); err != nil {
		t.Fatal(err)
	}
	pl.Y.Max *= 10 // room for the legend
	pl.X.Max *= 2  // and for the last label
	c := vgsvg.New(18*vg.Centimeter, 11*vg.Centimeter)
	pl.Draw(vgdraw.New(c))
	f, err := os.Create(*drawing)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.WriteTo(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
