package score

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/haetae/haetae/drill"
	"github.com/haetae/haetae/internal/written"
	"github.com/haetae/haetae/internal/written/writtentest"
)

func sealed(t testing.TB, w *drill.Truth, people iter.Seq[drill.Reached]) (file, key []byte) {
	t.Helper()
	key, recipient, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := Seal(&b, recipient, w, people); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), key
}

func opened(file, key []byte) (*drill.Truth, []drill.Reached, error) {
	t, people, err := Open(bytes.NewReader(file), key)
	if err != nil {
		return nil, nil, err
	}
	var out []drill.Reached
	for p, err := range people {
		if err != nil {
			return t, out, err
		}
		out = append(out, p)
	}
	return t, out, nil
}

func TestSeal(t *testing.T) {
	w := perfect(rand.New(rand.NewPCG(1, 8)), 5000)
	w.reached[0].Person, w.reached[1].Person, w.reached[2].Person = `김 "하나"`, "a\\b\u2028<", strings.Repeat("x", longest)
	w.reached[3].First, w.reached[3].Named = -5, false
	w.truth.People = 5000
	file, key := sealed(t, w.truth, slices.Values(w.reached))
	got, people, err := opened(file, key)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(w.truth, got); d != "" {
		t.Errorf("the truth came back changed:\n%s", d)
	}
	if d := cmp.Diff(w.reached, people); d != "" {
		t.Errorf("the people came back changed:\n%s", d)
	}
	if bytes.Contains(file, []byte("m00")) || bytes.Contains(file, []byte("small")) {
		t.Error("the sealed file can be read")
	}
}

// TestSealedWrong: every file that is not whole is refused, in both languages.
func TestSealedWrong(t *testing.T) {
	w := perfect(rand.New(rand.NewPCG(1, 9)), 300)
	for i := range w.reached {
		w.reached[i].Person = writtentest.Marker + fmt.Sprint(i)
	}
	w.truth.People = 300
	file, key := sealed(t, w.truth, slices.Values(w.reached))
	other, _, _ := NewKey()
	_, recipient, _ := bytes.Cut(key, []byte("key: "))
	recipient, _, _ = bytes.Cut(recipient, []byte("\n"))
	raw := func(text string) []byte {
		to, err := age.ParseX25519Recipient(string(recipient))
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		a, _ := age.Encrypt(&b, to)
		z, _ := zstd.NewWriter(a)
		_, err = z.Write([]byte(text))
		if err := errors.Join(err, z.Close(), a.Close()); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	head := func(change func(map[string]any)) string {
		b, _ := json.Marshal(header{truthFormat, w.truth})
		m := map[string]any{}
		_ = json.Unmarshal(b, &m)
		m["people"] = 1
		change(m)
		b, _ = json.Marshal(m)
		return string(b) + "\n"
	}
	sound := head(func(map[string]any) {})
	line := `{"person":"zz4815162342","items":1,"first":1,"named":true,"account":true}` + "\n"
	if _, people, err := opened(raw(sound+line), key); err != nil || len(people) != 1 {
		t.Fatalf("a sound file: %v", err)
	}
	for name, f := range map[string]struct{ file, key []byte }{
		"another key":    {file, other},
		"no key":         {file, []byte("zz4815162342")},
		"no file":        {nil, key},
		"cut":            {file[:len(file)-20], key},
		"cut early":      {file[:100], key},
		"changed":        {append(slices.Clone(file[:len(file)-30]), bytes.Repeat([]byte{7}, 30)...), key},
		"not sealed":     {[]byte(sound + line), key},
		"no header":      {raw(line), key},
		"empty":          {raw(""), key},
		"newer":          {raw(head(func(m map[string]any) { m["format"] = 2 })), key},
		"unknown field":  {raw(head(func(m map[string]any) { m["zz4815162342"] = 2 }) + line), key},
		"scale of 0":     {raw(head(func(m map[string]any) { m["scale"] = 0 }) + line), key},
		"too few":        {raw(sound), key},
		"too many":       {raw(sound + line + line), key},
		"no end":         {raw(sound + line[:len(line)-1]), key},
		"no person":      {raw(sound + strings.Replace(line, "zz4815162342", "", 1)), key},
		"not JSON":       {raw(sound + "zz4815162342\n"), key},
		"more":           {raw(sound + strings.Replace(line, "}", "} zz", 1)), key},
		"no item of it":  {raw(sound + strings.Replace(line, `"items":1`, `"items":8`, 1)), key},
		"a field fewer":  {raw(sound + strings.Replace(line, `,"named":true`, "", 1)), key},
		"a longer line":  {raw(sound + strings.Repeat("zz4815162342", 10000) + "\n"), key},
		"a null header":  {raw("null\n" + line), key},
		"an empty first": {raw("\n" + line), key},
	} {
		_, _, err := opened(f.file, f.key)
		if err == nil {
			t.Errorf("%s: was opened", name)
			continue
		}
		if p := writtentest.Told(err, ""); p != "" {
			t.Errorf("%s: %s", name, p)
		}
	}
	if err := Seal(&bytes.Buffer{}, "age1zz", w.truth, slices.Values(w.reached)); err == nil {
		t.Error("sealed to nobody")
	}
	w.truth.People = 299
	if err := Seal(&bytes.Buffer{}, string(recipient), w.truth, slices.Values(w.reached)); !errors.Is(err, errDifferent) {
		t.Errorf("another number of people: %v", err)
	}
	w.reached[0].Person = ""
	if err := Seal(&bytes.Buffer{}, string(recipient), w.truth, slices.Values(w.reached)); err == nil || written.Korean(err) == "" {
		t.Error("sealed an empty id")
	}
}

// FuzzTruth: no file panics the reader, and what it reads it would write again.
func FuzzTruth(f *testing.F) {
	w := perfect(rand.New(rand.NewPCG(1, 10)), 3)
	w.truth.People = 3
	var b bytes.Buffer
	if err := writeTruth(&b, w.truth, slices.Values(w.reached)); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(`{"format":1,"people":1,"scale":1,"items":["a"]}` + "\n" + `{"account":true,"person":"\u0041","items":1,"first":1,"named":true}` + "\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		head, people, err := readTruth(bytes.NewReader(raw))
		if err != nil {
			return
		}
		var all []drill.Reached
		for p, err := range people {
			if err != nil {
				return
			}
			all = append(all, p)
		}
		var again bytes.Buffer
		if err := writeTruth(&again, head, slices.Values(all)); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		_, people, err = readTruth(&again)
		if err != nil {
			t.Fatal(err)
		}
		i := 0
		for p, err := range people {
			if err != nil || p != all[i] {
				t.Fatalf("person %d came back changed: %v", i, err)
			}
			i++
		}
	})
}
