package main

import (
	"io"
	"strconv"
	"strings"

	"github.com/haetae/haetae/internal/digits"
)

// table lays out cells by how wide they are shown: a Hangul syllable takes two
// columns of a terminal.
type table struct {
	rows   [][]string
	right  map[int]bool // columns that are set flush right
	indent string
}

func newTable(right ...int) *table {
	t := &table{right: map[int]bool{}, indent: "  "}
	for _, c := range right {
		t.right[c] = true
	}
	return t
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) write(w io.Writer) {
	var widths []int
	for _, r := range t.rows {
		for i, c := range r {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], cellWidth(c))
		}
	}
	var b strings.Builder
	for _, r := range t.rows {
		line := t.indent
		for i, c := range r {
			if i > 0 {
				line += "  "
			}
			pad := strings.Repeat(" ", widths[i]-cellWidth(c))
			if t.right[i] {
				line += pad + c
			} else {
				line += c + pad
			}
		}
		b.WriteString(strings.TrimRight(line, " "))
		b.WriteByte('\n')
	}
	io.WriteString(w, b.String())
}

// cellWidth is how many columns a terminal gives s.
func cellWidth(s string) int {
	n := 0
	for _, r := range s {
		switch {
		case r >= 0x1100 && r <= 0x115f, r >= 0x2e80 && r <= 0xa4cf, r >= 0xac00 && r <= 0xd7a3,
			r >= 0xf900 && r <= 0xfaff, r >= 0xfe30 && r <= 0xfe6f, r >= 0xff00 && r <= 0xff60, r >= 0xffe0 && r <= 0xffe6:
			n += 2
		default:
			n++
		}
	}
	return n
}

// count writes a number with its thousands apart.
func count[N int | int32 | int64 | uint32 | uint64](n N) string { return digits.Grouped(n) }

// noun is a counted thing. Korean has one form of it.
type noun struct{ one, many text }

var nouns = struct{ record, line, file, id, account noun }{
	record:  noun{text{"접속기록 %s건", "%s record"}, text{"접속기록 %s건", "%s records"}},
	line:    noun{text{"%s행", "%s line"}, text{"%s행", "%s lines"}},
	file:    noun{text{"파일 %s개", "%s file"}, text{"파일 %s개", "%s files"}},
	id:      noun{text{"식별자 %s개", "%s id"}, text{"식별자 %s개", "%s ids"}},
	account: noun{text{"계정 %s개", "%s account"}, text{"계정 %s개", "%s accounts"}},
}

// n writes a number of things.
func (a *app) n(n any, what noun) string {
	var i int64
	switch v := n.(type) {
	case int:
		i = int64(v)
	case int64:
		i = v
	}
	if i == 1 {
		return a.sayf(what.one, "1")
	}
	return a.sayf(what.many, count(i))
}

// bytesText writes a size as a person reads it.
func bytesText(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	f := float64(n)
	i := 0
	for f >= 1024 && i < len(units)-1 {
		f /= 1024
		i++
	}
	if i == 0 {
		return strconv.FormatInt(n, 10) + " B"
	}
	return strconv.FormatFloat(f, 'f', 1, 64) + " " + units[i]
}
