package journal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
)

// The files, in order, are named for the position of their first entry, as 20
// decimal digits and ".journal". docs/formats.md draws the bytes.
//
//	header   magic (8), position of the first entry (8), salt (8), 0 (4), crc32c (4)
//	frame    marker (4), length of body (4), position of the first entry (8),
//	         number of entries (4), crc32c of this head (4), crc32c of the body (4), body
//	body     for each entry: length (4), bytes
//
// A frame is what one fsync made durable: the entries of every Append that was
// waiting. One checksum over them all is the point: after a power cut the
// sectors of an unsynced frame may be there in any part, and were the entries
// checked one by one, a whole one behind a torn one would look like damage to
// the acknowledged part of the file. So a frame that fails its checksum is a
// torn tail if no whole frame follows, and corruption if one does.
//
// The salt is random, per file, and begins every checksum: bytes left from
// another file, or an entry that happens to hold a frame, or was made to, cannot
// pass for one.
const (
	formatVersion = 1
	magicName     = "HTJRNL" // followed by the version in two digits
	headerSize    = 32
	frameMarker   = "\xf5HJf" // 0xf5 occurs in no UTF-8 text
	frameSize     = 28
	entrySize     = 4
	suffix        = ".journal"

	// maxBody is the largest body: one entry of the largest size.
	maxBody = MaxEntry + entrySize
	// groupBytes ends a frame with several entries, so that the first to wait
	// does not wait for the writing of all others: 4 MiB are some 10 ms on a
	// slow disk, the order of an fsync.
	groupBytes = 4 << 20
)

// VersionError says that a file was written by a newer release.
type VersionError struct {
	File  string
	Found int
	Known int
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("journal file %s has format %d and this release reads up to %d: use the release that wrote it, or a newer one", e.File, e.Found, e.Known)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func fileName(first Position) string { return fmt.Sprintf("%020d%s", uint64(first), suffix) }

// parseName is the inverse of fileName. A name that does not end in .journal is
// not of this package (ok is false); one that does and is not a position is an
// error.
func parseName(name string) (first Position, ok bool, err error) {
	num, ok := strings.CutSuffix(name, suffix)
	if !ok {
		return 0, false, nil
	}
	n, err := strconv.ParseUint(num, 10, 64)
	if err != nil || n == 0 || fileName(Position(n)) != name {
		return 0, false, fmt.Errorf("journal file %s: not a name of a journal file: %w", name, ErrCorrupt)
	}
	return Position(n), true, nil
}

type salt [8]byte

func (s salt) sum(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(s[:], castagnoli), castagnoli, b)
}

func appendHeader(b []byte, first Position, s salt) []byte {
	from := len(b)
	b = fmt.Appendf(b, "%s%02d", magicName, formatVersion)
	b = binary.LittleEndian.AppendUint64(b, uint64(first))
	b = append(b, s[:]...)
	b = binary.LittleEndian.AppendUint32(b, 0)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[from:], castagnoli))
}

// parseHeader reads a header. A version from the future is told before the
// checksum is asked, since it may be computed otherwise there.
func parseHeader(b []byte, name string) (first Position, s salt, ok bool, err error) {
	if string(b[:len(magicName)]) == magicName {
		if v, err := strconv.Atoi(string(b[len(magicName):8])); err == nil && v > formatVersion {
			return 0, s, false, &VersionError{File: name, Found: v, Known: formatVersion}
		}
	}
	copy(s[:], b[16:24])
	first = Position(binary.LittleEndian.Uint64(b[8:]))
	return first, s, string(b[:headerSize]) == string(appendHeader(nil, first, s)), nil
}

// frameHead is the fixed part of a frame.
type frameHead struct {
	length uint32
	first  Position
	count  uint32
	body   uint32 // checksum
}

func (h frameHead) next() Position { return h.first + Position(h.count) }

// size is that of the whole frame.
func (h frameHead) size() int64 { return frameSize + int64(h.length) }

// put writes the head into b[:frameSize].
func (h frameHead) put(b []byte, s salt) {
	copy(b, frameMarker)
	binary.LittleEndian.PutUint32(b[4:], h.length)
	binary.LittleEndian.PutUint64(b[8:], uint64(h.first))
	binary.LittleEndian.PutUint32(b[16:], h.count)
	binary.LittleEndian.PutUint32(b[20:], s.sum(b[:20]))
	binary.LittleEndian.PutUint32(b[24:], h.body)
}

// parseFrameHead reads a head that is whole. ok says that it is one.
func parseFrameHead(b []byte, s salt) (h frameHead, ok bool) {
	if string(b[:4]) != frameMarker || binary.LittleEndian.Uint32(b[20:]) != s.sum(b[:20]) {
		return h, false
	}
	h.length = binary.LittleEndian.Uint32(b[4:])
	h.first = Position(binary.LittleEndian.Uint64(b[8:]))
	h.count = binary.LittleEndian.Uint32(b[16:])
	h.body = binary.LittleEndian.Uint32(b[24:])
	return h, h.length <= maxBody && h.count > 0 && uint64(h.count)*entrySize <= uint64(h.length) && h.first > 0 && h.next() > h.first
}

// sumBody is the body's checksum. The position is part of it, so that a body
// cannot stand behind another head.
func (s salt) sumBody(first Position, body []byte) uint32 {
	var p [8]byte
	binary.LittleEndian.PutUint64(p[:], uint64(first))
	return crc32.Update(s.sum(p[:]), castagnoli, body)
}

// appendEntry appends an entry to the body of a frame.
func appendEntry(frame, entry []byte) []byte {
	frame = binary.LittleEndian.AppendUint32(frame, uint32(len(entry)))
	return append(frame, entry...)
}

// finishFrame puts the head before the body: b holds frameSize bytes of room
// and then the body.
func finishFrame(b []byte, first Position, count uint32, s salt) {
	body := b[frameSize:]
	frameHead{uint32(len(body)), first, count, s.sumBody(first, body)}.put(b, s)
}

// eachEntry cuts a body, whose checksum was right, into its entries. False means
// that it was not written by this package.
func eachEntry(body []byte, count uint32, fn func(i uint32, entry []byte) error) (ok bool, err error) {
	for i := range count {
		if len(body) < entrySize {
			return false, nil
		}
		n := binary.LittleEndian.Uint32(body)
		body = body[entrySize:]
		if uint64(n) > uint64(len(body)) {
			return false, nil
		}
		if err := fn(i, body[:n:n]); err != nil {
			return true, err
		}
		body = body[n:]
	}
	return len(body) == 0, nil
}
