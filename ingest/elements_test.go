package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
)

// found is an event and where it was said to stand.
type found struct {
	id     string
	line   int64
	offset int64
	cause  string
}

// readTrail reads a stream of events from a place on, and gives the places where it
// could be gone on with.
func readTrail(t testing.TB, in io.Reader, from, lines int64) (got []found, ends []int64, err error) {
	t.Helper()
	src := &catalog.Source{Name: "trail", Format: catalog.FormatCloudTrail}
	cat, cerr := catalog.Parse("c.yaml", []byte("sources:\n  trail: {format: cloudtrail}\n"))
	if cerr != nil {
		t.Fatal(cerr)
	}
	f, ferr := FormatNamed(catalog.FormatCloudTrail)
	if ferr != nil {
		t.Fatal(ferr)
	}
	dec, ferr := f.New(src, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	if ferr != nil {
		t.Fatal(ferr)
	}
	s, err := Open(in)
	if err != nil {
		return nil, nil, err
	}
	defer s.Close()
	s.Elements(f.Cutter)
	var taken bytes.Buffer
	s.Taken, s.Tag = &taken, func() any { return int64(taken.Len()) }
	if from > 0 {
		skipped := s.Unpacked()
		if _, err := io.CopyN(io.Discard, skipped, from); err != nil {
			t.Fatal(err)
		}
		s.Begin(from, lines, strings.NewReader(""))
	}
	for {
		c, err := s.Next()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return got, ends, err
		}
		if len(c.Data) > ChunkSize+MaxLine {
			t.Fatalf("a chunk of %d bytes", len(c.Data))
		}
		if c.Before.(int64)+from != c.Offset || c.After.(int64)+from != c.End {
			t.Fatalf("the bytes taken are %d to %d, the chunk has %d to %d", c.Before, c.After, c.Offset, c.End)
		}
		n := DecodeChunk(c, "f", src, cat, nil, dec, func(r *event.Record) {
			got = append(got, found{strings.Clone(string(r.ID)), r.Origin.Line, r.Origin.Offset, ""})
		}, func(a Aside) {
			got = append(got, found{"", a.Origin.Line, a.Origin.Offset, a.Cause.Code})
		})
		if n.Lines != n.Records+n.Aside+n.Empty {
			t.Fatalf("%+v do not add up", n)
		}
		ends = append(ends, c.End)
		c.Release()
	}
}

// writeTrail writes documents of events; want has where each stands.
func writeTrail(rnd *rand.Rand, size int) (text string, want []found) {
	var b strings.Builder
	lines := int64(1)
	write := func(s string) {
		b.WriteString(s)
		lines += int64(strings.Count(s, "\n"))
	}
	one := func() {
		id := fmt.Sprintf("id-%d", len(want))
		pad := strings.Repeat("x", rnd.IntN(2000))
		if rnd.IntN(300) == 0 {
			pad = strings.Repeat("y", rnd.IntN(1<<19))
		}
		e := fmt.Sprintf(`{"eventVersion":"1","eventTime":"2025-03-10T00:00:00Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","eventID":%q,"requestParameters":{"x":[%q]}}`, id, pad)
		if rnd.IntN(2) == 0 {
			e = strings.ReplaceAll(e, ",", ",\n ")
		}
		f := found{id, lines, int64(b.Len()), ""}
		switch rnd.IntN(60) {
		case 0:
			e = strings.Replace(e, `"eventTime":`, `"eventTime"`, 1)
			f.id, f.cause = "", "syntax"
		case 1:
			e = strings.Replace(e, "2025-", "x", 1)
			f.id, f.cause = "", "time"
		case 2:
			if rnd.IntN(4) == 0 {
				e = strings.Replace(e, `"x":[`, `"x":["`+strings.Repeat("z", MaxLine+rnd.IntN(3*MaxLine))+`",`, 1)
				f.id, f.cause = "", "long_line"
			}
		}
		want = append(want, f)
		write(e)
	}
	for b.Len() < size {
		n := rnd.IntN(1500)
		switch rnd.IntN(3) {
		case 0:
			for range n {
				one()
				write("\n")
			}
			continue
		case 1:
			write(`{"a":[{"b":1}], "Records":[`)
		default:
			write("[\n")
		}
		wrapped := strings.HasSuffix(b.String(), ":[")
		for i := range n {
			if i > 0 {
				write([]string{",", ",\n", " ,"}[rnd.IntN(3)])
			}
			one()
		}
		if write("]"); wrapped {
			write("}")
		}
		if rnd.IntN(2) == 0 {
			write("\n")
		}
	}
	return b.String(), want
}

// TestElements: whatever the packing and the lengths, every event comes once, with
// the line and byte it stands at; and so it does from the end of any chunk on.
func TestElements(t *testing.T) {
	rnd := rand.New(rand.NewPCG(21, 22))
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		text, want := writeTrail(rnd, 2<<20)
		for name, in := range map[string][]byte{"plain": []byte(text), "gzip": zipped([]byte(text)), "zstd": enc.EncodeAll([]byte(text), nil)} {
			got, ends, err := readTrail(t, bytes.NewReader(in), 0, 0)
			if err != nil {
				t.Fatal(name, err)
			}
			sameFound(t, name, text, got, want)
			if name != "plain" {
				continue
			}
			for _, end := range ends[:len(ends)-1] {
				got, _, err := readTrail(t, strings.NewReader(text), end, int64(strings.Count(text[:end], "\n")))
				if err != nil {
					t.Fatal(err)
				}
				rest := want
				for len(rest) > 0 && rest[0].offset < end {
					rest = rest[1:]
				}
				sameFound(t, fmt.Sprint("from ", end), text, got, rest)
			}
		}
	}
}

// sameFound compares; asides of a chunk come before its events where they are of
// elements that were too long, so the order is that of the places.
func sameFound(t *testing.T, what, text string, got, want []found) {
	t.Helper()
	at := map[int64]found{}
	for _, f := range got {
		if other, twice := at[f.offset]; twice {
			t.Fatalf("%s: %+v and %+v", what, f, other)
		}
		at[f.offset] = f
	}
	if len(got) != len(want) {
		t.Errorf("%s: %d events, want %d", what, len(got), len(want))
	}
	for _, f := range want {
		if at[f.offset] != f {
			t.Fatalf("%s: %+v, want %+v: %.90s", what, at[f.offset], f, text[f.offset:])
		}
	}
}

// TestElementsDamaged: of a packed document that is damaged no event comes that
// nobody wrote, and the damage is told.
func TestElementsDamaged(t *testing.T) {
	rnd := rand.New(rand.NewPCG(31, 32))
	var want []found
	var b strings.Builder
	b.WriteString(`{"Records":[`)
	for i := range 20_000 {
		want = append(want, found{fmt.Sprintf("id-%x", rnd.Uint64()), 1, int64(b.Len()), ""})
		fmt.Fprintf(&b, `{"eventTime":"2025-03-10T00:00:00Z","eventSource":"s","eventName":"n","eventID":%q},`, want[i].id)
	}
	text := strings.TrimSuffix(b.String(), ",") + "]}"
	known := map[found]bool{}
	for _, f := range want {
		known[f] = true
	}
	packed := zipped([]byte(text))
	told := 0
	for range 8 {
		broken := bytes.Clone(packed)
		broken[100+rnd.IntN(len(broken)-200)] ^= 1 << rnd.IntN(8)
		got, _, err := readTrail(t, bytes.NewReader(broken), 0, 0)
		var b *BrokenError
		if !errors.As(err, &b) {
			t.Fatalf("no break: %v", err)
		}
		if !b.Damaged { // what it made up went on to the end of the file
			continue
		}
		told++
		if !slices.ContainsFunc(got, func(f found) bool { return f.cause == "unverified" }) {
			t.Errorf("nothing is set aside as unverified: %v", b)
		}
		if b.checksum() {
			continue // it made sense to its end, and only the checksum tells
		}
		for _, f := range got {
			if f.cause == "" && !known[f] {
				t.Fatalf("%+v: nobody wrote it; %v", f, b)
			}
		}
	}
	if told < 4 {
		t.Errorf("damage was told %d times", told)
	}
	got, _, err := readTrail(t, bytes.NewReader(packed[:len(packed)/2]), 0, 0)
	if err == nil || len(got) == 0 {
		t.Fatalf("%d events, %v", len(got), err)
	}
	if last := got[len(got)-1]; last.cause != "undecoded" && last.cause != "" {
		t.Errorf("the last of what was cut off: %+v", last)
	}
}

// TestElementsBounded: an element and a document without one of many megabytes are
// passed over and never held.
func TestElementsBounded(t *testing.T) {
	const e = `{"eventVersion":"1","eventTime":"2025-03-10T00:00:00Z","eventSource":"s","eventName":"n","eventID":"last"}`
	for what, c := range map[string]struct {
		head, fill, tail string
		causes           int
	}{
		"blanks":             {`{"Records":[`, " ", "]}\n", 0},
		"a long element":     {`{"Records":[{"x":"`, "a", `"}]}` + "\n", 1},
		"what stands around": {`{"Records":[],"x":"`, "a", `"}` + "\n", 0},
		"before the list":    {`{"x":"`, "a", `","Records":[]}` + "\n", 1},
		"no JSON":            {"", "a", "\n", 1},
		"many brackets":      {"", "[", "\n", 1},
	} {
		in := io.MultiReader(strings.NewReader(c.head), strings.NewReader(strings.Repeat(c.fill, 4<<20)), strings.NewReader(c.tail+e))
		got, _, err := readTrail(t, in, 0, 0)
		if err != nil {
			t.Fatal(what, err)
		}
		if len(got) != c.causes+1 || got[len(got)-1].id != "last" {
			t.Errorf("%s: %+v", what, got)
		}
	}
}

// FuzzElements: whatever the bytes, what a stream of documents gives adds up.
func FuzzElements(f *testing.F) {
	text, _ := writeTrail(rand.New(rand.NewPCG(1, 1)), 4000)
	f.Add([]byte(text[:4000]))
	f.Add([]byte(`{"Records":[{"eventTime":"2025-03-10T00:00:00Z"`))
	f.Add(zipped([]byte(`[{"a":1},{"b":`)))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, _, _ := readTrail(t, bytes.NewReader(data), 0, 0)
		for _, f := range got {
			if f.line < 1 || f.offset < 0 {
				t.Fatalf("%+v", f)
			}
		}
	})
}
