package digits

import (
	"math"
	"testing"
)

func TestGrouped(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 1: "1", 999: "999", 1000: "1,000", -1: "-1", -999: "-999", -1000: "-1,000", 34_000_000: "34,000,000",
		math.MaxInt64: "9,223,372,036,854,775,807", math.MinInt64: "-9,223,372,036,854,775,808",
	} {
		if got := Grouped(n); got != want {
			t.Errorf("%d is written %s", n, got)
		}
	}
	if got := Grouped(uint64(math.MaxUint64)); got != "18,446,744,073,709,551,615" {
		t.Errorf("the largest number of all is written %s", got)
	}
}

func TestDecimal(t *testing.T) {
	for x, want := range map[float64]string{0: "0", 1: "1", 12.5: "12.50", 0.004: "0.00", 1234.567: "1,234.57", 20000: "20,000", -1500.25: "-1,500.25"} {
		if got := Decimal(x); got != want {
			t.Errorf("%v is written %s", x, got)
		}
	}
}

func TestPercent(t *testing.T) {
	for x, want := range map[float64]string{0: "0", 1: "100", 0.29: "29", 0.833: "83.3", 0.9999: "99.9", 0.0004: "0"} {
		if got := Percent(x); got != want {
			t.Errorf("%v is written %s", x, got)
		}
	}
}
