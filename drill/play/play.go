package play

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/drill"
	"github.com/haetae/haetae/drill/score"
	"github.com/haetae/haetae/drill/traffic"
	"github.com/haetae/haetae/internal/disk"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/server"
)

// Reaction is how long after the first alarm of high severity somebody sets a hold.
// It is invented, and told beside the score.
const Reaction = time.Hour

// Options of a run.
type Options struct {
	Scale int64  // 1:so-much; 0: the scenario's own
	Seed  uint64 // 0: 1
	// Data is where the data folder is made, which must not be there yet. Empty: in a
	// temporary folder that is removed at the end.
	Data  string
	Rules string // folder; empty: the pack that ships
	// NoHold: nobody sets a hold, as in reality.
	NoHold   bool
	Workers  int
	Progress func(Progress) // may be nil; from one goroutine at a time
	// Until ends the scenario there: no traffic, fault or expectation is later. Zero: all
	// of it.
	Until time.Time
	// Live: a server follows the logs as they grow. Nil: import, and rules over history.
	Live *Live
}

// Progress is how far a run is.
type Progress struct {
	Stage string    // Traffic, Rules, Scope, Judge
	At    time.Time // of the traffic
	Lines int64
	Done  int64 // of All, in Rules
	All   int64
}

// Stages of a run.
const (
	Traffic = "traffic"
	Rules   = "rules"
	Scope   = "scope"
	Judge   = "judge"
)

// Result is the score, and what it cost to find.
type Result struct {
	*score.Score
	Lines    int64 // of all logs
	Records  int64
	Bytes    int64   // of the logs
	Disk     int64   // of the data folder
	Made     float64 // seconds: traffic and import together
	Detected float64 // seconds
	Asked    float64 // seconds
	Lost     int     // signals that coverage was lost
	// ByAlarm is what the condition of the first correct alarm of high severity, or else
	// of any, finds at the end: the one step from alarm to extent.
	ByAlarm *Alarm
}

// Alarm is a signal and its extent.
type Alarm struct {
	Rule, Where             string
	Reads, Accounts, People int64
}

// run is one drill under way.
type run struct {
	s     *drill.Scenario
	o     Options
	maker *traffic.Maker
	dir   string // files that are handed in
	data  string // the data folder
	l     *ledger.Ledger
	live  *live // nil: none
	res   Result
	found score.Found
	told  []signal
	level map[string]detect.Severity // of what was told
	names map[string]string          // see pseudonyms
}

// Run plays a scenario through the product: traffic in, rules over it with what was
// known by when, retention, scope. Without Live the embedded engine imports the logs and
// runs the rules over history.
func Run(ctx context.Context, s *drill.Scenario, o Options) (*Result, error) {
	r, err := play(ctx, s, o)
	if err != nil {
		return nil, err
	}
	return &r.res, nil
}

func play(ctx context.Context, s *drill.Scenario, o Options) (_ *run, err error) {
	if o.Scale == 0 {
		o.Scale = int64(s.Scale)
	}
	if o.Seed == 0 {
		o.Seed = 1
	}
	if s, err = until(s, o.Until); err != nil {
		return nil, err
	}
	r := &run{s: s, o: o, level: map[string]detect.Severity{}}
	if r.maker, err = traffic.New(s, traffic.Options{Scale: o.Scale, Seed: o.Seed}); err != nil {
		return nil, err
	}
	if r.dir, err = os.MkdirTemp("", "haetae-drill-"); err != nil {
		return nil, fmt.Errorf("drill: %w", err)
	}
	defer os.RemoveAll(r.dir)
	if o.Live != nil && o.Live.Server != "" {
		return r, r.withServer(ctx)
	}
	if r.data = o.Data; r.data == "" {
		r.data = filepath.Join(r.dir, "data")
	}
	if err := ledger.Create(disk.OS, r.data, ""); err != nil {
		return nil, err
	}
	if r.l, err = ledger.Open(disk.OS, r.data, ledger.Options{}); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	steps := []func(context.Context) error{r.traffic, r.detect, r.evidence, r.ask, r.judge}
	if o.Live != nil {
		steps = []func(context.Context) error{r.papers, r.follow, r.rest, r.evidence, r.ask, r.judge}
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	r.res.Disk = sizeOf(r.data)
	return r, nil
}

// close lets the folder go, by the server that owns it or without one.
func (r *run) close() error {
	if r.live != nil && r.live.stop != nil {
		return r.live.stop()
	}
	if r.l == nil {
		return nil
	}
	return r.l.Close()
}

// until is a scenario that ends sooner.
func until(s *drill.Scenario, end time.Time) (*drill.Scenario, error) {
	if end.IsZero() {
		return s, nil
	}
	if !end.After(s.From.Time) || end.After(s.To.Time) {
		return nil, ErrUntil
	}
	x := *s
	x.To.Time = end
	x.Faults = slices.DeleteFunc(slices.Clone(s.Faults), func(f drill.Fault) bool { return f.Kind == "retention" && f.At.After(end) })
	x.Expect.Rings = slices.DeleteFunc(slices.Clone(s.Expect.Rings), func(g drill.Ring) bool { return g.By.After(end) })
	x.Outside = slices.DeleteFunc(slices.Clone(s.Outside), func(o drill.Outside) bool { return o.At.After(end) })
	return &x, nil
}

// ErrUntil: a scenario cannot end there.
var ErrUntil = errors.New("drill: the end lies outside the scenario")

func (r *run) progress(p Progress) {
	if r.o.Progress != nil {
		r.o.Progress(p)
	}
}

// write makes a file of those that are handed in.
func (r *run) write(name string, fill func(io.Writer) error) (string, error) {
	name = filepath.Join(r.dir, name)
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", fmt.Errorf("drill: %w", err)
	}
	b := bufio.NewWriterSize(f, 1<<20)
	return name, errors.Join(fill(b), b.Flush(), f.Close())
}

func text(b []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	}
}

// traffic makes the logs and imports them, a log of a scenario that has only one as it
// is made: at full scale it would not fit on a disk.
func (r *run) traffic(ctx context.Context) error {
	begin := time.Now()
	req, err := r.request()
	if err != nil {
		return err
	}
	if err := r.importLogs(ctx, req); err != nil {
		return err
	}
	r.res.Made = time.Since(begin).Seconds()
	return nil
}

// request is an import of catalog, register and holdings.
func (r *run) request() (req server.ImportRequest, err error) {
	req.New = true
	if req.Catalog, err = r.write("catalog.yaml", text(r.maker.Catalog())); err != nil {
		return req, err
	}
	register, err := r.write("register.csv", r.maker.WriteRegister)
	if err != nil {
		return req, err
	}
	holdings, err := r.write("holdings.csv", r.maker.WriteHoldings)
	if err != nil {
		return req, err
	}
	// A register that the scenario has exported once is old by and by. Any other comes
	// anew all the time, and so is known from the first day on to the last.
	day := func(t time.Time) string { return t.Format(time.RFC3339) }
	if at := r.s.Population.Register; !at.IsZero() {
		req.Register = []server.DatedFile{{File: register, From: day(at.Time)}}
	} else {
		req.Register = []server.DatedFile{{File: register, From: day(r.s.From.Time)}, {File: register, From: day(r.s.To.Time)}}
	}
	req.Holdings = []server.DatedFile{{File: holdings}}
	return req, nil
}

// importLogs gives every log to an import of its own. One that is alone is piped.
func (r *run) importLogs(ctx context.Context, req server.ImportRequest) error {
	opts := server.ImportOptions{Workers: server.Workers(r.o.Workers)}
	take := func(rep *server.ImportReport, err error) error {
		if err != nil {
			return err
		}
		r.res.Records += rep.Records
		if rep.Aside > 0 {
			return fmt.Errorf("drill: %d lines of the traffic were set aside", rep.Aside)
		}
		return nil
	}
	logs := r.s.Logs.Names
	if len(logs) == 1 {
		req.Source, req.Files = logs[0], []string{"-"}
		in, out := io.Pipe()
		opts.Stdin = in
		made := make(chan error, 1)
		go func() {
			err := r.make(ctx, func(string) io.Writer { return out })
			out.CloseWithError(err) // nil ends the log
			made <- err
		}()
		rep, err := server.Import(ctx, r.l, req, opts)
		in.CloseWithError(context.Canceled)
		if e := <-made; e != nil && !errors.Is(e, context.Canceled) {
			return e
		}
		return take(rep, err)
	}
	if err := take(server.Import(ctx, r.l, req, opts)); err != nil {
		return err
	}
	files := map[string]*os.File{}
	w := map[string]io.Writer{}
	for _, log := range logs {
		f, err := os.OpenFile(filepath.Join(r.dir, log+".log"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("drill: %w", err)
		}
		defer f.Close()
		files[log], w[log] = f, f
	}
	if err := r.make(ctx, func(log string) io.Writer { return w[log] }); err != nil {
		return err
	}
	for _, log := range logs {
		one := server.ImportRequest{New: true, Source: log, Files: []string{files[log].Name()}}
		if err := take(server.Import(ctx, r.l, one, opts)); err != nil {
			return err
		}
		if err := os.Remove(files[log].Name()); err != nil {
			return fmt.Errorf("drill: %w", err)
		}
	}
	return nil
}

// make writes the lines of each log.
func (r *run) make(ctx context.Context, to func(log string) io.Writer) error {
	return r.maker.Run(ctx, func(at time.Time, logs []traffic.Chunk) error {
		for _, c := range logs {
			if _, err := to(c.Log).Write(c.Lines); err != nil {
				return fmt.Errorf("drill: %w", err)
			}
			r.res.Lines += int64(c.Count)
			r.res.Bytes += int64(len(c.Lines))
		}
		r.progress(Progress{Stage: Traffic, At: at, Lines: r.res.Lines})
		return nil
	})
}

func sizeOf(dir string) (n int64) {
	filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if i, err := d.Info(); err == nil {
				n += i.Size()
			}
		}
		return nil
	})
	return n
}
