package alert

import (
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/haetae/haetae/detect"
)

// readMail decodes a mail as a program of the other side does.
func readMail(t *testing.T, raw []byte) (header mail.Header, subject, body string) {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	if subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		t.Fatal(err)
	}
	r := m.Body
	switch e := m.Header.Get("Content-Transfer-Encoding"); e {
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, r)
	case "quoted-printable":
		r = quotedprintable.NewReader(r)
	default:
		t.Fatalf("encoding %q", e)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return m.Header, subject, strings.ReplaceAll(string(text), "\r\n", "\n")
}

func TestMail(t *testing.T) {
	m := example()
	m.zone, _ = time.LoadLocation("Asia/Seoul")
	ch := &Channel{Kind: Mail, Language: Korean, From: "해태 <haetae@shop.example>", To: []string{"cpo@shop.example", "보안팀 <sec@shop.example>"}}
	raw, err := m.compose(ch)
	if err != nil {
		t.Fatal(err)
	}
	header, subject, body := readMail(t, raw)
	if want := "[해태] [높음] 발급 이력이 없는 토큰으로 조회 (정보주체 1,204명)"; subject != want {
		t.Errorf("subject %q, want %q", subject, want)
	}
	if diff := cmp.Diff(block(t, "text mail"), strings.TrimSuffix(body, "\n")); diff != "" {
		t.Errorf("docs/alerts.md (-page +sent):\n%s", diff)
	}
	for name, want := range map[string]string{
		"Message-ID": "<" + m.key + "@shop.example>", "References": "<" + m.signal.ID + "@shop.example>", "Content-Type": "text/plain; charset=utf-8",
		"Date": "Tue, 01 Sep 2026 10:36:00 +0900", "Auto-Submitted": "auto-generated", "Importance": "high", "Mime-Version": "1.0",
	} {
		if got := header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if to, err := header.AddressList("To"); err != nil || len(to) != 2 || to[1].Name != "보안팀" || to[1].Address != "sec@shop.example" {
		t.Errorf("to: %v, %v", to, err)
	}
	if from, err := header.AddressList("From"); err != nil || from[0].Name != "해태" {
		t.Errorf("from: %v, %v", from, err)
	}
	for l := range strings.SplitSeq(string(raw), "\r\n") {
		if len(l) > 76 || strings.ContainsAny(l, "\r\n") || strings.ContainsFunc(l, func(r rune) bool { return r > 126 }) {
			t.Errorf("not a line of a mail: %q", l)
		}
	}
}

// Whatever a rule is called, it cannot make headers, and long Korean words are
// not torn.
func TestMailSubject(t *testing.T) {
	for _, title := range []string{
		"a\r\nBcc: everybody@example.com\r\n\r\nx", strings.Repeat("개인정보취급자의 대량 조회 ", 30), "\x00\xff\xfe", "\u2028line", "=?utf-8?b?eA==?=",
	} {
		m := example()
		m.signal.Title = detect.Text{KO: title, EN: title}
		m.signal.Rule = title
		for _, l := range []Language{Korean, English, Both} {
			raw, err := m.compose(&Channel{Kind: Mail, Language: l, From: "a@b.example", To: []string{"c@d.example"}})
			if err != nil {
				t.Fatal(err)
			}
			header, subject, body := readMail(t, raw)
			if header.Get("Bcc") != "" || !strings.Contains(subject, line(title)) || !strings.Contains(body, line(title)) {
				t.Errorf("%q: subject %q", title, subject)
			}
			for h := range strings.SplitSeq(strings.Split(string(raw), "\r\n\r\n")[0], "\r\n") {
				if len(h) > 76 && strings.HasPrefix(h, "Subject") {
					t.Errorf("a header of %d characters: %q", len(h), h)
				}
			}
		}
	}
}

func TestEncoding(t *testing.T) {
	m := example()
	for l, want := range map[Language]string{Korean: "base64", English: "quoted-printable"} {
		raw, _ := m.compose(&Channel{Kind: Mail, Language: l, From: "a@b.example", To: []string{"c@d.example"}})
		header, _, body := readMail(t, raw)
		if got := header.Get("Content-Transfer-Encoding"); got != want {
			t.Errorf("%s: %s", l, got)
		}
		if body != plain(m.texts(l, false)) {
			t.Errorf("%s: %s", l, body)
		}
	}
}

// What a person reads in each situation.
func TestWords(t *testing.T) {
	m := example()
	lead := func(change func(*message), ko, en string) {
		t.Helper()
		m := m
		change(&m)
		k, e := m.korean(false), m.english(false)
		if k.title+"\n"+k.lead != ko {
			t.Errorf("got  %s\n%s\nwant %s", k.title, k.lead, ko)
		}
		if e.title+"\n"+e.lead != en {
			t.Errorf("got  %s\n%s\nwant %s", e.title, e.lead, en)
		}
	}
	lead(func(m *message) { m.signal.People = 0 }, "[해태] [높음] 발급 이력이 없는 토큰으로 조회\n", "[Haetae] [high] Reads with tokens that nobody issued\n")
	lead(func(m *message) { m.step, m.role, m.open = 1, "first", 16*time.Minute+5*time.Second },
		"[해태] [높음, 미확인] 발급 이력이 없는 토큰으로 조회 (정보주체 1,204명)\n확인한 담당자가 없어 1단계 알림을 보냅니다(미확인 경과 시간: 16분). 당직: first.",
		"[Haetae] [high, unacknowledged] Reads with tokens that nobody issued (1,204 people)\nNobody has acknowledged this for 16 min: step 1 of the escalation. On call: first.")
	lead(func(m *message) { m.step, m.role, m.nobody, m.open = 2, "second", true, 25*time.Hour },
		"[해태] [높음, 미확인] 발급 이력이 없는 토큰으로 조회 (정보주체 1,204명)\n확인한 담당자가 없어 2단계 알림을 보냅니다(미확인 경과 시간: 1일 1시간). 당직(second)에 지정된 사람이 없어 모든 채널로 알립니다.",
		"[Haetae] [high, unacknowledged] Reads with tokens that nobody issued (1,204 people)\nNobody has acknowledged this for 1 d 1 h: step 2 of the escalation. Nobody is on call as second, so every channel is told.")
	lead(func(m *message) { m.taken = &ack{Who: "Kim"} },
		"[해태] [높음, 담당자 확인] 발급 이력이 없는 토큰으로 조회 (정보주체 1,204명)\n담당자가 확인하여 단계별 알림을 중단하였습니다.",
		"[Haetae] [high, acknowledged] Reads with tokens that nobody issued (1,204 people)\nSomebody has taken this. Nobody further will be called.")
}

// A mail server's answer is told as step and code: its words quote addresses.
func TestReply(t *testing.T) {
	for code, permanent := range map[int]bool{421: false, 450: false, 535: true, 550: true} {
		p := reply(recipient(1, 2), &textproto.Error{Code: code, Msg: "kim@shop.example hunter2"})
		if p.permanent != permanent || strings.Contains(p.text, "kim") || !strings.Contains(p.text, "recipient 1 of 2: the mail server answered") {
			t.Errorf("%d: %+v", code, p)
		}
	}
	if p := reply(dataStep, errors.New("kim@shop.example")); p.permanent || strings.Contains(p.text, "kim") {
		t.Errorf("%+v", p)
	}
}
