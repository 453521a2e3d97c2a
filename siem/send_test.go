package siem

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/internal/written"
)

func splunkOutput(t *testing.T, url string) *Output {
	return &Output{Name: "s", Kind: Splunk, URL: url, TokenFile: secretFile(t, token), Scheme: "splunk", Index: "access", Host: "h1", Events: 100, Bytes: 1 << 20}
}

func elasticOutput(t *testing.T, url string) *Output {
	return &Output{Name: "e", Kind: Elastic, URL: url, TokenFile: secretFile(t, token), Scheme: "apikey", Index: "logs-haetae", Events: 100, Bytes: 1 << 20}
}

func senderOf(t *testing.T, o *Output) sender {
	t.Helper()
	s, err := newSender(o)
	if err != nil {
		t.Fatal(err)
	}
	if s, ok := s.(*splunk); ok {
		s.poll = time.Millisecond
	}
	return s
}

// say answers with a status and a body.
func say(status int, body string, headers ...string) func(int, []string, http.ResponseWriter, *http.Request) bool {
	return func(_ int, _ []string, w http.ResponseWriter, _ *http.Request) bool {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
		return true
	}
}

// halfRead breaks the connection in the middle of an answer.
func halfRead(_ int, _ []string, w http.ResponseWriter, _ *http.Request) bool {
	w.Header().Set("Content-Length", "1000")
	io.WriteString(w, `{"text":"Succ`)
	return true
}

// hang answers when the sender has gone.
func hang(_ int, _ []string, _ http.ResponseWriter, r *http.Request) bool {
	<-r.Context().Done()
	return true
}

// expect checks an outcome: what is left, and the beginning of what is wrong, which
// names nothing that is secret.
func expect(t *testing.T, what string, out outcome, left []string, refused int, why, wrong string) {
	t.Helper()
	said := ""
	if out.err != nil {
		said = out.err.Error()
		for _, text := range []string{said, written.Korean(out.err)} {
			if strings.Contains(text, token) || strings.Contains(text, marker) || strings.Contains(text, "127.0.0.1") || text == "" {
				t.Errorf("%s: says %q", what, text)
			}
		}
		if said == written.Korean(out.err) {
			t.Errorf("%s: has no Korean: %s", what, said)
		}
	}
	if !slices.Equal(namesOf(out.left), left) || len(out.refused) != refused || out.why != why || !strings.HasPrefix(said, wrong) || (wrong == "") != (said == "") {
		t.Errorf("%s: left %v, refused %d %q, %q\nwant %v, %d %q, %q", what, namesOf(out.left), len(out.refused), out.why, said, left, refused, why, wrong)
	}
}

func TestSplunk(t *testing.T) {
	abc := []string{"a", "b", "c"}
	for name, test := range map[string]struct {
		answer  func(int, []string, http.ResponseWriter, *http.Request) bool
		left    []string
		refused int
		why     string
		wrong   string
	}{
		"busy":         {say(503, `{"text":"Server is busy","code":9}`), abc, 0, "", "answered 503, code 9 of Splunk"},
		"bad token":    {say(403, `{"text":"Invalid token","code":4}`), abc, 0, "", "answered 403, code 4 of Splunk"},
		"no index":     {say(400, `{"text":"Incorrect index","code":7,"invalid-event-number":0}`), abc, 0, "", "answered 400, code 7 of Splunk"},
		"bad gateway":  {say(502, `<html>`+marker), abc, 0, "", "answered 502"},
		"moved":        {say(302, ``, "Location", "http://127.0.0.1:1/x"), abc, 0, "", "answered 302: a redirect is not followed"},
		"one is bad":   {say(400, `{"text":"Invalid data format","code":6,"invalid-event-number":1}`), []string{"a", "c"}, 1, "invalid_data_format", ""},
		"strange":      {say(200, `{"text":"ok"}`), abc, 0, "", "the answer cannot be understood"},
		"nothing":      {say(200, ``), abc, 0, "", "the answer cannot be understood"},
		"half":         {halfRead, abc, 0, "", "read the answer: the answer broke off"},
		"out of range": {say(400, `{"code":6,"invalid-event-number":7}`), nil, 3, "invalid_data_format", ""},
	} {
		c := collector(t)
		c.answer = test.answer
		out := senderOf(t, splunkOutput(t, c.URL)).send(context.Background(), events(abc...))
		expect(t, name, out, test.left, test.refused, test.why, test.wrong)
	}
	for _, change := range []func(*Output){func(*Output) {}, func(o *Output) { o.Gzip = true }, func(o *Output) { o.Acknowledge = true }, func(o *Output) { o.URL += "/services/collector/event" }} {
		c := collector(t)
		o := splunkOutput(t, c.URL)
		change(o)
		expect(t, "well", senderOf(t, o).send(context.Background(), events(abc...)), nil, 0, "", "")
		if !slices.Equal(c.order, abc) || c.calls != 1 {
			t.Errorf("%+v: got %v in %d requests", o, c.order, c.calls)
		}
	}
}

// TestSplunkHalves: of events of which some are not taken, and nobody says which, the
// others are taken; and of too many, as many as fit.
func TestSplunkHalves(t *testing.T) {
	for code, answer := range map[string]func(w http.ResponseWriter){
		"invalid_data_format": func(w http.ResponseWriter) { say(400, `{"code":6}`)(0, nil, w, nil) },
		"too_large":           func(w http.ResponseWriter) { say(413, ``)(0, nil, w, nil) },
	} {
		c := collector(t)
		c.answer = func(_ int, names []string, w http.ResponseWriter, _ *http.Request) bool {
			bad := slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, "bad") })
			if bad {
				answer(w)
			}
			return bad
		}
		out := senderOf(t, splunkOutput(t, c.URL)).send(context.Background(), events("a", "bad1", "b", "c", "d", "bad2", "e"))
		expect(t, code, out, nil, 2, code, "")
		if want := []string{"a", "b", "c", "d", "e"}; !slices.Equal(c.order, want) {
			t.Errorf("%s: got %v", code, c.order)
		}
	}
	// What goes wrong in between leaves the rest, and no event is counted twice.
	c := collector(t)
	c.answer = func(call int, names []string, w http.ResponseWriter, r *http.Request) bool {
		if call == 1 {
			return say(413, ``)(0, nil, w, r)
		}
		return call == 3 && say(503, ``, "Retry-After", "7")(0, nil, w, r)
	}
	out := senderOf(t, splunkOutput(t, c.URL)).send(context.Background(), events("a", "b", "c", "d"))
	expect(t, "in between", out, []string{"c", "d"}, 0, "", "answered 503")
	if out.err.(*trouble).after != 7*time.Second {
		t.Errorf("after %v", out.err.(*trouble).after)
	}
}

func TestSplunkUnacknowledged(t *testing.T) {
	c := collector(t)
	c.answer = say(200, `{"text":"Success","code":0}`)
	o := splunkOutput(t, c.URL)
	o.Acknowledge = true
	expect(t, "off", senderOf(t, o).send(context.Background(), events("a")), []string{"a"}, 0, "", "indexer acknowledgement is off")
}

func TestElastic(t *testing.T) {
	abc := []string{"a", "b", "c"}
	type refuse = func(int, string) (int, string)
	only := func(name string, status int, kind string) refuse {
		return func(_ int, n string) (int, string) {
			if n == name {
				return status, kind
			}
			return 201, ""
		}
	}
	for name, test := range map[string]struct {
		refuse  refuse
		answer  func(int, []string, http.ResponseWriter, *http.Request) bool
		left    []string
		refused int
		why     string
		wrong   string
	}{
		"well":       {},
		"busy":       {answer: say(503, `{"error":{"reason":"`+marker+`"}}`), left: abc, wrong: "answered 503"},
		"slow down":  {answer: say(429, ``), left: abc, wrong: "answered 429"},
		"no right":   {answer: say(403, ``), left: abc, wrong: "answered 403: the token is not right"},
		"no address": {answer: say(404, ``), left: abc, wrong: "answered 404"},
		"one waits":  {refuse: only("b", 429, "es_rejected_execution_exception"), left: []string{"b"}, wrong: "the index does not take some of the events now (429 es_rejected_execution_exception)"},
		"one is bad": {refuse: only("b", 400, "document_parsing_exception"), refused: 1, why: "document_parsing_exception"},
		"odd word":   {refuse: only("b", 400, marker), refused: 1, why: "refused"},
		"no index":   {refuse: only("c", 404, "index_not_found_exception"), left: []string{"c"}, wrong: "the index cannot be written to (404 index_not_found_exception)"},
		"too few":    {answer: say(200, `{"errors":false,"items":[{"create":{"status":201}}]}`), left: abc, wrong: "the answer cannot be understood"},
		"other":      {answer: say(200, `{"errors":false,"items":[{"index":{"status":201}},{"index":{"status":201}},{"index":{"status":201}}]}`), left: abc, wrong: "the answer cannot be understood"},
		"half":       {answer: halfRead, left: abc, wrong: "read the answer"},
	} {
		c := index(t, test.refuse)
		c.answer = test.answer
		out := senderOf(t, elasticOutput(t, c.URL)).send(context.Background(), events(abc...))
		expect(t, name, out, test.left, test.refused, test.why, test.wrong)
	}
	// What was sent before is there once, and nothing is wrong with that.
	c := index(t, nil)
	s := senderOf(t, elasticOutput(t, c.URL))
	for range 2 {
		expect(t, "again", s.send(context.Background(), events(abc...)), nil, 0, "", "")
	}
	if len(c.order) != 3 {
		t.Errorf("kept %v", c.order)
	}
}

func TestLines(t *testing.T) {
	var got []string
	status := func(string) int { return 204 }
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token || r.URL.Path != "/in" {
			t.Errorf("%v %s", r.Header, r.URL)
		}
		code := 204
		var names []string
		for line := range strings.Lines(string(body(t, r))) {
			var e sentEvent
			strictly(t, []byte(line), &e)
			names = append(names, e.Name)
			code = max(code, status(e.Name))
		}
		if w.WriteHeader(code); code < 300 {
			got = append(got, names...)
		}
	}))
	defer srv.Close()
	o := &Output{Name: "l", Kind: Lines, URL: srv.URL + "/in", TokenFile: secretFile(t, token), Scheme: "bearer"}
	s := senderOf(t, o)
	expect(t, "well", s.send(context.Background(), events("a", "b")), nil, 0, "", "")
	status = func(n string) int {
		if n == "bad" {
			return 422
		}
		return 200
	}
	expect(t, "one is bad", s.send(context.Background(), events("c", "bad", "d")), nil, 1, "bad_request", "")
	if !slices.Equal(got, []string{"a", "b", "c", "d"}) {
		t.Errorf("got %v", got)
	}
	status = func(string) int { return 405 }
	expect(t, "method", s.send(context.Background(), events("a")), []string{"a"}, 0, "", "answered 405")
	srv.Close()
	expect(t, "gone", s.send(context.Background(), events("a")), []string{"a"}, 0, "", "call: connection ")
	o.TokenFile += ".gone"
	expect(t, "no token", s.send(context.Background(), events("a")), []string{"a"}, 0, "", "token_file: the file is not there")
}

// TestHang: a receiver that never answers holds an attempt up and no longer.
func TestHang(t *testing.T) {
	c := collector(t)
	c.answer = hang
	ctx, stop := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer stop()
	expect(t, "hang", senderOf(t, splunkOutput(t, c.URL)).send(ctx, events("a")), []string{"a"}, 0, "", "call: no answer in time")
}

func TestAuthorization(t *testing.T) {
	for scheme, want := range map[string]string{"splunk": "Splunk u:p", "apikey": "ApiKey u:p", "bearer": "Bearer u:p", "basic": "Basic dTpw"} {
		if got := authorization(scheme, "u:p"); got != want {
			t.Errorf("%s: %s", scheme, got)
		}
	}
	if got, err := below("https://h/", "/_bulk"); got != "https://h/_bulk" || err != nil {
		t.Error(got)
	}
	if got, err := below("https://h/es/_bulk", "/_bulk"); got != "https://h/es/_bulk" || err != nil {
		t.Error(got)
	}
}
