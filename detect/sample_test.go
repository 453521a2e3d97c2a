package detect_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/rule"
	"github.com/haetae/haetae/scope"
)

type world struct{ *ledger.View }

func TestShop(t *testing.T) {
	for _, shop := range []string{"shop", "shop-hard"} {
		t.Run(shop, func(t *testing.T) {
			l := loadSample(t, filepath.Join("..", "testdata", shop))
			v, err := l.View()
			if err != nil {
				t.Fatal(err)
			}
			defer v.Close()
			text, err := os.ReadFile("../packs/rules/unissued-tokens.yaml")
			if err != nil {
				t.Fatal(err)
			}
			docs, err := rule.Parse("unissued-tokens.yaml", text)
			if err != nil {
				t.Fatal(err)
			}
			zone, _ := time.LoadLocation("Asia/Seoul")
			e, err := detect.New(docs, world{v}, detect.Options{Zone: zone})
			if err != nil {
				t.Fatal(err)
			}
			if err := e.Run(context.Background(), v.Segments(), catalog.Always, catalog.Never, nil); err != nil {
				t.Fatal(err)
			}
			if err := e.Finish(); err != nil {
				t.Fatal(err)
			}
			rep, err := e.Report(context.Background(), func(ctx context.Context, where string, from, to event.Millis) (detect.Extent, error) {
				x, err := scope.Run(ctx, v, scope.Query{Where: where, From: from, To: to})
				if err != nil {
					t.Log(err)
					return detect.Extent{}, nil
				}
				return detect.Extent{Reads: x.Reads, Accounts: x.Accounts, People: x.People, Items: x.Items}, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			b, _ := json.MarshalIndent(rep, "", " ")
			t.Logf("%s", b)
		})
	}
}

func (world) Bucket(dictionary.Ref) (uint64, int, error) { return 0, 0, nil }

func loadSample(t *testing.T, dir string) *ledger.Ledger {
	t.Helper()
	fsys := disk.NewMem()
	fsys.MkdirAll(".")
	if err := ledger.Create(fsys, "data", ""); err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(fsys, "data", ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	text, err := os.ReadFile("../packs/catalogs/shop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := l.InstallCatalog("shop.yaml", text); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(dir, "access.ndjson.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var recs []event.Record
	for dec := json.NewDecoder(z); dec.More(); {
		var m map[string]any
		if err := dec.Decode(&m); err != nil {
			t.Fatal(err)
		}
		str := func(k string) string { s, _ := m[k].(string); return s }
		at, err := time.Parse(time.RFC3339, str("time"))
		if err != nil {
			t.Fatal(err)
		}
		ip, _ := netip.ParseAddr(str("remote_addr"))
		r := event.Record{
			Time: event.MillisOf(at), Source: "gateway", ID: event.RecordID(str("request_id")),
			Actor:      event.Actor{ID: event.ActorID(str("actor_id")), Type: str("actor_type")},
			Credential: event.Credential{Key: str("key_id"), Token: event.TokenID(str("token_id"))},
			Client:     event.Client{IP: ip, Agent: str("http_user_agent")}, Rows: event.RowsUnknown, Status: uint16(m["status"].(float64)),
		}
		if s := str("data_rows"); s != "" {
			n, _ := strconv.Atoi(s)
			r.Rows = int32(n)
		}
		l.Catalog().Fill(&r, catalog.Request{Method: str("request_method"), URI: str("request_uri"), List: str("data_subjects")})
		recs = append(recs, r)
	}
	if _, err := l.Append(context.Background(), recs); err != nil {
		t.Fatal(err)
	}
	return l
}
