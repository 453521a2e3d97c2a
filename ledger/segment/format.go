package segment

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/klauspost/compress/zstd"
)

// The file; docs/formats/segment.md draws the bytes and a test pins them.
//
//	"HTSEGM01"
//	partitions, each: groups, homes, details, sessions
//	sections: shapes, clients, agents, files, visitors, information, directory
//	footer: of each section its length, its length unpacked and its crc32c
//	        (4 each), crc32c of these, "HTSEGE01"
const (
	magicName  = "HTSEGM"
	endName    = "HTSEGE"
	version    = "01"
	magicSize  = int64(len(magicName) + len(version))
	footerSize = int64(12*sections+4) + magicSize

	// pageSize is about how many bytes of a partition's columns share a
	// checksum: what is verified is what is read. A partition that is not
	// larger is read and verified as a whole.
	pageSize = 4 << 10

	// tailSize is read at once on opening. It holds the footer and nearly always
	// the directory; a file that is not larger stays in memory, so that the many
	// small files between two merges cost one read each.
	tailSize = 64 << 10

	// rowsPerByte bounds the rows that a partition may claim to have by its
	// bytes, so that a forged length cannot ask for memory at will. Rows take
	// hundreds of times more in all but made-up data, which is padded.
	rowsPerByte = 512
)

// Sections, in the order of the file.
const (
	sectionShapes = iota
	sectionClients
	sectionAgents
	sectionFiles
	sectionVisitors
	sectionInfo
	sectionDirectory
	sections
)

var sectionNames = [sections]string{"shapes", "clients", "agents", "files", "visitors", "information", "directory"}

// ErrCorrupt marks bytes that are not what was written.
var ErrCorrupt = errors.New("corrupt")

// ErrVersion marks a file of a newer release.
var ErrVersion = errors.New("newer format")

// checkMagic looks at a name and version, at either end of the file.
func checkMagic(b []byte, name string) error {
	if string(b[:len(name)]) != name {
		return fmt.Errorf("not a segment: %w", ErrCorrupt)
	}
	v := b[len(name):]
	if string(v) == version {
		return nil
	}
	if v[0] < '0' || v[0] > '9' || v[1] < '0' || v[1] > '9' || string(v) < version {
		return fmt.Errorf("not a segment: %w", ErrCorrupt)
	}
	return fmt.Errorf("segment format %s: this release reads up to %s, use the release that wrote it: %w", v, version, ErrVersion)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func sum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

func update(crc uint32, b []byte) uint32 { return crc32.Update(crc, castagnoli, b) }

var (
	encoder, _ = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	decoder, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecodeAllCapLimit(true))
)

// sectionLimit is how large a section may claim to be unpacked. Tables shrink
// four to sixty times; what shrinks further is stored as it is.
func sectionLimit(stored int) int64 { return 256*int64(stored) + 4<<20 }

// packSection gives the bytes a section is stored as: zstd where that is
// smaller, which its two lengths tell.
func packSection(raw []byte) []byte {
	z := encoder.EncodeAll(raw, nil)
	if len(z) >= len(raw) || int64(len(raw)) > sectionLimit(len(z)) {
		return raw
	}
	return z
}

func unpackSection(stored []byte, size int64) ([]byte, error) {
	if int64(len(stored)) == size {
		return stored, nil
	}
	if size > sectionLimit(len(stored)) {
		return nil, fmt.Errorf("claims to unpack to %d bytes: %w", size, ErrCorrupt)
	}
	raw, err := decoder.DecodeAll(stored, make([]byte, 0, size))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if int64(len(raw)) != size {
		return nil, fmt.Errorf("unpacks to %d bytes of %d: %w", len(raw), size, ErrCorrupt)
	}
	return raw, nil
}

// varints reads a stream of them. Its first error sticks.
type varints struct {
	b   []byte
	bad bool
}

func (v *varints) uint() uint64 {
	x, n := binary.Uvarint(v.b)
	if n <= 0 {
		v.bad, v.b = true, nil
		return 0
	}
	v.b = v.b[n:]
	return x
}

// int reads a value that must be at most limit. Below zero, as where an index
// into an empty table is read, no value is.
func (v *varints) int(limit int64) int {
	x := v.uint()
	if limit < 0 || x > uint64(limit) {
		v.bad, v.b = true, nil
		return 0
	}
	return int(x)
}

func (v *varints) take(n int) []byte {
	if n < 0 || n > len(v.b) {
		v.bad, v.b = true, nil
		return nil
	}
	b := v.b[:n:n]
	v.b = v.b[n:]
	return b
}

// str reads a string: how many bytes it has in common with the one before (of
// its column), and the rest. Tables are sorted, so that much is in common, or
// all, and then the memory of the one before serves again.
func (v *varints) str(before string) string {
	same := v.int(int64(len(before)))
	rest := v.take(v.int(int64(len(v.b))))
	if v.bad {
		return ""
	}
	if len(rest) == 0 && same == len(before) {
		return before
	}
	return before[:same] + string(rest)
}

func appendString(b []byte, before, s string) []byte {
	same := 0
	for same < len(before) && same < len(s) && before[same] == s[same] {
		same++
	}
	b = binary.AppendUvarint(b, uint64(same))
	return append(binary.AppendUvarint(b, uint64(len(s)-same)), s[same:]...)
}

func (v *varints) u32() uint32 {
	b := v.take(4)
	if b == nil {
		return 0
	}
	return binary.LittleEndian.Uint32(b)
}

// column decodes a packed column of n values with buf as memory.
func (v *varints) column(n int, buf *[]uint64) []uint64 {
	if v.bad {
		return nil
	}
	vs, rest, err := unpack(v.b, n, *buf)
	if err != nil {
		v.bad, v.b = true, nil
		return nil
	}
	v.b, *buf = rest, vs
	return vs
}

func (v *varints) err() error {
	if v.bad {
		return fmt.Errorf("does not decode: %w", ErrCorrupt)
	}
	return nil
}

func zigzag(v int64) uint64   { return uint64(v<<1) ^ uint64(v>>63) }
func unzigzag(v uint64) int64 { return int64(v>>1) ^ -int64(v&1) }
