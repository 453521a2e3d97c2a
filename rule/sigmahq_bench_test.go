//go:build sigmahq

package rule

import "testing"

// BenchmarkSigmaHQ matches all rules of SigmaHQ against events that are already
// fields; filling the Event is part of the time, decoding a line is not.
func BenchmarkSigmaHQ(b *testing.B) {
	set := sigmaHQSet(b)
	all := corpus(1, 4000)
	part := func(keep func(i int) bool) []filler {
		var out []filler
		for i := range all {
			if keep(i) {
				out = append(out, set.filler(&all[i]))
			}
		}
		return out
	}
	for _, c := range []struct {
		name   string
		events []filler
	}{
		{"mixed", part(func(int) bool { return true })},
		{"web", part(func(i int) bool { return i%4 == 0 })},
		{"cloud", part(func(i int) bool { return i%4 == 1 })},
		{"process", part(func(i int) bool { return i%4 == 2 })},
		{"application", part(func(i int) bool { return i%4 == 3 })},
	} {
		b.Run(c.name, func(b *testing.B) { benchMatch(b, set, c.events) })
	}
	// The worst case: every rule of a source is evaluated for each of its events.
	worst := everyRule(set)
	b.Run("mixed/every", func(b *testing.B) { benchMatch(b, worst, part(func(int) bool { return true })) })
	b.Run("process/every", func(b *testing.B) { benchMatch(b, worst, part(func(i int) bool { return i%4 == 2 })) })
}
