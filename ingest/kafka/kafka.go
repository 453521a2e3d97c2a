// Package kafka reads topics of Kafka as a member of a consumer group.
//
// The central idea: an offset is committed when what it stands for is durable, and not
// before; so whatever was not, Kafka brings again. What it brings again although it was
// durable (the commit was lost) is for the taker to know, by the offset: it is told the
// topic's own id, the partition and every offset for that.
//
// Partitions are not given away in between: a rebalance waits until what was polled is
// durable and committed. When something cannot be made durable the consumer leaves the
// group, so that the partitions are not held up, and begins again from what is committed.
//
// What it is not: it knows neither the ledger nor the lines.
package kafka

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Settings of one consumer, as a file of inputs says them.
type Settings struct {
	Name    string
	Brokers []string // host:port
	Group   string
	Topics  []Topic
	SASL    *SASL // nil: nobody is asked who we are
	TLS     *TLS  // nil: plain
	Newest  bool  // where a group without offsets begins
}

// Topic leads the messages of a topic to a source of the catalog.
type Topic struct{ Name, Source string }

// SourceOf is the source of a topic.
func (s *Settings) SourceOf(topic string) string {
	for _, t := range s.Topics {
		if t.Name == topic {
			return t.Source
		}
	}
	return ""
}

const (
	// fetchBytes, fetches and pollRecords bound what a consumer holds that was not taken
	// yet: packed, so many fetches of so many bytes.
	fetchBytes     = 4 << 20
	partitionBytes = 1 << 20
	fetches        = 4
	pollRecords    = 10_000
	// maxUnpacked is what a batch of a producer may unpack to.
	maxUnpacked = 32 << 20
	fetchWait   = 500 * time.Millisecond
	dialTimeout = 10 * time.Second
	// retry is how long a consumer rests that could not go on.
	retry = 2 * time.Second
	// leaveWithin bounds what is said to the brokers when a consumer stops.
	leaveWithin = 5 * time.Second
)

// Partition is messages of one partition, in their order.
type Partition struct {
	Topic  string
	ID     string // of the topic: another one of the same name has another; "" where the brokers do not tell (before Kafka 3.1)
	Number int32
	// Low and High are where the partition begins and ends on the broker.
	Low, High int64
	Messages  []Message
}

// Message is one record of Kafka's.
type Message struct {
	Offset int64
	Value  []byte // nil: a tombstone
}

// Options is what a consumer works with.
type Options struct {
	// Take makes messages durable. When it returns nil, they are.
	Take func(ctx context.Context, parts []Partition) error
	// Failed is told what went wrong, by a code of this package and in the library's
	// words, which may name brokers and topics.
	Failed func(code string, err error)
	// Lost is told of messages that were removed before they were read, where the
	// library notices.
	Lost func(topic string, partition int32, messages int64)
	// Retry is how long to rest after a failure. Default 2 s.
	Retry time.Duration
}

// What keeps a consumer from reading. The codes are stable.
const (
	Joining        = "joining"        // nothing is wrong; the group has not given anything yet
	Unreachable    = "unreachable"    // no broker answers
	Untrusted      = "tls"            // a certificate, theirs or ours
	Authentication = "authentication" // SASL
	Authorization  = "authorization"
	NoTopic        = "no_topic"
	TooLarge       = "too_large"  // a batch that unpacks to more than is taken; the partition stands still
	NotStored      = "not_stored" // the taker could not make it durable
	Failed         = "failed"     // anything else
)

// Consumer reads the topics of one Settings.
type Consumer struct {
	set  Settings
	opts Options

	mu        sync.Mutex
	assigned  map[place]*Position
	problem   string
	connected bool
}

type place struct {
	topic     string
	partition int32
}

// Position is how far a partition is read.
type Position struct {
	Topic     string
	Partition int32
	// Next is the offset behind what is durable; -1 while nothing was read.
	Next int64
	// Lag is how many offsets the broker has behind it; -1 while that is not known.
	Lag int64
}

// New makes a consumer that does not run yet.
func New(set Settings, o Options) *Consumer {
	if o.Retry == 0 {
		o.Retry = retry
	}
	return &Consumer{set: set, opts: o, problem: Joining, assigned: map[place]*Position{}}
}

// Status is what the consumer reads; problem is "" while all is well.
func (c *Consumer) Status() (positions []Position, connected bool, problem string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range slices.SortedFunc(maps.Keys(c.assigned), func(a, b place) int {
		if a.topic != b.topic {
			if a.topic < b.topic {
				return -1
			}
			return 1
		}
		return int(a.partition) - int(b.partition)
	}) {
		positions = append(positions, *c.assigned[k])
	}
	return positions, c.connected, c.problem
}

// Run reads until ctx ends.
func (c *Consumer) Run(ctx context.Context) {
	for ctx.Err() == nil {
		if err := c.once(ctx); err != nil && ctx.Err() == nil {
			c.fail(err)
		}
		c.forget()
		select {
		case <-ctx.Done():
		case <-time.After(c.opts.Retry):
		}
	}
}

// once reads until something fails that only a new beginning mends.
func (c *Consumer) once(ctx context.Context) error {
	cl, err := kgo.NewClient(c.options()...)
	if err != nil {
		return err
	}
	defer cl.CloseAllowingRebalance()
	for {
		fs := cl.PollRecords(ctx, pollRecords)
		if ctx.Err() != nil {
			return nil
		}
		err := c.errors(fs)
		if err == nil {
			err = c.take(ctx, cl, fs)
		}
		cl.AllowRebalance()
		if err != nil {
			return err
		}
	}
}

// take makes durable what was polled, then commits it.
func (c *Consumer) take(ctx context.Context, cl *kgo.Client, fs kgo.Fetches) error {
	var parts []Partition
	var last []*kgo.Record
	fs.EachTopic(func(t kgo.FetchTopic) {
		id := ""
		if t.TopicID != ([16]byte{}) {
			id = hex.EncodeToString(t.TopicID[:])
		}
		t.EachPartition(func(p kgo.FetchPartition) {
			if len(p.Records) == 0 {
				return
			}
			part := Partition{Topic: t.Topic, ID: id, Number: p.Partition, Low: p.LogStartOffset, High: p.HighWatermark, Messages: make([]Message, len(p.Records))}
			for i, r := range p.Records {
				part.Messages[i] = Message{r.Offset, r.Value}
			}
			parts = append(parts, part)
			last = append(last, p.Records[len(p.Records)-1])
		})
	})
	if len(parts) == 0 {
		return nil
	}
	if err := c.opts.Take(ctx, parts); err != nil {
		return &storeError{err}
	}
	// What is durable is committed also when the program is about to stop.
	commit, stop := context.WithTimeout(context.WithoutCancel(ctx), leaveWithin)
	defer stop()
	if err := cl.CommitRecords(commit, last...); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.connected, c.problem = true, ""
	for _, p := range parts {
		if at := c.assigned[place{p.Topic, p.Number}]; at != nil {
			at.Next = p.Messages[len(p.Messages)-1].Offset + 1
			at.Lag = max(0, p.High-at.Next)
		}
	}
	return nil
}

// errors is what is wrong with a poll; what is only to be known is told.
func (c *Consumer) errors(fs kgo.Fetches) (failed error) {
	fs.EachError(func(topic string, partition int32, err error) {
		var lost *kgo.ErrDataLoss
		switch {
		case errors.As(err, &lost):
			c.opts.Lost(topic, partition, max(0, lost.ConsumedTo-lost.ResetTo))
		case failed == nil:
			failed = err
		}
	})
	return failed
}

func (c *Consumer) fail(err error) { c.failed(codeOf(err), err) }

func (c *Consumer) failed(code string, err error) {
	c.mu.Lock()
	told := c.problem == code
	c.problem, c.connected = code, false
	c.mu.Unlock()
	if !told {
		c.opts.Failed(code, err)
	}
}

// forget says that nothing is assigned.
func (c *Consumer) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.assigned)
	c.connected = false
}

func (c *Consumer) gave(_ context.Context, _ *kgo.Client, given map[string][]int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.connected, c.problem = true, ""
	for topic, parts := range given {
		for _, p := range parts {
			c.assigned[place{topic, p}] = &Position{Topic: topic, Partition: p, Next: -1, Lag: -1}
		}
	}
}

func (c *Consumer) took(_ context.Context, _ *kgo.Client, taken map[string][]int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for topic, parts := range taken {
		for _, p := range parts {
			delete(c.assigned, place{topic, p})
		}
	}
}
