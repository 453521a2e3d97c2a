package main

import "strings"

// language is what a person reads the output in.
type language string

const (
	korean  language = "ko"
	english language = "en"
)

// text is something a person reads, in both languages.
type text struct{ ko, en string }

// commandText is the help of one command.
type commandText struct{ short, long, example text }

func (a *app) say(t text) string {
	if a.lang == korean {
		return t.ko
	}
	return t.en
}

// chooseLang finds the language before the commands are built, since their help
// is written in it: --lang, else LC_ALL, LC_MESSAGES, LANG, else English.
func chooseLang(args []string, getenv func(string) string) language {
	for i, s := range args {
		if s == "--" {
			break
		}
		v, ok := strings.CutPrefix(s, "--lang=")
		if !ok && s == "--lang" && i+1 < len(args) {
			v, ok = args[i+1], true
		}
		if ok && (v == "ko" || v == "en") {
			return language(v)
		}
	}
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := getenv(name); v != "" {
			if strings.HasPrefix(strings.ToLower(v), "ko") {
				return korean
			}
			return english
		}
	}
	return english
}
