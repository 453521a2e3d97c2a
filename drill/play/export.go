package play

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/haetae/haetae/drill/score"
)

// readExport reads what scope.Export writes: lines of kind, id and items, of which the
// people count.
func readExport(in io.Reader, items []string, to *score.People) error {
	c := csv.NewReader(in)
	c.FieldsPerRecord, c.ReuseRecord = 3, true
	for {
		line, err := c.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("drill: export: %w", err)
		}
		if line[0] != "person" {
			continue
		}
		var mask uint32
		for name := range strings.SplitSeq(line[2], ";") {
			if i := slices.Index(items, name); i >= 0 {
				mask |= 1 << i
			}
		}
		to.Add(line[1], mask)
	}
}
