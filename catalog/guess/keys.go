package guess

import (
	"bytes"
	"hash/maphash"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ingest/element"
	"github.com/haetae/haetae/ingest/line"
)

// Bounds on what is remembered of a sample, whatever is in it.
const (
	maxKeys     = 400 // with the path to them
	maxDepth    = 6
	maxKeyBytes = 120
	maxWords    = 50 // different words of one key
	maxForms    = 40 // different outlines of one key
)

// keys is what was seen of each key.
type keys struct {
	lines int
	all   []*stat // in the order in which they were met
	named map[string]*stat
	times *line.Times
	clock line.Clock
	seed  maphash.Seed
}

// stat is one key over the sample.
type stat struct {
	key     string
	met     int // lines that have the key, whatever stands there
	lines   int // that have it with a value
	lists   int
	objects int
	absent  int // "" or "-"
	n       int // texts and numbers

	// How many of n are …
	numbers, times, texted, addresses, chains, uuids, methods, outcomes, counts, paths, urls, requests, agents, usable, opaque, mails, networks, countries int

	distinct map[uint64]struct{}
	words    map[string]int // nil: too many, or no words
	forms    map[string]int
	longest  int
	last     event.Millis
	rising   int // times that are not before the one before
	zoned    int
	queries  int // paths with a question mark
	joined   int // texts with several values in them
}

func newKeys(lines [][]byte, now time.Time) *keys {
	k := &keys{named: map[string]*stat{}, times: line.NewTimes(nil), clock: line.NewClock(now), seed: maphash.MakeSeed()}
	for _, l := range lines {
		k.lines++
		walk(l, "", 0, k.see)
	}
	return k
}

// walk gives every value of an object with the path to it, as a catalog names it; of
// a list itself and its first element.
func walk(object []byte, path string, depth int, each func(key string, value []byte)) {
	if depth > maxDepth {
		return
	}
	o := element.Members(object)
	for {
		name, value, ok := o.Next()
		if !ok {
			return
		}
		if len(value) == 0 || !utf8.Valid(name) || len(path)+len(name) > maxKeyBytes {
			continue
		}
		enter(path+string(name), value, depth, each)
	}
}

func enter(key string, value []byte, depth int, each func(string, []byte)) {
	each(key, value)
	switch value[0] {
	case '{':
		walk(value, key+".", depth+1, each)
	case '[':
		if first := element.Elements(value, 1); len(first) == 1 && depth < maxDepth && len(first[0]) > 0 {
			enter(key+".0", first[0], depth+1, each)
		}
	}
}

func (k *keys) see(key string, value []byte) {
	s := k.named[key]
	if s == nil {
		if len(k.all) >= maxKeys {
			return
		}
		s = &stat{key: key, distinct: map[uint64]struct{}{}, words: map[string]int{}, forms: map[string]int{}}
		k.named[key] = s
		k.all = append(k.all, s)
	}
	s.met++
	switch value[0] {
	case '{':
		s.objects++
		return
	case '[':
		s.lists++
		return
	case 'n':
		return
	}
	v, text := element.Text(value)
	if !text {
		v = value
	}
	if line.Absent(v) {
		s.absent++
		return
	}
	s.lines++
	s.n++
	s.distinct[maphash.Bytes(k.seed, v)] = struct{}{}
	s.longest = max(s.longest, len(v))
	if o := line.Outline(v); len(s.forms) < maxForms || s.forms[o] > 0 {
		s.forms[o]++
	}
	if s.words != nil {
		if !isSafeWord(v) {
			s.words = nil
		} else if s.words[string(v)]++; len(s.words) > maxWords {
			s.words = nil
		}
	}
	k.classify(s, v, text)
}

// share is how many lines have a value under the key.
func (k *keys) share(s *stat) float64 {
	if k.lines == 0 {
		return 0
	}
	return float64(s.lines) / float64(k.lines)
}

// shown reports whether a key may stand in a draft. Keys are the log's own words,
// except where an object is a map: then each key is a value, and as rare as one.
func (k *keys) shown(s *stat) bool {
	if s.met*10 < k.lines || strings.ContainsAny(s.key, "{}") || strings.HasPrefix(s.key, ".") || strings.HasSuffix(s.key, ".") || strings.Contains(s.key, "..") {
		return false
	}
	digits := 0
	for _, r := range s.key {
		if unicode.IsDigit(r) {
			digits++
		}
		if !unicode.IsPrint(r) || r == utf8.RuneError || strings.ContainsRune("\"'\\/@?&=", r) && !strings.HasPrefix(s.key, "@") {
			return false
		}
	}
	return digits <= 3 && strings.TrimSpace(s.key) == s.key
}

// isSafeWord: a word of a program, by its looks: few letters and nothing else. That it
// is shown takes more, see safeWords.
func isSafeWord(v []byte) bool {
	if len(v) > 40 {
		return false
	}
	for _, r := range string(v) {
		if !unicode.IsLetter(r) && r != '_' && r != '-' && r != '.' || r == utf8.RuneError {
			return false
		}
	}
	return true
}

// safeWords are the words of a key that may stand in a draft: at most most of them,
// each in several lines, so that the key tells kinds and not people. Whoever calls it
// asks only for keys that are called like kinds: events, types, outcomes.
func (s *stat) safeWords(most int) []string {
	if s.words == nil || len(s.words) > most || len(s.words)*2 > s.n {
		return nil
	}
	var out []string
	for w, n := range s.words {
		if n >= 2 {
			out = append(out, w)
		}
	}
	slices.SortFunc(out, func(a, b string) int {
		if s.words[a] != s.words[b] {
			return s.words[b] - s.words[a]
		}
		return strings.Compare(a, b)
	})
	return out
}

// outline is the form that most values have; "" where there is none that a fifth of
// them share.
func (s *stat) outline() string {
	best := ""
	for o, n := range s.forms {
		if n > s.forms[best] || n == s.forms[best] && (best == "" || o < best) {
			best = o
		}
	}
	if s.forms[best]*5 < s.n {
		return ""
	}
	return best
}

func (s *stat) most(n int) bool { return s.n > 0 && n*10 >= s.n*9 }

// plain: whatever stands under the key is a text or a number. A decoder sets a line
// aside where it is not.
func (s *stat) plain() bool { return s.n > 0 && s.lists == 0 && s.objects == 0 }

// unique: no value stands twice.
func (s *stat) unique() bool { return s.n > 1 && len(s.distinct) == s.n }

func (k *keys) classify(s *stat, v []byte, text bool) {
	if !text {
		s.numbers++
	} else {
		s.texted++
	}
	if at, ok := k.times.Parse(v); ok && k.clock.Check(at) == nil {
		s.times++
		if at >= s.last {
			s.rising++
		}
		s.last = at
		if isZoned(v) {
			s.zoned++
		}
	}
	count := func(n *int, is bool) {
		if is {
			*n++
		}
	}
	count(&s.addresses, isAddress(v))
	count(&s.chains, isChain(v))
	count(&s.uuids, isUUID(v))
	count(&s.methods, isMethod(string(v)))
	_, isCount := line.Count(v)
	count(&s.counts, isCount)
	n, ok := line.Status(v)
	count(&s.outcomes, ok && n >= 100 && n < 600)
	count(&s.paths, v[0] == '/')
	count(&s.queries, bytes.IndexByte(v, '?') > 0)
	count(&s.urls, bytes.HasPrefix(v, []byte("http://")) || bytes.HasPrefix(v, []byte("https://")))
	count(&s.requests, isRequest(v))
	count(&s.agents, isAgent(v))
	count(&s.usable, line.Usable(v))
	count(&s.opaque, isOpaque(v))
	count(&s.mails, bytes.IndexByte(v, '@') > 0 && bytes.IndexByte(v, '.') > 0)
	count(&s.networks, len(v) > 2 && len(v) < 13 && v[0] == 'A' && v[1] == 'S' && isDigits(v[2:]))
	count(&s.countries, len(v) == 2 && v[0] >= 'A' && v[0] <= 'Z' && v[1] >= 'A' && v[1] <= 'Z')
	count(&s.joined, bytes.ContainsAny(v, ",;| "))
}
