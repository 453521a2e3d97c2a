package detect

import (
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/edition"
)

// unknown lets through accounts and actors that the register does not know (rule
// type unknown). A register that is older than grace says nothing about members
// who may have joined since: their records are undecidable and coverage is lost.
type unknown struct {
	grace event.Millis
}

func (u *unknown) admit(e *Engine, c *correlation, k *tuple, v uint64, at event.Millis) verdict {
	registers := e.world.Registers()
	i, exact := edition.InForce(registers, at)
	if i < 0 {
		e.lose(c, noRegister, at)
		return other
	}
	ref := refOf(v)
	if registers[i].Has(ref) {
		return other
	}
	// Whoever a later edition knows is a member, only a new one.
	for _, later := range registers[i+1:] {
		if later.Has(ref) {
			return other
		}
	}
	if exact && at-registers[i].From() > u.grace {
		e.lose(c, registerOld, at)
		return other
	}
	return counted
}

func (u *unknown) settle(_ *Engine, _ *correlation, to event.Millis, _ func(tuple, uint64, event.Millis)) event.Millis {
	return to
}
