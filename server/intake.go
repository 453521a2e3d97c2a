package server

import (
	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/feed"
	"github.com/haetae/haetae/ingest"
	"github.com/haetae/haetae/ledger"
)

// intake prepares the live-only rules of a rulebook for lines that are to come.
func (b *ruleBook) intake(l *ledger.Ledger, fed feed.Registers) (*detect.Intake, error) {
	v, err := l.View()
	if err != nil {
		return nil, err
	}
	o, err := b.options(zoneOf(v))
	v.Close()
	if err != nil {
		return nil, err
	}
	fed.Into(&o)
	return detect.NewIntake(b.docs, l, o)
}

// openIntake lets the live-only rules of a rulebook look at what arrives from now on.
// A catalog with another zone and what feeds have brought are reasons to do it again.
func (s *Server) openIntake(b *ruleBook) error {
	s.intakeMu.Lock()
	defer s.intakeMu.Unlock()
	zone, version := s.zone().String(), s.fed.Load()
	if b == s.intakeBook && zone == s.intakeZone && version == s.intakeFed {
		return nil
	}
	in, err := b.intake(s.ledger, s.registers())
	if err != nil {
		return err
	}
	s.intake.Store(in)
	s.intakeBook, s.intakeZone, s.intakeFed = b, zone, version
	return nil
}

// watchedBy lets rules look at what a decoder reads, those in force at each chunk.
func watchedBy(now func() *detect.Intake, format string, dec ingest.Decoder) ingest.Decoder {
	var in *detect.Intake
	var w ingest.Watcher
	return ingest.Watched(dec, func() ingest.Watcher {
		if x := now(); x != in {
			in, w = x, nil
			if x != nil {
				w = x.For(format)
			}
		}
		return w
	})
}
