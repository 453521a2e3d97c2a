package jsonlines

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// asked are keys of every kind: mapped, nested in what is mapped and in what is not.
var asked = []string{"http_referer", "request_uri", "status", "geo.country", "geo", "a.b.c", "list", "list.0", "list.1.a", "time", "actor_id.x", "x"}

// at finds a dotted key in what encoding/json reads, as the last of equal keys.
func at(v map[string]any, key string) (any, bool) {
	if x, ok := v[key]; ok {
		return x, true
	}
	head, rest, ok := strings.Cut(key, ".")
	if below, is := v[head].(map[string]any); ok && is {
		return at(below, rest)
	}
	if list, is := v[head].([]any); ok && is {
		places := map[string]any{}
		for i, x := range list {
			places[strconv.Itoa(i)] = x
		}
		return at(places, rest)
	}
	return nil, false
}

// FuzzAsk: what is asked for changes nothing of what a line becomes, and is what
// encoding/json says stands there.
func FuzzAsk(f *testing.F) {
	f.Add([]byte(`{"time":1740784286}`), []byte(`{"time":"2025-03-01T08:11:26.348+09:00","http_referer":"http:\/\/x","status":200,"request_uri":"/a?b","list":[1,"x"]}`))
	f.Add([]byte(`{"time":1740784286,"http_referer":"a"}`), []byte(`{"time":1740784286,"http_referer":"b\n","a":{"b":{"c":-1.5e3}},"geo":{"country":"KR"},"x":null}`))
	f.Add([]byte(`{"list":[]}`), []byte(`{"time":1740784286,"list":[["x"],{"a":7}]}`))
	f.Add([]byte(`{"a":{"b":1},"time":1740784286}`), []byte(`{"a":{"b":{"c":[]}},"time":1740784286,"actor_id":{"x":true}}`))
	f.Fuzz(func(t *testing.T, before, text []byte) {
		d := decoder(t)
		d.Ask(asked)
		decode(d, before)
		got := decode(d, text)
		same(t, decode(decoder(t), text), got)
		if got.err != "" {
			return
		}
		var want map[string]any
		if json.Unmarshal(text, &want) != nil {
			return
		}
		if repeats(text) {
			return // of equal keys one counts, and which is not asked here
		}
		for i, key := range asked {
			v, ok := at(want, key)
			raw := d.Fields()[i]
			if key == "geo" || key == "actor_id.x" {
				continue // objects that the mapping looks into, or refuses
			}
			if ok != (raw != nil) {
				t.Fatalf("%s: there: %t, found: %t", key, ok, raw != nil)
			}
			if !ok {
				continue
			}
			var have any
			if err := json.Unmarshal(raw, &have); err != nil {
				t.Fatalf("%s: %v", key, err)
			}
			if !reflect.DeepEqual(have, v) {
				t.Fatalf("%s differs from encoding/json", key)
			}
		}
	})
}

// repeats reports whether an object has a key twice, a dotted one too.
func repeats(text []byte) bool {
	var walk func(d *json.Decoder, path string, seen map[string]bool) bool
	walk = func(d *json.Decoder, path string, seen map[string]bool) bool {
		for d.More() {
			k, err := d.Token()
			if err != nil {
				return true
			}
			key, _ := k.(string)
			if seen[path+key] {
				return true
			}
			seen[path+key] = true
			var v json.RawMessage
			if d.Decode(&v) != nil {
				return true
			}
			if v[0] == '[' {
				var list []json.RawMessage
				if json.Unmarshal(v, &list) != nil {
					return true
				}
				for i, x := range list {
					place := path + key + "." + strconv.Itoa(i)
					if seen[place] {
						return true
					}
					seen[place] = true
					if x[0] == '{' {
						in := json.NewDecoder(bytes.NewReader(x))
						in.Token()
						if walk(in, place+".", seen) {
							return true
						}
					}
				}
			}
			if v[0] != '{' {
				continue
			}
			in := json.NewDecoder(bytes.NewReader(v))
			in.Token()
			if walk(in, path+key+".", seen) {
				return true
			}
		}
		return false
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if _, err := d.Token(); err != nil {
		return true
	}
	return walk(d, "", map[string]bool{})
}

// TestAskSample asks of a real log, whose lines are read by the quick loop.
func TestAskSample(t *testing.T) {
	d := decoder(t)
	d.Ask([]string{"request_uri", "status", "nowhere"})
	for _, text := range sample(t)[:2000] {
		got := decode(d, text)
		same(t, decode(decoder(t), text), got)
		if got.err != "" {
			continue
		}
		var want struct {
			URI    string      `json:"request_uri"`
			Status json.Number `json:"status"`
		}
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		f := d.Fields()
		var uri string
		if json.Unmarshal(f[0], &uri) != nil || uri != want.URI || string(f[1]) != want.Status.String() || f[2] != nil {
			t.Fatal("a field differs from encoding/json")
		}
	}
}
