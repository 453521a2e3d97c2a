package keycloak

import "bytes"

// said is what an event says, as far as it is looked at.
type said struct {
	kind, operation, resource         []byte
	realmName, realmID, user, address []byte
	token, session, code, failure     []byte
}

// realm is what it is called, or else its id.
func (e *said) realm() []byte {
	if len(e.realmName) > 0 {
		return e.realmName
	}
	return e.realmID
}

// place is where the value of a key belongs; nil for one that is not looked at.
func (e *said) place(key []byte) *[]byte {
	switch string(key) {
	case "type":
		return &e.kind
	case "operationType":
		return &e.operation
	case "resourcePath":
		return &e.resource
	case "realmName":
		return &e.realmName
	case "realmId":
		return &e.realmID
	case "userId":
		return &e.user
	case "ipAddress":
		return &e.address
	case "token_id":
		return &e.token
	case "sessionId":
		return &e.session
	case "code_id":
		return &e.code
	case "error":
		return &e.failure
	}
	return nil
}

// read reads the keys and values of a message. It is false for what does not begin as
// an event, or has no realm: a text that was cut off before it says whose.
func (e *said) read(s []byte) bool {
	if !bytes.HasPrefix(s, []byte("type=")) && !bytes.HasPrefix(s, []byte("operationType=")) {
		return false
	}
	seen := make(map[*[]byte]bool, 12)
	for len(s) > 0 {
		pair := bytes.IndexAny(s, "=,")
		if pair < 0 {
			break
		}
		if s[pair] == ',' { // a piece of a value that is not quoted
			s = bytes.TrimLeft(s[pair+1:], " ")
			continue
		}
		key := s[:pair]
		var value []byte
		var closed bool
		if value, s, closed = valueOf(s[pair+1:]); !closed {
			return false
		}
		if into := e.place(key); into != nil && !seen[into] {
			seen[into] = true
			if string(value) != "null" {
				*into = value
			}
		}
	}
	return (isName(e.kind) || len(e.kind) == 0 && isName(e.operation)) && len(e.realm()) > 0
}

// valueOf reads a value and gives what stands behind it. Newer releases put it in
// quotes, with a backslash before a quote in it; older ones in single quotes, and only
// if it holds a blank.
func valueOf(s []byte) (value, rest []byte, closed bool) {
	next := func(s []byte) []byte { return bytes.TrimPrefix(s, []byte(", ")) }
	if len(s) > 0 && s[0] == '"' {
		for i := 1; i < len(s); i++ {
			switch s[i] {
			case '\\':
				i++
			case '"':
				return s[1:i], next(s[i+1:]), true
			}
		}
		return nil, nil, false
	}
	if len(s) > 0 && s[0] == '\'' {
		if i := bytes.Index(s[1:], []byte("', ")); i >= 0 {
			return s[1 : 1+i], s[1+i+3:], true
		}
		if n := len(s); n > 1 && s[n-1] == '\'' {
			return s[1 : n-1], nil, true
		}
		return nil, nil, false
	}
	if i := bytes.Index(s, []byte(", ")); i >= 0 {
		return s[:i], s[i+2:], true
	}
	return s, nil, true
}

// isName holds for the name of a kind of event.
func isName(s []byte) bool {
	if len(s) == 0 || len(s) > 64 {
		return false
	}
	for _, c := range s {
		if !(c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_') {
			return false
		}
	}
	return true
}
