package remote

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/internal/written"
)

const secretWord = "zz4815162342"

// TestTrouble: whatever goes wrong, it is told in both languages without the address,
// what was sent or what came back.
func TestTrouble(t *testing.T) {
	doing := written.Text{KO: "호출", EN: "call"}
	client, err := Client("", false)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	defer srv.Close()
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, secretWord)
	}))
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	defer plain.Close()
	call := func(ctx context.Context, url string) error {
		req, err := http.NewRequestWithContext(ctx, "POST", url+"/"+secretWord+"?k="+secretWord, strings.NewReader(secretWord))
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Do(req)
		if err == nil {
			_, err = io.ReadAll(res.Body)
			res.Body.Close()
		}
		return err
	}
	late, stop := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
	defer stop()
	stopped, stop := context.WithCancel(context.Background())
	stop()
	for want, err := range map[string]error{
		"call: connection refused":                             call(t.Context(), gone.URL),
		"call: the certificate is signed by nobody known here": call(t.Context(), srv.URL),
		"call: the other side does not speak TLS":              call(t.Context(), strings.Replace(plain.URL, "http:", "https:", 1)),
		"call: the answer broke off":                           call(t.Context(), plain.URL),
		"call: no answer in time":                              call(late, plain.URL),
		"call: stopped":                                        call(stopped, plain.URL),
		"call: the host has no address":                        call(t.Context(), "http://"+secretWord+".invalid"),
	} {
		got := Trouble(doing, err)
		// Where no name server is reached, that is what is told.
		if got.EN != want && !(strings.Contains(want, "no address") && got.EN == "call: the host's address could not be asked for") {
			t.Errorf("%q, want %q", got.EN, want)
		}
		for _, said := range []string{got.EN, got.KO} {
			if strings.Contains(said, secretWord) || strings.Contains(said, "127.0.0.1") || said == "" {
				t.Errorf("says %q", said)
			}
		}
		if got.EN == got.KO {
			t.Errorf("no Korean: %s", got.EN)
		}
	}
}

func TestWrongURL(t *testing.T) {
	for address, want := range map[string]string{
		"https://h/x": "", "http://127.0.0.1:1/": "", "http://localhost/": "", "https://h:8088": "",
		"http://h/": "http to another machine", "ftp://h/": "is no address", "h": "is no address", "https:h": "is no address", "https://h/#a": "an address with #", "://": "is no address",
	} {
		if got := WrongURL(address, false); !strings.HasPrefix(got.EN, want) || (want == "") != (got == Sound) {
			t.Errorf("%s: %q", address, got.EN)
		}
	}
	for address, want := range map[string]written.Text{
		"https://h/x": Sound, "https://h/x?key=1": secretURL, "https://me@h/x": secretURL, "https://me:pass@h/x": secretURL, "ftp://me@h/": noAddress,
	} {
		if got := WrongShownURL(address, false); got != want {
			t.Errorf("%s: %+v", address, got)
		}
	}
	if WrongURL("http://h/", true) != Sound {
		t.Error("plain is not taken")
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"7": 7 * time.Second, "": 0, "-3": 0, "x": 0, "99999": time.Minute, "Fri, 02 Jan 2026 03:04:35 GMT": 30 * time.Second, "Fri, 02 Jan 2026 03:04:00 GMT": 0,
	} {
		if got := RetryAfter(value, now, time.Minute); got != want {
			t.Errorf("%q: %v", value, got)
		}
	}
}

func TestSecret(t *testing.T) {
	dir := t.TempDir()
	for text, want := range map[string]string{"a token\r\n": "", "": "the file is empty", "a\nb\n": "more than one line", strings.Repeat("x", MaxSecret+1): "larger than"} {
		name := filepath.Join(dir, "s")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := Secret(name)
		if want == "" && (err != nil || got != "a token") || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %q, %v", want, got, err)
		}
	}
	if _, err := Secret(filepath.Join(dir, secretWord)); err == nil || strings.Contains(err.Error(), secretWord) || written.Korean(err) == err.Error() {
		t.Error(err)
	}
}
