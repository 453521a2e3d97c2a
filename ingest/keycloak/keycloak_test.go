package keycloak

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ingest/line"
)

func decoder() *Decoder {
	return New(&catalog.Source{Zone: time.FixedZone("KST", 9*3600)}, time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))
}

// decode describes what a line becomes.
func decode(d *Decoder, text string) string {
	var rec event.Record
	var req catalog.Request
	if err := d.Decode([]byte(text), &rec, &req); err != nil {
		if err == line.NoAccess {
			return ""
		}
		return "aside: " + err.Error()
	}
	address := ""
	if rec.Client.IP.IsValid() {
		address = rec.Client.IP.String()
	}
	return strings.TrimPrefix(fmt.Sprintf("%s %s %s %d %s/%s %s %s", rec.Time, req.Method, req.URI, rec.Status, rec.Actor.Type, string(rec.Actor.ID), string(rec.Credential.Token), address), "2026-03-01T")
}

func TestSample(t *testing.T) {
	text, err := os.ReadFile("testdata/quarkus.log")
	if err != nil {
		t.Fatal(err)
	}
	d := decoder()
	var got []string
	read := 0
	for l := range bytes.Lines(text) {
		l = bytes.TrimSuffix(l, []byte("\n"))
		if Reads(l) {
			read++
		}
		if s := decode(d, string(l)); s != "" {
			got = append(got, s)
		}
	}
	want := []string{
		"01:00:01.123Z POST /keycloak/LOGIN 200 members/m1000001 s1 203.0.113.7",
		"01:00:01.223Z POST /keycloak/CODE_TO_TOKEN 200 members/m1000001 t1 203.0.113.7",
		"01:00:02.000Z POST /keycloak/LOGIN_ERROR 401 members/  203.0.113.9",
		"01:00:03.000Z POST /keycloak/REFRESH_TOKEN_ERROR 401 members/  203.0.113.9",
		"01:00:04.000Z POST /keycloak/LOGOUT 200 members/m1000001 s1 203.0.113.7",
		"01:00:05.000Z POST /keycloak/admin/UPDATE/users/m1000001/reset-password 200 staff/a1  10.0.0.9",
		"01:00:06.500Z POST /keycloak/REFRESH_TOKEN 200 members/m1000001 t2 203.0.113.7",
		"01:00:07.500Z POST /keycloak/CLIENT_LOGIN 200 5f0e/  10.0.0.8",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if read != 10 {
		t.Errorf("%d lines are taken for Keycloak's", read)
	}
}

const good = `2026-03-01 10:00:01,123 INFO  [org.keycloak.events] (executor-thread-1) type="LOGIN", realmId="5f0e", realmName="members", clientId="shop", userId="m1000001", ipAddress="203.0.113.7", code_id="s1"`

func TestLines(t *testing.T) {
	change := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(good) }
	const secret = "kim-secret"
	for _, test := range []struct{ name, text, want string }{
		{"good", good, "01:00:01.123Z POST /keycloak/LOGIN 200 members/m1000001 s1 203.0.113.7"},
		{"an event inside another message", change("[org.keycloak.events] (executor-thread-1)", "[org.acme] (x) [org.keycloak.events] (y)"), ""},
		{"a user name that says who", change(`code_id="s1"`, `username="a\", userId=\"m2\""`), "members/m1000001  "},
		{"in an old release", change(`"`, "", "INFO", "WARN", ` code_id="s1"`, " username=a', userId=m2, token_id=x"), "members/m1000001 x"},
		{"a temporary lock", change(`, code_id`, `, error="user_temporarily_disabled", code_id`), "429"},
		{"not allowed", change(`, code_id`, `, error="not_allowed", code_id`), "403"},
		{"not an address", change("203.0.113.7", "somewhere"), "m1000001 s1 "},
		{"a question in a path", change(`type="LOGIN"`, `operationType="ACTION"`, "code_id=", "resourcePath="), "/keycloak/admin/ACTION/s1"},
		{"cut off in a quote", good[:len(good)-2], "aside: message: the line is not of the declared format"},
		{"cut off before the realm", good[:88], "aside: message"},
		{"no event", change(`type="LOGIN"`, secret), "aside: message"},
		{"a strange kind", change(`"LOGIN"`, `"`+secret+`"`), "aside: message"},
		{"no such day", change("2026-03-01", "2026-02-31"), "aside: timestamp: the time cannot be read"},
		{"in the future", change("2026-03-01", "2028-03-01"), "aside: timestamp"},
		{"a token that opens doors", change("s1", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"), "aside: code_id: the field holds a usable token"},
		{"broken JSON", `{"timestamp":"2026-03-01T10:00:08.5+09:00","loggerName":"org.keycloak.events","message":"` + secret, "aside: the line is not of the declared format"},
		{"a message that is none", `{"timestamp":"2026-03-01T10:00:08.5+09:00","loggerName":"org.keycloak.events","message":{"a":"` + secret + `"}}`, "aside: message: the value is of the wrong type"},
		{"no time", `{"loggerName":"org.keycloak.events","message":"type=\"LOGIN\", realmId=\"x\""}`, "aside: timestamp"},
		{"a stack", "\tat org.keycloak.events.Something", ""},
		{"nothing", "", ""},
	} {
		got := decode(decoder(), test.text)
		if !strings.Contains(got, test.want) || test.want == "" && got != "" {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, test.want)
		}
		if strings.HasPrefix(got, "aside") && strings.Contains(got, secret) {
			t.Errorf("%s: the error says what stood there", test.name)
		}
	}
}

func TestCover(t *testing.T) {
	for _, text := range []string{good, good[40:], `{"message":"type=LOGIN, userId=m1000001, ipAddress=203.0.113.7, username=kim"`} {
		b := []byte(text)
		(&Decoder{}).Cover(b)
		for _, s := range []string{"m1000001", "members", "203.0", "kim"} {
			if bytes.Contains(b, []byte(s)) {
				t.Errorf("%s is left in %s", s, b)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	text, err := os.ReadFile("testdata/quarkus.log")
	if err != nil {
		f.Fatal(err)
	}
	for l := range bytes.Lines(text) {
		f.Add(string(bytes.TrimSuffix(l, []byte("\n"))))
	}
	d := decoder()
	f.Fuzz(func(t *testing.T, text string) {
		Reads([]byte(text))
		if s := decode(d, text); strings.HasPrefix(s, "aside") && len(s) > 200 {
			t.Errorf("an error as long as %d bytes", len(s))
		}
		d.Cover([]byte(text))
	})
}
