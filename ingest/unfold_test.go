package ingest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
)

// TestUnfold: a log that is followed is read by lines; a line that is a whole document
// gives its events, each with its place, and what is broken in it costs one of them.
func TestUnfold(t *testing.T) {
	cat, err := catalog.Parse("c.yaml", []byte("sources:\n  trail: {format: cloudtrail}\n"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := FormatNamed(catalog.FormatCloudTrail)
	if err != nil {
		t.Fatal(err)
	}
	one := func(id string) string {
		return fmt.Sprintf(`{"eventTime":"2025-03-10T00:00:00Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","eventID":%q}`, id)
	}
	for _, test := range []struct{ name, text, want string }{
		{"a document", `{"Records":[` + one("a") + `, ` + one("b") + `]}`, "a 1 12; b 1 121; lines 2 empty 0 aside 0"},
		{"beside lines", one("a") + "\n" + `{"Records":[` + one("b") + `]}` + "\n" + one("c") + "\n", "a 1 0; b 2 120; c 3 230; lines 3 empty 0 aside 0"},
		{"an empty one", `{"Records":[]}`, "lines 1 empty 1 aside 0"},
		{"a broken event", `{"Records":[{"eventTime":x},` + one("b") + `]}`, "b 1 28; lines 2 empty 0 aside 1"},
		{"an event that says too little", `{"Records":[{"eventTime":"2025-03-10T00:00:00Z"},` + one("b") + `]}`, "b 1 49; lines 2 empty 0 aside 1"},
		{"a document in a document", `{"Records":[{"Records":[` + one("a") + `]}]}`, "lines 1 empty 0 aside 1"},
		{"cut off", `{"Records":[` + one("a") + `,` + one("b")[:40], "a 1 12; lines 2 empty 0 aside 1"},
	} {
		src, _ := cat.Source("trail")
		dec, err := f.New(src, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		n := DecodeChunk(&Chunk{Data: []byte(test.text), Line: 1, End: int64(len(test.text))}, "f", src, cat, nil, dec,
			func(rec *event.Record) {
				got = append(got, fmt.Sprint(string(rec.ID), " ", rec.Origin.Line, " ", rec.Origin.Offset))
			}, func(Aside) {})
		got = append(got, fmt.Sprintf("lines %d empty %d aside %d", n.Lines, n.Empty, n.Aside))
		if n.Lines != n.Records+n.Aside+n.Empty {
			t.Errorf("%s: %+v does not add up", test.name, n)
		}
		if diff := cmp.Diff(test.want, strings.Join(got, "; ")); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
	}
}
