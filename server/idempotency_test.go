package server

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/haetae/haetae/internal/disk"
)

// TestIdempotencyKey: the same key with the same body counts once, with another
// body it is refused and nothing is lost, also after a power cut and after the
// records were sealed.
func TestIdempotencyKey(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	w := newWorld(t, disk.NewMem(), "d")
	r := w.serve(nil)
	key := func(k string) map[string]string { return map[string]string{"Idempotency-Key": k} }
	refused := func(what string) {
		t.Helper()
		status, _, text := r.call("POST", "/v1/records", w.token, key("k1"), strings.NewReader(lines("", 9)))
		if status != 422 || !strings.Contains(text, `"code":"idempotency_key_reused"`) {
			t.Errorf("%s: another body: %d %s, want 422", what, status, text)
		}
	}
	repeated := func(what string) {
		t.Helper()
		if status, got := r.post(key("k1"), lines("", 5)); status != 200 || got.Duplicates != 5 || got.Accepted != 0 {
			t.Errorf("%s: the same again: %d %+v, want 5 duplicates", what, status, got)
		}
	}
	if status, got := r.post(key("k1"), lines("", 5)); status != 200 || got.Accepted != 5 {
		t.Fatalf("first: %d %+v", status, got)
	}
	repeated("at once")
	refused("at once")
	var gz bytes.Buffer
	z := gzip.NewWriter(&gz)
	z.Write([]byte(lines("", 5)))
	z.Close()
	if status, got := r.post(map[string]string{"Idempotency-Key": "k1", "Content-Encoding": "gzip"}, gz.String()); status != 200 || got.Duplicates != 5 {
		t.Errorf("the same, packed: %d %+v, want 5 duplicates", status, got)
	}
	again := func(seal bool) {
		t.Helper()
		if seal {
			if err := r.Ledger().Seal(); err != nil {
				t.Fatal(err)
			}
		}
		crashed := w.fs.(*disk.Mem).Crash(rnd)
		r.Server.Close()
		w.fs = crashed
		r = w.serve(nil)
	}
	again(false)
	repeated("after a power cut")
	refused("after a power cut")
	again(true)
	repeated("after sealing")
	refused("after sealing")

	// What was refused is taken with a key of its own.
	if status, got := r.post(key("k2"), lines("", 9)); status != 200 || got.Accepted != 9 {
		t.Errorf("with another key: %d %+v, want 9 accepted", status, got)
	}
	// A body that did not arrive whole leaves the key free.
	if status, _, _ := r.call("POST", "/v1/records", w.token, map[string]string{"Idempotency-Key": "k3", "Content-Encoding": "gzip"}, bytes.NewReader(gz.Bytes()[:gz.Len()/2])); status != 400 {
		t.Errorf("half a body: %d, want 400", status)
	}
	if status, got := r.post(key("k3"), lines("", 5)); status != 200 || got.Accepted != 5 {
		t.Errorf("the whole body: %d %+v, want 5 accepted", status, got)
	}
	// So does one of which nothing counts; but one of which a part counts does not.
	r.post(key("k4"), "not json\n")
	if status, got := r.post(key("k4"), lines("", 1)); status != 200 || got.Accepted != 1 {
		t.Errorf("after nothing counted: %d %+v, want 1 accepted", status, got)
	}
	r.post(key("k5"), lines("", 1)+"not json\n")
	if status, _, text := r.call("POST", "/v1/records", w.token, key("k5"), strings.NewReader(lines("", 2))); status != 422 {
		t.Errorf("after a part counted: %d %s, want 422", status, text)
	}
	// Records with ids of their own are held to the same rule.
	r.post(key("k6"), lines("own", 3))
	if status, _, text := r.call("POST", "/v1/records", w.token, key("k6"), strings.NewReader(lines("other", 3))); status != 422 {
		t.Errorf("with ids: %d %s, want 422", status, text)
	}
	if n, want := r.count("true"), int64(5+9+5+1+1+3); n != want {
		t.Errorf("%d records, want %d", n, want)
	}
	r.end()
}

// TestForgottenKeys: of a source that uses very many keys the oldest are
// forgotten, the memory stays bounded, and a forgotten key loses no record.
func TestForgottenKeys(t *testing.T) {
	w := newWorld(t, disk.NewMem(), "d")
	r := w.serve(nil)
	post := func(k string, n int) Received {
		t.Helper()
		status, got := r.post(map[string]string{"Idempotency-Key": k}, lines("", n))
		if status != 200 {
			t.Fatalf("%s: %d %+v", k, status, got)
		}
		return got
	}
	post("old", 3)
	k := r.newKeyed("gateway", "old", nil)
	filled := 0
	for i := 0; filled <= keysInTable; i++ {
		name := fmt.Sprint("key ", i)
		if o := r.newKeyed("gateway", name, nil); o.table() == k.table() {
			post(name, 1)
			filled++
		}
	}
	value, ok := r.Ledger().Checkpoint(fmt.Sprintf("idempotency gateway %02d", k.table()))
	if !ok || len(value) != 1+keysInTable*keySize {
		t.Errorf("a full table has %d bytes, want %d", len(value), 1+keysInTable*keySize)
	}
	if got := post("old", 3); got.Duplicates != 3 {
		t.Errorf("a forgotten key with its body: %+v, want 3 duplicates", got)
	}
	r.end()
	for _, damaged := range [][]byte{nil, {}, {9, 1}, {keyVersion, 1, 2, 3}} {
		if table, _, found := withKey(damaged, 1, 2); found || len(table) != 1+keySize {
			t.Errorf("a table %v: %v, %v", damaged, table, found)
		}
	}
}
