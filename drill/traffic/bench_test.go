package traffic_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/haetae/haetae/drill/traffic"
)

var enough = errors.New("enough")

// BenchmarkLines is what a line costs, at a scale at which an hour is full.
func BenchmarkLines(b *testing.B) {
	s := coupang(b)
	for b.Loop() {
		m, err := traffic.New(s, traffic.Options{Scale: 500, Seed: 1})
		if err != nil {
			b.Fatal(err)
		}
		lines, bytes, from := 0, 0, time.Now()
		err = m.Run(context.Background(), func(_ time.Time, logs []traffic.Chunk) error {
			for _, c := range logs {
				lines += c.Count
				bytes += len(c.Lines)
			}
			return nil
		})
		if err != nil && !errors.Is(err, enough) {
			b.Fatal(err)
		}
		b.ReportMetric(float64(time.Since(from))/float64(lines), "ns/line")
		b.ReportMetric(float64(bytes)/float64(lines), "B/line")
		b.ReportMetric(float64(lines), "lines")
	}
}
