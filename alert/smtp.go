package alert

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"slices"
	"strconv"
	"strings"

	"github.com/haetae/haetae/internal/written"
)

// mailer speaks with one mail server. It says nothing of what the server
// answered but the code: answers quote addresses.
type mailer struct {
	ch   *Channel
	dial net.Dialer
	// served are the recipients that took a message of which others asked for
	// another attempt, so that these do not get it each time. Only the attempt
	// in progress touches it. A restart forgets it, and the Message-ID tells
	// the repetition.
	served map[string]map[string]bool
}

func newMailer(ch *Channel) *mailer {
	return &mailer{ch: ch, served: map[string]map[string]bool{}}
}

func (s *mailer) send(ctx context.Context, m message) error {
	body, err := m.compose(s.ch)
	if err != nil {
		return refusal("메시지를 작성하지 못하였습니다", "the message could not be written")
	}
	c, err := s.connect(ctx)
	if err != nil {
		return err
	}
	// Closing is what ends a call that waits when ctx is done.
	defer context.AfterFunc(ctx, func() { c.Close() })()
	defer c.Close()
	from, err := mail.ParseAddress(s.ch.From)
	if err != nil {
		return refusal("from이 메일 주소가 아닙니다", "from is no address")
	}
	if err := c.Mail(from.Address); err != nil {
		return reply(senderStep, err)
	}
	taken, refused, later := s.recipients(c, m.key)
	if len(taken) > 0 {
		w, err := c.Data()
		if err != nil {
			return reply(dataStep, err)
		}
		if _, err := w.Write(body); err != nil {
			w.Close()
			return reply(dataStep, err)
		}
		if err := w.Close(); err != nil {
			return reply(dataStep, err)
		}
	}
	c.Quit() // it has been taken, whatever follows
	switch {
	case later != nil:
		if len(s.served) > 1000 { // signals that were dropped meanwhile
			clear(s.served)
		}
		if s.served[m.key] == nil {
			s.served[m.key] = map[string]bool{}
		}
		for _, to := range taken {
			s.served[m.key][to] = true
		}
		return later
	case len(taken) == 0 && len(s.served[m.key]) == 0 && refused != nil:
		return refused
	}
	delete(s.served, m.key)
	return nil
}

// recipients names them to the server. Those that took the message before are
// left out.
func (s *mailer) recipients(c *smtp.Client, key string) (taken []string, refused, later *problem) {
	for i, to := range s.ch.To {
		addr, err := mail.ParseAddress(to)
		if err != nil || s.served[key][addr.Address] {
			continue
		}
		if err := c.Rcpt(addr.Address); err != nil {
			p := reply(recipient(i+1, len(s.ch.To)), err)
			if p.permanent {
				refused = p
			} else {
				later = p
			}
			continue
		}
		taken = append(taken, addr.Address)
	}
	return taken, refused, later
}

// connect ends where a mail can be begun.
func (s *mailer) connect(ctx context.Context) (*smtp.Client, error) {
	roots, err := authorities(s.ch.CAFile)
	if err != nil {
		return nil, trouble("ca_file: %s", "ca_file: %s", written.TextOf(err))
	}
	conn, err := s.dial.DialContext(ctx, "tcp", net.JoinHostPort(s.ch.Host, strconv.Itoa(s.ch.Port)))
	if err != nil {
		return nil, network(connecting, err)
	}
	if deadline, ok := ctx.Deadline(); ok {
		conn.SetDeadline(deadline)
	}
	config := &tls.Config{ServerName: s.ch.Host, RootCAs: roots}
	if s.ch.TLS == Implicit {
		t := tls.Client(conn, config)
		if err := t.HandshakeContext(ctx); err != nil {
			conn.Close()
			return nil, network(encrypting, err)
		}
		conn = t
	}
	c, err := smtp.NewClient(conn, s.ch.Host)
	if err != nil {
		conn.Close()
		return nil, reply(greeting, err)
	}
	if err := s.prepare(c, config); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (s *mailer) prepare(c *smtp.Client, config *tls.Config) error {
	_, domain, _ := strings.Cut(s.ch.From, "@")
	domain = strings.TrimRight(domain, "> ")
	if err := c.Hello(domain); err != nil {
		return reply(greeting, err)
	}
	if s.ch.TLS == StartTLS {
		if ok, _ := c.Extension("STARTTLS"); !ok {
			return trouble("메일 서버가 STARTTLS를 지원하지 않습니다", "the server offers no STARTTLS")
		}
		if err := c.StartTLS(config); err != nil {
			return reply(startTLS, err)
		}
	}
	if s.ch.Username == "" {
		return nil
	}
	password, err := written.Secret(s.ch.PasswordFile)
	if err != nil {
		return trouble("password_file: %s", "password_file: %s", written.TextOf(err))
	}
	_, methods := c.Extension("AUTH")
	var auth smtp.Auth
	switch offered := strings.Fields(strings.ToUpper(methods)); {
	case slices.Contains(offered, "PLAIN"):
		auth = smtp.PlainAuth("", s.ch.Username, password, s.ch.Host)
	case slices.Contains(offered, "LOGIN"):
		auth = &loginAuth{s.ch.Username, password}
	default:
		return trouble("메일 서버가 AUTH PLAIN과 LOGIN을 모두 지원하지 않습니다", "the server offers neither AUTH PLAIN nor LOGIN")
	}
	if err := c.Auth(auth); err != nil {
		return reply(login, err)
	}
	return nil
}

// reply puts a server's answer into words: step and code.
func reply(step written.Text, err error) *problem {
	var answer *textproto.Error
	if !errors.As(err, &answer) {
		return network(step, err)
	}
	p := trouble("%s: 메일 서버 응답 코드 %d", "%s: the mail server answered %d", step, answer.Code)
	p.permanent = answer.Code >= 500
	return p
}

// loginAuth is AUTH LOGIN, which some servers offer alone and net/smtp lacks.
type loginAuth struct{ username, password string }

func (a *loginAuth) Start(server *smtp.ServerInfo) (string, []byte, error) {
	if !server.TLS && !loopback(server.Name) {
		return "", nil, errors.New("a password is not sent without TLS")
	}
	return "LOGIN", nil, nil
}

func (a *loginAuth) Next(challenge []byte, more bool) ([]byte, error) {
	if !more {
		return nil, nil
	}
	switch strings.ToLower(strings.TrimRight(string(challenge), ": \x00")) {
	case "username", "user name":
		return []byte(a.username), nil
	case "password":
		return []byte(a.password), nil
	}
	return nil, errors.New("the server asks for something else")
}
