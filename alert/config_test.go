package alert

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/haetae/haetae/detect"
)

const everything = `version: 1
zone: Asia/Seoul
link: https://haetae.example/signals/{id}?from=alert
channels:
  - name: room
    kind: slack
    url_file: slack-url
    min_severity: low
    language: ko
    per_minute: 30
  - name: siem
    kind: webhook
    url: https://siem.example/hooks/haetae
    secret_file: /etc/haetae/siem-key
    token_file: siem-token
    ca_file: ca.pem
    personal: true
    language: en
  - name: officers
    kind: mail
    host: smtp.example
    port: 2525
    tls: implicit
    username: haetae
    password_file: smtp-password
    from: 해태 <haetae@shop.example>
    to: [cpo@shop.example, "보안팀 <sec@shop.example>"]
    standby: true
rota: rota.yaml
escalation:
  min_severity: critical
  steps:
    - {after: 0s, role: first}
    - {after: 1h30m, channel: officers, repeat: 1h}
heartbeat: {url_file: watch-url, interval: 5m, within: 10m, method: POST}
growth: {every: 15m, acknowledged: 1d}
queue: {signals: 500}
`

func TestParse(t *testing.T) {
	c := settings(t, everything)
	seoul, _ := time.LoadLocation("Asia/Seoul")
	want := &Config{
		Zone: seoul, Link: "https://haetae.example/signals/{id}?from=alert", RotaFile: "rota.yaml",
		Channels: []Channel{
			{Name: "room", Kind: Slack, URLFile: "slack-url", MinSeverity: detect.Low, Language: Korean, PerMinute: 30},
			{Name: "siem", Kind: Webhook, URL: "https://siem.example/hooks/haetae", SecretFile: "/etc/haetae/siem-key", TokenFile: "siem-token",
				CAFile: "ca.pem", MinSeverity: detect.Medium, Personal: true, Language: English, PerMinute: 20},
			{Name: "officers", Kind: Mail, Host: "smtp.example", Port: 2525, TLS: Implicit, Username: "haetae", PasswordFile: "smtp-password",
				From: "해태 <haetae@shop.example>", To: []string{"cpo@shop.example", "보안팀 <sec@shop.example>"},
				MinSeverity: detect.Medium, Language: Both, PerMinute: 20, Standby: true},
		},
		Escalation: Escalation{detect.Critical, []Step{{0, "", "first", 0}, {90 * time.Minute, "officers", "", time.Hour}}},
		Heartbeat:  Heartbeat{URLFile: "watch-url", Every: 5 * time.Minute, Within: 10 * time.Minute, Method: "POST"},
		GrowEvery:  15 * time.Minute, GrowEveryAcked: 24 * time.Hour, MaxSignals: 500,
	}
	if diff := cmp.Diff(want, c, cmpopts.IgnoreUnexported(Config{}), cmp.Comparer(func(a, b *time.Location) bool { return a.String() == b.String() })); diff != "" {
		t.Error(diff)
	}
	c.under("/etc/haetae")
	if c.RotaFile != "/etc/haetae/rota.yaml" || c.Channels[1].SecretFile != "/etc/haetae/siem-key" || c.Channels[2].PasswordFile != "/etc/haetae/smtp-password" {
		t.Errorf("files: %+v", c)
	}
}

// Every mistake is reported, all at once, each with its line and field.
func TestMistakes(t *testing.T) {
	const text = `version: 2
zone: Local
link: https://haetae.example/signals
chanels: []
channels:
  - name: Big Room
    kind: pager
  - {name: a, kind: slack, url: "https://hooks.example/T0/B0/hunter2"}
  - {name: b, kind: webhook, url: "https://me:hunter2@x.example/"}
  - {name: b, kind: webhook, url: "https://x.example/?token=hunter2"}
  - {name: c, kind: webhook, url: "http://x.example/"}
  - {name: d, kind: webhook, url: "https://x.example/", url_file: x}
  - {name: e, kind: webhook}
  - {name: f, kind: slack}
  - {name: g, kind: mail, url: "https://x.example/", host: "smtp.example:25", from: x, to: []}
  - {name: h, kind: mail, host: smtp.example, tls: none, username: x, password_file: p, from: a@b.example, to: [c@d.example, "e@f.example\nBcc: g@h.example"]}
  - {name: i, kind: mail, host: smtp.example, username: x, from: a@b.example, to: [c@d.example], password: hunter2}
  - {name: j, kind: webhook, url: "https://x.example/", min_severity: hi, personal: yes please, language: fr, per_minute: 0}
  - just a word
escalation:
  steps:
    - {after: 1h, channel: a}
    - {after: 30m, channel: b}
    - {after: 2h, channel: nobody}
    - {after: 2h, role: first}
    - {after: 2h}
    - {channel: a}
    - {after: soon, channel: a}
    - {after: 3h, channel: a, repeat: 1h}
    - {after: 4h, channel: a, repeat: 1m}
heartbeat: {interval: 1s, method: BREW}
growth: {every: 1s}
queue: {signals: 3}
`
	_, err := Parse("alerts.yaml", []byte(text))
	if err == nil {
		t.Fatal("no mistake was found")
	}
	got := strings.Split(err.Error(), "\n")
	want := []string{
		"alerts.yaml:1: version: this haetae reads version 1",
		"alerts.yaml:2: zone: unknown time zone",
		"alerts.yaml:3: link: {id} stands in it once",
		`alerts.yaml:4: unknown key; did you mean "channels"?; known are version,`,
		"alerts.yaml:6: channels[0].name: a name is made of",
		"alerts.yaml:7: channels[0].kind: is not one of webhook, slack, mail",
		"alerts.yaml:8: channels[1].url: the address of a Slack webhook is its secret",
		"alerts.yaml:9: channels[2].url: a name, a password or a query",
		"alerts.yaml:10: channels[3].url: a name, a password or a query",
		"alerts.yaml:10: channels[3].name: another channel has this name",
		"alerts.yaml:11: channels[4].url: http to another machine",
		"alerts.yaml:12: channels[5].url_file: stands beside url",
		"alerts.yaml:13: channels[6].url: is missing",
		"alerts.yaml:14: channels[7].url_file: is missing",
		"alerts.yaml:15: channels[8].url: a mail channel has no such key",
		"alerts.yaml:15: channels[8].host: is no host",
		"alerts.yaml:15: channels[8].from: is no e-mail address",
		"alerts.yaml:15: channels[8].to: expected 1 to 50 addresses",
		"alerts.yaml:16: channels[9].to[1]: holds a control character",
		"alerts.yaml:16: channels[9].username: a password is not sent without TLS",
		"alerts.yaml:17: channels[10]: unknown key",
		"alerts.yaml:17: channels[10].username: username and password_file stand together",
		"alerts.yaml:18: channels[11].min_severity: is not one of",
		"alerts.yaml:18: channels[11].personal: is not one of true, false",
		"alerts.yaml:18: channels[11].language: is not one of",
		"alerts.yaml:18: channels[11].per_minute: expected a number from 1 to 600",
		"alerts.yaml:19: channels[12]: expected keys and values, found one value",
		"alerts.yaml:23: escalation.steps[1].after: is earlier",
		"alerts.yaml:24: escalation.steps[2].channel: there is no such channel",
		"alerts.yaml:25: escalation.steps[3].role: there is no rota",
		"alerts.yaml:26: escalation.steps[4]: a step names a channel or a role",
		"alerts.yaml:27: escalation.steps[5].after: is missing",
		"alerts.yaml:28: escalation.steps[6].after: expected a time",
		"alerts.yaml:29: escalation.steps[7].repeat: only the last step",
		"alerts.yaml:30: escalation.steps[8].repeat: expected a time from 5m to 7d",
		"alerts.yaml:31: heartbeat.interval: expected a time from 10s",
		"alerts.yaml:31: heartbeat.method: is not one of",
		"alerts.yaml:32: growth.every: expected a time",
		"alerts.yaml:33: queue.signals: expected a number from 10",
	}
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(want):
			t.Errorf("as well: %s", got[i])
		case i >= len(got):
			t.Errorf("not found: %s", want[i])
		case !strings.HasPrefix(got[i], want[i]):
			t.Errorf("%s\nwant %s", got[i], want[i])
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Error("a secret stands in the errors")
	}
}

func TestUnreadable(t *testing.T) {
	for text, want := range map[string]string{
		"":                                       "alerts.yaml:1: the file is empty",
		"- a":                                    "alerts.yaml:1: expected keys and values, found a list",
		"a: [hunter2":                            "alerts.yaml:1: not readable as YAML: a bracket or a comma is missing",
		"version: 1\n---\nversion: 1\n":          "alerts.yaml:2: a second document",
		"version: 1\nversion: 1\nchannels: []\n": "alerts.yaml:2: version: stands twice",
		"version: 1\nchannels:\n":                "alerts.yaml:2: channels: has no value",
		"version: 1\nx: &a 1\nzone: *a\n":        "alerts.yaml:3: zone: YAML references (*) are not supported",
		"version: 1\n" + strings.Repeat("#", maxFileBytes):                             "alerts.yaml:1: the file is larger than 1 MiB",
		"version: 1\nchannels: [{name: a, kind: slack, url_file: x, standby: true}]\n": "alerts.yaml:2: channels: all are standby",
	} {
		_, err := Parse("alerts.yaml", []byte(text))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%.40q: %v\nwant %s", text, err, want)
		}
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	alerts := file(t, dir, "alerts.yaml", everything)
	file(t, dir, "alerts.yaml", strings.ReplaceAll(everything, "/etc/haetae/siem-key", "siem-key"))
	_, err := Load(alerts)
	if err == nil {
		t.Fatal("files are missing")
	}
	for _, part := range []string{"rota: the file is not there", "channels[0].url_file: the file is not there", "channels[1].secret_file:", "channels[1].ca_file:", "channels[2].password_file:", "heartbeat.url_file:"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("no %q in\n%v", part, err)
		}
	}

	file(t, dir, "rota.yaml", "version: 1\nzone: Asia/Seoul\npeople: {kim: {channels: [pager]}}\nroles: {second: {weekly: [{from: \"00:00\", to: \"24:00\", who: kim}]}}\n")
	file(t, dir, "slack-url", "ftp://hunter2.example/x")
	file(t, dir, "siem-key", "hunter2")
	file(t, dir, "siem-token", "hunter2\nhunter2")
	file(t, dir, "ca.pem", "hunter2")
	file(t, dir, "smtp-password", "\n")
	file(t, dir, "watch-url", "https://watch.example/hunter2?x=hunter2\n")
	_, err = Load(alerts)
	if err == nil {
		t.Fatal("files are wrong")
	}
	for _, part := range []string{
		"alerts.yaml:33: escalation.steps[0].role: the rota has no such role", "rota.yaml:3: people[0].channels[0]: there is no such channel",
		"alerts.yaml:7: channels[0].url_file: the address in the file: is no address", "channels[1].secret_file: the secret is shorter than 16 bytes",
		"channels[1].token_file: the file holds more than one line", "channels[1].ca_file: the file holds no certificate", "alerts.yaml:25: channels[2].password_file: the file is empty",
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("no %q in\n%v", part, err)
		}
	}
	if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "heartbeat") {
		t.Errorf("a secret, or a mistake that is none: %v", err)
	}
}
