package detect

import (
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger/edition"
)

// unknown lets through accounts and actors that the register does not know (rule
// type unknown). The newest register, when it is older than grace, says nothing about
// members who may have joined since: their records are undecidable and coverage is
// lost. Where a newer one has been installed it decides: whoever neither the register
// in force then nor any later one knows did not join in between.
type unknown struct {
	grace event.Millis
}

func (u *unknown) admit(e *Engine, c *correlation, k *tuple, v uint64, r run) verdict {
	registers := e.world.Registers()
	i, exact := edition.InForce(registers, r.first)
	if r.n > 1 {
		if j, alike := edition.InForce(registers, r.last); j != i || alike != exact {
			return oneByOne
		}
	}
	if i < 0 {
		// There is no register at all, and so nobody who could be unknown.
		e.loseRun(c, noRegister, r)
		return left
	}
	// Whoever a later edition knows is a member, only a new one.
	ref := refOf(v)
	for _, x := range registers[i:] {
		if x.Has(ref) {
			return other
		}
	}
	newest := i == len(registers)-1
	old := func(at event.Millis) bool { return exact && newest && at-registers[i].From() > u.grace }
	switch {
	case old(r.first):
		e.loseRun(c, registerOld, r)
		return other
	case old(r.last):
		return oneByOne
	}
	return counted
}

func (u *unknown) settle(_ *Engine, _ *correlation, to event.Millis, _ func(tuple, uint64, event.Millis)) event.Millis {
	return to
}
