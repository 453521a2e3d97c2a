package detect

import (
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ingest"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/rule"
)

// numberer gives rules their places as numbers.
type numberer struct{}

func (numberer) Catalog() *catalog.Catalog { return nil }
func (numberer) Hasher() *pseudonym.Hasher { return pseudonym.NewHasher([32]byte{1}) }
func (numberer) TakeLiveRules(rules []ledger.LiveRule) (uint32, []uint32, error) {
	numbers := make([]uint32, len(rules))
	for i := range numbers {
		numbers[i] = uint32(i)
	}
	return 1, numbers, nil
}

// TestIntakeNames: a value of a line reaches every field that rules ask for under its
// key, and a field is found under every name that rules may call it.
func TestIntakeNames(t *testing.T) {
	const combined = `203.0.113.1 - - [10/Mar/2025:10:00:00 +0900] "GET /a HTTP/1.1" 200 1 "http://bad" "x"`
	lines := func(more string) string {
		return `{"time":"2025-03-10T10:00:00Z","uri":"/a","method":"GET",` + more + `}`
	}
	for _, c := range []struct {
		format, line string
		asked        []string // a rule for each, with the value that is looked for
		want         int
	}{
		{catalog.FormatJSON, lines(`"host":"bad"`), []string{"cs-host: bad", "host: bad"}, 2},
		{catalog.FormatJSON, lines(`"host":"bad"`), []string{"host: bad", "cs-host: bad"}, 2},
		{catalog.FormatJSON, lines(`"referer":"bad"`), []string{"cs-referer: bad", "cs-referrer: bad", "referer: bad"}, 3},
		{catalog.FormatJSON, lines(`"referer":"bad"`), []string{"cs-referrer: bad"}, 1},
		{catalog.FormatJSON, lines(`"cs-referrer":"bad"`), []string{"cs-referer: bad", "cs-referrer: bad"}, 2},
		{catalog.FormatJSON, lines(`"cs-referer":"bad"`), []string{"cs-referrer: bad"}, 1},
		{catalog.FormatJSON, lines(`"cs-referer":"bad","referer":"good"`), []string{"cs-referrer: bad", "cs-referrer: good"}, 1},
		{catalog.FormatCombined, combined, []string{"cs-referer: 'http://bad'"}, 1},
		{catalog.FormatCombined, combined, []string{"cs-referrer: 'http://bad'"}, 1},
	} {
		var text strings.Builder
		for i, asked := range c.asked {
			if i > 0 {
				text.WriteString("---\n")
			}
			text.WriteString("title: T\nname: r" + string(rune('a'+i)) + "\nlevel: low\nlogsource: {category: webserver}\ndetection: {s: {" + asked + "}, condition: s}\n")
		}
		docs, err := rule.Parse("r.yaml", []byte(text.String()))
		if err != nil {
			t.Fatal(err)
		}
		in, err := NewIntake(docs, numberer{}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		format, err := ingest.FormatNamed(c.format)
		if err != nil {
			t.Fatal(err)
		}
		src := &catalog.Source{Zone: time.UTC}
		if c.format == catalog.FormatJSON {
			src.Fields = map[catalog.Field]string{"time": "time", "uri": "uri", "method": "method"}
		}
		dec, err := format.New(src, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		look := in.For(c.format)
		dec.(ingest.Asked).Ask(look.Asks())
		var rec event.Record
		var req catalog.Request
		if err := dec.Decode([]byte(c.line), &rec, &req); err != nil {
			t.Fatal(err)
		}
		look.Look([]byte(c.line), dec.(ingest.Asked).Fields(), &rec, &req)
		if len(rec.Marks) != c.want {
			t.Errorf("%s, rules on %q: %d match, want %d", c.format, c.asked, len(rec.Marks), c.want)
		}
	}
}
