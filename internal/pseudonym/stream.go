package pseudonym

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// Check is what the hash makes of a constant: a folder that keeps it can tell
// whether a key is its own, and it says nothing about the key.
func (h *Hasher) Check() string {
	p := h.check.wide("haetae")
	return hex.EncodeToString(p[:])
}

// Stream hashes the digest of a log's content. A log's first lines can be
// guessed, so a bare digest of them would tell who stands there.
func (h *Hasher) Stream(digest []byte) string {
	p := h.stream.wide(string(digest))
	return hex.EncodeToString(p[:])
}

// SealState encrypts a running digest so that it can be stored and gone on with:
// it holds the last bytes that went in, as they were. Unlike an id it is opened
// by the host itself.
func (h *Hasher) SealState(state []byte) []byte {
	aead := h.stateCipher()
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce)
	return aead.Seal(nonce, nonce, state, nil)
}

// OpenState gives back what SealState took.
func (h *Hasher) OpenState(sealed []byte) ([]byte, error) {
	aead := h.stateCipher()
	if len(sealed) < aead.NonceSize() {
		return nil, fmt.Errorf("state of a stream: %w", ErrKey)
	}
	out, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], nil)
	if err != nil {
		return nil, fmt.Errorf("state of a stream: %w", ErrKey)
	}
	return out, nil
}

func (h *Hasher) stateCipher() cipher.AEAD {
	aead, err := chacha20poly1305.NewX(h.state[:])
	if err != nil {
		panic("pseudonym: a key of 32 bytes was refused: " + err.Error())
	}
	return aead
}
