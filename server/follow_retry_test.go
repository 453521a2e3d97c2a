package server

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/scope"
)

// TestFollowRetry: what a follower cannot hand over it tries again every two seconds, on a
// disk that is full for long too, and says so once; when there is room the lines are
// taken, each once, and that is said once. Another failure after that is said again.
func TestFollowRetry(t *testing.T) {
	idlePacker(t)
	name := filepath.Join(t.TempDir(), "access.log")
	write := func(line string) {
		t.Helper()
		f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(line + "\n"); err != nil {
			t.Fatal(err)
		}
	}
	write(`192.0.2.1 - - [01/Jan/2000:00:00:01 +0000] "GET /x HTTP/1.1" 200 5 "-" "a"`)
	synctest.Test(t, func(t *testing.T) {
		mem := disk.NewMem()
		if err := ledger.Create(mem, "d", ""); err != nil {
			t.Fatal(err)
		}
		l, err := ledger.Open(mem, "d", ledger.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := l.InstallCatalog("c.yaml", []byte("version: 1\nsources: {web: {format: combined}}\n")); err != nil {
			t.Fatal(err)
		}
		log := &said{}
		s := &Server{opts: Options{FS: mem, Data: "d", PollEvery: time.Second}, ledger: l, log: slog.New(log)}
		f, err := s.newFollower(Follow{"web", name})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		s.wg.Go(func() { f.run(ctx) })
		holds := func(when string, failed, well int, taken bool) {
			t.Helper()
			synctest.Wait()
			st := f.status()
			if a, b := log.count("follow"), log.count("follow goes on"); a-b != failed || b != well || (st.Behind == 0) != taken {
				t.Errorf("%s: failed %d times and went on %d times, want %d and %d; %+v", when, a-b, b, failed, well, st)
			}
		}
		time.Sleep(time.Minute)
		holds("with room", 0, 0, true)
		for round := 1; round <= 2; round++ {
			mem.Limit(1)
			write(`192.0.2.2 - - [01/Jan/2000:00:00:02 +0000] "GET /y HTTP/1.1" 200 5 "-" "a"`)
			time.Sleep(20 * time.Minute)
			holds("on a full disk", round, round-1, false)
			mem.Limit(0)
			time.Sleep(2*followRetry + time.Second)
			holds("with room again", round, round, true)
		}
		stop()
		s.wg.Wait()
		v, err := l.View()
		if err != nil {
			t.Fatal(err)
		}
		x, err := scope.Run(t.Context(), v, scope.Query{Where: "true", Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		v.Close()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if x.Records != 3 {
			t.Errorf("%d records, want 3", x.Records)
		}
	})
}
