package rule

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// benchMatch reports what one core matches in a second, events being fields
// already: filling the Event is part of the time, decoding a line is not.
func benchMatch(b *testing.B, set *Set, events []filler) {
	e, m := set.NewEvent(), set.NewMatcher()
	evaluated, matches, fields := 0, 0, 0
	for i := range events { // warm
		events[i].fill(e)
		matches += len(set.Match(e, m))
		evaluated += m.Evaluated()
		fields += len(e.set)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		events[i].fill(e)
		set.Match(e, m)
		if i++; i == len(events) {
			i = 0
		}
	}
	n := float64(len(events))
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(evaluated)/n, "evaluated/event")
	b.ReportMetric(float64(matches)/n, "matches/event")
	b.ReportMetric(float64(fields)/n, "fields/event")
}

// everyRule is the set with its index made useless: each rule is a candidate for
// each event of its source. It is the worst that a pack can be.
func everyRule(set *Set) *Set {
	out := *set
	out.lanes, out.bySource = nil, slices.Clone(set.bySource)
	done := map[*lane]*lane{}
	for i, l := range set.bySource {
		if l == nil {
			continue
		}
		if done[l] == nil {
			worst := *l
			worst.always = nil
			for r := range l.rules {
				worst.always = append(worst.always, int32(r))
			}
			worst.triggers = newLists(make([][]int32, len(l.atoms)))
			worst.fields = slices.Clone(l.fields)
			for f, x := range worst.fields {
				if x != nil {
					without := *x
					without.present = nil
					worst.fields[f] = &without
				}
			}
			done[l] = &worst
			out.lanes = append(out.lanes, &worst)
		}
		out.bySource[i] = done[l]
	}
	return &out
}

// generated makes n rules in the manner of those that people write, a quarter for
// each source of the corpus: an exact value or an ending, and texts of which some
// are in ordinary events.
func generated(seed uint64, n int) string {
	r := rand.New(rand.NewPCG(seed, 4))
	words := []string{"http", "chrome", "invoke", "system32", "members", "select", "powershell", "-enc", "bucket", "admin", "token", "export", "temp", "shop", "kube"}
	word := func() string {
		if r.IntN(12) == 0 {
			return words[r.IntN(len(words))]
		}
		return words[r.IntN(len(words))] + oneOf(r, "-", "/", ".", "_", " ") + hexText(r, 3)
	}
	list := func(n int) string {
		out := make([]string, 1+r.IntN(n))
		for i := range out {
			out[i] = "'" + word() + "'"
		}
		return "[" + strings.Join(out, ", ") + "]"
	}
	var b strings.Builder
	for i := range n {
		var source, first, long, other string
		switch i % 4 {
		case 0:
			source, first, long, other = "{category: webserver}", "cs-method: ["+oneOf(r, "GET", "POST", "PUT")+"]", "cs-uri-query", "c-useragent"
		case 1:
			source, first, long, other = "{product: aws, service: cloudtrail}", "eventName: "+oneOf(r, "GetObject", "Delete"+hexText(r, 2), "Put"+hexText(r, 2)), "requestParameters", "userAgent"
		case 2:
			source, first, long, other = "{category: process_creation, product: windows}", `Image|endswith: '\`+oneOf(r, "powershell", "cmd", hexText(r, 2), hexText(r, 2))+`.exe'`, "CommandLine", "ParentImage"
		default:
			source, first, long, other = "{category: application, product: spring}", "action: "+oneOf(r, "get", "list", hexText(r, 2)), "message", "user.username"
		}
		fmt.Fprintf(&b, "title: R%d\nlogsource: %s\ndetection:\n  sel:\n    %s\n  sel_text:\n", i, source, first)
		switch r.IntN(8) {
		case 0:
			fmt.Fprintf(&b, "    %s|contains|all: ['%s', '%s']\n", long, word(), word())
		case 1:
			fmt.Fprintf(&b, "    %s|re: '%s[0-9]{2,5}x'\n", long, hexText(r, 3))
		default:
			fmt.Fprintf(&b, "    %s|contains: %s\n", long, list(6))
		}
		switch r.IntN(3) {
		case 0:
			fmt.Fprintf(&b, "  filter:\n    %s|contains: '%s'\n  condition: all of sel* and not 1 of filter*\n---\n", other, word())
		case 1:
			b.WriteString("  condition: sel_text\n---\n")
		default:
			b.WriteString("  condition: all of sel*\n---\n")
		}
	}
	return b.String()
}

func generatedSet(t testing.TB, n int) *Set {
	t.Helper()
	docs, err := Parse("generated.yaml", []byte(generated(1, n)))
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

func generatedEvents(set *Set, n int) []filler {
	var out []filler
	all := corpus(1, n)
	for i := range all {
		switch i % 4 { // the sources of the generated rules
		case 0:
			all[i].source = "category=webserver"
		case 3:
			all[i].source = "category=application product=spring"
		}
		out = append(out, set.filler(&all[i]))
	}
	return out
}

// BenchmarkMatch is generated rules on the made corpus, needing no outside file:
// the cost of an event hardly follows the number of rules.
func BenchmarkMatch(b *testing.B) {
	for _, n := range []int{300, 3000, 12000} {
		set := generatedSet(b, n)
		events := generatedEvents(set, 2000)
		b.Run(fmt.Sprintf("rules=%d", n), func(b *testing.B) { benchMatch(b, set, events) })
	}
	set := everyRule(generatedSet(b, 3000))
	events := generatedEvents(set, 2000)
	b.Run("rules=3000/every", func(b *testing.B) { benchMatch(b, set, events) })
}

// BenchmarkParse is bytes of rules a second.
func BenchmarkParse(b *testing.B) {
	text := []byte(generated(1, 1000))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := Parse("generated.yaml", text); err != nil {
			b.Fatal(err)
		}
	}
}

// Matching allocates nothing once warm, whatever the events.
func TestNoAllocation(t *testing.T) {
	set := generatedSet(t, 400)
	events := generatedEvents(set, 200)
	e, m := set.NewEvent(), set.NewMatcher()
	run := func() {
		for i := range events {
			events[i].fill(e)
			set.Match(e, m)
		}
	}
	run()
	if n := testing.AllocsPerRun(5, run); n > 0 {
		t.Errorf("%v allocations for %d events", n, len(events))
	}
}

// The index changes which rules are evaluated, never which match; and a Matcher
// used again, or its generation wrapping round, changes nothing.
func TestIndexAgainstEvery(t *testing.T) {
	set := generatedSet(t, 800)
	worst := everyRule(set)
	events := generatedEvents(set, 800)
	e, m, w := set.NewEvent(), set.NewMatcher(), worst.NewMatcher()
	m.generation = ^uint32(0) - 101
	evaluated, of := 0, 0
	for i := range events {
		events[i].fill(e)
		got := slices.Clone(set.Match(e, m))
		want := worst.Match(e, w)
		if !slices.Equal(got, want) {
			t.Fatalf("event %d: %v, want %v", i, got, want)
		}
		evaluated += m.Evaluated()
		of += w.Evaluated()
	}
	if evaluated*20 > of {
		t.Errorf("%d rules were evaluated of %d: the index is of little use", evaluated, of)
	}
}

// A set is shared, a Matcher is not.
func TestConcurrent(t *testing.T) {
	set := generatedSet(t, 200)
	want := make([]int, 4)
	done := make(chan struct{})
	for g := range want {
		go func() {
			events := generatedEvents(set, 400)
			e, m := set.NewEvent(), set.NewMatcher()
			for i := range events {
				events[i].fill(e)
				want[g] += len(set.Match(e, m)) * (i + 1)
			}
			done <- struct{}{}
		}()
	}
	for range want {
		<-done
	}
	for g := range want {
		if want[g] != want[0] || want[g] == 0 {
			t.Errorf("goroutines found %v", want)
		}
	}
}

// What keeps rules from being evaluated for each event.
func TestPicks(t *testing.T) {
	for _, c := range []struct {
		detection string
		always    bool
		byField   bool
	}{
		{"  s: {a: x}\n  condition: s", false, false},
		{"  s: {a|contains: [foo, bar]}\n  t: {b|endswith: baz}\n  condition: s or t", false, false},
		{"  s: {a|re: 'foo.*bar'}\n  condition: s", false, false},
		{"  s: {a|re: '^..$'}\n  condition: s", false, true},
		{"  s: {a|gte: 5}\n  condition: s", false, true},
		{"  s: {a: null}\n  condition: not s", false, true},
		{"  s: {a: null}\n  condition: s", true, false},
		{"  s: {a: x}\n  condition: not s", true, false},
		{"  s: {a: x}\n  t: {b: y}\n  condition: s and not t", false, false},
		{"  s: {a: x}\n  t: {b: null}\n  condition: s or t", true, false},
		{"  s: {a: x}\n  t: {b: y}\n  u: {c: null}\n  condition: 2 of them", false, false},
		{"  s: {a: x}\n  t: {b: null}\n  u: {c: null}\n  condition: 2 of them", true, false},
		{"  k: [evil]\n  condition: k", false, false},
		{"  k:\n    '|re': '^..$'\n  condition: k", true, false},
	} {
		st := mustCompile(t, ruleOf(c.detection), testSchema(t), Options{}).Stats()
		if st.Always == 1 != c.always || st.ByField == 1 != c.byField {
			t.Errorf("always %d, by field %d:\n%s", st.Always, st.ByField, c.detection)
		}
	}
}
