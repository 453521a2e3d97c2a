package inputs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/ingest/kafka"
	"github.com/haetae/haetae/ingest/syslog"
	"github.com/haetae/haetae/internal/written"
	"github.com/haetae/haetae/internal/written/writtentest"
)

// everything has every key.
const everything = `version: 1
syslog:
  - name: web
    listen: 10.0.0.5:6514
    tls: {cert: server.pem, key: server.key, client_ca: senders.pem}
    connections: 20
    idle: 10m
    sources:
      - {app: nginx, host: web1, source: gateway}
      - {app: nginx, source: other}
  - sources: [{source: gateway}]
kafka:
  - name: shop
    brokers: ["kafka1.example:9093", "kafka2.example:9093"]
    group: haetae
    topics:
      - {topic: access, source: gateway}
      - {topic: audit.v1, source: admin}
    sasl: {mechanism: SCRAM-SHA-512, user_file: user, password_file: password}
    tls: {ca: ca.pem, cert: client.pem, key: client.key}
    start: newest
`

func TestParse(t *testing.T) {
	c, err := Parse("inputs.yaml", []byte(everything))
	if err != nil {
		t.Fatal(err)
	}
	s, d, k := c.Syslog[0], c.Syslog[1], c.Kafka[0]
	if s.Name != "web" || s.Listen != "10.0.0.5:6514" || *s.TLS != (syslog.TLS{Cert: "server.pem", Key: "server.key", ClientCA: "senders.pem"}) || s.Connections != 20 || s.Idle != 10*time.Minute || len(s.Sources) != 2 || s.Source() != "" {
		t.Errorf("%+v", s)
	}
	if d.Name != "syslog-2" || d.Listen != DefaultListen || d.TLS != nil || d.Connections != defaultConnections || d.Idle != defaultIdle || d.Source() != "gateway" {
		t.Errorf("%+v", d)
	}
	for _, x := range [][3]string{{"nginx", "web1", "gateway"}, {"nginx", "web2", "other"}, {"sshd", "web1", ""}} {
		if got := s.SourceOf(&syslog.Header{App: x[0], Host: x[1]}); got != x[2] {
			t.Errorf("%v is of %q", x, got)
		}
	}
	if k.Name != "shop" || len(k.Brokers) != 2 || k.Group != "haetae" || k.SourceOf("audit.v1") != "admin" || !k.Newest || k.SASL.Mechanism != kafka.Scram512 || k.TLS.Cert != "client.pem" {
		t.Errorf("%+v", k)
	}
	if got := c.Open(); len(got) != 0 {
		t.Errorf("in the clear: %v", got)
	}
	open, err := Parse("", []byte("version: 1\nsyslog: [{listen: \":6514\", sources: [{source: a}]}, {listen: \"127.0.0.1:0\", sources: [{source: a}]}, {listen: \"127.0.0.1:0\", sources: [{source: a}]}]\nkafka: [{brokers: [k:1], group: g, topics: [{topic: t, source: a}]}, {brokers: [\"localhost:1\"], group: g, topics: [{topic: t, source: a}]}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := open.Open(); strings.Join(got, " ") != "syslog-1 kafka-1" {
		t.Errorf("in the clear: %v", got)
	}
	if err := c.Check(func(source string) bool { return source != "other" && source != "admin" }); err == nil || err.Error() != "inputs.yaml:10: syslog[0].sources[1].source: the catalog has no such source\ninputs.yaml:18: kafka[0].topics[1].source: the catalog has no such source" {
		t.Error(err)
	}
}

// TestMistakes: each is told with its line, all at once.
func TestMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "inputs.yaml:1: the file is empty",
		"version: 1\n":             "inputs.yaml:1: neither syslog nor kafka is there",
		"syslog: []\n":             "inputs.yaml:1: version: is missing: version: 1\ninputs.yaml:1: syslog: the list is empty",
		"version: 1\nsyslog: [{}]": "inputs.yaml:2: syslog[0].sources: is missing",
		"version: 1\nsyslog:\n- sources: [{app: a, source: x}, {app: a, host: h, source: y}]\n  listen: here\n  idle: 1s\n  tls: {cert: a}": "inputs.yaml:3: syslog[0].sources[1]: is never used: an entry before it takes all of this\n" +
			"inputs.yaml:4: syslog[0].listen: an address is host:port, for example 127.0.0.1:6514\n" +
			"inputs.yaml:5: syslog[0].idle: expected a time from 1m to 7d, as 30s, 15m, 6h or 2d\n" +
			"inputs.yaml:6: syslog[0].tls.key: is missing",
		"version: 1\nsyslog:\n- {sources: [{source: x}]}\n- {name: syslog-1, sources: [{source: x}]}": "inputs.yaml:4: syslog[1].listen: another input listens on this address\ninputs.yaml:4: syslog[1].name: another input has this name",
		"version: 1\nkafka:\n- brokers: [\"k:9092\"]\n  group: g\n  topics: [{topic: a b, source: x}, {topic: t, source: x}, {topic: t, source: y}]\n  tls: {cert: c}\n  sasl: {mechanism: GSSAPI}\n  start: now": "inputs.yaml:5: kafka[0].topics[0].topic: the name of a topic is made of letters, digits, '.', '_' and '-'\n" +
			"inputs.yaml:5: kafka[0].topics[2].topic: this topic is there already\n" +
			"inputs.yaml:6: kafka[0].tls: cert and key go together\n" +
			"inputs.yaml:7: kafka[0].sasl.user_file: is missing\n" +
			"inputs.yaml:7: kafka[0].sasl.password_file: is missing\n" +
			"inputs.yaml:7: kafka[0].sasl.mechanism: is not one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512\n" +
			"inputs.yaml:8: kafka[0].start: is not one of oldest, newest",
		"version: 1\nkafka:\n- brokers: [\"k:9092\"]\n  group: g\n  topics: [{topic: t, source: x}]\n  sasl: {mechanism: PLAIN, user_file: u, password_file: p}": "inputs.yaml:6: kafka[0].sasl.mechanism: PLAIN sends the password as it is, so it needs tls",
	} {
		_, err := Parse("inputs.yaml", []byte(text))
		if err == nil {
			t.Errorf("%q is taken", text)
			continue
		}
		if sorted(err.Error()) != sorted(want) {
			t.Errorf("%q:\n%v\nwant\n%s", text, err, want)
		}
	}
}

func sorted(lines string) string {
	all := strings.Split(lines, "\n")
	for i := range all {
		for k := i + 1; k < len(all); k++ {
			if all[k] < all[i] {
				all[i], all[k] = all[k], all[i]
			}
		}
	}
	return strings.Join(all, "\n")
}

// TestSpoiledFiles: however the file is written wrongly, no mistake repeats what stands
// there, and each is told in both languages.
func TestSpoiledFiles(t *testing.T) {
	writtentest.Private(t, "inputs.yaml", everything, func(text string) error {
		_, err := Parse("inputs.yaml", []byte(text))
		return err
	})
	writtentest.Private(t, "inputs.yaml", everything, func(text string) error {
		c, err := Parse("inputs.yaml", []byte(text))
		if err == nil {
			err = c.Check(func(source string) bool { return source == "gateway" || source == "other" || source == "admin" })
		}
		return err
	})
}

// TestLoad: the files that are named are looked into at the start, below the folder of
// the file, and what is in them is not told.
func TestLoad(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("inputs.yaml", everything)
	write("user", "haetae\n")
	write("password", writtentest.Marker+"\n"+writtentest.Marker+"\n")
	write("server.pem", writtentest.Marker)
	write("server.key", writtentest.Marker)
	write("ca.pem", writtentest.Marker)
	_, err := Load(filepath.Join(dir, "inputs.yaml"))
	if err == nil {
		t.Fatal("it is taken")
	}
	want := "inputs.yaml:5: syslog[0].tls: the certificate and the key are of no use together: both are PEM, and belong to each other\n" +
		"inputs.yaml:19: kafka[0].sasl.password_file: the file holds more than one line, or a control character\n" +
		"inputs.yaml:20: kafka[0].tls: the file holds no certificate"
	if err.Error() != want {
		t.Errorf("%v\nwant\n%s", err, want)
	}
	if problem := writtentest.Told(err, "inputs.yaml"); problem != "" {
		t.Error(problem)
	}
	if _, err := Load(filepath.Join(dir, "none.yaml")); err == nil || err.Error() != "none.yaml: the file is not there" || written.Korean(err) != "none.yaml: 파일이 없습니다" {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(everything)
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := Parse("inputs.yaml", []byte(text)); err == nil && len(c.Syslog)+len(c.Kafka) == 0 {
			t.Error("a file without an input is taken")
		}
	})
}
