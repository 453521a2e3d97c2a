package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/haetae/haetae/drill"
	"github.com/haetae/haetae/drill/play"
	"github.com/haetae/haetae/drill/report"
	"github.com/haetae/haetae/drill/score"
	"github.com/haetae/haetae/drill/traffic"
)

// drillOptions are what run and generate have in common.
type drillOptions struct {
	scenarios
	scale int64
	seed  uint64
}

func (a *app) drillFlags(c *cobra.Command, o *drillOptions) {
	a.scenarioFlags(c, &o.scenarios)
	c.Flags().Int64Var(&o.scale, "scale", 0, a.say(drillFlags.scale))
	c.Flags().Uint64Var(&o.seed, "seed", 1, a.say(drillFlags.seed))
}

// take reads the scenario and checks the scale.
func (o *drillOptions) take(a *app, id string) (*drill.Scenario, error) {
	if o.scale < 0 {
		return nil, a.usage(drillWords.badScale)
	}
	s, err := o.read(a, id)
	if err == nil && o.scale == 0 {
		o.scale = int64(s.Scale)
	}
	return s, err
}

func (a *app) drillRun() *cobra.Command {
	var o drillOptions
	var asJSON bool
	var p play.Options
	var live liveFlags
	var out string
	c := a.command("run NAME", drillRunText)
	c.Args = a.args(1)
	a.drillFlags(c, &o)
	a.liveFlags(c, &live)
	fl := c.Flags()
	fl.StringVar(&p.Data, "data", "", a.say(drillFlags.data))
	fl.StringVar(&p.Rules, "rules", "", a.say(detectFlags.rules))
	fl.BoolVar(&p.NoHold, "no-hold", false, a.say(drillFlags.noHold))
	fl.StringVar(&out, "report", "", a.say(drillFlags.report))
	fl.BoolVar(&asJSON, "json", false, a.say(flagText.json))
	c.ValidArgsFunction = a.scenarioIDs(&o.scenarios)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		s, err := o.take(a, args[0])
		if err != nil {
			return a.fileError(err)
		}
		if out != "" {
			if _, err := os.Stat(out); err == nil {
				return a.failure(fs.ErrExist, drillWords.reportThere, filepath.Base(out))
			}
		}
		if err := live.take(a, cmd, s, &p); err != nil {
			return err
		}
		bar := newDrillBar(a, s)
		p.Scale, p.Seed, p.Progress = o.scale, o.seed, bar.show
		res, err := play.Run(cmd.Context(), s, p)
		bar.end()
		if err != nil {
			return a.fileError(err)
		}
		res.Run = score.Run{Tool: "haetae", Version: version(), Command: drillCommandLine(s, &o, &p, &live)}
		return a.scored(s, res.Score, res, out, asJSON)
	}
	return c
}

// drillCommandLine is what has to be typed for the same score.
func drillCommandLine(s *drill.Scenario, o *drillOptions, p *play.Options, live *liveFlags) string {
	line := []string{"haetae drill run", s.ID, "--scale", fmt.Sprint(o.scale), "--seed", fmt.Sprint(o.seed)}
	line = append(line, live.words(p.Live != nil)...)
	if p.NoHold {
		line = append(line, "--no-hold")
	}
	if o.dir != "" {
		line = append(line, "--scenarios DIR")
	}
	if p.Rules != "" {
		line = append(line, "--rules DIR")
	}
	return strings.Join(line, " ")
}

// scored prints a score, writes the report, and makes a drill that is not passed a
// failure.
func (a *app) scored(s *drill.Scenario, sc *score.Score, res *play.Result, out string, asJSON bool) error {
	if !sc.Passed {
		a.code = exitFailed
	}
	if out != "" {
		f, err := os.OpenFile(out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return a.fileError(err)
		}
		b := bufio.NewWriter(f)
		if err := errors.Join(report.Write(b, s, sc, string(a.lang)), b.Flush(), f.Close()); err != nil {
			return fmt.Errorf("report: %w", err)
		}
	}
	if asJSON {
		return a.json(sc)
	}
	a.showScore(s, sc, res)
	if out != "" {
		a.printf(drillWords.reported, out)
	}
	return nil
}

// drillBar shows how far a run is, on a terminal on one line.
type drillBar struct {
	*bar
	s *drill.Scenario
}

func newDrillBar(a *app, s *drill.Scenario) *drillBar { return &drillBar{newBar(a), s} }

func (b *drillBar) show(p play.Progress) {
	if b.terminal {
		if time.Since(b.last) < 100*time.Millisecond {
			return
		}
	} else if time.Since(b.last) < plainEvery {
		return
	}
	b.last = time.Now()
	a := b.a
	line := a.say(drillWords.stages[p.Stage])
	switch {
	case p.Stage == play.Traffic:
		line = a.sayf(drillWords.making, p.At.Format(time.DateOnly), count(p.Lines))
	case p.All > 0:
		line += fmt.Sprintf(" %d%%", 100*p.Done/p.All)
	}
	if !b.terminal {
		fmt.Fprintln(a.stderr, line)
		return
	}
	pad := max(0, b.width-1-cellWidth(line))
	fmt.Fprintf(a.stderr, "\r%s%s", line, strings.Repeat(" ", pad))
	b.drawn = true
}

func (a *app) drillGenerate() *cobra.Command {
	var o drillOptions
	var dir string
	c := a.command("generate NAME --out DIR", drillGenerateText)
	c.Args = a.args(1)
	a.drillFlags(c, &o)
	c.Flags().StringVar(&dir, "out", "", a.say(drillFlags.out))
	c.ValidArgsFunction = a.scenarioIDs(&o.scenarios)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if dir == "" {
			return a.usage(drillWords.needOut)
		}
		s, err := o.take(a, args[0])
		if err != nil {
			return a.fileError(err)
		}
		if err := a.emptyFolder(dir); err != nil {
			return err
		}
		m, err := traffic.New(s, traffic.Options{Scale: o.scale, Seed: o.seed})
		if err != nil {
			return err
		}
		if err := generate(cmd.Context(), m, s, dir); err != nil {
			return err
		}
		t := m.Truth()
		a.printf(drillWords.generated, dir, count(t.Background+t.Records), o.scale, o.seed)
		return nil
	}
	return c
}

// generate writes everything that a tool is given, and the sealed truth beside it.
func generate(ctx context.Context, m *traffic.Maker, s *drill.Scenario, dir string) error {
	write := func(name string, fill func(io.Writer) error) error {
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("generate: %w", err)
		}
		b := bufio.NewWriterSize(f, 1<<20)
		if err := errors.Join(fill(b), b.Flush(), f.Close()); err != nil {
			return fmt.Errorf("generate: %s: %w", name, err)
		}
		return nil
	}
	text := func(b []byte) func(io.Writer) error {
		return func(w io.Writer) error { _, err := w.Write(b); return err }
	}
	for _, f := range []struct {
		name string
		fill func(io.Writer) error
	}{{"catalog.yaml", text(m.Catalog())}, {"register.csv", m.WriteRegister}, {"holdings.csv", m.WriteHoldings}} {
		if err := write(f.name, f.fill); err != nil {
			return err
		}
	}
	for _, f := range []struct {
		name string
		data []byte
	}{{"keys.csv", m.Keys()}, {"calendar.yaml", m.Calendar()}} {
		if f.data == nil {
			continue
		}
		if err := write(f.name, text(f.data)); err != nil {
			return err
		}
	}
	if err := generateLogs(ctx, m, s, dir); err != nil {
		return err
	}
	key, recipient, err := score.NewKey()
	if err != nil {
		return err
	}
	if err := write("truth.key", text(key)); err != nil {
		return err
	}
	return write("truth.age", func(w io.Writer) error {
		return score.Seal(w, recipient, m.Truth(), m.People)
	})
}

func generateLogs(ctx context.Context, m *traffic.Maker, s *drill.Scenario, dir string) (err error) {
	logs := map[string]*bufio.Writer{}
	for _, log := range s.Logs.Names {
		f, e := os.OpenFile(filepath.Join(dir, play.LogName(log, s.Logs.Of[log].Format)), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if e != nil {
			return fmt.Errorf("generate: %w", e)
		}
		b := bufio.NewWriterSize(f, 1<<20)
		defer func() { err = errors.Join(err, b.Flush(), f.Close()) }()
		logs[log] = b
	}
	return m.Run(ctx, func(_ time.Time, chunks []traffic.Chunk) error {
		for _, c := range chunks {
			if _, err := logs[c.Log].Write(c.Lines); err != nil {
				return fmt.Errorf("generate: %w", err)
			}
		}
		return nil
	})
}
