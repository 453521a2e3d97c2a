package server

import (
	"context"
	"fmt"
	"time"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ingest"
	"github.com/haetae/haetae/ingest/syslog"
	"github.com/haetae/haetae/ledger"
)

// syslogInput is a listener for syslog.
type syslogInput struct {
	input
	set      syslog.Settings
	listener *syslog.Listener
}

func (s *Server) newSyslogInput(set syslog.Settings) (*syslogInput, error) {
	in := &syslogInput{input: input{s: s, name: set.Name, kind: "syslog"}, set: set}
	var err error
	in.listener, err = syslog.Listen(set, syslog.Options{
		Open: func(connection int64) func(context.Context, []syslog.Frame, bool) error {
			c := &syslogConnection{in: in, place: fmt.Sprintf("syslog %s connection %d", set.Name, connection), sources: map[string]*ofSource{}}
			return c.take
		},
		Room:        func(ctx context.Context) (func(), error) { return s.limits.waitBytes(ctx, syslog.MaxMessage) },
		ReadTimeout: s.opts.ReadTimeout,
		Failed: func(what string, err error) {
			// Whoever may connect can make this happen, so it is counted, and logged quietly.
			s.log.Debug("syslog", "input", set.Name, "what", what, "error", err)
		},
	})
	if err != nil {
		return nil, fmt.Errorf("listen for syslog (%s): %w", set.Name, err)
	}
	return in, nil
}

func (in *syslogInput) status() InputStatus {
	st := in.input.status()
	c := in.listener.Counts()
	st.Listen, st.Connected = in.listener.Addr().String(), c.Open > 0
	st.Connections, st.Refused, st.Failed = c.Open, c.Refused, c.Failed
	if st.Error == "" && in.listener.Problem() != nil {
		st.Error = InputCertificate
	}
	return st
}

// syslogFile is the stream that records of a listener are said to come from. Which
// connection it was says only a line that was set aside: there are too many of them to
// be kept with every record.
const syslogFile = "syslog"

// syslogUnknown is the source under which messages are set aside that are of none, as
// their header cannot be read.
const syslogUnknown = "syslog"

// syslogConnection takes what comes on one connection. It belongs to one goroutine.
type syslogConnection struct {
	in      *syslogInput
	place   string
	sources map[string]*ofSource
}

// take makes the messages of one window durable. It comes back when they are, or when
// the server stops and they cannot be: nobody could be told, and the sender waits
// meanwhile.
func (c *syslogConnection) take(ctx context.Context, frames []syslog.Frame, roomy bool) error {
	s := c.in.s
	size := int64(0)
	if !roomy { // else who holds room would wait for more of it, and all for each other
		for _, f := range frames {
			size += int64(len(f.Text))
		}
	}
	// What was read when the server stops is still taken in.
	hold, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() {
		select {
		case <-hold.Done():
		case <-time.After(s.opts.ShutdownTimeout):
			stop()
		}
	})()
	leave, err := s.limits.wait(hold, "syslog "+c.in.name, size)
	if err != nil {
		return err
	}
	defer leave()
	todo := c.sort(frames)
	for _, store := range todo {
		for {
			err := store(hold)
			c.in.stand(err)
			if err == nil {
				break
			}
			if ctx.Err() != nil {
				return err
			}
			select {
			case <-ctx.Done():
			case <-time.After(inputRetry):
			}
		}
	}
	return nil
}

// sort gives messages to their sources, and says what is to be done for each. A header
// that cannot be read is set aside with the only source there is, or under
// syslogUnknown; what is of no source is counted.
func (c *syslogConnection) sort(frames []syslog.Frame) (todo []func(context.Context) error) {
	bySource := map[string][]ingest.Message{}
	var order []string
	var lost []ledger.AsideLine
	other := int64(0)
	for _, f := range frames {
		m := ingest.Message{Text: f.Text, Origin: event.Origin{File: c.place, Line: f.Number, Offset: f.Offset}, Err: f.Err}
		source := c.in.set.Source()
		h, text, bad := syslog.Parse(f.Text)
		if bad == nil {
			m.Text, source = text, c.in.set.SourceOf(&h)
		} else if m.Err == nil {
			m.Err = bad
		}
		switch {
		case source != "":
			if bySource[source] == nil {
				order = append(order, source)
			}
			bySource[source] = append(bySource[source], m)
		case bad == nil:
			other++
		default:
			lost = append(lost, asideLine(syslogUnknown, c.place, f.Number, f.Offset, m.Err.Field, m.Err.Cause.Code, maskedBeginning(f.Text)))
		}
	}
	c.in.count(InputCounts{Messages: int64(len(frames)), Other: other})
	for _, source := range order {
		todo = append(todo, func(ctx context.Context) error { return c.store(ctx, source, bySource[source]) })
	}
	if len(lost) > 0 {
		todo = append(todo, func(context.Context) error {
			if err := c.in.s.ledger.SetAside(0, lost); err != nil {
				return err
			}
			c.in.count(InputCounts{Aside: int64(len(lost))})
			c.in.s.metrics.records.add(label("source", syslogUnknown, "outcome", "aside"), int64(len(lost)))
			return nil
		})
	}
	return todo
}

func (c *syslogConnection) store(ctx context.Context, source string, messages []ingest.Message) error {
	o := c.sources[source]
	if o == nil {
		o = &ofSource{s: c.in.s, source: source}
		c.sources[source] = o
	}
	d, err := o.decode(messages)
	if err == nil {
		_, err = c.in.store(ctx, source, syslogFile, &d, nil)
	}
	return err
}
