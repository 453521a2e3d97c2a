package detect

import (
	"time"

	"github.com/haetae/haetae/event"
)

// grid cuts time into cells of one size, counted from 1970.
type grid struct {
	cell  event.Millis
	width int64 // cells of a window
}

// steps are the sizes a cell can have. Each divides a day or is whole days, so
// that cells begin at the same moments whatever the rule.
var steps = []time.Duration{
	time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute,
	10 * time.Minute, 30 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour,
}

// cellsPerSpan is how fine a timespan is cut: a window is at most a
// twenty-fourth longer than asked (and by a second, if it is shorter than 24 s).
const cellsPerSpan = 24

// gridFor is the grid of a timespan. A window has one cell more than the timespan
// fills, so that any two records within the timespan share a window, wherever the
// cells begin.
func gridFor(span time.Duration) grid {
	step := steps[0]
	for _, s := range steps {
		if s*cellsPerSpan <= span {
			step = s
		}
	}
	cell := event.Millis(step / time.Millisecond)
	ms := event.Millis(span / time.Millisecond)
	return grid{cell, int64((ms+cell-1)/cell) + 1}
}

// of is the cell of a moment.
func (g grid) of(t event.Millis) int64 {
	c := int64(t / g.cell)
	if t < 0 && t%g.cell != 0 {
		c--
	}
	return c
}

// begin is the first moment of a cell.
func (g grid) begin(c int64) event.Millis { return event.Millis(c) * g.cell }
