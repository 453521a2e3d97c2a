package bench

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/scope"
)

// TestMemory asks for the extent of the largest known case, 40 million accounts
// and 44 million ghosts, and prints what the process holds resident. The folder
// is filled by another process, so that what filling took is not counted.
func TestMemory(t *testing.T) {
	if *kind != "ghosts" {
		t.Log("not asked for: -traffic ghosts -rows 84000000")
		return
	}
	dir := *keepIn
	if dir == "" {
		dir = t.TempDir()
	}
	fill := exec.Command(os.Args[0], "-test.run", "^TestFill$", "-test.v", "-test.timeout", "2h",
		"-dir", dir, "-traffic", *kind, "-rows", fmt.Sprint(*rows))
	out, err := fill.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(disk.OS, filepath.Join(dir, "data"), ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Logf("opened: %s", resident(t))
	for range 2 {
		begin := time.Now()
		v, err := l.View()
		if err != nil {
			t.Fatal(err)
		}
		e, err := scope.Run(context.Background(), v, scope.Query{Where: `status == 200`})
		v.Close()
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("scope in %v: reads %d, accounts %d, people %d, ghosts %d; %s", time.Since(begin).Round(time.Millisecond), e.Reads, e.Accounts, e.People, *e.Ghosts, resident(t))
	}
}

// TestFill makes the folder of -dir.
func TestFill(t *testing.T) {
	if *keepIn == "" {
		t.Log("not asked for: -dir")
		return
	}
	fill(t, *keepIn, shapes[*kind], *rows).Close()
}

// resident tells what the process has in memory, now and at most.
func resident(t *testing.T) string {
	t.Helper()
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return "resident memory not known on this system"
	}
	defer f.Close()
	var b strings.Builder
	for sc := bufio.NewScanner(f); sc.Scan(); {
		name, value, _ := strings.Cut(sc.Text(), ":")
		switch name {
		case "VmHWM", "VmRSS", "RssAnon", "RssFile":
			fmt.Fprintf(&b, "%s %s  ", name, strings.TrimSpace(value))
		}
	}
	return strings.TrimSpace(b.String())
}
