package jsonlines

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
)

// same compares outcomes, to which lines of personal data must not be printed.
func same(t *testing.T, want, got result) {
	t.Helper()
	if !reflect.DeepEqual(want, got) {
		t.Fatalf("the same line gave %q, and read quickly %q, or other values", want.err, got.err)
	}
}

// values are what may stand where a plain value stood on the line before.
func values() []string {
	out := []string{
		`""`, `"-"`, `"x"`, `"a\"b"`, `"a\\"`, `"\u0041"`, `"\ud83d\ude00"`, `"\x"`, `"é"`, `"가나다라마바사아"`, "\"\xff\"", "\"\x7f\"",
		`0`, `00`, `01`, `0.5`, `1.`, `.5`, `1.2.3`, `1e3`, `1E+3`, `-1`, `-`, `200`, `1740784286`, `1740784286.348`, `1740784286348`, `99999999999999999999`,
		`true`, `null`, `nul`, `{}`, `[]`, `{"a":1}`, `["a","b"]`, `"`, `"open`, ``, ` 7`, `7 `, `7]`, `"x" `,
		`"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"`, `"Bearer abc"`, `"2025-03-01T08:11:26Z"`, `"203.0.113.9"`,
	}
	// What is not plain, at every place of a word and around it.
	for n := range 19 {
		for _, c := range []string{"\x00", "\x1f", " ", "!", "\"", "#", "\\", "]", "~", "\x7f", "\x80", "\xa2", "\xdc", "\xff", "é"} {
			out = append(out, `"`+strings.Repeat("a", n)+c+strings.Repeat("b", 18-n)+`"`)
		}
		out = append(out, `"`+strings.Repeat("z", n)+`"`)
	}
	for _, n := range []int{255, 256, 257, 511, 512, 513} {
		out = append(out, `"`+strings.Repeat("k", n)+`"`)
	}
	return out
}

// TestQuick: a line whose members stand where they stood before gives what it
// gives a decoder that has seen none, whatever its values are and wherever they
// stand; so it does for a form that refuses keys it does not know.
func TestQuick(t *testing.T) {
	const form = `{"time": %s, "status": %s, "actor_id": %s, "unmapped_key": %s, "data_subjects": %s, "token_id": %s, "request_uri": %s}`
	plain := []any{`"2025-03-01T08:11:26.348+09:00"`, `200`, `"m1"`, `7`, `""`, `"t1"`, `"/a"`}
	for _, strict := range []bool{false, true} {
		fresh := func() *Decoder {
			d := decoder(t)
			if strict {
				var err error
				if d, err = NewStrict(mapping, now); err != nil {
					t.Fatal(err)
				}
			}
			return d
		}
		quick := fresh()
		for i := range plain {
			for _, v := range values() {
				args := append([]any{}, plain...)
				args[i] = v
				for _, text := range []string{fmt.Sprintf(form, args...), strings.TrimSuffix(fmt.Sprintf(form, args...), "}")} {
					decode(quick, fmt.Appendf(nil, form, plain...))
					d := fresh()
					same(t, decode(d, []byte(text)), decode(quick, []byte(text)))
					if fmt.Sprint(d.Refused()) != fmt.Sprint(quick.Refused()) {
						t.Fatalf("other places refused: %v, and read quickly %v", d.Refused(), quick.Refused())
					}
				}
			}
		}
	}
}

// TestQuickReads: the sample is read quickly, but for its last member and the
// lines at which the keys change.
func TestQuickReads(t *testing.T) {
	d := decoder(t)
	lines := sample(t)
	for _, l := range lines[:2] {
		decode(d, l)
	}
	var rec event.Record
	var req catalog.Request
	st := state{d: d, s: lines[2], at: 1, rec: &rec, req: &req}
	if st.quick(true); st.place < 15 {
		t.Errorf("%d of 16 members read quickly", st.place)
	}
}
