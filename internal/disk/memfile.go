package disk

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"syscall"
	"time"
)

// inode is a file's content, with or without a name. Mem.mu guards it.
type inode struct {
	data     []byte
	unsynced []contentOp           // since the last Sync, oldest first
	dropped  map[int64][]contentOp // by page: what a failed Sync left in the cache only
	linked   bool                  // some name leads here, so the bytes count as used
	shared   bool                  // data belongs to another Mem too: copy before changing
	modified time.Time
}

// contentOp is one write or truncation, with what it takes to undo it. Keeping
// the changes instead of a synced copy makes Sync cost nothing.
type contentOp struct {
	at    int64  // where it was written, or the size cut to
	wrote []byte // nil for a truncation
	was   []byte // what stood from at on, as far as it changed
	size  int64  // of the file before
}

// page is the unit of the cache: what is written to a page makes the whole of
// it dirty again.
const page = 4096

func (f *inode) own() {
	if f.shared {
		f.data, f.shared = bytes.Clone(f.data), false
	}
}

// drop is what a failed fsync does on Linux: the cache keeps what was written,
// as if it were clean, and never writes it to the disk.
func (f *inode) drop() {
	if f.dropped == nil {
		f.dropped = map[int64][]contentOp{}
	}
	for _, op := range f.unsynced {
		end := op.at + int64(len(op.wrote)) // nothing of a truncation: names and sizes go another way
		was := append(bytes.Clone(op.was), make([]byte, len(op.wrote))...)
		for at := op.at; at < end; {
			next := min(end, (at/page+1)*page)
			f.dropped[at/page] = append(f.dropped[at/page], contentOp{at: at, was: was[at-op.at : next-op.at]})
			at = next
		}
	}
	f.unsynced = nil
}

// dirty takes the pages from..to from the dropped ones.
func (f *inode) dirty(from, to int64) {
	for p := range f.dropped {
		if p >= from/page && p <= to/page {
			delete(f.dropped, p)
		}
	}
}

func (m *Mem) write(f *inode, p []byte, at int64) {
	f.own()
	size := int64(len(f.data))
	op := contentOp{at: at, wrote: append([]byte{}, p...), size: size}
	if at < size {
		op.was = bytes.Clone(f.data[at:min(size, at+int64(len(p)))])
	}
	f.unsynced = append(f.unsynced, op)
	f.dirty(min(at, size), at+int64(len(p)))
	f.data = put(f.data, p, at)
	f.modified = time.Now()
	if f.linked {
		m.used += int64(len(f.data)) - size
	}
}

func (m *Mem) truncate(f *inode, to int64) {
	f.own()
	size := int64(len(f.data))
	op := contentOp{at: to, size: size}
	if to < size {
		op.was = bytes.Clone(f.data[to:])
	}
	f.unsynced = append(f.unsynced, op)
	f.dirty(min(to, size), max(to, size))
	f.data = resize(f.data, to)
	f.modified = time.Now()
	if f.linked {
		m.used += to - size
	}
}

// put writes p into data at an offset, filling a hole with zeros.
func put(data, p []byte, at int64) []byte {
	if at == int64(len(data)) {
		return append(data, p...)
	}
	if end := at + int64(len(p)); end > int64(len(data)) {
		data = resize(data, end)
	}
	copy(data[at:], p)
	return data
}

func resize(data []byte, to int64) []byte {
	if d := to - int64(len(data)); d > 0 {
		return append(data, make([]byte, d)...)
	}
	// What is cut off must not come back when the slice grows again, which is
	// why growing above appends zeros instead of reslicing.
	return data[:to]
}

// synced is the content as of the last Sync.
func (f *inode) synced() []byte {
	data := bytes.Clone(f.data)
	for _, op := range slices.Backward(f.unsynced) {
		if op.wrote == nil {
			data = append(data[:min(op.at, op.size)], op.was...)
			continue
		}
		copy(data[op.at:], op.was)
		data = data[:op.size]
	}
	return data
}

// memFile is an open handle. Its own fields are guarded by Mem.mu too.
type memFile struct {
	m        *Mem
	name     string
	f        *inode
	pos      int64
	writable bool
	toEnd    bool
	closed   bool
}

func (h *memFile) fail(op string) error {
	if h.closed {
		return &fs.PathError{Op: op, Path: h.name, Err: fs.ErrClosed}
	}
	return h.m.fail(op, h.name)
}

func (h *memFile) failWrite(op string) error {
	if err := h.fail(op); err != nil {
		return err
	}
	if !h.writable {
		return &fs.PathError{Op: op, Path: h.name, Err: syscall.EBADF}
	}
	return nil
}

func (h *memFile) Read(p []byte) (int, error) {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	n, err := h.readAt(p, h.pos)
	h.pos += int64(n)
	if n > 0 && err == io.EOF {
		err = nil
	}
	return n, err
}

func (h *memFile) ReadAt(p []byte, at int64) (int, error) {
	h.m.mu.RLock()
	defer h.m.mu.RUnlock()
	return h.readAt(p, at)
}

func (h *memFile) readAt(p []byte, at int64) (int, error) {
	if err := h.fail("read"); err != nil {
		return 0, err
	}
	if at < 0 {
		return 0, &fs.PathError{Op: "read", Path: h.name, Err: fmt.Errorf("negative offset %d", at)}
	}
	if len(p) == 0 {
		return 0, nil
	}
	if at >= int64(len(h.f.data)) {
		return 0, io.EOF
	}
	n := copy(p, h.f.data[at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (h *memFile) Write(p []byte) (int, error) {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	if err := h.failWrite("write"); err != nil {
		return 0, err
	}
	if h.toEnd {
		h.pos = int64(len(h.f.data))
	}
	n := len(p)
	var short error
	if h.m.limit > 0 {
		// Bytes written over existing ones need no room.
		if room := h.m.room() + max(0, int64(len(h.f.data))-h.pos); room < int64(n) {
			n = int(room)
			short = &fs.PathError{Op: "write", Path: h.name, Err: syscall.ENOSPC}
		}
	}
	if n > 0 {
		h.m.write(h.f, p[:n], h.pos)
		h.pos += int64(n)
	}
	return n, short
}

func (h *memFile) Sync() error {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	if err := h.fail("sync"); err != nil {
		return err
	}
	h.f.unsynced = nil
	return nil
}

// drop is a Sync that fails as a real one does.
func (h *memFile) drop() {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	h.f.drop()
}

func (h *memFile) Size() (int64, error) {
	h.m.mu.RLock()
	defer h.m.mu.RUnlock()
	if err := h.fail("stat"); err != nil {
		return 0, err
	}
	return int64(len(h.f.data)), nil
}

func (h *memFile) Truncate(size int64) error {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	if err := h.failWrite("truncate"); err != nil {
		return err
	}
	if size < 0 {
		return &fs.PathError{Op: "truncate", Path: h.name, Err: syscall.EINVAL}
	}
	h.m.truncate(h.f, size)
	return nil
}

// Close leaves what was written but not synced as it is: closing a file makes
// nothing durable.
func (h *memFile) Close() error {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	err := h.fail("close")
	h.closed = true
	return err
}
