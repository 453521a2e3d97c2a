package server

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger"
)

// A request with an Idempotency-Key counts once, also when its lines have no
// ids. Two things make it so.
//
// The lines get ids, made of the key, the whole body and the line's number: the
// same request again brings the same ids and counts nothing, and another body
// brings others, so that no record is ever taken for a repetition of one it is
// not.
//
// And the folder remembers which body a key came with, so that a sender that
// uses a key twice is told. That memory is written in the same journal entry as
// the records: whatever was acknowledged is remembered after a crash, and what
// was not is not. It is bounded: the last keys of each source, in a fixed number
// of small tables. For a key that has fallen out of it the ids still hold, and
// only the refusal is missing.
const (
	// keyTables is how many tables a source has. A request rewrites one of them
	// and holds it for as long as its append takes; the others are free.
	keyTables = 64
	// keysInTable: 64 tables of 32 keys remember the last 2,000 or so requests
	// of a source, in 32 KiB. Senders try again within minutes.
	keysInTable = 32
	keySize     = 16 // fingerprint of the key, fingerprint of the body
	keyVersion  = 1
)

// errKeyReused: the key came with another body before.
var errKeyReused = errors.New("this Idempotency-Key was used for another body")

// keyLocks are held from looking a key up until its records are durable: two
// requests with one key must not both find it free.
type keyLocks [keyTables]sync.Mutex

// keyed is one request with an Idempotency-Key.
type keyed struct {
	source, key string
	id, body    uint64
}

// newKeyed takes the fingerprints under the folder's key: neither a sender's key
// nor a body may be guessed from the disk.
func (s *Server) newKeyed(source, key string, body []byte) keyed {
	h := s.ledger.Hasher()
	return keyed{source, key, h.Fingerprint(source, event.RecordID("idempotency-key "+key)), h.Line(body)}
}

// recordID is the id of a line that brings none.
func (k *keyed) recordID(number int64) event.RecordID {
	return event.RecordID(fmt.Sprintf("idempotency-key %s body %016x line %d", k.key, k.body, number))
}

func (k *keyed) table() int { return int(k.id % keyTables) }

// claim looks the key up and holds its table until release. The checkpoint it
// gives is to be stored with the records; nil means that they are all there.
func (s *Server) claim(k *keyed) (cp *ledger.Checkpoint, release func(), err error) {
	lock := &s.keys[k.table()]
	lock.Lock()
	name := fmt.Sprintf("idempotency %s %02d", k.source, k.table())
	old, _ := s.ledger.Checkpoint(name)
	table, body, found := withKey(old, k.id, k.body)
	switch {
	case found && body != k.body:
		lock.Unlock()
		return nil, nil, errKeyReused
	case found:
		return nil, lock.Unlock, nil
	}
	return &ledger.Checkpoint{Name: name, Value: table}, lock.Unlock, nil
}

// withKey finds a key in a table, or gives the table with the key added and the
// oldest one dropped. A table of another version is begun anew: the ids of the
// records, not the tables, keep them from counting twice.
func withKey(old []byte, id, body uint64) (table []byte, known uint64, found bool) {
	var entries []byte
	if len(old) > 0 && old[0] == keyVersion && (len(old)-1)%keySize == 0 {
		entries = old[1:]
	}
	for e := entries; len(e) > 0; e = e[keySize:] {
		if binary.LittleEndian.Uint64(e) == id {
			return nil, binary.LittleEndian.Uint64(e[8:]), true
		}
	}
	if len(entries) >= keysInTable*keySize {
		entries = entries[len(entries)-(keysInTable-1)*keySize:]
	}
	table = append([]byte{keyVersion}, entries...)
	table = binary.LittleEndian.AppendUint64(table, id)
	return binary.LittleEndian.AppendUint64(table, body), 0, false
}
