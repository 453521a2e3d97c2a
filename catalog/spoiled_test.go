package catalog

import (
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/internal/written/writtentest"
)

// TestSpoiledFiles: however a catalog, a register or holdings are written wrongly, no
// mistake repeats what stands there, and each is told in both languages.
func TestSpoiledFiles(t *testing.T) {
	writtentest.Private(t, "c.yaml:", wholeCatalog, func(text string) error {
		_, err := Parse("c.yaml", []byte(text))
		return err
	})
	lines := func(rep Report, err error) error {
		if err != nil {
			return err
		}
		for _, e := range rep.Errors {
			return e
		}
		return nil
	}
	for _, sound := range []string{
		"account,since\nm1,2025-03-01\n\"m2\",2025-03-01T09:00:00+09:00\nm3,\n",
		`{"account":"m1","since":"2025-03-01"}` + "\n" + `{"account":"m2"}` + "\n",
	} {
		writtentest.Private(t, "", sound, func(text string) error {
			return lines(ReadRegisterIn(time.UTC, "r.csv", strings.NewReader(text), func(RegisterLine) error { return nil }))
		})
	}
	c := parse(t, frame)
	for _, sound := range []string{
		"account,person,items,relation\nm1,p1,name;phone,holder\nm1,p2,name,contact\n",
		`{"account":"m1","person":"p1","items":["name","phone"],"relation":"holder"}` + "\n" + `{"account":"m1","person":"p2","items":"name"}` + "\n",
	} {
		writtentest.Private(t, "", sound, func(text string) error {
			return lines(c.ReadHoldings("h.csv", strings.NewReader(text), func(HoldingLine) error { return nil }))
		})
	}
}
