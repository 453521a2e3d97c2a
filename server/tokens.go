package server

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/haetae/haetae/internal/disk"
)

// Each source has tokens of its own, so that one that leaked can be taken away
// from one sender, and so that no sender can write another's records. DIR/tokens
// holds only their hashes:
//
//	haetae tokens 1
//	gateway 5f2b…(SHA-256, hex) 2026-01-02T03:04:05Z
const (
	tokensName    = "tokens"
	tokensMagic   = "haetae tokens 1"
	tokenPrefix   = "hts_"
	tokensMaxSize = 1 << 20
)

// ErrTokens: the file of tokens is damaged or newer than this release.
var ErrTokens = errors.New("cannot read the file of tokens")

// Token is what is kept of a token.
type Token struct {
	Source string    `json:"source"`
	ID     string    `json:"id"` // first 8 digits of the hash: names it, opens nothing
	Made   time.Time `json:"made"`

	hash [sha256.Size]byte
}

// Tokens lists the tokens of a data folder.
func Tokens(fsys disk.FS, dir string) ([]Token, error) {
	data, err := disk.ReadFile(fsys, path.Join(dir, tokensName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("tokens: %w", err)
	}
	return parseTokens(data)
}

func parseTokens(data []byte) ([]Token, error) {
	head, rest, _ := strings.Cut(string(data), "\n")
	if head != tokensMagic {
		if strings.HasPrefix(head, "haetae tokens ") {
			return nil, fmt.Errorf("tokens: %q is newer than %q, which this release reads: %w", head, tokensMagic, ErrTokens)
		}
		return nil, fmt.Errorf("tokens: line 1: %w", ErrTokens)
	}
	var out []Token
	for i, line := range strings.Split(strings.TrimRight(rest, "\n"), "\n") {
		if line == "" {
			continue
		}
		f := strings.Fields(line)
		var t Token
		if len(f) == 3 {
			t.Source = f[0]
			raw, err := hex.DecodeString(f[1])
			if err == nil && copy(t.hash[:], raw) == len(t.hash) && len(raw) == len(t.hash) {
				t.ID = f[1][:8]
			}
			t.Made, _ = time.Parse(time.RFC3339, f[2])
		}
		if t.ID == "" {
			return nil, fmt.Errorf("tokens: line %d: %w", i+2, ErrTokens)
		}
		out = append(out, t)
	}
	return out, nil
}

func writeTokens(fsys disk.FS, dir string, ts []Token) error {
	var b bytes.Buffer
	b.WriteString(tokensMagic + "\n")
	for _, t := range ts {
		fmt.Fprintf(&b, "%s %s %s\n", t.Source, hex.EncodeToString(t.hash[:]), t.Made.UTC().Format(time.RFC3339))
	}
	if err := disk.WriteFile(fsys, path.Join(dir, tokensName), b.Bytes()); err != nil {
		return fmt.Errorf("tokens: %w", err)
	}
	return nil
}

// AddToken makes a token for source and returns it; only its hash is kept, so
// this is the one time it can be seen. A running server takes it at once.
func AddToken(fsys disk.FS, dir, source string) (string, Token, error) {
	if source == "" || strings.ContainsAny(source, " \t\r\n") {
		return "", Token{}, errors.New("tokens: a source has a name without spaces")
	}
	unlock, err := lockTokens(fsys, dir)
	if err != nil {
		return "", Token{}, err
	}
	defer unlock()
	ts, err := Tokens(fsys, dir)
	if err != nil {
		return "", Token{}, err
	}
	var raw [32]byte
	rand.Read(raw[:])
	text := tokenPrefix + base64.RawURLEncoding.EncodeToString(raw[:])
	t := Token{Source: source, Made: time.Now().UTC().Truncate(time.Second), hash: sha256.Sum256([]byte(text))}
	t.ID = hex.EncodeToString(t.hash[:4])
	if err := writeTokens(fsys, dir, append(ts, t)); err != nil {
		return "", Token{}, err
	}
	return text, t, nil
}

// RemoveToken takes a token away by its id.
func RemoveToken(fsys disk.FS, dir, id string) (bool, error) {
	unlock, err := lockTokens(fsys, dir)
	if err != nil {
		return false, err
	}
	defer unlock()
	ts, err := Tokens(fsys, dir)
	if err != nil {
		return false, err
	}
	var keep []Token
	for _, t := range ts {
		if t.ID != id {
			keep = append(keep, t)
		}
	}
	if len(keep) == len(ts) {
		return false, nil
	}
	return true, writeTokens(fsys, dir, keep)
}

// lockTokens keeps two commands from losing each other's token. It has a lock of
// its own since a server holds the folder's.
func lockTokens(fsys disk.FS, dir string) (func(), error) {
	if _, err := fsys.Stat(dir); err != nil {
		return nil, fmt.Errorf("tokens: %w", err)
	}
	l, err := fsys.Lock(path.Join(dir, tokensName+".lock"))
	if err != nil {
		return nil, fmt.Errorf("tokens: %w", err)
	}
	return func() { l.Close() }, nil
}

// tokenBook is the file as a running server sees it; it is read again when it
// has changed.
type tokenBook struct {
	fs  disk.FS
	dir string

	mu     sync.Mutex
	size   int64
	mod    time.Time
	looked time.Time
	tokens []Token
}

// tokenLook bounds how often the file is looked at; an unknown token makes a
// look at once, but no more often than this either.
const tokenLook = time.Second

// source tells whose token text is.
func (b *tokenBook) source(text string) (string, bool, error) {
	hash := sha256.Sum256([]byte(text))
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.refresh(); err != nil {
		return "", false, err
	}
	found, ok := "", false
	for i := range b.tokens {
		// Every one is compared, in constant time: how long it takes must not
		// tell how much of a guess was right.
		if subtle.ConstantTimeCompare(hash[:], b.tokens[i].hash[:]) == 1 {
			found, ok = b.tokens[i].Source, true
		}
	}
	return found, ok, nil
}

func (b *tokenBook) refresh() error {
	st, err := b.fs.Stat(path.Join(b.dir, tokensName))
	if errors.Is(err, fs.ErrNotExist) {
		b.tokens, b.size, b.mod = nil, 0, time.Time{}
		return nil
	}
	if err != nil {
		return fmt.Errorf("tokens: %w", err)
	}
	// Two changes within one tick of the file's clock can look alike, so a file
	// changed a moment ago is read again until it has settled.
	if st.Size() == b.size && st.ModTime().Equal(b.mod) && b.looked.Sub(st.ModTime()) > tokenLook {
		return nil
	}
	if st.Size() > tokensMaxSize {
		return fmt.Errorf("tokens: %d bytes: %w", st.Size(), ErrTokens)
	}
	ts, err := Tokens(b.fs, b.dir)
	if err != nil {
		return err
	}
	b.tokens, b.size, b.mod, b.looked = ts, st.Size(), st.ModTime(), time.Now()
	return nil
}
