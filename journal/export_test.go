package journal

import "sync"

// Waiting is how many entries wait in the line.
func (j *Local) Waiting() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.queue)
}

// AppendGroup appends entries as concurrent appenders would whom chance put
// into one frame, so that a seed repeats.
func (j *Local) AppendGroup(entries ...string) ([]Position, []error) {
	rs := make([]*request, len(entries))
	j.mu.Lock()
	for i, e := range entries {
		rs[i] = &request{entry: []byte(e), done: make(chan struct{})}
	}
	if j.err != nil {
		for _, r := range rs {
			r.err = j.err
			close(r.done)
		}
	} else {
		j.queue = append(j.queue, rs...)
		j.writing = true
		go j.run()
	}
	j.mu.Unlock()
	pos, errs := make([]Position, len(rs)), make([]error, len(rs))
	var wg sync.WaitGroup
	for i, r := range rs {
		wg.Go(func() {
			<-r.done
			pos[i], errs[i] = r.result()
		})
	}
	wg.Wait()
	j.mu.Lock()
	for j.writing {
		j.idle.Wait()
	}
	j.mu.Unlock()
	return pos, errs
}

// FixedSalt makes the bytes of a journal repeat.
func FixedSalt(o Options) Options {
	o.newSalt = func() salt { return salt{'s', 'a', 'l', 't', 'y', 's', 'e', 'a'} }
	return o
}

// Rechecksum makes every checksum in a file right, as far as its lengths lead,
// so that a fuzzer gets behind them.
func Rechecksum(b []byte) {
	if len(b) < headerSize {
		return
	}
	first, s, _, err := parseHeader(b, "")
	if err != nil {
		return
	}
	copy(b, appendHeader(nil, first, s))
	for b = b[headerSize:]; len(b) >= frameSize; {
		copy(b, frameMarker)
		h, _ := parseFrameHead(b, s)
		h.length = uint32(b[4]) | uint32(b[5])<<8 | uint32(b[6])<<16 | uint32(b[7])<<24
		h.first = 0
		for i := range 8 {
			h.first |= Position(b[8+i]) << (8 * i)
		}
		h.count = uint32(b[16]) | uint32(b[17])<<8 | uint32(b[18])<<16 | uint32(b[19])<<24
		if h.size() > int64(len(b)) {
			h.put(b, s)
			return
		}
		h.body = s.sumBody(h.first, b[frameSize:h.size()])
		h.put(b, s)
		b = b[h.size():]
	}
}
