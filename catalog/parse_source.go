package catalog

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/haetae/haetae/internal/written"
)

const (
	maxKey     = 200 // bytes of a JSON key
	maxSources = 1000
	// Coverage is kept per minute, so a shorter cadence could not be judged; a
	// log that is expected once a year or less is not a log of accesses.
	minCadence = time.Minute
	maxCadence = 366 * 24 * time.Hour
)

func (p *parser) sources(c *Catalog, n *yaml.Node) {
	pairs, ok := p.Pairs(n, "sources")
	if !ok {
		return
	}
	if len(pairs) > maxSources {
		p.fail(n, "sources", tooManySources)
		return
	}
	for _, kv := range pairs {
		field := kv.Field
		if !isSourceName(kv.Name) {
			p.fail(kv.Key, field, sourceName)
		}
		s := Source{Name: kv.Name, Zone: c.zone, Separator: ",", line: kv.Key.Line}
		if p.source(&s, kv, field) {
			c.Sources = append(c.Sources, s)
		}
	}
}

func isSourceName(s string) bool {
	return isItemName(strings.ReplaceAll(s, "-", "_"))
}

func (p *parser) source(s *Source, kv written.Pair, field string) bool {
	keys := p.Keys(kv.Value, field, "format", "match", "cadence", "zone", "fields", "separator", "address", "actor_types", "actors", "values", "set")
	if keys == nil {
		return false
	}
	if n := keys["format"]; n != nil {
		f := written.Key(field, "format")
		if v, ok := p.Scalar(n, f); ok {
			formats := formatNames()
			if !slices.Contains(formats, v) {
				p.fail(n, f, unknownFormat, written.Meant(v, formats), strings.Join(formats, ", "))
			}
			s.Format = v
		}
	}
	if n := keys["match"]; n != nil {
		f := written.Key(field, "match")
		if v, ok := p.Prose(n, f, maxKey); ok {
			if _, err := path.Match(v, ""); err != nil {
				p.fail(n, f, matchPattern)
			} else if strings.Contains(v, "/") {
				p.fail(n, f, matchFolder)
			}
			s.Match = v
		}
	}
	if n := keys["cadence"]; n != nil {
		f := written.Key(field, "cadence")
		if v, ok := p.Scalar(n, f); ok {
			d, ok := parseDuration(v)
			switch {
			case !ok:
				p.fail(n, f, badDuration)
			case d < minCadence || d > maxCadence:
				p.fail(n, f, cadenceRange)
			}
			s.Cadence = d
		}
	}
	if n := keys["zone"]; n != nil {
		s.Zone = p.Zone(n, written.Key(field, "zone"))
	}
	if n := keys["separator"]; n != nil {
		s.Separator = p.separator(n, written.Key(field, "separator"))
	}
	if n := keys["address"]; n != nil {
		f := written.Key(field, "address")
		if v, ok := p.Scalar(n, f); ok {
			i := slices.Index(addressRules, v)
			if i < 0 {
				p.fail(n, f, unknownAddress, written.Meant(v, addressRules))
			}
			s.Address = AddressRule(max(i, 0))
		}
	}
	if n := keys["fields"]; n != nil {
		p.fields(s, n, written.Key(field, "fields"))
	} else if s.Format == FormatJSON {
		p.fail(kv.Key, written.Key(field, "fields"), noFields)
	}
	if n := keys["values"]; n != nil {
		p.values(s, n, written.Key(field, "values"))
	}
	if n := keys["fields"]; n != nil && s.keysOf() > maxKeys {
		p.fail(n, written.Key(field, "fields"), manyKeys, maxKeys)
	}
	if n := keys["actor_types"]; n != nil {
		s.ActorTypes = p.actorTypes(n, written.Key(field, "actor_types"))
	}
	if n := keys["actors"]; n != nil {
		s.Actors = p.actorTypes(n, written.Key(field, "actors"))
	}
	if n := keys["set"]; n != nil {
		p.constants(s, n, written.Key(field, "set"))
	}
	return true
}

// separator is compared byte by byte; a space or tab is a fair choice.
func (p *parser) separator(n *yaml.Node, field string) string {
	s, ok := p.Scalar(n, field)
	switch {
	case !ok:
	case s == "" || len(s) > 8:
		p.fail(n, field, separatorLength)
	case strings.ContainsAny(s, "\x00\n\r"):
		p.fail(n, field, separatorLine)
	default:
		return s
	}
	return ","
}

func (p *parser) constants(s *Source, n *yaml.Node, field string) {
	pairs, ok := p.Pairs(n, field)
	if !ok {
		return
	}
	s.Set = make(map[Field]string, len(pairs))
	for _, kv := range pairs {
		f := written.Key(field, kv.Name)
		if !slices.Contains(fieldWords(true), kv.Name) {
			if slices.Contains(fieldWords(false), kv.Name) {
				p.fail(kv.Key, f, changingField, strings.Join(fieldWords(true), ", "))
			} else {
				p.fail(kv.Key, field, unknownField, written.Meant(kv.Name, fieldWords(true)), strings.Join(fieldWords(true), ", "))
			}
			continue
		}
		v, ok := p.Prose(kv.Value, f, maxText)
		if !ok {
			continue
		}
		if Field(kv.Name) == FieldMethod && methodOf(v) == methodOther {
			p.fail(kv.Value, f, unknownMethod)
		}
		s.Set[Field(kv.Name)] = v
		s.constants = append(s.constants, constant{Field(kv.Name), v})
	}
}

// formatNames are the formats a source can declare.
func formatNames() []string {
	return []string{FormatCombined, FormatCommon, FormatJSON, FormatCloudTrail, FormatPgAudit, FormatMariaDB, FormatKeycloak}
}

// actorTypes reads which word of the catalog stands for a word of the log, or for
// one actor in it.
func (p *parser) actorTypes(n *yaml.Node, field string) map[string]string {
	pairs, ok := p.Pairs(n, field)
	if !ok {
		return nil
	}
	types := make(map[string]string, len(pairs))
	for _, kv := range pairs {
		if v, ok := p.Prose(kv.Value, kv.Field, maxText); ok {
			types[kv.Name] = v
		}
	}
	return types
}

func fieldWords(constant bool) []string {
	var out []string
	for _, f := range fieldTable {
		if f.set || !constant {
			out = append(out, string(f.field))
		}
	}
	return out
}

// parseDuration is Go's, and days.
func parseDuration(s string) (time.Duration, bool) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < 0 || n > 100_000 {
			return 0, false
		}
		return time.Duration(n) * 24 * time.Hour, true
	}
	d, err := time.ParseDuration(s)
	return d, err == nil
}
