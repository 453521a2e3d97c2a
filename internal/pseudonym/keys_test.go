package pseudonym

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"filippo.io/age"

	"github.com/haetae/haetae/internal/disk"
)

func testIdentity(t testing.TB) *age.X25519Identity {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func testSealer(t testing.TB, recipient string) *Sealer {
	t.Helper()
	s, err := NewSealer(recipient)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func testOpener(id age.Identity) *Opener {
	fsys := disk.NewMem()
	fsys.MkdirAll("k")
	disk.WriteFile(fsys, "k/open.key", []byte(id.(*age.X25519Identity).String()))
	o, err := LoadOpening(fsys, "k/open.key")
	if err != nil {
		panic(err)
	}
	return o
}

func TestKeys(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	if err := CreateKeys(disk.OS, dir); err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{HashKeyName, OpenKeyName} {
		st, err := os.Stat(filepath.Join(dir, n))
		if err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", n, st.Mode(), err)
		}
	}
	if err := CreateKeys(disk.OS, dir); !errors.Is(err, fs.ErrExist) {
		t.Errorf("keys made twice: %v", err)
	}
	k, err := LoadKeys(disk.OS, dir)
	if err != nil {
		t.Fatal(err)
	}
	if k.Hash == [32]byte{} {
		t.Error("the hash key is empty")
	}
	// The opening key is an age identity file that the age tool reads.
	f, err := os.Open(filepath.Join(dir, OpenKeyName))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ids, err := age.ParseIdentities(f)
	if err != nil || len(ids) != 1 || ids[0].(*age.X25519Identity).Recipient().String() != k.Recipient {
		t.Errorf("open.key does not belong to hash.key: %v", err)
	}
	o, err := LoadOpening(disk.OS, filepath.Join(dir, OpenKeyName))
	if err != nil || o.Exposed() != nil {
		t.Fatal(err, o.Exposed())
	}
	s := testSealer(t, k.Recipient)
	if err := o.AddHeader(s.Header()); err != nil {
		t.Fatal(err)
	}
	if id, err := o.Open(s.Seal(nil, "m0012345")); err != nil || id != "m0012345" {
		t.Error("what was sealed does not open:", err)
	}
}

func TestExposedKeys(t *testing.T) {
	dir := t.TempDir()
	if err := CreateKeys(disk.OS, dir); err != nil {
		t.Fatal(err)
	}
	var exposed *ExposedError
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o666} {
		os.Chmod(filepath.Join(dir, HashKeyName), mode)
		_, err := LoadKeys(disk.OS, dir)
		if !errors.As(err, &exposed) || !errors.Is(err, fs.ErrPermission) || exposed.Mode != mode || exposed.File != HashKeyName {
			t.Errorf("mode %o: %v", mode, err)
		}
		os.Chmod(filepath.Join(dir, OpenKeyName), mode)
		o, err := LoadOpening(disk.OS, filepath.Join(dir, OpenKeyName))
		if err != nil || !errors.As(o.Exposed(), &exposed) {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
}

func TestBadKeyFiles(t *testing.T) {
	to := testIdentity(t).Recipient().String()
	hash := strings.Repeat("0a", 32)
	good := "haetae hash key 1\nhash " + hash + "\nrecipient " + to + "\n"
	if k, err := parseKeys(good); err != nil || k.Recipient != to {
		t.Fatal(err)
	}
	if _, err := parseKeys(strings.ReplaceAll(good, "\n", "\r\n")); err != nil {
		t.Errorf("edited on Windows: %v", err)
	}
	for name, c := range map[string]struct{ text, want string }{
		"empty":       {"", "not a haetae key file"},
		"newer":       {strings.Replace(good, "key 1", "key 2", 1), "has format 2 and this release reads up to 1"},
		"short":       {strings.Replace(good, "0a0a", "0a", 1), "line 2"},
		"not hex":     {strings.Replace(good, "0a0a", "zz0a", 1), "line 2"},
		"cut":         {good[:40], "not a haetae key file"},
		"no receiver": {strings.Replace(good, "age1", "age2", 1), "line 3"},
		"one more":    {good + "hash 00\n", "not a haetae key file"},
	} {
		_, err := parseKeys(c.text)
		if !errors.Is(err, ErrKey) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), hash[:8]) {
			t.Errorf("%s: the error shows the key", name)
		}
	}
	fsys := disk.NewMem()
	fsys.MkdirAll("k")
	secret := testIdentity(t).String()
	for _, text := range []string{"", secret[:40], secret + "\n" + secret, "x" + secret} {
		disk.WriteFile(fsys, "k/open.key", []byte(text))
		_, err := LoadOpening(fsys, "k/open.key")
		if !errors.Is(err, ErrKey) || strings.Contains(err.Error(), secret[20:30]) {
			t.Errorf("%v", err)
		}
	}
	if _, err := LoadOpening(fsys, "k/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if _, err := LoadKeys(fsys, "k"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// TestCreateKeysFails: whatever fails, there is never a hash key whose opening
// key is lost, and nothing that is there is replaced.
func TestCreateKeysFails(t *testing.T) {
	count := disk.NewFaulty(disk.NewMem())
	if err := CreateKeys(count, "k"); err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= count.Ops(); n++ {
		for _, after := range []bool{false, true} {
			mem := disk.NewMem()
			faulty := disk.NewFaulty(mem)
			if after {
				faulty.FailAfter(n, errors.New("lost answer"))
			} else {
				faulty.FailAt(n, errors.New("failed"))
			}
			if err := CreateKeys(faulty, "k"); err == nil {
				t.Fatalf("operation %d failed and nobody was told", n)
			}
			k, err := LoadKeys(mem, "k")
			if err != nil {
				continue
			}
			data, err := disk.ReadFile(mem, "k/"+OpenKeyName)
			if err != nil || !bytes.Contains(data, []byte(k.Recipient)) {
				t.Errorf("operation %d: a hash key without its opening key: %v", n, err)
			}
		}
	}
}

func TestSealed(t *testing.T) {
	id := testIdentity(t)
	a, b := testSealer(t, id.Recipient().String()), testSealer(t, id.Recipient().String())
	if a.ID() == b.ID() {
		t.Fatal("two sealers have one id")
	}
	o := testOpener(id)
	entry := a.Seal([]byte("before"), "m0012345")[len("before"):]
	if n, ok := SealerOf(entry); !ok || n != a.ID() || len(entry) != len("m0012345")+32 {
		t.Errorf("%d bytes of sealer %x, %v", len(entry), n, ok)
	}
	if bytes.Equal(a.Seal(nil, "m0012345"), entry) {
		t.Error("an id sealed twice looks the same")
	}
	if _, err := o.Open(entry); !errors.Is(err, ErrSealed) {
		t.Errorf("opened without its header: %v", err)
	}
	for _, s := range []*Sealer{a, b, a} {
		if err := o.AddHeader(s.Header()); err != nil {
			t.Fatal(err)
		}
	}
	for _, plain := range []string{"", "m0012345", strings.Repeat("긴", 300)} {
		for _, s := range []*Sealer{a, b} {
			if got, err := o.Open(s.Seal(nil, plain)); err != nil || got != plain {
				t.Errorf("%d bytes: %v", len(plain), err)
			}
		}
	}
	for i := range entry {
		bad := bytes.Clone(entry)
		bad[i] ^= 1
		if _, err := o.Open(bad); !errors.Is(err, ErrSealed) {
			t.Errorf("byte %d changed: %v", i, err)
		}
	}
	stranger := testOpener(testIdentity(t))
	if err := stranger.AddHeader(a.Header()); !errors.Is(err, ErrSealed) {
		t.Errorf("a stranger's key opens the header: %v", err)
	}
	if _, err := NewSealer("age1nobody"); err == nil {
		t.Error("sealed to nobody")
	}
}

// TestSealersSideBySide: no nonce is used twice; the race detector watches too.
func TestSealersSideBySide(t *testing.T) {
	s := testSealer(t, testIdentity(t).Recipient().String())
	var mu sync.Mutex
	seen := map[string]bool{}
	var wg sync.WaitGroup
	for range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 500 {
				e := s.Seal(nil, "x")
				mu.Lock()
				seen[string(e[8:16])] = true
				mu.Unlock()
			}
		}()
	}
	wg.Wait()
	if len(seen) != 2000 {
		t.Errorf("%d nonces of 2000", len(seen))
	}
}

func TestStream(t *testing.T) {
	id := testIdentity(t)
	var buf bytes.Buffer
	w, err := SealTo(id.Recipient().String(), &buf)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, "lines that were set aside")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	sealed := buf.Bytes()
	r, err := testOpener(id).OpenStream(bytes.NewReader(sealed))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != "lines that were set aside" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := testOpener(testIdentity(t)).OpenStream(bytes.NewReader(sealed)); !errors.Is(err, ErrSealed) {
		t.Errorf("%v", err)
	}
	if _, err := SealTo("nobody", &buf); err == nil {
		t.Error("sealed to nobody")
	}
}

func FuzzKeyFile(f *testing.F) {
	f.Add("haetae hash key 1\nhash 00\nrecipient age1\n")
	f.Add("haetae hash key 2\n")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		if k, err := parseKeys(text); (k == nil) == (err == nil) {
			t.Error("neither keys nor an error")
		}
	})
}

func FuzzOpen(f *testing.F) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		f.Fatal(err)
	}
	s := testSealer(f, id.Recipient().String())
	f.Add(s.Header(), s.Seal(nil, "m0012345"))
	f.Add([]byte(headerMagic), []byte{})
	f.Fuzz(func(t *testing.T, header, sealed []byte) {
		o := testOpener(id)
		o.AddHeader(header)
		o.AddHeader(s.Header())
		o.Open(sealed)
		if r, err := o.OpenStream(bytes.NewReader(header)); err == nil {
			io.Copy(io.Discard, r)
		}
	})
}
