package alert

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/haetae/haetae/detect"
)

// compose writes a mail: UTF-8 text, and headers that every program reads. ch is
// a mail channel that Parse has accepted.
func (m message) compose(ch *Channel) ([]byte, error) {
	from, err := mail.ParseAddress(ch.From)
	if err != nil {
		return nil, err
	}
	var to []string
	for _, a := range ch.To {
		addr, err := mail.ParseAddress(a)
		if err != nil {
			return nil, err
		}
		to = append(to, addr.String())
	}
	_, domain, _ := strings.Cut(from.Address, "@")
	texts := m.texts(ch.Language, ch.Personal)
	subject := texts[0].title
	if ch.Language == Both {
		// One line for both: the Korean title, and the English words behind it.
		subject += " / " + strings.TrimPrefix(texts[1].title, "[Haetae] ")
	}
	var b bytes.Buffer
	header := func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, value) }
	header("From", from.String())
	header("To", strings.Join(to, ",\r\n "))
	header("Subject", encodeSubject(subject))
	header("Date", m.at.In(m.zone).Format(time.RFC1123Z))
	header("Message-ID", "<"+m.key+"@"+domain+">")
	// A mail that nobody ever sent, of which all mails about a signal are
	// answers: so that they stand together.
	header("References", "<"+m.signal.ID+"@"+domain+">")
	header("MIME-Version", "1.0")
	header("Content-Type", "text/plain; charset=utf-8")
	header("Auto-Submitted", "auto-generated") // no answers of people on holiday
	if m.signal.Severity >= detect.High && m.taken == nil && !m.test {
		header("Importance", "high")
		header("X-Priority", "1")
	}
	writeBody(&b, plain(texts))
	return b.Bytes(), nil
}

// A line with an encoded word has at most 76 characters (RFC 2047), of which
// "Subject: " takes 9 of the first, a space 1 of the others, and a word 12 for
// itself. Three bytes take four characters.
const (
	firstWord = (76 - 9 - 12) / 4 * 3
	otherWord = (76 - 1 - 12) / 4 * 3
)

// encodeSubject encodes by RFC 2047. mime.BEncoding knows nothing of the name
// before the first word, and leaves lines of any length to the caller.
func encodeSubject(s string) string {
	s = strings.ToValidUTF8(s, "?")
	ascii := !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
	if ascii && len(s) <= 76-9 && !strings.Contains(s, "=?") {
		return s
	}
	var words []string
	for most := firstWord; s != ""; most = otherWord {
		n := 0
		for i, r := range s { // a character is not torn
			if next := i + utf8.RuneLen(r); next <= most {
				n = next
			} else {
				break
			}
		}
		words = append(words, "=?utf-8?b?"+base64.StdEncoding.EncodeToString([]byte(s[:n]))+"?=")
		s = s[n:]
	}
	return strings.Join(words, "\r\n ")
}

// writeBody takes the encoding that is shorter: Korean in quoted-printable takes
// nine characters for one, and cannot be read in the source either.
func writeBody(b *bytes.Buffer, text string) {
	text = strings.ReplaceAll(text, "\n", "\r\n")
	other := 0
	for _, c := range []byte(text) {
		if c >= 0x80 {
			other++
		}
	}
	if other*6 < len(text) {
		b.WriteString("Content-Transfer-Encoding: quoted-printable\r\n\r\n")
		w := quotedprintable.NewWriter(b)
		w.Write([]byte(text))
		w.Close()
		return
	}
	b.WriteString("Content-Transfer-Encoding: base64\r\n\r\n")
	enc := base64.StdEncoding.EncodeToString([]byte(text))
	for len(enc) > 76 {
		b.WriteString(enc[:76] + "\r\n")
		enc = enc[76:]
	}
	b.WriteString(enc + "\r\n")
}
