package alert

import (
	"encoding/json"
	"strings"
)

// Slack takes 150 characters in a heading and 3,000 in a section. What is cut
// can be seen by the link.
const (
	maxSlackHeader  = 150
	maxSlackSection = 2900
)

type slackText struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

type slackBlock struct {
	Type     string      `json:"type"`
	Text     *slackText  `json:"text,omitempty"`
	Elements []slackText `json:"elements,omitempty"`
}

// slack is the message for an incoming webhook of Slack, or of what takes the
// same. Programs that know no blocks show the text, which says the same.
func (m message) slack(ch *Channel) ([]byte, error) {
	texts := m.texts(ch.Language, ch.Personal)
	body := struct {
		Text   string       `json:"text"`
		Blocks []slackBlock `json:"blocks"`
	}{Text: slackEscape(plain(texts))}
	for _, t := range texts {
		var rows []string
		if t.lead != "" {
			rows = append(rows, slackEscape(t.lead))
		}
		for _, r := range t.rows {
			rows = append(rows, "*"+slackEscape(r[0])+"*  "+slackEscape(r[1]))
		}
		body.Blocks = append(body.Blocks,
			slackBlock{Type: "header", Text: &slackText{"plain_text", cut(t.title, maxSlackHeader)}},
			slackBlock{Type: "section", Text: &slackText{"mrkdwn", cutEscaped(strings.Join(rows, "\n"), maxSlackSection)}})
		if t.note != "" {
			body.Blocks = append(body.Blocks, slackBlock{Type: "context", Elements: []slackText{{"mrkdwn", slackEscape(t.note)}}})
		}
	}
	return json.Marshal(body)
}

var slackEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// slackEscape takes from a value what Slack would read as a mention or a link.
func slackEscape(s string) string { return slackEscaper.Replace(s) }

// cut keeps so many characters.
func cut(s string, most int) string {
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return string(r[:most-1]) + "…"
}

// cutEscaped leaves no half of an escape at the end.
func cutEscaped(s string, most int) string {
	c := cut(s, most)
	if c == s {
		return s
	}
	c = strings.TrimSuffix(c, "…")
	if i := strings.LastIndexByte(c, '&'); i >= 0 && !strings.Contains(c[i:], ";") {
		c = c[:i]
	}
	return c + "…"
}
