package plural

import (
	"fmt"
	"strings"
	"testing"
)

func TestSprintf(t *testing.T) {
	for _, c := range []struct {
		format string
		args   []any
		want   string
	}{
		{"%d signals, %d of them of high severity", []any{1, 1}, "1 signal, 1 of them of high severity"},
		{"%d signals, %d of them of high severity", []any{11, 0}, "11 signals, 0 of them of high severity"},
		{"%s records from %s", []any{"1", "1 records"}, "1 record from 1 records"},
		{"%s other unmapped routes, %s records\n", []any{"1", "1,001"}, "1 other unmapped route, 1,001 records\n"},
		{"%d reads of %d people", []any{int64(1), int64(1)}, "1 read of 1 person"},
		{"%d pages or tables with %d%% of it", []any{1, 1}, "1 page or table with 1% of it"},
		{"from %d operators' networks that", []any{1}, "from 1 operator's network that"},
		{"%d tokens were used; %s: the rules", []any{1, "1"}, "1 token was used; 1: the rules"},
		{"%d of %d files could not", []any{1, 1}, "1 of 1 file could not"},
		{"%.1f records, %q records, %d", []any{1.0, "1", 1}, "1.0 records, \"1\" records, 1"},
		{"edition %d. Records", []any{1}, "edition 1. Records"},
		{"nothing at all", nil, "nothing at all"},
		{"100%% of %s", []any{"a\x00 records"}, "100% of a records"},
	} {
		if got := Sprintf(c.format, c.args...); got != c.want {
			t.Errorf("%q %v: %q, want %q", c.format, c.args, got, c.want)
		}
	}
}

// TestMistakes: a mistake of the caller is seen in the text.
func TestMistakes(t *testing.T) {
	for _, args := range [][]any{{}, {1, 2}, {"x"}} {
		if got := Sprintf("%d records", args...); !strings.Contains(got, "%!") {
			t.Errorf("%v: %q", args, got)
		}
	}
}

// FuzzSprintf: what is put into a sentence comes out as fmt writes it, and only words
// of the sentence are ever changed.
func FuzzSprintf(f *testing.F) {
	f.Add("x", 3)
	f.Add("1", 1)
	f.Add("1 records", -1)
	f.Add("%s rows \xc5", 11)
	f.Fuzz(func(t *testing.T, s string, n int) {
		clean := Value(s)
		for _, c := range []struct{ many, one string }{
			{"%s: %[1]q of %[2]d people, %[2]d%%", "%s: %[1]q of %[2]d person, %[2]d%%"},
			{"%[2]d other pages hold %[1]q", "%[2]d other page holds %[1]q"},
			{"%4[2]d pages, %[2]x pages", "%4[2]d pages, %[2]x pages"},
		} {
			want := fmt.Sprintf(c.many, clean, n)
			if n == 1 {
				want = fmt.Sprintf(c.one, clean, n)
			}
			if got := Sprintf(c.many, clean, n); got != want {
				t.Errorf("%q %q %d: %q, want %q", c.many, s, n, got, want)
			}
		}
	})
}
