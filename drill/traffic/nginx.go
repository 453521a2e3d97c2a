package traffic

import (
	"net/netip"
	"strconv"

	"github.com/haetae/haetae/drill"
)

// nginxLine writes a line as a log_format with escape=json does. Nothing in it has to be
// escaped: ids, paths and agents are of plain letters.
func nginxLine(m *Maker, l *writtenLog, r *row, b []byte) []byte {
	p := m.pages[r.page]
	x := drill.Mix(r.seq ^ m.seed)
	at := l.clock(r.at)
	l.stamp.of(at, l.zone, "2006-01-02T15:04:", "Z07:00")
	b = append(b, `{"time":"`...)
	b = l.stamp.appendTo(b, at, true)
	b = append(b, `","remote_addr":"`...)
	b = m.nets[r.net].appendAddress(b, r.addr)
	b = append(b, `","request_method":"`...)
	b = append(b, p.method...)
	b = append(b, `","request_uri":"`...)
	b = m.appendParts(b, p.parts, r, x)
	b = append(b, `","status":`...)
	b = three(b, int64(r.status))
	b = append(b, `,"body_bytes_sent":`...)
	b = strconv.AppendUint(b, bodySize(p, r, x), 10)
	b = append(b, `,"http_user_agent":"`...)
	b = append(b, agentOf(&agents, r)...)
	b = append(b, `","host":"api.shop.example","request_time":0.`...)
	b = three(b, int64(8+x>>20%240))
	b = append(b, `,"request_id":"`...)
	b = m.appendID(b, r.seq)
	b = append(b, `","actor_id":"`...)
	b = m.appendWho(b, r)
	b = append(b, `","actor_type":"`...)
	if r.group != nobody && r.actor != nobody {
		b = append(b, m.groups[r.group].kind...)
	}
	b = append(b, `","key_id":"`...)
	if r.key != nobody {
		b = append(b, m.keys[r.key].id...)
	}
	b = append(b, `","token_id":"`...)
	if r.token != 0 {
		b = append(b, 't')
		b = appendHex(b, r.token)
	}
	b = append(b, `","data_subjects":"`...)
	for i, a := range r.list {
		if i > 0 {
			b = append(b, ',')
		}
		b = m.people.AppendAccount(b, a)
	}
	b = append(b, `","data_rows":"`...)
	if r.rows >= 0 && (p.whose == "list" || p.whose == "nobody") {
		b = strconv.AppendInt(b, int64(r.rows), 10)
	}
	if c := m.nets[r.net].country; c != "" {
		b = append(b, `","country":"`...)
		b = append(b, c...)
	}
	return append(b, "\"}\n"...)
}

// bodySize is how large an answer is: more rows, more bytes.
func bodySize(p *page, r *row, x uint64) uint64 {
	switch {
	case r.status >= 400:
		return 120 + x>>30%90
	case r.rows > 1:
		return uint64(r.rows)*180 + x>>30%400
	}
	return 700 + x>>30%6000
}

func appendIPv6(b []byte, a [16]byte) []byte { return netip.AddrFrom16(a).AppendTo(b) }
