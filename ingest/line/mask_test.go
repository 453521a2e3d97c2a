package line

import (
	"bytes"
	"strings"
	"testing"
)

func TestMask(t *testing.T) {
	const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
	stars := strings.Repeat("*", len(jwt))
	f := func(text, want string) {
		t.Helper()
		b := []byte(text)
		Mask(b)
		if string(b) != want {
			t.Errorf("%s\n got %s\nwant %s", text, b, want)
		}
		again := bytes.Clone(b)
		if Mask(again); !bytes.Equal(b, again) {
			t.Errorf("masked twice: %s", again)
		}
	}
	f(`{"token_id":"`+jwt+`","status":200}`, `{"token_id":"`+stars+`","status":200}`)
	f("GET /x?access="+jwt+"&y=1", "GET /x?access="+stars+"&y=1")
	f("cut off: "+jwt[:30], "cut off: "+stars[:30])
	f(`{"token_id":"Bearer abc.def","a":"b"}`, `{"token_id":"Bearer *******","a":"b"}`)
	f(`"bearer%20abc-def" x`, `"bearer%20*******" x`)
	f(`basic dXNlcjpwYXNz, next`, `basic ************, next`)
	f(`{"http_authorization":"Custom one two","a":"b"}`, `{"http_authorization":"****** *** ***","a":"b"}`)
	f(`Authorization: AWS4 Credential=x, Signature=y`, `Authorization: **** ************* ***********`)
	f(`{"cookie":"sid=1; other=\"2\"","a":"b"}`, `{"cookie":"****** ******\"*\"","a":"b"}`)
	f(`"{\"authorization\":\"abc\",\"a\":\"b\"}"`, `"{\"authorization\":\"***\",\"a\":\"b\"}"`)
	f(`/cb?access_token=abc&state=1`, `/cb?access_token=***&state=1`)
	f(`{"password":"p\"w","user":"kim"}`, `{"password":"*\"*","user":"kim"}`)
	f(`{"pwd":1234}`, `{"pwd":****}`)
	// What is no secret stays readable: the line is looked at to repair its log.
	for _, s := range []string{`{"token_id":"t77","key_id":"sig-2024-04"}`, "the bearer", "basically nothing", "eyJ", "", `{"secretary":"x"}`, `{"password_changed":true}`, "cookies: none"} {
		f(s, s)
	}
}

// TestMaskRefused: the place that a decoder refused is covered whatever is there.
func TestMaskRefused(t *testing.T) {
	b := []byte(`{"token_id":"opaque but \"long\"","a":1}`)
	Mask(b, Span{12, 33}, Span{100, 200}, Span{-1, 0})
	if want := `{"token_id":"****** *** \"****\"","a":1}`; string(b) != want {
		t.Errorf("%s", b)
	}
}

// FuzzMask: never a panic, never another length, and no JWT is left.
func FuzzMask(f *testing.F) {
	f.Add([]byte(`{"cookie":"a=\"b\"","authorization":"Bearer x"}`))
	f.Add([]byte(`\"authorization\":\"`))
	f.Fuzz(func(t *testing.T, text []byte) {
		const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
		b := append(bytes.Clone(text), " "+jwt...)
		n := len(b)
		Mask(b)
		if len(b) != n || bytes.Contains(b, []byte("eyJhbGci")) {
			t.Fatalf("%q", b)
		}
	})
}

func TestUsable(t *testing.T) {
	for s, want := range map[string]bool{
		"Bearer abc": true, "bearer\tabc": true, "BASIC abc": true, "Negotiate abc": true, "Digest username=x": true, "DPoP x": true,
		"eyJhbGciOiJIUzI1NiJ9.e30.c2ln": true, "eyJhbGciOiJSU0EifQ.a.b.c.d": true,
		"bearer": false, "bearerx": false, "t77": false, "": false, "eyJ": false, "eyJhbGciOiJIUzI1NiJ9eyJzd": false, "basic-2024": false,
	} {
		if Usable([]byte(s)) != want {
			t.Errorf("%q: %v", s, !want)
		}
	}
}

func TestClean(t *testing.T) {
	f := func(text string, max int, want string) {
		t.Helper()
		got, changed := Clean([]byte(text), max)
		if got != want || changed != (text != want) {
			t.Errorf("%q: %q, %v", text, got, changed)
		}
	}
	f("", 5, "")
	f("Mozilla/5.0 (한글) é 😀", 100, "Mozilla/5.0 (한글) é 😀")
	f("a\x1b[2Jb", 100, "a?[2Jb")
	f("a\x00\x7f\u0085\u202e\u2066\u200b\ufeff\u2028b", 100, "a????????b")
	f("a\xff", 100, "a?")
	f("abcdef", 5, "abcde…")
	f("한글한", 7, "한글…") // never within a letter
	f("abcd\x1b\x1b", 5, "abcd?…")
}

func TestIdentifier(t *testing.T) {
	for s, want := range map[string]string{"actor.name": "actor.name", "sujects": "sujects", "a-b_c": "a-b_c", "m1000001": "", "홍길동": "", "": "", "a b": "", ".a": "", strings.Repeat("a", 41): ""} {
		if got := Identifier(s); got != want {
			t.Errorf("%q: %q", s, got)
		}
	}
}
