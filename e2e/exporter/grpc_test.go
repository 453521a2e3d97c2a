package exporter

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/log"
)

func (h *haetae) overGRPC(token string, more ...otlploggrpc.Option) *otlploggrpc.Exporter {
	h.t.Helper()
	e, err := otlploggrpc.New(context.Background(), append([]otlploggrpc.Option{
		otlploggrpc.WithEndpoint(h.address), otlploggrpc.WithInsecure(),
		otlploggrpc.WithHeaders(map[string]string{"authorization": "Bearer " + token}),
		otlploggrpc.WithRetry(otlploggrpc.RetryConfig{Enabled: true, InitialInterval: 50 * time.Millisecond, MaxInterval: 200 * time.Millisecond, MaxElapsedTime: time.Minute}),
		otlploggrpc.WithTimeout(time.Minute),
	}, more...)...)
	if err != nil {
		h.t.Fatal(err)
	}
	return e
}

// TestExporterOverGRPC is TestExporter for the other of the two protocols: the library
// that every exporter of Go uses speaks with a server that has written it by hand.
func TestExporterOverGRPC(t *testing.T) {
	h := serve(t)
	token := h.token("otel")
	early := make(chan []error)
	go func() {
		early <- logged(t, h.overGRPC(token), func(l log.Logger) { visit(l, "early", 1) })
	}()
	select {
	case errs := <-early:
		t.Fatalf("without a catalog the exporter did not try again: %v", errs)
	case <-time.After(500 * time.Millisecond):
	}
	h.install()
	if errs := <-early; errs != nil {
		t.Fatalf("the catalog is there, and still: %v", errs)
	}
	for i, packing := range [][]otlploggrpc.Option{nil, {otlploggrpc.WithCompressor("gzip")}} {
		for range 2 { // what is sent twice counts once
			errs := logged(t, h.overGRPC(token, packing...), func(l log.Logger) {
				for k := range 2500 {
					visit(l, fmt.Sprintf("%d-%d", i, k), k)
				}
			})
			if errs != nil {
				t.Fatal(errs)
			}
		}
	}
	errs := logged(t, h.overGRPC(token), func(l log.Logger) {
		visit(l, "good", 7)
		var bad log.Record
		bad.SetTimestamp(time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC))
		bad.AddAttributes(attribute.String("url.path", "/x"), attribute.String("session.id", "Bearer abcdefghijkl"))
		l.Emit(context.Background(), bad)
	})
	if len(errs) != 1 || !strings.Contains(errs[0].Error(), "partial success") || !strings.Contains(errs[0].Error(), "credential.token") {
		t.Errorf("a record that is none: %v", errs)
	}
	begin := time.Now()
	if errs := logged(t, h.overGRPC("hts_none"), func(l log.Logger) { visit(l, "none", 1) }); len(errs) != 1 || !strings.Contains(errs[0].Error(), "Unauthenticated") || time.Since(begin) > 20*time.Second {
		t.Errorf("a wrong token: %v after %v", errs, time.Since(begin))
	}
	if n := h.count(`route == "GET /support/members/{member}" && "phone" in items`); n != 1+2*2500+1 {
		t.Errorf("%d records", n)
	}
}
