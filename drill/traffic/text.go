package traffic

import (
	"strconv"
	"time"

	"github.com/haetae/haetae/drill"
)

// formats writes a line of each.
var formats = map[string]func(m *Maker, l *writtenLog, r *row, b []byte) []byte{
	"nginx": nginxLine, "pgaudit": pgauditLine, "cloudtrail": cloudtrailLine,
}

// stamp keeps how a minute is written, since most lines are of the one before's.
type stamp struct {
	minute int64
	prefix []byte // up to the minute and its colon
	suffix []byte
}

func (s *stamp) of(at int64, zone *time.Location, layout, behind string) {
	if m := at / minute; m != s.minute || s.prefix == nil {
		t := time.UnixMilli(at).In(zone)
		s.minute, s.prefix, s.suffix = m, t.AppendFormat(s.prefix[:0], layout), t.AppendFormat(s.suffix[:0], behind)
	}
}

// appendTo writes a moment: with its milliseconds, if asked for.
func (s *stamp) appendTo(b []byte, at int64, millis bool) []byte {
	b = append(b, s.prefix...)
	ms := at % minute
	b = two(b, ms/1000)
	if millis {
		b = append(b, '.')
		b = three(b, ms%1000)
	}
	return append(b, s.suffix...)
}

func two(b []byte, n int64) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }

func three(b []byte, n int64) []byte {
	return append(b, byte('0'+n/100), byte('0'+n/10%10), byte('0'+n%10))
}

const hexDigits = "0123456789abcdef"

// appendHex writes all 16 digits.
func appendHex(b []byte, x uint64) []byte {
	var h [16]byte
	for i := 15; i >= 0; i-- {
		h[i] = hexDigits[x&15]
		x >>= 4
	}
	return append(b, h[:]...)
}

// appendID writes the id of a line, as 32 digits. No other line has it: the first half
// is a permutation of the line's number.
func (m *Maker) appendID(b []byte, seq uint64) []byte {
	x := drill.Mix(seq ^ m.seed<<20)
	return appendHex(appendHex(b, x), drill.Mix(x^m.seed))
}

// appendAddress writes an address of a pool, whose addresses lie evenly in its range.
func (n *network) appendAddress(b []byte, i uint32) []byte {
	k := int64(i) % n.n
	if !n.prefix.Addr().Is4() {
		a := n.prefix.Addr().As16()
		for j := range 4 {
			a[15-j] |= byte(uint64(k+1) >> (8 * j))
		}
		return appendIPv6(b, a)
	}
	x := n.base
	if n.prefix.Bits() <= 30 {
		x += 1 + uint32(mulDiv(k, n.size, n.n))
	}
	for s := 24; s >= 0; s -= 8 {
		b = strconv.AppendUint(b, uint64(x>>s&255), 10)
		if s > 0 {
			b = append(b, '.')
		}
	}
	return b
}

// appendWho writes the id of an actor, or nothing.
func (m *Maker) appendWho(b []byte, r *row) []byte {
	switch {
	case r.group == nobody || r.actor == nobody:
		return b
	case r.group == 0:
		return m.appendAccount(b, r.actor)
	}
	return m.groups[r.group].appendID(b, r.actor)
}

func (g *group) appendID(b []byte, i int64) []byte {
	b = append(b, g.prefix...)
	return strconv.AppendInt(b, 101+i, 10)
}

// appendAccount writes an account's number, or one that is nobody's.
func (m *Maker) appendAccount(b []byte, place int64) []byte {
	switch {
	case place == nobody:
		return append(b, '-')
	case place < nobody:
		return m.people.AppendGhost(b, ghost(place))
	}
	return m.people.AppendAccount(b, place)
}

// appendParts writes a path or a key.
func (m *Maker) appendParts(b []byte, parts []part, r *row, x uint64) []byte {
	for i := range parts {
		switch p := &parts[i]; p.what {
		case 'a':
			b = m.appendAccount(b, r.target)
		case 'r':
			b = m.appendWho(b, r)
		case 'n':
			b = strconv.AppendUint(b, 1+x>>7%9973, 10)
		default:
			b = append(b, p.text...)
		}
	}
	return b
}

// agents, by kind. None of them is one person's.
const (
	browser = iota
	app
	script
)

var agents = [3][]string{
	{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
		"Mozilla/5.0 (Linux; Android 14; SM-S921N) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0",
	},
	{"ShopApp/8.2.1 (Android 14)", "ShopApp/8.2.1 (iOS 18.1)", "ShopApp/8.1.0 (Android 13)", "ShopApp/7.9.4 (Android 12)"},
	{"python-requests/2.32.3", "Go-http-client/1.1", "curl/8.5.0"},
}

// agentNames of those who speak to AWS, and to a database.
var (
	awsAgents = [3][]string{
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"},
		{"aws-sdk-java/2.29.1 Linux/5.10.226 OpenJDK_64-Bit_Server_VM/21.0.5"},
		{"aws-cli/2.15.30 Python/3.11.8 Linux/6.1.0 exe/x86_64.debian.12", "Boto3/1.35.60 Python/3.12.7 Linux/6.1.0 Botocore/1.35.60"},
	}
	sqlAgents = [3][]string{{"DBeaver 24.2.5"}, {"shop-api"}, {"psql", "pg_dump"}}
)

func agentKind(word string) uint8 {
	switch word {
	case "app":
		return app
	case "script":
		return script
	}
	return browser
}

func agentOf(of *[3][]string, r *row) string {
	list := of[r.agent]
	return list[int(r.pick)%len(list)]
}
