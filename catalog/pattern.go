package catalog

import (
	"encoding/binary"
	"errors"
	"regexp"
	"regexp/syntax"
	"slices"

	"github.com/haetae/haetae/internal/written"
)

// pattern is a regular expression that a whole id must match. Ids are checked
// for every record, so the expression is turned into a table of states when
// the catalog is parsed: one look per byte, nothing allocated. Expressions that
// do not fit into a small table (or speak of letters beyond ASCII) run in the
// standard library's engine, which is also linear in the length of the id.
type pattern struct {
	slow  *regexp.Regexp
	next  [][128]uint16 // next[state][byte]; 0 is the dead state
	final []bool
}

const (
	maxPatternBytes  = 256
	maxPatternStates = 512 // 128 KiB of table
)

func compilePattern(text string) (*pattern, *wrong) {
	if len(text) > maxPatternBytes {
		return nil, wrongOf(patternLong)
	}
	// Alone first: "a)|(b" is no expression, but would be one inside the frame.
	if _, err := syntax.Parse(text, syntax.Perl); err != nil {
		if e, ok := errors.AsType[*syntax.Error](err); ok {
			return nil, wrongOf(patternSyntax, reasonOf(e.Code))
		}
		return nil, wrongOf(patternSyntax, "")
	}
	slow, err := regexp.Compile(`\A(?:` + text + `)\z`)
	if err != nil {
		return nil, wrongOf(patternLarge)
	}
	p := &pattern{slow: slow}
	p.build(text)
	return p, nil
}

// reasonOf is what is wrong with an expression, without a piece of it.
func reasonOf(c syntax.ErrorCode) written.Text {
	ko := map[syntax.ErrorCode]string{
		syntax.ErrInvalidCharClass: "글자 모음이 잘못되었습니다", syntax.ErrInvalidCharRange: "글자 범위가 잘못되었습니다",
		syntax.ErrInvalidEscape: "\\ 뒤의 글자가 잘못되었습니다", syntax.ErrInvalidRepeatOp: "반복 기호가 겹칩니다", syntax.ErrInvalidRepeatSize: "반복 횟수가 잘못되었습니다",
		syntax.ErrInvalidUTF8: "UTF-8이 아닙니다", syntax.ErrMissingBracket: "]가 없습니다", syntax.ErrMissingParen: ")가 없습니다",
		syntax.ErrMissingRepeatArgument: "반복 기호 앞에 반복할 것이 없습니다", syntax.ErrTrailingBackslash: "\\로 끝납니다", syntax.ErrUnexpectedParen: ")의 짝이 없습니다",
	}[c]
	if ko == "" {
		return written.Text{EN: ": " + c.String()}
	}
	return written.Text{KO: ": " + ko, EN: ": " + c.String()}
}

func (p *pattern) match(id string) bool {
	if p.next == nil {
		return p.slow.MatchString(id)
	}
	state := uint16(1)
	for i := 0; i < len(id); i++ {
		c := id[i]
		if c >= 128 {
			return p.slow.MatchString(id)
		}
		if state = p.next[state][c]; state == 0 {
			return false
		}
	}
	return p.final[state]
}

// build makes the table by the subset construction; next stays nil if it would
// grow too large or the expression looks at its surroundings.
func (p *pattern) build(text string) {
	re, err := syntax.Parse(`(?:`+text+`)`, syntax.Perl)
	if err != nil {
		return
	}
	prog, err := syntax.Compile(re.Simplify())
	if err != nil || len(prog.Inst) > 4*maxPatternStates {
		return
	}
	ok := true
	closure := func(pcs []uint32) []uint32 {
		seen := make([]bool, len(prog.Inst))
		var out []uint32
		for len(pcs) > 0 {
			pc := pcs[len(pcs)-1]
			pcs = pcs[:len(pcs)-1]
			if seen[pc] {
				continue
			}
			seen[pc] = true
			switch in := &prog.Inst[pc]; in.Op {
			case syntax.InstAlt, syntax.InstAltMatch:
				pcs = append(pcs, in.Out, in.Arg)
			case syntax.InstCapture, syntax.InstNop:
				pcs = append(pcs, in.Out)
			case syntax.InstEmptyWidth:
				ok = false // ^, $ and \b inside a pattern
			case syntax.InstFail:
			default:
				out = append(out, pc)
			}
		}
		slices.Sort(out)
		return out
	}
	key := func(set []uint32) string {
		var b []byte
		for _, pc := range set {
			b = binary.LittleEndian.AppendUint32(b, pc)
		}
		return string(b)
	}
	numbers := map[string]uint16{"": 0}
	sets := [][]uint32{nil}
	next := [][128]uint16{{}}
	add := func(set []uint32) uint16 {
		k := key(set)
		n, known := numbers[k]
		if !known {
			n = uint16(len(sets))
			numbers[k] = n
			sets = append(sets, set)
			next = append(next, [128]uint16{})
		}
		return n
	}
	first := closure([]uint32{uint32(prog.Start)})
	if len(first) == 0 {
		return
	}
	add(first)
	for s := 1; s < len(sets) && ok; s++ {
		if len(sets) > maxPatternStates {
			return
		}
		for c := range rune(128) {
			var to []uint32
			for _, pc := range sets[s] {
				in := &prog.Inst[pc]
				if in.Op != syntax.InstMatch && in.MatchRune(c) {
					to = append(to, in.Out)
				}
			}
			if len(to) > 0 {
				next[s][c] = add(closure(to))
			}
		}
	}
	if !ok {
		return
	}
	final := make([]bool, len(sets))
	for s, set := range sets {
		for _, pc := range set {
			final[s] = final[s] || prog.Inst[pc].Op == syntax.InstMatch
		}
	}
	p.next, p.final = next, final
}
