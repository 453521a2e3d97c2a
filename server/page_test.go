package server

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/scope"
)

// TestSentByHand: what docs/sources.md has people send by hand, to see that logs arrive,
// becomes a record that says who asked for what.
func TestSentByHand(t *testing.T) {
	raw, err := os.ReadFile("../docs/sources.md")
	if err != nil {
		t.Fatal(err)
	}
	_, request, found := strings.Cut(string(raw), "/v1/logs -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' --data-binary @- <<'END'\n")
	request, _, ends := strings.Cut(request, "\nEND\n")
	if !found || !ends {
		t.Fatal("docs/sources.md sends no log of OpenTelemetry by hand")
	}
	w := newLogs(t, disk.OS, filepath.Join(t.TempDir(), "d"))
	r := w.serve(nil)
	if status, _, got := r.call("POST", "/v1/logs", w.token, map[string]string{"Content-Type": "application/json"}, strings.NewReader(request)); status != 200 || got != "{}" {
		t.Errorf("%d %s", status, got)
	}
	v, err := r.Ledger().View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	e, err := scope.Run(context.Background(), v, scope.Query{Where: `account == "m1000042" && actor.id == "s103" && status == 200`})
	if err != nil || e.Reads != 1 || e.Accounts != 1 {
		t.Errorf("%+v %v", e, err)
	}
}
