package cloudtrail

import "bytes"

// kept are the fields whose values stay in an event that is set aside: which call
// it was, when, and how it ended.
var kept = [][]byte{
	[]byte("eventVersion"), []byte("eventTime"), []byte("eventSource"), []byte("eventName"), []byte("eventType"), []byte("eventCategory"),
	[]byte("eventID"), []byte("requestID"), []byte("awsRegion"), []byte("errorCode"), []byte("recipientAccountId"),
}

// maxKept is longer than any of these values, and shorter than what opens anything.
const maxKept = 64

// Cover covers, in place, everything in a text but its punctuation and the values
// of a few fields. An event holds what was asked and answered, and that may be a
// password, a secret or a session token, under names that only the service knows.
// The text may be broken, or cut off anywhere: nothing is believed of it but what
// stands side by side.
func (*Decoder) Cover(text []byte) {
	for i := 0; i < len(text); {
		if text[i] == '"' {
			if n := keptAt(text[i:]); n > 0 {
				i += n
				continue
			}
		}
		switch text[i] {
		case '{', '}', '[', ']', ':', ',', '"', ' ', '\t', '\r', '\n':
		default:
			text[i] = '*'
		}
		i++
	}
}

// keptAt is how long a field and its value are that stay, or 0.
func keptAt(s []byte) int {
	end := bytes.IndexByte(s[1:], '"') + 1
	if end <= 0 {
		return 0
	}
	known := false
	for _, k := range kept {
		known = known || bytes.Equal(s[1:end], k)
	}
	if !known {
		return 0
	}
	i := end + 1
	blanks := func() {
		for i < len(s) && (s[i] == ' ' || s[i] == '\t' || s[i] == '\r' || s[i] == '\n') {
			i++
		}
	}
	if blanks(); i == len(s) || s[i] != ':' {
		return 0
	}
	i++
	if blanks(); i == len(s) || s[i] != '"' {
		return 0
	}
	for from := i + 1; from+maxKept > i; i++ {
		if i+1 == len(s) {
			return 0
		}
		switch c := s[i+1]; {
		case c == '"':
			return i + 2
		case c|0x20 >= 'a' && c|0x20 <= 'z', c >= '0' && c <= '9', c == '.', c == '-', c == '_', c == ':', c == '/':
		default:
			return 0
		}
	}
	return 0
}
