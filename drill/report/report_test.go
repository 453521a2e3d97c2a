package report_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/haetae/haetae/drill"
	"github.com/haetae/haetae/drill/report"
	"github.com/haetae/haetae/drill/score"
)

var update = flag.Bool("update", false, "write the golden files anew")

func page(t testing.TB, s *drill.Scenario, sc *score.Score, lang string) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.Write(&b, s, sc, lang); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// failing is a drill in which everything that a page can show is there.
func failing(tr *drill.Truth, f *score.Found, list *[]score.Alert) {
	f.Proved.Add("secret-nobody", 3)
	f.Possible, f.Excluded = score.NewPeople(), score.NewPeople()
	f.Possible.Add("secret-x", 1)
	f.Excluded.Add("secret00000005", 0)
	f.Statements = append(f.Statements,
		score.Statement{Kind: score.Hold, From: tr.From.AddDate(0, 5, 0)}, score.Statement{Kind: score.Unresolved, Rows: 12})
	for i := range 5 {
		*list = append(*list, score.Alert{
			Time: tr.From.Add(time.Duration(i) * time.Hour), Severity: "high", Rule: "noise", Keys: []string{"k", "secret-key"}, Actors: []string{"secret-actor"}, Text: "secret text",
		})
	}
}

// element is a tag with what stands directly in it.
type element struct {
	name  string
	attrs map[string]string
	text  string
}

// elements reads a page strictly: every tag that is opened is closed.
func elements(t testing.TB, text string) []element {
	t.Helper()
	dec := xml.NewDecoder(strings.NewReader(strings.TrimPrefix(text, "<!doctype html>\n")))
	dec.Strict, dec.AutoClose, dec.Entity = false, []string{"meta", "input", "br"}, xml.HTMLEntity
	var out []element
	var open []int
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			if len(open) != 0 {
				t.Fatalf("%s is never closed", out[open[len(open)-1]].name)
			}
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			e := element{name: tok.Name.Local, attrs: map[string]string{}}
			for _, a := range tok.Attr {
				e.attrs[a.Name.Local] = a.Value
			}
			open = append(open, len(out))
			out = append(out, e)
		case xml.EndElement:
			last := open[len(open)-1]
			if out[last].name != tok.Name.Local {
				t.Fatalf("%s is closed by %s", out[last].name, tok.Name.Local)
			}
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				out[open[len(open)-1]].text += string(tok)
			}
		}
	}
}

// TestOutline holds what the page says against golden files, element by element.
func TestOutline(t *testing.T) {
	for _, id := range []string{"leak", "quiet"} {
		change := failing
		if id == "quiet" {
			change = nil
		}
		s, sc := played(t, ours, id, change)
		var b strings.Builder
		for _, e := range elements(t, page(t, s, sc, "ko")) {
			text := strings.Join(strings.Fields(e.text), " ")
			if text == "" || e.name == "style" || e.name == "path" {
				continue
			}
			fmt.Fprintf(&b, "%s: %s\n", e.name, text)
		}
		name := filepath.Join("testdata", id+".txt")
		if *update {
			if err := os.WriteFile(name, []byte(b.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(b.String(), "\n")); d != "" {
			t.Errorf("%s (go test ./drill/report -update writes it anew):\n%s", name, d)
		}
	}
}

// TestStandsAlone: the page asks nobody for anything, needs no script, and names nobody.
func TestStandsAlone(t *testing.T) {
	s, sc := played(t, ours, "leak", failing)
	text := page(t, s, sc, "en")
	for _, not := range []string{"<script", "<link", "<img", "<iframe", "src=", "url(http", "@import", "javascript:", "onload", "secret", "<no value>", "%!", "NaN", "ZgotmplZ"} {
		if strings.Contains(text, not) {
			t.Errorf("the page has %q in it", not)
		}
	}
	if !strings.Contains(text, `content="default-src 'none'; style-src 'unsafe-inline'"`) {
		t.Error("the page does not forbid itself to load anything")
	}
	ids := map[string]bool{}
	all := elements(t, text)
	for _, e := range all {
		if id := e.attrs["id"]; id != "" {
			if ids[id] {
				t.Errorf("the id %s is there twice", id)
			}
			ids[id] = true
		}
		if e.name == "a" && !strings.HasPrefix(e.attrs["href"], "https://") {
			t.Errorf("a link to %q", e.attrs["href"])
		}
	}
	charts := 0
	for _, e := range all {
		if e.name != "svg" {
			continue
		}
		charts++
		if e.attrs["role"] != "img" {
			t.Error("a drawing is no image for whoever hears the page")
		}
		for _, id := range strings.Fields(e.attrs["aria-labelledby"]) {
			if !ids[id] {
				t.Errorf("a drawing is described by %s, which is not there", id)
			}
		}
	}
	if charts != 6 {
		t.Errorf("%d drawings, want the timeline and two sizes of the curve in both languages", charts)
	}
}

// TestEscaped: what a tool or a scenario says is text, wherever it stands.
func TestEscaped(t *testing.T) {
	evil := `</title></style></desc><script>alert("1")</script>'&`
	s, sc := played(t, ours, "leak", func(_ *drill.Truth, f *score.Found, list *[]score.Alert) {
		f.Rules = append(f.Rules, evil)
		(*list)[0].Rule = evil
	})
	sc.Run = score.Run{Tool: evil, Version: evil, Command: evil}
	sc.Title.EN, s.Title.EN, sc.Reality.By.EN, sc.Reality.Counts[0].Of.EN = evil, evil, evil, evil
	sc.Reality.Counts[0].Sources = []string{"javascript:alert(1)", `https://x.example/"onclick="x`}
	sc.Invented[0].Figure = evil
	text := page(t, s, sc, "en")
	if strings.Contains(text, "<script") || strings.Contains(text, `"onclick`) || strings.Contains(text, `href="javascript`) {
		t.Error("a text became a tag")
	}
	elements(t, text) // and the page is still whole
}

var cells = regexp.MustCompile(`\d[\d,.]*`)

// TestBothLanguages: the two halves say the same numbers in their tables, and each is
// in its language.
func TestBothLanguages(t *testing.T) {
	s, sc := played(t, ours, "leak", failing)
	text := page(t, s, sc, "ko")
	if page(t, s, sc, "en") == text {
		t.Error("the language that is asked for makes no difference")
	}
	all := elements(t, text)
	middle := slices.IndexFunc(all, func(e element) bool { return e.name == "main" && e.attrs["lang"] == "en" })
	numbers := func(half []element) []string {
		var out []string
		for _, e := range half {
			if e.name == "td" && !strings.Contains(e.attrs["class"], "words") {
				out = append(out, cells.FindAllString(e.text, -1)...)
			}
		}
		return out
	}
	a, b := numbers(all[:middle]), numbers(all[middle:])
	said := func(half []element) string {
		var b strings.Builder
		for _, e := range half {
			b.WriteString(e.text)
		}
		return b.String()
	}
	ko, en := said(all[:middle]), said(all[middle:])
	// A unit may hold a number in Korean only.
	drop := func(list []string) []string {
		return slices.DeleteFunc(list, func(n string) bool { return n == "100" })
	}
	if d := cmp.Diff(drop(a), drop(b)); d != "" || len(a) < 40 {
		t.Errorf("%d numbers, and they differ:\n%s", len(a), d)
	}
	if strings.ContainsFunc(en, func(c rune) bool { return c >= 0xac00 && c <= 0xd7a3 }) {
		t.Error("there is Korean in the English half")
	}
	if n := strings.Count(ko, "입니다") + strings.Count(ko, "습니다"); n < 5 {
		t.Error("the Korean half is not Korean")
	}
}

// TestEveryScenario: each scenario of the pack makes a page, whatever it lacks.
func TestEveryScenario(t *testing.T) {
	list, err := drill.All(os.DirFS(pack))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		for name, change := range map[string]func(*drill.Truth, *score.Found, *[]score.Alert){
			"passed": nil, "failed": failing,
			"silent":  func(_ *drill.Truth, _ *score.Found, list *[]score.Alert) { *list = nil },
			"nothing": func(_ *drill.Truth, f *score.Found, list *[]score.Alert) { *list, *f = nil, score.Found{} },
		} {
			if name == "failed" && len(s.Attack) == 0 {
				continue
			}
			_, sc := played(t, pack, s.ID, change)
			text := page(t, s, sc, "ko")
			elements(t, text)
			for _, not := range []string{"<no value>", "%!", "NaN", "Inf", "ZgotmplZ", "0001-01-01"} {
				if strings.Contains(text, not) {
					t.Errorf("%s, %s: the page has %q in it", s.ID, name, not)
				}
			}
		}
	}
}

func TestWriteFails(t *testing.T) {
	s, sc := played(t, ours, "quiet", nil)
	if err := report.Write(io.Discard, s, sc, "fr"); err == nil {
		t.Error("French was written")
	}
	if err := report.Write(full{}, s, sc, "ko"); !errors.Is(err, errFull) {
		t.Errorf("a full disk: %v", err)
	}
}

var errFull = errors.New("full")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

// TestContrast: text can be read by everybody, in the light and in the dark, and on the
// wash behind notes (WCAG 2.2, 4.5 to 1).
func TestContrast(t *testing.T) {
	raw, err := os.ReadFile("style.css")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile(`:root \{([^}]*--paper[^}]*)\}`).FindAllStringSubmatch(string(raw), -1)
	if len(blocks) != 2 {
		t.Fatalf("%d sets of colours, want light and dark", len(blocks))
	}
	for i, b := range blocks {
		of := map[string]float64{}
		for _, m := range regexp.MustCompile(`--([a-z]+): #([0-9a-f]+)`).FindAllStringSubmatch(b[1], -1) {
			of[m[1]] = luminance(m[2])
		}
		for _, text := range []string{"ink", "soft", "real", "ours", "bad", "good"} {
			for _, ground := range []string{"paper", "wash"} {
				x, y := of[text], of[ground]
				if c := (max(x, y) + 0.05) / (min(x, y) + 0.05); c < 4.5 {
					t.Errorf("set %d: %s on %s has a contrast of %.1f", i, text, ground, c)
				}
			}
		}
	}
}

func luminance(hex string) float64 {
	if len(hex) == 3 {
		hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
	}
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, _ := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
