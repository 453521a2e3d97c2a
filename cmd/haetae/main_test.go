package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"filippo.io/age"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/haetae/haetae/ingest/networkstest"
	"github.com/haetae/haetae/internal/plural"
	"github.com/haetae/haetae/scope"
)

var update = flag.Bool("update", false, "rewrite the expected output in testdata/script")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"haetae": main})
}

// TestScripts runs the commands as they are typed. A script is a list of
// commands with the files they read and the output they should give.
func TestScripts(t *testing.T) {
	sample, err := filepath.Abs("../../packs/sample/shop")
	if err != nil {
		t.Fatal(err)
	}
	catalogs, err := filepath.Abs("../../packs/catalogs")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: false,
		Setup: func(e *testscript.Env) error {
			e.Setenv("SHOP", sample)
			e.Setenv("CATALOGS", catalogs)
			e.Setenv("LANG", "en_US.UTF-8")
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("TZ", "UTC")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			// exits CODE COMMAND ARGS…: the command ends with this very code.
			"exits": func(ts *testscript.TestScript, neg bool, args []string) {
				want, err := strconv.Atoi(args[0])
				ts.Check(err)
				err = ts.Exec(args[1], args[2:]...)
				got := 0
				var ee *exec.ExitError
				if errors.As(err, &ee) {
					got = ee.ExitCode()
				} else {
					ts.Check(err)
				}
				if got != want {
					ts.Fatalf("exit code %d, want %d", got, want)
				}
			},
			// mmdb FILE PREFIX COUNTRY: a file of networks.
			"mmdb": func(ts *testscript.TestScript, neg bool, args []string) {
				ts.Check(networkstest.Write(ts.MkAbs(args[0]), networkstest.Network{Prefix: args[1], Country: args[2], AS: 4766}))
			},
			// until PATTERN COMMAND ARGS…: again and again, until the command prints it.
			"until": func(ts *testscript.TestScript, neg bool, args []string) {
				want := regexp.MustCompile(args[0])
				for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
					err := ts.Exec(args[1], args[2:]...)
					if err == nil && want.MatchString(ts.ReadFile("stdout")) {
						return
					}
					if time.Now().After(deadline) {
						ts.Fatalf("%s: waited in vain (%v):\n%s", args[0], err, ts.ReadFile("stdout"))
					}
				}
			},
			// agekey FILE: a key of our own, its recipient in $RECIPIENT.
			"agekey": func(ts *testscript.TestScript, neg bool, args []string) {
				id, err := age.GenerateX25519Identity()
				ts.Check(err)
				ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(id.String()+"\n"), 0o600))
				ts.Setenv("RECIPIENT", id.Recipient().String())
			},
			// agedecrypt KEY FILE OUT
			"agedecrypt": func(ts *testscript.TestScript, neg bool, args []string) {
				ids, err := age.ParseIdentities(strings.NewReader(ts.ReadFile(args[0])))
				ts.Check(err)
				r, err := age.Decrypt(strings.NewReader(ts.ReadFile(args[1])), ids...)
				ts.Check(err)
				plain, err := io.ReadAll(r)
				ts.Check(err)
				ts.Check(os.WriteFile(ts.MkAbs(args[2]), plain, 0o600))
			},
			// cut FILE BYTES OUT: the beginning of a file.
			"cut": func(ts *testscript.TestScript, neg bool, args []string) {
				n, err := strconv.Atoi(args[1])
				ts.Check(err)
				data, err := os.ReadFile(ts.MkAbs(args[0]))
				ts.Check(err)
				ts.Check(os.WriteFile(ts.MkAbs(args[2]), data[:n], 0o600))
			},
			// await FILE: until the file is there, as a server writes it.
			"await": func(ts *testscript.TestScript, neg bool, args []string) {
				deadline := time.Now().Add(20 * time.Second)
				for {
					if _, err := os.Stat(ts.MkAbs(args[0])); (err == nil) != neg {
						return
					}
					if time.Now().After(deadline) {
						ts.Fatalf("%s: waited in vain", args[0])
					}
					time.Sleep(5 * time.Millisecond)
				}
			},
			// steady FILE replaces what differs from run to run: durations, and the
			// number of the ledger's state.
			"steady": func(ts *testscript.TestScript, neg bool, args []string) {
				text := ts.ReadFile(args[0])
				text = regexp.MustCompile(`\b[0-9.]+(ms|µs|ns|s)\b`).ReplaceAllString(text, "TIME")
				text = regexp.MustCompile(`"ledger": [0-9]+`).ReplaceAllString(text, `"ledger": N`)
				ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
			},
		},
	})
}

// TestTexts: whatever a person reads exists in both languages, with the same
// verbs in the same order, and Korean is Korean.
func TestTexts(t *testing.T) {
	seen := 0
	var walk func(name string, v reflect.Value)
	walk = func(name string, v reflect.Value) {
		if v.Type() == reflect.TypeFor[text]() {
			ko, en := v.Field(0).String(), v.Field(1).String()
			if ko == "" && en == "" {
				return // a command without a long text
			}
			seen++
			if ko == "" || en == "" {
				t.Errorf("%s exists in one language only", name)
			}
			if a, b := verbs(ko), verbs(en); a != b {
				t.Errorf("%s: verbs %q in Korean, %q in English", name, a, b)
			}
			for wrong, why := range wrongKorean {
				if strings.Contains(ko, wrong) {
					t.Errorf("%s says %s: %s", name, wrong, why)
				}
			}
			if letters(en) && !hangul(ko) && ko != en {
				t.Errorf("%s: the Korean text has no Korean in it", name)
			}
			for _, m := range counted.FindAllStringSubmatch(en, -1) {
				if !plural.Knows(m[1]) && !notCounted[m[1]] {
					t.Errorf("%s: one of %s would be written in the plural: see internal/plural", name, m[1])
				}
			}
			if hangul(en) {
				t.Errorf("%s: the English text has Korean in it", name)
			}
			return
		}
		if v.Kind() == reflect.Map {
			for _, k := range v.MapKeys() {
				walk(fmt.Sprint(name, ".", k), v.MapIndex(k))
			}
			return
		}
		for i := range v.NumField() {
			walk(name+"."+v.Type().Field(i).Name, v.Field(i))
		}
	}
	for name, table := range map[string]any{
		"root": rootText, "quickstart": quickstartText, "init": initText, "import": importText, "serve": serveText, "scopeHelp": scopeHelp,
		"scopeList": scopeListText, "scopeShow": scopeShowText, "scopeDiff": scopeDiffText, "scopeAnd": scopeAndText, "scopeMinus": scopeMinusText,
		"subject": subjectText, "subjectShow": subjectShowText, "catalog": catalogText, "catalogCheck": catalogCheckText, "catalogShow": catalogShowText,
		"aside": asideText, "asideList": asideListText, "asideShow": asideShowText, "status": statusHelp, "retain": retainText,
		"hold": holdText, "holdSet": holdSetText, "holdLift": holdLiftText, "holdList": holdListText,
		"token": tokenText, "tokenAdd": tokenAddText, "tokenList": tokenListText, "tokenRemove": tokenRemoveText, "version": versionText,
		"helpText": helpText, "flagText": flagText, "usageText": usageText, "hintText": hintText, "initWords": initWords, "tokenWords": tokenWords,
		"retainWords": retainWords, "catalogWords": catalogWords, "asideWords": asideWords, "statusText": statusText,
		"importWords": importWords, "progressWords": progressWords, "scopeText": scopeText, "savedWords": savedWords,
		"subjectWords": subjectWords, "quickWords": quickWords, "completion": completionText, "serveWords": serveWords, "nouns": nouns,
		"detectText": detectText, "detectFlags": detectFlags, "detectWords": detectWords, "signalText": signalText, "ruleWords": ruleWords,
	} {
		walk(name, reflect.ValueOf(table))
	}
	for kind, w := range importCauses {
		walk("importCauses."+kind, reflect.ValueOf(w))
	}
	for _, d := range scope.Dimensions() {
		if w := dimensionWords[d]; w.ko == "" || w.en == "" {
			t.Errorf("--by %s has no word", d)
		}
	}
	if seen < 150 {
		t.Errorf("only %d texts were looked at", seen)
	}
}

// counted finds the word behind a number, or behind a name.
var counted = regexp.MustCompile(`%[ds] ([a-z-]+s|people)\b`)

// notCounted stand behind names.
var notCounted = map[string]bool{"is": true, "has": true, "goes": true, "owns": true, "was": true, "stands": true, "as": true, "does": true, "shows": true}

// wrongKorean are words that are legally off, or that no Korean would write.
var wrongKorean = map[string]string{
	"노출":    "the word for a leak is 유출",
	"신고 주기": "신고 is a report to the authority",
	"미신고":   "신고 is a report to the authority",
	"저절로":   "자동으로",
	"나란히 일": "동시 작업",
	"훑기":    "검색",
	"닿았":    "조회되었",
	"잘못된 곳": "오류",
	"보유기간":  "the Standard says 보관",
	"보존기간":  "the Standard says 보관",
	"이 유출":  "whether it is one is decided by a person",
	"견주":    "비교하",
	"견줄":    "비교할",
	"낱말":    "단어",
	"내려받기":  "the Standard says 다운로드",
	"은(는)":  "put a noun before the value, so that the particle is known",
	"이(가)":  "put a noun before the value, so that the particle is known",
	"을(를)":  "put a noun before the value, so that the particle is known",
}

func verbs(s string) string {
	return strings.Join(regexp.MustCompile(`%[.0-9]*[a-z%]`).FindAllString(s, -1), " ")
}

func hangul(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return unicode.Is(unicode.Hangul, r) }) >= 0
}

func letters(s string) bool {
	return strings.IndexFunc(regexp.MustCompile(`%[.0-9]*[a-z%]|https?|haetae`).ReplaceAllString(s, ""), unicode.IsLetter) >= 0
}

func TestChooseLang(t *testing.T) {
	for _, c := range []struct {
		args []string
		env  map[string]string
		want language
	}{
		{nil, nil, english},
		{nil, map[string]string{"LANG": "ko_KR.UTF-8"}, korean},
		{nil, map[string]string{"LANG": "ko_KR.UTF-8", "LC_ALL": "C"}, english},
		{[]string{"scope", "--lang", "ko"}, nil, korean},
		{[]string{"--lang=en"}, map[string]string{"LC_ALL": "ko_KR"}, english},
		{[]string{"subject", "--", "--lang=ko"}, nil, english},
		{[]string{"--lang=xx"}, map[string]string{"LC_ALL": "ko_KR"}, korean},
	} {
		if got := chooseLang(c.args, func(k string) string { return c.env[k] }); got != c.want {
			t.Errorf("chooseLang(%q, %v) = %s, want %s", c.args, c.env, got, c.want)
		}
	}
}
