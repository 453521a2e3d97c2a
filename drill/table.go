package drill

import (
	"iter"
	"reflect"

	"go.yaml.in/yaml/v3"

	"github.com/haetae/haetae/internal/written"
)

// Table is values under names that the writer of a scenario chose, in the order of
// the file, so that a mistake can be told by its place.
type Table[V any] struct {
	Names []string
	Of    map[string]V
}

// Read takes a mapping.
func (t *Table[V]) Read(r *written.Reader, n *yaml.Node, field string) {
	pairs, _ := r.Pairs(n, field)
	t.Of = make(map[string]V, len(pairs))
	for _, kv := range pairs {
		var v V
		r.Into(kv.Value, kv.Field, &v)
		t.Names = append(t.Names, kv.Name)
		t.Of[kv.Name] = v
	}
}

// All is the values in the order of the file, by their place.
func (t *Table[V]) All() iter.Seq2[int, V] {
	return func(yield func(int, V) bool) {
		for i, name := range t.Names {
			if !yield(i, t.Of[name]) {
				return
			}
		}
	}
}

// Has says whether there is a value of this name.
func (t *Table[V]) Has(name string) bool { _, ok := t.Of[name]; return ok }

func (t *Table[V]) each(f func(int, reflect.Value)) {
	for i, v := range t.All() {
		if p := reflect.ValueOf(v); p.Kind() == reflect.Pointer {
			f(i, p.Elem())
		}
	}
}
