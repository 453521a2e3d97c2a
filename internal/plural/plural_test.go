package plural

import (
	"fmt"
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
	// What fmt has to say of a mistake is still said.
	for _, args := range [][]any{{}, {1, 2}} {
		format := "%d records"
		if got, want := Sprintf(format, args...), fmt.Sprintf(format, args...); got != want {
			t.Errorf("%v: %q, want %q", args, got, want)
		}
	}
}

func FuzzSprintf(f *testing.F) {
	f.Add("%s records of %d people, %d%%", "x", 3)
	f.Add("%", "1", 1)
	f.Add("%[2]d rows %*d", "1", 2)
	f.Fuzz(func(t *testing.T, format, s string, n int) {
		if n == 1 || s == "1" || len(s) > 0 && s != Value(s) || format != Value(format) {
			Sprintf(format, s, n)
			return
		}
		if got, want := Sprintf(format, s, n), fmt.Sprintf(format, s, n); got != want {
			t.Errorf("%q %q %d: %q, want %q", format, s, n, got, want)
		}
	})
}
