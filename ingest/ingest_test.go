package ingest

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
)

func chunks(t *testing.T, r io.Reader) (got []*Chunk, err error) {
	t.Helper()
	s, err := Open(r)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	for {
		c, err := s.Next()
		if errors.Is(err, io.EOF) {
			return got, nil
		}
		if err != nil {
			return got, err
		}
		got = append(got, c)
	}
}

// TestChunks: whatever the line lengths and the packing, the chunks are the
// stream, cut at lines, with the right offsets and numbers.
func TestChunks(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 6 {
		var b bytes.Buffer
		for b.Len() < 3<<20 {
			n := rnd.IntN(2000)
			if rnd.IntN(200) == 0 {
				n = rnd.IntN(1 << 19)
			}
			b.WriteString(strings.Repeat("x", n))
			b.WriteString([]string{"\n", "\r\n"}[rnd.IntN(2)])
		}
		if rnd.IntN(2) == 0 {
			b.WriteString("no end")
		}
		whole := b.Bytes()
		var zipped bytes.Buffer
		zw := gzip.NewWriter(&zipped)
		zw.Write(whole[:len(whole)/2])
		zw.Close()
		zw = gzip.NewWriter(&zipped) // a second member
		zw.Write(whole[len(whole)/2:])
		zw.Close()
		enc, _ := zstd.NewWriter(nil)
		for name, in := range map[string][]byte{"plain": whole, "gzip": zipped.Bytes(), "zstd": enc.EncodeAll(whole, nil)} {
			got, err := chunks(t, bytes.NewReader(in))
			if err != nil {
				t.Fatal(name, err)
			}
			var all []byte
			line := int64(1)
			for _, c := range got {
				if c.Offset != int64(len(all)) || c.Line != line {
					t.Fatalf("%s: chunk %d begins at %d, line %d; want %d, %d", name, c.Seq, c.Offset, c.Line, len(all), line)
				}
				all = append(all, c.Data...)
				line += c.Lines
				if c.End != int64(len(all)) {
					t.Fatalf("%s: chunk %d ends at %d, want %d", name, c.Seq, c.End, len(all))
				}
			}
			if !bytes.Equal(all, whole) {
				t.Fatalf("%s: %d bytes came back of %d", name, len(all), len(whole))
			}
		}
	}
}

// TestLongLine: a line of megabytes is set aside; its neighbours are not.
func TestLongLine(t *testing.T) {
	long := strings.Repeat("y", 5<<20)
	in := "a\n" + long + "\nb\n" + long
	got, err := chunks(t, strings.NewReader(in))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	asides := 0
	for _, c := range got {
		for _, a := range c.Asides {
			asides++
			if a.Cause.Code != "long_line" || len(a.Text) != AsideText {
				t.Fatalf("set aside as %s with %d bytes", a.Cause.Code, len(a.Text))
			}
		}
		lines = append(lines, strings.Fields(string(c.Data))...)
	}
	if !slices.Equal(lines, []string{"a", "b"}) || asides != 2 {
		t.Fatalf("%d lines, %d set aside", len(lines), asides)
	}
	if end := got[len(got)-1].End; end != int64(len(in)) {
		t.Fatalf("ends at %d of %d", end, len(in))
	}
}

// TestCutOff: a truncated gzip gives everything before the break, then says so.
func TestCutOff(t *testing.T) {
	var b bytes.Buffer
	for i := range 100_000 {
		fmt.Fprintf(&b, "line %d %x\n", i, i*7919)
	}
	var z bytes.Buffer
	zw := gzip.NewWriter(&z)
	zw.Write(b.Bytes())
	zw.Close()
	got, err := chunks(t, bytes.NewReader(z.Bytes()[:z.Len()/2]))
	var broken *BrokenError
	if !errors.As(err, &broken) {
		t.Fatalf("got %v", err)
	}
	n := 0
	for _, c := range got {
		n += len(c.Data)
	}
	if n == 0 || int64(n) != broken.Offset || !bytes.HasPrefix(b.Bytes(), got[0].Data) {
		t.Fatalf("%d bytes delivered, break at %d", n, broken.Offset)
	}
}

// TestRealApache: ten thousand lines of a real server; each is a record or set
// aside with a cause.
func TestRealApache(t *testing.T) {
	f, err := os.Open("../testdata/real/apache_combined.log.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s, err := Open(f)
	if err != nil {
		t.Fatal(err)
	}
	sample, err := s.Sample()
	if err != nil {
		t.Fatal(err)
	}
	if v := Detect(sample); v.String() != "combined, 20 of 20 lines" {
		t.Fatalf("detected %s", v)
	}
	cat, err := catalog.Parse("empty.yaml", []byte("version: 1\nsources:\n  web:\n    format: combined\n"))
	if err != nil {
		t.Fatal(err)
	}
	src, _ := cat.Source("web")
	format, _ := FormatNamed("combined")
	dec, _ := format.New(src, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	var total Counts
	statuses := map[uint16]int{}
	for {
		c, err := s.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		n := DecodeChunk(c, "apache", src, cat, nil, dec, func(r *event.Record) {
			statuses[r.Status]++
			if !r.Client.IP.IsValid() || r.Time == 0 || r.Route == "" {
				t.Errorf("line %d lacks an address, a time or a route", r.Origin.Line)
			}
		}, func(a Aside) { t.Logf("line %d: %s %s", a.Origin.Line, a.Field, a.Cause.EN) })
		total.Lines += n.Lines
		total.Records += n.Records
		total.Aside += n.Aside
	}
	if total.Lines != 10_000 || total.Records+total.Aside != total.Lines {
		t.Fatalf("%+v", total)
	}
	if total.Aside > 0 {
		t.Errorf("%d real lines were set aside", total.Aside)
	}
	if statuses[200] != 9126 {
		t.Errorf("%d lines with status 200, want 9126", statuses[200])
	}
}

// FuzzStream: whatever the bytes, the chunks add up to the stream, or the break
// is told; never a panic.
func FuzzStream(f *testing.F) {
	f.Add([]byte("a\nb\n"))
	var z bytes.Buffer
	zw := gzip.NewWriter(&z)
	zw.Write([]byte("a\nb"))
	zw.Close()
	f.Add(z.Bytes())
	enc, _ := zstd.NewWriter(nil)
	f.Add(enc.EncodeAll([]byte("a\nb\n"), nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Open(bytes.NewReader(data))
		if err != nil {
			return
		}
		defer s.Close()
		var all []byte
		for {
			c, err := s.Next()
			if err != nil {
				break
			}
			if c.Offset != int64(len(all)) {
				t.Fatal("a chunk begins where none ended")
			}
			all = append(all, c.Data...)
			c.Release()
		}
		if s.Packing == "" && !bytes.Equal(all, data) {
			t.Fatal("plain bytes did not come back")
		}
	})
}
