package alert

import (
	"crypto/x509"
	"path/filepath"

	"github.com/haetae/haetae/internal/written"
)

// Load reads an alerts file and its rota, and looks once into every file that
// holds a secret, so that a mistake shows at the start and not at the first
// signal.
func Load(name string) (*Config, error) {
	text, err := written.ReadFile(name, maxFileBytes+1)
	if err != nil {
		t := written.TextOf(err)
		return nil, Errors{{File: filepath.Base(name), Problem: t.EN, ProblemKO: t.KO}}
	}
	c, err := Parse(filepath.Base(name), text)
	if err != nil {
		return nil, err
	}
	c.under(filepath.Dir(name))
	p := c.read.Again()
	var rota error
	if c.RotaFile != "" {
		text, err := written.ReadFile(c.RotaFile, maxFileBytes+1)
		if err != nil {
			fail(p, "rota", err)
		} else if r, err := ParseRota(filepath.Base(c.RotaFile), text); err != nil {
			rota = err
		} else {
			rota = c.Use(r)
		}
	}
	secrets(p, c)
	if err := written.Joined(p.Err(), rota); err != nil {
		return nil, err // in the order of their files, and there of their lines
	}
	return c, nil
}

// fail reports what is wrong with a file that a field names.
func fail(p *written.Reader, field string, err error) {
	t := written.TextOf(err)
	p.FailAt(field, "%s", "%s", t)
}

// Use takes a rota, if its channels and the roles of the escalation are there.
func (c *Config) Use(r *Rota) error {
	p, q := c.read.Again(), r.read.Again()
	for i, s := range c.Escalation.Steps {
		field := written.Index("escalation.steps", i) + ".role"
		if _, ok := r.Roles[s.Role]; s.Role != "" && !ok {
			p.FailAt(field, "당직표에 그런 역할이 없습니다", "the rota has no such role")
		}
	}
	for person, channels := range r.People {
		for i, ch := range channels {
			if c.channel(ch) == nil {
				field := written.Index(r.places[person]+".channels", i)
				q.FailAt(field, noChannel.KO, noChannel.EN)
			}
		}
	}
	if err := written.Joined(p.Err(), q.Err()); err != nil {
		return err
	}
	c.Rota = r
	return nil
}

func secrets(p *written.Reader, c *Config) {
	for i, ch := range c.Channels {
		field := written.Index("channels", i)
		if ch.URLFile != "" {
			if _, err := urlFrom("", ch.URLFile, ch.Plain); err != nil {
				fail(p, field+".url_file", err)
			}
		}
		if ch.SecretFile != "" {
			if _, err := hmacKey(ch.SecretFile); err != nil {
				fail(p, field+".secret_file", err)
			}
		}
		for _, f := range [][2]string{{"token_file", ch.TokenFile}, {"password_file", ch.PasswordFile}} {
			if f[1] != "" {
				if _, err := written.Secret(f[1]); err != nil {
					fail(p, written.Key(field, f[0]), err)
				}
			}
		}
		if ch.CAFile != "" {
			if _, err := authorities(ch.CAFile); err != nil {
				fail(p, field+".ca_file", err)
			}
		}
	}
	if f := c.Heartbeat.URLFile; f != "" {
		if _, err := urlFrom("", f, c.Heartbeat.Plain); err != nil {
			fail(p, "heartbeat.url_file", err)
		}
	}
}

const (
	maxSecretBytes = written.MaxSecretBytes
	minSecretBytes = 16 // of an HMAC key: less can be tried out
)

func hmacKey(name string) ([]byte, error) {
	s, err := written.Secret(name)
	if err == nil && len(s) < minSecretBytes {
		err = written.Errorf("비밀이 %d바이트보다 짧습니다", "the secret is shorter than %d bytes", minSecretBytes)
	}
	return []byte(s), err
}

// urlFrom is the address that was written down, or the one in the file.
func urlFrom(here, file string, plain bool) (string, error) {
	if file == "" {
		return here, nil
	}
	s, err := written.Secret(file)
	if err != nil {
		return "", err
	}
	if problem := wrongURL(s, plain); problem != sound {
		return "", written.Errorf("파일에 든 주소: %s", "the address in the file: %s", problem)
	}
	return s, nil
}

// authorities are those of the system and those of a file.
func authorities(name string) (*x509.CertPool, error) {
	if name == "" {
		return nil, nil // the system's
	}
	pem, err := written.ReadFile(name, maxFileBytes)
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, written.Errorf("파일에 인증서가 없습니다", "the file holds no certificate")
	}
	return pool, nil
}
