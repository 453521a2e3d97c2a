// Package writtentest asks of a reader of files that its mistakes are private and
// in both languages.
//
// The central idea: nobody can list all ways to write a file wrongly, so a sound
// file is spoiled at every word in every way that people spoil files, each time with
// a marker that stands for somebody's id, and no mistake may hold the marker.
//
// What it is not: it does not know whether a mistake is the right one.
package writtentest

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/haetae/haetae/internal/written"
)

// Marker stands where a value may name somebody. It is a word of ours, a number
// and a name at once for most readers.
const Marker = "zz4815162342"

var word = regexp.MustCompile(`[^\s\[\]{},:"'#|>-][^\s\[\]{},:"'#|>]*`)

// particles are two for one, since nobody knows which word stands before them.
var particles = regexp.MustCompile(`[은이을와]\([는가를과]\)|\(으\)로`)

// Spoiled is a text spoiled at each word, in many ways. All of them hold the Marker.
func Spoiled(text string) []string {
	ways := []string{
		Marker, `"` + Marker + `"`, "4815162342", "{" + Marker + ": " + Marker + "}", "[" + Marker + "]", "[" + Marker, `"` + Marker, "*" + Marker, "&" + Marker + " ",
		"@" + Marker, "!" + Marker + " x", "\xff" + Marker, "\x01" + Marker, "- " + Marker, Marker + ": " + Marker + ": x", "\n\t" + Marker + ": x\n", "\n" + Marker + "\n",
		"{" + Marker + ": ", "<<: " + Marker, "? " + Marker, "%" + Marker, strings.Repeat(Marker, 500), `"\u202e` + Marker + `"`, `"` + Marker + `\e[31m"`,
		"kim." + Marker + "@corp.example", "https://u:" + Marker + "@h.example/?k=" + Marker, "~", "",
	}
	var out []string
	for _, at := range word.FindAllStringIndex(text, -1) {
		for _, w := range ways {
			out = append(out, text[:at[0]]+w+text[at[1]:]+"\n# "+Marker+"\n")
		}
		// The same word once more, with a marker behind it, and a line that begins anew.
		out = append(out, text[:at[1]]+Marker+text[at[1]:], text[:at[1]]+" "+Marker+text[at[1]:], text[:at[0]]+Marker+" "+text[at[0]:])
	}
	lines := strings.SplitAfter(text, "\n")
	for i := range lines {
		head, tail := strings.Join(lines[:i], ""), strings.Join(lines[i:], "")
		for _, indent := range []string{"", " ", "  ", "    ", "      "} {
			out = append(out, head+indent+Marker+": "+Marker+"\n"+tail, head+indent+"- "+Marker+"\n"+tail, head+indent+Marker+"\n"+tail, head+indent+Marker+","+Marker+"\n"+tail)
		}
	}
	return append(out, Marker, "", "{"+Marker+"}", "["+Marker+"]", Marker+": "+Marker, text+text, text+"---\n"+Marker+": x\n")
}

// Private reads a sound file and then that file spoiled in every way. It asks that
// read refuses many of them, each time in Korean and in English, with the name of
// the file, and without the marker.
func Private(t *testing.T, file, sound string, read func(text string) error) {
	t.Helper()
	if err := read(sound); err != nil {
		t.Fatalf("the sound file is none: %v", err)
	}
	all := Spoiled(sound)
	refused := 0
	for _, text := range all {
		err := read(text)
		if err == nil {
			continue
		}
		refused++
		if problem := Told(err, file); problem != "" {
			t.Fatalf("%s\n%q", problem, text)
		}
	}
	if refused < len(all)/5 {
		t.Errorf("of %d spoiled files %d were refused: the test looks at too little", len(all), refused)
	}
}

// Told says what is wrong with how an error is told; "" if nothing is. file is what
// each line begins with; "" leaves that unasked.
func Told(err error, file string) string {
	en, ko := err.Error(), written.Korean(err)
	for language, said := range map[string]string{"English": en, "Korean": ko} {
		switch {
		case strings.Contains(said, Marker), strings.Contains(said, "4815162342"):
			return fmt.Sprintf("the marker is in the %s text: %s", language, said)
		case strings.Contains(said, "%!"):
			return fmt.Sprintf("the %s text is not filled in: %s", language, said)
		case particles.MatchString(said):
			return "put a noun before the value, so that the particle is known: " + said
		}
		for line := range strings.SplitSeq(said, "\n") {
			if !strings.HasPrefix(line, file) {
				return fmt.Sprintf("a line does not name %s: %s", file, line)
			}
			if hangul := strings.ContainsFunc(line, func(r rune) bool { return unicode.Is(unicode.Hangul, r) }); hangul != (language == "Korean") {
				return fmt.Sprintf("a line is not %s: %s", language, line)
			}
		}
	}
	return ""
}
