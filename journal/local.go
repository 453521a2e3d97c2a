package journal

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/haetae/haetae/internal/disk"
)

// The files, in order, are named for the position of their first entry:
//
//	header   "HTJRNL01", position of the first entry (8 bytes)
//	frame    length (4), crc32c of position and payload (4), payload
//
// A frame's position is not stored; it follows from the header by counting, and
// is part of the checksum, so that an entry cannot turn up in another's place.
const (
	magic      = "HTJRNL01"
	headerSize = len(magic) + 8
	frameSize  = 8
	suffix     = ".journal"
)

// Options of a Local. The zero value is right for production.
type Options struct {
	// FileSize ends a file; default 64 MiB. Trimming removes whole files.
	FileSize int64
}

// Local is the embedded journal: one writer, files in a folder.
type Local struct {
	fs   disk.FS
	dir  string
	opts Options

	mu       sync.Mutex
	files    []Position // first position of each file, ascending
	file     disk.File  // the last one
	size     int64
	next     Position
	err      error // why nothing can be written any more
	repaired int64

	// Group commit: appenders put their frame into pending and the first of
	// them writes and syncs for all who joined while the disk was busy.
	pending *group
	writing bool
}

type group struct {
	buf   []byte
	last  Position
	first Position
	done  chan struct{}
	err   error
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(pos Position, payload []byte) uint32 {
	var p [8]byte
	binary.LittleEndian.PutUint64(p[:], uint64(pos))
	return crc32.Update(crc32.Checksum(p[:], castagnoli), castagnoli, payload)
}

func fileName(first Position) string { return fmt.Sprintf("%020d%s", uint64(first), suffix) }

func list(fsys disk.FS, dir string) ([]Position, error) {
	names, err := fsys.List(dir)
	if err != nil {
		return nil, fmt.Errorf("list journal: %w", err)
	}
	var out []Position
	for _, n := range names {
		num, ok := strings.CutSuffix(n, suffix)
		if !ok {
			continue
		}
		first, err := strconv.ParseUint(num, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("journal file %s: unexpected name: %w", n, ErrCorrupt)
		}
		out = append(out, Position(first))
	}
	slices.Sort(out)
	return out, nil
}

// Open opens the journal in dir for writing, which it must own. A torn entry at
// the very end, which was never acknowledged, is cut off; Repaired says how much.
func Open(fsys disk.FS, dir string, o Options) (*Local, error) {
	if o.FileSize == 0 {
		o.FileSize = 64 << 20
	}
	j := &Local{fs: fsys, dir: dir, opts: o, next: 1}
	files, err := list(fsys, dir)
	if err != nil {
		return nil, err
	}
	for i, first := range files {
		name := path.Join(dir, fileName(first))
		end, n, err := scan(fsys, name, first, i == len(files)-1, nil)
		if err != nil {
			return nil, err
		}
		if i > 0 && first < j.next {
			return nil, fmt.Errorf("journal file %s overlaps the one before: %w", fileName(first), ErrCorrupt)
		}
		if i > 0 && first > j.next {
			return nil, fmt.Errorf("journal lacks entries %d to %d: %w", j.next, first-1, ErrCorrupt)
		}
		j.next = first + Position(n)
		if i < len(files)-1 {
			continue
		}
		if end < int64(headerSize) { // created, and lost power before the header
			if err := fsys.Remove(name); err != nil {
				return nil, fmt.Errorf("remove unfinished journal file: %w", err)
			}
			files = files[:i]
			if len(files) == 0 {
				j.next = first
			}
			break
		}
		if j.file, err = fsys.OpenAppend(name); err != nil {
			return nil, fmt.Errorf("open journal: %w", err)
		}
		size, err := j.file.Size()
		if err != nil {
			return nil, fmt.Errorf("open journal: %w", err)
		}
		if size > end {
			j.repaired = size - end
			if err := j.file.Truncate(end); err != nil {
				return nil, fmt.Errorf("cut torn journal tail: %w", err)
			}
		}
		// What survived a crash may still be only in a cache: make it durable
		// before anything builds on it.
		if err := j.file.Sync(); err != nil {
			return nil, fmt.Errorf("sync journal: %w", err)
		}
		j.size = end
	}
	j.files = files
	return j, nil
}

// Repaired is how many bytes of a torn tail Open cut off.
func (j *Local) Repaired() int64 { return j.repaired }

// Append implements Journal.
func (j *Local) Append(ctx context.Context, entry []byte) (Position, error) {
	if len(entry) > MaxEntry {
		return 0, fmt.Errorf("append %d bytes: %w (at most %d)", len(entry), ErrTooLarge, MaxEntry)
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	j.mu.Lock()
	if j.err != nil {
		j.mu.Unlock()
		return 0, j.err
	}
	g := j.pending
	if g == nil {
		g = &group{first: j.next, done: make(chan struct{})}
		j.pending = g
	}
	pos := j.next
	j.next++
	g.last = pos
	g.buf = binary.LittleEndian.AppendUint32(g.buf, uint32(len(entry)))
	g.buf = binary.LittleEndian.AppendUint32(g.buf, checksum(pos, entry))
	g.buf = append(g.buf, entry...)
	if j.writing {
		j.mu.Unlock()
		<-g.done
		return result(g, pos)
	}
	// This appender writes, for itself and for whoever joins meanwhile.
	j.writing = true
	for j.pending != nil {
		w := j.pending
		j.pending = nil
		if j.err != nil {
			w.err = j.err
			close(w.done)
			continue
		}
		j.mu.Unlock()
		err := j.write(w)
		j.mu.Lock()
		if err != nil {
			w.err = err
			// Whoever joined since has positions behind a hole; they fail too,
			// and positions start again where the file ends.
			if j.pending != nil {
				j.pending.err = err
				close(j.pending.done)
				j.pending = nil
			}
			j.next = w.first
		}
		close(w.done)
	}
	j.writing = false
	j.mu.Unlock()
	return result(g, pos)
}

func result(g *group, pos Position) (Position, error) {
	if g.err != nil {
		return 0, g.err
	}
	return pos, nil
}

// write puts a group on the disk. Only one goroutine is in here at a time.
func (j *Local) write(g *group) error {
	if j.file == nil || j.size >= j.opts.FileSize {
		if err := j.rotate(g.first); err != nil {
			return err
		}
	}
	if _, err := j.file.Write(g.buf); err != nil {
		// Not acknowledged, and not synced: take back what may be there, so
		// that a full disk can be emptied and the journal go on.
		if terr := j.file.Truncate(j.size); terr != nil {
			return j.poison(fmt.Errorf("write journal: %w; take back: %w", err, terr))
		}
		return fmt.Errorf("write journal: %w", err)
	}
	if err := j.file.Sync(); err != nil {
		return j.poison(fmt.Errorf("sync journal: %w", err))
	}
	j.size += int64(len(g.buf))
	return nil
}

func (j *Local) poison(err error) error {
	j.mu.Lock()
	j.err = fmt.Errorf("%w: %w", ErrPoisoned, err)
	j.mu.Unlock()
	return fmt.Errorf("%w: %w", ErrUnknown, err)
}

func (j *Local) rotate(first Position) error {
	name := path.Join(j.dir, fileName(first))
	f, err := j.fs.Create(name)
	if err != nil {
		return fmt.Errorf("new journal file: %w", err)
	}
	head := binary.LittleEndian.AppendUint64([]byte(magic), uint64(first))
	undo := func(err error) error {
		f.Close()
		if rerr := j.fs.Remove(name); rerr != nil {
			return j.poison(errors.Join(err, rerr))
		}
		return fmt.Errorf("new journal file: %w", err)
	}
	if _, err := f.Write(head); err != nil {
		return undo(err)
	}
	if err := f.Sync(); err != nil {
		return undo(err)
	}
	if err := j.fs.SyncDir(j.dir); err != nil {
		return undo(err)
	}
	if j.file != nil {
		j.file.Close()
	}
	j.file, j.size = f, int64(headerSize)
	j.mu.Lock()
	j.files = append(j.files, first)
	j.mu.Unlock()
	return nil
}

// Read implements Journal. It must not run beside Append.
func (j *Local) Read(after Position, fn func(Position, []byte) error) error {
	return read(j.fs, j.dir, after, fn)
}

// Trim removes the files whose entries are all unneeded. When that is all of
// them, a new one begins, so that positions keep growing.
func (j *Local) Trim(upTo Position) error {
	j.mu.Lock()
	for j.writing {
		// Appends are under way; what can be removed does not depend on them
		// unless the last file itself is to go, which can wait.
		break
	}
	var gone []Position
	for len(j.files) > 1 && j.files[1] <= upTo+1 {
		gone = append(gone, j.files[0])
		j.files = j.files[1:]
	}
	j.mu.Unlock()
	for _, first := range gone {
		if err := j.fs.Remove(path.Join(j.dir, fileName(first))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("trim journal: %w", err)
		}
	}
	if len(gone) > 0 {
		if err := j.fs.SyncDir(j.dir); err != nil {
			return fmt.Errorf("trim journal: %w", err)
		}
	}
	return nil
}

// Close closes the file. Everything acknowledged is already durable.
func (j *Local) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return nil
	}
	err := j.file.Close()
	j.file = nil
	if j.err == nil {
		j.err = ErrClosed
	}
	return err
}

// Reader reads a journal that another process may be writing.
type Reader struct {
	fs  disk.FS
	dir string
}

// ReadOnly opens the journal in dir beside its writer. An incomplete entry at
// the end is one that is being written: reading stops there.
func ReadOnly(fsys disk.FS, dir string) (*Reader, error) { return &Reader{fsys, dir}, nil }

// Read is Journal.Read.
func (r *Reader) Read(after Position, fn func(Position, []byte) error) error {
	return read(r.fs, r.dir, after, fn)
}

func read(fsys disk.FS, dir string, after Position, fn func(Position, []byte) error) error {
	files, err := list(fsys, dir)
	if err != nil {
		return err
	}
	for i, first := range files {
		if i+1 < len(files) && files[i+1] <= after+1 {
			continue
		}
		_, _, err := scan(fsys, path.Join(dir, fileName(first)), first, i == len(files)-1, func(pos Position, b []byte) error {
			if pos <= after {
				return nil
			}
			return fn(pos, b)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// scan walks one file and returns where its last whole frame ends. In the last
// file a bad frame with nothing whole behind it is a torn tail; anywhere else it
// is corruption.
func scan(fsys disk.FS, name string, first Position, last bool, fn func(Position, []byte) error) (end int64, n int, err error) {
	f, err := fsys.Open(name)
	if err != nil {
		return 0, 0, fmt.Errorf("open journal: %w", err)
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return 0, 0, fmt.Errorf("open journal: %w", err)
	}
	corrupt := func(at int64, what string) error {
		return fmt.Errorf("journal file %s at byte %d: %s: %w", path.Base(name), at, what, ErrCorrupt)
	}
	head := make([]byte, headerSize)
	if size < int64(headerSize) {
		if last {
			return 0, 0, nil
		}
		return 0, 0, corrupt(0, "too short")
	}
	if _, err := f.ReadAt(head, 0); err != nil {
		return 0, 0, fmt.Errorf("read journal: %w", err)
	}
	if string(head[:len(magic)]) != magic || Position(binary.LittleEndian.Uint64(head[len(magic):])) != first {
		if last && size == int64(headerSize) {
			return 0, 0, nil // a torn header: nothing was acknowledged in this file
		}
		return 0, 0, corrupt(0, "unknown header (a newer release?)")
	}
	at := int64(headerSize)
	var buf []byte
	for at < size {
		payload, ok, err := frame(f, at, size, first+Position(n), &buf)
		if err != nil {
			return 0, 0, fmt.Errorf("read journal: %w", err)
		}
		if !ok {
			if !last {
				return 0, 0, corrupt(at, "damaged entry")
			}
			if whole, err := wholeFrameBehind(f, at, size, first+Position(n)); err != nil {
				return 0, 0, err
			} else if whole {
				return 0, 0, corrupt(at, "damaged entry with whole ones behind it")
			}
			break
		}
		if fn != nil {
			if err := fn(first+Position(n), payload); err != nil {
				return 0, 0, err
			}
		}
		at += int64(frameSize + len(payload))
		n++
	}
	return at, n, nil
}

func frame(r io.ReaderAt, at, size int64, pos Position, buf *[]byte) (payload []byte, ok bool, err error) {
	var head [frameSize]byte
	if size-at < frameSize {
		return nil, false, nil
	}
	if _, err := r.ReadAt(head[:], at); err != nil && !errors.Is(err, io.EOF) {
		return nil, false, err
	}
	n := int64(binary.LittleEndian.Uint32(head[:]))
	if n > MaxEntry || n > size-at-frameSize {
		return nil, false, nil
	}
	if int64(cap(*buf)) < n {
		*buf = make([]byte, n)
	}
	b := (*buf)[:n]
	if _, err := r.ReadAt(b, at+frameSize); err != nil && !(errors.Is(err, io.EOF) && n == 0) {
		if errors.Is(err, io.EOF) {
			return nil, false, nil
		}
		return nil, false, err
	}
	return b, checksum(pos, b) == binary.LittleEndian.Uint32(head[4:]), nil
}

// wholeFrameBehind tells a torn tail from damage in the middle: the frame after
// the damaged one, found by the damaged one's length, is whole. It looks no
// further, since a damaged length leaves nothing to look by, and such a file is
// cut where the damage begins only if the damage is the last thing in it.
func wholeFrameBehind(r io.ReaderAt, at, size int64, pos Position) (bool, error) {
	var head [frameSize]byte
	if size-at < frameSize {
		return false, nil
	}
	if _, err := r.ReadAt(head[:], at); err != nil {
		return false, fmt.Errorf("read journal: %w", err)
	}
	n := int64(binary.LittleEndian.Uint32(head[:]))
	if n > MaxEntry || at+frameSize+n >= size {
		return false, nil
	}
	var buf []byte
	_, ok, err := frame(r, at+frameSize+n, size, pos+1, &buf)
	return ok, err
}
