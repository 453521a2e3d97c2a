package segment

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// The file, pinned by a test:
//
//	"HTSEGM01"
//	partitions, each: groups, pages of homes, pages of details, sessions
//	tables: shapes, agents, files; clients; tokens; blocks (zstd, each by itself,
//	        so that a question reads the clients only if it asks for them)
//	information: counts, sources and their minutes (zstd)
//	directory: minimal time, per partition its place and checksums (varints)
//	footer: place (8), length (8) and crc32c (4) of each of the six sections,
//	        crc32c of the footer (4), "HTSEGEND"
const (
	magic      = "HTSEGM01"
	endMagic   = "HTSEGEND"
	sections   = 6
	footerSize = int64(sections*20 + 4 + len(endMagic))
	// pageSize is about how many bytes of a partition's columns share a
	// checksum: what is verified is what is read.
	pageSize = 4 << 10
)

// ErrCorrupt marks bytes that are not what was written.
var ErrCorrupt = errors.New("corrupt")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func sum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

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

// int reads a value that must be at most limit.
func (v *varints) int(limit int64) int {
	x := v.uint()
	if x > uint64(limit) {
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

func (v *varints) str() string { return string(v.take(v.int(int64(len(v.b))))) }

func (v *varints) u32() uint32 {
	b := v.take(4)
	if b == nil {
		return 0
	}
	return binary.LittleEndian.Uint32(b)
}

func (v *varints) err(what string) error {
	if v.bad {
		return fmt.Errorf("%s ends early: %w", what, ErrCorrupt)
	}
	return nil
}

func zigzag(v int64) uint64   { return uint64(v<<1) ^ uint64(v>>63) }
func unzigzag(v uint64) int64 { return int64(v>>1) ^ -int64(v&1) }
