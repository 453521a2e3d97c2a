package scope

import (
	"net/netip"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Addresses in a predicate. One address can be written in many ways, and a
// record keeps it in one: IPv4 as such also where the log said ::ffff:45.1.2.3,
// IPv6 in its short form. Text that is compared with client.ip is brought into
// that form first, since otherwise the answer would be a zero that means "not
// looked"; what is no address is refused for the same reason.

const notPrefix = "the second argument of inCIDR is not a network such as \"45.0.0.0/8\""

func inCIDR(ip, cidr ref.Val) ref.Val {
	p, err := prefix(string(cidr.(types.String)))
	if err != nil {
		return types.NewErr("%s", notPrefix)
	}
	a, err := netip.ParseAddr(string(ip.(types.String)))
	if err != nil {
		return types.False // no address is in no network
	}
	return types.Bool(p.Contains(a.Unmap()))
}

// prefix reads a network. One that lies within ::ffff:0:0/96 is the IPv4 network
// it stands for.
func prefix(s string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(s)
	if err == nil && p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p, err
}

// addresses goes through the constants of the whole predicate that stand beside
// client.ip.
func (c *compiler) addresses() error {
	var bad error
	check := func(err error) {
		if bad == nil {
			bad = err
		}
	}
	isIP := func(x ast.Expr) bool { return x.Kind() == ast.IdentKind && x.AsIdent() == "client.ip" }
	ast.PostOrderVisit(c.native.Expr(), ast.NewExprVisitor(func(x ast.Expr) {
		if x.Kind() != ast.CallKind {
			return
		}
		args := x.AsCall().Args()
		switch x.AsCall().FunctionName() {
		case "inCIDR":
			check(c.network(args[1]))
		case operators.Equals, operators.NotEquals:
			for i, a := range args {
				if isIP(args[1-i]) {
					check(c.address(a))
				}
			}
		case operators.In:
			if isIP(args[0]) && args[1].Kind() == ast.ListKind {
				for _, a := range args[1].AsList().Elements() {
					check(c.address(a))
				}
			}
		}
	}))
	return bad
}

// address brings a constant into the form of a record's address.
func (c *compiler) address(x ast.Expr) error {
	s, ok := textOf(x)
	if !ok || s == "" { // "" is how an absent value is asked for
		return nil
	}
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return c.fail(x, phrase{"IP 주소가 아닙니다", "this is not an address"},
			phrase{"주소 대역은 inCIDR(client.ip, \"45.0.0.0/8\")로 묻습니다", "for a network write inCIDR(client.ip, \"45.0.0.0/8\")"})
	}
	if t := a.Unmap().String(); t != s {
		x.SetKindCase(ast.NewExprFactory().NewLiteral(x.ID(), types.String(t)))
	}
	return nil
}

// network refuses a constant that is not a network now instead of at the first
// record.
func (c *compiler) network(x ast.Expr) error {
	s, ok := textOf(x)
	if !ok {
		return nil
	}
	if _, err := prefix(s); err != nil {
		return c.fail(x, phrase{"inCIDR의 둘째 인자가 \"45.0.0.0/8\" 형식의 주소 대역이 아닙니다", notPrefix},
			phrase{"주소 하나는 client.ip == \"45.1.2.3\"으로 씁니다", "for one address write client.ip == \"45.1.2.3\""})
	}
	return nil
}
