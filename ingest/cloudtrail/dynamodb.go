package cloudtrail

import (
	"bytes"
	"slices"

	"github.com/haetae/haetae/ingest/element"
)

// maxItems is more than one call of DynamoDB can ask for.
const maxItems = 1000

// dynamodb adds the tables, and as parameters the keys of the items. Who reads a
// parameter takes the accounts in it for all that were asked for. So of several items
// only an attribute is kept that the key of each has and shows.
func (d *Decoder) dynamodb() {
	ev := &d.ev
	var tables, keys [][]byte
	whole := true // every item has a key
	add := func(table, key []byte) {
		if table != nil {
			tables = append(tables, resource(table))
		}
		if key == nil || len(keys) == maxItems {
			whole = false
			return
		}
		keys = append(keys, key)
	}
	switch {
	case memberOf(ev.parameters, "requestItems") != nil:
		o := element.Members(memberOf(ev.parameters, "requestItems"))
		for table, v, ok := o.Next(); ok; table, v, ok = o.Next() {
			asked := 0
			each := func(key []byte) bool {
				add(bytes.Clone(table), key)
				asked++
				return true
			}
			if v[0] == '[' { // of what is written: an item or a key each
				element.Each(v, func(w []byte) bool { return each(memberOf(memberOf(w, "deleteRequest"), "key")) })
			} else {
				element.Each(listOf(v, "keys"), each)
			}
			if asked == 0 {
				add(bytes.Clone(table), nil)
			}
		}
	case listOf(ev.parameters, "transactItems") != nil:
		element.Each(listOf(ev.parameters, "transactItems"), func(v []byte) bool {
			for _, kind := range []string{"get", "update", "delete", "put", "conditionCheck"} {
				if item := memberOf(v, kind); item != nil {
					add(member(item, "tableName"), memberOf(item, "key"))
				}
			}
			return true
		})
	default:
		add(member(ev.parameters, "tableName"), memberOf(ev.parameters, "key"))
	}
	if len(tables) == 0 {
		tables = ev.tables()
	}
	slices.SortFunc(tables, bytes.Compare)
	for _, table := range slices.CompactFunc(tables, bytes.Equal) {
		d.add(table)
	}
	if whole {
		d.keys(keys)
	}
}

// keys adds the attributes that all keys have.
func (d *Decoder) keys(keys [][]byte) {
	if len(keys) == 0 {
		return
	}
	mark := byte('?')
	o := element.Members(keys[0])
	for name, _, ok := o.Next(); ok; name, _, ok = o.Next() {
		name := string(name)
		values := make([][]byte, 0, len(keys))
		for _, key := range keys {
			v := attribute(key, name)
			if len(v) == 0 || isHidden(v) {
				values = nil
				break
			}
			values = append(values, v)
		}
		for _, v := range values {
			d.parameter(mark, []byte(name), v)
			mark = '&'
		}
	}
}

// attribute is one of a key: a text, or {"S": "…"}, {"N": "…"}.
func attribute(key []byte, name string) []byte {
	o := element.Members(key)
	for n, v, ok := o.Next(); ok; n, v, ok = o.Next() {
		if string(n) != name {
			continue
		}
		s, text := element.Text(v)
		if !text {
			if s = member(v, "S"); s == nil {
				s = member(v, "N")
			}
		}
		return s
	}
	return nil
}

// listOf gives a member that is a list, as it is written.
func listOf(object []byte, name string) []byte {
	if len(object) == 0 || object[0] != '{' {
		return nil
	}
	o := element.Members(object)
	for n, v, ok := o.Next(); ok; n, v, ok = o.Next() {
		if string(n) == name && len(v) > 0 && v[0] == '[' {
			return v
		}
	}
	return nil
}

// tables are those that an event was about, where its parameters name none.
func (ev *call) tables() [][]byte {
	var out [][]byte
	for _, r := range element.Elements(ev.resources, 100) {
		arn := member(r, "ARN")
		if arn == nil {
			arn = member(r, "arn")
		}
		if arn != nil && string(member(r, "type")) == "AWS::DynamoDB::Table" {
			out = append(out, resource(arn))
		}
	}
	return out
}
