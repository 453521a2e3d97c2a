package traffic

import (
	"strconv"

	"github.com/haetae/haetae/drill"
)

// pgauditLine writes a record of a csvlog of PostgreSQL 15, as pgaudit fills it with
// log_relation and log_rows.
func pgauditLine(m *Maker, l *writtenLog, r *row, b []byte) []byte {
	p := m.pages[r.page]
	x := drill.Mix(r.seq ^ m.seed)
	at, began := l.clock(r.at), l.clock(r.began)
	b = m.pgTime(l, b, at, true)
	b = append(b, `,"`...)
	b = m.appendWho(b, r)
	b = append(b, `","`...)
	b = append(b, p.database...)
	b = append(b, `",`...)
	b = strconv.AppendUint(b, uint64(r.pid), 10)
	b = append(b, `,"`...)
	b = m.nets[r.net].appendAddress(b, r.addr)
	b = append(b, ':')
	b = strconv.AppendUint(b, 32768+uint64(r.pid)%28000, 10)
	b = append(b, `",`...)
	b = strconv.AppendInt(b, began/1000, 16)
	b = append(b, '.')
	b = strconv.AppendUint(b, uint64(r.pid), 16)
	b = append(b, ',')
	b = strconv.AppendUint(b, uint64(r.number)+1, 10)
	if p.does == "sign_in" || p.does == "issue" {
		return m.pgSignIn(l, r, p, b, x, began)
	}
	command := `"SELECT"`
	if p.does == "export" {
		command = `"COPY"`
	}
	b = append(b, ',')
	b = append(b, command...)
	b = append(b, ',')
	b = m.pgTime(l, b, began, false)
	b = append(b, ',')
	b = strconv.AppendUint(b, 3+uint64(r.pid)%60, 10)
	b = append(b, '/')
	b = strconv.AppendUint(b, 100+uint64(r.number), 10)
	b = append(b, `,0,LOG,00000,"AUDIT: SESSION,`...)
	b = strconv.AppendUint(b, uint64(r.number)+1, 10)
	b = append(b, `,1,READ,`...)
	if p.does == "export" {
		b = append(b, "COPY,,,"...)
	} else {
		b = append(b, "SELECT,TABLE,"...)
		b = append(append(append(b, p.schema...), '.'), p.table...)
		b = append(b, ',')
	}
	b = m.statement(b, p, r)
	b = append(b, ",<none>,"...)
	rows := int64(max(r.rows, 0))
	if p.does == "export" {
		rows = 0
	}
	b = strconv.AppendInt(b, rows, 10)
	b = append(b, `",,,,,,,,,"`...)
	b = append(b, agentOf(&sqlAgents, r)...)
	return append(b, `","client backend",,0`+"\n"...)
}

// statement writes what was asked, as a field in quotes within a field in quotes.
func (m *Maker) statement(b []byte, p *page, r *row) []byte {
	b = append(b, `""`...)
	if p.does == "export" {
		b = append(append(append(append(b, "copy "...), p.schema...), '.'), p.table...)
		b = append(b, " ("...)
		b = appendColumns(b, p.columns)
		return append(b, `) to stdout""`...)
	}
	b = append(b, "select "...)
	b = appendColumns(b, p.columns)
	b = append(append(append(append(b, " from "...), p.schema...), '.'), p.table...)
	switch p.whose {
	case "path":
		b = append(b, " where id = '"...)
		b = m.appendAccount(b, r.target)
		b = append(b, '\'')
	case "list":
		b = append(b, " where id in ("...)
		for i, a := range r.list {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = append(m.people.AppendAccount(append(b, '\''), a), '\'')
		}
		b = append(b, ')')
	}
	return append(b, `""`...)
}

func appendColumns(b []byte, names []string) []byte {
	for i, c := range names {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(b, c...)
	}
	return b
}

// pgSignIn writes the rest of a line about a connection.
func (m *Maker) pgSignIn(l *writtenLog, r *row, p *page, b []byte, x uint64, began int64) []byte {
	b = append(b, `,"authentication",`...)
	b = m.pgTime(l, b, began, false)
	b = append(b, ',')
	b = strconv.AppendUint(b, 3+uint64(r.pid)%60, 10)
	b = append(b, '/')
	b = strconv.AppendUint(b, 1+x>>40%9000, 10)
	if r.status == 200 {
		b = append(b, `,0,LOG,00000,"connection authorized: user=`...)
		b = m.appendWho(b, r)
		b = append(append(b, " database="...), p.database...)
	} else {
		b = append(b, `,0,FATAL,28P01,"password authentication failed for user ""`...)
		b = append(m.appendWho(b, r), `""`...)
	}
	return append(b, `",,,,,,,,,"","client backend",,0`+"\n"...)
}

func (m *Maker) pgTime(l *writtenLog, b []byte, at int64, millis bool) []byte {
	l.stamp.of(at, utc, "2006-01-02 15:04:", " UTC")
	return l.stamp.appendTo(b, at, millis)
}
