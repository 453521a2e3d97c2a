package inputs

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/haetae/haetae/ingest/syslog"
	"github.com/haetae/haetae/internal/digits"
)

// TestPage: the page has the file that is shown there, and the numbers of this package.
func TestPage(t *testing.T) {
	raw, err := os.ReadFile("../../docs/sources.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(raw)
	n := 0
	for _, block := range strings.Split(page, "```yaml\n# inputs.yaml\n")[1:] {
		text, _, _ := strings.Cut(block, "```")
		if _, err := Parse("inputs.yaml", []byte(text)); err != nil {
			t.Errorf("the file of the page: %v\n%s", err, text)
		}
		n++
	}
	if n != 2 {
		t.Errorf("%d files on the page", n)
	}
	for _, row := range []string{
		fmt.Sprintf("| `listen` | `%s` |", DefaultListen),
		fmt.Sprintf("| `sources` | | up to %d |", maxSources),
		fmt.Sprintf("| `connections` | %d | 1 to %s at once", defaultConnections, digits.Grouped(maxConnections)),
		fmt.Sprintf("| `idle` | %dh | %dm to %dh;", int(defaultIdle.Hours()), int(minIdle.Minutes()), int(maxIdle.Hours())),
		fmt.Sprintf("| `brokers` | | host:port, up to %d;", maxBrokers),
		fmt.Sprintf("| `topics` | | up to %d,", maxTopics),
		fmt.Sprintf("windows of %d KiB", syslog.Window>>10),
		fmt.Sprintf("A file has up to %d MiB and\n%d inputs of each kind", maxFileMiB, maxInputs),
	} {
		if !strings.Contains(page, row) {
			t.Errorf("docs/sources.md does not say %q", row)
		}
	}
}
