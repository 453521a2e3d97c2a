package traffic

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"time"

	"github.com/haetae/haetae/drill"
)

// WriteRegister writes which accounts exist, account,since: as of the day that the
// scenario says, or all.
func (m *Maker) WriteRegister(w io.Writer) error {
	out := bufio.NewWriterSize(w, 1<<16)
	out.WriteString("account,since\n")
	last := m.people.Accounts
	if r := m.s.Population.Register; !r.IsZero() {
		last = m.people.JoinedBy(r.Unix() - 1)
	}
	var buf []byte
	dates := map[int64]string{}
	for i := range last {
		buf = append(m.people.AppendAccount(buf[:0], i), ',')
		at := m.people.Joined(i)
		date, _, _ := m.local(at * 1000)
		text, ok := dates[date]
		if !ok {
			text = time.Unix(date*86400, 0).UTC().Format(time.DateOnly)
			dates[date] = text
		}
		buf = append(append(buf, text...), '\n')
		if _, err := out.Write(buf); err != nil {
			return err
		}
	}
	return out.Flush()
}

// WriteHoldings writes who stands behind each account, account,person,items: its
// holder, and those in its book.
func (m *Maker) WriteHoldings(w io.Writer) error {
	out := bufio.NewWriterSize(w, 1<<16)
	out.WriteString("account,person,items\n")
	lists := map[uint32]string{}
	items := func(mask uint32) string {
		text, ok := lists[mask]
		if !ok {
			for i, n := range m.itemNames(mask) {
				if i > 0 {
					text += ";"
				}
				text += n
			}
			text += "\n"
			lists[mask] = text
		}
		return text
	}
	var buf, account []byte
	p := m.people
	for i := range p.Accounts {
		account = append(p.AppendAccount(account[:0], i), ',')
		buf = append(buf[:0], account...)
		buf = append(append(buf, account...), items(p.Items(i))...)
		p.StrangersOf(i, func(j int64) {
			buf = append(p.AppendStranger(append(buf, account...), j), ',')
			buf = append(buf, items(p.StrangerItems(j))...)
		})
		if k, ok := p.MemberOf(i); ok && k != i {
			buf = append(p.AppendAccount(append(buf, account...), k), ',')
			buf = append(buf, items(p.ListedItems(k))...)
		}
		if _, err := out.Write(buf); err != nil {
			return err
		}
	}
	return out.Flush()
}

// Keys is the register of keys and their custodians.
func (m *Maker) Keys() []byte {
	var b bytes.Buffer
	b.WriteString("key,purpose,custodian,custodian_left,rotates_by,retired\n")
	date := func(t drill.Moment) string {
		if t.IsZero() {
			return ""
		}
		return t.Format(time.DateOnly)
	}
	for _, k := range m.s.Keys {
		fmt.Fprintf(&b, "%s,%s,%s,%s,%s,%s\n", k.ID, quoted(k.Purpose), quoted(k.Custodian), date(k.CustodianLeft), date(k.RotatesBy), date(k.Until))
	}
	return b.Bytes()
}

// quoted writes a field of a CSV.
func quoted(s string) string {
	if !bytes.ContainsAny([]byte(s), "\",\n") {
		return s
	}
	return `"` + string(bytes.ReplaceAll([]byte(s), []byte(`"`), []byte(`""`))) + `"`
}

// Calendar is the calendar that ships with what was announced.
func (m *Maker) Calendar() []byte {
	b := bytes.TrimRight(calendarFile(), "\n")
	b = append(b, '\n')
	heading := "  events:\n"
	for _, c := range m.s.Changes {
		if !c.Announced {
			continue
		}
		from, to := m.span(c.From, c.To)
		if c.To.IsZero() {
			to = from + day // what begins is news for a day
		}
		b = append(b, heading...)
		heading = ""
		b = fmt.Appendf(b, "    - {from: %s, until: %s, ko: %q, en: %q}\n", m.moment(from).Format(time.RFC3339), m.moment(to).Format(time.RFC3339), c.Name.KO, c.Name.EN)
	}
	return b
}
