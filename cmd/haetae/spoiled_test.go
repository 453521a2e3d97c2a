package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/haetae/haetae/internal/written/writtentest"
	"github.com/haetae/haetae/packs"
)

// TestSpoiledFilesOfCommands: however a file that a command is given is written
// wrongly, nothing that it prints in either language repeats what stands there.
func TestSpoiledFilesOfCommands(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(at(name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	haetae := func(lang string, args ...string) (int, string) {
		var out, errs strings.Builder
		code := run(t.Context(), append([]string{"--lang", lang}, args...), strings.NewReader(""), &out, &errs)
		return code, out.String() + errs.String()
	}
	shop, err := packs.FS.ReadFile("catalogs/cloudtrail.yaml")
	if err != nil {
		t.Fatal(err)
	}
	write("sound.yaml", string(shop))
	write("rules/r.yaml", `title: Read
name: read
tags: [haetae.record]
logsource: {category: access, product: haetae}
detection: {page: {read: true}, condition: page}
---
title: Many
name: many
correlation: {type: event_count, rules: [read], group-by: [actor.id], timespan: 1h, condition: {gte: 10}}
`)
	const caseOf = "cases:\n  - {name: c, records: [{at: 2026-03-02 09:00, every: 1s, times: 3, actor: s1, request: GET /my/profile}], expect: []}\n"
	write("rules/r.test.yaml", caseOf)
	for _, args := range [][]string{{"init", "--data", at("data")}, {"import", "--data", at("data"), "--catalog", at("sound.yaml"), "--quiet"}, {"rule", "test", at("rules")}} {
		if code, said := haetae("en", args...); code != 0 {
			t.Fatalf("%q: %d %s", args, code, said)
		}
	}
	detect := func(flag string) []string {
		return []string{"detect", "--data", at("data"), "--rules", at("rules"), "--quiet", flag}
	}
	for _, x := range []struct {
		name, sound string
		args        []string // the file stands behind them
	}{
		{"c.yaml", string(shop), []string{"catalog", "show", "--catalog"}},
		{"e.yaml", "exceptions:\n  - {id: a, rule: many, group: {actor.id: s1}, owner: kim, reason: {ko: 가, en: a}, from: 2026-01-01, until: 2026-02-01}\n", detect("--exceptions")},
		{"k.yaml", "calendars:\n  events:\n    - {day: 2026-11-11, ko: 할인, en: sale}\n", detect("--calendar")},
		{"l.yaml", "lists:\n  vips: [m1, m2]\n", detect("--lists")},
		{"k.csv", "key,custodian_left\nk1,2026-01-01\n", detect("--key-register")},
		{"rules/r.test.yaml", caseOf, []string{"rule", "test", at("rules")}},
	} {
		args := x.args
		if x.name != "rules/r.test.yaml" {
			args = append(args, at(x.name))
		}
		all := writtentest.Spoiled(x.sound)
		refused, step := 0, max(1, len(all)/50)
		for i, text := range all {
			if i%step != 0 {
				continue
			}
			write(x.name, text)
			code, en := haetae("en", args...)
			_, ko := haetae("ko", args...)
			if code != exitFailed || strings.HasPrefix(en, "[") || !strings.HasPrefix(en, "haetae:") {
				continue // it was read
			}
			refused++
			// What is said stands behind the command's name.
			_, en, _ = strings.Cut(en, ": ")
			_, ko, _ = strings.Cut(ko, ": ")
			if problem := writtentest.Told(both{strings.TrimSpace(en), strings.TrimSpace(ko)}, ""); problem != "" {
				t.Fatalf("%q: %s\n%q", x.args, problem, text)
			}
			if !strings.Contains(ko, filepath.Base(x.name)+":") {
				t.Fatalf("%q: the file is not named: %s", x.args, ko)
			}
		}
		if refused < 10 {
			t.Errorf("%s: %d were refused: the test looks at too little", x.name, refused)
		}
		write(x.name, x.sound)
	}
	// Of lines the bad ones are told, and the others are taken. The heading is left
	// whole: columns that are not read are told by their names.
	for _, x := range []struct{ flag, head, sound string }{
		{"--register", "account,since\n", "m1,2025-03-01\nm2,\n"},
		{"--holdings", "account,person,items,relation\n", "m1,p1,arn,holder\n"},
	} {
		all := writtentest.Spoiled(x.sound)
		bad, step := 0, max(1, len(all)/40)
		for i, text := range all {
			if i%step != 0 {
				continue
			}
			write("e.csv", x.head+text)
			for _, lang := range []string{"en", "ko"} {
				code, said := haetae(lang, "import", "--data", at("data"), x.flag, at("e.csv")+"@2025-03-01", "--quiet")
				if strings.Contains(said, writtentest.Marker) || strings.Contains(said, "4815162342") {
					t.Fatalf("%s: the marker is in %s\n%q", x.flag, said, text)
				}
				if code != 0 || strings.Contains(said, "e.csv:") {
					bad++
				}
			}
		}
		if bad < 5 {
			t.Errorf("%s: %d were told of: the test looks at too little", x.flag, bad)
		}
	}
	// The server does not begin with settings that are wrong.
	for _, x := range [][2]string{
		{"alerts", "version: 1\nchannels: [{name: " + writtentest.Marker + ", kind: " + writtentest.Marker + "}]\n"},
		{"alerts", writtentest.Marker + ": " + writtentest.Marker}, {"alerts", "channels: [" + writtentest.Marker},
		{"alerts", "version: 1\nchannels: [{name: a, kind: slack, url_file: " + writtentest.Marker + "}]\n"},
		{"outputs", "version: 1\noutputs: [{name: " + writtentest.Marker + ", kind: " + writtentest.Marker + "}]\n"},
		{"outputs", writtentest.Marker + ": " + writtentest.Marker}, {"outputs", "outputs: [" + writtentest.Marker},
		{"outputs", "version: 1\noutputs: [{name: a, kind: http_ndjson, url_file: " + writtentest.Marker + "}]\n"},
		{"outputs", "version: 1\noutputs: [{name: a, kind: http_ndjson, url: 'https://h/', where: 'account == " + writtentest.Marker + "'}]\n"},
	} {
		write(x[0]+".yaml", x[1])
		args := []string{"serve", "--data", at("data"), "--listen", "127.0.0.1:0", "--" + x[0], at(x[0] + ".yaml")}
		_, en := haetae("en", args...)
		_, ko := haetae("ko", args...)
		_, en, _ = strings.Cut(en, ": ")
		_, ko, _ = strings.Cut(ko, ": ")
		if problem := writtentest.Told(both{strings.TrimSpace(en), strings.TrimSpace(ko)}, ""); problem != "" || !strings.Contains(en, x[0]+".yaml:") {
			t.Errorf("%s\n%q", problem, en)
		}
	}
}

// both is what a command printed in both languages.
type both struct{ en, ko string }

func (b both) Error() string { return b.en }
func (b both) KO() string    { return b.ko }
