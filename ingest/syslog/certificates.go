package syslog

import (
	"crypto/tls"
	"crypto/x509"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/haetae/haetae/internal/remote"
)

// TLS names the files of a listener's certificate, and of the authorities that sign
// those of its senders.
type TLS struct {
	Cert, Key string
	ClientCA  string // empty: anybody may send
}

// certificates are read again when one of their files is another than before, so that
// a renewed certificate counts without a restart. One that cannot be read leaves the one
// before in force.
type certificates struct {
	files  TLS
	failed func(error)

	mu      sync.Mutex
	config  *tls.Config
	seen    [3]stamp
	looked  time.Time
	problem error
}

// stamp tells a file from the one that was there before.
type stamp struct {
	changed time.Time
	size    int64
}

// lookEvery is how often the files are looked at, at most.
const lookEvery = time.Second

// Load reads the files.
func (c *certificates) Load() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = c.stamps()
	config, err := c.files.Read()
	if err == nil {
		c.config = config
	}
	return err
}

// Config is what a handshake uses.
func (c *certificates) Config() *tls.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.looked) >= lookEvery {
		c.looked = now
		if seen := c.stamps(); seen != c.seen {
			c.seen = seen
			config, err := c.files.Read()
			if err == nil {
				c.config = config
			} else {
				c.failed(err)
			}
			c.problem = err
		}
	}
	return c.config
}

// Problem is why files that were changed are not in force.
func (c *certificates) Problem() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.problem
}

func (c *certificates) stamps() (out [3]stamp) {
	for i, name := range []string{c.files.Cert, c.files.Key, c.files.ClientCA} {
		var info fs.FileInfo
		var err error
		if name != "" {
			if info, err = os.Stat(name); err == nil {
				out[i] = stamp{info.ModTime(), info.Size()}
			}
		}
	}
	return out
}

// Read makes what a listener needs of the files. Its errors name neither the files nor
// what stands in them.
func (t TLS) Read() (*tls.Config, error) {
	cert, err := remote.KeyPair(t.Cert, t.Key)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}}
	if t.ClientCA != "" {
		config.ClientCAs = x509.NewCertPool()
		if err := remote.AddAuthorities(config.ClientCAs, t.ClientCA); err != nil {
			return nil, err
		}
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return config, nil
}
