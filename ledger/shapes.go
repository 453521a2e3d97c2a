package ledger

import (
	"strings"

	"github.com/haetae/haetae/ledger/segment"
)

// Shapes are tables in memory and in every segment. A site has a few thousand; a
// flood of garbage paths, with made-up keys, has as many as it has requests. So
// of requests that the catalog does not know, a source has maxUnmapped shapes
// between two seals (of an import: two stages), and whatever comes further goes
// into one route, segment.TooMany, which is no route of the catalog's and counts
// as unmapped like any other. Time, account, actor, token, address, status and
// action of the record stay; its path is gone, so no later catalog can map it, and
// the answers say so.
//
// Marks of live-only rules are bounded likewise: whoever knows the rules can match
// every combination of them. Of combinations beyond maxUnmapped the record says that
// no rule looked at it, which a run over history tells.
//
// Records on known routes are never changed otherwise: their keys are evidence. Where they
// make too many shapes, a file ends sooner (maxShapes) and is not merged further
// (maxShapeBytes).
const (
	maxUnmapped = 10_000
	// maxShapes ends a memtable or a stage: about 60 MB.
	maxShapes = 1 << 18
	// maxShapeBytes is how much of shapes, unpacked, a merge puts into one file.
	maxShapeBytes = 64 << 20
)

// shapeBook bounds the shapes of what goes into segments together.
type shapeBook struct {
	sources map[string]*sourceShapes
	added   int // shapes given to builders, a shape once for each of them
	limit   int // maxUnmapped, less in tests
}

type sourceShapes struct {
	known map[segment.Shape]bool
	words map[string]bool // keys and types of actors
	marks map[string]bool // sets of them
}

func newShapeBook() *shapeBook {
	return &shapeBook{sources: map[string]*sourceShapes{}, limit: maxUnmapped}
}

// full reports whether what was collected has to be written.
func (k *shapeBook) full() bool { return k.added >= maxShapes }

// bound gives the shape under which a fragment is kept.
func (k *shapeBook) bound(sh segment.Shape) segment.Shape {
	s := k.sources[sh.Source]
	if s == nil {
		s = &sourceShapes{known: map[segment.Shape]bool{}, words: map[string]bool{"": true}, marks: map[string]bool{}}
		k.sources[sh.Source] = s
	}
	if sh.Marks != "" && !s.marks[sh.Marks] {
		if len(s.marks) >= k.limit {
			sh.Looked, sh.Marks = 0, ""
		} else {
			s.marks[sh.Marks] = true
		}
	}
	unmapped := sh.Flags&segment.Mapped == 0
	if unmapped && !s.known[sh] && len(s.known) >= k.limit {
		// Whether the actor's own id stood in the path is a fact of its own.
		own := strings.Contains(sh.Route, "{account}")
		if sh.Route = segment.TooMany; own {
			sh.Route += "/{account}"
		}
		for _, w := range []*string{&sh.Key, &sh.ActorType} {
			if !s.words[*w] {
				*w = segment.TooMany
			}
		}
		return sh
	}
	if unmapped {
		s.known[sh] = true
	}
	if len(s.words) < k.limit {
		s.words[sh.Key], s.words[sh.ActorType] = true, true
	}
	return sh
}
