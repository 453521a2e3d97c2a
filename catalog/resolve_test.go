package catalog

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// build parses a catalog that has only routes without personal data.
func build(t testing.TB, routes ...string) *Catalog {
	t.Helper()
	var b strings.Builder
	b.WriteString("routes:\n")
	for _, r := range routes {
		fmt.Fprintf(&b, "  - {route: %q, items: []}\n", r)
	}
	c, err := Parse("t.yaml", []byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestResolve(t *testing.T) {
	c := build(t, "GET /", "GET /my/profile", "GET /users/me", "GET /users/{id}", "POST /users/{id}",
		"GET /users/{id}/cards", "GET /users/{id}/*", "GET /static/*", "ANY /auth/*", "POST /auth/login",
		"GET /a/{x}/d", "GET /a/b/c", "DELETE /a/b", "GET /회원/{id}", "HEAD /probe")
	for _, test := range []struct{ method, uri, want string }{
		{"GET", "/", "GET /"},
		{"GET", "", "GET /"},
		{"GET", "/my/profile", "GET /my/profile"},
		{"get", "/my/profile", "GET /my/profile"},
		{"GET", "/my/profile?x=/a/b", "GET /my/profile"},
		{"GET", "/my/profile#top", "GET /my/profile"},
		{"GET", "/my/profile?a#b", "GET /my/profile"},
		// spelling of the path
		{"GET", "/my/profile/", "GET /my/profile"},
		{"GET", "//my///profile", "GET /my/profile"},
		{"GET", "/my/./profile", "GET /my/profile"},
		{"GET", "/x/y/../../my/profile", "GET /my/profile"},
		{"GET", "/../../my/profile", "GET /my/profile"},
		{"GET", "/my/%2e%2E/my/profile", "GET /my/profile"},
		{"GET", "/my/%70rofile", "GET /my/profile"},
		{"GET", "/my%2Fprofile", ""},
		{"GET", "/my/profile%", ""},
		{"GET", "/my/profile%zz", ""},
		{"GET", "/my/profile;jsessionid=1", "GET /my/profile"},
		{"GET", "/my;v=1/profile;x=2?q", "GET /my/profile"},
		{"GET", "/My/Profile", ""},
		{"GET", "my/profile", "GET /my/profile"},
		{"GET", "http://shop.example/my/profile?x", "GET /my/profile"},
		{"GET", "http://shop.example", "GET /"},
		{"GET", "http://shop.example?x=/my/profile", "GET /"},
		{"GET", "/redirect?to=http://x/my/profile", ""},
		{"GET", "/%ED%9A%8C%EC%9B%90/7", "GET /회원/{id}"},
		{"GET", "/회원/7", "GET /회원/{id}"},
		// priority
		{"GET", "/users/me", "GET /users/me"},
		{"GET", "/users/%6de", "GET /users/me"},
		{"GET", "/users/mee", "GET /users/{id}"},
		{"GET", "/users/me/cards", "GET /users/{id}/cards"},
		{"GET", "/users/7/cards/1/2/3", "GET /users/{id}/*"},
		{"GET", "/a/b/c", "GET /a/b/c"},
		{"GET", "/a/b/d", "GET /a/{x}/d"}, // back from the dead end below /a/b
		{"GET", "/a/b", ""},
		// wildcard
		{"GET", "/static", "GET /static/*"},
		{"GET", "/static/", "GET /static/*"},
		{"GET", "/static/a/b.css", "GET /static/*"},
		{"GET", "/staticx", ""},
		{"GET", "/static" + strings.Repeat("/a", 1000), "GET /static/*"},
		{"GET", "/static" + strings.Repeat("/%61", 1000), "GET /static/*"},
		{"GET", "/static" + strings.Repeat("/a", 50) + strings.Repeat("/..", 50), "GET /static/*"},
		{"GET", "/x" + strings.Repeat("/a", 50) + strings.Repeat("/..", 51) + "/my/profile", "GET /my/profile"},
		// methods
		{"POST", "/users/me", "POST /users/{id}"},
		{"PUT", "/users/me", ""},
		{"POST", "/auth/login", "POST /auth/login"},
		{"GET", "/auth/login", "ANY /auth/*"},
		{"PATCH", "/auth/x", "ANY /auth/*"},
		{"\x16\x03", "/auth/x", "ANY /auth/*"},
		{"HEAD", "/my/profile", "HEAD /my/profile"},
		{"HEAD", "/probe", "HEAD /probe"},
		{"HEAD", "/auth/x", "HEAD /auth/*"},
		{"OPTIONS", "/a/b", "OPTIONS /a/b"},
		{"OPTIONS", "*", ""},
		{"\x16\x03\x01", "/my/profile", ""},
		{"", "/my/profile", ""},
		// bounds
		{"GET", "/static/" + strings.Repeat("a", maxPath), ""},
		{"GET", "/static/" + strings.Repeat("a", maxPath-8), "GET /static/*"},
		{"GET", "/my/profile?" + strings.Repeat("a", 1<<20), "GET /my/profile"},
		{"GET", strings.Repeat("/", 1<<20), ""},
		{"GET", "/\x00", ""},
	} {
		var res Resolution
		c.Resolve(test.method, test.uri, &res)
		if res.Route != test.want || res.Mapped != (test.want != "") {
			t.Errorf("%q %.60q: %q, want %q", test.method, test.uri, res.Route, test.want)
		}
	}
}

func TestVar(t *testing.T) {
	c := build(t, "GET /users/{user}/cards/{card}")
	var res Resolution
	for _, test := range []struct{ uri, user, card string }{
		{"/users/m1/cards/2?x", "m1", "2"},
		{"//users/m1;a=b/cards/2/", "m1", "2"},
		{"/users/%6d1/x/../cards/%2F", "m1", "/"},
	} {
		c.Resolve("GET", test.uri, &res)
		user, _ := res.Var("user")
		card, _ := res.Var("card")
		c.Resolve("GET", "/users/%78%78/cards/%78", &res) // must not reach what was taken
		if user != test.user || card != test.card {
			t.Errorf("%s: %q, %q", test.uri, user, card)
		}
	}
	if _, ok := res.Var("nobody"); ok {
		t.Error("a variable the template does not have")
	}
}

// naive finds the most literal matching template by trying all of them.
func naive(c *Catalog, m method, path string) string {
	best, rank := "", ""
	var segs []string
	for _, s := range strings.Split(path, "/") {
		if s != "" {
			segs = append(segs, s)
		}
	}
	for _, r := range c.routes {
		if r.method != m && r.method != methodAny {
			continue
		}
		if len(segs) < len(r.segments) || len(segs) > len(r.segments) && !r.wild {
			continue
		}
		k, ok := "", true
		for i, s := range r.segments {
			switch {
			case s.variable:
				k += "b"
			case s.text == segs[i]:
				k += "a"
			default:
				ok = false
			}
		}
		if r.wild {
			k += "c"
		} else {
			k += "A" // ends here: before anything else
		}
		if r.method == methodAny {
			k += "2"
		} else {
			k += "1"
		}
		if ok && (best == "" || k < rank) {
			best, rank = r.Name, k
		}
	}
	return best
}

// TestResolveEqualsNaive compares the trie with trying every template, over
// random catalogs of few words, where everything collides with everything.
func TestResolveEqualsNaive(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	words := []string{"a", "b", "cc", "a-long-segment", "a-long-sexment", "d"}
	for range 200 {
		seen := make(map[string]bool)
		var routes []string
		for range 1 + rnd.IntN(60) {
			name := []string{"GET", "POST", "ANY"}[rnd.IntN(3)] + " "
			key := name
			depth := rnd.IntN(5)
			for d := range depth {
				if rnd.IntN(3) == 0 {
					name += fmt.Sprintf("/{v%d}", d)
					key += "/{}"
				} else {
					w := words[rnd.IntN(len(words))]
					name, key = name+"/"+w, key+"/"+w
				}
			}
			if depth == 0 || rnd.IntN(4) == 0 {
				name, key = name+"/*", key+"/*"
			}
			if !seen[key] {
				seen[key] = true
				routes = append(routes, name)
			}
		}
		c := build(t, routes...)
		var res Resolution
		for range 300 {
			path := ""
			for range rnd.IntN(6) {
				path += "/" + append(words, "x")[rnd.IntN(len(words)+1)]
			}
			if rnd.IntN(5) == 0 {
				path += "/"
			}
			m := []method{methodGet, methodPost, methodPut}[rnd.IntN(3)]
			c.Resolve(methodNames[m], path, &res)
			if want := naive(c, m, path); res.Route != want {
				t.Fatalf("seed %d: %s %s: %q, want %q\n%s", seed, methodNames[m], path, res.Route, want, strings.Join(routes, "\n"))
			}
		}
	}
}

func manyRoutes(t testing.TB, n int) (*Catalog, []string) {
	var routes, paths []string
	for i := range n {
		switch i % 4 {
		case 0:
			routes = append(routes, fmt.Sprintf("GET /service-%d/members/{member}", i))
			paths = append(paths, fmt.Sprintf("/service-%d/members/m1000001?view=full", i))
		case 1:
			routes = append(routes, fmt.Sprintf("GET /api/v2/resource%d/{id}/orders/{n}/edit", i))
			paths = append(paths, fmt.Sprintf("/api/v2/resource%d/77/orders/12/edit", i))
		case 2:
			routes = append(routes, fmt.Sprintf("GET /api/v2/members/{member}/thing-%d", i))
			paths = append(paths, fmt.Sprintf("/api/v2/members/m1000002/thing-%d", i))
		case 3:
			routes = append(routes, fmt.Sprintf("GET /assets/%d/*", i))
			paths = append(paths, fmt.Sprintf("/assets/%d/css/site.css", i))
		}
	}
	return build(t, routes...), paths
}

func TestResolveAllocatesNothing(t *testing.T) {
	c, paths := manyRoutes(t, 1000)
	var res Resolution
	odd := []string{"/%61pi/../x;y/./z", "/nobody/knows", strings.Repeat("/a", 5000), "http://h/assets/3/x"}
	for _, p := range append(paths[:8:8], odd...) {
		c.Resolve("GET", p, &res) // the first odd path may grow the buffer
		if n := testing.AllocsPerRun(100, func() { c.Resolve("GET", p, &res) }); n != 0 {
			t.Errorf("%.40s: %v allocations", p, n)
		}
	}
}

func BenchmarkResolve(b *testing.B) {
	for _, n := range []int{10, 1_000, 10_000} {
		c, paths := manyRoutes(b, n)
		for _, kind := range []string{"mapped", "unmapped", "escaped"} {
			list := make([]string, len(paths))
			for i, p := range paths {
				switch kind {
				case "mapped":
					list[i] = p
				case "unmapped":
					list[i] = strings.Replace(p, "e", "f", 1)
				case "escaped":
					list[i] = strings.Replace(p, "e", "%65", 1)
				}
			}
			// A fixed order that no branch predictor learns.
			rnd := rand.New(rand.NewPCG(1, 2))
			rnd.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
			b.Run(fmt.Sprintf("routes=%d/%s", n, kind), func(b *testing.B) {
				b.ReportAllocs()
				var res Resolution
				i := 0
				for b.Loop() {
					c.Resolve("GET", list[i], &res)
					if i++; i == len(list) {
						i = 0
					}
				}
			})
		}
	}
}

func FuzzResolve(f *testing.F) {
	c, err := Parse("t.yaml", []byte(`account: {pattern: "m[0-9]{1,7}"}
routes:
  - {route: "GET /users/{user}/cards/{card}", items: []}
  - {route: GET /users/me, items: []}
  - {route: "GET /static/*", items: []}
  - {route: "ANY /auth/*", items: []}
  - {route: "GET /users/{user}/*", items: []}
`))
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{"/users/m1/cards/2?x=1", "/users/%6de", "//users/../static/./a;b", "http://h/users/me", "*", "/%", "/a%2", strings.Repeat("/..", 40)} {
		f.Add("GET", s)
	}
	var res Resolution
	f.Fuzz(func(t *testing.T, method, uri string) {
		c.Resolve(method, uri, &res)
		if res.Mapped != (res.Route != "") {
			t.Fatal("mapped and named differ")
		}
		user, _ := res.Var("user")
		again := res.Route
		c.Resolve(method, uri, &res)
		if u, _ := res.Var("user"); u != user || res.Route != again {
			t.Fatal("the same request resolved differently")
		}
		// What a path means must survive being stored as a shape and found
		// again, unless it is longer than a shape can be.
		shape, _ := c.Shape(method, uri)
		if len(shape) > 2*maxShapeBytes {
			t.Fatalf("a shape of %d bytes", len(shape))
		}
		stored := c.Meaning(shape, false, 0)
		if res.Mapped && !res.bodiless && !strings.Contains(shape, shapeRest) && res.route.method != methodAny && stored.Route != res.Route {
			t.Fatalf("%q resolves to %q, its shape %q to %q", uri, res.Route, shape, stored.Route)
		}
		if !res.Mapped && stored.Known && !strings.Contains(shape, "{") && !strings.Contains(shape, shapeRest) && res.method != methodOther {
			t.Fatalf("%q resolves to nothing, its shape %q to %q", uri, shape, stored.Route)
		}
	})
}
