package ledger

import "sync"

// uses counts who holds ordinals that are in no row yet: between Resolve and the
// memtable, a builder or an edition.
type uses struct {
	mu   sync.Mutex
	cond *sync.Cond
	now  int
	open map[int]int // by the now in which they began
}

// begin counts one; it must be called before Resolve, end once the ordinals have
// arrived.
func (u *uses) begin() (end func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	n := u.now
	if u.open == nil {
		u.open = map[int]int{}
	}
	u.open[n]++
	return func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		if u.open[n]--; u.open[n] == 0 {
			delete(u.open, n)
			if u.cond != nil {
				u.cond.Broadcast()
			}
		}
	}
}

// settle waits until all that have begun have ended. Others may begin meanwhile,
// or the pieces of an import, which wait for each other, would wait for ever.
func (u *uses) settle() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.cond == nil {
		u.cond = sync.NewCond(&u.mu)
	}
	n := u.now
	u.now++
	for {
		older := false
		for k := range u.open {
			older = older || k <= n
		}
		if !older {
			return
		}
		u.cond.Wait()
	}
}
