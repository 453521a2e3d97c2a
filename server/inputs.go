package server

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ingest"
	"github.com/haetae/haetae/ingest/inputs"
	"github.com/haetae/haetae/ingest/line"
	"github.com/haetae/haetae/ledger"
)

// An input is a way in that is configured and not asked: a listener for syslog, a
// consumer of Kafka. What comes by one goes the way of every line: decoder, catalog,
// batch, journal; and an input goes on when that is durable.

// InputStatus is how an input is doing. Counts are since the start.
type InputStatus struct {
	Name string `json:"name"`
	Kind string `json:"kind"` // "syslog" or "kafka"
	// Listen is the address of a listener.
	Listen string `json:"listen,omitempty"`
	// Connected: a consumer has joined its group. Connections: those of a listener that
	// are open.
	Connected   bool      `json:"connected"`
	Connections int64     `json:"connections,omitempty"`
	Refused     int64     `json:"refused,omitempty"` // connections beyond what may be open at once
	Failed      int64     `json:"failed,omitempty"`  // handshakes and connections that were ended for what came on them
	Last        time.Time `json:"last_message,omitzero"`
	InputCounts
	Partitions []InputPartition `json:"partitions,omitempty"`
	// Error is a code of package ingest/kafka, or InputCertificate or InputStore.
	Error string `json:"error,omitempty"`
}

// InputCounts: Messages = Accepted + Duplicates + Aside + Empty + Other, except that a
// message which is a document of many events counts as many.
type InputCounts struct {
	Messages   int64 `json:"messages"`
	Accepted   int64 `json:"accepted"`
	Duplicates int64 `json:"duplicates"`
	Aside      int64 `json:"aside"`
	Empty      int64 `json:"empty"` // without a byte, tombstones, and what tells of no access
	Other      int64 `json:"other"` // of no source; syslog alone
	// Removed are messages that Kafka removed before they were read.
	Removed int64 `json:"removed"`
}

// InputPartition is how far a partition is read.
type InputPartition struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Lag       int64  `json:"lag"` // offsets; -1: not known yet
}

// What InputStatus.Error says of what is not Kafka's.
const (
	InputCertificate = "certificate" // its files were changed and cannot be read; those before go on
	InputStore       = "not_stored"  // messages cannot be made durable; the input stands still
)

// input is what both kinds share.
type input struct {
	s    *Server
	name string
	kind string

	mu     sync.Mutex
	counts InputCounts
	last   time.Time

	stuck atomic.Bool // what came cannot be made durable
}

func (in *input) count(c InputCounts) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, p := range [][2]*int64{
		{&in.counts.Messages, &c.Messages}, {&in.counts.Accepted, &c.Accepted}, {&in.counts.Duplicates, &c.Duplicates}, {&in.counts.Aside, &c.Aside},
		{&in.counts.Empty, &c.Empty}, {&in.counts.Other, &c.Other}, {&in.counts.Removed, &c.Removed},
	} {
		*p[0] += *p[1]
	}
	if c.Messages > 0 {
		in.last = time.Now()
	}
}

func (in *input) status() InputStatus {
	in.mu.Lock()
	defer in.mu.Unlock()
	st := InputStatus{Name: in.name, Kind: in.kind, Last: in.last, InputCounts: in.counts}
	if in.stuck.Load() {
		st.Error = InputStore
	}
	return st
}

// openInputs reads the file of inputs and opens the ports.
func (s *Server) openInputs() error {
	if s.opts.Inputs == "" {
		return nil
	}
	cat := s.ledger.Catalog()
	if cat == nil {
		return ErrNoCatalog
	}
	cfg, err := inputs.Load(s.opts.Inputs)
	if err != nil {
		return err
	}
	if err := cfg.Check(func(source string) bool { _, ok := cat.Source(source); return ok }); err != nil {
		return err
	}
	s.inputs = cfg
	for _, set := range cfg.Syslog {
		in, err := s.newSyslogInput(set)
		if err != nil {
			return err
		}
		s.syslogs = append(s.syslogs, in)
	}
	for _, set := range cfg.Kafka {
		s.kafkas = append(s.kafkas, s.newKafkaInput(set))
	}
	return nil
}

// closeInputs lets go of ports that nobody serves.
func (s *Server) closeInputs() {
	for _, in := range s.syslogs {
		in.listener.Close()
	}
}

func (s *Server) runInputs() {
	for _, in := range s.syslogs {
		s.wg.Go(func() { in.listener.Serve(s.work) })
	}
	for _, in := range s.kafkas {
		s.wg.Go(func() { in.consumer.Run(s.work) })
	}
}

// InputStatuses is how the inputs are doing.
func (s *Server) InputStatuses() []InputStatus {
	out := []InputStatus{}
	for _, in := range s.syslogs {
		out = append(out, in.status())
	}
	for _, in := range s.kafkas {
		out = append(out, in.status())
	}
	return out
}

// InputsInTheClear names the inputs over which records go unprotected between
// machines.
func (s *Server) InputsInTheClear() []string {
	if s.inputs == nil {
		return nil
	}
	return s.inputs.Open()
}

// ofSource decodes the messages of one source. It belongs to one goroutine.
type ofSource struct {
	s      *Server
	source string

	cat   *catalog.Catalog
	made  time.Time
	dec   *ingest.Messages
	batch *ledger.Batch
}

// decoded is what became of messages that came together.
type decoded struct {
	batch  *ledger.Batch
	aside  []ledger.AsideLine
	counts ingest.Counts
	oldest event.Millis // 0: no record
	newest event.Millis
}

// decode takes messages of the source. What it returns is valid until the next call,
// and while the messages are.
func (o *ofSource) decode(messages []ingest.Message) (d decoded, err error) {
	cat := o.s.ledger.Catalog()
	// A decoder refuses times that are far ahead of when it was made.
	if o.dec == nil || cat != o.cat || time.Since(o.made) > time.Hour {
		o.dec, o.cat, o.made, o.batch = nil, cat, time.Now(), o.s.ledger.NewBatch()
		src, ok := cat.Source(o.source)
		if !ok {
			return d, ErrNoSource
		}
		dec, known, err := ingest.NewMessages(src, cat, o.s.networks, o.made, sampleOf(messages), func(format string, dec ingest.Decoder) ingest.Decoder {
			return watchedBy(o.s.intake.Load, format, dec)
		})
		if err != nil {
			return d, err
		}
		if known {
			o.dec = dec
		}
	}
	o.batch.Reset()
	d.batch = o.batch
	aside := func(a ingest.Aside) {
		d.aside = append(d.aside, asideLine(o.source, a.Origin.File, a.Origin.Line, a.Origin.Offset, a.Field, a.Cause.Code, a.Text))
	}
	if o.dec == nil { // of no known format: the next ones may tell
		for _, m := range messages {
			if len(m.Text) == 0 && m.Err == nil {
				d.counts.Empty++
				continue
			}
			why := m.Err
			if why == nil {
				why = &line.Error{Cause: line.NoFormat}
			}
			d.counts.Aside++
			aside(ingest.Aside{Origin: m.Origin, Field: why.Field, Cause: why.Cause, Text: maskedBeginning(m.Text)})
		}
		return d, nil
	}
	d.counts = o.dec.Decode(messages, func(rec *event.Record) {
		d.newest = max(d.newest, rec.Time)
		if d.oldest == 0 || rec.Time < d.oldest {
			d.oldest = rec.Time
		}
		o.batch.Add(rec)
	}, aside)
	return d, o.batch.Err()
}

// maskedBeginning is what is kept of a text that no decoder has seen.
func maskedBeginning(text []byte) []byte {
	kept := append([]byte(nil), text[:min(len(text), asideMaxText)]...)
	line.Mask(kept)
	return kept
}

// sampleOf is the first messages, as lines of a log.
func sampleOf(messages []ingest.Message) []byte {
	var out []byte
	for _, m := range messages[:min(len(messages), 20)] {
		if m.Err == nil && len(m.Text) > 0 {
			out = append(append(out, m.Text...), '\n')
		}
	}
	return out
}

// inputRetry is how long an input rests whose messages could not be made durable.
const inputRetry = 2 * time.Second

// store makes durable what was decoded, and counts it.
func (in *input) store(ctx context.Context, source, file string, d *decoded, cp *ledger.Checkpoint) (ledger.Receipt, error) {
	s := in.s
	// As with requests: a crash in between sets aside once more; the other way round the
	// lines would be lost.
	if err := s.ledger.SetAside(0, d.aside); err != nil {
		return ledger.Receipt{}, err
	}
	var got ledger.Receipt
	if d.batch.Len() > 0 || cp != nil {
		begin := time.Now()
		var err error
		if got, err = s.ledger.AppendBatch(ctx, d.batch, file, cp); err != nil {
			return got, err
		}
		s.metrics.appendSeconds.observe(time.Since(begin))
	}
	s.metrics.lostFrom(source, d.counts.LostAddresses, d.counts.LostTexts)
	for outcome, n := range map[string]int{"accepted": got.Accepted, "duplicate": got.Duplicates, "aside": int(d.counts.Aside)} {
		s.metrics.records.add(label("source", source, "outcome", outcome), int64(n))
	}
	in.count(InputCounts{Accepted: int64(got.Accepted), Duplicates: int64(got.Duplicates), Aside: d.counts.Aside, Empty: d.counts.Empty})
	return got, nil
}

// stand says whether the input stands still, and logs that once.
func (in *input) stand(err error) {
	switch was := in.stuck.Swap(err != nil); {
	case err != nil && !was && !errors.Is(err, context.Canceled):
		in.s.log.Error("an input stands still: what came cannot be made durable", "input", in.name, "error", withoutFolder(err))
	case err == nil && was:
		in.s.log.Info("the input goes on", "input", in.name)
	}
}

// inputMetrics are of the inputs. Their labels are names of the file of inputs, and of
// topics.
func (s *Server) inputMetrics(m metricWriter) {
	if len(s.syslogs)+len(s.kafkas) == 0 {
		return
	}
	var messages, connected, connections, refused, failed, removed, lag counterVec
	for _, st := range s.InputStatuses() {
		name := label("input", st.Name)
		for _, n := range []struct {
			what string
			n    int64
		}{{"accepted", st.Accepted}, {"duplicate", st.Duplicates}, {"aside", st.Aside}, {"empty", st.Empty}, {"other", st.Other}} {
			messages.add(label("input", st.Name, "outcome", n.what), n.n)
		}
		up := int64(0)
		if st.Connected {
			up = 1
		}
		connected.add(name, up)
		if st.Kind == "syslog" {
			connections.add(name, st.Connections)
			refused.add(name, st.Refused)
			failed.add(name, st.Failed)
			continue
		}
		removed.add(name, st.Removed)
		for _, p := range st.Partitions {
			if p.Lag >= 0 {
				lag.add(label("input", st.Name, "topic", p.Topic, "partition", fmt.Sprint(p.Partition)), p.Lag)
			}
		}
	}
	m.vec("haetae_input_messages_total", "counter", "Messages of an input, by outcome.", &messages)
	m.vec("haetae_input_connected", "gauge", "1 when an input has a connection, or its group has given it a place.", &connected)
	m.vec("haetae_input_connections", "gauge", "Open connections of a listener for syslog.", &connections)
	m.vec("haetae_input_refused_total", "counter", "Connections of a listener beyond what may be open at once.", &refused)
	m.vec("haetae_input_failed_total", "counter", "Handshakes that failed, and connections that were ended for what came on them.", &failed)
	m.vec("haetae_input_removed_total", "counter", "Messages that Kafka removed before they were read.", &removed)
	m.vec("haetae_input_lag", "gauge", "Offsets of a partition that are not read yet.", &lag)
}
