// Package networkstest writes small files of countries and networks, so that
// tests need none of anybody's data.
//
// The central idea: the format (MaxMind DB, version 2) is public and short. A
// binary tree over the bits of an address stands first, then what its leaves
// point to, then a description of both.
//
// What it is not: a writer for real files. It does not share what is the same,
// and its nodes have 24 bits.
package networkstest

import (
	"encoding/binary"
	"net/netip"
	"os"
)

// Network is what a file says of a range of addresses.
type Network struct {
	Prefix  string // "203.0.113.0/24"
	Country string // iso_code; empty: none
	AS      uint32 // 0: none
}

// Write makes a file. Prefixes must not lie in one another.
func Write(name string, networks ...Network) error {
	data, err := File(networks...)
	if err != nil {
		return err
	}
	return os.WriteFile(name, data, 0o600)
}

// File gives the bytes of such a file.
func File(networks ...Network) ([]byte, error) {
	const empty = -1
	type node [2]int // another node; below -1: -2 minus a place in data
	tree := []node{{empty, empty}}
	var data []byte
	for _, n := range networks {
		p, err := netip.ParsePrefix(n.Prefix)
		if err != nil {
			return nil, err
		}
		bits, length := p.Addr().As16(), p.Bits()
		if p.Addr().Is4() { // stands at ::/96 in the tree
			bits[10], bits[11] = 0, 0
			length += 96
		}
		leaf := -2 - len(data)
		data = append(data, record(n)...)
		at := 0
		for i := range length {
			bit := bits[i/8] >> (7 - i%8) & 1
			switch next := tree[at][bit]; {
			case i == length-1:
				tree[at][bit] = leaf
			case next == empty:
				tree = append(tree, node{empty, empty})
				tree[at][bit] = len(tree) - 1
				at = len(tree) - 1
			default:
				at = next
			}
		}
	}
	var out []byte
	for _, n := range tree {
		for _, v := range n {
			switch {
			case v == empty:
				v = len(tree)
			case v < empty:
				v = len(tree) + 16 + (-2 - v)
			}
			out = append(out, byte(v>>16), byte(v>>8), byte(v))
		}
	}
	out = append(out, make([]byte, 16)...)
	out = append(out, data...)
	out = append(out, "\xab\xcd\xefMaxMind.com"...)
	return append(out, table(
		"binary_format_major_version", number(5, 2), "binary_format_minor_version", number(5, 0),
		"build_epoch", append([]byte{8, 2}, binary.BigEndian.AppendUint64(nil, 1_741_564_800)...),
		"database_type", text("Haetae-Test"), "description", table(), "ip_version", number(5, 6),
		"languages", []byte{0, 4}, "node_count", number(6, uint32(len(tree))), "record_size", number(5, 24),
	)...), nil
}

func record(n Network) []byte {
	var kv []any
	if n.Country != "" {
		kv = append(kv, "country", table("iso_code", text(n.Country)))
	}
	if n.AS != 0 {
		kv = append(kv, "autonomous_system_number", number(6, n.AS))
	}
	return table(kv...)
}

// table, text and number write a value of the format: its type in the upper three
// bits of a byte, its length in the lower five.
func table(kv ...any) []byte {
	out := []byte{7<<5 | byte(len(kv)/2)}
	for i := 0; i+1 < len(kv); i += 2 {
		out = append(append(out, text(kv[i].(string))...), kv[i+1].([]byte)...)
	}
	return out
}

func text(s string) []byte { return append([]byte{2<<5 | byte(len(s))}, s...) }

func number(kind byte, v uint32) []byte {
	b := binary.BigEndian.AppendUint32(nil, v)
	if kind == 5 { // 16 bits
		b = b[2:]
	}
	return append([]byte{kind<<5 | byte(len(b))}, b...)
}
