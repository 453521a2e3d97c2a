package capture

import (
	"fmt"
	"io"
	"sync"
)

// Lines writes records to w, usually a file opened for appending that
// `haetae serve --follow` reads. Each record is one Write, so that several
// processes may append to one file. It does not sync: after a power cut the last
// records may be missing, as with any log.
func Lines(w io.Writer) Sink { return &lines{w: w} }

type lines struct {
	mu   sync.Mutex
	w    io.Writer
	torn bool // the last line was written in part
}

func (l *lines) WriteRecord(line []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.torn {
		// The broken line ends here; it will be set aside, the next one not.
		if _, err := l.w.Write([]byte("\n")); err != nil {
			return fmt.Errorf("capture: write record: %w", err)
		}
		l.torn = false
	}
	n, err := l.w.Write(line)
	if err != nil {
		l.torn = n > 0
		return fmt.Errorf("capture: write record: %w", err)
	}
	return nil
}
