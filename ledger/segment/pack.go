package segment

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// A packed column is a tag and the smallest of these forms of its values:
//
//	packConst    the one value (varint)
//	packVarint   each value (varint)
//	packBits     in blocks of 128: smallest (varint), width (1), the rest
//	             above the smallest, width bits each
//
// The number of values is known from elsewhere. Sorted columns are stored as
// differences.
const (
	packConst  = 1
	packVarint = 2
	packBits   = 3

	packBlock = 128
)

func uvarintLen(v uint64) int { return (bits.Len64(v|1) + 6) / 7 }

// pack appends the smallest form of vs to dst.
func pack(dst []byte, vs []uint64) []byte {
	if len(vs) == 0 {
		return dst
	}
	same := true
	varint := 0
	for _, v := range vs {
		same = same && v == vs[0]
		varint += uvarintLen(v)
	}
	if same {
		return binary.AppendUvarint(append(dst, packConst), vs[0])
	}
	packed := 0
	for i := 0; i < len(vs); i += packBlock {
		blk := vs[i:min(i+packBlock, len(vs))]
		lo, w := blockWidth(blk)
		packed += uvarintLen(lo) + 1 + (len(blk)*w+7)/8
	}
	if varint <= packed {
		dst = append(dst, packVarint)
		for _, v := range vs {
			dst = binary.AppendUvarint(dst, v)
		}
		return dst
	}
	dst = append(dst, packBits)
	for i := 0; i < len(vs); i += packBlock {
		dst = packOne(dst, vs[i:min(i+packBlock, len(vs))])
	}
	return dst
}

func blockWidth(vs []uint64) (lo uint64, w int) {
	lo, hi := vs[0], vs[0]
	for _, v := range vs {
		lo, hi = min(lo, v), max(hi, v)
	}
	w = bits.Len64(hi - lo)
	if w > 56 {
		w = 64 // read as whole words
	}
	return lo, w
}

func packOne(dst []byte, vs []uint64) []byte {
	lo, w := blockWidth(vs)
	dst = binary.AppendUvarint(dst, lo)
	dst = append(dst, byte(w))
	if w == 64 {
		for _, v := range vs {
			dst = binary.LittleEndian.AppendUint64(dst, v-lo)
		}
		return dst
	}
	acc, n := uint64(0), 0
	for _, v := range vs {
		acc |= (v - lo) << n
		n += w
		for n >= 8 {
			dst = append(dst, byte(acc))
			acc >>= 8
			n -= 8
		}
	}
	if n > 0 {
		dst = append(dst, byte(acc))
	}
	return dst
}

var errPack = fmt.Errorf("a column does not decode: %w", ErrCorrupt)

// unpack decodes n values into dst and returns what follows the column.
func unpack(b []byte, n int, dst []uint64) ([]uint64, []byte, error) {
	if n == 0 {
		return dst[:0], b, nil
	}
	if len(b) == 0 {
		return nil, nil, errPack
	}
	if cap(dst) < n {
		dst = make([]uint64, n)
	}
	dst = dst[:n]
	tag := b[0]
	b = b[1:]
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
		if n > len(b) {
			return nil, nil, errPack
		}
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

func unpackOne(b []byte, dst []uint64) ([]byte, error) {
	lo, k := binary.Uvarint(b)
	if k <= 0 || k >= len(b) {
		return nil, errPack
	}
	w := int(b[k])
	b = b[k+1:]
	size := (len(dst)*w + 7) / 8
	if w > 56 && w != 64 || size > len(b) {
		return nil, errPack
	}
	if w == 0 {
		for i := range dst {
			dst[i] = lo
		}
		return b, nil
	}
	if w == 64 {
		for i := range dst {
			dst[i] = lo + binary.LittleEndian.Uint64(b[8*i:])
		}
		return b[size:], nil
	}
	mask := uint64(1)<<w - 1
	// A word is read at the byte a value begins in; the last few values, where
	// eight bytes are not left, are read from a padded copy.
	at, i := 0, 0
	for limit := (len(b) - 8) * 8; i < len(dst) && at <= limit; i++ {
		dst[i] = lo + binary.LittleEndian.Uint64(b[at>>3:])>>(at&7)&mask
		at += w
	}
	if i < len(dst) {
		var tail [16]byte
		from := at >> 3
		copy(tail[:], b[from:])
		for ; i < len(dst); i++ {
			off := at - from*8
			if off >= 64 {
				from += off >> 3
				clear(tail[:])
				copy(tail[:], b[min(from, len(b)):])
				off = at - from*8
			}
			dst[i] = lo + binary.LittleEndian.Uint64(tail[off>>3:])>>(off&7)&mask
			at += w
		}
	}
	return b[size:], nil
}

// skipPacked returns what follows a column without decoding it.
func skipPacked(b []byte, n int) ([]byte, error) {
	_, rest, err := unpack(b, n, nil)
	return rest, err
}
