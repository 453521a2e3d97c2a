package pseudonym

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"filippo.io/age"
	"golang.org/x/crypto/chacha20poly1305"
)

// Sealer seals ids. It is safe for concurrent use.
type Sealer struct {
	id     uint64
	aead   cipher.AEAD
	header []byte
	n      atomic.Uint64
}

// NewSealer draws a key and seals it to recipient.
func NewSealer(recipient string) (*Sealer, error) {
	to, err := age.ParseX25519Recipient(recipient)
	if err != nil {
		return nil, fmt.Errorf("folder's recipient: %w", err)
	}
	var key [chacha20poly1305.KeySize]byte
	var id [8]byte
	rand.Read(key[:])
	rand.Read(id[:])
	var buf bytes.Buffer
	buf.WriteString(headerMagic)
	buf.Write(id[:])
	w, err := age.Encrypt(&buf, to)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(key[:]); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	aead, err := chacha20poly1305.New(key[:])
	if err != nil {
		return nil, err
	}
	return &Sealer{id: binary.LittleEndian.Uint64(id[:]), aead: aead, header: buf.Bytes()}, nil
}

// ID names the sealer; every entry it seals begins with it.
func (s *Sealer) ID() uint64 { return s.id }

// Header is what has to be kept for its entries to be opened.
func (s *Sealer) Header() []byte { return s.header }

// Seal appends plain, sealed, to dst.
func (s *Sealer) Seal(dst []byte, plain string) []byte {
	var nonce [chacha20poly1305.NonceSize]byte
	n := s.n.Add(1)
	binary.LittleEndian.PutUint64(nonce[:], n)
	dst = binary.LittleEndian.AppendUint64(dst, s.id)
	dst = binary.LittleEndian.AppendUint64(dst, n)
	return s.aead.Seal(dst, nonce[:], bytesOf(plain), nil)
}

// SealerOf tells which sealer sealed an entry.
func SealerOf(sealed []byte) (uint64, bool) {
	if len(sealed) < 16+chacha20poly1305.Overhead {
		return 0, false
	}
	return binary.LittleEndian.Uint64(sealed), true
}

// HeaderID tells whose header b is.
func HeaderID(b []byte) (uint64, bool) {
	if len(b) < len(headerMagic)+8 || string(b[:len(headerMagic)]) != headerMagic {
		return 0, false
	}
	return binary.LittleEndian.Uint64(b[len(headerMagic):]), true
}

// Opener opens what was sealed to a folder's key. It is safe for concurrent use;
// mu guards keys.
type Opener struct {
	identity age.Identity
	exposed  error
	mu       sync.Mutex
	keys     map[uint64]cipher.AEAD
}

// Exposed returns an ExposedError when the key file can be read by others, which
// is worth telling whoever opens something with it.
func (o *Opener) Exposed() error { return o.exposed }

// AddHeader makes the entries of one sealer openable.
func (o *Opener) AddHeader(header []byte) error {
	id, ok := HeaderID(header)
	if !ok {
		return fmt.Errorf("sealer header: unknown form: %w", ErrSealed)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.keys[id] != nil {
		return nil
	}
	r, err := age.Decrypt(bytes.NewReader(header[len(headerMagic)+8:]), o.identity)
	if err != nil {
		return fmt.Errorf("sealer header: %w: %w", ErrSealed, err)
	}
	key, err := io.ReadAll(io.LimitReader(r, chacha20poly1305.KeySize+1))
	if err != nil || len(key) != chacha20poly1305.KeySize {
		return fmt.Errorf("sealer header: %w", ErrSealed)
	}
	aead, err := chacha20poly1305.New(key)
	if err != nil {
		return err
	}
	o.keys[id] = aead
	return nil
}

// Open opens one sealed id.
func (o *Opener) Open(sealed []byte) (string, error) {
	id, ok := SealerOf(sealed)
	if !ok {
		return "", ErrSealed
	}
	o.mu.Lock()
	aead := o.keys[id]
	o.mu.Unlock()
	if aead == nil {
		return "", fmt.Errorf("%w: its sealer's header is missing", ErrSealed)
	}
	var nonce [chacha20poly1305.NonceSize]byte
	copy(nonce[:], sealed[8:16])
	plain, err := aead.Open(nil, nonce[:], sealed[16:], nil)
	if err != nil {
		return "", ErrSealed
	}
	return string(plain), nil
}

// SealTo encrypts a stream to an age recipient; closing it finishes the stream.
func SealTo(recipient string, w io.Writer) (io.WriteCloser, error) {
	to, err := age.ParseX25519Recipient(recipient)
	if err != nil {
		return nil, fmt.Errorf("recipient: %w", err)
	}
	return age.Encrypt(w, to)
}

// OpenStream decrypts what SealTo wrote to the folder's recipient.
func (o *Opener) OpenStream(r io.Reader) (io.Reader, error) {
	p, err := age.Decrypt(r, o.identity)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSealed, err)
	}
	return p, nil
}
