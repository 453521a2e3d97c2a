package inputs

import (
	"net"
	"net/netip"

	"go.yaml.in/yaml/v3"

	"github.com/haetae/haetae/ingest/kafka"
	"github.com/haetae/haetae/ingest/syslog"
	"github.com/haetae/haetae/internal/written"
)

func (p *parser) syslog(n *yaml.Node, field, name string) syslog.Settings {
	keys := p.Keys(n, field, "name", "listen", "tls", "sources", "connections", "idle")
	s := syslog.Settings{Name: p.name(keys["name"], field+".name", name), Listen: DefaultListen}
	if l := keys["listen"]; l != nil {
		s.Listen = p.address(l, field+".listen", true)
	}
	if t := keys["tls"]; t != nil {
		at := field + ".tls"
		k := p.Keys(t, at, "cert", "key", "client_ca")
		p.must(t, at, k, "cert", "key")
		s.TLS = &syslog.TLS{Cert: p.text(k["cert"], at+".cert", maxText), Key: p.text(k["key"], at+".key", maxText), ClientCA: p.text(k["client_ca"], at+".client_ca", maxText)}
	}
	p.must(n, field, keys, "sources")
	for i, e := range p.list(keys["sources"], field+".sources", maxSources) {
		at := written.Index(field+".sources", i)
		k := p.Keys(e, at, "app", "host", "source")
		p.must(e, at, k, "source")
		r := syslog.Route{App: p.text(k["app"], at+".app", 255), Host: p.text(k["host"], at+".host", 255), Source: p.text(k["source"], at+".source", maxText)}
		for _, before := range s.Sources {
			if (before.App == "" || before.App == r.App) && (before.Host == "" || before.Host == r.Host) {
				p.Failf(e, at, "앞의 항목에 모두 해당하여 쓰이지 않습니다", "is never used: an entry before it takes all of this")
				break
			}
		}
		s.Sources = append(s.Sources, r)
	}
	s.Connections = p.Number(keys["connections"], field+".connections", defaultConnections, 1, maxConnections)
	s.Idle = p.Duration(keys["idle"], field+".idle", defaultIdle, minIdle, maxIdle)
	return s
}

func (p *parser) kafka(n *yaml.Node, field, name string) kafka.Settings {
	keys := p.Keys(n, field, "name", "brokers", "group", "topics", "sasl", "tls", "start")
	k := kafka.Settings{Name: p.name(keys["name"], field+".name", name)}
	p.must(n, field, keys, "brokers", "group", "topics")
	for i, b := range p.list(keys["brokers"], field+".brokers", maxBrokers) {
		k.Brokers = append(k.Brokers, p.address(b, written.Index(field+".brokers", i), false))
	}
	k.Group = p.text(keys["group"], field+".group", 255)
	for i, e := range p.list(keys["topics"], field+".topics", maxTopics) {
		at := written.Index(field+".topics", i)
		w := p.Keys(e, at, "topic", "source")
		p.must(e, at, w, "topic", "source")
		t := kafka.Topic{Name: p.text(w["topic"], at+".topic", maxTopic), Source: p.text(w["source"], at+".source", maxText)}
		switch {
		case t.Name == "":
		case !topicPattern.MatchString(t.Name):
			p.Failf(w["topic"], at+".topic", "토픽 이름은 영문자, 숫자, '.', '_', '-'로 이루어집니다", "the name of a topic is made of letters, digits, '.', '_' and '-'")
		case k.SourceOf(t.Name) != "":
			p.Failf(w["topic"], at+".topic", "같은 토픽이 이미 있습니다", "this topic is there already")
		}
		k.Topics = append(k.Topics, t)
	}
	k.Newest = p.Word(keys["start"], field+".start", "oldest", "oldest", "newest") == "newest"
	if t := keys["tls"]; t != nil {
		at := field + ".tls"
		w := p.Keys(t, at, "ca", "cert", "key")
		k.TLS = &kafka.TLS{CA: p.text(w["ca"], at+".ca", maxText), Cert: p.text(w["cert"], at+".cert", maxText), Key: p.text(w["key"], at+".key", maxText)}
		if (w["cert"] == nil) != (w["key"] == nil) {
			p.Failf(t, at, "cert와 key는 함께 쓰십시오", "cert and key go together")
		}
	}
	if s := keys["sasl"]; s != nil {
		at := field + ".sasl"
		w := p.Keys(s, at, "mechanism", "user_file", "password_file")
		p.must(s, at, w, "mechanism", "user_file", "password_file")
		k.SASL = &kafka.SASL{
			Mechanism: p.Word(w["mechanism"], at+".mechanism", "", kafka.Plain, kafka.Scram256, kafka.Scram512),
			UserFile:  p.text(w["user_file"], at+".user_file", maxText), PasswordFile: p.text(w["password_file"], at+".password_file", maxText),
		}
		if k.SASL.Mechanism == kafka.Plain && k.TLS == nil && !Near(k.Brokers...) {
			p.Failf(w["mechanism"], at+".mechanism", "PLAIN은 비밀번호를 그대로 보내므로 tls가 있어야 합니다", "PLAIN sends the password as it is, so it needs tls")
		}
	}
	return k
}

// Near reports whether addresses can be reached from this machine alone.
func Near(addresses ...string) bool {
	for _, a := range addresses {
		host, _, err := net.SplitHostPort(a)
		if err != nil {
			return false
		}
		if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.IsLoopback()) {
			return false
		}
	}
	return true
}

// Open names the inputs that speak in the clear to other machines.
func (c *Config) Open() (names []string) {
	for _, s := range c.Syslog {
		if s.TLS == nil && !Near(s.Listen) {
			names = append(names, s.Name)
		}
	}
	for _, k := range c.Kafka {
		if k.TLS == nil && !Near(k.Brokers...) {
			names = append(names, k.Name)
		}
	}
	return names
}
