package rule

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// sieve tells of most texts that none of a set is within them, several times faster
// than the automaton that would find which. Of each text of the set it has four bytes
// that stand together and are rare in what is logged, and looks only for those: the
// places of a text do not wait for one another.
type sieve struct {
	grams []uint32 // by hash; 0 is none
	shift int
	short [][]byte // texts that have no four bytes
}

const (
	// maxSieve is how many texts it is made of: of more, one is found too often.
	maxSieve  = 1 << 10
	maxShort  = 8 // each is looked for by itself
	gramBytes = 4
)

// newSieve is nil where it would not help.
func newSieve(texts []string) *sieve {
	if len(texts) > maxSieve {
		return nil
	}
	bits := 12
	for 1<<bits < 16*len(texts) {
		bits++
	}
	v := &sieve{grams: make([]uint32, 1<<bits), shift: 32 - bits}
	for _, s := range texts {
		switch {
		case len(s) < 2:
			return nil
		case len(s) < gramBytes:
			if v.short = append(v.short, []byte(s)); len(v.short) > maxShort {
				return nil
			}
		case !v.take(s):
			return nil
		}
	}
	return v
}

// take remembers the rarest four bytes of a text that have a place.
func (v *sieve) take(s string) bool {
	at := make([]int, len(s)-gramBytes+1)
	for i := range at {
		at[i] = i
	}
	slices.SortStableFunc(at, func(a, b int) int { return commonness(s[a:a+gramBytes]) - commonness(s[b:b+gramBytes]) })
	for _, i := range at {
		x := binary.LittleEndian.Uint32([]byte(s[i : i+gramBytes]))
		if g := &v.grams[v.place(x)]; *g == 0 || *g == x {
			*g = x
			return true
		}
	}
	return false
}

func (v *sieve) place(x uint32) uint32 { return x * 0x9E3779B1 >> v.shift }

// commonness guesses how often bytes stand in a log.
func commonness(s string) (n int) {
	for i := range len(s) {
		switch b := s[i]; b {
		case 'e', 't', 'a', 'o', 'i', 'n', 's', 'r', '/', '"', ':', ',', '.', '-', ' ', '0', '1', '2':
			n += 4
		case 'z', 'q', 'x', 'j', 'k', 'v', 'w', '_', '=', '&', '?', '%':
			n += 2
		default:
			if b >= 'a' && b <= 'z' || b >= '0' && b <= '9' {
				n += 3
			} // else control characters, brackets, quotes and what is beyond ASCII
		}
	}
	return n
}

// lets reports whether one of the set may be within a text.
func (v *sieve) lets(text []byte) bool {
	for _, s := range v.short {
		if bytes.Contains(text, s) {
			return true
		}
	}
	grams, shift := v.grams, v.shift
	for ; len(text) >= 8; text = text[4:] {
		w := binary.LittleEndian.Uint64(text)
		a, b, c, d := uint32(w), uint32(w>>8), uint32(w>>16), uint32(w>>24)
		if grams[a*0x9E3779B1>>shift] == a || grams[b*0x9E3779B1>>shift] == b || grams[c*0x9E3779B1>>shift] == c || grams[d*0x9E3779B1>>shift] == d {
			return true
		}
	}
	for ; len(text) >= gramBytes; text = text[1:] {
		if x := binary.LittleEndian.Uint32(text); grams[v.place(x)] == x {
			return true
		}
	}
	return false
}
