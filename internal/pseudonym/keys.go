package pseudonym

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"filippo.io/age"

	"github.com/haetae/haetae/internal/disk"
)

// Keys are what a running host needs.
type Keys struct {
	Hash      [32]byte
	Recipient string
}

// ExposedError says that a key file can be read by others on the host.
type ExposedError struct {
	File string
	Mode fs.FileMode
}

func (e *ExposedError) Error() string {
	return fmt.Sprintf("%s can be read by others (mode %04o): chmod 600 it", e.File, e.Mode)
}

// Unwrap makes it a kind of fs.ErrPermission.
func (e *ExposedError) Unwrap() error { return fs.ErrPermission }

// exposed returns an ExposedError if others can read the file.
func exposed(fsys disk.FS, name string) error {
	st, err := fsys.Stat(name)
	if err != nil {
		return err
	}
	if m := st.Mode().Perm(); m&0o077 != 0 {
		return &ExposedError{path.Base(name), m}
	}
	return nil
}

// CreateKeys makes both files. It never replaces one: a replaced hash key would
// make every known id a new one, a replaced opening key would close what is
// sealed for ever.
func CreateKeys(fsys disk.FS, dir string) error {
	if err := fsys.MkdirAll(dir); err != nil {
		return fmt.Errorf("create keys: %w", err)
	}
	for _, n := range []string{HashKeyName, OpenKeyName} {
		_, err := fsys.Stat(path.Join(dir, n))
		if err == nil {
			return fmt.Errorf("create keys: %s is there already and is never replaced; if an earlier attempt was cut short and no data folder uses it, remove it: %w", n, fs.ErrExist)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("create keys: %w", err)
		}
	}
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return fmt.Errorf("create keys: %w", err)
	}
	var key [32]byte
	rand.Read(key[:])
	hash := fmt.Sprintf("%s\nhash %s\nrecipient %s\n", hashKeyMagic, hex.EncodeToString(key[:]), identity.Recipient())
	open := fmt.Sprintf("# haetae opening key: whoever has this file can read every real id of the folder\n# public key: %s\n%s\n", identity.Recipient(), identity)
	// The opening key first: a folder must never be able to seal to a key that
	// a crash here has lost.
	if err := disk.WriteFile(fsys, path.Join(dir, OpenKeyName), []byte(open)); err != nil {
		return fmt.Errorf("create keys: write %s: %w", OpenKeyName, err)
	}
	if err := disk.WriteFile(fsys, path.Join(dir, HashKeyName), []byte(hash)); err != nil {
		return fmt.Errorf("create keys: write %s: %w", HashKeyName, err)
	}
	return nil
}

// LoadKeys reads hash.key. It refuses a file that others can read, with an
// ExposedError.
func LoadKeys(fsys disk.FS, dir string) (*Keys, error) {
	name := path.Join(dir, HashKeyName)
	if err := exposed(fsys, name); err != nil {
		return nil, fmt.Errorf("read %s: %w", HashKeyName, err)
	}
	data, err := disk.ReadFile(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", HashKeyName, err)
	}
	k, err := parseKeys(string(data))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", HashKeyName, err)
	}
	return k, nil
}

// parseKeys reads the three lines of hash.key. No error shows any of them.
func parseKeys(text string) (*Keys, error) {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	if v, ok := strings.CutPrefix(lines[0], hashKeyKind); ok && lines[0] != hashKeyMagic {
		if n, err := strconv.ParseUint(v, 10, 8); err == nil && n > 1 {
			return nil, fmt.Errorf("has format %d and this release reads up to 1: use the release that wrote it, or a newer one: %w", n, ErrKey)
		}
	}
	if len(lines) != 3 || lines[0] != hashKeyMagic {
		return nil, ErrKey
	}
	k := &Keys{}
	h, ok := strings.CutPrefix(lines[1], "hash ")
	raw, err := hex.DecodeString(h)
	if !ok || err != nil || len(raw) != len(k.Hash) {
		return nil, fmt.Errorf("line 2: %w", ErrKey)
	}
	copy(k.Hash[:], raw)
	if k.Recipient, ok = strings.CutPrefix(lines[2], "recipient "); !ok {
		return nil, fmt.Errorf("line 3: %w", ErrKey)
	}
	if _, err := age.ParseX25519Recipient(k.Recipient); err != nil {
		return nil, fmt.Errorf("line 3: %w", ErrKey)
	}
	return k, nil
}

// LoadOpening reads an opening key, which is an age identity file. One that
// others can read is used all the same, since it may lie on a medium without
// modes; Opener.Exposed then says so.
func LoadOpening(fsys disk.FS, name string) (*Opener, error) {
	data, err := disk.ReadFile(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("read opening key: %w", err)
	}
	ids, err := age.ParseIdentities(bytes.NewReader(data))
	if err != nil || len(ids) != 1 {
		// What age says may show a part of the line.
		return nil, fmt.Errorf("read opening key %s: %w", path.Base(name), ErrKey)
	}
	return &Opener{identity: ids[0], keys: map[uint64]cipher.AEAD{}, exposed: exposed(fsys, name)}, nil
}
