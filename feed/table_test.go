package feed

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/internal/written"
	"github.com/haetae/haetae/internal/written/writtentest"
)

var (
	hasher = pseudonym.NewHasher([32]byte{7})
	seoul  = time.FixedZone("KST", 9*3600)
)

func day(s string) event.Millis {
	t, err := time.ParseInLocation(time.DateOnly, s, seoul)
	if err != nil {
		panic(err)
	}
	return event.MillisOf(t)
}

func holderOf(id string, joined, moved, left event.Millis) holder {
	return holder{Person: personOf(detect.PersonOf(hasher, id)), Joined: joined, Moved: moved, Left: left}
}

const people = "id,name,team,joined,moved,left\ns1,김서연,결제,2020-01-02,,\ns2,\"이, 준\",배송,20210301,2025.02.03,2026/03/31\n"

func TestHolders(t *testing.T) {
	want := []holder{holderOf("s1", day("2020-01-02"), 0, 0), holderOf("s2", day("2021-03-01"), day("2025-02-03"), day("2026-03-31"))}
	for name, c := range map[string]struct {
		feed Feed
		text string
	}{
		"csv":           {Feed{}, people},
		"a mark":        {Feed{}, "\ufeff" + people},
		"windows lines": {Feed{}, strings.ReplaceAll(people, "\n", "\r\n")},
		"their names":   {Feed{Columns: map[string]string{"id": "사번", "left": "퇴사일"}}, strings.NewReplacer("id,", "사번,", "left", "퇴사일").Replace(people)},
		"an array":      {Feed{Format: "json"}, `[{"id":"s1","name":"김서연","joined":"2020-01-02","left":null},{"id":"s2","joined":20210301,"moved":"2025.02.03","left":"2026/03/31"}]`},
		"below data":    {Feed{Format: "json"}, `{"total":2,"data":[{"id":"s1","joined":"2020-01-02","left":"9999-12-31"},{"id":"s2","joined":"2021-03-01","moved":"2025-02-03","left":"2026-03-31"}]}`},
		"below a key":   {Feed{Format: "json", Rows: "people", Columns: map[string]string{"id": "no"}}, `{"data":[],"people":[{"no":"s1","joined":"2020-01-02"},{"no":"s2","joined":"2021-03-01","moved":"2025-02-03","left":"2026-03-31"}]}`},
		"a line each":   {Feed{Format: "json"}, "{\"id\":\"s1\",\"joined\":\"2020-01-02\"}\n{\"id\":\"s2\",\"joined\":\"2021-03-01\",\"moved\":\"2025-02-03\",\"left\":\"2026-03-31\"}\n"},
		"the last day":  {Feed{LastDay: true}, strings.Replace(people, "2026/03/31", "2026-03-30", 1)},
	} {
		f := c.feed
		f.Name, f.Kind = "staff", detect.FeedHolders
		got, err := parse(&f, []byte(c.text), hasher, seoul)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d := cmp.Diff(want, got.Holders); d != "" || got.Rows != 2 {
			t.Errorf("%s: %d rows, %s", name, got.Rows, d)
		}
	}
}

func TestKeys(t *testing.T) {
	got, err := parse(&Feed{Name: "k", Kind: detect.FeedKeys}, []byte("Key,Owner,Custodian,Created,Rotates_By,Retired\nsig-1,결제팀,s1,2024-01-01,2026-01-01,\n"), hasher, seoul)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]key{{ID: "sig-1", Custodian: personOf(detect.PersonOf(hasher, "s1")), Created: day("2024-01-01"), RotatesBy: day("2026-01-01")}}, got.Keys); d != "" {
		t.Error(d)
	}
}

// TestRefused: what is wrong is told with source, line and field, and makes all of the
// content unusable.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		kind               detect.FeedKind
		format, text, want string
	}{
		{detect.FeedHolders, "csv", "", "x:1: a header is missing: id,team"},
		{detect.FeedHolders, "csv", "name,left\nkim,\n", "x:1: id: there is no such column"},
		{detect.FeedHolders, "csv", "id,joind\ns1,2020-01-01\n", "x:1: joined: a column is nearly called that"},
		{detect.FeedHolders, "csv", "id,ID\ns1,s2\n", "x:1: id: the column stands twice"},
		{detect.FeedHolders, "csv", "id,left\ns1,\ns2,soon\n", "x:3: left: is no date"},
		{detect.FeedHolders, "csv", "id,left\ns1,\n,2020-01-01\n", "x:3: id: is empty"},
		{detect.FeedHolders, "csv", "id,joined,left\ns1,2021-01-01,2020-01-01\n", "x:2: left: is before joined"},
		{detect.FeedHolders, "csv", "id,joined,left\ns1,2021-01-01,\ns2,20", "x:3: has 2 fields, and the header has 3"},
		{detect.FeedHolders, "csv", "id,left\n\"s1,\n", "x:2: not a line of CSV"},
		{detect.FeedHolders, "csv", "id,left\ns1,\n\xb1\xe8,\n", "x:3: is not UTF-8"},
		{detect.FeedHolders, "json", `[{"id":"s1"},{"id":["s2"]}]`, "x:2: id: is not one value"},
		{detect.FeedHolders, "json", `[{"id":"s1"},{"id":"s`, "x:2: not readable as JSON"},
		{detect.FeedHolders, "json", `{"error":"no"}`, "x:1: id: is empty"},
		{detect.FeedHolders, "json", `"s1"`, "is no array of objects"},
		{detect.FeedHolders, "json", `[{"id":"s1"}] x`, "x:2: not readable as JSON"},
		{detect.FeedHolders, "json", "{\"id\":\"s1\"}\n{\"id\":", "x:2: not readable as JSON"},
		{detect.FeedHolders, "json", `[null]`, "x:1: is no object"},
		{detect.FeedHolders, "json", `{"data":[{"id":"s1"}]`, "x:2: not readable as JSON"},
		{detect.FeedHolders, "json", `{"data":[{"id":"s1"}]} {}`, "x:2: not readable as JSON"},
		{detect.FeedHolders, "json", `{"data":[{"id":"s1"},7]}`, "x:2: is no object"},
		{detect.FeedHolders, "json", "{\"id\":\"s1\"}\n[]", "x:2: is no object"},
		{detect.FeedList, "csv", "value\nm*\n", "x:2: value: has a * or ?"},
		{detect.FeedHoldings, "json", `[{"account":"m1","items":["a"]}]`, "x:1: person: is empty"},
	} {
		_, err := parse(&Feed{Name: "x", Kind: c.kind, Format: c.format}, []byte(c.text), hasher, seoul)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.text, err, c.want)
		}
	}
}

// TestPrivateMistakes: however a register is spoiled, no mistake repeats what stands
// there.
func TestPrivateMistakes(t *testing.T) {
	for _, c := range []struct {
		kind         detect.FeedKind
		format, text string
	}{
		{detect.FeedHolders, "csv", "id,team,joined,left\ns1,pay,2020-01-02,\ns2,ship,20210301,2026/03/31\n"},
		{detect.FeedHolders, "json", "[{\"id\":\"s1\",\"joined\":\"2020-01-02\"},\n{\"id\":\"s2\",\"left\":\"2026-03-31\"}]"},
		{detect.FeedKeys, "csv", "key,custodian,created,rotates_by\nk1,s1,2020-01-02,2026-01-01\nk2,s2,2020-01-02,2026-01-01\n"},
	} {
		refused := 0
		for _, text := range writtentest.Spoiled(c.text) {
			_, err := parse(&Feed{Name: "x", Kind: c.kind, Format: c.format}, []byte(text), hasher, seoul)
			if err == nil {
				continue
			}
			refused++
			if problem := writtentest.Told(err, "x"); problem != "" {
				t.Fatalf("%s\n%q", problem, text)
			}
		}
		if refused < 50 {
			t.Errorf("%s %s: %d were refused: the test looks at too little", c.kind, c.format, refused)
		}
	}
}

// FuzzTable: whatever comes is rows or mistakes that quote nothing of it, and what is
// taken has what it cannot do without.
func FuzzTable(f *testing.F) {
	for _, s := range []string{people, "[{\"id\":\"s1\"}]", "{\"data\":[{\"id\":1}]}", "{\"id\":\"a\"}\n{\"id\":\"b\"}", "value\na\n", "key,retired\nk,20200101\n", "[[]]", "{", "\"", "id\n\"\xff\"\n"} {
		f.Add([]byte(s), uint8(0), true)
		f.Add([]byte(s), uint8(1), false)
		f.Add([]byte(s), uint8(4), false)
	}
	f.Fuzz(func(t *testing.T, data []byte, k uint8, csv bool) {
		feed := &Feed{Name: "x", Kind: detect.FeedKind(kinds[int(k)%len(kinds)]), Format: "json"}
		if csv {
			feed.Format = "csv"
		}
		marked := strings.ReplaceAll(string(data), "s1", writtentest.Marker)
		c, err := parse(feed, []byte(marked), hasher, seoul)
		if err != nil {
			if problem := writtentest.Told(err, "x"); problem != "" {
				t.Fatal(problem)
			}
			if _, ok := err.(written.Mistakes); !ok {
				t.Fatalf("%T", err)
			}
			return
		}
		for _, x := range c.Holders {
			if x.Person == "" || x.Left != 0 && x.Left < x.Joined {
				t.Fatalf("%+v", x)
			}
		}
		for _, x := range c.Keys {
			if x.ID == "" {
				t.Fatalf("%+v", x)
			}
		}
	})
}
