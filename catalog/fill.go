package catalog

import (
	"strings"

	"github.com/haetae/haetae/event"
)

// Request is what a decoder found in a line that only the catalog can read.
// Its strings may point into the decoder's buffer.
type Request struct {
	Method string
	URI    string // as the client sent it, with its query

	// Route is the template, where an application logs it itself instead of
	// the URI ("GET /members/{member}"). Used only when URI is empty.
	Route string

	// List is the raw value of the source's subjects field: accounts with the
	// source's separator between them.
	List string

	// Subjects is the same, where the source gives it as a list.
	Subjects []event.AccountID

	// Words is how many segments at the beginning of the path are names of an
	// interface and nobody's: shapes keep them.
	Words int

	// Does is what the log itself says was done, if Says. The catalog's word comes
	// before it, and it comes before the method.
	Does event.Action
	Says bool

	// Tables are what a statement of a database touches, instead of a URI, and Loose
	// the columns of which it does not say whose they are. Folds: the database takes
	// M42 for m42, and 42x for 42.
	Tables []TableUse
	Loose  []LooseColumn
	Folds  bool

	// Lost says what stood in the line and could not be kept.
	Lost Lost
}

// Lost is what a decoder could not keep of a line that became a record. The
// record is not set aside for it, since then an access would be missing; it is
// counted, since then a statutory field is.
type Lost uint8

const (
	// LostAddress: an address stood there, and it cannot be read.
	LostAddress Lost = 1 << iota
	// LostText: a free text was cut, or held what must not reach a terminal.
	LostText
)

// scratch is what Fill needs while it works.
type scratch struct {
	res    Resolution
	shape  []byte
	shapes map[string]string // shapes made lately, so that each is one string
	seen   map[event.AccountID]bool
}

// maxScratchShapes bounds the shapes remembered between records.
const maxScratchShapes = 4096

// Fill completes a record from its request: Route, Mapped, Action, Subjects,
// Position, Lifted, Edition, the source's constants, and the actor type of
// members. The record's Time, Source and Actor must be set before. Subjects
// that do not fit the account pattern are left in, for the ledger to count as
// malformed; what is put into Subjects and Lifted either points into the
// request or is a string of its own.
func (c *Catalog) Fill(rec *event.Record, req Request) {
	s, _ := c.pool.Get().(*scratch)
	if s == nil {
		s = &scratch{shapes: make(map[string]string)}
	}
	c.fill(rec, &req, s)
	// What is pooled must not hold on to the decoder's buffer.
	s.res.parts.src, s.res.parts.query = "", ""
	c.pool.Put(s)
}

func (c *Catalog) fill(rec *event.Record, req *Request, s *scratch) {
	separator := ","
	if src, ok := c.Source(rec.Source); ok {
		src.setConstants(rec, req)
		separator = src.Separator
		if word, ok := src.ActorTypes[rec.Actor.Type]; ok {
			rec.Actor.Type = word
		}
		if word, ok := src.Actors[string(rec.Actor.ID)]; ok {
			rec.Actor.Type = word
		}
	}
	if rec.Actor.Type != event.Member && c.IsMember(rec.Actor.Type) {
		rec.Actor.Type = event.Member
	}
	rec.Edition = c.Edition
	rec.Subjects, rec.Position, rec.Lifted = rec.Subjects[:0], event.PositionNone, ""

	if len(req.Tables) > 0 {
		c.fillTables(rec, req, s)
		return
	}
	res := &s.res
	res.words = req.Words
	if req.URI == "" && req.Route != "" {
		c.resolveRoute(req.Route, res)
	} else {
		c.Resolve(req.Method, req.URI, res)
	}
	var answer *Answer
	if res.route != nil {
		answer = res.route.answer(rec.Time)
	}
	if answer == nil {
		c.fillUnmapped(rec, req, separator, s)
		return
	}
	rec.Mapped, rec.Route, rec.Action = true, res.Route, answer.Action
	if res.bodiless || !answer.acts {
		rec.Action = req.action(res)
	}
	switch answer.Position {
	case event.PositionActor:
		if rec.Actor.Type == event.Member && rec.Actor.ID != "" {
			rec.Subjects = append(rec.Subjects, event.AccountID(rec.Actor.ID))
		}
	case event.PositionPath:
		if res.parts.count > answer.segment && !res.parts.segments[answer.segment].lifted {
			rec.Subjects = append(rec.Subjects, event.AccountID(res.parts.kept(answer.segment)))
		} else { // the line gave the template instead of the path
			s.addListed(rec, req, separator)
		}
	case event.PositionQuery:
		eachParam(res.parts.query, answer.Name, func(v string) {
			s.addList(rec, v, answer.Separator)
		})
		if res.parts.template {
			s.addListed(rec, req, separator)
		}
	case event.PositionList:
		s.addListed(rec, req, separator)
	}
	s.finish(rec)
	if len(rec.Subjects) > 0 {
		rec.Position = answer.Position
	}
}

// fillUnmapped keeps what the line itself says: the accounts it lists, and
// where it lists none, an id in the path that fits the account pattern.
func (c *Catalog) fillUnmapped(rec *event.Record, req *Request, separator string, s *scratch) {
	res := &s.res
	rec.Mapped = false
	rec.Action = req.action(res)
	shape, account := c.appendShape(s.shape[:0], res)
	s.shape = shape
	route, ok := s.shapes[string(shape)]
	if !ok {
		if len(s.shapes) >= maxScratchShapes {
			clear(s.shapes)
		}
		route = string(shape)
		s.shapes[route] = route
	}
	rec.Route = route
	s.addListed(rec, req, separator)
	s.finish(rec)
	if len(rec.Subjects) > 0 {
		rec.Position = event.PositionList
	} else if account >= 0 {
		rec.Lifted = event.AccountID(res.parts.kept(account))
	}
}

// action is what was done, as far as the catalog does not say it.
func (req *Request) action(res *Resolution) event.Action {
	if req.Says {
		return req.Does
	}
	return event.ActionOfMethod(methodNames[res.method])
}

// resolveRoute resolves a template that an application logged itself.
func (c *Catalog) resolveRoute(route string, out *Resolution) {
	name, path, _ := strings.Cut(route, " ")
	out.method = methodOf(name)
	out.parts.cutStored(path)
	out.parts.template = true
	if r := c.byName[route]; r != nil {
		out.Mapped, out.Route, out.route, out.bodiless = true, r.Name, r, false
		if r.method < methodCount {
			out.method = r.method
		}
		return
	}
	c.lookUp(out)
}

func (s *scratch) addListed(rec *event.Record, req *Request, separator string) {
	rec.Subjects = append(rec.Subjects, req.Subjects...)
	s.addList(rec, req.List, separator)
}

// addList adds the accounts of a separated list. "-" is how some servers write
// an empty field.
func (s *scratch) addList(rec *event.Record, list, separator string) {
	for list != "" {
		one := list
		if separator == "" {
			list = ""
		} else {
			one, list, _ = strings.Cut(list, separator)
		}
		if one = strings.TrimSpace(one); one != "" && one != "-" {
			rec.Subjects = append(rec.Subjects, event.AccountID(one))
		}
	}
}

// finish takes out repeats, keeping the first of each.
func (s *scratch) finish(rec *event.Record) {
	ids := rec.Subjects
	if len(ids) < 2 {
		return
	}
	kept := ids[:1]
	if len(ids) <= 12 { // comparing is cheaper than hashing
	next:
		for _, id := range ids[1:] {
			for _, k := range kept {
				if k == id {
					continue next
				}
			}
			kept = append(kept, id)
		}
		rec.Subjects = kept
		return
	}
	if s.seen == nil {
		s.seen = make(map[event.AccountID]bool)
	}
	s.seen[ids[0]] = true
	for _, id := range ids[1:] {
		if !s.seen[id] {
			s.seen[id] = true
			kept = append(kept, id)
		}
	}
	if len(s.seen) > 4096 {
		s.seen = nil // one long list must not make every later clear slow
	} else {
		clear(s.seen) // its keys point into the decoder's buffer
	}
	rec.Subjects = kept
}

// setConstants puts the source's constants where the line says nothing itself.
func (src *Source) setConstants(rec *event.Record, req *Request) {
	for i := range src.constants {
		v := src.constants[i].value
		switch src.constants[i].field {
		case FieldActorType:
			if rec.Actor.Type == "" {
				rec.Actor.Type = v
			}
		case FieldKey:
			if rec.Credential.Key == "" {
				rec.Credential.Key = v
			}
		case FieldAgent:
			if rec.Client.Agent == "" {
				rec.Client.Agent = v
			}
		case FieldCountry:
			if rec.Client.Country == "" {
				rec.Client.Country = v
			}
		case FieldNetwork:
			if rec.Client.Network == "" {
				rec.Client.Network = v
			}
		case FieldMethod:
			if req.Method == "" {
				req.Method = v
			}
		}
	}
}
