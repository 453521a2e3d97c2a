package segment

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// A packed column of up to three values is those values (varints). A longer one
// is a tag and the smallest of these forms:
//
//	packConst    the one value (varint)
//	packVarint   each value (varint)
//	packBits     in blocks of 128: width (1, the top bit set if exceptions
//	             follow), smallest value (varint), number of exceptions (1, if
//	             any), what is above the smallest value in width bits each;
//	             then the places of the exceptions (1 each) and what of them
//	             did not fit (varints)
//
// Exceptions keep one far value from widening the 127 beside it. The number of
// values is known from elsewhere. Sorted columns are stored as differences.
const (
	packConst  = 1
	packVarint = 2
	packBits   = 3

	packBlock    = 128
	packUntagged = 3
	// packSmall bounds the columns for which varints are considered: from there
	// on blocks are never much larger, and they are faster.
	packSmall = 32
	// packWidest is the widest a value can be and still be read with one word
	// at the byte it begins in; wider ones are whole words.
	packWidest = 56

	exceptions = 0x80
)

func uvarintLen(v uint64) int { return (bits.Len64(v|1) + 6) / 7 }

// pack appends the smallest form of vs to dst.
func pack(dst []byte, vs []uint64) []byte {
	n := len(vs)
	if n <= packUntagged {
		for _, v := range vs {
			dst = binary.AppendUvarint(dst, v)
		}
		return dst
	}
	same, first := true, vs[0]
	for _, v := range vs {
		if v != first {
			same = false
			break
		}
	}
	if same {
		return binary.AppendUvarint(append(dst, packConst), first)
	}
	start := len(dst)
	dst = append(dst, packBits)
	for i := 0; i < n; i += packBlock {
		dst = packOne(dst, vs[i:min(i+packBlock, n)])
	}
	if n <= packSmall {
		size := 1
		for _, v := range vs {
			size += uvarintLen(v)
		}
		if size <= len(dst)-start {
			dst = append(dst[:start], packVarint)
			for _, v := range vs {
				dst = binary.AppendUvarint(dst, v)
			}
		}
	}
	return dst
}

// blockWidth chooses the width for one block, and so what is an exception.
func blockWidth(vs []uint64) (lo uint64, w int) {
	lo, hi := vs[0], vs[0]
	for _, v := range vs {
		lo, hi = min(lo, v), max(hi, v)
	}
	top := bits.Len64(hi - lo)
	if top == 0 {
		return lo, 0
	}
	var count [65]uint8
	for _, v := range vs {
		count[bits.Len64(v-lo)]++
	}
	best, w, far := len(vs)*top, top, 0
	if top > packWidest {
		best, w = len(vs)*64, 64
	}
	for c := top - 1; c >= 0; c-- {
		far += int(count[c+1])
		if far*16 > best {
			break
		}
		if c > packWidest {
			continue
		}
		// A place and the rest of the value, plus their number. The varint is
		// taken at its longest.
		if cost := len(vs)*c + 8 + far*8*(1+(top-c+6)/7); cost < best {
			best, w = cost, c
		}
	}
	return lo, w
}

func packOne(dst []byte, vs []uint64) []byte {
	lo, w := blockWidth(vs)
	if w == 64 {
		dst = binary.AppendUvarint(append(dst, 64), lo)
		for _, v := range vs {
			dst = binary.LittleEndian.AppendUint64(dst, v-lo)
		}
		return dst
	}
	mask := uint64(1)<<w - 1
	head := len(dst)
	dst = binary.AppendUvarint(append(dst, byte(w)), lo)
	var far [packBlock]byte
	nFar := 0
	body := len(dst)
	dst = append(dst, 0) // the number of exceptions, taken back if there are none
	acc, n := uint64(0), 0
	for i, v := range vs {
		v -= lo
		if v > mask {
			far[nFar] = byte(i)
			nFar++
			v &= mask
		}
		acc |= v << n
		n += w
		if n >= 64 {
			dst = binary.LittleEndian.AppendUint64(dst, acc)
			n -= 64
			acc = v >> (w - n) // a shift by 64 gives 0
		}
	}
	for ; n > 0; n -= 8 {
		dst = append(dst, byte(acc))
		acc >>= 8
	}
	if nFar == 0 {
		copy(dst[body:], dst[body+1:])
		return dst[:len(dst)-1]
	}
	dst[head] |= exceptions
	dst[body] = byte(nFar)
	dst = append(dst, far[:nFar]...)
	for _, i := range far[:nFar] {
		dst = binary.AppendUvarint(dst, (vs[i]-lo)>>w)
	}
	return dst
}

var errPack = fmt.Errorf("a column does not decode: %w", ErrCorrupt)

// unpack decodes n values into dst and returns what follows the column.
func unpack(b []byte, n int, dst []uint64) ([]uint64, []byte, error) {
	if cap(dst) < n {
		dst = make([]uint64, n)
	}
	dst = dst[:n]
	tag := byte(packVarint)
	if n > packUntagged {
		if len(b) == 0 {
			return nil, nil, errPack
		}
		tag, b = b[0], b[1:]
	}
	switch tag {
	case packConst:
		v, k := binary.Uvarint(b)
		if k <= 0 {
			return nil, nil, errPack
		}
		for i := range dst {
			dst[i] = v
		}
		return dst, b[k:], nil
	case packVarint:
		for i := range dst {
			v, k := binary.Uvarint(b)
			if k <= 0 {
				return nil, nil, errPack
			}
			dst[i] = v
			b = b[k:]
		}
		return dst, b, nil
	case packBits:
		for i := 0; i < n; i += packBlock {
			var err error
			if b, err = unpackOne(b, dst[i:min(i+packBlock, n)]); err != nil {
				return nil, nil, err
			}
		}
		return dst, b, nil
	}
	return nil, nil, errPack
}

// padded is room for the end of a block, so that words can be read past it.
type padded [packBlock*packWidest/8 + 16]byte

// unpackOne decodes one block.
func unpackOne(b []byte, dst []uint64) ([]byte, error) {
	if len(b) == 0 {
		return nil, errPack
	}
	head := b[0]
	lo, k := binary.Uvarint(b[1:])
	if k <= 0 {
		return nil, errPack
	}
	b = b[1+k:]
	w := int(head &^ exceptions)
	nFar := 0
	if head&exceptions != 0 {
		if len(b) == 0 {
			return nil, errPack
		}
		nFar, b = int(b[0]), b[1:]
	}
	size := (len(dst)*w + 7) / 8
	if w > packWidest && w != 64 || w == 64 && nFar > 0 || size > len(b) || nFar > len(dst) {
		return nil, errPack
	}
	switch {
	case w == 0:
		for i := range dst {
			dst[i] = lo
		}
	case w == 64:
		for i := range dst {
			dst[i] = lo + binary.LittleEndian.Uint64(b[8*i:])
		}
	default:
		src := b
		if len(src) < size+8 {
			var p padded
			copy(p[:], src[:size])
			src = p[:size+8]
		}
		unpackBits(src, w, lo, dst)
	}
	b = b[size:]
	if nFar == 0 {
		return b, nil
	}
	if len(b) < nFar {
		return nil, errPack
	}
	places := b[:nFar]
	b = b[nFar:]
	for _, i := range places {
		v, k := binary.Uvarint(b)
		if k <= 0 || int(i) >= len(dst) {
			return nil, errPack
		}
		dst[i] += v << w
		b = b[k:]
	}
	return b, nil
}

// unpackBits reads len(dst) values of w bits (1 to 56), each above lo. src is
// eight bytes longer than they are. A word is loaded for as many values as it
// surely holds.
func unpackBits(src []byte, w int, lo uint64, dst []uint64) {
	mask := uint64(1)<<w - 1
	i := 0
	switch {
	case w <= 7:
		for ; i+8 <= len(dst); i += 8 {
			x := binary.LittleEndian.Uint64(src)
			src = src[w:]
			d := dst[i : i+8 : i+8]
			d[0] = lo + x&mask
			x >>= w & 63
			d[1] = lo + x&mask
			x >>= w & 63
			d[2] = lo + x&mask
			x >>= w & 63
			d[3] = lo + x&mask
			x >>= w & 63
			d[4] = lo + x&mask
			x >>= w & 63
			d[5] = lo + x&mask
			x >>= w & 63
			d[6] = lo + x&mask
			x >>= w & 63
			d[7] = lo + x&mask
		}
	case w <= 14:
		for ; i+8 <= len(dst); i += 8 {
			x := binary.LittleEndian.Uint64(src)
			y := binary.LittleEndian.Uint64(src[w/2:]) >> (w & 1 * 4)
			src = src[w:]
			d := dst[i : i+8 : i+8]
			d[0], d[4] = lo+x&mask, lo+y&mask
			x, y = x>>(w&63), y>>(w&63)
			d[1], d[5] = lo+x&mask, lo+y&mask
			x, y = x>>(w&63), y>>(w&63)
			d[2], d[6] = lo+x&mask, lo+y&mask
			x, y = x>>(w&63), y>>(w&63)
			d[3], d[7] = lo+x&mask, lo+y&mask
		}
	case w <= 28:
		for ; i+8 <= len(dst); i += 8 {
			d := dst[i : i+8 : i+8]
			for k := 0; k < 4; k++ {
				at := 2 * w * k
				x := binary.LittleEndian.Uint64(src[at>>3:]) >> (at & 7)
				d[2*k], d[2*k+1] = lo+x&mask, lo+x>>(w&63)&mask
			}
			src = src[w:]
		}
	}
	at := 0
	for ; i < len(dst); i++ {
		dst[i] = lo + binary.LittleEndian.Uint64(src[at>>3:])>>(at&7)&mask
		at += w
	}
}

// unpackSums decodes a column of differences into the ascending places they
// stand for. Differences and sums are places in a dictionary's partition, so
// that a damaged column cannot wrap around.
func unpackSums(b []byte, dst []uint32) ([]byte, error) {
	n := len(dst)
	if n > packUntagged && len(b) > 0 && b[0] == packBits {
		b = b[1:]
		var block [packBlock]uint64
		sum, all := uint64(0), uint64(0)
		for i := 0; i < n; i += packBlock {
			d := dst[i:min(i+packBlock, n)]
			v := block[:len(d)]
			var err error
			if b, err = unpackOne(b, v); err != nil {
				return nil, err
			}
			for k, x := range v {
				all |= x
				sum += x
				d[k] = uint32(sum)
			}
			if sum|all > noLocal {
				return nil, errPack
			}
		}
		if n > 0 && sum == noLocal {
			return nil, errPack
		}
		return b, nil
	}
	buf := scratch.Get().(*[]uint64)
	defer scratch.Put(buf)
	vs, b, err := unpack(b, n, *buf)
	if err != nil {
		return nil, err
	}
	*buf = vs
	sum := uint64(0)
	for i, x := range vs {
		if x >= noLocal {
			return nil, errPack
		}
		if sum += x; sum >= noLocal {
			return nil, errPack
		}
		dst[i] = uint32(sum)
	}
	return b, nil
}
