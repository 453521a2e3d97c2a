package alert

import (
	"net/mail"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/internal/remote"
	"github.com/haetae/haetae/internal/written"
)

// The numbers of this package. docs/alerts.md has them in a table, and a test
// holds it to them.
const (
	maxChannels = 64
	maxSteps    = 16
	maxTo       = 50 // recipients of one mail channel

	defaultGrowth      = 30 * time.Minute // between two tellings of a signal that grows
	defaultGrowthAcked = 6 * time.Hour    // the same, once somebody has taken it
	defaultSignals     = 10_000
	defaultPerMinute   = 20 // Slack takes about one a second; a person reads less
	defaultHeartbeat   = time.Minute

	// Shorter than this a repetition would come before anybody could have looked.
	minRepeat = 5 * time.Minute
	maxRepeat = 7 * 24 * time.Hour
)

// Config is an alerts file. Load reads one with all files that it names.
type Config struct {
	Zone *time.Location // in which times are told
	// Link is where a signal can be looked at: an address with {id} in it. Empty:
	// no link is told.
	Link       string
	Channels   []Channel
	RotaFile   string // as written; relative to the alerts file
	Rota       *Rota  // nil without one
	Escalation Escalation
	Heartbeat  Heartbeat
	// GrowEvery is the shortest time between two tellings of one signal to one
	// channel when its severity has not risen. Too short tires whoever reads.
	GrowEvery      time.Duration
	GrowEveryAcked time.Duration
	// MaxSignals bounds the queue.
	MaxSignals int

	read *written.Reader // for mistakes that Load and Use find
}

// Kind of a channel.
type Kind string

const (
	Webhook Kind = "webhook"
	Slack   Kind = "slack"
	Mail    Kind = "mail"
)

// Language in which a channel is told.
type Language string

const (
	Korean  Language = "ko"
	English Language = "en"
	Both    Language = "both"
)

// TLS says how a connection to a mail server is protected.
type TLS string

const (
	StartTLS TLS = "starttls"
	Implicit TLS = "implicit"
	NoTLS    TLS = "none"
)

// Channel is one way to tell somebody. Files hold the secrets and are read anew
// for each message, so that they can be changed while Haetae runs.
type Channel struct {
	Name        string
	Kind        Kind
	MinSeverity detect.Severity // not asked where a step of the escalation names the channel
	Personal    bool            // also told: group, reason, predicate, who acknowledged
	Language    Language
	Standby     bool // told only by a step of the escalation
	PerMinute   int  // messages; the highest severity goes first
	CAFile      string

	// Webhook and Slack. One of URL and URLFile.
	URL        string
	URLFile    string
	Plain      bool   // http to another machine is allowed
	SecretFile string // HMAC over timestamp and body
	TokenFile  string // sent as Authorization: Bearer

	// Mail.
	Host         string
	Port         int
	TLS          TLS
	Username     string
	PasswordFile string
	From         string
	To           []string
}

// Escalation says who is told next while nobody acknowledges.
type Escalation struct {
	MinSeverity detect.Severity
	Steps       []Step
}

// Step of an escalation. One of Channel and Role.
type Step struct {
	After   time.Duration // since the signal was first told, or came up again
	Channel string
	Role    string // of the rota
	// Repeat is how often the step is taken again until somebody acknowledges; 0:
	// once. Only the last step has one.
	Repeat time.Duration
}

// Heartbeat is a sign of life that a monitor elsewhere watches: it rings when
// the sign fails to come.
type Heartbeat struct {
	URL     string
	URLFile string
	Plain   bool
	Every   time.Duration
	// Within is how long ago detection must have said that it is alive.
	Within time.Duration
	Method string
}

// Watched reports whether there is a heartbeat at all.
func (h Heartbeat) Watched() bool { return h.URL != "" || h.URLFile != "" }

// channel finds one by its name; nil if there is none.
func (c *Config) channel(name string) *Channel {
	i := slices.IndexFunc(c.Channels, func(ch Channel) bool { return ch.Name == name })
	if i < 0 {
		return nil
	}
	return &c.Channels[i]
}

// Parse reads an alerts file and none of the files that it names. name is only
// for messages. All mistakes are reported at once, as Errors.
func Parse(name string, text []byte) (*Config, error) {
	p := newParser(name)
	root := p.Document(text, maxFileMiB)
	if root == nil {
		return nil, p.Err()
	}
	c := &Config{
		Zone: time.UTC, GrowEvery: defaultGrowth, GrowEveryAcked: defaultGrowthAcked, MaxSignals: defaultSignals,
		Escalation: Escalation{MinSeverity: detect.High}, read: p.Reader,
	}
	keys := p.Keys(root, "", "version", "zone", "link", "channels", "rota", "escalation", "heartbeat", "growth", "queue")
	p.Version(root, keys)
	c.Zone = p.Zone(keys["zone"], "zone")
	if n := keys["link"]; n != nil {
		c.Link = p.link(n)
	}
	if n := keys["channels"]; n != nil {
		p.channels(c, n)
	} else if !p.Has("channels") {
		p.Failf(root, "channels", "없습니다. 알림을 받을 채널이 하나도 없게 됩니다", "is missing: nobody would be told")
	}
	c.RotaFile = p.text(keys["rota"], "rota")
	if n := keys["escalation"]; n != nil {
		p.escalation(c, n)
	}
	if n := keys["heartbeat"]; n != nil {
		c.Heartbeat = p.heartbeat(n)
	}
	if n := keys["growth"]; n != nil {
		g := p.Keys(n, "growth", "every", "acknowledged")
		c.GrowEvery = p.Duration(g["every"], "growth.every", defaultGrowth, time.Minute, 24*time.Hour)
		c.GrowEveryAcked = p.Duration(g["acknowledged"], "growth.acknowledged", max(defaultGrowthAcked, c.GrowEvery), time.Minute, 7*24*time.Hour)
	}
	if n := keys["queue"]; n != nil {
		q := p.Keys(n, "queue", "signals")
		c.MaxSignals = p.Number(q["signals"], "queue.signals", defaultSignals, 10, 100_000)
	}
	p.reachable(c)
	if err := p.Err(); err != nil {
		return nil, err
	}
	return c, nil
}

func (p *parser) channels(c *Config, n *yaml.Node) {
	list := p.list(n, "channels")
	if n.Kind == yaml.SequenceNode && len(list) == 0 {
		p.Failf(n, "channels", "목록이 비어 있습니다. 알림을 받을 채널이 하나도 없게 됩니다", "the list is empty: nobody would be told")
	}
	if len(list) > maxChannels {
		p.Failf(n, "channels", "채널은 %d개까지입니다", "more than %d channels", maxChannels)
		return
	}
	for i, n := range list {
		ch := p.oneChannel(n, written.Index("channels", i))
		if ch.Name != "" && c.channel(ch.Name) != nil {
			p.Failf(n, written.Index("channels", i)+".name", "같은 이름의 채널이 이미 있습니다", "another channel has this name")
		}
		c.Channels = append(c.Channels, ch)
	}
}

var channelKeys = []string{"name", "kind", "min_severity", "personal", "language", "standby", "per_minute", "ca_file"}

var kindKeys = map[Kind][]string{
	Webhook: {"url", "url_file", "plain", "secret_file", "token_file"},
	Slack:   {"url_file", "plain"},
	Mail:    {"host", "port", "tls", "username", "password_file", "from", "to"},
}

func (p *parser) oneChannel(n *yaml.Node, field string) Channel {
	ch := Channel{MinSeverity: detect.Medium, Language: Both, PerMinute: defaultPerMinute}
	all := slices.Concat(channelKeys, kindKeys[Webhook], kindKeys[Mail])
	before := p.Found()
	keys := p.Keys(n, field, all...)
	if n.Kind != yaml.MappingNode {
		return ch
	}
	ch.Name = p.name(keys["name"], field+".name")
	ch.Kind = Kind(p.Word(keys["kind"], field+".kind", "", string(Webhook), string(Slack), string(Mail)))
	p.must(n, field, keys, "name", "kind")
	ch.MinSeverity = p.severity(keys["min_severity"], field+".min_severity", ch.MinSeverity)
	ch.Personal = p.Yes(keys["personal"], field+".personal")
	ch.Language = Language(p.Word(keys["language"], field+".language", string(Both), string(Korean), string(English), string(Both)))
	ch.Standby = p.Yes(keys["standby"], field+".standby")
	ch.PerMinute = p.Number(keys["per_minute"], field+".per_minute", defaultPerMinute, 1, 600)
	ch.CAFile = p.text(keys["ca_file"], field+".ca_file")
	if ch.Kind == "" {
		return ch
	}
	for _, key := range all {
		if v := keys[key]; v != nil && !slices.Contains(channelKeys, key) && !slices.Contains(kindKeys[ch.Kind], key) {
			if ch.Kind == Slack && key == "url" {
				p.Failf(v, field+".url", "Slack 웹훅은 주소 자체가 비밀입니다. 파일에 넣고 url_file에 그 파일을 적으십시오", "the address of a Slack webhook is its secret: put it into a file, and name that in url_file")
			} else {
				p.Failf(v, written.Key(field, key), "%s 채널에는 쓸 수 없는 키입니다", "a %s channel has no such key", ch.Kind)
			}
		}
	}
	switch ch.Kind {
	case Webhook, Slack:
		ch.Plain = p.Yes(keys["plain"], field+".plain")
		ch.URLFile = p.text(keys["url_file"], field+".url_file")
		if ch.Kind == Webhook {
			ch.URL = p.address(keys["url"], field+".url", ch.Plain)
			ch.SecretFile = p.text(keys["secret_file"], field+".secret_file")
			ch.TokenFile = p.text(keys["token_file"], field+".token_file")
		}
		p.oneOf(n, field, before, ch.Kind == Webhook, keys["url"], keys["url_file"])
	case Mail:
		p.mailChannel(n, field, keys, &ch)
	}
	return ch
}

// oneOf asks for either address.
func (p *parser) oneOf(n *yaml.Node, field string, before int, both bool, u, file *yaml.Node) {
	switch {
	case u != nil && file != nil && both:
		p.Failf(file, field+".url_file", "url과 함께 쓸 수 없습니다. 하나만 쓰십시오", "stands beside url: one of them")
	case u == nil && file == nil && p.Found() == before && both:
		p.Failf(n, field+".url", "url이나 url_file 중 하나가 있어야 합니다", "is missing, and so is url_file: one of them")
	case file == nil && p.Found() == before && !both:
		p.Fail(n, field+".url_file", written.Missing)
	}
}

func (p *parser) mailChannel(n *yaml.Node, field string, keys map[string]*yaml.Node, ch *Channel) {
	ch.TLS = TLS(p.Word(keys["tls"], field+".tls", string(StartTLS), string(StartTLS), string(Implicit), string(NoTLS)))
	ch.Host = p.text(keys["host"], field+".host")
	if strings.ContainsAny(ch.Host, " /@:[]") && ch.Host != "" {
		if _, err := netip.ParseAddr(ch.Host); err != nil {
			p.Failf(keys["host"], field+".host", "호스트가 아닙니다. 포트 없이 호스트 이름이나 IP 주소를 쓰십시오", "is no host: a name or an address, without a port")
		}
	}
	usual := map[TLS]int{StartTLS: 587, Implicit: 465, NoTLS: 25}[ch.TLS]
	ch.Port = p.Number(keys["port"], field+".port", usual, 1, 65535)
	ch.Username = p.text(keys["username"], field+".username")
	ch.PasswordFile = p.text(keys["password_file"], field+".password_file")
	ch.From = p.mailbox(keys["from"], field+".from")
	p.must(n, field, keys, "host", "from", "to")
	if to := keys["to"]; to != nil {
		list := p.list(to, field+".to")
		if to.Kind == yaml.SequenceNode && (len(list) == 0 || len(list) > maxTo) {
			p.Failf(to, field+".to", "주소를 1개부터 %d개까지 쓰십시오", "expected 1 to %d addresses", maxTo)
			list = nil
		}
		for i, n := range list {
			ch.To = append(ch.To, p.mailbox(n, written.Index(field+".to", i)))
		}
	}
	switch {
	case (keys["username"] == nil) != (keys["password_file"] == nil):
		p.Failf(n, field+".username", "username과 password_file은 함께 쓰거나 둘 다 쓰지 않아야 합니다", "username and password_file stand together or not at all")
	case ch.Username != "" && ch.TLS == NoTLS && !remote.Loopback(ch.Host):
		p.Failf(keys["username"], field+".username", "TLS 없이 다른 서버로 비밀번호를 보내지 않습니다", "a password is not sent without TLS to another machine")
	}
}

// mailbox is an address as it stands in a mail: name@host, or Name <name@host>.
func (p *parser) mailbox(n *yaml.Node, field string) string {
	s := p.text(n, field)
	if s == "" {
		return ""
	}
	a, err := mail.ParseAddress(s)
	if err != nil || !strings.Contains(a.Address, "@") || strings.ContainsFunc(a.Address, func(r rune) bool { return r <= ' ' || r > '~' }) {
		p.Failf(n, field, "전자우편주소가 아닙니다", "is no e-mail address")
		return ""
	}
	return s
}

func (p *parser) severity(n *yaml.Node, field string, byDefault detect.Severity) detect.Severity {
	s := p.Word(n, field, byDefault.String(), "informational", "low", "medium", "high", "critical")
	v, _ := detect.ParseSeverity(s)
	return v
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

func (p *parser) link(n *yaml.Node) string {
	s := p.text(n, "link")
	if s == "" {
		return ""
	}
	u, err := url.Parse(strings.ReplaceAll(s, "{id}", "sig-0"))
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.ContainsAny(s, "<>|\" "):
		p.Failf(n, "link", "주소가 아닙니다. https://호스트/signals/{id}처럼 쓰십시오", "is no address: https://host/signals/{id}")
	case u.User != nil:
		p.Failf(n, "link", "사용자 이름이나 비밀번호가 모든 수신자에게 전달됩니다", "a name or password would be told to everybody")
	case strings.Count(s, "{id}") != 1 || strings.Contains(u.Host, "sig-0"):
		p.Failf(n, "link", "{id}는 호스트 뒤에 한 번만 쓰십시오", "{id} stands in it once, behind the host")
	default:
		return s
	}
	return ""
}

func (p *parser) escalation(c *Config, n *yaml.Node) {
	keys := p.Keys(n, "escalation", "min_severity", "steps")
	c.Escalation.MinSeverity = p.severity(keys["min_severity"], "escalation.min_severity", detect.High)
	if keys["steps"] == nil {
		p.must(n, "escalation", keys, "steps")
		return
	}
	list := p.list(keys["steps"], "escalation.steps")
	if len(list) > maxSteps {
		p.Failf(n, "escalation.steps", "단계는 %d개까지입니다", "more than %d steps", maxSteps)
		return
	}
	for i, n := range list {
		field := written.Index("escalation.steps", i)
		before := p.Found()
		k := p.Keys(n, field, "after", "channel", "role", "repeat")
		s := Step{
			After:   p.Duration(k["after"], field+".after", 0, 0, 30*24*time.Hour),
			Channel: p.name(k["channel"], field+".channel"),
			Role:    p.name(k["role"], field+".role"),
			Repeat:  p.Duration(k["repeat"], field+".repeat", 0, minRepeat, maxRepeat),
		}
		switch {
		case p.Found() > before:
		case k["after"] == nil:
			p.Fail(n, field+".after", written.Missing)
		case (s.Channel == "") == (s.Role == ""):
			p.Failf(n, field, "단계에는 channel이나 role 중 하나를 쓰십시오", "a step names a channel or a role")
		case i > 0 && i == len(c.Escalation.Steps) && s.After < c.Escalation.Steps[i-1].After:
			p.Failf(k["after"], field+".after", "앞 단계보다 이릅니다", "is earlier than the step before")
		case s.Channel != "" && c.channel(s.Channel) == nil:
			p.Fail(k["channel"], field+".channel", noChannel)
		case s.Repeat > 0 && i < len(list)-1:
			p.Failf(k["repeat"], field+".repeat", "마지막 단계만 반복할 수 있습니다", "only the last step can repeat")
		case s.Role != "" && c.RotaFile == "":
			p.Failf(k["role"], field+".role", "당직표가 없습니다. rota: rota.yaml로 지정하십시오", "there is no rota: rota: rota.yaml")
		}
		c.Escalation.Steps = append(c.Escalation.Steps, s)
	}
}

func (p *parser) heartbeat(n *yaml.Node) Heartbeat {
	before := p.Found()
	keys := p.Keys(n, "heartbeat", "url", "url_file", "plain", "interval", "within", "method")
	h := Heartbeat{
		Plain:   p.Yes(keys["plain"], "heartbeat.plain"),
		URLFile: p.text(keys["url_file"], "heartbeat.url_file"),
		Every:   p.Duration(keys["interval"], "heartbeat.interval", defaultHeartbeat, 10*time.Second, 24*time.Hour),
		Method:  p.Word(keys["method"], "heartbeat.method", "GET", "GET", "HEAD", "POST", "PUT"),
	}
	h.URL = p.address(keys["url"], "heartbeat.url", h.Plain)
	h.Within = p.Duration(keys["within"], "heartbeat.within", h.Every, 10*time.Second, 24*time.Hour)
	p.oneOf(n, "heartbeat", before, true, keys["url"], keys["url_file"])
	return h
}

var noChannel = written.Kind{Code: "no_channel", KO: "그런 채널이 없습니다", EN: "there is no such channel"}

// reachable asks that somebody is told of a signal when it comes.
func (p *parser) reachable(c *Config) {
	if p.Found() == 0 && !slices.ContainsFunc(c.Channels, func(ch Channel) bool { return !ch.Standby }) &&
		!slices.ContainsFunc(c.Escalation.Steps, func(s Step) bool { return s.After == 0 }) {
		p.FailAt("channels", "모두 standby이고 바로(after: 0s) 알리는 단계도 없어, 새 탐지를 아무도 받지 못합니다", "all are standby, and no step of the escalation comes at once: nobody would be told of a new signal")
	}
}

// under resolves the files that c names against the folder of the alerts file.
func (c *Config) under(dir string) {
	abs := func(name *string) {
		if *name != "" && !filepath.IsAbs(*name) {
			*name = filepath.Join(dir, *name)
		}
	}
	abs(&c.RotaFile)
	abs(&c.Heartbeat.URLFile)
	for i := range c.Channels {
		ch := &c.Channels[i]
		for _, name := range []*string{&ch.URLFile, &ch.SecretFile, &ch.TokenFile, &ch.PasswordFile, &ch.CAFile} {
			abs(name)
		}
	}
}
