package server

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"time"

	"github.com/haetae/haetae/internal/disk"
)

// addressName is the file by which commands on the same machine find the server
// that owns a folder. It can be read by the folder's owner alone, so whoever can
// read it could read the folder too.
const addressName = "server.json"

// addressVersion is the version of that file.
const addressVersion = 1

// Address is how a running server is reached.
type Address struct {
	Version int       `json:"version"`
	Listen  string    `json:"listen"`
	Token   string    `json:"token"` // for administration; new with every start
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
}

func newAddress(listen string) Address {
	var raw [32]byte
	rand.Read(raw[:])
	return Address{
		Version: addressVersion, Listen: listen, Token: "hta_" + base64.RawURLEncoding.EncodeToString(raw[:]),
		PID: os.Getpid(), Started: time.Now().UTC().Truncate(time.Second),
	}
}

func (a Address) write(fsys disk.FS, dir string) error {
	data, err := json.MarshalIndent(a, "", " ")
	if err != nil {
		return err
	}
	if err := disk.WriteFile(fsys, path.Join(dir, addressName), append(data, '\n')); err != nil {
		return fmt.Errorf("write %s: %w", addressName, err)
	}
	return nil
}

// ErrNoServer: no server says it owns the folder.
var ErrNoServer = errors.New("no running server owns the folder")

// ReadAddress finds the server that owns dir. What it finds may be left over
// from a server that was killed.
func ReadAddress(fsys disk.FS, dir string) (Address, error) {
	var a Address
	data, err := disk.ReadFile(fsys, path.Join(dir, addressName))
	if errors.Is(err, fs.ErrNotExist) {
		return a, ErrNoServer
	}
	if err != nil {
		return a, fmt.Errorf("read %s: %w", addressName, err)
	}
	if err := json.Unmarshal(data, &a); err != nil || a.Listen == "" {
		return a, fmt.Errorf("%s is damaged: %w", addressName, ErrNoServer)
	}
	if a.Version > addressVersion {
		return a, fmt.Errorf("%s has version %d and this release reads up to %d: use the release that the server runs", addressName, a.Version, addressVersion)
	}
	return a, nil
}

// Client speaks to a running server as its administrator.
type Client struct {
	address Address
	http    *http.Client
}

// NewClient returns a client for the server at a.
func NewClient(a Address) *Client {
	return &Client{address: a, http: &http.Client{Transport: &http.Transport{Proxy: nil}}}
}

// Answer is an error the server gave.
type Answer struct {
	Status int    `json:"-"`
	Code   string `json:"code"`
	Text   string `json:"message"`
	Korean string `json:"message_ko,omitempty"`
}

func (e *Answer) Error() string { return "server: " + e.Text }

// KO is Error in Korean, where the server has Korean for it.
func (e *Answer) KO() string { return "서버: " + cmp.Or(e.Korean, e.Text) }

// Listen is where the server is.
func (c *Client) Listen() string { return c.address.Listen }

// ask sends v as JSON and reads the answer into out.
func (c *Client) ask(ctx context.Context, where string, v, out any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return c.send(ctx, where, nil, bytes.NewReader(body), func(r io.Reader) error {
		if err := json.NewDecoder(r).Decode(out); err != nil {
			return fmt.Errorf("server: its answer cannot be read: %w", err)
		}
		return nil
	})
}

// send posts a body and hands the answer's body to read.
func (c *Client) send(ctx context.Context, where string, header http.Header, body io.Reader, read func(io.Reader) error) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+c.address.Listen+where, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	for k, v := range header {
		req.Header[k] = v
	}
	return c.do(req, read)
}

func (c *Client) do(req *http.Request, read func(io.Reader) error) error {
	req.Header.Set("Authorization", "Bearer "+c.address.Token)
	res, err := c.http.Do(req)
	if err != nil {
		if err := req.Context().Err(); err != nil {
			return err
		}
		return fmt.Errorf("%w at %s: %w", ErrNoServer, c.address.Listen, err)
	}
	defer res.Body.Close()
	if res.StatusCode/100 != 2 {
		var e struct {
			Error Answer `json:"error"`
		}
		data, _ := io.ReadAll(io.LimitReader(res.Body, 1<<20))
		if json.Unmarshal(data, &e) != nil || e.Error.Text == "" {
			e.Error.Text = res.Status
		}
		e.Error.Status = res.StatusCode
		return &e.Error
	}
	return read(res.Body)
}

// Alive reports whether the server at the address answers as the owner of this
// folder: another program may have its port by now.
func (c *Client) Alive(ctx context.Context) bool {
	ctx, stop := context.WithTimeout(ctx, 3*time.Second)
	defer stop()
	_, err := c.Status(ctx)
	return err == nil
}

// Status asks the server how it is.
func (c *Client) Status(ctx context.Context) (*Status, error) {
	var st Status
	return &st, c.get(ctx, "/v1/status", &st)
}

func (c *Client) get(ctx context.Context, where string, out any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.address.Listen+where, nil)
	if err != nil {
		return err
	}
	return c.do(req, func(r io.Reader) error {
		if err := json.NewDecoder(r).Decode(out); err != nil {
			return fmt.Errorf("server: its answer cannot be read: %w", err)
		}
		return nil
	})
}
