package ingest

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// BrokenError says that a compressed stream ends or breaks before its end.
//
// A stream that is cut off is right up to the cut. One that is damaged is not: an
// unpacker notices damage only when what it reads makes no sense any more, and
// what it gives out in between looks like lines. gzip's checksum comes at the
// very end. So the lines of the last megabyte or two before the break are set
// aside and not decoded, nothing behind it is, and of the rest Verified says how
// much a checksum has confirmed.
type BrokenError struct {
	Packing string
	Offset  int64 // where it broke, in the unpacked stream
	Err     error

	// Damaged: not merely cut off. Doubtful is where the lines that were set
	// aside for it begin, in the unpacked stream.
	Damaged  bool
	Doubtful int64
	// Verified is how many unpacked bytes belong to parts of the stream whose
	// checksum was reached and is right.
	Verified int64
	// Junk: the stream is whole, and bytes that are no stream follow it.
	Junk bool
}

func (e *BrokenError) Error() string {
	switch {
	case errors.Is(e.Err, zstd.ErrWindowSizeExceeded), errors.Is(e.Err, zstd.ErrDecoderSizeExceeded):
		return fmt.Sprintf("the %s stream needs more than 256 MiB of memory to be unpacked; unpack it first", e.Packing)
	case e.Junk:
		return fmt.Sprintf("the %s stream ends after %d unpacked bytes, and bytes that are none follow it", e.Packing, e.Offset)
	case !e.Damaged:
		return fmt.Sprintf("the %s stream is cut off after %d unpacked bytes", e.Packing, e.Offset)
	}
	s := fmt.Sprintf("the %s stream is damaged after %d unpacked bytes", e.Packing, e.Offset)
	if e.Doubtful < e.Offset {
		s += fmt.Sprintf("; the lines from byte %d on were set aside, since they may not be what was logged", e.Doubtful)
	}
	switch {
	case e.Verified >= e.Doubtful:
	case e.checksum():
		s += fmt.Sprintf("; only the checksum tells, so any record from byte %d on may be wrong", e.Verified)
	default:
		s += fmt.Sprintf("; no checksum confirms the records from byte %d to there", e.Verified)
	}
	return s
}

// KO is Error in Korean.
func (e *BrokenError) KO() string {
	switch {
	case errors.Is(e.Err, zstd.ErrWindowSizeExceeded), errors.Is(e.Err, zstd.ErrDecoderSizeExceeded):
		return fmt.Sprintf("%s 압축을 푸는 데 메모리가 256 MiB 넘게 필요합니다. 먼저 압축을 푸십시오", e.Packing)
	case e.Junk:
		return fmt.Sprintf("%s 압축이 풀린 데이터의 %d바이트 위치에서 끝나고, 그 뒤에 압축 데이터가 아닌 내용이 있습니다", e.Packing, e.Offset)
	case !e.Damaged:
		return fmt.Sprintf("%s 압축이 풀린 데이터의 %d바이트 위치에서 끊겼습니다", e.Packing, e.Offset)
	}
	s := fmt.Sprintf("%s 압축이 풀린 데이터의 %d바이트 위치에서 손상되었습니다", e.Packing, e.Offset)
	if e.Doubtful < e.Offset {
		s += fmt.Sprintf(". %d바이트 위치부터의 행은 원래 기록과 다를 수 있어 격리하였습니다", e.Doubtful)
	}
	switch {
	case e.Verified >= e.Doubtful:
	case e.checksum():
		s += fmt.Sprintf(". 체크섬으로만 알 수 있는 손상이어서, %d바이트 위치부터의 어느 기록이든 틀릴 수 있습니다", e.Verified)
	default:
		s += fmt.Sprintf(". %d바이트 위치부터 그 앞까지의 기록은 체크섬으로 확인되지 않았습니다", e.Verified)
	}
	return s
}

func (e *BrokenError) Unwrap() error { return e.Err }

// checksum: what was unpacked made sense up to its end, and is not what was
// packed. The damage is anywhere in what was not verified.
func (e *BrokenError) checksum() bool {
	return errors.Is(e.Err, gzip.ErrChecksum) || errors.Is(e.Err, zstd.ErrCRCMismatch)
}

// errJunk: behind a whole stream stand bytes that are none.
var errJunk = errors.New("bytes behind the end")

// unpacker gives what is packed, counts what a checksum confirmed, and after an
// error gives nothing but that error.
type unpacker interface {
	io.Reader
	verified() int64
	Close()
}

// gzipReader reads the members of a gzip file one after another, to see each
// one's checksum go by.
type gzipReader struct {
	in          *bufio.Reader
	z           *gzip.Reader
	total, good int64
	err         error
}

func newGzip(in io.Reader) (*gzipReader, error) {
	g := &gzipReader{in: bufio.NewReaderSize(in, 256<<10)}
	var err error
	if g.z, err = gzip.NewReader(g.in); err != nil {
		return nil, eof(err)
	}
	g.z.Multistream(false)
	return g, nil
}

func (g *gzipReader) Read(p []byte) (int, error) {
	for g.err == nil {
		n, err := g.z.Read(p)
		g.total += int64(n)
		switch {
		case errors.Is(err, io.EOF):
			g.good = g.total
			g.err = g.next()
		case err != nil:
			g.err = err
		}
		if n > 0 || len(p) == 0 {
			return n, nil
		}
	}
	return 0, g.err
}

// next goes to the next member; io.EOF is the end.
func (g *gzipReader) next() error {
	head, err := g.in.Peek(2)
	switch {
	case len(head) == 0 && errors.Is(err, io.EOF):
		return io.EOF
	case len(head) == 0:
		return err
	case head[0] == 0:
		return io.EOF // padding of a tape or a block device
	case string(head) != "\x1f\x8b":
		return errJunk
	}
	if err := g.z.Reset(g.in); err != nil {
		return eof(err)
	}
	g.z.Multistream(false)
	return nil
}

func (g *gzipReader) verified() int64 { return g.good }
func (g *gzipReader) Close()          { g.z.Close() }

type zstdReader struct {
	z     *zstd.Decoder
	total int64
	err   error
}

func newZstd(in io.Reader) (*zstdReader, error) {
	z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(256<<20))
	if err != nil {
		return nil, eof(err)
	}
	return &zstdReader{z: z}, nil
}

func (z *zstdReader) Read(p []byte) (int, error) {
	if z.err != nil {
		return 0, z.err
	}
	n, err := z.z.Read(p)
	z.total += int64(n)
	if z.err = err; errors.Is(err, zstd.ErrMagicMismatch) {
		z.err = errJunk // whole frames, and then something else
	}
	if n > 0 {
		return n, nil
	}
	return 0, z.err
}

// verified: frames end without being told. All that is known is that a stream
// which ended well is right.
func (z *zstdReader) verified() int64 {
	if errors.Is(z.err, io.EOF) || errors.Is(z.err, errJunk) {
		return z.total
	}
	return 0
}

func (z *zstdReader) Close() { z.z.Close() }

func eof(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
