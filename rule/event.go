package rule

import (
	"net/netip"
	"strconv"
	"time"
)

// FieldID is the place of a field in an Event.
type FieldID uint16

// Message is the whole text of an event, where there is one. Only keywords look
// at it.
const Message FieldID = 0

// SourceID is the place of a Source in its Schema, counted from 1.
type SourceID uint16

type valueKind uint8

const (
	absent valueKind = iota
	nullValue
	textValue
	intValue
	floatValue
	boolValue
	timeValue
	addrValue
	listValue
)

// value is one field of an event. Strings are the caller's: they have to stay
// unchanged until the next Reset.
type value struct {
	kind  valueKind
	num   int64 // of int, bool and time
	float float64
	text  string
	list  []string
	addr  netip.Addr
}

// Event is what rules look at: a value for each field that the event has. It is
// made by Set.NewEvent and used again for the next event after Reset. It belongs
// to one goroutine.
type Event struct {
	source SourceID
	values []value
	set    []FieldID // the fields that are there, in the order they were set
	whole  bool      // Message has the texts of all fields
}

// Reset empties the event for one of the given source.
func (e *Event) Reset(source SourceID) {
	for _, f := range e.set {
		v := &e.values[f]
		list := v.list[:0]
		*v = value{list: list}
	}
	e.set, e.whole = e.set[:0], false
	e.source = source
}

// place is where to put the value of a field. A field beyond the event's own is
// dropped: the rules of its set do not ask for it.
func (e *Event) place(f FieldID, kind valueKind) *value {
	if int(f) >= len(e.values) {
		return &value{}
	}
	v := &e.values[f]
	if v.kind == absent {
		e.set = append(e.set, f)
	}
	v.kind = kind
	return v
}

// SetText gives a field a text.
func (e *Event) SetText(f FieldID, s string) { e.place(f, textValue).text = s }

// SetWhole gives Message a text in which all fields stand as they are, so that
// keywords need not be looked for in each of them, too.
func (e *Event) SetWhole(s string) {
	e.SetText(Message, s)
	e.whole = true
}

// SetInt gives a field a whole number.
func (e *Event) SetInt(f FieldID, n int64) { e.place(f, intValue).num = n }

// SetFloat gives a field a number.
func (e *Event) SetFloat(f FieldID, x float64) { e.place(f, floatValue).float = x }

// SetBool gives a field a truth value.
func (e *Event) SetBool(f FieldID, b bool) {
	v := e.place(f, boolValue)
	v.num = 0
	if b {
		v.num = 1
	}
}

// SetTime gives a field a moment, in milliseconds since 1970.
func (e *Event) SetTime(f FieldID, millis int64) { e.place(f, timeValue).num = millis }

// SetAddr gives a field an address.
func (e *Event) SetAddr(f FieldID, a netip.Addr) { e.place(f, addrValue).addr = a.Unmap() }

// SetNull says that a field is there and has no value.
func (e *Event) SetNull(f FieldID) { e.place(f, nullValue) }

// AddText adds a text to a field that is a list. The field matches where one of
// them does.
func (e *Event) AddText(f FieldID, s string) {
	v := e.place(f, listValue)
	v.list = append(v.list, s)
}

// Has reports whether the event has the field, be it null.
func (e *Event) Has(f FieldID) bool { return int(f) < len(e.values) && e.values[f].kind != absent }

// AppendText appends the text of a field, the form in which values are compared.
// A list is joined by commas.
func (e *Event) AppendText(dst []byte, f FieldID) []byte {
	if int(f) >= len(e.values) {
		return dst
	}
	v := &e.values[f]
	if v.kind != listValue {
		return v.appendText(dst)
	}
	for i, s := range v.list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, s...)
	}
	return dst
}

const timeFormat = "2006-01-02T15:04:05.000Z"

// appendText is for values that are no list.
func (v *value) appendText(dst []byte) []byte {
	switch v.kind {
	case textValue:
		return append(dst, v.text...)
	case intValue:
		return strconv.AppendInt(dst, v.num, 10)
	case floatValue:
		return strconv.AppendFloat(dst, v.float, 'f', -1, 64)
	case boolValue:
		return strconv.AppendBool(dst, v.num != 0)
	case timeValue:
		return time.UnixMilli(v.num).UTC().AppendFormat(dst, timeFormat)
	case addrValue:
		if v.addr.IsValid() {
			return v.addr.AppendTo(dst)
		}
	}
	return dst
}

// empty reports whether there is nothing in the field: absent, null, or a list
// of none.
func (v *value) empty() bool {
	return v.kind == absent || v.kind == nullValue || v.kind == listValue && len(v.list) == 0
}

// number is the value as one, if it is.
func (v *value) number() (number, bool) {
	switch v.kind {
	case intValue, timeValue:
		return wholeNumber(v.num), true
	case floatValue:
		return number{f: v.float}, true
	case textValue:
		return parseNumber(v.text)
	}
	return number{}, false
}

// datePart is the part of a date that the value is, if it is one.
func (v *value) datePart(d datePart, zone *time.Location) (number, bool) {
	switch v.kind {
	case timeValue:
		return wholeNumber(d.of(time.UnixMilli(v.num).In(zone))), true
	case textValue:
		if t, ok := readDate(v.text); ok {
			return wholeNumber(d.of(t)), true
		}
	}
	return number{}, false
}
