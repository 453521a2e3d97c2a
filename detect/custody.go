package detect

import (
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/written"
	"github.com/haetae/haetae/rule"
)

// Key is a line of the register of keys: who holds it and until when it should have
// been exchanged.
type Key struct {
	ID        string
	Purpose   string
	Created   event.Millis // 0: nobody knows
	Custodian string       // one line for each
	Who       Person       // the custodian, where only a pseudonym is kept
	Took      event.Millis // when the custodian took it over; 0: nobody knows
	Left      event.Millis // when the custodian left, 0 while they have not
	RotatesBy event.Millis // 0 when nobody set a date
	Retired   event.Millis // when the key stopped being accepted, 0 while it is
}

// keyColumns are the columns of a register of keys.
var keyColumns = []string{"key", "purpose", "owner", "custodian", "custodian_since", "custodian_left", "created", "rotates_by", "retired"}

// ReadKeys reads a register of keys: CSV with a header, one line for each key and
// custodian. Columns: key, and any of purpose, owner, custodian, and the dates
// custodian_since, custodian_left, created, rotates_by, retired. Other columns are passed over.
func ReadKeys(name string, r io.Reader, zone *time.Location) ([]Key, error) {
	w := &written.Reader{File: name}
	out := readKeys(w, csv.NewReader(r), zone)
	return out, w.Err()
}

func readKeys(w *written.Reader, in *csv.Reader, zone *time.Location) []Key {
	at := func(line int) *yaml.Node { return &yaml.Node{Line: line} }
	in.FieldsPerRecord = -1
	head, err := in.Read()
	if err != nil {
		w.Failf(nil, "", "머리글이 없습니다. 열 이름: %s", "a header is missing: %s", strings.Join(keyColumns, ","))
		return nil
	}
	place := map[string]int{}
	for i, h := range head {
		h = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(h, "\ufeff")))
		// A column that is nearly one of ours would be passed over without a word, and
		// its keys never ring.
		if like := written.Nearest(h, keyColumns); like != "" && like != h {
			w.Failf(nil, like, "열 이름이 다릅니다. %s로 쓰십시오", "a column is nearly called that: write %s", like)
		}
		place[h] = i
	}
	if _, ok := place["key"]; !ok {
		w.Failf(nil, "key", "key 열이 없습니다", "there is no column key")
		return nil
	}
	var out []Key
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return out
		}
		if bad := new(csv.ParseError); errors.As(err, &bad) {
			w.Failf(at(bad.Line), "", "CSV 줄이 아닙니다", "not a line of CSV")
			continue
		}
		if err != nil {
			w.Failf(nil, "", "파일을 끝까지 읽을 수 없습니다", "the file cannot be read to its end")
			return out
		}
		line, _ := in.FieldPos(0)
		if slices.ContainsFunc(row, func(s string) bool { return !utf8.ValidString(s) }) {
			w.Failf(at(line), "", "UTF-8이 아닙니다. CSV UTF-8로 저장하십시오", "is not UTF-8: save the file as CSV UTF-8")
			return out
		}
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
			t, ok := moment(s, zone)
			if !ok {
				w.Fail(at(line), column, badMoment)
			}
			return t
		}
		k := Key{
			ID: text("key"), Purpose: text("purpose"), Created: date("created"), Custodian: text("custodian"), Took: date("custodian_since"),
			Left: date("custodian_left"), RotatesBy: date("rotates_by"), Retired: date("retired"),
		}
		if k.ID == "" {
			w.Fail(at(line), "key", written.NoText)
			continue
		}
		out = append(out, k)
	}
}

// Custody judges the register of keys at a moment (rule type custody): a key that
// is still accepted although a custodian has left or has gone to other work, or
// although it should have been exchanged. Whether a custodian has left is said by the
// register of keys, or else by that of holders. It rings with zero reads, so it is asked by the clock and not by
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
		if k.Retired != 0 && k.Retired <= now || k.Created > now {
			continue
		}
		who := k.Who
		if who == (Person{}) && k.Custodian != "" {
			who = PersonOf(e.world.Hasher(), k.Custodian)
		}
		for _, when := range c.typ.When {
			since := event.Millis(0)
			switch when {
			case "custodian_left":
				if since = k.Left; since == 0 && who != (Person{}) {
					since = e.holders.left(who.Actor, now)
				}
			case "custodian_moved":
				if who != (Person{}) {
					since = e.holders.moved(who.Actor, max(k.Created, k.Took), now)
				}
			case "rotation_overdue":
				since = k.RotatesBy
			}
			if since == 0 || since > now {
				continue
			}
			key := tuple{e.codes.text(k.ID)} // it was entered before any record
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
