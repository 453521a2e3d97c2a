package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/haetae/haetae/alert"
	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/internal/written"
)

// Signals is the answer to GET /v1/signals.
type Signals struct {
	Status  DetectorStatus  `json:"status"`
	Signals []detect.Signal `json:"signals"`
	// ItemNames are what the catalog calls the items of the signals.
	ItemNames map[string]detect.Text `json:"item_names,omitempty"`
}

// Acknowledgement is the body of POST /v1/signals/ack.
type Acknowledgement struct {
	ID   string `json:"id"`
	Who  string `json:"who"`
	Note string `json:"note,omitempty"`
}

// openDetection makes the detector and, if there is an alerts file, its desk.
func (s *Server) openDetection() error {
	if s.opts.Detect == nil {
		return nil
	}
	book, err := s.readRules()
	if err != nil {
		return err
	}
	if s.opts.Alerts != "" {
		cfg, err := alert.Load(s.opts.Alerts)
		if err != nil {
			return err
		}
		s.desk, err = alert.Open(s.opts.FS, path.Join(s.opts.Data, alertsDir), cfg, alert.Options{Log: s.log, Item: s.itemName})
		if err != nil {
			return fmt.Errorf("alerts: %w", err)
		}
	}
	s.detector = newDetector(s, book, s.desk)
	return s.openIntake(book)
}

// alertsDir is the desk's queue in the data folder.
const alertsDir = "alerts"

func (s *Server) runDetection() {
	if s.detector == nil {
		return
	}
	s.wg.Go(func() { s.detector.run(s.work) })
	if s.desk != nil {
		s.wg.Go(func() {
			if err := s.desk.Run(s.work); err != nil {
				s.log.Error("alerts stopped", "error", err)
			}
		})
	}
}

// readRules reads the rules and what lies beside them, and finds what would keep them
// from running.
func (s *Server) readRules() (*ruleBook, error) {
	book, err := readBook(*s.opts.Detect)
	if err == nil {
		err = book.check(s.ledger, s.registers())
	}
	return book, err
}

// ReloadRules reads the rules again, the files beside them, and the settings of the
// alerts, of the feeds and of the outputs. A mistake in one of them changes nothing of
// it: what was read before goes on, and the status says what is wrong. The others are
// taken all the same.
func (s *Server) ReloadRules() error {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	feeds := s.reloadFeeds() // before the rules, which may ask for a list of theirs
	outputs := s.reloadOutputs()
	if s.detector == nil {
		return written.Joined(feeds, outputs)
	}
	var alerts error
	if s.desk != nil {
		alerts = s.desk.Reload(s.opts.Alerts)
	}
	book, err := s.readRules()
	if err != nil {
		// Not in the log: what a mistake quotes stands in the status and the answer.
		s.log.Error("the rules were not read again; those before go on")
		s.detector.refuse(err)
		return written.Joined(err, alerts, feeds, outputs)
	}
	if err := s.openIntake(book); err != nil {
		s.detector.refuse(err)
		return written.Joined(err, feeds, outputs)
	}
	s.detector.take(book)
	s.detector.restart("rules were loaded again")
	return written.Joined(alerts, feeds, outputs)
}

// itemName is what the catalog calls an item; empty where it does not know it.
func (s *Server) itemName(id string) detect.Text {
	if c := s.ledger.Catalog(); c != nil {
		if bit, ok := c.ItemBit(id); ok {
			return detect.Text{KO: c.Items[bit].KO, EN: c.Items[bit].EN}
		}
	}
	return detect.Text{}
}

func (s *Server) detecting(w http.ResponseWriter) bool {
	if s.detector == nil {
		refuse(w, http.StatusNotFound, "no_detection", "this server runs without detection")
		return false
	}
	return true
}

func (s *Server) getSignals(w http.ResponseWriter, _ *http.Request) {
	if !s.detecting(w) {
		return
	}
	list, st := s.detector.all()
	names := map[string]detect.Text{}
	for i := range list {
		for id := range list[i].Items {
			if _, ok := names[id]; !ok {
				names[id] = s.itemName(id)
			}
		}
	}
	writeJSON(w, http.StatusOK, Signals{st, list, names})
}

func (s *Server) postReload(w http.ResponseWriter, _ *http.Request) {
	if s.feeds == nil && !s.detecting(w) {
		return
	}
	if err := s.ReloadRules(); err != nil {
		writeError(w, http.StatusUnprocessableEntity, failure{Code: "rules", Message: err.Error(), Korean: written.Korean(err)})
		return
	}
	writeJSON(w, http.StatusOK, map[string]bool{"reloaded": true})
}

func (s *Server) postAck(w http.ResponseWriter, r *http.Request) {
	if !s.detecting(w) {
		return
	}
	var a Acknowledgement
	if !readJSON(w, r, &a) {
		return
	}
	if strings.TrimSpace(a.Who) == "" {
		writeError(w, http.StatusBadRequest, failure{Code: "who", Field: "who", Message: "say who acknowledges"})
		return
	}
	if s.desk == nil {
		refuse(w, http.StatusConflict, "no_alerts", "this server runs without an alerts file, so nobody was told and nothing is to be acknowledged")
		return
	}
	switch err := s.desk.Acknowledge(a.ID, a.Who, a.Note, time.Now()); {
	case errors.Is(err, alert.ErrUnknown):
		refuse(w, http.StatusNotFound, "unknown_signal", "there is no such signal")
	case err != nil:
		s.fault(w, "acknowledge", err)
	default:
		writeJSON(w, http.StatusOK, map[string]bool{"acknowledged": true})
	}
}

func (s *Server) getAlerts(w http.ResponseWriter, _ *http.Request) {
	if !s.detecting(w) {
		return
	}
	if s.desk == nil {
		refuse(w, http.StatusNotFound, "no_alerts", "this server runs without an alerts file")
		return
	}
	writeJSON(w, http.StatusOK, s.desk.Status())
}

// Signals asks the running server.
func (c *Client) Signals(ctx context.Context) (*Signals, error) {
	var out Signals
	return &out, c.get(ctx, "/v1/signals", &out)
}

// Acknowledge tells the running server that somebody looks into a signal.
func (c *Client) Acknowledge(ctx context.Context, a Acknowledgement) error {
	return c.ask(ctx, "/v1/signals/ack", a, &struct{}{})
}

// ReloadRules makes the running server read its rules, and the settings of alerts and feeds, again.
func (c *Client) ReloadRules(ctx context.Context) error {
	return c.ask(ctx, "/v1/rules/reload", struct{}{}, &struct{}{})
}
