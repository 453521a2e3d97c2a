package detect_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/detect"
)

// TestSlices: how history is cut into slices changes nothing, down to one for every hour.
func TestSlices(t *testing.T) {
	s := loadShop(t, filepath.Join("..", "testdata", "shop-hard"))
	want := detectAll(t, s.ledger)
	for _, rows := range []int{1, 5_000} {
		if d := cmp.Diff(want, detectSlices(t, s.ledger, rows)); d != "" {
			t.Errorf("with slices of %d rows (-whole +sliced)\n%s", rows, d)
		}
	}
}

// TestStopped: a run that is stopped says so, and reads no segment any more.
func TestStopped(t *testing.T) {
	s := loadShop(t, filepath.Join("..", "testdata", "shop"))
	v, err := s.ledger.View()
	if err != nil {
		t.Fatal(err)
	}
	e, err := detect.New(pack(t), world{v}, detect.Options{Zone: seoul, SliceRows: 1})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	slices := 0
	err = e.Run(ctx, v.Segments(), catalog.Always, catalog.Never, func(done, all int64) {
		if slices++; slices == 3 {
			stop()
		}
	})
	v.Close()
	if !errors.Is(err, context.Canceled) || slices != 3 {
		t.Errorf("stopped after 3 slices: %d, %v", slices, err)
	}
}
