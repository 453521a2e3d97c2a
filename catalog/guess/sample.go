package guess

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/ingest"
	"github.com/haetae/haetae/ingest/line"
	"github.com/haetae/haetae/ingest/otlp"
)

const (
	// maxSample is how much of a log is looked at, unpacked. Ten thousand lines of
	// an access log have about five; what is rarer than that a person finds with
	// catalog check, which reads all of it.
	maxSample = 16 << 20
	maxLines  = 10_000
)

// sample is the beginning of a log.
type sample struct {
	format  string
	raw     []byte
	lines   [][]byte // of JSON: one object each, on one line
	jq      string   // how they were got out of a document
	otlp    bool     // they were made of requests of OpenTelemetry
	more    bool     // the log goes on
	broken  bool     // it cannot be unpacked further
	foreign int64    // lines that are no JSON objects
}

func readSample(r io.Reader) (*sample, error) {
	stream, err := ingest.Open(r)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	raw, err := io.ReadAll(io.LimitReader(stream.Unpacked(), maxSample+1))
	s := &sample{raw: raw}
	if err != nil {
		if len(raw) == 0 || stream.Packing == "" {
			return nil, err
		}
		s.broken = true
	}
	if len(raw) > maxSample {
		s.more = true
		s.raw = raw[:maxSample]
	}
	if s.more || s.broken {
		if i := bytes.LastIndexByte(s.raw, '\n'); i >= 0 {
			s.raw = s.raw[:i+1]
		}
	}
	s.raw = line.Unmarked(s.raw)
	if len(bytes.TrimSpace(s.raw)) == 0 {
		return nil, ErrEmpty
	}
	s.format = ingest.Detect(s.raw).Format
	switch s.format {
	case "", catalog.FormatJSON:
		if !s.unwrap() {
			if s.format == "" {
				return nil, ErrUnknown
			}
			s.split()
		}
		if s.format = catalog.FormatJSON; len(s.lines) == 0 {
			return nil, ErrUnknown
		}
		s.requests()
	default:
		s.cut()
	}
	return s, nil
}

// cut leaves maxLines of a log that is no JSON.
func (s *sample) cut() {
	at := 0
	for range maxLines {
		i := bytes.IndexByte(s.raw[at:], '\n')
		if i < 0 {
			return
		}
		at += i + 1
	}
	// A document, or a record over several lines, must not be cut within.
	if at < len(s.raw) && (s.format == catalog.FormatCombined || s.format == catalog.FormatCommon || s.format == catalog.FormatMariaDB) {
		s.raw, s.more = s.raw[:at], true
	}
}

// split takes lines of JSON.
func (s *sample) split() {
	for l := range bytes.Lines(s.raw) {
		l = bytes.TrimSpace(l)
		if len(l) == 0 {
			continue
		}
		if len(s.lines) == maxLines {
			s.more = true
			return
		}
		if len(l) > ingest.MaxLine || !json.Valid(l) || l[0] != '{' {
			s.foreign++
			continue
		}
		s.lines = append(s.lines, l)
	}
}

// unwrap takes the objects out of a document: the first list of objects in it, or
// objects written over several lines. It reports whether the sample is one.
func (s *sample) unwrap() bool {
	text := bytes.TrimSpace(s.raw)
	if text[0] != '[' && text[0] != '{' {
		return false
	}
	if s.format == catalog.FormatJSON {
		if bytes.IndexByte(text, '\n') >= 0 && text[0] == '{' {
			first, _, _ := bytes.Cut(text, []byte("\n"))
			if json.Valid(first) {
				return false // lines
			}
		}
	}
	if at, jq := listIn(text); at >= 0 {
		dec := json.NewDecoder(bytes.NewReader(text[at:]))
		dec.Token() // [
		s.take(dec, jq)
	} else if text[0] == '{' && s.format == "" {
		s.take(json.NewDecoder(bytes.NewReader(text)), ".")
	} else {
		return false
	}
	if len(s.lines) == 0 {
		return false
	}
	s.source()
	return true
}

func (s *sample) take(dec *json.Decoder, jq string) {
	s.jq = jq
	for dec.More() && len(s.lines) < maxLines {
		var v json.RawMessage
		if dec.Decode(&v) != nil {
			return // the sample ends within
		}
		var b bytes.Buffer
		if v[0] == '{' && json.Compact(&b, v) == nil {
			s.lines = append(s.lines, b.Bytes())
		} else {
			s.foreign++
		}
	}
	if dec.More() {
		s.more = true
	}
}

var jqName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// listIn finds the list of a document whose elements are objects: the text itself,
// or under up to three keys. A list that is not most of the text is a part of one
// event. The answer is where it begins, and the filter of jq that gives its elements.
func listIn(text []byte) (int, string) {
	if text[0] == '[' {
		if rest := bytes.TrimLeft(text[1:], " \t\r\n"); len(rest) > 0 && rest[0] == '{' {
			return 0, ".[]"
		}
		return -1, ""
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	var path []string
	if _, err := dec.Token(); err != nil {
		return -1, ""
	}
	for {
		t, err := dec.Token()
		if err != nil {
			return -1, ""
		}
		if t == json.Delim('}') {
			if len(path) == 0 {
				return -1, ""
			}
			path = path[:len(path)-1]
			continue
		}
		name, ok := t.(string)
		if !ok {
			return -1, ""
		}
		at := int(dec.InputOffset())
		v := bytes.TrimLeft(text[at:], " \t\r\n:")
		if len(v) == 0 {
			return -1, ""
		}
		switch {
		case v[0] == '[':
			in := bytes.TrimLeft(v[1:], " \t\r\n")
			if len(in) > 0 && in[0] == '{' && jqName.MatchString(name) {
				jq := "." + strings.Join(append(path, name), ".") + "[]"
				from := len(text) - len(v)
				end := listEnd(v)
				if end*2 > len(text) {
					return from, jq
				}
			}
			var skip json.RawMessage
			if dec.Decode(&skip) != nil {
				return -1, ""
			}
		case v[0] == '{' && len(path) < 2 && jqName.MatchString(name):
			if _, err := dec.Token(); err != nil {
				return -1, ""
			}
			path = append(path, name)
		default:
			var skip json.RawMessage
			if dec.Decode(&skip) != nil {
				return -1, ""
			}
		}
	}
}

// listEnd is how long a list is; one that the sample ends in is all the rest.
func listEnd(v []byte) int {
	dec := json.NewDecoder(bytes.NewReader(v))
	var skip json.RawMessage
	if dec.Decode(&skip) != nil {
		return len(v)
	}
	return int(dec.InputOffset())
}

// source unwraps what a search in Elasticsearch answers with.
func (s *sample) source() {
	inner := make([][]byte, 0, len(s.lines))
	for _, l := range s.lines {
		var hit struct {
			Source json.RawMessage `json:"_source"`
		}
		if json.Unmarshal(l, &hit) != nil || len(hit.Source) == 0 || hit.Source[0] != '{' {
			return
		}
		inner = append(inner, hit.Source)
	}
	s.lines, s.jq = inner, s.jq+"._source"
}

// requests makes lines of what OpenTelemetry writes into files: requests.
func (s *sample) requests() {
	if !bytes.Contains(s.lines[0], []byte(`"resourceLogs"`)) && !bytes.HasPrefix(bytes.TrimSpace(s.raw), []byte(`{"resourceLogs"`)) && s.jq != ".resourceLogs[]" {
		return
	}
	bodies := s.lines
	if s.jq == ".resourceLogs[]" {
		bodies = [][]byte{fmt.Appendf(nil, `{"resourceLogs":[%s]}`, bytes.Join(s.lines, []byte(",")))}
	}
	var out [][]byte
	for _, b := range bodies {
		err := otlp.Records(otlp.JSON, b, true, func(l []byte) error {
			if l != nil && len(out) < maxLines {
				out = append(out, bytes.Clone(l))
			}
			return nil
		})
		if err != nil {
			return
		}
	}
	if len(out) > 0 {
		s.lines, s.otlp, s.jq = out, true, ""
	}
}

// text is the sample as a log.
func (s *sample) text() []byte {
	if s.format != catalog.FormatJSON {
		return s.raw
	}
	return append(bytes.Join(s.lines, []byte("\n")), '\n')
}

// sourceName makes a name of a source of the name of the file.
func sourceName(o Options) string {
	if o.Name != "" {
		return o.Name
	}
	base, _, _ := strings.Cut(strings.ToLower(o.File), ".")
	var b strings.Builder
	for _, c := range base {
		switch {
		case c >= 'a' && c <= 'z', b.Len() > 0 && (c == '_' || c == '-'):
			b.WriteRune(c)
		}
	}
	name := strings.Trim(b.String(), "-_")
	if len(name) > 40 {
		name = name[:40]
	}
	if name == "" {
		return "log"
	}
	return name
}

var (
	packing = regexp.MustCompile(`(?i)\.(gz|zst)$`)
	number  = regexp.MustCompile(`[0-9]+([-_.T]?[0-9]+)*`)
	marks   = regexp.MustCompile(`[^\p{L}0-9._ -]`)
)

// match is the pattern of the names that a rotated log has: dates and numbers are
// any, and something may stand behind.
func match(file string) string {
	if file == "" || file == "-" {
		return ""
	}
	file = marks.ReplaceAllString(packing.ReplaceAllString(file, ""), "?")
	p := strings.TrimSuffix(number.ReplaceAllString(file, "*"), ".*") // access.log.1
	if i := strings.LastIndexByte(p, '.'); i > 0 {
		p = strings.TrimSuffix(p[:i], "*") + "*" + p[i:]
	}
	if p = strings.TrimSuffix(p, "*") + "*"; strings.Trim(p, "*?.") == "" || len(p) > 150 {
		return ""
	}
	return p
}
