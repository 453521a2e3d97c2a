// Package plural writes counted things in English: "1 signal", "2 signals". A
// sentence is written once, in the plural; the words behind a count of one are
// put into the singular. Only words of the sentence are changed, never a value
// that is put into it.
package plural

import (
	"fmt"
	"io"
	"strings"
)

// mark stands behind a count of one until Settle has looked at the words there.
const mark = "\x00"

// One marks a number that is put into a sentence, if it is one; Settle takes the
// mark away.
func One(number string) string {
	if number == "1" {
		return number + mark
	}
	return strings.ReplaceAll(number, mark, "")
}

// Value is a text that is put into a sentence and is no count.
func Value(s string) string { return strings.ReplaceAll(s, mark, "") }

// singular knows the counted words. A word that is not here stays as it is, so
// what is counted anew belongs here: the tests look for it.
var singular = map[string]string{
	"accounts": "account", "browsers": "browser", "cases": "case", "cells": "cell", "colleagues": "colleague", "connections": "connection", "customers": "customer",
	"days": "day", "deviations": "deviation", "editions": "edition", "entries": "entry", "fields": "field", "files": "file",
	"gaps": "gap", "groups": "group", "holds": "hold", "hours": "hour", "ids": "id", "imports": "import", "keys": "key",
	"kinds": "kind", "lines": "line", "members": "member", "messages": "message", "minutes": "minute", "mistakes": "mistake", "networks": "network",
	"operators'": "operator's", "others": "other", "pages": "page", "people": "person", "reads": "read", "records": "record",
	"requests": "request", "routes": "route", "rows": "row", "rules": "rule", "seconds": "second", "segments": "segment",
	"sign-ins": "sign-in", "signals": "signal", "spans": "span", "tables": "table", "times": "time", "tokens": "token",
}

// Knows reports whether a counted word has a singular here.
func Knows(word string) bool { return singular[word] != "" }

// verbs are what a counted word does.
var verbs = map[string]string{
	"are": "is", "ask": "asks", "do": "does", "fail": "fails", "hold": "holds", "have": "has", "match": "matches", "stand": "stands", "were": "was",
}

// reach is how many words behind a count may be the counted one: "1 other
// unmapped route".
const reach = 3

// Settle puts what stands behind a marked count into the singular.
func Settle(s string) string {
	if !strings.Contains(s, mark) {
		return s
	}
	first, rest, _ := strings.Cut(s, mark)
	var b strings.Builder
	b.WriteString(first)
	for more := true; more; {
		var piece string
		piece, rest, more = strings.Cut(rest, mark)
		b.WriteString(settle(piece))
	}
	return b.String()
}

// settle changes the beginning of a piece, which stands behind a count of one.
func settle(s string) string {
	at := 0
	for range reach {
		from, to, ok := word(s, at)
		if !ok {
			return s
		}
		if w, ok := singular[s[from:to]]; ok {
			s = s[:from] + w + s[to:]
			at = from + len(w)
			if strings.HasSuffix(w, "'s") { // "1 operator's network"
				return settle1(s, at)
			}
			return verb(s, at)
		}
		at = to
	}
	return s
}

func settle1(s string, at int) string { return s[:at] + settle(s[at:]) }

// verb puts the verb right behind a counted word into the singular, and "reads or
// tables" likewise.
func verb(s string, at int) string {
	from, to, ok := word(s, at)
	if !ok {
		return s
	}
	w := s[from:to]
	if w == "or" {
		if f, t, ok := word(s, to); ok && singular[s[f:t]] != "" {
			return s[:f] + singular[s[f:t]] + s[t:]
		}
	}
	if v, ok := verbs[w]; ok {
		return s[:from] + v + s[to:]
	}
	return s
}

// word finds the word behind a place, if only a space lies between.
func word(s string, at int) (from, to int, ok bool) {
	if at >= len(s) || s[at] != ' ' {
		return 0, 0, false
	}
	from = at + 1
	to = from
	for to < len(s) && (s[to] >= 'a' && s[to] <= 'z' || s[to] == '-' || s[to] == '\'') {
		to++
	}
	return from, to, to > from
}

// Sprintf is fmt.Sprintf, with the words behind a plain %d or %s that came out as
// 1 in the singular.
func Sprintf(format string, args ...any) string {
	values := make([]any, len(args))
	for i, a := range args {
		values[i] = value{a}
	}
	return Settle(fmt.Sprintf(format, values...))
}

// value is what stands for an argument: it writes as the argument would, and marks
// a count of one. A width that is itself an argument (%*d) is not supported.
type value struct{ any }

func (v value) Format(f fmt.State, verb rune) {
	s := fmt.Sprintf(fmt.FormatString(f, verb), v.any)
	if verb == 'd' || verb == 's' {
		s = One(s)
	} else {
		s = Value(s)
	}
	io.WriteString(f, s)
}
