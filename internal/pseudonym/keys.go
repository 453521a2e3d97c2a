package pseudonym

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"filippo.io/age"

	"github.com/haetae/haetae/internal/disk"
)

// The key folder holds two files. hash.key is what a running host needs: the
// hash key and the recipient that ids are sealed to. open.key is an age identity
// and opens everything; it should be moved off the host once it is made.
const (
	HashKeyName = "hash.key"
	OpenKeyName = "open.key"

	hashKeyMagic = "haetae hash key 1"
)

// Keys are what a running host needs.
type Keys struct {
	Hash      [32]byte
	Recipient string
}

// ErrKey: a key file is not one.
var ErrKey = errors.New("not a haetae key file")

// CreateKeys makes both files. It never replaces one.
func CreateKeys(fsys disk.FS, dir string) error {
	if err := fsys.MkdirAll(dir); err != nil {
		return err
	}
	for _, n := range []string{HashKeyName, OpenKeyName} {
		if _, err := fsys.Stat(path.Join(dir, n)); err == nil {
			return fmt.Errorf("%s is there already and is never replaced: %w", n, fs.ErrExist)
		}
	}
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return err
	}
	var key [32]byte
	rand.Read(key[:])
	hash := fmt.Sprintf("%s\nhash %s\nrecipient %s\n", hashKeyMagic, hex.EncodeToString(key[:]), identity.Recipient())
	open := fmt.Sprintf("# haetae opening key: whoever has this file can read every real id of the folder\n# public key: %s\n%s\n", identity.Recipient(), identity)
	if err := disk.WriteFile(fsys, path.Join(dir, OpenKeyName), []byte(open)); err != nil {
		return err
	}
	return disk.WriteFile(fsys, path.Join(dir, HashKeyName), []byte(hash))
}

// LoadKeys reads hash.key.
func LoadKeys(fsys disk.FS, dir string) (*Keys, error) {
	name := path.Join(dir, HashKeyName)
	st, err := fsys.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", HashKeyName, err)
	}
	if st.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s can be read by others (mode %04o): chmod 600 it: %w", HashKeyName, st.Mode().Perm(), fs.ErrPermission)
	}
	data, err := disk.ReadFile(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", HashKeyName, err)
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	if len(lines) != 3 || lines[0] != hashKeyMagic {
		return nil, fmt.Errorf("%s: %w", HashKeyName, ErrKey)
	}
	k := &Keys{}
	h, ok := strings.CutPrefix(lines[1], "hash ")
	raw, err := hex.DecodeString(h)
	if !ok || err != nil || len(raw) != len(k.Hash) {
		return nil, fmt.Errorf("%s line 2: %w", HashKeyName, ErrKey)
	}
	copy(k.Hash[:], raw)
	if k.Recipient, ok = strings.CutPrefix(lines[2], "recipient "); !ok {
		return nil, fmt.Errorf("%s line 3: %w", HashKeyName, ErrKey)
	}
	if _, err := age.ParseX25519Recipient(k.Recipient); err != nil {
		return nil, fmt.Errorf("%s line 3: %w", HashKeyName, ErrKey)
	}
	return k, nil
}

// LoadOpening reads an opening key, which is an age identity file.
func LoadOpening(fsys disk.FS, name string) (*Opener, error) {
	data, err := disk.ReadFile(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("read opening key: %w", err)
	}
	ids, err := age.ParseIdentities(strings.NewReader(string(data)))
	if err != nil || len(ids) != 1 {
		return nil, fmt.Errorf("opening key %s: %w", path.Base(name), ErrKey)
	}
	return &Opener{identity: ids[0], keys: map[uint64]cipher.AEAD{}}, nil
}
