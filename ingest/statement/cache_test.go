package statement

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

func TestCache(t *testing.T) {
	var mu sync.Mutex
	parsed := make(map[string]int)
	c := NewCache(64<<10, func(text string) ([]*Statement, bool) {
		mu.Lock()
		parsed[strings.Clone(text)]++
		mu.Unlock()
		return []*Statement{{Kind: Select, Query: &Query{From: []*Source{{Name: []string{text}}}}}}, text != "bad"
	})
	ask := func(text string) {
		t.Helper()
		got := c.Read(text)
		if (got == nil) != (text == "bad") || got != nil && got[0].Tables[0].Name[0] != text {
			t.Fatalf("%.20s: %v", text, got)
		}
	}
	for range 3 {
		ask("a")
		ask("bad")
	}
	if parsed["a"] != 1 || parsed["bad"] != 1 {
		t.Errorf("%v", parsed)
	}
	for i := range 10_000 {
		ask(fmt.Sprint("text ", i))
		ask("a") // used all the time
	}
	if parsed["a"] != 1 || c.size > c.limit || len(c.known) != c.order.Len() || len(c.known) < 100 {
		t.Errorf("parsed %d times; %d bytes of %d, %d texts, %d in order", parsed["a"], c.size, c.limit, len(c.known), c.order.Len())
	}
	long := strings.Repeat("x", c.limit)
	ask(long)
	ask(long)
	if parsed[long] != 2 {
		t.Error("one long text pushed all others out")
	}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 2000 {
				ask(fmt.Sprint("text ", (i*7+g)%1500))
			}
		})
	}
	wg.Wait()
}

// TestBounds: what is beyond all bounds is said to be, in time.
func TestBounds(t *testing.T) {
	star := []Output{{Expr: &Expr{Op: Star}}}
	var with []CTE
	with = append(with, CTE{Name: "x0", Query: &Query{Out: star, From: []*Source{{Name: []string{"members"}}}}})
	for i := range 60 { // twice as many tables each
		from := []*Source{{Name: []string{fmt.Sprint("x", i)}, Alias: "a"}, {Name: []string{fmt.Sprint("x", i)}, Alias: "b"}}
		with = append(with, CTE{Name: fmt.Sprint("x", i+1), Query: &Query{Out: star, From: from}})
	}
	s := &Statement{Kind: Select, Query: &Query{With: with, Out: star, From: []*Source{{Name: []string{"x60"}}}}}
	if _, ok := Analyse(s); ok {
		t.Error("2^60 tables were looked at")
	}
	deep := &Expr{Op: Column, Name: []string{"id"}}
	for range 100_000 {
		deep = &Expr{Args: []*Expr{deep}}
	}
	if _, ok := Analyse(&Statement{Kind: Select, Query: &Query{Out: []Output{{Expr: deep}}}}); ok {
		t.Error("no bound of depth")
	}
	var list []*Source
	for i := range maxTables + 1 {
		list = append(list, &Source{Name: []string{fmt.Sprint("t", i)}})
	}
	if _, ok := Analyse(&Statement{Kind: Select, Query: &Query{Out: star, From: list}}); ok {
		t.Error("no bound of tables")
	}
}
