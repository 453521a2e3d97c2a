package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
)

const mark = "\ufeff"

// bomLogs is a log of three records in each format; of documents, also an event a
// line, as a follower reads them.
var bomLogs = []struct{ name, format, source, text string }{
	{"json lines", catalog.FormatJSON, "{format: json, fields: {time: t, uri: u}}",
		`{"t":"2026-03-01T00:00:01Z","u":"/a"}` + "\n" + `{"t":"2026-03-01T00:00:02Z","u":"/b"}` + "\n" + `{"t":"2026-03-01T00:00:03Z","u":"/c"}` + "\n"},
	{"combined", catalog.FormatCombined, "{format: combined}", strings.Repeat(`203.0.113.7 - - [01/Mar/2026:00:00:01 +0000] "GET /a HTTP/1.1" 200 5 "-" "curl"`+"\n", 3)},
	{"common", catalog.FormatCommon, "{format: common}", strings.Repeat(`203.0.113.7 - - [01/Mar/2026:00:00:01 +0000] "GET /a HTTP/1.1" 200 5`+"\r\n", 3)},
	{"cloudtrail", catalog.FormatCloudTrail, "{format: cloudtrail}", `{"Records":[` + bomEvent + "," + bomEvent + ",\n" + bomEvent + "]}"},
	{"cloudtrail, an event a line", catalog.FormatCloudTrail, "{format: cloudtrail}", bomEvent + "\n" + bomEvent + "\n" + bomEvent + "\n"},
}

const bomEvent = `{"eventVersion":"1.08","userIdentity":{"type":"IAMUser","accessKeyId":"AKIA1"},"eventTime":"2026-03-01T00:00:01Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","sourceIPAddress":"203.0.113.7","eventID":"e1"}`

// TestByteOrderMark: a mark at the beginning of a log costs no record, moves every
// other one by its three bytes, and hides the format from nobody. Anywhere else it
// is what it was.
func TestByteOrderMark(t *testing.T) {
	now := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	for _, l := range bomLogs {
		cat, err := catalog.Parse("c.yaml", []byte("sources:\n  log: "+l.source+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		src := &cat.Sources[0]
		format, err := FormatNamed(l.format)
		if err != nil {
			t.Fatal(err)
		}
		read := func(text string, lines bool) (places []string, n Counts) {
			t.Helper()
			dec, err := format.New(src, now)
			if err != nil {
				t.Fatal(err)
			}
			s, err := Open(strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			var taken bytes.Buffer
			s.Taken, s.Tag = &taken, func() any { return nil }
			if format.Documents && !lines {
				s.Elements(format.Cutter)
			}
			for {
				c, err := s.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				m := DecodeChunk(c, "f", src, cat, nil, dec, func(r *event.Record) {
					places = append(places, fmt.Sprintf("%d:%d %s %v %s", r.Origin.Line, r.Origin.Offset, r.Time.Time().UTC().Format(time.TimeOnly), r.Client.IP, r.Route))
				}, func(Aside) {})
				n.Lines, n.Records, n.Aside, n.Empty = n.Lines+m.Lines, n.Records+m.Records, n.Aside+m.Aside, n.Empty+m.Empty
				n.LostAddresses += m.LostAddresses
			}
			if taken.String() != text {
				t.Errorf("%s: other bytes were taken than there are", l.name)
			}
			return places, n
		}
		shifted := func(places []string) (out []string) {
			for i, p := range places {
				var line, offset int64
				var rest string
				fmt.Sscanf(p, "%d:%d", &line, &offset)
				_, rest, _ = strings.Cut(p, " ")
				if i > 0 || format.Documents && offset > 0 {
					offset += int64(len(mark))
				}
				out = append(out, fmt.Sprintf("%d:%d %s", line, offset, rest))
			}
			return out
		}
		lines := l.name == "cloudtrail, an event a line"
		for _, lines := range slices.Compact([]bool{false, lines}) {
			plain, n := read(l.text, lines)
			if n.Records != 3 || n.Aside != 0 {
				t.Fatalf("%s: %+v without a mark", l.name, n)
			}
			marked, m := read(mark+l.text, lines)
			want := shifted(plain)
			if format.Documents && !lines && strings.HasPrefix(plain[0], "1:0 ") {
				want[0] = strings.Replace(want[0], "1:0 ", "1:3 ", 1) // an element begins behind it
			}
			if m != n || !slices.Equal(marked, want) {
				t.Errorf("%s, lines %v: %+v at %q, want %+v at %q", l.name, lines, m, marked, n, want)
			}
		}
		if v := Detect([]byte(mark + l.text)); v != Detect([]byte(l.text)) || v.Format != l.format {
			t.Errorf("%s: detected as %v", l.name, v)
		}
		if err := CheckDeclared(format, src, []byte(mark+l.text)); err != nil {
			t.Errorf("%s: %v", l.name, err)
		}
		if !format.Documents {
			if _, n := read(l.text+mark+l.text, false); n.Records+n.Aside != 6 || n.Aside+n.LostAddresses != 1 {
				t.Errorf("%s: %+v with a mark in the middle", l.name, n)
			}
			for _, text := range []string{mark, mark + "\n", mark + "\r\n"} {
				if _, n := read(text, false); n != (Counts{Lines: 1, Empty: 1}) {
					t.Errorf("%s: %+v of nothing but %q", l.name, n, text)
				}
			}
		}
	}
}
