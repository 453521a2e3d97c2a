package alert

import (
	"testing"

	"github.com/haetae/haetae/internal/written/writtentest"
)

// TestSpoiledFiles: however the files are written wrongly, no mistake repeats what
// stands there, and each is told in both languages.
func TestSpoiledFiles(t *testing.T) {
	writtentest.Private(t, "alerts.yaml", everything, func(text string) error {
		_, err := Parse("alerts.yaml", []byte(text))
		return err
	})
	writtentest.Private(t, "rota.yaml", koreanRota, func(text string) error {
		_, err := ParseRota("rota.yaml", []byte(text))
		return err
	})
	// What shows only when they are read together.
	c := settings(t, escalating)
	writtentest.Private(t, "", nightRota, func(text string) error {
		r, err := ParseRota("rota.yaml", []byte(text))
		if err == nil {
			err = c.Use(r)
		}
		return err
	})
}
