package catalog

import (
	"math/rand/v2"
	"regexp"
	"testing"
	"time"
)

func TestPatternEqualsRegexp(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	for _, text := range []string{`m[0-9]{7}`, `[0-9]{1,10}`, `(m|v)[0-9]+`, `[A-Za-z0-9_-]{3,20}`, `(?i)m[a-c]+`, `[^m]+`, `회원[0-9]+`,
		`m.*1`, `a|bc|d+`, `\bm1\b`, `^m[0-9]+$`, `[0-9a-f]{8}-[0-9a-f]{4}`, `m[0-9]{1,900}`, `(a|b)*a(a|b){12}`} {
		p, err := compilePattern(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		want := regexp.MustCompile(`\A(?:` + text + `)\z`)
		const letters = "mv0123456789abcABCdf-_ 회\n"
		runes := []rune(letters)
		check := func(id string) {
			if p.match(id) != want.MatchString(id) {
				t.Errorf("seed %d: %s on %q: %v", seed, text, id, p.match(id))
			}
		}
		for range 3000 {
			id := ""
			for range rnd.IntN(12) {
				id += string(runes[rnd.IntN(len(runes))])
			}
			check(id)
		}
		for _, id := range []string{"m1000001", "m10000012", "xm1000001", "m1000001\n", "회원1", "\xff", "deadbeef-0123", "m1", "ababababababababab"} {
			check(id)
		}
	}
	if _, err := compilePattern("a)|(b"); err == nil {
		t.Error("an expression that escapes its frame was taken")
	}
	if p, _ := compilePattern(`m[0-9]{7}`); p.next == nil {
		t.Error("the ordinary pattern is not a table")
	}
}

func BenchmarkValidAccount(b *testing.B) {
	p, err := compilePattern(`m[0-9]{7}`)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		p.match("m1002848")
	}
}
