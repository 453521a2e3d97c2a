package written

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

var (
	yamlLine   = regexp.MustCompile(`line (\d+): ?`)
	yamlAnchor = regexp.MustCompile(`unknown anchor '([^']*)' referenced`)
)

// usual is what people do wrong in YAML, by a piece of what the library says of
// it. What the library says is not passed on: it is English, and quotes the file.
var usual = []struct {
	said string
	Text
}{
	{"unknown anchor", Text{": 참조(*)한 이름이 없습니다", ": a reference (*) to a name that is not there"}},
	{"mapping values are not allowed", Text{": 들여쓰기가 맞지 않거나, 따옴표 없는 값에 ': '이 있습니다", ": a line is indented wrongly, or a value without quotes holds ': '"}},
	{"did not find expected key", Text{": 들여쓰기가 앞줄과 맞지 않습니다", ": a line is not indented as those before it"}},
	{"did not find expected '-' indicator", Text{": 목록의 들여쓰기가 앞줄과 맞지 않습니다", ": an entry of a list is not indented as those before it"}},
	{"block sequence entries are not allowed", Text{": 목록(-)이 올 수 없는 자리입니다", ": a list (-) cannot begin here"}},
	{"did not find expected ',' or", Text{": 괄호나 쉼표가 빠졌습니다", ": a bracket or a comma is missing"}},
	{"did not find expected node content", Text{": 괄호가 닫히지 않았거나 값이 빠졌습니다", ": a bracket is not closed, or a value is missing"}},
	{"could not find expected ':'", Text{": 키 뒤에 ': '이 없습니다", ": there is no ': ' behind a key"}},
	{"found unexpected end of stream", Text{": 따옴표가 닫히지 않았습니다", ": a quote is not closed"}},
	{"cannot start any token", Text{": 줄 앞의 탭, 또는 따옴표 없이 쓸 수 없는 글자(@, `, %)가 있습니다", ": a tab before a line, or a character (@, `, %) that needs quotes"}},
	{"found unknown escape", Text{`: 큰따옴표 안의 \는 \\로 쓰십시오`, `: a \ in double quotes is written \\`}},
	{"excessive aliasing", Text{": 참조(*)가 너무 많습니다", ": there are too many references (*)"}},
	{"document start", Text{": 문서의 시작(---)이 잘못되었습니다", ": the beginning of a document (---) is wrong"}},
	{"control characters", Text{": 제어 문자가 있습니다", ": it holds a control character"}},
	{"UTF-8", Text{": UTF-8이 아닙니다", ": it is not UTF-8"}},
	{"UTF-16", Text{": UTF-8이 아닙니다", ": it is not UTF-8"}},
}

// unreadable reports what the YAML library says of a text.
func (r *Reader) unreadable(text []byte, err error) {
	line, why := YAML(text, err)
	r.Fail(&yaml.Node{Line: line}, "", NotYAML, why)
}

// YAML is the line that an error of the YAML library is about, and what is wrong
// there in words of ours, which may be empty. The line is found also where the
// library names none: it leaves it out on the first line, for bytes that are no
// text, and for anchors.
func YAML(text []byte, err error) (line int, why Text) {
	said := err.Error()
	line = 1
	if m := yamlLine.FindStringSubmatch(said); m != nil {
		line, _ = strconv.Atoi(m[1])
	} else if m := yamlAnchor.FindStringSubmatch(said); m != nil {
		line = lineOf(text, bytes.Index(text, []byte("*"+m[1])))
	} else if at := firstNonText(text); at >= 0 {
		line = lineOf(text, at)
	}
	for _, u := range usual {
		if strings.Contains(said, u.said) {
			return line, u.Text
		}
	}
	return line, Text{}
}

func lineOf(text []byte, at int) int { return 1 + bytes.Count(text[:max(at, 0)], []byte("\n")) }

// firstNonText finds the first byte that YAML does not take for text.
func firstNonText(text []byte) int {
	for i := 0; i < len(text); {
		c, n := utf8.DecodeRune(text[i:])
		if c == utf8.RuneError && n == 1 || c < ' ' && c != '\n' && c != '\r' && c != '\t' || c >= 0x7f && c < 0xa0 && c != 0x85 {
			return i
		}
		i += n
	}
	return -1
}
