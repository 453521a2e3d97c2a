// Package inputs reads the file that says what comes in by other ways than HTTP and
// live files: listeners for syslog, and topics of Kafka.
//
// The central idea: whatever is wrong shows at the start and all at once, with its line:
// the file, the secrets and certificates that it names, and the sources that the catalog
// does not have. Nothing that stands there is repeated, since it may be a secret.
//
// What it is not: it opens no port and calls no broker; ingest/syslog and ingest/kafka
// do.
package inputs

import (
	"net"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/haetae/haetae/ingest/kafka"
	"github.com/haetae/haetae/ingest/syslog"
	"github.com/haetae/haetae/internal/remote"
	"github.com/haetae/haetae/internal/written"
)

// The numbers of this package. docs/sources.md has them in a table, and a test holds
// it to them.
const (
	maxFileMiB = 1
	maxInputs  = 64 // of each kind
	maxSources = 256
	maxTopics  = 256
	maxBrokers = 32
	maxText    = 1000 // bytes
	maxTopic   = 249  // bytes, as Kafka has it

	// DefaultListen is this machine alone, on the port of syslog over TLS.
	DefaultListen = "127.0.0.1:6514"

	defaultConnections = 100
	maxConnections     = 10_000
	defaultIdle        = time.Hour
	minIdle            = time.Minute
	maxIdle            = 7 * 24 * time.Hour
)

// Config is a file of inputs.
type Config struct {
	Syslog []syslog.Settings
	Kafka  []kafka.Settings

	read *written.Reader // for mistakes that Load and Check find
}

// Load reads a file of inputs, and looks once into every file that it names.
func Load(name string) (*Config, error) {
	text, err := remote.ReadFile(name, maxFileMiB<<20+1)
	if err != nil {
		t := written.TextOf(err)
		return nil, written.Mistakes{{File: filepath.Base(name), Problem: t.EN, ProblemKO: t.KO}}
	}
	c, err := Parse(filepath.Base(name), text)
	if err != nil {
		return nil, err
	}
	c.under(filepath.Dir(name))
	p := c.read.Again()
	c.secrets(p)
	if err := p.Err(); err != nil {
		return nil, err
	}
	return c, nil
}

// under makes the paths in a file relative to its folder.
func (c *Config) under(dir string) {
	at := func(names ...*string) {
		for _, n := range names {
			if *n != "" && !filepath.IsAbs(*n) {
				*n = filepath.Join(dir, *n)
			}
		}
	}
	for i := range c.Syslog {
		if t := c.Syslog[i].TLS; t != nil {
			at(&t.Cert, &t.Key, &t.ClientCA)
		}
	}
	for i := range c.Kafka {
		k := &c.Kafka[i]
		if k.TLS != nil {
			at(&k.TLS.CA, &k.TLS.Cert, &k.TLS.Key)
		}
		if k.SASL != nil {
			at(&k.SASL.UserFile, &k.SASL.PasswordFile)
		}
	}
}

// secrets looks into the files that are named.
func (c *Config) secrets(p *written.Reader) {
	fail := func(field string, err error) {
		if err != nil {
			p.FailAt(field, "%s", "%s", written.TextOf(err))
		}
	}
	for i := range c.Syslog {
		if t := c.Syslog[i].TLS; t != nil {
			_, err := t.Read()
			fail(written.Index("syslog", i)+".tls", err)
		}
	}
	for i := range c.Kafka {
		k, field := &c.Kafka[i], written.Index("kafka", i)
		if k.TLS != nil {
			_, err := k.TLS.Config("")
			fail(field+".tls", err)
		}
		if k.SASL != nil {
			_, err := remote.Secret(k.SASL.UserFile)
			fail(field+".sasl.user_file", err)
			_, err = remote.Secret(k.SASL.PasswordFile)
			fail(field+".sasl.password_file", err)
		}
	}
}

// Check reports sources that the catalog does not have.
func (c *Config) Check(has func(source string) bool) error {
	p := c.read.Again()
	check := func(field, source string) {
		if !has(source) {
			p.FailAt(field, "카탈로그에 그런 로그가 없습니다", "the catalog has no such source")
		}
	}
	for i := range c.Syslog {
		for k, r := range c.Syslog[i].Sources {
			check(written.Index(written.Index("syslog", i)+".sources", k)+".source", r.Source)
		}
	}
	for i := range c.Kafka {
		for k, t := range c.Kafka[i].Topics {
			check(written.Index(written.Index("kafka", i)+".topics", k)+".source", t.Source)
		}
	}
	return p.Err()
}

// Parse reads a file of inputs and none of those that it names. name is only for
// messages. All mistakes are reported at once.
func Parse(name string, text []byte) (*Config, error) {
	p := &parser{&written.Reader{File: name, Places: true}}
	root := p.Document(text, maxFileMiB)
	if root == nil {
		return nil, p.Err()
	}
	c := &Config{read: p.Reader}
	keys := p.Keys(root, "", "version", "syslog", "kafka")
	p.Version(root, keys)
	if keys["syslog"] == nil && keys["kafka"] == nil && p.Found() == 0 {
		p.Failf(root, "", "syslog나 kafka가 있어야 합니다", "neither syslog nor kafka is there")
	}
	listeners, consumers := p.list(keys["syslog"], "syslog", maxInputs), p.list(keys["kafka"], "kafka", maxInputs)
	for i, n := range listeners {
		c.Syslog = append(c.Syslog, p.syslog(n, written.Index("syslog", i), "syslog-"+strconv.Itoa(i+1)))
	}
	for i, n := range consumers {
		c.Kafka = append(c.Kafka, p.kafka(n, written.Index("kafka", i), "kafka-"+strconv.Itoa(i+1)))
	}
	p.once(c, listeners, consumers)
	if err := p.Err(); err != nil {
		return nil, err
	}
	return c, nil
}

// once: neither a name nor a port is there twice.
func (p *parser) once(c *Config, listeners, consumers []*yaml.Node) {
	names, ports := map[string]bool{}, map[string]bool{}
	twice := func(seen map[string]bool, v string, n *yaml.Node, field, ko, en string) {
		if v != "" && seen[v] {
			p.Failf(n, field, ko, en)
		}
		seen[v] = true
	}
	const ko, en = "같은 이름의 입력이 이미 있습니다", "another input has this name"
	for i, s := range c.Syslog {
		field := written.Index("syslog", i)
		twice(names, s.Name, listeners[i], field+".name", ko, en)
		if _, port, _ := net.SplitHostPort(s.Listen); port != "0" {
			twice(ports, s.Listen, listeners[i], field+".listen", "같은 주소에서 이미 수신합니다", "another input listens on this address")
		}
	}
	for i, k := range c.Kafka {
		twice(names, k.Name, consumers[i], written.Index("kafka", i)+".name", ko, en)
	}
}

// parser collects the mistakes of one file.
type parser struct{ *written.Reader }

// must reports keys that are not there.
func (p *parser) must(n *yaml.Node, field string, keys map[string]*yaml.Node, names ...string) {
	for _, name := range names {
		if at := written.Key(field, name); keys[name] == nil && n.Kind == yaml.MappingNode && !p.Has(at) {
			p.Fail(n, at, written.Missing)
		}
	}
}

// text is one value. nil is an absent key, and gives "".
func (p *parser) text(n *yaml.Node, field string, most int) string {
	if n == nil {
		return ""
	}
	s, _ := p.Text(n, field, most)
	return s
}

// list is the entries of a list; none where that is a mistake, or the key is absent.
func (p *parser) list(n *yaml.Node, field string, most int) []*yaml.Node {
	if n == nil {
		return nil
	}
	out, ok := p.List(n, field)
	switch {
	case ok && len(out) == 0:
		p.Failf(n, field, "목록이 비어 있습니다", "the list is empty")
	case len(out) > most:
		p.Failf(n, field, "%d개까지입니다", "has more than %d entries", most)
		return nil
	}
	return out
}

var (
	namePattern  = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)
	topicPattern = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)
)

// name is a word of ours that appears in metrics and logs.
func (p *parser) name(n *yaml.Node, field, byDefault string) string {
	s := p.text(n, field, maxText)
	switch {
	case n == nil:
		return byDefault
	case s != "" && !namePattern.MatchString(s):
		p.Failf(n, field, "이름은 영문 소문자, 숫자, -로 이루어지며 40자까지입니다", "a name is made of small letters, digits and -, at most 40")
		return ""
	}
	return s
}

// address is host:port. A listener may leave the host out, and have the system choose
// the port (0).
func (p *parser) address(n *yaml.Node, field string, listens bool) string {
	s := p.text(n, field, maxText)
	if s == "" {
		return ""
	}
	host, port, err := net.SplitHostPort(s)
	v, bad := strconv.Atoi(port)
	if err != nil || bad != nil || v < 0 || v > 65535 || !listens && (v == 0 || host == "") {
		p.Failf(n, field, "주소는 호스트:포트로 씁니다. 예: 127.0.0.1:6514", "an address is host:port, for example 127.0.0.1:6514")
		return ""
	}
	return s
}
