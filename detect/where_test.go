package detect_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/rule"
	"github.com/haetae/haetae/scope"
)

// TestWhere: the predicate that a signal carries finds just the records that the
// rule counted, for every way in which a rule can ask about a record.
func TestWhere(t *testing.T) {
	l := loadSample(t, filepath.Join("..", "testdata", "shop"))
	v, err := l.View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	zone, err := time.LoadLocation("Asia/Seoul")
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, selection := range []string{
		`{action: read}`,
		`{action: [sign_in, issue]}`,
		`{actor.type: staff, status: 200}`,
		`{status|gte: 400}`,
		`{status|lt: 300}`,
		`{status: '2*'}`,
		`{route|startswith: 'get /my/'}`,
		`{route|contains: 'ADDRESSES'}`,
		`{route|endswith: /edit}`,
		`{route|re: '^GET /(my|support)/.*$'}`,
		`{path: '/my/*'}`,
		`{method: post}`,
		`{credential.key: sig-2024-04}`,
		`{credential.key|contains: '2024'}`,
		`{credential.key: null}`,
		`{client.ip|cidr: 45.0.0.0/8}`,
		`{client.ip: 211.20.234.249}`,
		`{client.agent|startswith: curl}`,
		`{client.agent|contains: [Android, iPhone]}`,
		`{client.agent|contains|all: [Mozilla, Chrome]}`,
		`{client.agent: 'ShopApp/?.*'}`,
		`{items: door_code}`,
		`{items: [orders, email]}`,
		`{items: null}`,
		`{items|exists: true}`,
		`{read: true}`,
		`{read: false}`,
		`{rows|gte: 10}`,
		`{rows|exists: true}`,
		`{actor.id: s103}`,
		`{actor.id: [s103, m1000005]}`,
		`{account: m1000005}`,
		`{account: null}`,
		`{time|hour|gte: 22}`,
		`{time|day: 10}`,
		`{client.country: null, actor.type: member}`,
	} {
		for _, condition := range []string{"s", "not s", "1 of s or actor", "s and not actor"} {
			text := fmt.Sprintf("title: base\nname: base\nlogsource: {category: access, product: haetae}\ndetection: {s: %s, actor: {actor.type: partner}, condition: %s}\n---\n"+
				"title: count\nname: count\ncorrelation: {type: event_count, rules: [base], group-by: [source], timespan: 90d, condition: {gte: 1}}\n", selection, strings.Replace(condition, "1 of s", "s", 1))
			docs, err := rule.Parse("t.yaml", []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			e, err := detect.New(docs, world{v}, detect.Options{Zone: zone})
			if err != nil {
				t.Fatalf("%s: %v", selection, err)
			}
			if err := e.Run(t.Context(), v.Segments(), catalog.Always, catalog.Never, nil); err != nil {
				t.Fatal(err)
			}
			if err := e.Finish(); err != nil {
				t.Fatal(err)
			}
			found := int64(-1)
			rep, err := e.Report(t.Context(), func(ctx context.Context, where string, _, _ event.Millis) (detect.Extent, error) {
				x, err := scope.Run(ctx, v, scope.Query{Where: where})
				if err != nil {
					return detect.Extent{}, fmt.Errorf("%s: %w", where, err)
				}
				found = x.Records
				return detect.Extent{}, nil
			})
			if err != nil {
				t.Errorf("%s, %s: %v", selection, condition, err)
				continue
			}
			if len(rep.Signals) == 0 {
				continue // nothing matched; the next condition is its opposite
			}
			compared++
			s := rep.Signals[0]
			if float64(found) != s.Reached && (s.Exact || float64(found) < s.Reached) {
				t.Errorf("%s, %s: the rule counted %v records, %s finds %d (exact: %v)", selection, condition, s.Reached, s.Where, found, s.Exact)
			}
			if !s.Exact && !strings.Contains(selection, "time") {
				t.Errorf("%s, %s: %s is said not to be exact", selection, condition, s.Where)
			}
		}
	}
	if compared < 120 {
		t.Errorf("only %d predicates were compared", compared)
	}
}
