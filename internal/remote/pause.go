package remote

import "time"

// Pause is how long to wait after the n-th failure in a row, counted from 1: first doubled
// n-1 times, most at most, of which a random half is left out. Many that failed together
// then do not come back together. below draws a number from 0 to one below its argument.
func Pause(n int, first, most time.Duration, below func(int64) int64) time.Duration {
	p := min(first, most)
	for range n - 1 {
		if p = min(2*p, most); p == most {
			break
		}
	}
	return p/2 + time.Duration(below(int64(p/2)+1))
}
