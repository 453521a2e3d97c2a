package server

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ingest"
	"github.com/haetae/haetae/ingest/kafka"
	"github.com/haetae/haetae/ledger"
)

// kafkaInput is a consumer of topics.
//
// Kafka brings a message at least once. It counts once since how far a partition is
// taken in stands in the journal entry of its records: what is brought again lies before
// that, whatever became of the commit, and however long ago it was. The position is
// of the topic's own id, not of a group or of a name, so another group that reads the
// topic repeats nothing, and another topic of the same name is another.
type kafkaInput struct {
	input
	set      kafka.Settings
	consumer *kafka.Consumer

	// Owned by the goroutine of the consumer, but for what guards itself.
	sources map[string]*ofSource // by topic and partition
}

func (s *Server) newKafkaInput(set kafka.Settings) *kafkaInput {
	in := &kafkaInput{input: input{s: s, name: set.Name, kind: "kafka"}, set: set, sources: map[string]*ofSource{}}
	in.consumer = kafka.New(set, kafka.Options{
		Take: in.take,
		Failed: func(code string, err error) {
			s.log.Error("kafka", "input", set.Name, "what", code, "error", err)
		},
		Lost: func(topic string, partition int32, messages int64) {
			s.log.Error("kafka: messages are gone that were not read", "input", set.Name, "topic", topic, "partition", partition, "messages", messages)
			in.count(InputCounts{Removed: messages})
		},
		Retry: s.opts.inputRetry,
	})
	return in
}

func (in *kafkaInput) status() InputStatus {
	st := in.input.status()
	positions, connected, problem := in.consumer.Status()
	st.Connected = connected
	for _, p := range positions {
		st.Partitions = append(st.Partitions, InputPartition{p.Topic, p.Partition, p.Lag})
	}
	if problem != "" {
		st.Error = problem
	}
	return st
}

// partitionPosition is how far a partition is taken in, as a checkpoint holds it.
type partitionPosition struct {
	next   int64        // the offset behind
	newest event.Millis // of its records
}

const positionVersion = 1

func (p partitionPosition) encode() []byte {
	b := binary.AppendVarint([]byte{positionVersion}, p.next)
	return binary.AppendVarint(b, int64(p.newest))
}

func decodePartitionPosition(b []byte) (p partitionPosition, err error) {
	if len(b) > 0 && b[0] == positionVersion {
		next, n := binary.Varint(b[1:])
		if n > 0 {
			if newest, m := binary.Varint(b[1+n:]); m > 0 && 1+n+m == len(b) && next >= 0 {
				return partitionPosition{next, event.Millis(newest)}, nil
			}
		}
	}
	return p, fmt.Errorf("position of a partition: %w", ledger.ErrCorrupt)
}

// positionName is that of the checkpoint. What identifies the topic is hashed, since
// people put names into names.
func (in *kafkaInput) positionName(source string, p *kafka.Partition) string {
	id := "id " + p.ID
	if p.ID == "" {
		id = "group " + in.set.Group + " topic " + p.Topic
	}
	sum := sha256.Sum256([]byte(id))
	return fmt.Sprintf("kafka %s %s %d", source, hex.EncodeToString(sum[:8]), p.Number)
}

// topicLocks are held from looking a position up until the next one is durable: two
// consumers of one topic must not both find a message new.
type topicLocks struct {
	mu sync.Mutex
	by map[string]*sync.Mutex
}

func (l *topicLocks) lock(name string) (unlock func()) {
	l.mu.Lock()
	if l.by == nil {
		l.by = map[string]*sync.Mutex{}
	}
	m := l.by[name]
	if m == nil {
		m = &sync.Mutex{}
		l.by[name] = m
	}
	l.mu.Unlock()
	m.Lock()
	return m.Unlock
}

// take makes durable what was polled: the partitions side by side, so that they share
// an fsync.
func (in *kafkaInput) take(ctx context.Context, parts []kafka.Partition) error {
	size := int64(0)
	for i := range parts {
		for _, m := range parts[i].Messages {
			size += int64(len(m.Value))
		}
	}
	leave, err := in.s.limits.wait(ctx, "kafka "+in.name, size)
	if err != nil {
		return err
	}
	defer leave()
	errs := make([]error, len(parts))
	var wg sync.WaitGroup
	for i := range parts {
		p := &parts[i]
		key := fmt.Sprint(p.Topic, " ", p.Number)
		o := in.sources[key]
		if o == nil {
			o = &ofSource{s: in.s, source: in.set.SourceOf(p.Topic)}
			in.sources[key] = o
		}
		wg.Go(func() { errs[i] = in.partition(ctx, o, p) })
	}
	wg.Wait()
	err = errors.Join(errs...)
	in.stand(err)
	return err
}

// kafkaChunk is how many bytes of messages become one append at most: as many as of a
// followed log.
const kafkaChunk = ingest.ChunkSize

// partition takes in the messages of one partition, in their order.
func (in *kafkaInput) partition(ctx context.Context, o *ofSource, p *kafka.Partition) error {
	name := in.positionName(o.source, p)
	defer in.s.topics.lock(name)()
	var at partitionPosition
	raw, known := in.s.ledger.Checkpoint(name)
	if known {
		var err error
		if at, err = decodePartitionPosition(raw); err != nil {
			return err
		}
	}
	messages := p.Messages
	if known && p.High < at.next {
		// The log ends before what was taken in of it: it was cut back, and what stands
		// there now is something else.
		in.s.log.Warn("kafka: a partition ends before what was read of it; what it holds now is taken as new", "input", in.name, "topic", p.Topic, "partition", p.Number)
		at.next = messages[0].Offset
	}
	var gap *ledger.Gap
	if known && p.Low > at.next {
		gap = in.removed(o.source, p, at)
	}
	// What was taken in before.
	again := 0
	for again < len(messages) && known && messages[again].Offset < at.next {
		again++
	}
	in.count(InputCounts{Messages: int64(len(messages)), Duplicates: int64(again)})
	if again > 0 {
		in.s.metrics.records.add(label("source", o.source, "outcome", "duplicate"), int64(again))
	}
	messages = messages[again:]
	file := fmt.Sprintf("kafka %s/%d", p.Topic, p.Number)
	for len(messages) > 0 {
		n, size := 0, 0
		for n < len(messages) && (n == 0 || size+len(messages[n].Value) <= kafkaChunk) {
			size += len(messages[n].Value)
			n++
		}
		if err := in.chunk(ctx, o, file, name, messages[:n], &at, gap); err != nil {
			return err
		}
		messages, gap = messages[n:], nil
	}
	return nil
}

// chunk makes messages durable together with where the partition then stands.
func (in *kafkaInput) chunk(ctx context.Context, o *ofSource, file, name string, messages []kafka.Message, at *partitionPosition, gap *ledger.Gap) error {
	list := make([]ingest.Message, len(messages))
	for i, m := range messages {
		list[i] = ingest.Message{Text: m.Value, Origin: event.Origin{File: file, Offset: m.Offset}}
	}
	d, err := o.decode(list)
	if err != nil {
		return err
	}
	if gap != nil {
		if gap.To = d.oldest; gap.To == 0 {
			gap.To = event.MillisOf(time.Now())
		}
		if err := in.s.ledger.AddGap(*gap); err != nil {
			return err
		}
	}
	next := partitionPosition{messages[len(messages)-1].Offset + 1, max(at.newest, d.newest)}
	if _, err := in.store(ctx, o.source, file, &d, &ledger.Checkpoint{Name: name, Value: next.encode()}); err != nil {
		return err
	}
	*at = next
	return nil
}

// removed says that messages were gone before they were read. The gap ends with the
// first record behind them.
func (in *kafkaInput) removed(source string, p *kafka.Partition, at partitionPosition) *ledger.Gap {
	n := p.Low - at.next
	in.s.log.Error("kafka: messages were removed before they were read", "input", in.name, "topic", p.Topic, "partition", p.Number, "messages", n)
	in.count(InputCounts{Removed: n})
	if at.newest == 0 {
		return nil
	}
	return &ledger.Gap{Source: source, From: at.newest, Kind: ledger.GapRemoved}
}
