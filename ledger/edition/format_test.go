package edition

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/haetae/haetae/internal/golden"

	"github.com/haetae/haetae/ledger/dictionary"
)

const thePage = "docs/formats/edition.md"

// TestPage: the page draws the files whose bytes TestBytes pins, and their
// checksums and the directory beside.
func TestPage(t *testing.T) {
	golden.Drawn(t, thePage, "register", smallRegister(t))
	golden.Drawn(t, thePage, "holdings", smallHoldings(t))
}

// TestPageCrowded: an account with 257 people overflows its byte.
func TestPageCrowded(t *testing.T) {
	var lines []holdingLine
	for i := range uint32(257) {
		lines = append(lines, holdingLine{local: 0, person: dictionary.Ref(i)})
	}
	sec := appendPart(nil, lines, new(bitmap), 2)
	golden.Drawn(t, thePage, "crowded", sec[:21])
}

// TestWide: from 16,385 sets on a line's set takes four bytes, flags on top.
func TestWide(t *testing.T) {
	if setWidth(1<<14) != 2 || setWidth(1<<14+1) != 4 {
		t.Error("the width of a set changed: see " + thePage)
	}
	shared := new(bitmap)
	shared.add(7)
	sec := appendPart(nil, []holdingLine{{0, 7, 0x4567 | flagHolder}}, shared, 4)
	if want := []byte{0x67, 0x45, 0, 0xc0}; !bytes.Equal(sec[len(sec)-4:], want) {
		t.Errorf("a wide set is %x, want %x: see %s", sec[len(sec)-4:], want, thePage)
	}
}

func TestNames(t *testing.T) {
	if registerKind+version != "HTREGI01" || holdingsKind+version != "HTHOLD01" {
		t.Error("a name changed, and folders in the field have the old one: see " + thePage)
	}
	got := []int{headSize, partEntry, holdingsFooter, nameMax, narrowSets, flagHolder, flagShared, manyLines, MaxItems, maxSets}
	want := []int{28, 20, 12, 4096, 16384, 1 << 31, 1 << 30, 255, 64, 4194304}
	if !slices.Equal(got, want) {
		t.Errorf("sizes and limits are %v, and files in the field mean %v: see %s", got, want, thePage)
	}
}

// TestOlderVersion: there is none, so one that claims to be is damage.
func TestOlderVersion(t *testing.T) {
	for _, head := range []string{"HTHOLD00", "HTHOLDxx", "HTHOLD1", "HTREGI01"} {
		if err := checkMagic(head, holdingsKind); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", head, err)
		}
	}
}
