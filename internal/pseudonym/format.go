package pseudonym

import "errors"

// The key folder holds two files, both readable by their owner alone.
//
// hash.key is what a running host needs: the hash key and the recipient that ids
// are sealed to. Three lines:
//
//	haetae hash key 1
//	hash <64 hex digits>
//	recipient age1…
//
// open.key is an age identity, as the age tool writes and reads it, and opens
// everything; it should be moved off the host once it is made.
const (
	HashKeyName = "hash.key"
	OpenKeyName = "open.key"

	hashKeyKind  = "haetae hash key "
	hashKeyMagic = hashKeyKind + "1"
)

// A sealer's header is: magic (8), sealer id (8), and its ChaCha20-Poly1305 key,
// sealed with age to the folder's opening key.
//
// A sealed id is: sealer id (8), counter (8), ciphertext with tag (length of the
// id + 16). The nonce is the counter; a key never outlives its sealer, so none
// repeats. Each id is sealed by itself, so that retention can destroy one
// without opening any.
const headerMagic = "HTSEAL01"

// Labels that give each use of the hash key a key of its own: changing one makes
// every stored hash of that use unfindable.
const (
	useAccount = "haetae account"
	useActor   = "haetae actor"
	usePerson  = "haetae person"
	useToken   = "haetae token"
	useRecord  = "haetae record"
	useLine    = "haetae line"
	useBucket  = "haetae bucket"
	useStream  = "haetae stream"
	useState   = "haetae stream state"
	useRule    = "haetae rule"
	useCheck   = "haetae check"
)

var (
	// ErrKey: a key file is not one.
	ErrKey = errors.New("not a haetae key file")
	// ErrSealed: the entry cannot be opened with this key, or was changed.
	ErrSealed = errors.New("cannot open a sealed id")
)
