package alert

import (
	"path/filepath"

	"github.com/haetae/haetae/internal/remote"
	"github.com/haetae/haetae/internal/written"
)

// Load reads an alerts file and its rota, and looks once into every file that
// holds a secret, so that a mistake shows at the start and not at the first
// signal.
func Load(name string) (*Config, error) {
	text, err := remote.ReadFile(name, maxFileBytes+1)
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
		text, err := remote.ReadFile(c.RotaFile, maxFileBytes+1)
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
			if _, err := remote.URLFrom("", ch.URLFile, ch.Plain); err != nil {
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
				if _, err := remote.Secret(f[1]); err != nil {
					fail(p, written.Key(field, f[0]), err)
				}
			}
		}
		if ch.CAFile != "" {
			if _, err := remote.Authorities(ch.CAFile); err != nil {
				fail(p, field+".ca_file", err)
			}
		}
	}
	if f := c.Heartbeat.URLFile; f != "" {
		if _, err := remote.URLFrom("", f, c.Heartbeat.Plain); err != nil {
			fail(p, "heartbeat.url_file", err)
		}
	}
}

// minSecretBytes is the least of an HMAC key: less can be tried out.
const minSecretBytes = 16

func hmacKey(name string) ([]byte, error) {
	s, err := remote.Secret(name)
	if err == nil && len(s) < minSecretBytes {
		err = written.Errorf("비밀이 %d바이트보다 짧습니다", "the secret is shorter than %d bytes", minSecretBytes)
	}
	return []byte(s), err
}
