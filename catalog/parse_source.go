package catalog

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
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
	pairs, ok := p.pairs(n, "sources")
	if !ok {
		return
	}
	if len(pairs) > maxSources {
		p.fail(n, "sources", tooManySources)
		return
	}
	for _, kv := range pairs {
		field := join("sources", kv.name)
		if !isSourceName(kv.name) {
			p.fail(kv.key, field, sourceName)
		}
		s := Source{Name: kv.name, Zone: c.zone, Separator: ",", line: kv.key.Line}
		if p.source(&s, kv, field) {
			c.Sources = append(c.Sources, s)
		}
	}
}

func isSourceName(s string) bool {
	return isItemName(strings.ReplaceAll(s, "-", "_"))
}

func (p *parser) source(s *Source, kv pair, field string) bool {
	keys := p.mapping(kv.value, field, "format", "match", "cadence", "zone", "fields", "separator", "address", "actor_types", "set")
	if keys == nil {
		return false
	}
	if n := keys["format"]; n != nil {
		f := join(field, "format")
		if v, ok := p.scalar(n, f); ok {
			formats := []string{FormatCombined, FormatCommon, FormatJSON, FormatCloudTrail}
			if !slices.Contains(formats, v) {
				p.fail(n, f, unknownFormat, quote(v), meant(v, formats), strings.Join(formats, ", "))
			}
			s.Format = v
		}
	}
	if n := keys["match"]; n != nil {
		f := join(field, "match")
		if v, ok := p.text(n, f, maxKey); ok {
			if _, err := path.Match(v, ""); err != nil {
				p.fail(n, f, matchPattern)
			} else if strings.Contains(v, "/") {
				p.fail(n, f, matchFolder)
			}
			s.Match = v
		}
	}
	if n := keys["cadence"]; n != nil {
		f := join(field, "cadence")
		if v, ok := p.scalar(n, f); ok {
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
		s.Zone = p.timeZone(n, join(field, "zone"))
	}
	if n := keys["separator"]; n != nil {
		s.Separator = p.separator(n, join(field, "separator"))
	}
	if n := keys["address"]; n != nil {
		f := join(field, "address")
		if v, ok := p.scalar(n, f); ok {
			i := slices.Index(addressRules, v)
			if i < 0 {
				p.fail(n, f, unknownAddress, quote(v), meant(v, addressRules))
			}
			s.Address = AddressRule(max(i, 0))
		}
	}
	if n := keys["fields"]; n != nil {
		p.fields(s, n, join(field, "fields"))
	} else if s.Format == FormatJSON {
		p.fail(kv.key, join(field, "fields"), noFields)
	}
	if n := keys["actor_types"]; n != nil {
		p.actorTypes(s, n, join(field, "actor_types"))
	}
	if n := keys["set"]; n != nil {
		p.constants(s, n, join(field, "set"))
	}
	return true
}

// separator is compared byte by byte; a space or tab is a fair choice.
func (p *parser) separator(n *yaml.Node, field string) string {
	s, ok := p.scalar(n, field)
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

func (p *parser) fields(s *Source, n *yaml.Node, field string) {
	pairs, ok := p.pairs(n, field)
	if !ok {
		return
	}
	if s.Format == FormatCombined || s.Format == FormatCommon || s.Format == FormatCloudTrail {
		p.fail(n, field, fixedFields, s.Format)
		return
	}
	s.Format = FormatJSON
	s.Fields = make(map[Field]string, len(pairs))
	complete := true
	for _, kv := range pairs {
		f := join(field, kv.name)
		if !slices.Contains(Fields(), Field(kv.name)) {
			p.fail(kv.key, f, unknownField, meant(kv.name, fieldWords(false)), strings.Join(fieldWords(false), ", "))
			complete = false
			continue
		}
		v, ok := p.text(kv.value, f, maxKey)
		if !ok {
			complete = false
			continue
		}
		if strings.HasPrefix(v, ".") || strings.HasSuffix(v, ".") || strings.Contains(v, "..") {
			p.fail(kv.value, f, keyDots)
		}
		s.Fields[Field(kv.name)] = v
	}
	for _, need := range []struct {
		field Field
		what  mistake
	}{{FieldTime, noTime}, {FieldURI, noURI}} {
		if s.Fields[need.field] == "" && complete {
			p.fail(n, join(field, string(need.field)), need.what)
		}
	}
}

func (p *parser) constants(s *Source, n *yaml.Node, field string) {
	pairs, ok := p.pairs(n, field)
	if !ok {
		return
	}
	s.Set = make(map[Field]string, len(pairs))
	for _, kv := range pairs {
		f := join(field, kv.name)
		if !slices.Contains(fieldWords(true), kv.name) {
			if slices.Contains(fieldWords(false), kv.name) {
				p.fail(kv.key, f, changingField, strings.Join(fieldWords(true), ", "))
			} else {
				p.fail(kv.key, f, unknownField, meant(kv.name, fieldWords(true)), strings.Join(fieldWords(true), ", "))
			}
			continue
		}
		v, ok := p.text(kv.value, f, maxText)
		if !ok {
			continue
		}
		if Field(kv.name) == FieldMethod && methodOf(v) == methodOther {
			p.fail(kv.value, f, unknownMethod, quote(v))
		}
		s.Set[Field(kv.name)] = v
		s.constants = append(s.constants, constant{Field(kv.name), v})
	}
}

// actorTypes reads which word of the catalog stands for a word of the log.
func (p *parser) actorTypes(s *Source, n *yaml.Node, field string) {
	pairs, ok := p.pairs(n, field)
	if !ok {
		return
	}
	s.ActorTypes = make(map[string]string, len(pairs))
	for _, kv := range pairs {
		if v, ok := p.text(kv.value, join(field, kv.name), maxText); ok {
			s.ActorTypes[kv.name] = v
		}
	}
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
