//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/haetae/haetae/drill"
	"github.com/haetae/haetae/drill/report"
	"github.com/haetae/haetae/drill/score"
)

// tool finds a program, or fails and says what to do.
func tool(t *testing.T, env, debian string, names ...string) string {
	t.Helper()
	for _, p := range append([]string{os.Getenv(env)}, names...) {
		if bin, err := exec.LookPath(p); p != "" && err == nil {
			return bin
		}
	}
	t.Fatalf("%s is missing, and this test cannot do without it.\n"+
		"Run `make e2e`, which installs it on Debian, or install %s, or name it in %s.", names[0], debian, env)
	return ""
}

// browser is a Chromium without a head. Everything it asks for goes to a proxy that has
// the pages of a test and nothing else: what the browser wants for itself stays here too.
type browser struct {
	t     *testing.T
	bin   string
	proxy *httptest.Server

	mu     sync.Mutex
	pages  map[string]string
	wanted []string // what pages asked for elsewhere
}

const home = "http://report.test/"

func startBrowser(t *testing.T) *browser {
	b := &browser{t: t, bin: tool(t, "HAETAE_CHROMIUM", "chromium", "chromium", "chromium-browser", "google-chrome"), pages: map[string]string{}}
	b.proxy = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		defer b.mu.Unlock()
		url := r.URL.String()
		text, ok := b.pages[strings.TrimPrefix(url, home)]
		if !ok {
			http.Error(w, "not here", http.StatusBadGateway)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(b.proxy.Close)
	return b
}

// run looks at a page and gives what it printed, and what it had to say.
func (b *browser) run(page string, args ...string) (out, said string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 2*time.Minute)
	defer cancel()
	net := filepath.Join(b.t.TempDir(), "net.json")
	args = append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars", "--enable-logging=stderr", "--log-net-log=" + net,
		"--user-data-dir=" + b.t.TempDir(), "--proxy-server=" + b.proxy.URL, "--proxy-bypass-list=<-loopback>", "--virtual-time-budget=4000",
	}, append(args, home+page)...)
	cmd := exec.CommandContext(ctx, b.bin, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		b.t.Fatalf("chromium: %v\n%s", err, stderr.String())
	}
	b.listen(net)
	return stdout.String(), stderr.String()
}

// listen reads the browser's own log of what went over the network: a request of a page
// has the page as its initiator.
func (b *browser) listen(name string) {
	b.t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		b.t.Fatal(err)
	}
	own := 0
	for line := range bytes.Lines(raw) {
		var e struct {
			Params struct{ URL, Initiator string }
		}
		if json.Unmarshal(bytes.TrimRight(line, ",\r\n"), &e) != nil || e.Params.URL == "" {
			continue
		}
		switch {
		case strings.HasPrefix(e.Params.URL, home):
			own++
		case strings.HasPrefix(e.Params.Initiator+"/", home):
			b.wanted = append(b.wanted, e.Params.URL)
		}
	}
	if own == 0 {
		b.t.Fatal("the browser's log does not even have the page")
	}
}

var consoleLine = regexp.MustCompile(`(?m)^.*:CONSOLE.*$`)

// drilled is a scenario of the pack, a truth for it, and the score of a made-up tool.
func drilled(t *testing.T, id string) (*drill.Scenario, *score.Score) {
	t.Helper()
	s, err := drill.Read(os.DirFS("../packs/scenarios"), id)
	if err != nil {
		t.Fatal(err)
	}
	const people = 20_000
	tr := &drill.Truth{
		Scenario: id, Scale: int64(s.Scale), Seed: 7, From: s.From.Time, To: s.To.Time, Items: s.Items.Names, People: people, Reads: 98_765, Accounts: 18_000,
		Marks: drill.Marks{Keys: []string{"k"}},
	}
	var list []score.Alert
	for i, p := range s.Attack {
		tr.Phases = append(tr.Phases, drill.PhaseTruth{Name: p.Name, First: p.From.Time, Last: p.To.Time, Records: 100})
		list = append(list, score.Alert{Time: p.From.Add(90 * time.Minute), Severity: []string{"low", "high"}[min(i, 1)], Rule: "forged-tokens", Keys: []string{"k"}})
	}
	last := s.Attack[len(s.Attack)-1]
	found := &score.Found{Proved: score.NewPeople(), Rules: []string{"forged-tokens", "volume"}, Statements: []score.Statement{{Kind: score.Hold, From: last.To.Time}}}
	reached := func(yield func(drill.Reached, error) bool) {
		for i := range int64(people) {
			p := drill.Reached{Person: fmt.Sprint("m", i), Items: 1, Named: true, First: last.From.Unix() + i*(last.To.Unix()-last.From.Unix())/people}
			if !yield(p, nil) {
				return
			}
		}
	}
	for p := range reached {
		found.Proved.Add(p.Person, p.Items)
	}
	sc, err := score.Judge(s, tr, reached, found, list)
	if err != nil {
		t.Fatal(err)
	}
	sc.Run = score.Run{Tool: "Haetae", Version: "e2e", Command: "haetae drill run " + id}
	return s, sc
}

// measuring shows a page in a window of a width and writes what it finds there: what
// sticks out of the window, labels of drawings that stand on another or outside, and which
// language is shown before and after the other is chosen.
func measuring(page string, width int, other string) string {
	return fmt.Sprintf(`<!doctype html><body style="margin:0"><iframe id=f src=%q style="width:%dpx;height:900px;border:0"></iframe><pre id=out></pre><script>
document.getElementById("f").onload = function () {
  const d = this.contentDocument, w = %d, out = {scroll: d.documentElement.scrollWidth, wide: [], labels: [], marks: 0, charts: 0}
  const shown = () => [...d.querySelectorAll("main")].filter(m => m.getBoundingClientRect().height > 0).map(m => m.lang)
  const look = () => {
    for (const e of d.querySelectorAll("main *, label")) {
      const r = e.getBoundingClientRect()
      if (r.width > 0 && r.height > 0 && r.right > w + 1 && !e.closest(".unseen, thead")) out.wide.push(e.tagName + " " + Math.round(r.right) + " " + e.textContent.slice(0, 40))
    }
    for (const svg of d.querySelectorAll("svg")) {
      const s = svg.getBoundingClientRect()
      if (s.width === 0) continue
      out.charts++
      const boxes = [...svg.querySelectorAll("text")].map(e => [e.getBoundingClientRect(), e.textContent])
      out.marks += boxes.length
      boxes.forEach(([a, x], i) => {
        if (a.left < s.left - 2 || a.right > s.right + 2 || a.top < s.top - 2 || a.bottom > s.bottom + 2) out.labels.push("outside: " + x)
        for (const [b, y] of boxes.slice(0, i))
          if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 4 && b.top < a.bottom - 4) out.labels.push(x + " on " + y)
      })
    }
  }
  out.before = shown(); look()
  d.querySelector("label[for=%s]").click()
  out.after = shown(); look()
  document.getElementById("out").textContent = JSON.stringify(out)
}
</script>`, page, width, width, other)
}

type measure struct {
	Scroll                      int
	Wide, Labels, Before, After []string
	Marks, Charts               int
}

func (b *browser) measure(page string, width int, other string) measure {
	b.t.Helper()
	b.pages["measure"] = measuring(page, width, other)
	out, _ := b.run("measure", "--dump-dom", "--window-size=1400,1000")
	_, text, _ := strings.Cut(out, `<pre id="out">`)
	text, _, _ = strings.Cut(text, "</pre>")
	var m measure
	if err := json.Unmarshal([]byte(html.UnescapeString(text)), &m); err != nil {
		b.t.Fatalf("%s at %d: nothing was measured: %v\n%.500s", page, width, err, out)
	}
	return m
}

// TestReportInChromium looks at reports as their readers do: on a phone, on a screen and on
// paper, in both languages.
func TestReportInChromium(t *testing.T) {
	b := startBrowser(t)
	text, info := tool(t, "HAETAE_PDFTOTEXT", "poppler-utils", "pdftotext"), tool(t, "HAETAE_PDFINFO", "poppler-utils", "pdfinfo")
	for _, id := range []string{"coupang-2025", "skt-2025"} {
		s, sc := drilled(t, id)
		for _, lang := range []string{"ko", "en"} {
			var page bytes.Buffer
			if err := report.Write(&page, s, sc, lang); err != nil {
				t.Fatal(err)
			}
			b.pages[id] = page.String()
			other, title, otherTitle := "en", s.Title.KO, s.Title.EN
			if lang == "en" {
				other, title, otherTitle = "ko", s.Title.EN, s.Title.KO
			}
			for _, width := range []int{390, 1280} {
				m := b.measure(id, width, other)
				if m.Scroll > width || len(m.Wide) > 0 {
					t.Errorf("%s, %s at %d px is %d px wide: %q", id, lang, width, m.Scroll, m.Wide)
				}
				if len(m.Labels) > 0 {
					t.Errorf("%s, %s at %d px: labels stand on labels or outside: %q", id, lang, width, m.Labels)
				}
				if charts := map[int]int{390: 2, 1280: 4}[width]; m.Charts != charts || m.Marks < 20 {
					t.Errorf("%s, %s at %d px: %d drawings with %d labels were looked at", id, lang, width, m.Charts, m.Marks)
				}
				if !slices.Equal(m.Before, []string{lang}) || !slices.Equal(m.After, []string{other}) {
					t.Errorf("%s, %s: shown is %v, and when the other is chosen %v", id, lang, m.Before, m.After)
				}
			}

			pdf := filepath.Join(t.TempDir(), "report.pdf")
			_, said := b.run(id, "--no-pdf-header-footer", "--print-to-pdf="+pdf)
			if lines := consoleLine.FindAllString(said, -1); len(lines) > 0 {
				t.Errorf("%s, %s: the browser complains: %q", id, lang, lines)
			}
			facts, err := exec.Command(info, pdf).Output()
			if err != nil || !regexp.MustCompile(`Pages: +[1-9]`).Match(facts) || !bytes.Contains(facts, []byte("(A4)")) {
				t.Errorf("%s, %s on paper: %v\n%s", id, lang, err, facts)
			}
			printed, err := exec.Command(text, "-layout", pdf, "-").Output()
			if err != nil {
				t.Fatal(err)
			}
			// Lines break where the paper ends, so spaces do not count.
			flat := strings.Join(strings.Fields(string(printed)), "")
			for _, want := range []string{title, "20,000", "1:1,000", "forged-tokens"} {
				if !strings.Contains(flat, strings.Join(strings.Fields(want), "")) {
					t.Errorf("%s, %s: %q is not on the paper", id, lang, want)
				}
			}
			if strings.Contains(flat, strings.Join(strings.Fields(otherTitle), "")) {
				t.Errorf("%s, %s: the other language is on the paper too", id, lang)
			}
		}
	}
	if len(b.wanted) > 0 {
		t.Errorf("a page asked for something: %q", b.wanted)
	}
}

// TestBrowserIsHeard: what the test above looks for, it would find.
func TestBrowserIsHeard(t *testing.T) {
	b := startBrowser(t)
	b.pages["bad"] = `<!doctype html><html><body><label for="en">x</label><main lang="ko"><p style="width:700px">wide</p>` +
		`<svg width="100" height="50"><text x="0" y="20">one</text><text x="5" y="20">two</text><text x="300" y="20">three</text></svg></main>` +
		`<img src="http://elsewhere.test/x.png"><script>console.error("hear me")</script></body></html>`
	m := b.measure("bad", 390, "en")
	if m.Scroll <= 390 || len(m.Wide) == 0 || len(m.Labels) < 2 {
		t.Errorf("nothing was found: %+v", m)
	}
	_, said := b.run("bad", "--dump-dom")
	if !strings.Contains(strings.Join(consoleLine.FindAllString(said, -1), ""), "hear me") {
		t.Errorf("the console was not heard: %s", said)
	}
	if !slices.ContainsFunc(b.wanted, func(u string) bool { return strings.Contains(u, "elsewhere.test") }) {
		t.Errorf("the request was not seen: %q", b.wanted)
	}
}
