package syslog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name, text            string
		version               int
		stamp, host, app, msg string
	}{
		{"rsyslog, RFC 5424", `<134>1 2025-03-10T09:00:00.123456+09:00 web1 nginx 812 - - {"a":1}`, 1, "2025-03-10T00:00:00.123456Z", "web1", "nginx", `{"a":1}`},
		{"logger --rfc5424", `<13>1 2025-03-10T09:00:00.123456+09:00 web1 root - - [timeQuality tzKnown="1" isSynced="1" syncAccuracy="1000"] hello there`, 1, "2025-03-10T00:00:00.123456Z", "web1", "root", "hello there"},
		{"everything nil", `<0>1 - - - - - -`, 1, "", "", "", ""},
		{"escapes in data", `<0>1 - h a - - [x y="a\"b\]c\\"][z] m]`, 1, "", "h", "a", "m]"},
		{"a mark of UTF-8", "<0>1 - h a - - - \ufeff가", 1, "", "h", "a", "가"},
		{"rsyslog, traditional", `<134>Mar 10 09:00:00 web1 nginx: 203.0.113.9 - - x`, 0, "0000-03-10T09:00:00Z", "web1", "nginx", "203.0.113.9 - - x"},
		{"a day of one digit", `<134>Mar  1 09:00:00 web1 nginx[12]: x`, 0, "0000-03-01T09:00:00Z", "web1", "nginx", "x"},
		{"rsyslog's forward format", `<134>2025-03-10T09:00:00.5+09:00 web1 app.sub/x: x`, 0, "2025-03-10T00:00:00.5Z", "web1", "app.sub/x", "x"},
		{"nginx without a host", `<190>Mar 10 09:00:00 nginx: {"a":"b: c"}`, 0, "0000-03-10T09:00:00Z", "", "nginx", `{"a":"b: c"}`},
		{"marked as JSON", `<134>Mar 10 09:00:00 web1 app: @cee: {"a":1}`, 0, "0000-03-10T09:00:00Z", "web1", "app", `{"a":1}`},
		{"no tag", `<134>Mar 10 09:00:00 web1 {"a":1}`, 0, "0000-03-10T09:00:00Z", "web1", "", `{"a":1}`},
		{"nothing but a tag", `<13>app: x`, 0, "", "", "app", "x"},
		{"nothing", `<13>{"a":1}`, 0, "", "", "", `{"a":1}`},
		{"an address for a host", `<13>Mar 10 09:00:00 2001:db8::1 app: x`, 0, "0000-03-10T09:00:00Z", "2001:db8::1", "app", "x"},
	} {
		h, msg, bad := Parse([]byte(c.text))
		if bad != nil {
			t.Errorf("%s: %v", c.name, bad)
			continue
		}
		stamp := ""
		if !h.Time.IsZero() {
			stamp = h.Time.UTC().Format(time.RFC3339Nano)
		}
		if h.Version != c.version || stamp != c.stamp || h.Host != c.host || h.App != c.app || string(msg) != c.msg {
			t.Errorf("%s: %+v %q", c.name, h, msg)
		}
	}
	for _, text := range []string{"", "x", "<>x", "<192>x", "<1234>1 x", "<1", "<a>x", "<13>1 ", "<13>1 yesterday h a - - -", "<13>1 - h a - - [x", "<13>1 - h a - - x", `{"a":1}`, "<13>1 - h a - - [x y=\"]\" "} {
		if h, msg, bad := Parse([]byte(text)); bad == nil {
			t.Errorf("%q is read: %+v %q", text, h, msg)
		}
	}
}

// frames reads everything.
func frames(r io.Reader) (texts []string, problems []string, err error) {
	f := NewFramer(r)
	defer f.Close()
	for {
		var got []Frame
		if got, err = f.Read(got); len(got) > 0 {
			for _, g := range got {
				if g.Err != nil {
					problems = append(problems, fmt.Sprintf("%d@%d %s", g.Number, g.Offset, g.Err.Cause.Code))
				} else {
					texts = append(texts, string(g.Text))
				}
			}
		}
		if err != nil {
			return texts, problems, err
		}
	}
}

func TestFrames(t *testing.T) {
	long := "<1>" + strings.Repeat("x", MaxMessage)
	large := "<1>" + strings.Repeat("y", 3*Window)
	for _, c := range []struct {
		name, stream    string
		texts, problems []string
		err             error
	}{
		{"nothing", "", nil, nil, io.EOF},
		{"lines", "<1>a\n<2>b\r\n\n<3>c\x00", []string{"<1>a", "<2>b", "<3>c"}, nil, io.EOF},
		{"counted", "4 <1>a5 <2>bc", []string{"<1>a", "<2>bc"}, nil, io.EOF},
		{"counted, a line feed in the message", "7 <1>a\nbc4 <2>d", []string{"<1>a\nbc", "<2>d"}, nil, io.EOF},
		{"counted, a line feed in the count and one behind", "5 <1>a\n\n4 <2>b\n", []string{"<1>a", "<2>b"}, nil, io.EOF},
		{"both", "4 <1>a<2>b\n4 <3>c", []string{"<1>a", "<2>b", "<3>c"}, nil, io.EOF},
		{"cut off", "<1>a\n<2>b", []string{"<1>a"}, []string{"2@5 cut_off"}, io.EOF},
		{"counted and cut off", "4 <1>a9 <2>", []string{"<1>a"}, []string{"2@6 cut_off"}, io.EOF},
		{"no count", "4 <1>a12x<2>b\n", []string{"<1>a"}, []string{"2@6 syslog_header"}, ErrFraming},
		{"a count of too many digits", "1234567890 <1>", nil, []string{"1@0 syslog_header"}, ErrFraming},
		{"a count nobody waits for", "99999999 <1>", nil, []string{"1@0 syslog_header"}, ErrFraming},
		{"longer than a window", large + "\n<2>b\n", []string{large, "<2>b"}, nil, io.EOF},
		{"counted, longer than a window", fmt.Sprintf("%d %s<2>b\n", len(large), large), []string{large, "<2>b"}, nil, io.EOF},
		{"too long", "<0>a\n" + long + "\n<2>b\n", []string{"<0>a", "<2>b"}, []string{"2@5 long_line"}, io.EOF},
		{"counted, too long", fmt.Sprintf("%d %s4 <2>b", len(long), long), []string{"<2>b"}, []string{"1@8 long_line"}, io.EOF},
		{"too long and cut off", long, nil, []string{"1@0 long_line"}, io.EOF},
		{"one at a time", "<1>a\x00<2>b\n", []string{"<1>a", "<2>b"}, nil, io.EOF},
		{"no header", "hello\n<1>a\n", []string{"hello", "<1>a"}, nil, io.EOF},
	} {
		for way, r := range map[string]io.Reader{"whole": strings.NewReader(c.stream), "halves": iotest.HalfReader(strings.NewReader(c.stream)), "bytes": iotest.OneByteReader(strings.NewReader(c.stream)),
			"with the end": iotest.DataErrReader(strings.NewReader(c.stream))} {
			if way == "bytes" && len(c.stream) > 4*Window {
				continue
			}
			texts, problems, err := frames(r)
			if fmt.Sprint(texts) != fmt.Sprint(c.texts) || fmt.Sprint(problems) != fmt.Sprint(c.problems) || !errors.Is(err, c.err) {
				t.Errorf("%s, %s: %.100q %q %v", c.name, way, texts, problems, err)
			}
		}
	}
}

// TestRoom: a message that is longer than a window asks for room, and gives it back.
func TestRoom(t *testing.T) {
	stream := strings.Repeat("<1>"+strings.Repeat("y", 2*Window)+"\n<2>b\n", 3)
	f := NewFramer(strings.NewReader(stream))
	grown, held := 0, 0
	f.Grow = func() error { grown++; held++; return nil }
	f.Shrink = func() { held-- }
	var err error
	for err == nil {
		_, err = f.Read(nil)
		if held > 1 {
			t.Fatal("room was asked for twice")
		}
	}
	f.Close()
	f.Close()
	if grown == 0 || held != 0 {
		t.Errorf("asked %d times, %d not given back", grown, held)
	}
	f = NewFramer(strings.NewReader(stream))
	none := errors.New("none")
	f.Grow = func() error { return none }
	for err = nil; err == nil; {
		_, err = f.Read(nil)
	}
	if !errors.Is(err, none) {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`<134>1 2025-03-10T09:00:00.123456+09:00 web1 nginx 812 - [a b="\]"] m`))
	f.Add([]byte(`<134>Mar 10 09:00:00 web1 nginx[1]: x`))
	f.Add([]byte(`<134>2025-03-10T09:00:00Z web1 nginx: x`))
	f.Fuzz(func(t *testing.T, text []byte) {
		was := bytes.Clone(text)
		h, msg, bad := Parse(text)
		if !bytes.Equal(text, was) {
			t.Fatal("the text was changed")
		}
		if bad != nil {
			return
		}
		if !bytes.HasSuffix(text, msg) || len(h.Host) > maxName || len(h.App) > maxName || h.Priority > 191 {
			t.Fatalf("%+v %q of %q", h, msg, text)
		}
	})
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte("4 <1>a<2>b\n4 <3>c"), 1)
	f.Add([]byte("12x<2>b\n\x00\n7 <1>a\nbc"), 3)
	f.Fuzz(func(t *testing.T, stream []byte, piece int) {
		whole, problems, err := frames(bytes.NewReader(stream))
		// However it comes, it is cut the same.
		pieces, same, again := frames(&inPieces{stream, max(1, piece%97)})
		if fmt.Sprint(whole) != fmt.Sprint(pieces) || fmt.Sprint(problems) != fmt.Sprint(same) || fmt.Sprint(err) != fmt.Sprint(again) {
			t.Fatalf("%q %q %v, in pieces %q %q %v", whole, problems, err, pieces, same, again)
		}
		n := 0
		for _, w := range whole {
			n += len(w)
		}
		if n > len(stream) {
			t.Fatal("more came out than went in")
		}
	})
}

type inPieces struct {
	left []byte
	n    int
}

func (p *inPieces) Read(b []byte) (int, error) {
	if len(p.left) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), p.n)], p.left)
	p.left = p.left[n:]
	return n, nil
}
