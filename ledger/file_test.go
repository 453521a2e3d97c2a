package ledger

import (
	"bytes"
	"errors"
	"testing"
)

// errAlready: all of the file is known.
var errAlready = errors.New("already imported")

// beginFile begins the import of a file with this content, as the server does.
func beginFile(l *Ledger, spec ImportSpec, content []byte) (*Import, error) {
	p, err := l.Probe(spec)
	if err != nil {
		return nil, err
	}
	if err := p.Read(bytes.NewReader(content)); err != nil {
		return nil, err
	}
	if p.Already() {
		return nil, errAlready
	}
	return p.Begin()
}

// begin begins the import of a file of spec.Size lines that are all "h".
func begin(t testing.TB, l *Ledger, spec ImportSpec) *Import {
	t.Helper()
	im, err := beginFile(l, spec, bytes.Repeat([]byte("h\n"), int(spec.Size)))
	if err != nil {
		t.Fatal(err)
	}
	return im
}

// part takes the bytes of a piece and completes the chunk.
func part(im *Import, c Chunk, content []byte) Chunk {
	im.Sum().Write(content)
	c.Part, c.End = im.Sum().Part(), im.Sum().Offset()
	return c
}

// hLines is how many lines of a file that are all "h" an import has staged.
func hLines(im *Import) int { return int(im.Offset()) / len("h\n") }
