package segment

import (
	"slices"
	"testing"
)

// TestMarks: what is packed is given back, equal sets are equal texts, and nothing else
// is taken for marks.
func TestMarks(t *testing.T) {
	for _, numbers := range [][]uint32{nil, {0}, {0, 1}, {5}, {127, 128, 16_384}, {1<<32 - 1}, {0, 1<<32 - 1}} {
		marks := PackMarks(numbers)
		if got := slices.Collect(MarksOf(marks)); !slices.Equal(got, numbers) {
			t.Errorf("%v came back as %v", numbers, got)
		}
		if !ValidMarks(1, marks) || len(numbers) > 0 && ValidMarks(0, marks) {
			t.Errorf("%v: validity is wrong", numbers)
		}
	}
	for _, bad := range []string{"\x80", "\x80\x00", "\x01\x00", "\xff\xff\xff\xff\x1f", "\xff\xff\xff\xff\x0f\x01", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"} {
		if ValidMarks(1, bad) {
			t.Errorf("%x is taken for marks", bad)
		}
	}
}

// FuzzMarks: reading never fails, and what is valid is written alike.
func FuzzMarks(f *testing.F) {
	f.Add("\x00\x07\xac\x02")
	f.Fuzz(func(t *testing.T, marks string) {
		numbers := slices.Collect(MarksOf(marks))
		if ValidMarks(1, marks) && PackMarks(numbers) != marks {
			t.Fatalf("%v", numbers)
		}
	})
}

// TestMarksCostNothing: of shapes at which no rule has looked, the file says nothing more.
func TestMarksCostNothing(t *testing.T) {
	plain := Shape{Source: "gw", Route: "GET /", Status: 200, Flags: Primary}
	looked, marked := plain, plain
	looked.Looked = 3
	marked.Looked, marked.Marks = 3, PackMarks([]uint32{2})
	size := func(s Shape) int { return len(encodeShapes([]Shape{s})) }
	if got := size(looked) - size(plain); got != 2 { // the flags' second byte, and the edition
		t.Errorf("an edition costs %d bytes", got)
	}
	if got := size(marked) - size(looked); got != 3 {
		t.Errorf("a mark costs %d bytes", got)
	}
	list := []Shape{plain, looked, marked}
	got, err := decodeShapes(encodeShapes(list))
	if err != nil || !slices.Equal(got, list) {
		t.Errorf("%v %v", got, err)
	}
}
