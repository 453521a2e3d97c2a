// Package otlp reads logs as OpenTelemetry sends them (OTLP/HTTP, protobuf or JSON)
// and answers as its specification says.
//
// The central idea: a log record becomes a line of JSON whose keys are the names of
// its attributes,
//
//	{"http.request.method":"GET","url.path":"/my/profile","enduser.id":"m1000042",
//	 "resource":{"service.name":"shop"},"scope":{"name":"access"},
//	 "event_name":"…","severity_text":"INFO","severity_number":9,"body":"…","time":1740787200000}
//
// so that the fields of the source in the catalog say what is what, as of any log of
// JSON lines. What stands last counts where a key comes twice: no attribute stands in
// for the time or the resource. A body that is the text of a JSON object is that object.
//
// A request is taken apart record by record, and never unpacked as a whole: two bytes
// can ask for a hundred.
//
// What it is not: a place that knows what an attribute means, or that stores anything.
package otlp

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"mime"
	"strconv"
	"unicode/utf8"

	common "go.opentelemetry.io/proto/otlp/common/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/haetae/haetae/ingest/element"
)

// Encoding is how a request is written, and its answer.
type Encoding uint8

const (
	Unknown Encoding = iota
	Protobuf
	JSON
)

// EncodingOf knows it by the media type.
func EncodingOf(contentType string) Encoding {
	kind, _, err := mime.ParseMediaType(contentType)
	switch {
	case err != nil:
		return Unknown
	case kind == "application/x-protobuf":
		return Protobuf
	case kind == "application/json":
		return JSON
	}
	return Unknown
}

// ContentType is the media type of an encoding.
func (e Encoding) ContentType() string {
	if e == JSON {
		return "application/json"
	}
	return "application/x-protobuf"
}

// ErrBroken: the request is not what its media type says. Nothing of it counts.
var ErrBroken = errors.New("the request is no ExportLogsServiceRequest")

const (
	// MaxRecord bounds one log record.
	MaxRecord = 1 << 20
	// MaxAround bounds a resource or a scope: it is written once for each record.
	MaxAround = 16 << 10
)

// Records gives every log record of a request as a line, in order. A record that
// cannot be read is nil, as it is where it or what stands around it is too long. A
// line is valid until each returns. around says that the resource and the scope are
// looked at; else they are left out, since they are written again for each record.
func Records(e Encoding, body []byte, around bool, each func(line []byte) error) error {
	w := writer{around: around}
	if e == JSON {
		return w.json(body, each)
	}
	// Looked at as a whole first: of a broken request nothing counts.
	if err := walk(body, func([]byte) error { return nil }, nil, nil); err != nil {
		return err
	}
	return walk(body, func(record []byte) error {
		var r logs.LogRecord
		if w.tooLong || len(record) > MaxRecord || proto.Unmarshal(record, &r) != nil {
			return each(nil)
		}
		return each(w.line(&r))
	}, func(b []byte) { w.resource(b, proto.Unmarshal) }, func(b []byte) { w.scope(b, proto.Unmarshal) })
}

// The numbers of fields in opentelemetry/proto/logs/v1/logs.proto.
const (
	resourceLogs  protowire.Number = 1 // of the request
	itsResource   protowire.Number = 1 // of ResourceLogs
	itsScopeLogs  protowire.Number = 2
	itsScope      protowire.Number = 1 // of ScopeLogs
	itsLogRecords protowire.Number = 2
)

// walk goes through a request of protobuf. A resource stands for all records beside
// it, wherever it stands itself.
func walk(body []byte, record func([]byte) error, ofResource, ofScope func([]byte)) error {
	return fields(body, func(n protowire.Number, group []byte) error {
		if n != resourceLogs {
			return nil
		}
		if err := beforehand(group, itsResource, ofResource); err != nil {
			return err
		}
		return fields(group, func(n protowire.Number, scoped []byte) error {
			if n != itsScopeLogs {
				return nil
			}
			if err := beforehand(scoped, itsScope, ofScope); err != nil {
				return err
			}
			return fields(scoped, func(n protowire.Number, b []byte) error {
				if n != itsLogRecords {
					return nil
				}
				return record(b)
			})
		})
	})
}

// beforehand looks for the last field of a number.
func beforehand(b []byte, number protowire.Number, with func([]byte)) error {
	var found []byte
	err := fields(b, func(n protowire.Number, v []byte) error {
		if n == number {
			found = v
		}
		return nil
	})
	if err == nil && with != nil {
		with(found)
	}
	return err
}

// fields gives the fields of a message that are messages themselves.
func fields(b []byte, each func(protowire.Number, []byte) error) error {
	for len(b) > 0 {
		n, kind, size := protowire.ConsumeTag(b)
		if size < 0 {
			return ErrBroken
		}
		b = b[size:]
		if kind == protowire.BytesType {
			v, size := protowire.ConsumeBytes(b)
			if size < 0 {
				return ErrBroken
			}
			if err := each(n, v); err != nil {
				return err
			}
			b = b[size:]
			continue
		}
		if size = protowire.ConsumeFieldValue(n, kind, b); size < 0 {
			return ErrBroken
		}
		b = b[size:]
	}
	return nil
}

var lenient = protojson.UnmarshalOptions{DiscardUnknown: true}

// json goes through a request of JSON.
func (w *writer) json(body []byte, each func([]byte) error) error {
	// As for protobuf: the whole is looked at before anything of it counts.
	for _, again := range []bool{false, true} {
		_, groups, err := twoOf(body, "", "resourceLogs")
		if err != nil {
			return err
		}
		err = elements(groups, func(group []byte) error {
			res, scoped, err := twoOf(group, "resource", "scopeLogs")
			if err != nil {
				return err
			}
			if again {
				w.resource(res, lenient.Unmarshal)
			}
			return elements(scoped, func(one []byte) error {
				scope, records, err := twoOf(one, "scope", "logRecords")
				if err != nil {
					return err
				}
				if !again {
					return elements(records, func([]byte) error { return nil })
				}
				w.scope(scope, lenient.Unmarshal)
				return elements(records, func(record []byte) error {
					var r logs.LogRecord
					if w.tooLong || len(record) > MaxRecord || lenient.Unmarshal(record, &r) != nil {
						return each(nil)
					}
					return each(w.line(&r))
				})
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// twoOf gives two members of an object as they are written; what is null is not there.
func twoOf(object []byte, a, b string) (va, vb []byte, err error) {
	o := element.Members(object)
	for name, v, ok := o.Next(); ok; name, v, ok = o.Next() {
		if string(v) == "null" {
			continue
		}
		switch string(name) {
		case b:
			vb = v
		case a:
			va = v
		}
	}
	if o.Bad() {
		return nil, nil, ErrBroken
	}
	return va, vb, nil
}

// elements goes through a list that may be missing.
func elements(list []byte, each func([]byte) error) error {
	if list == nil {
		return nil
	}
	var err error
	if !element.Each(list, func(v []byte) bool { err = each(v); return err == nil }) {
		return ErrBroken
	}
	return err
}

func isObject(b []byte) bool {
	b = bytes.TrimLeft(b, " \t\r\n")
	return len(b) > 0 && b[0] == '{'
}

// writer makes lines.
type writer struct {
	around              bool
	tooLong             bool // what stands around the records at hand
	resourceLong        bool
	buf                 []byte
	ofResource, ofScope []byte // members, without their braces
}

func (w *writer) resource(b []byte, read func([]byte, proto.Message) error) {
	w.ofResource, w.ofScope, w.resourceLong = nil, nil, w.around && len(b) > MaxAround
	w.tooLong = w.resourceLong
	var r resource.Resource
	if w.around && !w.tooLong && len(b) > 0 && read(b, &r) == nil {
		w.ofResource = attributes(nil, r.Attributes)
	}
}

func (w *writer) scope(b []byte, read func([]byte, proto.Message) error) {
	w.ofScope, w.tooLong = nil, w.resourceLong || w.around && len(b) > MaxAround
	var s common.InstrumentationScope
	if w.around && !w.tooLong && len(b) > 0 && read(b, &s) == nil {
		w.ofScope = scopeMembers(&s)
	}
}

func scopeMembers(s *common.InstrumentationScope) []byte {
	b := attributes(nil, s.Attributes)
	b = text(name(b, "name"), s.Name)
	return text(name(b, "version"), s.Version)
}

// line writes a record.
func (w *writer) line(r *logs.LogRecord) []byte {
	b := attributes(append(w.buf[:0], '{'), r.Attributes)
	if len(w.ofResource) > 0 {
		b = append(append(append(name(b, "resource"), '{'), w.ofResource...), '}')
	}
	if len(w.ofScope) > 0 {
		b = append(append(append(name(b, "scope"), '{'), w.ofScope...), '}')
	}
	if r.EventName != "" {
		b = text(name(b, "event_name"), r.EventName)
	}
	if r.SeverityText != "" {
		b = text(name(b, "severity_text"), r.SeverityText)
	}
	if r.SeverityNumber != 0 {
		b = strconv.AppendInt(name(b, "severity_number"), int64(r.SeverityNumber), 10)
	}
	if r.Body != nil {
		b = name(b, "body")
		if s := []byte(r.Body.GetStringValue()); isObject(s) && json.Valid(s) {
			b = append(b, bytes.ReplaceAll(s, []byte("\n"), []byte(" "))...)
		} else {
			b = value(b, r.Body, 0)
		}
	}
	at := r.TimeUnixNano
	if at == 0 {
		at = r.ObservedTimeUnixNano
	}
	b = name(b, "time")
	if at == 0 {
		b = append(b, "null"...)
	} else {
		b = strconv.AppendUint(b, at/1_000_000, 10)
	}
	w.buf = append(b, '}')
	return w.buf
}

func attributes(b []byte, list []*common.KeyValue) []byte {
	for _, kv := range list {
		b = value(name(b, kv.Key), kv.Value, 0)
	}
	return b
}

// name begins a member.
func name(b []byte, key string) []byte {
	if n := len(b); n > 0 && b[n-1] != '{' {
		b = append(b, ',')
	}
	return append(text(b, key), ':')
}

// maxDepth is how deep values are written; the decoder of lines reads no deeper.
const maxDepth = 24

func value(b []byte, v *common.AnyValue, depth int) []byte {
	if depth > maxDepth {
		return append(b, "null"...)
	}
	switch x := v.GetValue().(type) {
	case *common.AnyValue_StringValue:
		return text(b, x.StringValue)
	case *common.AnyValue_BoolValue:
		return strconv.AppendBool(b, x.BoolValue)
	case *common.AnyValue_IntValue:
		return strconv.AppendInt(b, x.IntValue, 10)
	case *common.AnyValue_DoubleValue:
		if raw, err := json.Marshal(x.DoubleValue); err == nil { // no number: NaN, infinities
			return append(b, raw...)
		}
	case *common.AnyValue_BytesValue:
		return text(b, base64.StdEncoding.EncodeToString(x.BytesValue))
	case *common.AnyValue_ArrayValue:
		b = append(b, '[')
		for i, e := range x.ArrayValue.GetValues() {
			if i > 0 {
				b = append(b, ',')
			}
			b = value(b, e, depth+1)
		}
		return append(b, ']')
	case *common.AnyValue_KvlistValue:
		b = append(b, '{')
		for _, kv := range x.KvlistValue.GetValues() {
			b = value(name(b, kv.Key), kv.Value, depth+1)
		}
		return append(b, '}')
	}
	return append(b, "null"...)
}

const hex = "0123456789abcdef"

// text writes a string. Its bytes stay what they are: whether they may stand where
// they do, the decoder of lines decides.
func text(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// Accepted is the answer to a request that was taken: how many of its records were
// not, and why. With none it is empty, as the specification asks for.
func Accepted(e Encoding, rejected int64, message string) []byte {
	if e == JSON {
		if rejected == 0 {
			return []byte("{}")
		}
		b, _ := json.Marshal(map[string]any{"partialSuccess": map[string]any{"rejectedLogRecords": strconv.FormatInt(rejected, 10), "errorMessage": valid(message)}})
		return b
	}
	if rejected == 0 {
		return nil
	}
	var inner []byte
	inner = protowire.AppendVarint(protowire.AppendTag(inner, 1, protowire.VarintType), uint64(rejected))
	inner = protowire.AppendString(protowire.AppendTag(inner, 2, protowire.BytesType), valid(message))
	return protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), inner)
}

// Refused is the answer to a request that was not: a google.rpc.Status, with the
// message alone, as the specification allows.
func Refused(e Encoding, message string) []byte {
	if e == JSON {
		b, _ := json.Marshal(map[string]string{"message": valid(message)})
		return b
	}
	return protowire.AppendString(protowire.AppendTag(nil, 2, protowire.BytesType), valid(message))
}

func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return "?"
}
