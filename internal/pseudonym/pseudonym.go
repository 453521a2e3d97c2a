// Package pseudonym turns real ids into keyed hashes, and seals the way back.
//
// The central idea: whoever runs Haetae every day needs to recognise an id, not
// to read one. So ids are hashed under a key that lies outside the data folder,
// and the real id is kept sealed to a key pair whose private half need not be on
// the host at all.
//
// Who can learn what:
//
//   - With the data folder alone: no id. What shows is how many ids there are,
//     how long each is (a sealed id is 32 bytes longer), which records share
//     one, and which numeric ids are neighbours (see Bucket).
//   - With the folder and hash.key: any id that can be guessed. Member numbers
//     are few and a guess costs tens of nanoseconds, so all of them can be tried
//     in seconds. A stolen running host is this case.
//   - With the folder and open.key: every id that retention has not destroyed,
//     without guessing. This is why open.key belongs somewhere else.
//
// What it is not: anonymisation. Pseudonymised data is still personal data.
package pseudonym

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"unsafe"

	"github.com/dchest/siphash"

	"github.com/haetae/haetae/event"
)

// Pseudonym stands for one id of one kind. Its first byte is the partition.
type Pseudonym [16]byte

// Format prints the first four bytes: enough to follow one id through a log,
// too little to look it up.
func (p Pseudonym) Format(f fmt.State, _ rune) { io.WriteString(f, "p:"+p.Short()) }

// Short is the first four bytes in hex.
func (p Pseudonym) Short() string { return hex.EncodeToString(p[:4]) }

// Label is the first eight bytes in hex: enough to tell any two actors of a
// report apart.
func (p Pseudonym) Label() string { return hex.EncodeToString(p[:8]) }

// Kind separates ids that may look alike.
type Kind byte

const (
	Account Kind = 'a'
	Actor   Kind = 's' // actors that are not members
	Person  Kind = 'p'
)

type subkey struct{ k0, k1 uint64 }

// derive gives each use its own key, so that equal ids of different kinds do
// not share a hash and a fingerprint tells nothing about an account.
func derive(key [32]byte, use string) subkey {
	h := sha256.New()
	h.Write(key[:])
	h.Write([]byte(use))
	var sum [32]byte
	h.Sum(sum[:0])
	return subkey{binary.LittleEndian.Uint64(sum[:8]), binary.LittleEndian.Uint64(sum[8:16])}
}

// Hasher holds the derived keys. It is immutable and safe for concurrent use;
// none of its methods allocates.
type Hasher struct {
	account, actor, person, token, record, line, bucket, stream, rule, check subkey

	state [32]byte // seals what Stream is computed from
}

// NewHasher derives the keys of one folder.
func NewHasher(key [32]byte) *Hasher {
	return &Hasher{
		account: derive(key, useAccount), actor: derive(key, useActor), person: derive(key, usePerson),
		token: derive(key, useToken), record: derive(key, useRecord), line: derive(key, useLine), bucket: derive(key, useBucket),
		stream: derive(key, useStream), rule: derive(key, useRule), check: derive(key, useCheck), state: sha256.Sum256(append(key[:], useState...)),
	}
}

func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

func (k subkey) wide(s string) (p Pseudonym) {
	lo, hi := siphash.Hash128(k.k0, k.k1, bytesOf(s))
	binary.LittleEndian.PutUint64(p[:8], lo)
	binary.LittleEndian.PutUint64(p[8:], hi)
	return p
}

func (k subkey) narrow(b []byte) uint64 {
	h := siphash.Hash(k.k0, k.k1, b)
	if h == 0 {
		return 1 // 0 means "none"
	}
	return h
}

// Account hashes an account id.
func (h *Hasher) Account(id event.AccountID) Pseudonym { return h.account.wide(string(id)) }

// Actor hashes an actor's id. A member's is that of its account.
func (h *Hasher) Actor(id event.ActorID, typ string) Pseudonym {
	if typ == event.Member {
		return h.account.wide(string(id))
	}
	return h.actor.wide(string(id))
}

// Person hashes a person's id.
func (h *Hasher) Person(id event.PersonID) Pseudonym { return h.person.wide(string(id)) }

// Wording hashes what a rule says. The lists it looks at are in it, and so real ids.
func (h *Hasher) Wording(text string) uint64 { return h.rule.narrow(bytesOf(text)) }

// Token hashes a token id; 0 for none.
func (h *Hasher) Token(id event.TokenID) uint64 {
	if id == "" {
		return 0
	}
	return h.token.narrow(bytesOf(string(id)))
}

// Fingerprint hashes a record id within its source; 0 for none.
func (h *Hasher) Fingerprint(source string, id event.RecordID) uint64 {
	return h.Of(source).Fingerprint(id)
}

// SourceHasher hashes the record ids of one source.
type SourceHasher struct{ k subkey }

// Of is the hasher of a source, for whoever has many records of it.
func (h *Hasher) Of(source string) SourceHasher {
	k := h.record
	// The source enters through the key, so that no copy is needed to join them.
	return SourceHasher{subkey{k.k0 ^ siphash.Hash(k.k0, k.k1, bytesOf(source)), k.k1}}
}

// Fingerprint hashes a record id; 0 for none.
func (s SourceHasher) Fingerprint(id event.RecordID) uint64 {
	if id == "" {
		return 0
	}
	return s.k.narrow(bytesOf(string(id)))
}

// Line hashes the content of a record that has no id.
func (h *Hasher) Line(b []byte) uint64 { return h.line.narrow(b) }

// bucketSize is how many neighbouring numeric ids share a bucket.
const bucketSize = 1024

// Bucket hashes the block of 1,024 ids that a numeric id lies in, so that
// "reads nearly every account of the blocks it touches" can be asked after
// hashing. It discloses which accounts have neighbouring numbers, and nothing
// about which numbers. 0 for an id that does not end in 1 to 18 digits.
func (h *Hasher) Bucket(id string) uint64 {
	i := len(id)
	for i > 0 && id[i-1] >= '0' && id[i-1] <= '9' {
		i--
	}
	if i == len(id) || len(id)-i > 18 || i > 40 {
		return 0
	}
	n := uint64(0)
	for _, c := range bytesOf(id[i:]) {
		n = n*10 + uint64(c-'0')
	}
	var buf [48]byte
	b := append(buf[:0], id[:i]...)
	b = binary.LittleEndian.AppendUint64(b, n/bucketSize)
	return h.bucket.narrow(b)
}
