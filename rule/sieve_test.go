package rule

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestSieve: what the automaton finds, the sieve lets through, wherever it stands.
func TestSieve(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	let, stopped := 0, 0
	for round := range 300 {
		letters := []string{"ab", "abcdefgh<>{}'", "\x00\xff\x80a"}[round%3]
		text := func(n int) string {
			b := make([]byte, n)
			for i := range b {
				b[i] = letters[rnd.IntN(len(letters))]
			}
			return string(b)
		}
		seen := map[string]bool{}
		var texts []string
		var nums []int32
		for range 1 + rnd.IntN(40) {
			if s := text(2 + rnd.IntN(8)); !seen[s] {
				seen[s] = true
				texts, nums = append(texts, s), append(nums, int32(len(nums)))
			}
		}
		v := newSieve(texts)
		if v == nil {
			continue
		}
		a := newAutomaton(texts, nums)
		for range 200 {
			in := []byte(text(rnd.IntN(30)))
			if rnd.IntN(3) == 0 {
				in = append(in, texts[rnd.IntN(len(texts))]...)
				in = append(in, text(rnd.IntN(9))...)
			}
			found := len(a.scan(nil, in)) > 0
			if v.lets(in) {
				let++
			} else if stopped++; found {
				t.Fatalf("round %d: the sieve holds back what the automaton finds", round)
			}
		}
	}
	if let == 0 || stopped == 0 {
		t.Errorf("let through %d, held back %d", let, stopped)
	}
	if newSieve([]string{"a"}) != nil {
		t.Error("a sieve of single bytes")
	}
}

// BenchmarkSieve compares the two on a line in which nothing is found.
func BenchmarkSieve(b *testing.B) {
	var texts []string
	var nums []int32
	for i := range 300 {
		texts, nums = append(texts, fmt.Sprintf("<script%d>%d'", i, i*i)), append(nums, int32(i))
	}
	v, a := newSieve(texts), newAutomaton(texts, nums)
	line := []byte(`{"time":"2025-03-10t09:00:00.000+09:00","remote_addr":"203.0.113.7","request_method":"get","request_uri":"/my/addresses/17/edit?from=list","status":200,"http_user_agent":"mozilla/5.0 (windows nt 10.0; win64; x64) applewebkit/537.36 (khtml, like gecko) chrome/120.0.0.0 safari/537.36","request_id":"5c1f4c36c2b94f0a9a3d","actor_id":"m1000042","actor_type":"member","key_id":"sig-2024-09","token_id":"t95","data_subjects":"","data_rows":""}`)
	b.Run("sieve", func(b *testing.B) {
		b.SetBytes(int64(len(line)))
		for b.Loop() {
			if v.lets(line) {
				b.Fatal("it is let through")
			}
		}
	})
	b.Run("automaton", func(b *testing.B) {
		b.SetBytes(int64(len(line)))
		var dst []int32
		for b.Loop() {
			dst = a.scan(dst[:0], line)
		}
	})
}
