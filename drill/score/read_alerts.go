package score

import (
	"bytes"
	"encoding/json"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/haetae/haetae/drill"
	"github.com/haetae/haetae/internal/written"
)

var alertColumns = []string{"time", "severity", "rule", "key", "actor", "address", "agent", "route", "text", "id"}

// ReadAlerts reads alerts as CSV, or as JSON lines where the file begins with {. An
// error says that the file cannot be read at all; lines that cannot are set aside.
func ReadAlerts(file string, r io.Reader) ([]Alert, Aside, error) {
	l := newLines(file, r)
	first, err := l.next()
	if err != nil {
		return nil, l.aside, err
	}
	if first == nil {
		// Nothing rang: an empty file is the honest way to say it.
		return nil, l.aside, nil
	}
	a := alerts{lines: l, by: map[string]int{}}
	if bytes.HasPrefix(bytes.TrimSpace(first), []byte("{")) {
		for line := first; line != nil; line, err = l.next() {
			a.fromJSON(line)
		}
		return a.list, l.aside, err
	}
	t, err := newTable(l, first, []string{"time", "severity"}, alertColumns)
	if err != nil {
		return nil, l.aside, err
	}
	for {
		more, err := t.row()
		if err != nil || !more {
			return a.list, l.aside, err
		}
		a.add(t.value("id"), t.value("time"), t.value("severity"), t.value("rule"), t.value("text"), map[string][]string{
			"key": strings.Fields(t.value("key")), "actor": strings.Fields(t.value("actor")), "address": strings.Fields(t.value("address")),
			"agent": single(t.value("agent")), "route": single(t.value("route")),
		})
	}
}

// single is a value that may have spaces in it, as an agent and a route have.
func single(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

type alerts struct {
	*lines
	list []Alert
	by   map[string]int // by id, for an alert of several lines
}

// add takes a line. It is set aside as a whole if one value is wrong.
func (a *alerts) add(id, at, severity, rule, text string, values map[string][]string) {
	when, err := time.Parse(time.RFC3339, at)
	if err != nil {
		a.wrong("time", noTime)
		return
	}
	severity = strings.ToLower(severity)
	if !slices.Contains(drill.Severities, severity) {
		a.wrong("severity", written.NoWord, strings.Join(drill.Severities, ", "))
		return
	}
	for _, v := range values["address"] {
		if _, ok := network(v); !ok {
			a.wrong("address", noPlace)
			return
		}
	}
	n := Alert{
		Time: when, Severity: severity, Rule: rule, Text: text,
		Keys: values["key"], Actors: values["actor"], Addresses: values["address"], Agents: values["agent"], Routes: values["route"],
	}
	if id == "" {
		a.list = append(a.list, n)
		return
	}
	i, again := a.by[id]
	if !again {
		a.by[id] = len(a.list)
		a.list = append(a.list, n)
		return
	}
	old := &a.list[i]
	switch {
	case !old.Time.Equal(n.Time):
		a.wrong("time", differs)
	case old.Severity != n.Severity:
		a.wrong("severity", differs)
	case old.Rule != n.Rule:
		a.wrong("rule", differs)
	default:
		old.Keys, old.Actors = unite(old.Keys, n.Keys), unite(old.Actors, n.Actors)
		old.Addresses, old.Agents = unite(old.Addresses, n.Addresses), unite(old.Agents, n.Agents)
		old.Routes = unite(old.Routes, n.Routes)
		if old.Text == "" {
			old.Text = n.Text
		}
	}
}

func unite(a, b []string) []string {
	for _, v := range b {
		if !slices.Contains(a, v) {
			a = append(a, v)
		}
	}
	return a
}

// network reads an address or a network.
func network(s string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked(), true
	}
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, false
	}
	a = a.Unmap()
	return netip.PrefixFrom(a, a.BitLen()), true
}

// fromJSON takes a line that is an object with the columns as keys. A value is a text,
// or a list of texts where there may be several.
func (a *alerts) fromJSON(line []byte) {
	var o map[string]json.RawMessage
	if json.Unmarshal(line, &o) != nil || o == nil {
		a.wrong("", notJSON)
		return
	}
	for name := range o {
		if !slices.Contains(alertColumns, name) && !strings.HasPrefix(name, "x_") {
			a.wrong("", noColumn, strings.Join(alertColumns, ", "))
			return
		}
	}
	texts, values := map[string]string{}, map[string][]string{}
	for _, name := range alertColumns {
		raw, ok := o[name]
		if !ok || string(raw) == "null" {
			continue
		}
		var one string
		var list []*string
		isText := json.Unmarshal(raw, &one) == nil
		several := slices.Contains(alertColumns[3:8], name)
		switch {
		case isText:
			texts[name], values[name] = one, single(one)
		case !several || json.Unmarshal(raw, &list) != nil || slices.Contains(list, nil):
			a.wrong(name, noValues)
			return
		}
		for _, v := range list {
			values[name] = append(values[name], single(*v)...)
		}
	}
	a.add(texts["id"], texts["time"], texts["severity"], texts["rule"], texts["text"], values)
}
