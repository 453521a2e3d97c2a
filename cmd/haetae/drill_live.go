package main

import (
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/haetae/haetae/drill"
	"github.com/haetae/haetae/drill/play"
)

// liveFlags say how a drill is played into a server.
type liveFlags struct {
	live         bool
	speed        float64
	step         time.Duration
	from, to     string
	server, into string
}

func (a *app) liveFlags(c *cobra.Command, f *liveFlags) {
	fl := c.Flags()
	fl.BoolVar(&f.live, "live", false, a.say(drillFlags.live))
	fl.Float64Var(&f.speed, "speed", 0, a.say(drillFlags.speed))
	fl.DurationVar(&f.step, "step", 0, a.say(drillFlags.step))
	fl.StringVar(&f.from, "from", "", a.say(drillFlags.from))
	fl.StringVar(&f.to, "to", "", a.say(drillFlags.to))
	fl.StringVar(&f.server, "server", "", a.say(drillFlags.server))
	fl.StringVar(&f.into, "into", "", a.say(drillFlags.into))
	c.MarkFlagDirname("server")
	c.MarkFlagDirname("into")
}

// take puts what was typed into the options of a run, or says what is wrong with it.
func (f *liveFlags) take(a *app, c *cobra.Command, s *drill.Scenario, p *play.Options) error {
	changed := c.Flags().Changed
	moment := func(flag, text string) (time.Time, error) {
		if text == "" {
			return time.Time{}, nil
		}
		at, err := a.parseTime(flag, text, s.Location())
		if err != nil {
			return time.Time{}, err
		}
		if t := at.Time(); t.After(s.From.Time) && !t.After(s.To.Time) {
			return t.In(s.Location()), nil
		}
		return time.Time{}, a.usage(drillWords.outsideSpan, flag, s.From.Format(time.DateOnly), s.To.Format(time.DateOnly))
	}
	var err error
	if p.Until, err = moment("--to", f.to); err != nil {
		return err
	}
	l := play.Live{Speed: f.speed, Step: f.step, Server: f.server, Into: f.into}
	if l.From, err = moment("--from", f.from); err != nil {
		return err
	}
	switch {
	case changed("speed") && !(f.speed > 0 && f.speed <= 1e9):
		return a.usage(drillWords.badSpeed)
	case changed("step") && (f.step < time.Hour || f.step%time.Hour != 0):
		return a.usage(drillWords.badStep)
	case f.from != "" && f.speed == 0:
		return a.usage(drillWords.fromWithout)
	case (f.server == "") != (f.into == ""):
		return a.usage(drillWords.serverWithout)
	case f.server != "" && (p.Data != "" || p.Rules != ""):
		return a.usage(drillWords.serverWith)
	}
	if l.Server != "" {
		l.Server = filepath.Clean(l.Server)
	}
	if f.live || f.speed > 0 || f.step > 0 || f.server != "" {
		p.Live = &l
	}
	return nil
}

// words are those of a command line that change the score.
func (f *liveFlags) words(live bool) (line []string) {
	if f.to != "" {
		line = append(line, "--to", shellWord(f.to))
	}
	if !live {
		return line
	}
	if line = append(line, "--live"); f.step != 0 {
		line = append(line, "--step", f.step.String())
	}
	if f.server != "" {
		line = append(line, "--server DIR --into DIR")
	}
	return line
}
