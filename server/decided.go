package server

import (
	"encoding/json"
	"errors"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/disk"
)

// decided is how far detection has got while nothing came: what the records do not
// say. It is written down, so that a process which begins anew in a quiet hour holds
// the signals that were decided in it, and waits no longer than the one before.
type decided struct {
	Watermark event.Millis `json:"watermark"` // everything before it is decided
	Newest    event.Millis `json:"newest"`    // record at that time
	Idle      int64        `json:"idle"`      // milliseconds that a process listened since rows came
}

const (
	decidedName  = "decided"
	decidedFirst = "haetae decided 1\n" // its first line
	// decidedEvery is how often it is written down while nothing comes. What a signal
	// rests on is written before the signal is told.
	decidedEvery = time.Minute
)

func (d decided) idle() time.Duration { return time.Duration(d.Idle) * time.Millisecond }

// file is the content of the file.
func (d decided) file() ([]byte, error) {
	text, err := json.Marshal(d)
	return append([]byte(decidedFirst), append(text, '\n')...), err
}

var errDecided = errors.New("is not what this version writes")

// readDecided is what the process before has got to; nothing where there was none.
func readDecided(fsys disk.FS, dir string) (d decided, err error) {
	text, err := disk.ReadFile(fsys, path.Join(dir, decidedName))
	if errors.Is(err, fs.ErrNotExist) {
		return decided{}, nil
	}
	if err != nil {
		return decided{}, err
	}
	line, ok := strings.CutPrefix(string(text), decidedFirst)
	if !ok || json.Unmarshal([]byte(line), &d) != nil || d.Idle < 0 {
		return decided{}, errDecided
	}
	return d, nil
}

// goOn lets a new engine go on from where a process before this one was.
func (r *liveEngine) goOn(before decided, now time.Time) {
	if before.Watermark == 0 {
		return
	}
	r.floor = before.Watermark
	// What the process before has not heard of any more has ended the quiet.
	if before.Newest == r.engine.Newest() {
		r.heard = now.Add(-before.idle())
	}
}

// keep writes down how far the engine has got beyond what the records say. telling says
// that there are signals to tell, which may rest on it; end, that the process stops.
func (d *detector) keep(r *liveEngine, now time.Time, telling, end bool) {
	x := decided{Watermark: r.engine.Decided(), Newest: r.engine.Newest(), Idle: max(0, now.Sub(r.heard)).Milliseconds()}
	stale := x.Idle >= decidedEvery.Milliseconds() || x.Newest == d.kept.Newest && x.Idle < d.kept.Idle
	switch {
	case x.Newest == catalog.Always || !end && !d.keeping.due(now):
		return
	case end || x.Watermark < d.kept.Watermark: // it has begun again for records that came late
	case telling && r.engine.ByClock() && x.Watermark > d.kept.Watermark:
	case stale && now.Sub(d.keptAt) >= decidedEvery:
	default:
		return
	}
	text, err := x.file()
	if err == nil {
		err = disk.WriteFile(d.s.opts.FS, path.Join(d.s.opts.Data, decidedName), text)
	}
	if err != nil {
		if d.keeping.failed(now) {
			d.s.log.Error("how far detection has got could not be written down; it is tried again", "error", err)
		}
		return
	}
	if d.keeping.succeeded() {
		d.s.log.Info("how far detection has got is written down again")
	}
	d.kept, d.keptAt = x, now
}
