package scope

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger/dictionary"
)

// A saved scope is a version of a count: what was asked, when, of which state of
// the ledger, what the answer was, and exactly which accounts and people it was
// made of. The next count is compared with it, so that only the new people are
// told, and nobody twice.
//
//	"HTSCOP01", length of the head (4), head (JSON savedHead),
//	accounts (4), each: difference to the one before (varint)
//	people (4), each: difference (varint), items (varint)
//	crc32c of all before it (4)
const (
	savedMagic  = "HTSCOP01"
	savedSuffix = ".scope"
)

// Saved is a saved scope.
type Saved struct {
	Name   string       `json:"name"`
	At     time.Time    `json:"at"`
	By     string       `json:"by"` // account on the machine
	Where  string       `json:"where"`
	From   event.Millis `json:"from,omitempty"`
	To     event.Millis `json:"to,omitempty"`
	Ledger uint64       `json:"ledger"`
	Extent *Extent      `json:"extent,omitempty"` // nil for the result of a set operation
	Of     string       `json:"of,omitempty"`     // "new minus old"

	Set Set `json:"-"`
}

type savedHead struct {
	Saved
	Items   []string `json:"set_items"`
	Holders bool     `json:"set_holders,omitempty"`
}

var (
	// ErrNoScope: no scope of that name was saved.
	ErrNoScope = errors.New("no such saved scope")
	// ErrScopeExists: a saved scope is evidence and is not replaced.
	ErrScopeExists = errors.New("a scope of that name is saved already; a saved scope is never replaced")
	// ErrScopeName: the name cannot be a file's.
	ErrScopeName = errors.New("a scope's name has 1 to 64 letters, digits, dots, dashes or underscores")
	// ErrCorrupt marks a saved scope that is not what was written.
	ErrCorrupt = errors.New("corrupt")
)

var scopeName = regexp.MustCompile(`^[\p{L}\p{N}][\p{L}\p{N}._-]{0,63}$`)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Save stores s in dir. It never replaces one.
func Save(fsys disk.FS, dir string, s *Saved) error {
	if !scopeName.MatchString(s.Name) {
		return fmt.Errorf("save scope: %w", ErrScopeName)
	}
	name := path.Join(dir, s.Name+savedSuffix)
	if _, err := fsys.Stat(name); err == nil {
		return fmt.Errorf("save scope %s: %w", s.Name, ErrScopeExists)
	}
	head, err := json.Marshal(savedHead{*s, s.Set.Items, s.Set.Holders})
	if err != nil {
		return fmt.Errorf("save scope %s: %w", s.Name, err)
	}
	b := []byte(savedMagic)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(head)))
	b = append(b, head...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(s.Set.Accounts)))
	last := dictionary.Ref(0)
	for _, a := range s.Set.Accounts {
		b = binary.AppendUvarint(b, uint64(a-last))
		last = a
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(s.Set.People)))
	last = 0
	for _, p := range s.Set.People {
		b = binary.AppendUvarint(b, uint64(p.Ref-last))
		b = binary.AppendUvarint(b, p.Mask)
		last = p.Ref
	}
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	if err := disk.WriteFile(fsys, name, b); err != nil {
		return fmt.Errorf("save scope %s: %w", s.Name, err)
	}
	return nil
}

// Load reads a saved scope.
func Load(fsys disk.FS, dir, name string) (*Saved, error) {
	if !scopeName.MatchString(name) {
		return nil, fmt.Errorf("load scope: %w", ErrScopeName)
	}
	b, err := disk.ReadFile(fsys, path.Join(dir, name+savedSuffix))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("load scope %s: %w", name, ErrNoScope)
	}
	if err != nil {
		return nil, fmt.Errorf("load scope %s: %w", name, err)
	}
	s, err := decodeSaved(b)
	if err != nil {
		return nil, fmt.Errorf("load scope %s: %w", name, err)
	}
	return s, nil
}

func decodeSaved(b []byte) (*Saved, error) {
	if len(b) < len(savedMagic)+16 || string(b[:len(savedMagic)]) != savedMagic {
		return nil, fmt.Errorf("not a saved scope, or of a newer release: %w", ErrCorrupt)
	}
	body := b[:len(b)-4]
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(b[len(b)-4:]) {
		return nil, fmt.Errorf("checksum does not match: %w", ErrCorrupt)
	}
	short := fmt.Errorf("ends early: %w", ErrCorrupt)
	body = body[len(savedMagic):]
	count := func(size int) (int, bool) {
		if len(body) < 4 {
			return 0, false
		}
		n := int(binary.LittleEndian.Uint32(body))
		body = body[4:]
		return n, n*size <= len(body)
	}
	uint := func() (uint64, bool) {
		v, n := binary.Uvarint(body)
		if n <= 0 {
			return 0, false
		}
		body = body[n:]
		return v, true
	}
	n, ok := count(1)
	if !ok {
		return nil, short
	}
	var head savedHead
	if err := json.Unmarshal(body[:n], &head); err != nil {
		return nil, fmt.Errorf("head: %w: %w", ErrCorrupt, err)
	}
	body = body[n:]
	s := head.Saved
	s.Set.Items, s.Set.Holders = head.Items, head.Holders
	if n, ok = count(1); !ok {
		return nil, short
	}
	at := uint64(0)
	for range n {
		d, ok := uint()
		if at += d; !ok || at > 1<<32-1 {
			return nil, short
		}
		s.Set.Accounts = append(s.Set.Accounts, dictionary.Ref(at))
	}
	if n, ok = count(2); !ok {
		return nil, short
	}
	at = 0
	for range n {
		d, ok1 := uint()
		mask, ok2 := uint()
		if at += d; !ok1 || !ok2 || at > 1<<32-1 {
			return nil, short
		}
		s.Set.People = append(s.Set.People, Person{dictionary.Ref(at), mask})
	}
	if len(body) != 0 {
		return nil, fmt.Errorf("%d bytes too many: %w", len(body), ErrCorrupt)
	}
	return &s, nil
}

// List names the saved scopes.
func List(fsys disk.FS, dir string) ([]string, error) {
	names, err := fsys.List(dir)
	if err != nil {
		return nil, fmt.Errorf("list scopes: %w", err)
	}
	out := []string{}
	for _, n := range names {
		if s, ok := strings.CutSuffix(n, savedSuffix); ok {
			out = append(out, s)
		}
	}
	return out, nil
}

// Counts are the numbers of a set.
type Counts struct {
	Accounts int64            `json:"accounts"`
	People   int64            `json:"people"`
	Items    map[string]int64 `json:"items"`
}

// Counts counts.
func (s *Set) Counts() Counts {
	c := Counts{Accounts: int64(len(s.Accounts)), People: int64(len(s.People)), Items: map[string]int64{}}
	for _, p := range s.People {
		for i, it := range s.Items {
			if p.Mask>>i&1 == 1 {
				c.Items[it]++
			}
		}
	}
	return c
}

// ErrMixed: one set has people from holdings, the other only account holders.
var ErrMixed = errors.New("one scope was counted with holdings and the other without: count the older one again")

// in translates a mask of o into the items of s, adding items s lacks.
func (s *Set) in(items []string) (func(uint64) uint64, error) {
	to := make([]int, len(items))
	for i, it := range items {
		k := slices.Index(s.Items, it)
		if k < 0 {
			if len(s.Items) == 64 {
				return nil, errors.New("the two scopes have more than 64 items together")
			}
			k = len(s.Items)
			s.Items = append(s.Items, it)
		}
		to[i] = k
	}
	return func(mask uint64) (out uint64) {
		for i, k := range to {
			out |= mask >> i & 1 << k
		}
		return out
	}, nil
}

// Operation is a set operation.
type Operation string

const (
	And   Operation = "and"   // in both: accounts, people, and the items shown in both
	Or    Operation = "or"    // in either
	Minus Operation = "minus" // in the first and not in the second: who is new
)

// Apply applies an operation to two sets. For Minus, a person of both counts as
// new with those items the second did not have: somebody already told of a name
// has to be told of a door code.
func Apply(op Operation, a, b *Set) (*Set, error) {
	if a.Holders != b.Holders {
		return nil, ErrMixed
	}
	out := &Set{Items: slices.Clone(a.Items), Holders: a.Holders}
	conv, err := out.in(b.Items)
	if err != nil {
		return nil, err
	}
	i, j := 0, 0
	for i < len(a.Accounts) || j < len(b.Accounts) {
		switch {
		case j == len(b.Accounts) || i < len(a.Accounts) && a.Accounts[i] < b.Accounts[j]:
			if op != And {
				out.Accounts = append(out.Accounts, a.Accounts[i])
			}
			i++
		case i == len(a.Accounts) || b.Accounts[j] < a.Accounts[i]:
			if op == Or {
				out.Accounts = append(out.Accounts, b.Accounts[j])
			}
			j++
		default:
			if op != Minus {
				out.Accounts = append(out.Accounts, a.Accounts[i])
			}
			i++
			j++
		}
	}
	i, j = 0, 0
	for i < len(a.People) || j < len(b.People) {
		switch {
		case j == len(b.People) || i < len(a.People) && a.People[i].Ref < b.People[j].Ref:
			if op != And {
				out.People = append(out.People, a.People[i])
			}
			i++
		case i == len(a.People) || b.People[j].Ref < a.People[i].Ref:
			if op == Or {
				out.People = append(out.People, Person{b.People[j].Ref, conv(b.People[j].Mask)})
			}
			j++
		default:
			p, other := a.People[i], conv(b.People[j].Mask)
			switch op {
			case And:
				p.Mask &= other
			case Or:
				p.Mask |= other
			case Minus:
				p.Mask &^= other
			}
			if p.Mask != 0 {
				out.People = append(out.People, p)
			}
			i++
			j++
		}
	}
	return out, nil
}
