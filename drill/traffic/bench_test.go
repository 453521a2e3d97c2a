package traffic_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/haetae/haetae/drill/traffic"
)

// BenchmarkLines is what a line costs, truth and all.
func BenchmarkLines(b *testing.B) {
	s := coupang(b)
	for b.Loop() {
		m, err := traffic.New(s, traffic.Options{Scale: 500, Seed: 1})
		if err != nil {
			b.Fatal(err)
		}
		lines, bytes, from := 0, 0, time.Now()
		if err := m.Run(context.Background(), func(_ time.Time, logs []traffic.Chunk) error {
			for _, c := range logs {
				lines, bytes = lines+c.Count, bytes+len(c.Lines)
			}
			return nil
		}); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(time.Since(from))/float64(lines), "ns/line")
		b.ReportMetric(float64(bytes)/float64(lines), "B/line")
	}
}

// TestMemory: a person takes fourteen bytes, and a line none that last: so a whole
// country at full scale stays below a gigabyte.
func TestMemory(t *testing.T) {
	var before, made, ran runtime.MemStats
	s := coupang(t)
	runtime.GC()
	runtime.ReadMemStats(&before)
	m, err := traffic.New(s, traffic.Options{Scale: 100, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&made)
	const people = 33_673_817/100 + 4_330_000/100
	if n := int64(made.HeapAlloc) - int64(before.HeapAlloc); n > 15*people {
		t.Errorf("%d people take %d bytes", people, n)
	}
	lines, hours := 0, 0
	stop := errors.New("enough")
	err = m.Run(context.Background(), func(_ time.Time, logs []traffic.Chunk) error {
		for _, c := range logs {
			lines += c.Count
		}
		if hours++; hours == 600 {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) {
		t.Fatalf("the error of whoever takes the lines becomes %v", err)
	}
	runtime.ReadMemStats(&ran)
	if n := float64(ran.Mallocs-made.Mallocs) / float64(lines); n > 0.05 {
		t.Errorf("%.2f allocations a line, of %d", n, lines)
	}
	if n := float64(ran.TotalAlloc-made.TotalAlloc) / float64(lines); n > 60 {
		t.Errorf("%.0f bytes allocated a line, of %d", n, lines)
	}
	runtime.KeepAlive(m)
}

// TestStops: a run that is called off ends, and a maker runs once.
func TestStops(t *testing.T) {
	m, err := traffic.New(coupang(t), traffic.Options{Scale: 100_000, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	hours := 0
	take := func(time.Time, []traffic.Chunk) error {
		if hours++; hours == 3 {
			cancel()
		}
		return nil
	}
	if err := m.Run(ctx, take); !errors.Is(err, context.Canceled) || hours != 3 {
		t.Errorf("%v after %d hours", err, hours)
	}
	if err := m.Run(context.Background(), take); err == nil {
		t.Error("it runs twice")
	}
}
