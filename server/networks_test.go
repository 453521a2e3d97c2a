package server

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/haetae/haetae/ingest/networkstest"
	"github.com/haetae/haetae/internal/disk"
)

// TestNetworkFiles: whichever way a record comes in, its country and network are
// found in the operator's files, and those a request names come before the
// server's own.
func TestNetworkFiles(t *testing.T) {
	in := inbox{t, t.TempDir()}
	file := func(name string, n networkstest.Network) string {
		f := filepath.Join(in.dir, name)
		if err := networkstest.Write(f, n); err != nil {
			t.Fatal(err)
		}
		return f
	}
	countries := file("c.mmdb", networkstest.Network{Prefix: "10.0.0.0/24", Country: "KR"})
	numbers := file("a.mmdb", networkstest.Network{Prefix: "10.0.0.1/32", AS: 4766})
	others := file("o.mmdb", networkstest.Network{Prefix: "10.0.0.0/8", Country: "US"})
	live := in.write("live.json", shopLines(0, 3))
	w := newWorld(t, disk.OS, filepath.Join(t.TempDir(), "d"))
	r := w.serve(func(o *Options) {
		o.Networks = []string{countries, numbers}
		o.Follow = []Follow{{"gateway", live}}
	})
	r.awaitCount(3)
	if status, got := r.post(nil, strings.Replace(lines("x", 2), `"actor"`, `"client":{"ip":"10.0.0.1"},"actor"`, 2)); status != 200 || got.Accepted != 2 {
		t.Fatalf("%d %+v", status, got)
	}
	c := NewClient(r.address)
	if _, err := c.Import(context.Background(), ImportRequest{Source: "gateway", Files: []string{in.write("1.json", shopLines(10, 14))}}, nil, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Import(context.Background(), ImportRequest{Source: "gateway", Networks: []string{others}, Files: []string{in.write("2.json", shopLines(20, 25))}}, nil, nil); err != nil {
		t.Fatal(err)
	}
	for where, want := range map[string]int64{`client.country == "KR" && client.network == "AS4766"`: 9, `client.country == "US"`: 5} {
		if n := r.count(where); n != want {
			t.Errorf("%s: %d records, want %d", where, n, want)
		}
	}
	var fe *FileError
	_, err := c.Import(context.Background(), ImportRequest{Networks: []string{live}}, nil, nil)
	if KindOf(err) != "unreadable" || koreanOf(err) == "" {
		t.Errorf("a log as a network file: %v, %s", err, KindOf(err))
	}
	r.end()
	o := Options{Data: w.dir, Listen: "127.0.0.1:0", Networks: []string{filepath.Join(in.dir, "missing.mmdb")}}
	if _, err := New(o); !errors.As(err, &fe) || strings.Contains(err.Error(), in.dir) {
		t.Errorf("a missing file: %v, want its name without the folder", err)
	}
}
