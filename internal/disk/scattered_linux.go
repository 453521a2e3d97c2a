package disk

import "golang.org/x/sys/unix"

// Scattered tells the system that f will be read at places that do not follow each
// other. It then reads what it is asked for and not up to thirty times as much, which
// is what a question over a ledger that is in no cache waits for. A system that does
// not listen is only slower.
func Scattered(f File) {
	if o, ok := f.(osFile); ok {
		_ = unix.Fadvise(int(o.Fd()), 0, 0, unix.FADV_RANDOM)
	}
}
