package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/haetae/haetae/event"
)

// The log of these tests has a line for each record, "<number> <padding>#": a
// line without its last sign is broken.

func logLine(n int) string {
	return fmt.Sprintf("%d %s#\n", n, strings.Repeat("x", n*37%300))
}

// lineRecord is the record of a line: of an account of its own.
func lineRecord(n int, ids bool) event.Record {
	r := event.Record{
		Time: noon + event.Millis(n)*1009, Source: "gateway", Actor: event.Actor{ID: "s1", Type: "staff"}, Route: "GET /m", Mapped: true,
		Action: event.ActionRead, Status: 200, Rows: event.RowsUnknown, Subjects: []event.AccountID{event.AccountID("m" + strconv.Itoa(n))}, Position: event.PositionPath,
	}
	if ids {
		r.ID = event.RecordID("r" + strconv.Itoa(n))
	}
	return r
}

// decode reads one line, with or without its end.
func decode(line []byte, ids bool) (r event.Record, ok bool) {
	text, ok := bytes.CutSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("#"))
	if !ok {
		return r, false
	}
	number, _, _ := bytes.Cut(text, []byte(" "))
	n, err := strconv.Atoi(string(number))
	return lineRecord(n, ids), err == nil
}

// eachLine cuts data at its lines.
func eachLine(data []byte, fn func(line []byte)) {
	for len(data) > 0 {
		end := bytes.IndexByte(data, '\n') + 1
		if end == 0 {
			end = len(data)
		}
		fn(data[:end])
		data = data[end:]
	}
}

// logImport is an import of a log as the server does it.
type logImport struct {
	ids   bool
	spec  ImportSpec
	each  int       // lines a chunk
	piece func(int) // called before a chunk
	stop  int       // before this chunk the import is suspended; 0: never
	cut   bool      // the stream breaks at its end
}

var errStopped = errors.New("stopped")

func (o logImport) do(l *Ledger, data []byte) (ImportResult, error) {
	o.spec.Source, o.spec.Name = "gateway", "log"
	p, err := l.Probe(o.spec)
	if err != nil {
		return ImportResult{}, err
	}
	var in io.Reader = iotest.OneByteReader(bytes.NewReader(data))
	if o.cut {
		in = io.MultiReader(in, iotest.ErrReader(io.ErrUnexpectedEOF))
	}
	err = p.Read(in)
	if errors.Is(err, ErrReadAgain) {
		o.spec.Fresh = true
		return o.do(l, data)
	}
	if err != nil {
		return ImportResult{}, err
	}
	if p.Already() {
		return ImportResult{Already: true, Known: p.Known()}, nil
	}
	im, err := p.Begin()
	if err != nil {
		return ImportResult{}, err
	}
	at := im.Sum().Offset()
	if start, _ := p.Start(); start != at && !o.spec.Redecode {
		return ImportResult{}, fmt.Errorf("starts at %d and not %d", start, at)
	}
	if rest, _ := io.ReadAll(p.Rest()); !o.spec.Redecode && !bytes.HasPrefix(data[at:], rest) {
		return ImportResult{}, errors.New("what was read ahead is not what follows")
	}
	data = data[at:]
	for seq := 0; len(data) > 0; seq++ {
		if o.piece != nil {
			o.piece(seq)
		}
		if o.stop > 0 && seq == o.stop {
			im.Suspend()
			return ImportResult{}, errStopped
		}
		c := Chunk{Seq: seq, Batch: l.NewBatch()}
		size := 0
		eachLine(data, func(line []byte) {
			if c.Lines == int64(o.each) {
				return
			}
			size += len(line)
			c.Lines++
			whole := line[len(line)-1] == '\n'
			if r, ok := decode(line, o.ids); ok && (whole || !o.cut) {
				c.Batch.Add(&r)
				c.Tail = !whole
				return
			}
			c.Aside++
			c.Bad = append(c.Bad, AsideLine{Source: "gateway", Cause: "broken", Text: line})
		})
		sound := data[:size]
		if o.cut {
			sound = sound[:bytes.LastIndexByte(sound, '\n')+1]
		}
		im.Sum().Write(sound)
		c.Part, c.End = im.Sum().Part(), im.Offset()+int64(size)
		if seq > 0 {
			im.mu.Lock()
			c.End = im.rec.Offset + int64(size)
			im.mu.Unlock()
		}
		if err := im.Submit(c); err != nil {
			var overlap *OverlapError
			if errors.As(err, &overlap) {
				return ImportResult{}, errors.Join(err, im.Abort())
			}
			im.Suspend()
			return ImportResult{}, err
		}
		data = data[size:]
	}
	if o.cut {
		im.Broken()
	}
	return im.Commit(im.Sum().Digest())
}

// must imports again when records came another way meanwhile.
func (o logImport) again(l *Ledger, data []byte) (res ImportResult, err error) {
	for range 4 {
		if res, err = o.do(l, data); !errors.Is(err, ErrBeginAgain) {
			break
		}
	}
	return res, err
}

// followStep reads on in a live file, as the server does. It returns how far.
func followStep(l *Ledger, f *Followed, data []byte, last, ids bool) (*Followed, error) {
	for range 4 {
		var err error
		if f == nil {
			f, err = l.FollowLog("gateway", "log", bytes.NewReader(data), last)
		} else {
			f, err = f.Resume("log", bytes.NewReader(data[f.Offset():]), last)
		}
		if errors.Is(err, ErrNotYet) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		rest := data[f.Offset():]
		if !last {
			rest = rest[:bytes.LastIndexByte(rest, '\n')+1]
		}
		if len(rest) == 0 {
			return f, nil
		}
		b, tail := l.NewBatch(), false
		eachLine(rest, func(line []byte) {
			if r, ok := decode(line, ids); ok {
				b.Add(&r)
				tail = line[len(line)-1] != '\n'
			}
		})
		next, err := f.Take(func(w io.Writer) error { _, err := w.Write(rest); return err }, tail)
		if err != nil {
			return nil, err
		}
		state, err := next.State()
		if err != nil {
			return nil, err
		}
		if _, err := l.AppendBatch(context.Background(), b, "log", next.Checkpoint("follow", state, f)); err == nil {
			return next, nil
		} else if !errors.Is(err, ErrStreamMoved) {
			return nil, err
		}
		if f.Offset() == 0 {
			f = nil
		}
	}
	return nil, errors.New("moved for ever")
}

func lines(from, to int) []byte {
	var b []byte
	for n := from; n < to; n++ {
		b = append(b, logLine(n)...)
	}
	return b
}

func countRecords(t testing.TB, l *Ledger, want int64, what string) {
	t.Helper()
	rows := content(t, l)
	for i := 1; i < len(rows); i++ {
		if rows[i] == rows[i-1] {
			t.Fatalf("%s: a line is counted twice", what)
		}
	}
	if n := l.Stats().Records; n != want || int64(len(rows)) != want {
		t.Fatalf("%s: %d records in %d rows, want %d", what, n, len(rows), want)
	}
}
