package ocsf

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ingest"
	"github.com/haetae/haetae/packs"
)

// requirements are those of the schema, with their source.
type requirements struct {
	Base struct {
		Required, Integers []string
		Severity           []int `json:"severity_id"`
		Status             []int `json:"status_id"`
	}
	Classes map[string]struct {
		need
		Category int   `json:"category_uid"`
		Activity []int `json:"activity_id"`
		Status   []int `json:"status_id"`
	}
	Objects map[string]need
}

type need struct {
	Required   []string
	AtLeastOne []string `json:"at_least_one"`
}

func (n *need) missing(o map[string]any) (out []string) {
	for _, a := range n.Required {
		if o[a] == nil {
			out = append(out, a)
		}
	}
	if len(n.AtLeastOne) > 0 && !slices.ContainsFunc(n.AtLeastOne, func(a string) bool { return o[a] != nil }) {
		out = append(out, "one of "+strings.Join(n.AtLeastOne, ", "))
	}
	return out
}

func schema(t testing.TB) *requirements {
	t.Helper()
	raw, err := os.ReadFile("testdata/requirements.json")
	if err != nil {
		t.Fatal(err)
	}
	var r requirements
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatal(err)
	}
	return &r
}

// valid tells what of an event the schema does not allow.
func (r *requirements) wrong(line []byte) (out []string) {
	var e map[string]any
	if err := json.Unmarshal(line, &e); err != nil {
		return []string{err.Error()}
	}
	n := need{Required: r.Base.Required}
	out = append(out, n.missing(e)...)
	num := func(a string) int {
		f, ok := e[a].(float64)
		if e[a] != nil && (!ok || f != float64(int64(f))) {
			out = append(out, a+" is no integer")
		}
		return int(f)
	}
	for _, a := range r.Base.Integers {
		num(a)
	}
	c, ok := r.Classes[fmt.Sprint(num("class_uid"))]
	if !ok {
		return append(out, "class_uid")
	}
	out = append(out, c.missing(e)...)
	if num("category_uid") != c.Category {
		out = append(out, "category_uid")
	}
	if num("type_uid") != num("class_uid")*100+num("activity_id") {
		out = append(out, "type_uid")
	}
	statuses := r.Base.Status
	if c.Status != nil {
		statuses = c.Status
	}
	for a, words := range map[string][]int{"activity_id": c.Activity, "severity_id": r.Base.Severity, "status_id": statuses} {
		if !slices.Contains(words, num(a)) {
			out = append(out, a)
		}
	}
	if at := num("time"); at != 0 && (at < 1e11 || at > 1e13) {
		out = append(out, "time is not in milliseconds")
	}
	for path, n := range r.Objects {
		var at any = e
		for _, key := range strings.Split(path, ".") {
			o, _ := at.(map[string]any)
			at = o[key]
		}
		if o, ok := at.(map[string]any); ok {
			for _, m := range n.missing(o) {
				out = append(out, path+": "+m)
			}
		}
	}
	return out
}

// TestRequirements: the check itself finds what is missing.
func TestRequirements(t *testing.T) {
	r := schema(t)
	for line, want := range map[string]string{
		`{"class_uid":6003,"category_uid":6,"activity_id":2,"type_uid":600302,"severity_id":1,"time":1740787200000,"metadata":{"version":"1.3.0","product":{"name":"x","vendor_name":"x"}},"actor":{"app_name":"x"},"api":{"operation":"x"},"src_endpoint":{"ip":"::1"}}`: "",
		`{"class_uid":6003,"category_uid":6,"activity_id":2,"type_uid":600303,"severity_id":1,"time":1740787200000,"metadata":{"version":"1.3.0","product":{"name":"x","vendor_name":"x"}},"actor":{"app_name":"x"},"api":{"operation":"x"},"src_endpoint":{"ip":"::1"}}`: "type_uid",
		`{"class_uid":6003,"category_uid":6,"activity_id":2,"type_uid":600302,"severity_id":1,"time":1740787200,"metadata":{"version":"1.3.0","product":{"name":"x","vendor_name":"x"}},"actor":{},"api":{"operation":"x"},"src_endpoint":{"ip":"::1"}}`:                  "time is not in milliseconds actor: one of process, user, invoked_by, session, app_name, app_uid",
	} {
		if got := strings.Join(r.wrong([]byte(line)), " "); got != want {
			t.Errorf("%s\nis   %q\nwant %q", line, got, want)
		}
	}
}

// templates are routes of the log that records come from.
var templates = []string{
	"GET /support/members/{member}", "POST /search", "GET /api/v2/users/{}/cards", "ANY /postgresql/*", "TABLE shop.public.members (name, phone) by id",
	"TABLE members", "OPEN /scope/export", "GET /{too_many}", "TABLE a.b + TABLE c.d", "DELETE /members/{member}", "PUT /a/b.c",
}

// shipped is the catalog that reads OCSF, with routes for what the templates become,
// as whoever connects it writes them.
func shipped(t testing.TB) *catalog.Catalog {
	t.Helper()
	raw, err := packs.FS.ReadFile("catalogs/ocsf.yaml")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, route := range templates {
		for action := event.ActionOther; action <= event.ActionOpen; action++ {
			if action == event.ActionSignIn || action == event.ActionIssue {
				continue
			}
			// Activity 99 is an export, a look at real ids, or anything else: the
			// catalog says of each route which.
			if r := wantRoute(action, route); !seen[r] {
				seen[r] = true
				raw = fmt.Appendf(raw, "  - {route: %q, items: [name], account: list, action: %s}\n", r, wantAction(action))
			}
		}
	}
	c, err := catalog.Parse("ocsf.yaml", raw)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// readIn is a line as the shipped catalog reads it.
func readIn(t testing.TB, c *catalog.Catalog, line []byte) (rec *event.Record, aside string) {
	t.Helper()
	src, _ := c.Source("ocsf")
	f, err := ingest.FormatNamed(src.Format)
	if err != nil {
		t.Fatal(err)
	}
	dec, err := f.New(src, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	ingest.DecodeChunk(&ingest.Chunk{Data: line, Line: 1, End: int64(len(line))}, "f", src, c, nil, dec,
		func(r *event.Record) { x := r.Clone(); rec = &x },
		func(a ingest.Aside) { aside = a.Field + " " + a.Cause.Code })
	return rec, aside
}

func pick[T any](rnd *rand.Rand, xs ...T) T { return xs[rnd.IntN(len(xs))] }

func someHex(rnd *rand.Rand) string { return fmt.Sprintf("%016x%016x", rnd.Uint64(), rnd.Uint64()) }

func someAccess(rnd *rand.Rand) *Access {
	a := &Access{UID: someHex(rnd), Stream: pick(rnd, "", "access.log"), Block: rnd.Uint32N(3)}
	r := &a.Record
	r.Time = event.Millis(1740787200000 + rnd.Int64N(1e9))
	r.Source = pick(rnd, "gateway", "support")
	r.Action = event.Action(rnd.IntN(9))
	r.Route = pick(rnd, templates...)
	r.Status = pick[uint16](rnd, 0, 200, 204, 302, 401, 404, 500)
	r.Rows = pick(rnd, event.RowsUnknown, 0, 1, 20)
	r.Actor.Type = pick(rnd, "", event.Member, "staff", "partner", "service")
	if rnd.IntN(3) > 0 {
		r.Actor.ID = event.ActorID(someHex(rnd))
	}
	if rnd.IntN(2) == 0 {
		r.Credential = event.Credential{Key: pick(rnd, "", "sig-2024-04", "열쇠"), Token: event.TokenID(fmt.Sprintf("%016x", rnd.Uint64()))}
	}
	r.Client.Agent, r.Client.Country, r.Client.Network = pick(rnd, "", "curl/8", `a "b" \ c`), pick(rnd, "", "KR"), pick(rnd, "", "AS4766")
	r.Client.IP = pick(rnd, netip.Addr{}, netip.MustParseAddr("203.0.113.7"), netip.MustParseAddr("2001:db8::7"))
	for range rnd.IntN(4) {
		r.Subjects = append(r.Subjects, event.AccountID(someHex(rnd)))
	}
	slices.Sort(r.Subjects)
	if len(r.Subjects) > 0 {
		a.Items = []string{"name", "phone"}[:rnd.IntN(3)]
	}
	return a
}

// expected is what has to come in again, and the request that the catalog is given.
func expected(a *Access) *event.Record {
	r := a.Record.Clone()
	r.ID, r.Source = event.RecordID(a.UID), "ocsf"
	if r.Action == event.ActionSignIn || r.Action == event.ActionIssue {
		r.Subjects = nil // the routes of the shipped catalog are about nobody
	}
	return &r
}

// TestRoundTrip: what goes out comes in again, by the shipped catalog, as the same
// record; and the schema allows it.
func TestRoundTrip(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	c, r := shipped(t), schema(t)
	for range 3000 {
		a := someAccess(rnd)
		line, err := Encode(a, ProductOf("1"))
		if err != nil {
			t.Fatal(err)
		}
		if w := r.wrong(line); len(w) > 0 {
			t.Fatalf("%s\nnot by the schema: %s", line, strings.Join(w, "; "))
		}
		got, aside := readIn(t, c, line)
		if aside != "" || got == nil {
			t.Fatalf("%s\naside: %s", line, aside)
		}
		want := expected(a)
		// Which route and action it is follows from the reader's catalog; what it is
		// told of them is the class, the activity and the path.
		route, action := wantRoute(a.Action, a.Route), wantAction(a.Action)
		if got.Route != route || got.Action != action {
			t.Fatalf("%s\nof %s %s\nreads %s %s\nwant %s %s", line, a.Action, a.Route, got.Action, got.Route, action, route)
		}
		for _, x := range []*event.Record{got, want} {
			x.Route, x.Mapped, x.Action, x.Lifted, x.Edition, x.Position = "", false, 0, "", 0, 0
		}
		if d := cmp.Diff(plain(want), plain(got)); d != "" {
			t.Fatalf("%s\n(-want +got)\n%s", line, d)
		}
	}
}

// plain shows the ids of a record of a test.
func plain(r *event.Record) map[string]any {
	var subjects []string
	for _, s := range r.Subjects {
		subjects = append(subjects, string(s))
	}
	return map[string]any{
		"time": r.Time, "source": r.Source, "id": string(r.ID), "actor": string(r.Actor.ID), "type": r.Actor.Type, "key": r.Credential.Key,
		"token": string(r.Credential.Token), "ip": r.Client.IP.String(), "agent": r.Client.Agent, "country": r.Client.Country, "network": r.Client.Network,
		"status": r.Status, "rows": r.Rows, "subjects": subjects,
	}
}

// wantAction is what comes in again of an action.
func wantAction(a event.Action) event.Action {
	if a == event.ActionExport || a == event.ActionOpen {
		return event.ActionOther
	}
	return a
}

// wantRoute is the request that the shipped catalog makes of an event.
func wantRoute(action event.Action, route string) string {
	method, path, _ := strings.Cut(route, " ")
	switch action {
	case event.ActionSignIn:
		return "ANY /ocsf/3002/1/*"
	case event.ActionIssue:
		return "ANY /ocsf/3002/3/*"
	}
	class, activity := "6003", 99
	n := map[event.Action]int{event.ActionRead: 2, event.ActionCreate: 1, event.ActionUpdate: 3, event.ActionDelete: 4}
	if method == "TABLE" {
		class, n = "6005", map[event.Action]int{event.ActionRead: 1, event.ActionCreate: 6, event.ActionUpdate: 2, event.ActionDelete: 7}
		path, _, _ = strings.Cut(path, " ")
		path = "/" + strings.Replace(path, ".", "/", 1)
	}
	if method != "GET" && method != "PUT" && method != "DELETE" {
		method = "POST"
	}
	if k, ok := n[action]; ok {
		activity = k
	}
	path = strings.NewReplacer("{}", "{id}", "*", "{id}").Replace(path)
	return fmt.Sprintf("%s /ocsf/%s/%d%s", method, class, activity, path)
}

func TestFinding(t *testing.T) {
	r := schema(t)
	s := detect.Signal{
		ID: "sig-0011", Rule: "token-not-issued", Title: detect.Text{KO: "발급되지 않은 토큰", EN: "tokens that nobody issued"}, Severity: detect.High,
		Group: map[string]string{"credential.key": "sig-2024-04"}, First: "2025-03-10T00:07:12.000+09:00", Last: "2025-03-14T00:00:00.000+09:00",
		Reads: 720, Accounts: 720, People: 799, Items: map[string]int64{"name": 758}, Reason: detect.Text{KO: "까닭", EN: "why"},
		Where: `credential.key == "sig-2024-04"`, Exact: true, Status: detect.Open, Reached: 209, ReachedAt: "2025-03-10T01:12:00.000+09:00",
	}
	for _, test := range []struct {
		change   Change
		status   detect.Status
		severity detect.Severity
		want     string
	}{
		{Found, detect.Open, detect.High, "200401 1 4"},
		{Grown, detect.Open, detect.Critical, "200402 1 5"},
		{Grown, detect.Suppressed, detect.Informational, "200402 3 1"},
		{Grown, detect.Acknowledged, detect.Medium, "200402 2 3"},
		{Withdrawn, detect.Open, detect.Low, "200403 99 2"},
	} {
		s.Status, s.Severity = test.status, test.severity
		line, err := EncodeSignal(&s, test.change, 3, ProductOf("1"))
		if err != nil {
			t.Fatal(err)
		}
		if w := r.wrong(line); len(w) > 0 {
			t.Errorf("%s\nnot by the schema: %s", line, strings.Join(w, "; "))
		}
		var e struct {
			Type     int   `json:"type_uid"`
			Status   int   `json:"status_id"`
			Severity int   `json:"severity_id"`
			Time     int64 `json:"time"`
			Info     struct {
				UID   string
				First int64 `json:"first_seen_time"`
			} `json:"finding_info"`
			Unmapped struct{ Version, People int }
		}
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(e.Type, e.Status, e.Severity); got != test.want {
			t.Errorf("%v %s %s: %s, want %s", test.change, test.status, test.severity, got, test.want)
		}
		if e.Info.UID != s.ID || e.Time != 1741878000000 || e.Info.First != 1741532832000 || e.Unmapped.Version != 3 || e.Unmapped.People != 799 {
			t.Errorf("%s", line)
		}
	}
}

// TestSignalUID: one state has one name, and another state another.
func TestSignalUID(t *testing.T) {
	s := detect.Signal{ID: "sig-1", Items: map[string]int64{"a": 1, "b": 2}}
	one, _ := SignalUID(&s, Found)
	same, _ := SignalUID(&s, Grown)
	s.Reads++
	grown, _ := SignalUID(&s, Grown)
	gone, _ := SignalUID(&s, Withdrawn)
	if one != same || one == grown || grown == gone || !strings.HasPrefix(one, "sig-1-") {
		t.Error(one, same, grown, gone)
	}
}

// FuzzRoundTrip: whatever a record holds, its event is one line of JSON by the schema
// that the shipped catalog reads or sets aside, and that keeps its time.
func FuzzRoundTrip(f *testing.F) {
	f.Add("GET /a", "m1", "staff", "curl\n", "k", int32(3), uint16(200), uint8(1))
	f.Add("TABLE a.b", "", "", "", "", int32(-1), uint16(0), uint8(7))
	c, r := shipped(f), schema(f)
	f.Fuzz(func(t *testing.T, route, id, kind, agent, key string, rows int32, status uint16, action uint8) {
		a := &Access{UID: "u1"}
		a.Time, a.Route, a.Actor, a.Client.Agent, a.Credential.Key = 1740787200000, route, event.Actor{ID: event.ActorID(id), Type: kind}, agent, key
		a.Rows, a.Status, a.Action = rows, status, event.Action(action%9)
		line, err := Encode(a, ProductOf("1"))
		if err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(string(line), "\n\r") {
			t.Fatal("more than a line")
		}
		if w := r.wrong(line); len(w) > 0 {
			t.Fatal(w)
		}
		got, aside := readIn(t, c, line)
		if (got == nil) == (aside == "") || got != nil && got.Time != a.Time {
			t.Fatal("neither read nor set aside")
		}
	})
}
