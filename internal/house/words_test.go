package house

import (
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
)

// The repository is read on other machines: it names no folder of the one it was
// written on, and no server that packages were fetched from. The words are put
// together here, so that this file does not find itself.
var machinePaths = regexp.MustCompile(`(?:^|[^A-Za-z0-9_.$}-])(` + strings.Join([]string{
	"/" + "root/", "/" + "home/[a-z]", "/" + "Users/[a-z]+/[A-Z]", "/" + "workspace/", "/" + "work/", `C:\\` + `Users`,
}, "|") + ")")

var registryWords = regexp.MustCompile(`(?i)` + strings.Join([]string{
	"art" + "ifactory", "jf" + "rog", "nex" + "us\\.", "goproxy" + `\.[a-z]`, "regis" + `try\.[a-z]+\.[a-z]`, "snapshot" + `\.debian`,
}, "|"))

// hostsOfThisMachine is where this machine fetches packages, if that is not where
// everybody does.
func hostsOfThisMachine() []string {
	var out []string
	for _, v := range []string{"GOPROXY", "GOSUMDB", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "PIP_INDEX_URL", "NPM_CONFIG_REGISTRY"} {
		for part := range strings.FieldsFuncSeq(os.Getenv(v), func(r rune) bool { return r == ',' || r == '|' || r == ' ' }) {
			u, err := url.Parse(part)
			if err != nil || u.Hostname() == "" || u.Hostname() == "localhost" || strings.HasPrefix(u.Hostname(), "127.") || strings.HasSuffix(u.Hostname(), ".golang.org") {
				continue
			}
			out = append(out, u.Hostname())
		}
	}
	return out
}

func checkWords(tr *tree, hosts []string) []string {
	var problems []string
	for _, name := range tr.files {
		raw := tr.read(name)
		if !text(raw) {
			continue
		}
		n := 0
		for line := range strings.Lines(string(raw)) {
			n++
			if m := machinePaths.FindStringSubmatch(line); m != nil {
				problems = append(problems, fmt.Sprintf("%s:%d names a folder of one machine (%s…)", name, n, m[1]))
			}
			if registryWords.MatchString(line) {
				problems = append(problems, fmt.Sprintf("%s:%d names a package server", name, n))
			}
			for _, h := range hosts {
				if strings.Contains(line, h) {
					problems = append(problems, fmt.Sprintf("%s:%d names the server that this machine fetches packages from", name, n))
				}
			}
		}
	}
	return problems
}

func TestWords(t *testing.T) {
	report(t, checkWords(repository(t), hostsOfThisMachine()))
}

func TestCheckWords(t *testing.T) {
	tr := made(map[string]string{
		"a.md":   "kept in /" + "root/x and\n/" + "home/kim/log, not in /var/log/nginx",
		"b.yaml": "from: https://art" + "ifactory.example/go\nto: mirror.example",
		"c.gz":   "\x00/" + "root/",
		"d.go":   "package d // $HOME/" + "work/x, GET /my/" + "home/x",
	})
	expect(t, checkWords(tr, []string{"mirror.example"}), "a.md:1 ", "a.md:2 ", "b.yaml:1 names a package server", "b.yaml:2 names the server")
}
