package catalog

import "fmt"

// Class is the legal class of an item. It decides what a leak of the item
// costs: a single person's unique identifier or sensitive data is a case for a
// report, whatever the number.
type Class uint8

const (
	Ordinary Class = iota
	Contact
	UniqueIdentifier
	Sensitive
	Financial
	AuthenticationSecret
	Behaviour
)

// classTable holds the words: the catalog's own, the statute's where there is
// one, and where the statute says so.
var classTable = [...]struct {
	name  string
	text  Text
	basis string
}{
	Ordinary:             {"ordinary", Text{"일반 개인정보", "ordinary personal data"}, "개인정보 보호법 제2조제1호"},
	Contact:              {"contact", Text{"연락처", "contact data"}, "개인정보 보호법 제2조제1호"},
	UniqueIdentifier:     {"unique_identifier", Text{"고유식별정보", "unique identifier"}, "개인정보 보호법 제24조, 같은 법 시행령 제19조"},
	Sensitive:            {"sensitive", Text{"민감정보", "sensitive data"}, "개인정보 보호법 제23조, 같은 법 시행령 제18조"},
	Financial:            {"financial", Text{"금융정보", "financial data"}, "개인정보의 안전성 확보조치 기준 제7조"},
	AuthenticationSecret: {"authentication_secret", Text{"비밀번호 등 인증정보", "authentication secret"}, "개인정보의 안전성 확보조치 기준 제2조, 제7조"},
	Behaviour:            {"behaviour", Text{"행태정보", "behavioural data"}, "개인정보 보호법 제2조제1호"},
}

// Classes lists all classes.
func Classes() []Class {
	out := make([]Class, len(classTable))
	for i := range out {
		out[i] = Class(i)
	}
	return out
}

// ParseClass finds a class by the word the catalog uses for it.
func ParseClass(s string) (Class, bool) {
	for i, c := range classTable {
		if c.name == s {
			return Class(i), true
		}
	}
	return 0, false
}

func (c Class) String() string {
	if int(c) < len(classTable) {
		return classTable[c].name
	}
	return fmt.Sprintf("class(%d)", uint8(c))
}

// Text is the class as a report names it, in Korean by the statute's word.
func (c Class) Text() Text {
	if int(c) < len(classTable) {
		return classTable[c].text
	}
	return Text{c.String(), c.String()}
}

// Basis is where the class comes from, in Korean law.
func (c Class) Basis() string {
	if int(c) < len(classTable) {
		return classTable[c].basis
	}
	return ""
}

// MarshalText writes the catalog's word, so that JSON reads as the YAML does.
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText is the inverse of MarshalText.
func (c *Class) UnmarshalText(b []byte) error {
	v, ok := ParseClass(string(b))
	if !ok {
		return fmt.Errorf("unknown class of personal data")
	}
	*c = v
	return nil
}
