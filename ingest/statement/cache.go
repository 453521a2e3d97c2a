package statement

import (
	"container/list"
	"sync"
)

// Cache remembers what texts were found to be: programs repeat their statements, and
// only the bound values differ. It may be used by many goroutines.
type Cache struct {
	parse func(text string) ([]*Statement, bool)
	limit int

	mu    sync.Mutex
	size  int
	known map[string]*list.Element
	order *list.List // the one used last in front
}

type cached struct {
	text string
	list []*Analysis
	size int
}

// NewCache makes a cache over a parser, for so many bytes of text. What is remembered
// of a text is some ten times as long as it.
func NewCache(limit int, parse func(text string) ([]*Statement, bool)) *Cache {
	return &Cache{parse: parse, limit: limit, known: make(map[string]*list.Element), order: list.New()}
}

// Read gives what the statements of a text are; nil if it is not understood. The
// text is copied where it is kept.
func (c *Cache) Read(text string) []*Analysis {
	c.mu.Lock()
	if e, ok := c.known[text]; ok {
		c.order.MoveToFront(e)
		got := e.Value.(*cached).list
		c.mu.Unlock()
		return got
	}
	c.mu.Unlock()

	var found []*Analysis
	if list, ok := c.parse(text); ok {
		for _, s := range list {
			a, ok := Analyse(s)
			if !ok {
				found = nil
				break
			}
			found = append(found, a)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	size := len(text) + 128
	if _, ok := c.known[text]; ok || size > c.limit/16 {
		return found
	}
	for c.size+size > c.limit {
		last := c.order.Back()
		old := c.order.Remove(last).(*cached)
		delete(c.known, old.text)
		c.size -= old.size
	}
	e := &cached{text: string([]byte(text)), list: found, size: size}
	c.known[e.text] = c.order.PushFront(e)
	c.size += size
	return found
}
