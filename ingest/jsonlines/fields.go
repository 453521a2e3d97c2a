package jsonlines

import (
	"bytes"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ingest/line"
)

// field is a catalog.Field as a number: which one a value belongs to is asked for
// every value of every line, and comparing names took a tenth of reading it.
type field uint8

const (
	fieldUnknown field = iota
	fieldTime
	fieldID
	fieldActorID
	fieldActorType
	fieldKey
	fieldToken
	fieldIP
	fieldAgent
	fieldCountry
	fieldNetwork
	fieldMethod
	fieldURI
	fieldStatus
	fieldRows
	fieldSubjects
	fieldMore
	fieldRoute
	fieldSource
)

// names of the fields by number.
var names = [...]catalog.Field{
	fieldTime: catalog.FieldTime, fieldID: catalog.FieldID, fieldActorID: catalog.FieldActorID, fieldActorType: catalog.FieldActorType,
	fieldKey: catalog.FieldKey, fieldToken: catalog.FieldToken, fieldIP: catalog.FieldIP, fieldAgent: catalog.FieldAgent,
	fieldCountry: catalog.FieldCountry, fieldNetwork: catalog.FieldNetwork, fieldMethod: catalog.FieldMethod, fieldURI: catalog.FieldURI,
	fieldStatus: catalog.FieldStatus, fieldRows: catalog.FieldRows, fieldSubjects: catalog.FieldSubjects, fieldMore: catalog.FieldMore,
	fieldRoute: FieldRoute, fieldSource: FieldSource,
}

func fieldNamed(name catalog.Field) field {
	for f, n := range names {
		if n == name && n != "" {
			return field(f)
		}
	}
	return fieldUnknown
}

func (st *state) fail(f field, c line.Cause) {
	if st.err == nil {
		st.err = &line.Error{Field: string(names[f]), Cause: c}
	}
}

// check keeps the first error.
func (st *state) check(err *line.Error) bool {
	if err != nil && st.err == nil {
		st.err = err
	}
	return err == nil
}

// id checks that v can be an id.
func (st *state) id(f field, v []byte, plain bool) bool {
	if plain && len(v) <= line.MaxID {
		return true
	}
	return st.check(line.CheckID(string(names[f]), v))
}

// token checks the id of a key or token: what is refused here is not kept with
// the line that is set aside.
func (st *state) token(f field, v []byte, plain bool) bool {
	if plain && len(v) <= line.MaxID && !line.Usable(v) {
		return true
	}
	ok := st.check(line.CheckToken(string(names[f]), v))
	if !ok {
		st.refuse()
	}
	return ok
}

// word is a text that is kept as it is and printed.
func (st *state) word(v []byte, plain bool) string {
	if plain {
		return line.String(v)
	}
	s, lost := line.Clean(v, line.MaxID)
	if lost {
		st.req.Lost |= catalog.LostText
	}
	return s
}

func (st *state) fits(f field, v []byte) bool {
	return len(v) <= line.MaxID || st.check(line.CheckLength(string(names[f]), v))
}

// count is a number of rows, or ok = false and the line refused.
func (st *state) count(f field, v []byte) (int32, bool) {
	n, ok := line.Count(v)
	if !ok {
		st.fail(f, line.Type)
	}
	return n, ok
}

// take puts a value into the record. Of a key that comes twice the last counts,
// as in every JSON library. plain: v is printable ASCII, so that what is wrong
// with an id can only be its length.
func (st *state) take(f field, v []byte, plain bool) {
	if f >= firstSlot {
		st.hold(f, v, plain)
		return
	}
	if line.Absent(v) {
		v = nil
	}
	rec, req := st.rec, st.req
	switch f {
	case fieldTime:
		if v == nil {
			st.fail(f, line.Missing)
			return
		}
		at, ok := st.d.times.Parse(v)
		if !ok {
			st.fail(f, line.Time)
			return
		}
		if st.check(st.d.clock.Check(at)) {
			rec.Time, st.time = at, true
		}
	case fieldID:
		if st.id(f, v, plain) {
			rec.ID = event.RecordID(line.String(v))
		}
	case fieldActorID:
		if line.Usable(v) { // the whole token where its subject belongs
			st.fail(f, line.Bearer)
			st.refuse()
		} else if st.id(f, v, plain) {
			rec.Actor.ID = event.ActorID(line.String(v))
		}
	case fieldActorType:
		if st.fits(f, v) {
			rec.Actor.Type = st.word(v, plain)
		}
	case fieldKey:
		// A client may choose the id of the key it claims: what it writes there
		// must not keep the record out.
		if line.Usable(v) || len(v) > line.MaxID {
			st.token(f, v, plain)
		} else {
			rec.Credential.Key = st.word(v, plain)
		}
	case fieldToken:
		if st.token(f, v, plain) {
			rec.Credential.Token = event.TokenID(line.String(v))
		}
	case fieldIP:
		var lost bool
		if rec.Client.IP, lost = line.Address(v, st.d.address); lost {
			req.Lost |= catalog.LostAddress
		}
	case fieldAgent:
		if plain && len(v) <= line.MaxAgent {
			rec.Client.Agent = line.String(v)
			return
		}
		var lost bool
		if rec.Client.Agent, lost = line.Clean(v, line.MaxAgent); lost {
			req.Lost |= catalog.LostText
		}
	case fieldCountry:
		if st.fits(f, v) {
			rec.Client.Country = st.word(v, plain)
		}
	case fieldNetwork:
		if st.fits(f, v) {
			rec.Client.Network = st.word(v, plain)
		}
	case fieldMethod:
		if st.id(f, v, plain) {
			req.Method = line.String(v)
		}
	case fieldURI:
		req.URI = line.String(v)
		if len(v) > 0 && v[0] >= 'A' && v[0] <= 'Z' {
			if method, uri, ok := requestLine(v); ok {
				req.URI = line.String(uri)
				if req.Method == "" {
					req.Method = line.String(method)
				}
			}
		}
	case fieldRoute:
		req.Route = line.String(v)
	case fieldSource:
		if v != nil && line.String(v) != rec.Source {
			st.fail(f, line.OtherSource)
		}
	case fieldMore:
		st.more = 0
		if v != nil {
			st.more, _ = st.count(f, v)
		}
	case fieldStatus:
		rec.Status = 0
		if v != nil {
			n, ok := line.Status(v)
			if !ok {
				st.fail(f, line.Type)
			}
			rec.Status = n
		}
	case fieldRows:
		rec.Rows = event.RowsUnknown
		if v != nil {
			if n, ok := st.count(f, v); ok {
				rec.Rows = n
			}
		}
	case fieldSubjects:
		if plain || st.check(line.CheckText(string(names[f]), v)) {
			req.List = line.String(v)
		}
	}
}

// requestLine splits "GET /a HTTP/1.1", as nginx has it in $request: method and address
// of a log that does not say them apart.
func requestLine(v []byte) (method, uri []byte, ok bool) {
	method, rest, ok := bytes.Cut(v, []byte(" "))
	end := bytes.LastIndex(rest, []byte(" HTTP/"))
	if !ok || end <= 0 || len(rest)-end > len(" HTTP/1.1") || bytes.ContainsFunc(method, func(r rune) bool { return r < 'A' || r > 'Z' }) {
		return nil, nil, false
	}
	return method, rest[:end], true
}
