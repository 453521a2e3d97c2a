package siem

import (
	"errors"
	"path/filepath"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/haetae/haetae/internal/remote"
	"github.com/haetae/haetae/internal/written"
)

// The numbers of this package. docs/siem.md has them in a table.
const (
	maxFileMiB = 1
	maxOutputs = 16
	maxText    = 1000
	maxWhere   = 10_000

	defaultEvents = 1000
	maxEvents     = 10_000
	defaultKiB    = 1024
	maxKiB        = 16 * 1024 // what Elasticsearch takes by default is 100 MiB, what proxies take is less
)

// Kind of an output.
type Kind string

const (
	Splunk  Kind = "splunk_hec"
	Elastic Kind = "elastic_bulk"
	Lines   Kind = "http_ndjson"
)

// What is sent.
type What string

const (
	Records What = "records"
	Signals What = "signals"
	Both    What = "both"
)

// Config is an outputs file.
type Config struct {
	Outputs []Output

	read *written.Reader
}

// Output is one receiver. Files hold the secrets and are read anew for each request,
// so that they can be changed while Haetae runs.
type Output struct {
	Name      string
	Kind      Kind
	URL       string // one of URL and URLFile
	URLFile   string
	Plain     bool // http to another machine is allowed
	TokenFile string
	Scheme    string // of the Authorization header; Splunk has its own
	CAFile    string

	Index       string // of Splunk or Elasticsearch
	SourceType  string // of Splunk
	Host        string // of Splunk
	Acknowledge bool   // of Splunk: wait until the indexer says that it has the events

	What   What
	Where  string // which records; empty: all
	Events int    // in one request
	Bytes  int    // of one request, unpacked; one event may be larger
	Gzip   bool
}

func (o *Output) wants(w What) bool { return o.What == Both || o.What == w }

var outputKeys = []string{"name", "kind", "url", "url_file", "plain", "token_file", "ca_file", "what", "where", "batch_events", "batch_kib", "gzip"}

var kindKeys = map[Kind][]string{
	Splunk:  {"index", "sourcetype", "host", "acknowledge"},
	Elastic: {"index", "scheme"},
	Lines:   {"scheme"},
}

// Parse reads an outputs file and none of the files that it names. name is only for
// messages, check judges a condition. All mistakes are reported at once.
func Parse(name string, text []byte, check func(where string) error) (*Config, error) {
	p := &parser{&written.Reader{File: name, Places: true}, check}
	root := p.Document(text, maxFileMiB)
	if root == nil {
		return nil, p.Err()
	}
	c := &Config{read: p.Reader}
	keys := p.Keys(root, "", "version", "outputs")
	p.Version(root, keys)
	if n := keys["outputs"]; n != nil {
		list, _ := p.List(n, "outputs")
		if len(list) > maxOutputs {
			p.Failf(n, "outputs", "출력은 %d개까지입니다", "more than %d outputs", maxOutputs)
			list = nil
		}
		for i, n := range list {
			at := written.Index("outputs", i)
			o := p.output(n, at)
			if o.Name != "" && slices.ContainsFunc(c.Outputs, func(x Output) bool { return x.Name == o.Name }) {
				p.Failf(n, at+".name", "같은 이름의 출력이 이미 있습니다", "another output has this name")
			}
			c.Outputs = append(c.Outputs, o)
		}
	} else if !p.Has("outputs") {
		p.Fail(root, "outputs", written.Missing)
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	return c, nil
}

type parser struct {
	*written.Reader
	check func(where string) error
}

// text is one value. nil is an absent key, and gives "".
func (p *parser) text(n *yaml.Node, field string) string {
	if n == nil {
		return ""
	}
	s, _ := p.Text(n, field, maxText)
	return s
}

var (
	namePattern  = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)
	indexPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,199}$`)
)

func (p *parser) output(n *yaml.Node, field string) Output {
	o := Output{What: Both, Events: defaultEvents, Bytes: defaultKiB << 10}
	all := slices.Concat(outputKeys, kindKeys[Splunk], []string{"scheme"})
	before := p.Found()
	keys := p.Keys(n, field, all...)
	if n.Kind != yaml.MappingNode {
		return o
	}
	at := func(key string) string { return written.Key(field, key) }
	if o.Name = p.text(keys["name"], at("name")); o.Name != "" && !namePattern.MatchString(o.Name) {
		p.Failf(keys["name"], at("name"), "이름은 영문 소문자, 숫자, -로 이루어지며 40자까지입니다", "a name is made of small letters, digits and -, at most 40")
		o.Name = ""
	}
	o.Kind = Kind(p.Word(keys["kind"], at("kind"), "", string(Splunk), string(Elastic), string(Lines)))
	for _, key := range []string{"name", "kind"} {
		if keys[key] == nil && !p.Has(at(key)) {
			p.Fail(n, at(key), written.Missing)
		}
	}
	if o.Kind != "" {
		for _, key := range all {
			if v := keys[key]; v != nil && !slices.Contains(outputKeys, key) && !slices.Contains(kindKeys[o.Kind], key) {
				p.Failf(v, at(key), "%s 출력에는 쓸 수 없는 키입니다", "an output of kind %s has no such key", o.Kind)
			}
		}
	}
	o.Plain = p.Yes(keys["plain"], at("plain"))
	o.URL, o.URLFile = p.address(keys["url"], at("url"), o.Plain), p.text(keys["url_file"], at("url_file"))
	switch {
	case keys["url"] != nil && keys["url_file"] != nil:
		p.Failf(keys["url_file"], at("url_file"), "url과 함께 쓸 수 없습니다. 하나만 쓰십시오", "stands beside url: one of them")
	case keys["url"] == nil && keys["url_file"] == nil && p.Found() == before:
		p.Failf(n, at("url"), "url이나 url_file 중 하나가 있어야 합니다", "is missing, and so is url_file: one of them")
	}
	o.TokenFile, o.CAFile = p.text(keys["token_file"], at("token_file")), p.text(keys["ca_file"], at("ca_file"))
	if o.Kind == Splunk && keys["token_file"] == nil && !p.Has(at("token_file")) {
		p.Fail(n, at("token_file"), written.Missing)
	}
	o.Scheme = p.Word(keys["scheme"], at("scheme"), map[Kind]string{Splunk: "splunk", Elastic: "apikey", Lines: "bearer"}[o.Kind], "apikey", "bearer", "basic")
	if o.Index = p.text(keys["index"], at("index")); o.Index != "" && !indexPattern.MatchString(o.Index) {
		p.Failf(keys["index"], at("index"), "색인 이름은 영문 소문자나 숫자로 시작하고 그 밖에 ._-만 쓸 수 있습니다", "an index is named by small letters, digits and ._-, a letter or digit first")
	}
	if o.Kind == Elastic && keys["index"] == nil && !p.Has(at("index")) {
		p.Fail(n, at("index"), written.Missing)
	}
	o.SourceType, o.Host = p.text(keys["sourcetype"], at("sourcetype")), p.text(keys["host"], at("host"))
	o.Acknowledge = p.Yes(keys["acknowledge"], at("acknowledge"))
	o.What = What(p.Word(keys["what"], at("what"), string(Both), string(Records), string(Signals), string(Both)))
	if w := keys["where"]; w != nil {
		o.Where, _ = p.Prose(w, at("where"), maxWhere)
		if o.Where != "" {
			switch err := p.check(o.Where); {
			case errors.Is(err, ErrAllRecords):
				p.Failf(w, at("where"), "credential.issued는 보관된 기록 전체를 보아야 알 수 있으므로 여기서는 쓸 수 없습니다", "credential.issued needs a look through all records, and cannot be used here")
			case err != nil:
				// What a condition compares with may be an id, and the words of the
				// mistake quote it: only that it is one is said.
				p.Failf(w, at("where"), "조건을 이해할 수 없습니다. haetae scope --where로 확인하십시오", "the condition cannot be understood: try it with haetae scope --where")
			}
		}
		if o.What == Signals {
			p.Failf(w, at("where"), "탐지만 보내는 출력에는 조건을 쓸 수 없습니다", "an output of signals alone has no condition")
		}
	}
	o.Events = p.Number(keys["batch_events"], at("batch_events"), defaultEvents, 1, maxEvents)
	o.Bytes = p.Number(keys["batch_kib"], at("batch_kib"), defaultKiB, 16, maxKiB) << 10
	o.Gzip = p.Yes(keys["gzip"], at("gzip"))
	return o
}

// address is one that may stand in a file which is no secret.
func (p *parser) address(n *yaml.Node, field string, plain bool) string {
	s := p.text(n, field)
	if s == "" {
		return ""
	}
	if problem := remote.WrongShownURL(s, plain); problem != remote.Sound {
		p.Failf(n, field, problem.KO, problem.EN)
		return ""
	}
	return s
}

// ErrAllRecords: a condition asks for what only a look through all records tells.
var ErrAllRecords = errors.New("the condition asks for what only a look through all records tells")

// Load reads an outputs file, and looks once into every file that it names, so that a
// mistake shows at the start and not at the first record.
func Load(name string, check func(where string) error) (*Config, error) {
	text, err := remote.ReadFile(name, maxFileMiB<<20+1)
	if err != nil {
		t := written.TextOf(err)
		return nil, written.Mistakes{{File: filepath.Base(name), Problem: t.EN, ProblemKO: t.KO}}
	}
	c, err := Parse(filepath.Base(name), text, check)
	if err != nil {
		return nil, err
	}
	p := c.read.Again()
	fail := func(i int, key string, err error) {
		if err != nil {
			t := written.TextOf(err)
			p.FailAt(written.Key(written.Index("outputs", i), key), "%s", "%s", t)
		}
	}
	for i := range c.Outputs {
		o := &c.Outputs[i]
		for _, f := range []*string{&o.URLFile, &o.TokenFile, &o.CAFile} {
			if *f != "" && !filepath.IsAbs(*f) {
				*f = filepath.Join(filepath.Dir(name), *f)
			}
		}
		if o.URLFile != "" {
			_, err := remote.URLFrom("", o.URLFile, o.Plain)
			fail(i, "url_file", err)
		}
		if o.TokenFile != "" {
			_, err := remote.Secret(o.TokenFile)
			fail(i, "token_file", err)
		}
		_, err := remote.Authorities(o.CAFile)
		fail(i, "ca_file", err)
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	return c, nil
}
