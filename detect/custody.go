package detect

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/rule"
)

// Key is a line of the register of keys: who holds it and until when it should have
// been exchanged.
type Key struct {
	ID        string
	Purpose   string
	Custodian string       // one line for each
	Left      event.Millis // when the custodian left, 0 while they have not
	RotatesBy event.Millis // 0 when nobody set a date
	Retired   event.Millis // when the key stopped being accepted, 0 while it is
}

// ReadKeys reads a register of keys: CSV with a header, one line for each key and
// custodian. Columns: key, and any of purpose, custodian, custodian_left,
// rotates_by, retired (dates).
func ReadKeys(name string, r io.Reader, zone *time.Location) ([]Key, error) {
	in := csv.NewReader(r)
	in.FieldsPerRecord = -1
	head, err := in.Read()
	if err != nil {
		return nil, fmt.Errorf("%s:1: a header is missing: key,purpose,custodian,custodian_left,rotates_by,retired", name)
	}
	place := map[string]int{}
	for i, h := range head {
		place[strings.ToLower(strings.TrimSpace(strings.TrimPrefix(h, "\ufeff")))] = i
	}
	if _, ok := place["key"]; !ok {
		return nil, fmt.Errorf("%s:1: there is no column key", name)
	}
	var out []Key
	var errs []error
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if bad := new(csv.ParseError); errors.As(err, &bad) {
			errs = append(errs, fmt.Errorf("%s:%d: not a line of CSV", name, bad.Line))
			continue
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
			break
		}
		line, _ := in.FieldPos(0)
		text := func(column string) string {
			if i, ok := place[column]; ok && i < len(row) {
				return strings.TrimSpace(row[i])
			}
			return ""
		}
		date := func(column string) event.Millis {
			s := text(column)
			if s == "" {
				return 0
			}
			t, err := moment(s, zone)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s:%d: %s %w", name, line, column, err))
			}
			return t
		}
		k := Key{ID: text("key"), Purpose: text("purpose"), Custodian: text("custodian"), Left: date("custodian_left"), RotatesBy: date("rotates_by"), Retired: date("retired")}
		if k.ID == "" {
			errs = append(errs, fmt.Errorf("%s:%d: key is empty", name, line))
			continue
		}
		out = append(out, k)
	}
	return out, errors.Join(errs...)
}

// Custody judges the register of keys at a moment (rule type custody): a key that
// is still accepted although a custodian has left, or although it should have been
// exchanged. It rings with zero reads, so it is asked by the clock and not by
// records. What is compared is the number of days since.
func (e *Engine) Custody(now event.Millis) {
	for _, c := range e.correlations {
		if c.kind == rule.Custody {
			e.custody(c, now)
		}
	}
}

func (e *Engine) custody(c *correlation, now event.Millis) {
	for _, k := range e.o.Keys {
		if k.Retired != 0 && k.Retired <= now {
			continue
		}
		for _, when := range c.typ.When {
			since := event.Millis(0)
			switch when {
			case "custodian_left":
				since = k.Left
			case "rotation_overdue":
				since = k.RotatesBy
			}
			if since == 0 || since > now {
				continue
			}
			code, ok := e.codes.text(k.ID)
			if !ok {
				continue
			}
			key := tuple{code}
			f := c.findings[key]
			if f == nil {
				f = &finding{corr: c, key: key, first: since, at: since, level: SeverityOf(c.doc), changed: true}
				c.findings[key] = f
			}
			days := float64((now - f.first) / 86_400_000)
			if since < f.first {
				f.first, f.at = since, since
			}
			f.last = max(f.last, now)
			if days > f.reached {
				f.reached, f.changed = days, true
			}
			f.level = max(f.level, e.level(c, f.reached, now, now))
		}
	}
}
