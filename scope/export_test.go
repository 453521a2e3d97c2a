package scope

import "testing"

// MaxGroups is how many lines --by gives.
func MaxGroups() int { return maxGroups }

// SetMaxGroups makes a test see what happens beyond them.
func SetMaxGroups(t testing.TB, n int) {
	old := maxGroups
	maxGroups = n
	t.Cleanup(func() { maxGroups = old })
}

// SetHeldRecords makes Records divide the time.
func SetHeldRecords(t testing.TB, n int) {
	old := heldRecords
	heldRecords = n
	t.Cleanup(func() { heldRecords = old })
}

// QuietSignals are those of which an answer asks.
func QuietSignals(noted []Noted) map[Exception][]Noted { return quietSignals(noted) }

// MaxAlone is for how many sources it is counted who is known by one alone.
func MaxAlone() int { return maxAlone }

// SetMaxAlone makes a test see what happens beyond them.
func SetMaxAlone(t testing.TB, n int) {
	old := maxAlone
	maxAlone = n
	t.Cleanup(func() { maxAlone = old })
}
