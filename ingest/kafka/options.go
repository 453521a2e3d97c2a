package kafka

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/haetae/haetae/internal/remote"
)

// SASL says how to show the brokers who we are. The files are read for each connection,
// so that they can be changed while the program runs.
type SASL struct {
	Mechanism              string // one of Mechanisms
	UserFile, PasswordFile string
}

// The mechanisms.
const (
	Plain    = "PLAIN"
	Scram256 = "SCRAM-SHA-256"
	Scram512 = "SCRAM-SHA-512"
)

// TLS names the files of a connection that is protected. Each may be empty. They are read
// for each connection.
type TLS struct {
	CA        string // authorities besides those of the system
	Cert, Key string // ours
}

// Config reads the files.
func (t *TLS) Config(host string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	if t.CA != "" {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if err := remote.AddAuthorities(pool, t.CA); err != nil {
			return nil, err
		}
		config.RootCAs = pool
	}
	if t.Cert != "" {
		pair, err := remote.KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// mechanism is SASL for the library.
func (s *SASL) mechanism() sasl.Mechanism {
	who := func() (user, password string, err error) {
		if user, err = remote.Secret(s.UserFile); err == nil {
			password, err = remote.Secret(s.PasswordFile)
		}
		if err != nil {
			err = &secretError{err}
		}
		return user, password, err
	}
	scrams := func(context.Context) (scram.Auth, error) {
		user, password, err := who()
		return scram.Auth{User: user, Pass: password}, err
	}
	switch s.Mechanism {
	case Scram256:
		return scram.Sha256(scrams)
	case Scram512:
		return scram.Sha512(scrams)
	}
	return plain.Plain(func(context.Context) (plain.Auth, error) {
		user, password, err := who()
		return plain.Auth{User: user, Pass: password}, err
	})
}

// secretError: a file with our name or password cannot be read.
type secretError struct{ err error }

func (e *secretError) Error() string { return "sasl: " + e.err.Error() }
func (e *secretError) Unwrap() error { return e.err }

// storeError is the taker's.
type storeError struct{ err error }

func (e *storeError) Error() string { return "store: " + e.err.Error() }
func (e *storeError) Unwrap() error { return e.err }

func (c *Consumer) options() []kgo.Opt {
	var topics []string
	for _, t := range c.set.Topics {
		topics = append(topics, t.Name)
	}
	start := kgo.NewOffset().AtStart()
	if c.set.Newest {
		start = kgo.NewOffset().AtEnd()
	}
	opts := []kgo.Opt{
		kgo.ClientID("haetae"), kgo.SeedBrokers(c.set.Brokers...), kgo.ConsumerGroup(c.set.Group), kgo.ConsumeTopics(topics...),
		kgo.ConsumeStartOffset(start),
		// Behind what was removed stands what was never read: all of it.
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.RequireStableFetchOffsets(),
		kgo.FetchMaxBytes(fetchBytes), kgo.FetchMaxPartitionBytes(partitionBytes), kgo.MaxConcurrentFetches(fetches), kgo.FetchMaxWait(fetchWait),
		kgo.MaxDecompressBatchBytes(maxUnpacked), kgo.DisableClientMetrics(),
		kgo.OnPartitionsAssigned(c.gave), kgo.OnPartitionsRevoked(c.took), kgo.OnPartitionsLost(c.took),
		kgo.WithHooks(&hooks{c}), kgo.Dialer(c.dial),
	}
	if c.set.SASL != nil {
		opts = append(opts, kgo.SASL(c.set.SASL.mechanism()))
	}
	return opts
}

func (c *Consumer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := &net.Dialer{Timeout: dialTimeout, KeepAlive: time.Minute}
	if c.set.TLS == nil {
		return d.DialContext(ctx, network, address)
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	config, err := c.set.TLS.Config(host)
	if err != nil {
		return nil, &tlsError{err}
	}
	conn, err := (&tls.Dialer{NetDialer: d, Config: config}).DialContext(ctx, network, address)
	var op *net.OpError
	if err != nil && !(errors.As(err, &op) && op.Op == "dial") {
		err = &tlsError{err}
	}
	return conn, err
}

// tlsError is of the handshake, or of the files for it.
type tlsError struct{ err error }

func (e *tlsError) Error() string { return "tls: " + e.err.Error() }
func (e *tlsError) Unwrap() error { return e.err }

// hooks tell what the library tries again by itself, so that it shows what it waits for.
type hooks struct{ c *Consumer }

func (h *hooks) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, kgo.ErrClientClosed):
	case h.c.set.SASL != nil && errors.Is(err, io.EOF):
		// A broker may hang up instead of saying that it does not know us.
		h.c.failed(Authentication, err)
	default:
		h.c.fail(err)
	}
}

func (h *hooks) OnGroupManageError(err error) {
	if !errors.Is(err, context.Canceled) && !errors.Is(err, kgo.ErrClientClosed) {
		h.c.fail(err)
	}
}

// codeOf says what an error is about.
func codeOf(err error) string {
	var op *net.OpError
	var host *net.DNSError
	var large *kgo.ErrDecompressTooLarge
	var mine *tlsError
	var alert tls.AlertError
	var secret *secretError
	var store *storeError
	switch {
	case errors.As(err, &store):
		return NotStored
	case errors.As(err, &mine), errors.As(err, &alert):
		return Untrusted
	case errors.As(err, &secret), errors.Is(err, kerr.SaslAuthenticationFailed), errors.Is(err, kerr.UnsupportedSaslMechanism), errors.Is(err, kerr.IllegalSaslState):
		return Authentication
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.GroupAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed):
		return Authorization
	case errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.UnknownTopicID), errors.Is(err, kerr.InvalidTopicException):
		return NoTopic
	case errors.As(err, &large):
		return TooLarge
	case errors.As(err, &op) && (op.Op == "remote error" || op.Op == "local error"): // an alert of TLS
		return Untrusted
	case errors.As(err, &op), errors.As(err, &host):
		return Unreachable
	}
	return Failed
}
