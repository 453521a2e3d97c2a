package guess

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/haetae/haetae/catalog"
)

// writer writes a draft.
type writer struct {
	g *guesser
	b strings.Builder
}

func (w *writer) line(format string, args ...any) { fmt.Fprintf(&w.b, format+"\n", args...) }

// comment writes lines of comment.
func (w *writer) comment(indent, text string) {
	for l := range strings.SplitSeq(text, "\n") {
		w.line("%s", strings.TrimRight(indent+"# "+l, " "))
	}
}

// intro says what the draft was made from.
func (g *guesser) intro(w *writer) {
	t := g.found
	more := say{}
	if g.sample.more {
		more = textMore
	}
	w.comment("", g.say(textIntro, t.lines, g.say(more)))
	if g.sample.jq != "" {
		w.comment("", g.say(textDocument, g.sample.jq))
	}
	if g.sample.otlp {
		w.comment("", g.say(textOtlp))
	}
	if n := t.aside + g.sample.foreign; n > 0 {
		w.comment("", g.say(textAside, n))
	}
	if g.sample.broken {
		w.comment("", g.say(textBroken))
	}
	w.comment("", "")
}

// write is the draft of a log for which no catalog ships.
func (g *guesser) write() string {
	w := &writer{g: g}
	g.intro(w)
	w.comment("", g.say(textEdit))
	w.b.WriteString(g.top())
	g.writeAccount(w)
	if words := g.eventWords(); len(words) > 0 {
		w.comment("", g.say(textWords))
		w.line("words: %s\n", list2(words))
	}
	found, folders := proposals(&g.found.result)
	g.writeItems(w, found)
	w.b.WriteString(g.sources())
	w.line("")
	if len(folders) > 0 {
		w.line("routes:")
		w.comment("  ", g.say(textStatic))
		for _, f := range folders {
			w.line("  - {route: %q, items: []}", "GET /"+f+"/*")
		}
	}
	g.writeRoutes(w, len(folders) > 0)
	return w.b.String()
}

// top are the keys in front of the account.
func (g *guesser) top() string {
	zone := "UTC"
	if g.opts.Korean {
		zone = "Asia/Seoul"
	}
	return fmt.Sprintf("version: 1\nzone: %s  # TODO: %s\n\n", zone, g.say(textZone))
}

// head is what a trial needs in front of the sources.
func (g *guesser) head() string {
	w := &writer{g: g}
	w.b.WriteString(g.top())
	if g.account != nil && g.account.active {
		w.line("account: {pattern: %q}", g.account.pattern)
	}
	if words := g.eventWords(); len(words) > 0 {
		w.line("words: %s", list2(words))
	}
	return w.b.String()
}

func (g *guesser) writeAccount(w *writer) {
	a := g.account
	switch {
	case a == nil:
		w.comment("", g.say(textNoAccount))
		w.comment("", "account:\n  pattern: \"m[0-9]{7}\"")
	case a.active:
		w.comment("", g.say(textAccount, a.seen, a.shown, g.say(a.where)))
		w.line("account:\n  pattern: %q", a.pattern)
	default:
		w.comment("", g.say(textMaybeAccount, a.seen, a.shown, g.say(a.where)))
		w.comment("", fmt.Sprintf("account:\n  pattern: %q", a.pattern))
	}
	w.line("")
}

func (g *guesser) writeItems(w *writer, found []proposal) {
	w.comment("", g.say(textItems))
	w.line("items:")
	for i, it := range items {
		if i < baseItems || slices.ContainsFunc(found, func(p proposal) bool { return slices.Contains(p.items, it.name) }) {
			w.line("  %s: %s", it.name, it.line)
		}
	}
	w.line("")
}

// eventWords are the words of events that paths are made of: a shape keeps them only
// if the catalog knows them.
func (g *guesser) eventWords() []string {
	if g.mapping == nil || len(g.mapping.events) == 0 {
		return nil
	}
	out := []string{g.name}
	for _, e := range g.mapping.events {
		for _, w := range e.safeWords(maxWords) {
			if !slices.Contains(out, w) {
				out = append(out, w)
			}
		}
	}
	return out
}

func list2(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = quoted(w)
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// sources are the keys of the source, each with why it was chosen.
func (g *guesser) sources() string {
	w := &writer{g: g}
	w.line("sources:\n  %s:", g.name)
	w.line("    format: %s", g.sample.format)
	if m := match(g.opts.File); m != "" {
		w.line("    match: %q", m)
	}
	if g.found != nil && g.found.silence > 0 {
		w.comment("    ", g.say(textCadence, (time.Duration(g.found.silence)*time.Millisecond).Round(time.Second)))
		w.comment("    ", "cadence: "+cadence(time.Duration(g.found.silence)*time.Millisecond))
	}
	if g.mapping != nil {
		g.writeFields(w)
	} else {
		w.comment("    ", g.say(textFixed))
	}
	return w.b.String()
}

// cadence is a silence rounded up to what a person would say.
func cadence(d time.Duration) string {
	d = max(2*d, 10*time.Minute)
	switch {
	case d <= time.Hour:
		return fmt.Sprintf("%dm", (d+10*time.Minute-1)/(10*time.Minute)*10)
	case d <= 24*time.Hour:
		return fmt.Sprintf("%dh", (d+time.Hour-1)/time.Hour)
	}
	return fmt.Sprintf("%dd", min(366, (d+24*time.Hour-1)/(24*time.Hour)))
}

func (g *guesser) writeFields(w *writer) {
	m := g.mapping
	w.line("    fields:")
	for _, f := range catalog.Fields() {
		c := m.of(f)
		if c == nil && f == catalog.FieldURI {
			w.comment("      ", g.say(textNoURI))
			w.line("      uri: %s", g.uriForms(nil))
			continue
		}
		if c == nil {
			if why, ok := missing[f]; ok && !(f == catalog.FieldMethod && (m.of(catalog.FieldURI) == nil || m.of(catalog.FieldURI).stat.requests > 0)) {
				w.comment("      ", string(f)+": TODO "+g.say(why))
			}
			continue
		}
		w.comment("      ", g.why(c))
		w.line("      %s: %s", f, g.forms(c))
	}
	for _, l := range m.left {
		switch {
		case l.field == "":
			w.comment("      ", g.say(l.reason, l.key))
		case l.n > 0:
			w.comment("      ", g.say(l.reason, string(l.field), l.key, l.n))
		default:
			w.comment("      ", g.say(l.reason, string(l.field), l.key))
		}
	}
	g.writeValues(w)
}

// why says what speaks for a key.
func (g *guesser) why(c *choice) string {
	s := c.stat
	outline := s.outline()
	switch {
	case c.field == catalog.FieldURI || c.field == catalog.FieldAgent: // as long as they like
		outline = ""
	case s.most(s.uuids):
		outline = ", UUID"
	case s.most(s.addresses) || s.chains > 0:
		outline = g.say(textAddress)
	case c.field == catalog.FieldMethod || c.field == catalog.FieldStatus && c.words == nil:
		outline = ""
	case outline == "" && s.n > 0:
		outline = g.say(textMixed, s.longest)
	case outline == "":
	default:
		outline = ", " + outline
	}
	share := 100 * float64(s.lines+s.lists) / float64(max(1, g.keys.lines))
	t := g.say(textWhy, share, outline)
	if c.field == catalog.FieldID {
		t += g.say(textOnce)
	}
	if c.field == catalog.FieldURI && s.requests > 0 {
		t += g.say(textWhole)
	}
	if c.field == catalog.FieldTime && s.zoned < s.n {
		t += g.say(textNoZone)
	}
	if c.field == catalog.FieldToken {
		t += g.say(textTokenID)
	}
	if c.field == catalog.FieldActorType {
		if words := s.safeWords(20); len(words) > 0 {
			t += ": " + strings.Join(words, ", ")
		}
	}
	if len(c.others) > 0 {
		var names []string
		for _, o := range c.others[:min(3, len(c.others))] {
			names = append(names, fmt.Sprintf("%s (%.0f%%)", o.key, 100*g.keys.share(o)))
		}
		t += "\n" + g.say(textOthers, strings.Join(names, ", "))
	}
	return t
}

// writeValues writes what belongs to the fields and stands beside them.
func (g *guesser) writeValues(w *writer) {
	m := g.mapping
	if c := m.of(catalog.FieldStatus); c != nil && c.words != nil {
		var pairs []string
		for _, word := range c.stat.safeWords(10) {
			pairs = append(pairs, quoted(word)+": "+c.words[word])
		}
		w.comment("    ", g.say(textOutcomes))
		w.line("    values:\n      status: {%s}", strings.Join(append(pairs, `"*": `+c.words["*"]), ", "))
	}
	if c := m.of(catalog.FieldSubjects); c != nil && c.stat.joined > 0 {
		w.line("    separator: %q", c.stat.separator())
	}
	if c := m.of(catalog.FieldIP); c != nil && c.stat.chains > 0 {
		w.comment("    ", "TODO: "+g.say(textChain))
		w.line("    address: last")
	}
	if c := m.of(catalog.FieldActorType); c != nil {
		var pairs []string
		for _, word := range c.stat.safeWords(20) {
			if ours := actorTypes[strings.ToLower(word)]; ours != "" && ours != word {
				pairs = append(pairs, quoted(word)+": "+ours)
			}
		}
		if len(pairs) > 0 {
			w.comment("    ", "TODO: "+g.say(textTypes))
			w.line("    actor_types: {%s}", strings.Join(pairs, ", "))
		}
	}
	if m.of(catalog.FieldURI) == nil && m.of(catalog.FieldMethod) == nil {
		w.line("    set: {method: POST}")
	}
}

// separator is what stands between several values.
func (s *stat) separator() string {
	for _, sep := range []string{",", ";", "|", " "} {
		for o := range s.forms {
			if strings.Contains(o, sep) {
				return sep
			}
		}
	}
	return ","
}

// maxRoutes is how many paths a draft proposes. Whoever has looked at so many asks
// catalog check for the rest.
const maxRoutes = 60

// writeRoutes proposes routes as comments. listed: the list has an entry already.
func (g *guesser) writeRoutes(w *writer, listed bool) {
	found, _ := proposals(&g.found.result)
	if !listed {
		if len(found) > 0 {
			w.comment("", g.say(textUnlisted))
		}
		w.line("routes: []")
	}
	if len(found) == 0 {
		return
	}
	w.comment("", g.say(textRoutes))
	g.draft.Routes = min(len(found), maxRoutes)
	suspects := true
	for i, p := range found {
		if i == maxRoutes {
			w.comment("", g.say(textFurther, len(found)-maxRoutes))
			return
		}
		if i == 0 && p.suspect {
			w.comment("", "")
		}
		if suspects && !p.suspect {
			w.comment("", "")
			w.comment("", g.say(textPlain))
			suspects = false
		}
		w.line("#  - %-70s # %s", p.entry(), g.say(textRequests, p.records))
	}
}

func (p *proposal) entry() string {
	if p.table != "" {
		return p.table
	}
	shown := "TODO"
	if len(p.items) > 0 {
		shown = strings.Join(p.items, ", ")
	} else if !p.suspect {
		return fmt.Sprintf("{route: %q, items: []}", p.template)
	}
	return fmt.Sprintf("{route: %q, items: [%s], account: %s}", p.template, shown, p.account)
}
