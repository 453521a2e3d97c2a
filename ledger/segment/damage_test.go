package segment

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/haetae/haetae/ledger/dictionary"
)

// readAll reads everything there is.
func readAll(r *Reader) error {
	_, err1 := r.Info()
	_, err2 := r.Shapes()
	_, err3 := r.Clients()
	_, err4 := r.Agents()
	_, err5 := r.Files()
	_, err6 := r.visitorTable()
	err := errors.Join(err1, err2, err3, err4, err5, err6)
	for p := range dictionary.Partitions {
		err = errors.Join(err, eachGroup(r, p, func(*Sessions, *Group, *Details) {}))
	}
	return err
}

func seeds(f *testing.F) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 3, 60, 900} {
		var buf bytes.Buffer
		if _, err := Write(&buf, randomInput(rnd, n)); err != nil {
			f.Fatal(err)
		}
		f.Add(buf.Bytes())
	}
	for _, n := range []int{1, 6} {
		var buf bytes.Buffer
		if _, err := Write(&buf, traffic(rnd, 500, n, 1000)); err != nil {
			f.Fatal(err)
		}
		f.Add(buf.Bytes())
	}
}

// FuzzOpen reads mutated segments: an error or rows, never a panic.
func FuzzOpen(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := Open(bytes.NewReader(b), int64(len(b))); err == nil {
			readAll(r)
		}
	})
}

// FuzzUnchecked reads mutated segments as if every checksum matched, so that
// the decoders behind them are reached. What is asked of memory stays in
// proportion to the file: rowsPerByte rows a byte, and a row of some forty.
func FuzzUnchecked(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := open(bytes.NewReader(b), int64(len(b)), true)
		if err != nil {
			return
		}
		if r.rows > rowsPerByte*int64(len(b)) {
			t.Fatalf("%d bytes claim %d rows", len(b), r.rows)
		}
		readAll(r)
		var out bytes.Buffer
		if _, err := Merge(&out, []*Reader{r}); err == nil {
			if err := readAll(reader(t, out.Bytes())); err != nil {
				t.Fatalf("what could be read cannot be read when written anew: %v", err)
			}
		}
	})
}

func FuzzUnpack(f *testing.F) {
	f.Add(pack(nil, []uint64{1, 2, 3, 4, 5, 1 << 40}), uint16(6))
	f.Add(pack(nil, make([]uint64, 300)), uint16(300))
	f.Fuzz(func(t *testing.T, b []byte, n uint16) {
		vs, _, err := unpack(b, int(n), nil)
		if err == nil && len(vs) != int(n) {
			t.Fatalf("%d values of %d", len(vs), n)
		}
		dst := make([]uint32, n)
		if _, err := unpackSums(b, dst); err == nil && !slices.IsSorted(dst) {
			t.Fatal("places are not ascending")
		}
	})
}

// TestDamage flips a bit in each byte of a small segment: reading all of it
// must fail (a byte nobody checks does not exist in this format).
func TestDamage(t *testing.T) {
	rnd := seed(t)
	for _, n := range []int{1, 40, 3000} {
		b, _ := write(t, randomInput(rnd, n))
		for i := 0; i < len(b); i += 1 + rnd.IntN(1+len(b)/1000) {
			bad := slices.Clone(b)
			bad[i] ^= 1 << rnd.IntN(8)
			r, err := Open(bytes.NewReader(bad), int64(len(bad)))
			if err == nil {
				err = readAll(r)
			}
			if err == nil {
				t.Fatalf("a flipped bit in byte %d of %d went unnoticed", i, len(b))
			}
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrVersion) {
				t.Fatalf("a flipped bit in byte %d: %v: not the error for damage", i, err)
			}
		}
	}
}

// TestCut: a file that ends early is refused at once.
func TestCut(t *testing.T) {
	rnd := seed(t)
	b, _ := write(t, randomInput(rnd, 500))
	for range 200 {
		n := rnd.IntN(len(b))
		if _, err := Open(bytes.NewReader(b[:n]), int64(n)); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("cut at %d of %d: %v", n, len(b), err)
		}
		if _, err := Open(bytes.NewReader(b[:n]), int64(len(b))); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("%d of %d bytes there: %v", n, len(b), err)
		}
	}
}

// TestNewerVersion: the sentence names the version.
func TestNewerVersion(t *testing.T) {
	b, _ := write(t, randomInput(seed(t), 3))
	b[7] = '2'
	_, err := Open(bytes.NewReader(b), int64(len(b)))
	if !errors.Is(err, ErrVersion) || errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "format 02") {
		t.Fatalf("a newer version: %v", err)
	}
}

// TestPlaceOfDamage: the error names the byte where the damaged piece begins.
func TestPlaceOfDamage(t *testing.T) {
	b, _ := write(t, traffic(rand.New(rand.NewPCG(1, 1)), 300_000, 6, 1000))
	r := reader(t, b)
	pl := &r.parts[77]
	if !pl.paged {
		t.Fatal("the test wants a partition with pages")
	}
	b[pl.at+pl.sizes[0]+10] ^= 1
	pt, err := reader(t, b).Partition(77)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pt.Homes(0, nil); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "byte ") {
		t.Fatalf("damaged homes: %v", err)
	}
	if _, err := pt.Homes(len(pt.Groups())-1, nil); err != nil && len(pt.pages[0]) > 1 {
		t.Fatalf("another page is not damaged: %v", err)
	}
}

// flaky fails its reads until told otherwise.
type flaky struct {
	*bytes.Reader
	err error
}

func (f *flaky) ReadAt(b []byte, at int64) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return f.Reader.ReadAt(b, at)
}

// TestReadAgain: a read that fails is not remembered.
func TestReadAgain(t *testing.T) {
	b, _ := write(t, traffic(rand.New(rand.NewPCG(1, 1)), 50_000, 6, 1000))
	f := &flaky{Reader: bytes.NewReader(b)}
	r, err := Open(f, int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	f.err = errors.New("cable")
	if err := readAll(r); !errors.Is(err, f.err) || errors.Is(err, ErrCorrupt) {
		t.Fatalf("a failing disk: %v", err)
	}
	f.err = nil
	if err := readAll(r); err != nil {
		t.Fatalf("the disk is back: %v", err)
	}
}
