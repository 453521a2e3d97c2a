package dictionary

import (
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
)

// A run file holds the entries given out since the one before it. Numbers are
// little endian; docs/formats/dictionary.md draws the bytes, a test pins them.
//
//	magic
//	per partition with entries, ascending: keys (16 each), buckets (8 each),
//	    ends of the sealed ids (4 each), sealed ids
//	directory: per such partition  number (4), first place (4), entries (4),
//	    offset (8), bytes of sealed ids (8), crc32c of keys (4), of the rest (4)
//	footer: offset of the directory (8), its entries (4), its crc32c (4)
//
// The directory stands last so that a file is written in one pass, partition by
// partition. The keys have a checksum of their own because opening a table reads
// only them: the sealed ids, two thirds of the file, are left alone.
//
// A destroyed entry keeps its place: key and bucket are zero, the sealed id empty.
const (
	magic      = kind + version
	kind       = "HTDICT"
	version    = "01"
	suffix     = ".dict"
	unfinished = ".tmp"
	dirEntry   = 4 + 4 + 4 + 8 + 8 + 4 + 4
	footerSize = 8 + 4 + 4
)

var (
	// ErrCorrupt marks bytes that are not what was written.
	ErrCorrupt = errors.New("corrupt")
	// ErrNewer marks a file of a format this release does not know yet.
	ErrNewer = errors.New("written by a newer release")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checkMagic accepts this release's format and names any other.
func checkMagic(head string) error {
	if head == magic {
		return nil
	}
	if len(head) == len(magic) && head[:len(kind)] == kind {
		if n, err := strconv.ParseUint(head[len(kind):], 10, 8); err == nil && n > 1 {
			return fmt.Errorf("has format %d and this release reads up to 1: use the release that wrote it, or a newer one: %w", n, ErrNewer)
		}
	}
	return fmt.Errorf("not a dictionary file: %w", ErrCorrupt)
}

func sum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }
