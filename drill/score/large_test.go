package score

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/haetae/haetae/drill"
)

// many people of a scenario, as an iterator that holds none of them.
func many(n int) func(func(drill.Reached) bool) {
	return func(yield func(drill.Reached) bool) {
		begin := at("10 00:00:00").Unix()
		for i := range n {
			if !yield(drill.Reached{Person: fmt.Sprintf("m%08d", i), Items: 3, First: begin + int64(i)%864000, Named: true, Account: true}) {
				return
			}
		}
	}
}

// TestManyPeople scores many people from their files, within 40 bytes for each
// beside what a process has anyhow: forty million take less than 2 GB.
func TestManyPeople(t *testing.T) {
	const n = 300_000
	w := truth()
	w.People = n
	file, key := sealed(t, w, many(n))
	var csv strings.Builder
	csv.WriteString("person,items\n")
	for p := range many(n) {
		csv.WriteString(p.Person + ",name;phone\n")
	}
	text := csv.String()
	alive := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := alive()
	proved, aside, err := ReadPeople("people.csv", strings.NewReader(text), items3)
	if err != nil || aside.Lines != 0 || proved.Len() != n {
		t.Fatal(proved.Len(), err, aside.Err())
	}
	each := float64(alive()-before) / n
	t.Logf("%.1f bytes for a person", each)
	if each > 40 {
		t.Errorf("%.1f bytes for a person", each)
	}
	opened, people, err := Open(bytes.NewReader(file), key)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Judge(scenario(t), opened, people, &Found{Proved: proved}, nil)
	if err != nil || got.Scope.Right != n || got.Curve[len(got.Curve)-1].People != n {
		t.Fatal(got, err)
	}
	runtime.KeepAlive(text)
}
