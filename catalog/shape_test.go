package catalog

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestShape(t *testing.T) {
	c := parse(t, frame+"words: [zorg, 적립]\nroutes:\n  - {route: \"GET /k8x9/{id}\", items: []}\n")
	for _, test := range []struct{ method, uri, want, lifted string }{
		{"GET", "/", "GET /", ""},
		{"GET", "/api/v2/users/m1000001/cards/77?x", "GET /api/v2/users/{account}/cards/{}", "m1000001"},
		{"GET", "/m1000001/m1000002", "GET /{account}/{account}", "m1000001"},
		{"GET", "/x/%6d1000001", "GET /x/{account}", "m1000001"},
		{"GET", "/users/alice", "GET /users/{word}", ""},
		{"GET", "/Users/Alice", "GET /Users/{word}", ""},
		{"GET", "/users/price", "GET /users/{word}", ""},
		{"GET", "/users/p", "GET /users/{word}", ""},
		{"GET", "/users/me/orders", "GET /users/me/orders", ""},
		{"GET", "/users/search", "GET /users/search", ""},
		{"GET", "/profile/settings", "GET /profile/settings", ""},
		{"GET", "/orders/550e8400-e29b-41d4-a716-446655440000", "GET /orders/{}", ""},
		{"GET", "/f/deadbeefcafe", "GET /f/{word}", ""},
		{"GET", "/mail/kim@shop.example", "GET /mail/{}", ""},
		{"GET", "/people/홍길동", "GET /people/{word}", ""},
		{"GET", "/회원/홍길동", "GET /회원/{word}", ""},
		{"GET", "/적립/홍 길동", "GET /적립/{}", ""},
		{"GET", "/t/eyJhbGciOiJIUzI1", "GET /t/{}", ""},
		{"GET", "/t/" + strings.Repeat("abcdefghij", 11), "GET /t/{}", ""},
		{"GET", "/getMemberAddressList.do", "GET /getMemberAddressList.do", ""},
		{"GET", "/getXMLData.action", "GET /getXMLData.action", ""},
		{"GET", "/order-history/USERS/user:search", "GET /order-history/USERS/user:search", ""},
		{"GET", "/oRders/UsErS", "GET /{word}/{word}", ""},
		{"GET", "/oauth2/token", "GET /oauth2/token", ""},
		{"GET", "/v2/v1.1/v99/v123/v1.10", "GET /v2/v1.1/v99/{}/{}", ""},
		{"GET", "/user-77/x", "GET /{}/x", ""},
		{"GET", "/k8x9/zorg", "GET /k8x9/zorg", ""}, // words of the catalog
		{"GET", "/{account}/{member}", "GET /{}/{}", ""},
		{"GET", "/a/…/b", "GET /a/{}/b", ""},
		{"get", "/a", "GET /a", ""},
		{"\x16\x03", "/a", "OTHER /a", ""},
		// Names, wherever they stand.
		{"GET", "/profile/honggildong", "GET /profile/{word}", ""},
		{"GET", "/doctor/kimyounghee/patients/x", "GET /doctor/{word}/patients/{word}", ""},
		{"GET", "/files/hong.gildong/report.pdf", "GET /files/{word}/report.pdf", ""},
		{"GET", "/files/hong-gildong.pdf", "GET /files/{word}", ""},
		{"GET", "/honggildong", "GET /{word}", ""},
		{"GET", "/k-i-m/p.a.r.k", "GET /{word}/{word}", ""},
		{"GET", "/images/me.png", "GET /images/{word}", ""},
		{"GET", "/favicon.ico", "GET /favicon.ico", ""},
		// Bounds.
		{"GET", strings.Repeat("/a", 13), "GET" + " " + strings.Repeat("/a", 12) + "/…", ""},
		{"GET", strings.Repeat("/a", 12), "GET" + " " + strings.Repeat("/a", 12), ""},
		{"GET", "/" + strings.Repeat("ab-", 5000), "GET /…", ""},
		{"GET", strings.Repeat("/shipment-notification-settings", 8), "GET " + strings.Repeat("/shipment-notification-settings", 6) + "/…", ""},
	} {
		got, lifted := c.Shape(test.method, test.uri)
		if got != test.want || string(lifted) != test.lifted {
			t.Errorf("%.60q: %.99q, want %q (account found: %v)", test.uri, got, test.want, lifted != "")
		}
	}
	if got := Shape("GET", "/users/m1000001/cards/77"); got != "GET /users/{}/cards/{}" {
		t.Errorf("without a catalog: %q", got)
	}
}

// TestWordsAreNoNames: nobody is called as a word of the list. The names are the
// most frequent of both languages, and the syllables that Korean given names are
// made of.
func TestWordsAreNoNames(t *testing.T) {
	for _, w := range strings.Fields(`kim lee yi rhee park bak choi choe jung jeong chung kang cho jo yoon yun jang chang lim im
		han oh seo suh shin sin kwon gwon hwang ahn an song ryu yu yoo hong jeon jun ko go moon mun son bae baek paik heo hur nam
		noh roh ha kwak sung seong cha joo ju woo wu koo gu min na jin ji um eom chae won cheon bang gong hyun ham byun yeom yang
		ban bin do so sun su mi hee hui young yeong hye eun ah seok hwan ho ki gi tae dong kyung jae sang chul cheol soo
		minsu jiho jimin seoyeon minjun seojun hayoon jiwoo gildong younghee chulsoo minji sujin jisoo hana nara bora yuri sora
		james john robert michael william david richard joseph thomas charles mary patricia jennifer linda elizabeth barbara susan
		mark grace will rose april june may august art bill frank grant dean hope joy faith summer jack guy ray pat sue rob nick
		bob gene max miles victor marina angel daisy lily ivy holly ruby amber dawn eve carol gay penny iris jean drew chase
		smith johnson brown jones garcia miller davis wilson anderson taylor moore jackson white harris martin thompson young king
		wright hill green baker hall cook bell cox ward gray price wood ross long bush rice fox stone hunter mason knight ford
		lane west cole burns major love law wise small nice lamb swan pope bishop noble rich strong savage`) {
		if knownWords[w] != 0 {
			t.Errorf("%s is somebody's name", w)
		}
	}
	for w := range knownWords {
		if len(w) > maxWord || strings.ToLower(w) != w {
			t.Errorf("%s is never found", w)
		}
	}
}

// TestShapesAreFew: a hundred thousand made-up paths are a handful of shapes, and
// nothing of what was made up is in them.
func TestShapesAreFew(t *testing.T) {
	c := parse(t, frame)
	rnd := rand.New(rand.NewPCG(7, 8))
	shapes := map[string]bool{}
	for range 100_000 {
		var b strings.Builder
		for range 1 + rnd.IntN(3) {
			b.WriteString("/zq")
			for range 3 + rnd.IntN(12) {
				b.WriteByte("abcdefghijklmnopqrstuvwxyz-_."[rnd.IntN(29)])
			}
		}
		s, _ := c.Shape("GET", b.String())
		shapes[s] = true
	}
	for s := range shapes {
		if strings.Contains(s, "zq") {
			t.Errorf("%s keeps what was made up", s)
		}
	}
	if len(shapes) > 20 {
		t.Errorf("%d shapes", len(shapes))
	}
}

// TestShapesMeetTemplates holds shapes to what a catalog of today says of the
// path itself, over random catalogs and paths. A shape is stored under one
// catalog and asked of another:
//
//   - what it is taken for is what the path would be taken for, always;
//   - what it is not taken for is said to be possible, and only where a literal
//     of the template is no word that shapes keep;
//   - with words alone, nothing is lost.
func TestShapesMeetTemplates(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	pick := func(list []string) string { return list[rnd.IntN(len(list))] }
	literals := []string{"users", "orders", "search", "api", "v2", "price", "zorg", "alice", "k8x9", "7", "m1000009", "주문", "zo.rg", "Zorg"}
	segments := append([]string{"bob", "m1000001", "a@b", "77", "12-34", "홍길동"}, literals...)
	var asked, found, possible int
	for range 400 {
		old, now := randomTemplates(rnd, literals), randomTemplates(rnd, literals)
		then, c := withPattern(t, old), withPattern(t, append(now, old[:rnd.IntN(len(old)+1)]...))
		for range 100 {
			path := ""
			for range 1 + rnd.IntN(5) {
				path += "/" + pick(segments)
			}
			if rnd.IntN(10) == 0 {
				path += strings.Repeat("/"+pick(segments), 10)
			}
			var before, today Resolution
			then.Resolve("GET", path, &before)
			if before.Mapped {
				continue // stored by its template, not by its shape
			}
			c.Resolve("GET", path, &today)
			shape, _ := then.Shape("GET", path)
			m := c.Meaning(shape, false, 0)
			asked++
			switch {
			case m.Known && m.Route != today.Route:
				t.Fatalf("seed %d: %s was %s, which is taken for %s; the path is %q\n%s", seed, path, shape, m.Route, today.Route, routeNames(c))
			case m.Known:
				found++
			case !today.Mapped:
			case m.Possible == "":
				t.Fatalf("seed %d: %s was %s and is %s, which nothing says\n%s", seed, path, shape, today.Route, routeNames(c))
			default:
				possible++
				if !strings.Contains(shape, "…") && onlyWords(c) {
					t.Fatalf("seed %d: %s was %s and is %s, of words alone, but not found\n%s", seed, path, shape, today.Route, routeNames(c))
				}
			}
			if m.Known && m.Possible != "" {
				t.Fatalf("%s is both known and possible", shape)
			}
		}
	}
	if found < 1000 || possible < 100 {
		t.Errorf("of %d shapes %d were found and %d possible: too few to say anything", asked, found, possible)
	}
}

func randomTemplates(rnd *rand.Rand, literals []string) []string {
	if rnd.IntN(3) == 0 {
		literals = literals[:5] // words alone
	}
	var out []string
	seen := map[string]bool{}
	for range 1 + rnd.IntN(8) {
		name, key := "GET ", ""
		for d := range 1 + rnd.IntN(4) {
			if rnd.IntN(3) == 0 {
				name, key = name+fmt.Sprintf("/{v%d}", d), key+"/{}"
				continue
			}
			w := literals[rnd.IntN(len(literals))]
			name, key = name+"/"+w, key+"/"+w
		}
		if rnd.IntN(4) == 0 {
			name, key = name+"/*", key+"/*"
		}
		if !seen[key] {
			seen[key] = true
			out = append(out, name)
		}
	}
	return out
}

// withPattern parses routes without items; a route that stands twice is left out.
func withPattern(t *testing.T, routes []string) *Catalog {
	t.Helper()
	var b strings.Builder
	b.WriteString("account: {pattern: \"m[0-9]{7}\"}\nroutes:\n")
	seen := map[string]bool{}
	for _, r := range routes {
		if key := liftNames(r); !seen[key] {
			seen[key] = true
			fmt.Fprintf(&b, "  - {route: %q, items: []}\n", r)
		}
	}
	return parse(t, b.String())
}

func routeNames(c *Catalog) string {
	var out []string
	for _, r := range c.routes {
		out = append(out, r.Name)
	}
	return strings.Join(out, "\n")
}

func onlyWords(c *Catalog) bool {
	return !slices.ContainsFunc(c.routes, func(r *Route) bool {
		return slices.ContainsFunc(r.segments, func(s templateSegment) bool { return !s.variable && !keptWord(s.text, true) })
	})
}

// TestLiftedLiteral spells out the case that the property above is about.
func TestLiftedLiteral(t *testing.T) {
	c := parse(t, frame+`routes:
  - {route: "GET /zorg/{id}", items: [name], account: none}
  - {route: "GET /{page}/{id}", items: []}
  - {route: "GET /users/{user}", items: [name], account: path.user}
  - {route: GET /users/bulkgrant, items: []}
`)
	for _, test := range []struct{ shape, route, possible string }{
		{"GET /{word}/{}", "", "GET /zorg/{id}"},   // it may have been zorg
		{"GET /{}/{}", "GET /{page}/{id}", ""},     // it was no word
		{"GET /orders/{}", "GET /{page}/{id}", ""}, // it was not zorg
		{"GET /users/{}", "GET /users/{user}", ""}, // nor bulkgrant
		{"GET /users/{account}", "GET /users/{user}", ""},
		{"GET /users/{word}", "", "GET /users/bulkgrant"},
		{"GET /zorg/{}", "GET /zorg/{id}", ""}, // the catalog of that time knew the word
		{"GET /{word}/…", "", "GET /zorg/{id}"},
		{"GET /{word}/{}/{}", "", ""},
	} {
		m := c.Meaning(test.shape, false, 0)
		if m.Route != test.route || m.Possible != test.possible || m.Known != (test.route != "") {
			t.Errorf("%s: %q, possibly %q", test.shape, m.Route, m.Possible)
		}
	}
}
