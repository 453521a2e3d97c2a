package report

import (
	"io"

	"github.com/haetae/haetae/drill"
	"github.com/haetae/haetae/drill/score"
)

func Write(w io.Writer, s *drill.Scenario, sc *score.Score, lang string) error { return nil }
