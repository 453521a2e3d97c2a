package server

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/packs"
)

// TestLaterRegister: sixty days behind the only register nobody can tell whether an
// account that it lacks has joined since, so coverage is lost; a register of later,
// which lacks it too, decides for the time between.
func TestLaterRegister(t *testing.T) {
	day := time.Date(2025, 3, 1, 0, 0, 0, 0, time.FixedZone("KST", 9*3600))
	var log, register strings.Builder
	register.WriteString("account\n")
	for n := range 100 {
		fmt.Fprintf(&register, "m%07d\n", 1000000+n)
	}
	for n := range 200 { // the first hundred are members, the others nobody
		fmt.Fprintf(&log, `{"time":%q,"remote_addr":"192.0.2.1","request_method":"GET","request_uri":"/my/profile","status":200,"http_user_agent":"tool","request_id":"r%d","actor_id":"m%07d","actor_type":"member","key_id":"k","token_id":"t%d"}`+"\n",
			day.AddDate(0, 0, 60).Add(time.Duration(n)*time.Minute).Format(time.RFC3339), n, 1000000+n, n)
	}
	shop, err := fs.ReadFile(packs.FS, "catalogs/shop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, later := range []bool{false, true} {
		fsys := disk.NewMem()
		if err := ledger.Create(fsys, "d", ""); err != nil {
			t.Fatal(err)
		}
		l := openLedger(t, fsys, "d", ledger.Options{})
		in := inbox{t, t.TempDir()}
		file := in.write("register.csv", register.String())
		req := ImportRequest{
			Catalog: in.write("shop.yaml", string(shop)), Files: []string{in.write("access.ndjson", log.String())},
			Register: []DatedFile{{File: file, From: day.Format(time.DateOnly)}},
		}
		if later {
			req.Register = append(req.Register, DatedFile{File: file, From: day.AddDate(0, 0, 90).Format(time.DateOnly)})
		}
		if _, err := Import(t.Context(), l, req, ImportOptions{Workers: 1}); err != nil {
			t.Fatal(err)
		}
		rep, err := Detect(t.Context(), l, DetectRequest{Now: day.AddDate(0, 0, 91)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		found, lost := false, false
		for _, s := range rep.Signals {
			found = found || s.Rule == "unknown_accounts"
		}
		for _, x := range rep.Losses {
			lost = lost || x.Rule == "unknown_accounts" && x.Cause == "register_outdated"
		}
		if found != later || lost == later {
			t.Errorf("with a later register %v: accounts that nobody has were found %v, coverage was lost %v", later, found, lost)
		}
	}
}
