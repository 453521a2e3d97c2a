package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestKilled: an import that is killed at any moment leaves a folder that opens,
// in which nothing of it is visible yet or all of it is, and the same command
// ends with the same numbers.
func TestKilled(t *testing.T) {
	const lines, rounds = 60_000, 6
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	dir := t.TempDir()
	data := filepath.Join(dir, "d")
	var logs []string
	for round := range rounds + 1 {
		name := filepath.Join(dir, fmt.Sprintf("access%d.ndjson", round))
		f, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		w := bufio.NewWriter(f)
		for i := range lines {
			fmt.Fprintf(w, `{"time": "2025-03-%02dT%02d:%02d:%02d+09:00", "request_id": "r%d-%d", "request_method": "GET", "request_uri": "/support/members/m%07d", "status": 200, "actor_id": "s103", "actor_type": "staff"}`+"\n",
				round+1, i/3600%24, i/60%60, i%60, round, i, 1_000_000+i%5000)
		}
		if err := errors.Join(w.Flush(), f.Close()); err != nil {
			t.Fatal(err)
		}
		logs = append(logs, name)
	}
	catalog, err := filepath.Abs("../../packs/catalogs/shop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("haetae", append(args, "--data", data)...)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("haetae %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	run("init")
	run("import", "--catalog", catalog)
	count := func() int64 {
		t.Helper()
		var s struct{ Records int64 }
		if err := json.Unmarshal([]byte(run("status", "--json")), &s); err != nil {
			t.Fatal(err)
		}
		return s.Records
	}
	begin := time.Now()
	run("import", logs[rounds])
	full := time.Since(begin)
	want := int64(lines)
	killed := 0
	for round := range rounds {
		cmd := exec.Command("haetae", "import", "--data", data, logs[round])
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(rnd.Int64N(int64(full))), func() { cmd.Process.Kill() })
		if cmd.Wait() != nil {
			killed++
		}
		timer.Stop()
		switch n := count(); n {
		case want:
		case want + lines:
			want = n
		default:
			t.Fatalf("round %d: %d records are visible, want %d or %d", round, n, want, want+lines)
		}
	}
	t.Logf("%d of %d killed", killed, rounds)
	run(append([]string{"import"}, logs...)...)
	if n := count(); n != lines*(rounds+1) {
		t.Errorf("%d records at the end, want %d", n, lines*(rounds+1))
	}
	if out := run("import", logs[0]); !strings.Contains(out, "already imported") {
		t.Errorf("a file again: %s", out)
	}
	var e struct{ Accounts, Reads int64 }
	if err := json.Unmarshal([]byte(run("scope", "--where", "true", "--json")), &e); err != nil || e.Accounts != 5000 || e.Reads != lines*(rounds+1) {
		t.Errorf("%+v, %v, want 5000 accounts and %d reads", e, err, lines*(rounds+1))
	}
}
