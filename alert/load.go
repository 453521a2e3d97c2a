package alert

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Load reads an alerts file and its rota, and looks once into every file that
// holds a secret, so that a mistake shows at the start and not at the first
// signal.
func Load(name string) (*Config, error) {
	text, err := readFile(name, maxFileBytes+1)
	if err != nil {
		return nil, Errors{{File: name, Problem: err.Error()}}
	}
	c, err := Parse(name, text)
	if err != nil {
		return nil, err
	}
	c.under(filepath.Dir(name))
	p := &parser{file: name}
	if c.RotaFile != "" {
		text, err := readFile(c.RotaFile, maxFileBytes+1)
		if err != nil {
			p.fail(c.lines["rota"], "rota", "%v", err)
		} else if r, err := ParseRota(c.RotaFile, text); err != nil {
			if es, ok := errors.AsType[Errors](err); ok {
				p.errs = append(p.errs, es...)
			}
		} else if es, ok := errors.AsType[Errors](c.Use(r)); ok {
			p.errs = append(p.errs, es...)
		}
	}
	p.secrets(c)
	if len(p.errs) > 0 {
		return nil, p.errs // in the order of their files, and there of their lines
	}
	return c, nil
}

// Use takes a rota, if its channels and the roles of the escalation are there.
func (c *Config) Use(r *Rota) error {
	p, q := &parser{file: c.file}, &parser{file: r.file}
	for i, s := range c.Escalation.Steps {
		field := at("escalation.steps", i) + ".role"
		if _, ok := r.Roles[s.Role]; s.Role != "" && !ok {
			p.fail(c.lines[field], field, "the rota has no such role")
		}
	}
	for person, channels := range r.People {
		for i, ch := range channels {
			if c.channel(ch) == nil {
				field := at(join("people", person)+".channels", i)
				q.fail(r.lines[field], field, "there is no such channel")
			}
		}
	}
	p.failed()
	q.failed()
	if es := slices.Concat(p.errs, q.errs); len(es) > 0 {
		return es
	}
	c.Rota = r
	return nil
}

func (p *parser) secrets(c *Config) {
	for i, ch := range c.Channels {
		field := at("channels", i)
		if ch.URLFile != "" {
			if _, err := urlFrom("", ch.URLFile, ch.Plain); err != nil {
				p.fail(c.lines[field+".url_file"], field+".url_file", "%v", err)
			}
		}
		if ch.SecretFile != "" {
			if _, err := hmacKey(ch.SecretFile); err != nil {
				p.fail(c.lines[field+".secret_file"], field+".secret_file", "%v", err)
			}
		}
		for _, f := range [][2]string{{"token_file", ch.TokenFile}, {"password_file", ch.PasswordFile}} {
			if f[1] != "" {
				if _, err := secret(f[1]); err != nil {
					p.fail(c.lines[join(field, f[0])], join(field, f[0]), "%v", err)
				}
			}
		}
		if ch.CAFile != "" {
			if _, err := authorities(ch.CAFile); err != nil {
				p.fail(c.lines[field+".ca_file"], field+".ca_file", "%v", err)
			}
		}
	}
	if f := c.Heartbeat.URLFile; f != "" {
		if _, err := urlFrom("", f, c.Heartbeat.Plain); err != nil {
			p.fail(c.lines["heartbeat.url_file"], "heartbeat.url_file", "%v", err)
		}
	}
}

const (
	maxSecretBytes = 8 << 10
	minSecretBytes = 16 // of an HMAC key: less can be tried out
)

// secret reads one line from a file. Its errors name neither the content nor the
// file: they go to Status, and the alerts file says which file it is.
func secret(name string) (string, error) {
	raw, err := readFile(name, maxSecretBytes+1)
	if err != nil {
		return "", err
	}
	s := string(bytes.TrimRight(raw, "\r\n"))
	switch {
	case s == "":
		return "", errors.New("the file is empty")
	case len(s) > maxSecretBytes:
		return "", fmt.Errorf("the file is larger than %d bytes", maxSecretBytes)
	case strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "", errors.New("the file holds more than one line, or a control character")
	}
	return s, nil
}

func hmacKey(name string) ([]byte, error) {
	s, err := secret(name)
	if err == nil && len(s) < minSecretBytes {
		err = fmt.Errorf("the secret is shorter than %d bytes", minSecretBytes)
	}
	return []byte(s), err
}

// urlFrom is the address that was written down, or the one in the file.
func urlFrom(written, file string, plain bool) (string, error) {
	if file == "" {
		return written, nil
	}
	s, err := secret(file)
	if err != nil {
		return "", err
	}
	if problem := wrongURL(s, plain); problem != "" {
		return "", errors.New("the address in the file: " + problem)
	}
	return s, nil
}

// authorities are those of the system and those of a file.
func authorities(name string) (*x509.CertPool, error) {
	if name == "" {
		return nil, nil // the system's
	}
	pem, err := readFile(name, maxFileBytes)
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("the file holds no certificate")
	}
	return pool, nil
}

func readFile(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err == nil {
		defer f.Close()
		var raw []byte
		if raw, err = io.ReadAll(io.LimitReader(f, limit)); err == nil {
			return raw, nil
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errors.New("the file is not there")
	case errors.Is(err, fs.ErrPermission):
		return nil, errors.New("the file may not be read")
	}
	return nil, errors.New("the file cannot be read")
}
