package detect

import "math/bits"

// codeMap is a map by codes, which are spread already or are spread by mix. It has
// no pointers to be followed and its entries lie side by side.
type codeMap[V any] struct {
	list []codeEntry[V] // open addressing; a code of 0 is a place without an entry
	n    int
	zero *V // what stands under 0
}

type codeEntry[V any] struct {
	code  uint64
	value V
}

func (m *codeMap[V]) len() int {
	if m.zero != nil {
		return m.n + 1
	}
	return m.n
}

// get finds what stands under a code; nil if nothing does. It is valid until the
// next put.
func (m *codeMap[V]) get(code uint64) *V {
	if code == 0 {
		return m.zero
	}
	if len(m.list) == 0 {
		return nil
	}
	mask := uint64(len(m.list) - 1)
	for i := mix(code) & mask; ; i = (i + 1) & mask {
		switch x := &m.list[i]; x.code {
		case code:
			return &x.value
		case 0:
			return nil
		}
	}
}

// put gives the place of a code, and whether it is new there.
func (m *codeMap[V]) put(code uint64) (v *V, fresh bool) {
	if code == 0 {
		if fresh = m.zero == nil; fresh {
			m.zero = new(V)
		}
		return m.zero, fresh
	}
	if 4*(m.n+1) > 3*len(m.list) {
		m.resize(m.n + 1)
	}
	mask := uint64(len(m.list) - 1)
	for i := mix(code) & mask; ; i = (i + 1) & mask {
		switch x := &m.list[i]; x.code {
		case code:
			return &x.value, false
		case 0:
			x.code = code
			m.n++
			return &x.value, true
		}
	}
}

// clear empties it, and keeps its memory if a quarter of that was in use.
func (m *codeMap[V]) clear() {
	if len(m.list) > 64 && 4*m.n < len(m.list) {
		m.list = nil
	}
	clear(m.list)
	m.n, m.zero = 0, nil
}

func (m *codeMap[V]) resize(n int) {
	old := m.list
	m.list = make([]codeEntry[V], 1<<bits.Len(uint(4*n/3+1)))
	mask := uint64(len(m.list) - 1)
	for _, x := range old {
		if x.code == 0 {
			continue
		}
		i := mix(x.code) & mask
		for m.list[i].code != 0 {
			i = (i + 1) & mask
		}
		m.list[i] = x
	}
}

// keep forgets all but those that are to be kept.
func (m *codeMap[V]) keep(fits func(code uint64, v *V) bool) {
	if m.zero != nil && !fits(0, m.zero) {
		m.zero = nil
	}
	gone := false
	for i := range m.list {
		if x := &m.list[i]; x.code != 0 && !fits(x.code, &x.value) {
			*x = codeEntry[V]{}
			m.n--
			gone = true
		}
	}
	if gone {
		m.resize(m.n)
	}
}
