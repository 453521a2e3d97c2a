package written

import (
	"reflect"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// Own is a value that reads itself, where a text or a list of texts can stand, say.
type Own interface {
	Read(r *Reader, n *yaml.Node, field string)
}

// Into reads a node into what v points to: structs by the yaml names of their
// fields, of which none has to be there, slices, maps from the writer's own words,
// texts, whole numbers, yes and no, nodes as they are, and whatever reads itself.
func (r *Reader) Into(n *yaml.Node, field string, v any) { r.into(n, field, reflect.ValueOf(v).Elem()) }

var nodeType = reflect.TypeFor[*yaml.Node]()

func (r *Reader) into(n *yaml.Node, field string, v reflect.Value) {
	r.note(field, n)
	if r.Blank && IsNull(n) {
		return
	}
	if own, ok := v.Addr().Interface().(Own); ok {
		own.Read(r, n, field)
		return
	}
	switch {
	case v.Type() == nodeType:
		v.Set(reflect.ValueOf(n))
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		r.into(n, field, v.Elem())
	case v.Kind() == reflect.Struct:
		r.fields(n, field, v)
	case v.Kind() == reflect.Slice:
		list, ok := r.List(n, field)
		if !ok {
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), len(list), len(list)))
		for i, n := range list {
			r.into(n, Index(field, i), v.Index(i))
		}
	case v.Kind() == reflect.Map:
		pairs, ok := r.Pairs(n, field)
		if !ok {
			return
		}
		v.Set(reflect.MakeMapWithSize(v.Type(), len(pairs)))
		for _, kv := range pairs {
			value := reflect.New(v.Type().Elem()).Elem()
			r.into(kv.Value, kv.Field, value)
			v.SetMapIndex(reflect.ValueOf(kv.Name).Convert(v.Type().Key()), value)
		}
	case v.Kind() == reflect.Int:
		if s, ok := r.Scalar(n, field); ok {
			i, err := strconv.Atoi(s)
			if err != nil {
				r.Failf(n, field, "정수여야 합니다", "expected a whole number")
			}
			v.SetInt(int64(i))
		}
	case v.Kind() == reflect.Bool:
		if s, ok := r.Scalar(n, field); ok {
			if s != "true" && s != "false" {
				r.Fail(n, field, NoWord, "true, false")
			}
			v.SetBool(s == "true")
		}
	default: // a text
		if s, ok := r.Scalar(n, field); ok {
			if s != "" {
				s, _ = r.Prose(n, field, 16<<20)
			}
			v.SetString(s)
		}
	}
}

// fields reads a mapping into a struct.
func (r *Reader) fields(n *yaml.Node, field string, v reflect.Value) {
	var known []string
	t := v.Type()
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("yaml"); name != "" {
			known = append(known, name)
		}
	}
	keys := r.Keys(n, field, known...)
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("yaml"); keys[name] != nil {
			r.into(keys[name], Key(field, name), v.Field(i))
		}
	}
}
