package feed

import (
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/internal/written"
)

// content is what a feed brought, as it is kept: of persons their pseudonyms.
type content struct {
	Rows    int      `json:"rows"` // of the source
	Keys    []key    `json:"keys,omitempty"`
	Holders []holder `json:"holders,omitempty"`
	Values  []string `json:"values,omitempty"`

	// Of a register or holdings, for the ledger; not kept here.
	lines  []byte
	lineOf []int // where each of them comes from
}

// person is one as it is kept: both pseudonyms in hex.
type person string

func personOf(p detect.Person) person {
	if p == (detect.Person{}) {
		return ""
	}
	return person(hex.EncodeToString(slices.Concat(p.Account[:], p.Actor[:])))
}

func (p person) person() (out detect.Person) {
	if b, err := hex.DecodeString(string(p)); err == nil && len(b) == len(out.Account)+len(out.Actor) {
		copy(out.Account[:], b)
		copy(out.Actor[:], b[len(out.Account):])
	}
	return out
}

type key struct {
	ID        string       `json:"key"`
	Created   event.Millis `json:"created,omitempty"`
	Custodian person       `json:"custodian,omitempty"`
	Took      event.Millis `json:"since,omitempty"`
	Left      event.Millis `json:"left,omitempty"`
	RotatesBy event.Millis `json:"rotates_by,omitempty"`
	Retired   event.Millis `json:"retired,omitempty"`
}

type holder struct {
	Person person       `json:"person"`
	Joined event.Millis `json:"joined,omitempty"`
	Moved  event.Millis `json:"moved,omitempty"`
	Left   event.Millis `json:"left,omitempty"`
	// Missing: the source did not say that they left. They were not in it any more.
	Missing bool `json:"missing,omitempty"`
}

// Columns that are read and not kept, since no rule asks for them: purpose and owner of
// a key, teams of a holder.

// parse reads what a source gave. Any mistake makes all of it unusable: whoever stands
// on a line that was passed over would seem to be gone.
func parse(f *Feed, data []byte, h *pseudonym.Hasher, zone *time.Location) (*content, error) {
	w := &written.Reader{File: f.Name}
	c := &content{}
	take := map[detect.FeedKind]func(*row){
		detect.FeedKeys:     func(r *row) { c.key(w, r, h, zone) },
		detect.FeedHolders:  func(r *row) { c.holder(w, f, r, h, zone) },
		detect.FeedList:     func(r *row) { c.value(w, r) },
		detect.FeedRegister: func(r *row) { c.line(w, f, r) },
		detect.FeedHoldings: func(r *row) { c.line(w, f, r) },
	}[f.Kind]
	c.Rows = table(w, f, data, take)
	slices.Sort(c.Values)
	c.Values = slices.Compact(c.Values)
	if n := len(c.Values); n > maxListed {
		w.Failf(nil, "", "목록에 %d개가 있습니다. 한 목록은 %d개까지입니다", "has %d entries, and at most %d are supported", n, maxListed)
	}
	return c, w.Err()
}

// maxListed bounds a list: it is compiled into the rules.
const maxListed = 100_000

func (c *content) value(w *written.Reader, r *row) {
	v := r.need(w, "value")
	if strings.ContainsAny(v, "*?") { // a pattern, which no id or country has
		w.Failf(at(r.line), "value", "*나 ?는 쓸 수 없습니다", "has a * or ?")
	}
	c.Values = append(c.Values, v)
}

func (c *content) key(w *written.Reader, r *row, h *pseudonym.Hasher, zone *time.Location) {
	date := func(column string) event.Millis { t, _ := r.date(w, column, zone); return t }
	c.Keys = append(c.Keys, key{
		ID: r.need(w, "key"), Created: date("created"), Custodian: personOf(detect.PersonOf(h, r.values["custodian"])),
		Took: date("custodian_since"), Left: date("custodian_left"), RotatesBy: date("rotates_by"), Retired: date("retired"),
	})
}

func (c *content) holder(w *written.Reader, f *Feed, r *row, h *pseudonym.Hasher, zone *time.Location) {
	x := holder{Person: personOf(detect.PersonOf(h, r.need(w, "id")))}
	x.Joined, _ = r.date(w, "joined", zone)
	x.Moved, _ = r.date(w, "moved", zone)
	left, day := r.date(w, "left", zone)
	if left != 0 && day && f.LastDay {
		left = event.MillisOf(left.Time().In(zone).AddDate(0, 0, 1))
	}
	if x.Left = left; left != 0 && left < x.Joined {
		w.Failf(at(r.line), "left", "joined보다 앞섭니다", "is before joined")
	}
	c.Holders = append(c.Holders, x)
}

// line writes a row as the ledger takes it: an object a line.
func (c *content) line(w *written.Reader, f *Feed, r *row) {
	r.need(w, columnsOf[f.Kind][0])
	if f.Kind == detect.FeedHoldings {
		r.need(w, "person")
	}
	line, err := json.Marshal(r.values)
	if err != nil {
		w.Failf(at(r.line), "", "쓸 수 없습니다", "cannot be written")
		return
	}
	c.lines = append(append(c.lines, line...), '\n')
	c.lineOf = append(c.lineOf, r.line)
}

// after adds whom the content before knew and this one does not: an export that has
// only those who work there says by leaving somebody out that they left. Who comes back
// without a later date of joining was left out by mistake, and has not left. Where the
// source is read in another way than before, nobody has left by that.
func (c *content) after(before *content, age event.Millis, other bool) {
	if before == nil || len(before.Holders) == 0 {
		return
	}
	first := make(map[person]event.Millis, len(c.Holders))
	for _, x := range c.Holders {
		if t, ok := first[x.Person]; !ok || x.Joined < t {
			first[x.Person] = x.Joined
		}
	}
	for _, x := range before.Holders {
		joined, there := first[x.Person]
		switch {
		case !there && x.Left == 0 && other:
			continue
		case !there && x.Left == 0:
			x.Left, x.Missing = age, true
		case !there:
		case x.Missing && joined >= x.Left:
		default:
			continue // this content says it itself
		}
		c.Holders = append(c.Holders, x)
	}
}

// Registers are what feeds have brought, as rules take them.
type Registers struct {
	Keys    []detect.Key
	Holders []detect.Holder // nil without a feed that has come
	Lists   map[string][]string
	Feeds   []detect.FeedCover
}

func (out *Registers) add(k *kept) {
	out.Feeds = append(out.Feeds, k.cover())
	if k.Content == nil {
		return
	}
	switch k.Kind {
	case detect.FeedKeys:
		for _, x := range k.Content.Keys {
			out.Keys = append(out.Keys, detect.Key{
				ID: x.ID, Created: x.Created, Who: x.Custodian.person(), Took: x.Took, Left: x.Left, RotatesBy: x.RotatesBy, Retired: x.Retired,
			})
		}
	case detect.FeedHolders:
		if out.Holders == nil {
			out.Holders = []detect.Holder{}
		}
		for _, x := range k.Content.Holders {
			out.Holders = append(out.Holders, detect.Holder{Person: x.Person.person(), Joined: x.Joined, Moved: x.Moved, Left: x.Left})
		}
	case detect.FeedList:
		if out.Lists == nil {
			out.Lists = map[string][]string{}
		}
		out.Lists[k.List] = append(out.Lists[k.List], k.Content.Values...)
	}
}

// Into adds registers to the options of an engine.
func (out Registers) Into(o *detect.Options) {
	o.Keys = append(slices.Clip(o.Keys), out.Keys...)
	if out.Holders != nil {
		o.Holders = append(slices.Clip(o.Holders), out.Holders...)
		if o.Holders == nil {
			o.Holders = []detect.Holder{}
		}
	}
	o.Feeds = append(slices.Clip(o.Feeds), out.Feeds...)
	if len(out.Lists) == 0 {
		return
	}
	lists := detect.Lists{}
	for name, list := range o.Lists {
		lists[name] = list
	}
	for name, list := range out.Lists {
		lists[name] = append(slices.Clip(lists[name]), list...)
	}
	o.Lists = lists
}

// ReadHolders reads a register of holders that stands in a file: CSV with the columns
// of that kind of feed.
func ReadHolders(name string, data []byte, h *pseudonym.Hasher, zone *time.Location) ([]detect.Holder, error) {
	c, err := parse(&Feed{Name: name, Kind: detect.FeedHolders, Format: "csv"}, data, h, zone)
	if err != nil {
		return nil, err
	}
	var out Registers
	out.add(&kept{Kind: detect.FeedHolders, Content: c})
	return out.Holders, nil
}
