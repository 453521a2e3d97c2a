package siem

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/haetae/haetae/internal/written"
	"github.com/haetae/haetae/internal/written/writtentest"
)

const everything = `version: 1
outputs:
  - name: splunk
    kind: splunk_hec
    url: https://splunk.example:8088
    token_file: splunk.token
    ca_file: ca.pem
    index: access
    sourcetype: haetae:ocsf
    host: haetae-1
    acknowledge: true
    what: both
    where: 'action == "read" && status == 200'
    batch_events: 500
    batch_kib: 512
    gzip: true
  - name: elastic
    kind: elastic_bulk
    url_file: elastic.url
    token_file: elastic.key
    scheme: apikey
    index: logs-haetae
    what: records
  - name: lines
    kind: http_ndjson
    url: http://10.0.0.5/in
    plain: true
    what: signals
`

// judge stands for the compiler of conditions.
func judge(where string) error {
	switch {
	case strings.Contains(where, "issued"):
		return ErrAllRecords
	case strings.Contains(where, "$"):
		return errors.New("syntax error at " + where)
	}
	return nil
}

func TestParse(t *testing.T) {
	c, err := Parse("outputs.yaml", []byte(everything), judge)
	if err != nil {
		t.Fatal(err)
	}
	s, e, l := c.Outputs[0], c.Outputs[1], c.Outputs[2]
	if s.Kind != Splunk || !s.Acknowledge || s.Events != 500 || s.Bytes != 512<<10 || !s.Gzip || s.Scheme != "splunk" || s.Where == "" || !s.wants(Signals) || !s.wants(Records) {
		t.Errorf("%+v", s)
	}
	if e.Kind != Elastic || e.Scheme != "apikey" || e.Events != defaultEvents || e.Bytes != defaultKiB<<10 || e.wants(Signals) || !e.wants(Records) {
		t.Errorf("%+v", e)
	}
	if l.Scheme != "bearer" || !l.Plain || l.wants(Records) {
		t.Errorf("%+v", l)
	}
}

func TestMistakes(t *testing.T) {
	splunk := "{name: a, kind: splunk_hec, url: 'https://h', token_file: t"
	for text, want := range map[string]string{
		"outputs: []":             "version: is missing: version: 1",
		"version: 2\noutputs: []": "version: this haetae reads version 1",
		"version: 1":              "outputs: is missing",
		"version: 1\noutputs: [{name: A, kind: http_ndjson, url: 'https://h'}]":                                          "outputs[0].name: a name is made of",
		"version: 1\noutputs: [{name: a, kind: kafka, url: 'https://h'}]":                                                "outputs[0].kind: is not one of splunk_hec, elastic_bulk, http_ndjson",
		"version: 1\noutputs: [{name: a, kind: http_ndjson}]":                                                            "outputs[0].url: is missing, and so is url_file",
		"version: 1\noutputs: [{name: a, kind: http_ndjson, url: 'https://h', url_file: x}]":                             "outputs[0].url_file: stands beside url",
		"version: 1\noutputs: [{name: a, kind: http_ndjson, url: 'http://h'}]":                                           "outputs[0].url: http to another machine",
		"version: 1\noutputs: [{name: a, kind: http_ndjson, url: 'https://u:p@h'}]":                                      "outputs[0].url: a name, a password or a query",
		"version: 1\noutputs: [{name: a, kind: http_ndjson, url: 'https://h', index: x}]":                                "outputs[0].index: an output of kind http_ndjson has no such key",
		"version: 1\noutputs: [{name: a, kind: splunk_hec, url: 'https://h'}]":                                           "outputs[0].token_file: is missing",
		"version: 1\noutputs: [{name: a, kind: elastic_bulk, url: 'https://h'}]":                                         "outputs[0].index: is missing",
		"version: 1\noutputs: [" + splunk + ", where: '$'}]":                                                             "outputs[0].where: the condition cannot be understood",
		"version: 1\noutputs: [" + splunk + ", where: 'credential.issued'}]":                                             "outputs[0].where: credential.issued needs a look",
		"version: 1\noutputs: [" + splunk + ", where: 'true', what: signals}]":                                           "outputs[0].where: an output of signals alone",
		"version: 1\noutputs: [" + splunk + ", batch_events: 0}]":                                                        "outputs[0].batch_events: expected a number from 1 to 10000",
		"version: 1\noutputs: [" + splunk + ", batch_kib: 8}]":                                                           "outputs[0].batch_kib: expected a number from 16 to 16384",
		"version: 1\noutputs: [" + splunk + "}, " + splunk + "}]":                                                        "outputs[1].name: another output has this name",
		"version: 1\noutputs: [{name: a, kind: elastic_bulk, url: 'https://h', index: '_x'}]":                            "outputs[0].index: an index is named",
		"version: 1\noutputs: [" + strings.Repeat("{name: a, kind: http_ndjson, url: 'https://h'},", maxOutputs+1) + "]": "outputs: more than 16 outputs",
	} {
		_, err := Parse("o.yaml", []byte(text), judge)
		if err == nil || !strings.Contains(err.Error(), want) || written.Korean(err) == err.Error() {
			t.Errorf("%s\nsays %v\nwant %s", text, err, want)
		}
	}
}

// TestSpoiledFiles: however the file is written wrongly, no mistake repeats what
// stands there, and each is told in both languages.
func TestSpoiledFiles(t *testing.T) {
	writtentest.Private(t, "outputs.yaml", everything, func(text string) error {
		_, err := Parse("outputs.yaml", []byte(text), judge)
		return err
	})
}

// TestLoad: the files that are named are looked into once.
func TestLoad(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "outputs.yaml")
	put := func(file, text string) {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("outputs.yaml", everything)
	put("splunk.token", "")
	put("elastic.url", "ftp://secret-host/")
	put("ca.pem", "no certificate")
	_, err := Load(name, judge)
	if err == nil {
		t.Fatal("taken")
	}
	for _, want := range []string{
		"outputs.yaml:6: outputs[0].token_file: the file is empty", "outputs.yaml:7: outputs[0].ca_file: the file holds no certificate",
		"outputs.yaml:19: outputs[1].url_file: the address in the file: is no address", "outputs.yaml:20: outputs[1].token_file: the file is not there",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nlacks %s", err, want)
		}
	}
	if strings.Contains(err.Error(), "secret-host") || strings.Contains(err.Error(), dir) {
		t.Error(err)
	}
	if _, err := Load(name+".gone", judge); err == nil || err.Error() != "outputs.yaml.gone: the file is not there" {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(everything)
	f.Add("version: 1\noutputs: []\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse("o.yaml", []byte(text), judge)
		if (c == nil) == (err == nil) {
			t.Fatal("neither or both")
		}
	})
}
