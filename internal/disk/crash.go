package disk

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
)

// sector is the unit a disk writes whole, or almost: a torn one is possible too.
const sector = 512

// Crash cuts the power: the Mem stops, every handle of it returns ErrCrashed,
// and what a disk could have kept is returned as a new Mem. It may be called
// again, for another of the outcomes that were possible.
//
// The model is deliberately worse than most disks. Changes of names since
// SyncDir survive up to some point, or each by itself; a rename is one change.
// Writes since Sync survive up to some point, the last one torn, or sector by
// sector with zeros for what is missing; a truncation may be lost while later
// writes survive. Content never survives in a part that was never written:
// file systems that show another file's old blocks are out of scope.
func (m *Mem) Crash(rnd *rand.Rand) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.crashed = true

	left := NewMem()
	for d := range m.dirs {
		left.dirs[d] = true
	}
	names := maps.Clone(m.durable)
	inOrder, upTo := rnd.IntN(2) == 0, rnd.IntN(len(m.pending)+1)
	for i, o := range m.pending {
		if inOrder && i < upTo || !inOrder && rnd.IntN(2) == 0 {
			o.apply(names)
		}
	}
	kept := map[*inode]*inode{} // an unsynced rename may leave one file two names
	for _, n := range slices.Sorted(maps.Keys(names)) {
		f := names[n]
		k := kept[f]
		if k == nil {
			k = &inode{modified: f.modified, linked: true}
			if len(f.unsynced) == 0 && len(f.dropped) == 0 {
				f.shared, k.shared, k.data = true, true, f.data
			} else {
				k.data = f.withoutDropped(rnd, f.afterCut(rnd))
			}
			kept[f] = k
			left.used += int64(len(k.data))
		}
		left.names[n], left.durable[n] = k, k
		left.addDir(path.Dir(n))
	}
	return left
}

// withoutDropped takes from data what had stayed in the cache.
func (f *inode) withoutDropped(rnd *rand.Rand, data []byte) []byte {
	for _, p := range slices.Sorted(maps.Keys(f.dropped)) {
		if rnd.IntN(4) == 0 {
			continue // it had been written before the Sync failed
		}
		for _, op := range slices.Backward(f.dropped[p]) {
			if op.at < int64(len(data)) {
				copy(data[op.at:], op.was)
			}
		}
	}
	return data
}

// afterCut is what the disk may hold of a file with unsynced changes.
func (f *inode) afterCut(rnd *rand.Rand) []byte {
	if len(f.unsynced) == 0 {
		return bytes.Clone(f.data)
	}
	switch rnd.IntN(4) {
	case 0: // nothing had reached it
		return f.synced()
	case 1: // everything had
		return bytes.Clone(f.data)
	case 2: // everything up to the middle of some change
		data := f.synced()
		last := rnd.IntN(len(f.unsynced))
		for _, op := range f.unsynced[:last] {
			data = op.redo(data)
		}
		op := f.unsynced[last]
		if op.wrote != nil {
			op.wrote = op.wrote[:rnd.IntN(len(op.wrote)+1)]
		} else if rnd.IntN(2) == 0 {
			return data
		}
		return op.redo(data)
	}
	data := f.synced()
	for _, op := range f.unsynced { // each sector by itself
		if op.wrote == nil {
			if rnd.IntN(2) == 0 {
				data = op.redo(data)
			}
			continue
		}
		end := op.at + int64(len(op.wrote))
		for at := op.at; at < end; {
			next := min(end, (at/sector+1)*sector)
			piece := op.wrote[at-op.at : next-op.at]
			switch rnd.IntN(16) {
			case 0: // torn inside
				piece = piece[:rnd.IntN(len(piece)+1)]
				fallthrough
			case 1, 2, 3, 4, 5, 6, 7:
				data = put(data, piece, at)
			}
			at = next
		}
		// The size may be on the disk before the bytes are.
		if int64(len(data)) < end && rnd.IntN(2) == 0 {
			data = resize(data, end)
		}
	}
	return data
}

func (op contentOp) redo(data []byte) []byte {
	if op.wrote == nil {
		return resize(data, op.at)
	}
	return put(data, op.wrote, op.at)
}
