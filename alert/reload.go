package alert

import (
	"reflect"
	"slices"
	"time"

	"github.com/haetae/haetae/internal/written"
)

// Reload reads an alerts file and its rota again, and takes them in the place of
// those in force. A mistake changes nothing: the settings before go on, and the
// status and the log say what is wrong.
//
// What is queued stays queued, who has acknowledged has acknowledged, and a channel
// whose settings are the same keeps its back-off and its pace.
func (d *Desk) Reload(file string) error {
	cfg, err := Load(file)
	if err == nil {
		err = d.adopt(cfg)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		d.refused = written.TextOf(err)
		d.log.Error("the alert settings were not read again; those before go on", "error", err)
		return err
	}
	d.refused = written.Text{}
	d.log.Info("the alert settings were read again")
	return nil
}

// adopt puts settings in force.
func (d *Desk) adopt(cfg *Config) error {
	routes := make([]*route, len(cfg.Channels))
	for i := range cfg.Channels {
		l, err := newRoute(cfg, i, d.opts)
		if err != nil {
			return err
		}
		routes[i] = l
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return ErrClosed
	}
	for i, l := range routes {
		switch old := d.route(l.ch.Name); {
		case old == nil:
		case reflect.DeepEqual(*old.ch, *l.ch):
			routes[i] = old
		default:
			// What held it back may be what was mended.
			l.success, l.paced = old.success, old.paced
		}
	}
	d.cfg, d.book.cfg, d.routes = cfg, cfg, routes
	var c change
	now := d.stamp()
	for _, e := range d.book.sorted() {
		if d.fit(e, now) {
			d.book.measure(e)
			c.Put = append(c.Put, e)
		}
	}
	// Settings that were taken hold, whether or not the disk can be written: what
	// could not be is written with the next change, and fits anew after a restart.
	d.persist(c)
	d.stir()
	return nil
}

// fit makes an entry one of the settings in force, and reports whether it changed.
func (d *Desk) fit(e *entry, now time.Time) (changed bool) {
	dropped := 0
	before := len(e.Told)
	e.Told = slices.DeleteFunc(e.Told, func(t *telling) bool {
		known := d.cfg.channel(t.Channel) != nil
		if !known && t.State != sent {
			dropped++
		}
		return !known
	})
	if dropped > 0 {
		d.log.Warn("alerts for channels that are no longer there are dropped", "signal", e.Signal.ID, "alerts", dropped)
	}
	changed = len(e.Told) != before
	if e.Raised.IsZero() && e.climbs(d.cfg) {
		e.Raised, changed = now, true // an escalation that the settings did not have before
	}
	return changed
}
