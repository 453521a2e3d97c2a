package guess

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/packs"
)

// packPaths are the keys under which the catalogs that ship find addresses.
var packPaths = []string{"url.path", "url.original", "url.full", "http_request.url.path"}

// pack finds the catalog that ships with Haetae for a log like this one.
func (g *guesser) pack() string {
	switch g.sample.format {
	case catalog.FormatCloudTrail:
		return "cloudtrail"
	case catalog.FormatPgAudit:
		return "postgresql"
	case catalog.FormatMariaDB:
		return "mariadb"
	case catalog.FormatJSON:
	default:
		return ""
	}
	if g.sample.otlp {
		return "otel"
	}
	has := func(names ...string) bool {
		return !slices.ContainsFunc(names, func(n string) bool {
			s := g.keys.named[n]
			return s == nil || (s.n+s.lists+s.objects)*10 < g.keys.lines*8
		})
	}
	any := func(names ...string) (n int) {
		for _, name := range names {
			if g.keys.named[name] != nil {
				n++
			}
		}
		return n
	}
	switch {
	case has("class_uid", "activity_id"):
		return "ocsf"
	case has("@timestamp") && (has("ecs.version") || any("event.dataset", "event.category", "event.action", "event.kind", "event.outcome", "url.path", "url.original", "http.request.method", "source.ip", "client.ip", "user.name", "user_agent.original") >= 3):
		return "ecs"
	case any("realmId", "realmName", "authDetails.realmId", "authDetails.realmName") > 0 && any("type", "operationType") > 0 && any("clientId", "ipAddress", "authDetails.ipAddress") > 0:
		return "keycloak"
	}
	return ""
}

// fromPack makes the catalog that ships the draft, if it reads what is in the sample.
func (g *guesser) fromPack(ctx context.Context) (bool, error) {
	name := g.pack()
	if name == "" {
		return false, nil
	}
	data, err := packs.FS.ReadFile(path.Join("catalogs", name+".yaml"))
	if err != nil {
		return false, fmt.Errorf("catalog %s: %w", name, err)
	}
	text := packComment.ReplaceAllString(string(data), "")
	cat, err := catalog.Parse(name+".yaml", data)
	if err != nil {
		return false, err
	}
	src := &cat.Sources[0]
	if g.found, err = g.try(ctx, text); err != nil {
		return false, err
	}
	if g.found.records == 0 || g.found.aside*10 > g.found.lines {
		return false, nil // it only looks like it
	}
	g.draft.Pack, g.draft.Source, g.draft.Format = name, src.Name, g.sample.format
	if g.opts.Name != "" {
		text = strings.Replace(text, "\n  "+src.Name+":\n", "\n  "+g.opts.Name+":\n", 1)
		g.draft.Source = g.opts.Name
	}
	if _, fits := cat.SourceFor(g.opts.File); !fits {
		if m := match(g.opts.File); m != "" {
			text = packMatch.ReplaceAllString(text, "${1}"+strings.ReplaceAll(fmt.Sprintf("%q", m), "$", "$$"))
		}
	}
	g.account = g.inferAccount()
	if g.account != nil && g.account.active {
		if g.found, err = g.try(ctx, "account: {pattern: "+fmt.Sprintf("%q", g.account.pattern)+"}\n"+text); err != nil {
			return false, err
		}
	}
	return true, g.finish(ctx, g.writePack(text))
}

var (
	packMatch = regexp.MustCompile(`(?m)^(    match: ).*$`)
	// packAccount is where a shipped catalog says how account ids would be written.
	packAccount = regexp.MustCompile(`(?m)^# account:\n(#  .*\n)+`)
	// packComment is that, since a draft has it or says it itself, and what stands in
	// front of the catalog: how to begin.
	packComment = regexp.MustCompile(`(?m)\A(#.*\n)+|^# account:\n(#  .*\n)+|^routes: \[\]\n# routes:\n|(?s)^routes: \[\]\n.*`)
	manyBlanks  = regexp.MustCompile(`\n{3,}`)
	lineComment = regexp.MustCompile(`(?m)^ *#.*\n|  +# .*$`)
)

// writePack adds to a catalog that ships what this log shows.
func (g *guesser) writePack(text string) string {
	w := &writer{g: g}
	g.intro(w)
	w.comment("", g.say(textPack, "packs/catalogs/"+g.draft.Pack+".yaml"))
	w.comment("", "")
	w.comment("", g.say(textEdit))
	if g.opts.Korean {
		text = lineComment.ReplaceAllString(text, "") // they are in English
	}
	body, examples := text, ""
	if i := strings.Index(text, "\nroutes:"); i >= 0 {
		at := i + 1
		end := len(text)
		for _, l := range strings.SplitAfter(text[at:], "\n") {
			if strings.HasPrefix(l, "#") {
				end = strings.Index(text[at:], l) + at
				break
			}
		}
		body, examples = text[:end], text[end:]
	}
	body = strings.TrimRight(strings.TrimLeft(body, "\n"), "\n") + "\n"
	head, rest, _ := strings.Cut(body, "items:")
	w.b.WriteString(head)
	g.writeAccount(w)
	w.b.WriteString("items:" + rest)
	listed := strings.Contains(rest, "\nroutes:")
	w.b.WriteString("\n")
	g.writeRoutes(w, listed)
	if examples = strings.TrimSpace(examples); examples != "" {
		w.b.WriteString("\n" + examples + "\n")
	}
	return manyBlanks.ReplaceAllString(w.b.String(), "\n\n")
}
