package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/haetae/haetae/internal/disk"
)

// cluster is the library's own broker in this process, with one topic.
type cluster struct {
	*kfake.Cluster
	t  *testing.T
	cl *kgo.Client
}

func newCluster(t *testing.T, partitions int32, opts ...kfake.Opt) *cluster {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.SeedTopics(partitions, "access")}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return &cluster{Cluster: c, t: t}
}

// produce writes messages, one after another, to the partitions in turn.
func (c *cluster) produce(values ...string) {
	c.t.Helper()
	c.produceBy(c.client(), values...)
}

func (c *cluster) client(opts ...kgo.Opt) *kgo.Client {
	c.t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(c.ListenAddrs()...), kgo.RecordPartitioner(kgo.RoundRobinPartitioner()), kgo.DefaultProduceTopic("access")}, opts...)...)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(cl.Close)
	return cl
}

func (c *cluster) produceBy(cl *kgo.Client, values ...string) {
	c.t.Helper()
	var recs []*kgo.Record
	for _, v := range values {
		r := &kgo.Record{Value: []byte(v)}
		if v == "" {
			r.Value, r.Key = nil, []byte("k")
		}
		recs = append(recs, r)
	}
	if err := cl.ProduceSync(context.Background(), recs...).FirstErr(); err != nil {
		c.t.Fatal(err)
	}
}

// accesses are lines of the sample shop's gateway without ids: nothing tells one from an
// equal one.
func accesses(from, to int) []string {
	var out []string
	for i := from; i < to; i++ {
		at := time.Date(2025, 3, 10, 9, 0, i, 0, time.UTC).Format(time.RFC3339)
		out = append(out, fmt.Sprintf(`{"time":"%s","remote_addr":"203.0.113.9","request_method":"GET","request_uri":"/my/profile","status":200,"actor_id":"m1%06d","actor_type":"member"}`, at, i))
	}
	return out
}

// inputsFile writes a file of inputs.
func inputsFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "inputs.yaml")
	if err := os.WriteFile(name, []byte("version: 1\n"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func (c *cluster) inputs(more string) string {
	return inputsFile(c.t, fmt.Sprintf("kafka:\n  - name: shop\n    brokers: [\"%s\"]\n    group: haetae\n    topics:\n      - {topic: access, source: gateway}\n%s", strings.Join(c.ListenAddrs(), `", "`), more))
}

// consume is a server with inputs.
func (w *world) consume(file string) *running {
	return w.serve(func(o *Options) { o.Inputs, o.inputRetry = file, 20*time.Millisecond })
}

// until waits for an input to be as wanted.
func (r *running) until(what string, ok func(InputStatus) bool) InputStatus {
	r.w.t.Helper()
	var st InputStatus
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if st = r.InputStatuses()[0]; ok(st) {
			return st
		}
	}
	r.w.t.Fatalf("not %s: %+v", what, st)
	return st
}

func settled(n int64) func(InputStatus) bool {
	return func(st InputStatus) bool { return st.Accepted+st.Duplicates+st.Aside+st.Empty+st.Other >= n }
}

// TestKafka: every message is taken in once, or set aside with its place, or counted as
// empty; the lag of each partition is told; nothing of a message is told.
func TestKafka(t *testing.T) {
	c := newCluster(t, 3)
	c.produce(accesses(0, 1000)...)
	c.produce("", `{"time":"2025-03-10T09:00:00Z","remote_addr":"`+marker+`"`, "not json "+marker)
	w := newWorld(t, disk.NewMem(), "d")
	r := w.consume(c.inputs(""))
	st := r.until("all taken in", settled(1003))
	if st.Accepted != 1000 || st.Empty != 1 || st.Aside != 2 || st.Duplicates != 0 || !st.Connected || st.Error != "" || len(st.Partitions) != 3 || st.Last.IsZero() {
		t.Errorf("%+v", st)
	}
	if n := r.count(`source == "gateway"`); n != 1000 {
		t.Errorf("%d records", n)
	}
	st = r.until("no lag", func(st InputStatus) bool {
		for _, p := range st.Partitions {
			if p.Lag != 0 {
				return false
			}
		}
		return true
	})
	aside, err := r.ledger.Aside()
	if err != nil || len(aside) == 0 || !strings.HasPrefix(aside[0].File, "kafka access/") || aside[0].Offset < 333 {
		t.Errorf("%+v %v", aside, err)
	}
	_, _, status := r.call("GET", "/v1/status", r.address.Token, nil, nil)
	var told Status
	if err := json.Unmarshal([]byte(status), &told); err != nil || len(told.Inputs) != 1 || told.Inputs[0].Accepted != 1000 {
		t.Errorf("%s %v", status, err)
	}
	_, _, metrics := r.call("GET", "/metrics", r.address.Token, nil, nil)
	for _, want := range []string{`haetae_input_messages_total{input="shop",outcome="accepted"} 1000`, `haetae_input_lag{input="shop",topic="access",partition="2"} 0`, `haetae_input_connected{input="shop"} 1`, `haetae_records_total{source="gateway",outcome="aside"} 2`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in\n%s", want, metrics)
		}
	}
	// A restart goes on behind what was committed.
	r.end()
	c.produce(accesses(1000, 1010)...)
	r = w.consume(c.inputs(""))
	if st = r.until("the rest taken in", settled(10)); st.Accepted != 10 || st.Duplicates != 0 {
		t.Errorf("%+v", st)
	}
	// Another group begins at the beginning, and repeats nothing.
	r.end()
	file := c.inputs("")
	text, _ := os.ReadFile(file)
	os.WriteFile(file, []byte(strings.Replace(string(text), "group: haetae", "group: other", 1)), 0o600)
	r = w.consume(file)
	if st = r.until("all recognised", settled(1013)); st.Accepted != 0 || st.Duplicates != 1013 {
		t.Errorf("%+v", st)
	}
	r.end()
	for _, said := range []string{status, metrics, w.logs.String()} {
		if strings.Contains(said, marker) || strings.Contains(said, "m1000001") {
			t.Error("something of a message is told")
		}
	}
}

// TestKafkaPowerCuts: the power goes at any moment, and in every second round between
// the fsync and the commit. No record is lost, and none counts twice.
func TestKafkaPowerCuts(t *testing.T) {
	t.Parallel() // it waits more than it works
	const total, rounds = 3000, 12
	c := newCluster(t, 2)
	rnd := rand.New(rand.NewPCG(4, 2))
	mem := disk.NewMem()
	w := newWorld(t, mem, "d")
	var mu sync.Mutex
	var after *disk.Mem   // what the disk holds when the power is back; nil while it is on
	var cut chan struct{} // closed by a cut that a commit brings about
	c.ControlKey(int16(kmsg.OffsetCommit), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		mu.Lock()
		defer mu.Unlock()
		if cut != nil && after == nil {
			after = mem.Crash(rnd)
			close(cut)
		}
		return nil, errors.New("the power is off"), after != nil
	})
	made, again := 0, int64(0)
	for round := range rounds {
		between := make(chan struct{})
		mu.Lock()
		if after = nil; round%2 == 0 {
			cut = between
		}
		mu.Unlock()
		r := w.consume(c.inputs(""))
		n := 1 + total/rounds/2 + rnd.IntN(total/rounds/2)
		c.produce(accesses(made, made+n)...)
		made += n
		if round%2 == 0 {
			<-between
		} else {
			time.Sleep(time.Duration(rnd.IntN(3000)) * time.Microsecond)
		}
		mu.Lock()
		if after == nil {
			after = mem.Crash(rnd)
		}
		cut = nil
		mu.Unlock()
		again += r.InputStatuses()[0].Duplicates
		r.stop()
		<-r.done // it may say that its disk is gone
		mu.Lock()
		mem = after
		mu.Unlock()
		w.fs = mem
	}
	mu.Lock()
	after = nil
	mu.Unlock()
	c.produce(accesses(made, total)...)
	r := w.consume(c.inputs(""))
	end := time.Now().Add(20 * time.Second)
	for r.count(`source == "gateway"`) < total && time.Now().Before(end) {
		time.Sleep(20 * time.Millisecond)
	}
	if n := r.count(`source == "gateway"`); n != total {
		t.Errorf("%d records of %d messages", n, total)
	}
	if again += r.InputStatuses()[0].Duplicates; again == 0 {
		t.Error("nothing was brought again: the power was never cut between an fsync and its commit")
	}
	r.end()
}

// TestKafkaCommitLost: what is durable and not committed is brought again, and known.
func TestKafkaCommitLost(t *testing.T) {
	c := newCluster(t, 1)
	var refuse sync.Mutex
	refused := true
	c.ControlKey(int16(kmsg.OffsetCommit), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		refuse.Lock()
		defer refuse.Unlock()
		return nil, errors.New("no commit"), refused
	})
	c.produce(accesses(0, 50)...)
	mem := disk.NewMem()
	w := newWorld(t, mem, "d")
	r := w.consume(c.inputs(""))
	r.until("brought again", func(st InputStatus) bool { return st.Duplicates >= 50 })
	r.stop()
	<-r.done
	refuse.Lock()
	refused = false
	refuse.Unlock()
	w.fs = mem.Crash(rand.New(rand.NewPCG(1, 1)))
	r = w.consume(c.inputs(""))
	st := r.until("brought again after the crash", settled(50))
	if st.Accepted != 0 || st.Duplicates != 50 {
		t.Errorf("%+v", st)
	}
	if n := r.count(`source == "gateway"`); n != 50 {
		t.Errorf("%d records", n)
	}
	r.end()
}
