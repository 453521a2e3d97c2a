package line

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/haetae/haetae/event"
)

func TestOutline(t *testing.T) {
	for in, want := range map[string]string{
		"":                              "",
		"m1002848":                      "a#######",
		"2025-03-01T00:12:29.348+09:00": "####-##-##A##:##:##.###+##:##",
		"Kim.Younghee@example.com":      "Aaa.Aaaaaaaa@aaaaaaa.aaa",
		"김영희 010-1234-5678":             "가가가 ###-####-####",
		"Ünal\x00\xff":                  "xaaa??",
		"山田":                            "xx",
		"\u0661":                        "#",
		strings.Repeat("a", 41):         strings.Repeat("a", 40) + "…",
	} {
		if got := Outline([]byte(in)); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// FuzzOutline: nothing of a value is left in its outline, and it can be printed.
func FuzzOutline(f *testing.F) {
	f.Add([]byte("m1002848 김영희"))
	f.Fuzz(func(t *testing.T, in []byte) {
		out := Outline(in)
		if !utf8.ValidString(out) || utf8.RuneCountInString(out) > maxOutline+1 {
			t.Fatalf("%q", out)
		}
		if strings.ContainsAny(out, "bcdefghijklmnopqrstuvwyzBCDEFGHIJKLMNOPQRSTUVWXYZ0123456789\x1b\n") {
			t.Fatalf("%q", out)
		}
	})
}

// Microseconds and nanoseconds are told from milliseconds by their digits.
func TestEpochFine(t *testing.T) {
	times := NewTimes(nil)
	for in, want := range map[string]event.Millis{
		"1740784286348": 1740784286348, "1740784286348123": 1740784286348, "1740784286348123456": 1740784286348,
		"1740784286": 1740784286000, "1740784286348123.5": 1740784286348,
	} {
		if got, ok := times.Parse([]byte(in)); !ok || got != want {
			t.Errorf("%s: %d, %v", in, got, ok)
		}
	}
	for _, in := range []string{"17407842863481", "174078428634812", "174078428634812a", "1740784286348123x56", "17407842863481234567"} {
		if got, ok := times.Parse([]byte(in)); ok {
			t.Errorf("%s: %d", in, got)
		}
	}
}

// The parts of a date are apart by one mark, and by the same.
func TestDateMarks(t *testing.T) {
	times := NewTimes(nil)
	const want = event.Millis(1740819601000)
	for _, in := range []string{"2025-03-01 09:00:01", "2025/03/01 09:00:01", "2025.03.01T09:00:01Z", "2025/03/01 18:00:01+09:00"} {
		if got, ok := times.Parse([]byte(in)); !ok || got != want {
			t.Errorf("%s: %d, %v", in, got, ok)
		}
	}
	for _, in := range []string{"2025/03-01 09:00:01", "2025:03:01 09:00:01", "2025/3/1 09:00:01xx"} {
		if got, ok := times.Parse([]byte(in)); ok {
			t.Errorf("%s: %d", in, got)
		}
	}
}
