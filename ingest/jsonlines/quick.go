package jsonlines

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// quick reads members of the outermost object for as long as each stands where it
// stood on the line before and its value is a plain one: a string of printable
// ASCII without a backslash, or a number without sign and exponent. It reports
// whether it read any. Wherever anything else follows, or the line is nearly at
// its end, it stops in front of the member, which the grammar then reads: what it
// takes, the grammar takes in the same way (TestQuick and FuzzDecode compare them).
//
// Most of a log is read here. Its loops keep to registers and check each bound
// once: with slices the same loops were twice as many instructions.
func (st *state) quick(first bool) bool {
	s, n := st.s, len(st.s)
	if n < 8 {
		return false
	}
	// word gives eight bytes; at is at most n-8.
	base := unsafe.Pointer(unsafe.SliceData(s))
	word := func(at int) uint64 { return binary.LittleEndian.Uint64((*[8]byte)(unsafe.Add(base, at))[:]) }
	at, place, order := st.at, st.place, st.d.order
	for ; place < len(order); place++ {
		o := &order[place]
		// There must be a byte of the value, too.
		from := at + len(o.lead)
		if !o.quick || from >= n || o.first != first ||
			word(at) != o.words[0] || word(at+o.mid) != o.words[1] || word(from-8) != o.words[2] {
			break
		}
		to, end := 0, 0 // of the value, and where what follows it begins
		if *(*byte)(unsafe.Add(base, from)) == '"' {
			from++
			if to = plainEnd(base, n, from); to < 0 {
				break
			}
			end = to + 1
		} else {
			if to = numberEnd(s, from); to == 0 {
				break
			}
			end = to
		}
		if o.asked != 0 {
			st.d.noted[o.asked-1] = s[from-(end-to) : end]
		}
		at = end
		first = false
		if o.field != fieldUnknown {
			st.value, st.at = from-(end-to), end
			st.take(o.field, unsafe.Slice((*byte)(unsafe.Add(base, from)), to-from), true)
		}
	}
	read := place != st.place
	st.at, st.place = at, place
	return read
}

// plainEnd is where the first quote from at on stands in n bytes of text (eight at
// least), or -1 if there is none or something stands before it that is no printable
// ASCII, or a backslash.
func plainEnd(base unsafe.Pointer, n, at int) int {
	var w uint64
	for last := n - 8; ; at += 8 {
		if at > last {
			if at >= n {
				return -1
			}
			w = binary.LittleEndian.Uint64((*[8]byte)(unsafe.Add(base, last))[:]) >> (8 * (at - last) & 63) // zeros behind them
			break
		}
		if w = binary.LittleEndian.Uint64((*[8]byte)(unsafe.Add(base, at))[:]); marks(w) != 0 {
			break
		}
	}
	stop := zeros(w ^ '"'*ones)
	// All bits below the mark of the first quote; all there are without one.
	if below := stop&-stop - 1; stop == 0 || marks(w)&below != 0 {
		return -1
	}
	return at + bits.TrailingZeros64(stop)>>3
}

// marks is not zero if a byte of w is no printable ASCII, a quote or a backslash.
// Each term sets the highest bit of such a byte. A borrow or carry comes only from
// a byte that is marked itself: the lowest mark is true, and those above may not be.
func marks(w uint64) uint64 {
	return (w | (w - 0x20*ones) | (w + ones) | ((w ^ '"'*ones) - ones) | ((w ^ '\\'*ones) - ones)) & high
}

// numberEnd is the end of a number without sign and exponent behind which another
// member or the end of the object follows, else 0.
func numberEnd(s []byte, from int) int {
	at, point := from, 0
	for ; at < len(s); at++ {
		if c := s[at]; c-'0' > 9 {
			if c != '.' || point != 0 || at == from {
				break
			}
			point = at
		}
	}
	if at == from || at == len(s) || s[at] != ',' && s[at] != '}' || at == point+1 {
		return 0
	}
	if s[from] == '0' && at > from+1 && point != from+1 {
		return 0 // JSON has no zeros in front
	}
	return at
}
