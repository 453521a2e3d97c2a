package cloudtrail

import (
	"bytes"

	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ingest/element"
	"github.com/haetae/haetae/ingest/line"
)

// identity is userIdentity. Which of its fields are there depends on its type:
//
//	IAMUser             arn, userName, accessKeyId
//	AssumedRole         arn with the session's name, accessKeyId; the role in sessionIssuer.
//	                    Of a role that Identity Center made (AWSReservedSSO_…) a person
//	                    stands behind it: it is recorded as IdentityCenterUser
//	FederatedUser       arn, accessKeyId; who asked for it in sessionIssuer
//	Root                arn
//	SAMLUser            principalId, userName
//	WebIdentityUser     principalId, userName: the user's id at the provider
//	IdentityCenterUser  onBehalfOf.userId, credentialId
//	AWSAccount          principalId, accountId: somebody of another account
//	AWSService          invokedBy
//	Role, Directory, Unknown, …  what is there
type identity struct {
	kind, arn, principal, user, account, key, invoked []byte
	issuer, behalf, credential                        []byte
}

// read gives the field whose value is of the wrong type, or "".
func (w *identity) read(v []byte) (wrong string) {
	o := element.Members(v)
	for name, v, ok := o.Next(); ok; name, v, ok = o.Next() {
		if string(v) == "null" {
			continue
		}
		var into *[]byte
		switch string(name) {
		case "type":
			into = &w.kind
		case "arn":
			into = &w.arn
		case "principalId":
			into = &w.principal
		case "userName":
			into = &w.user
		case "accountId":
			into = &w.account
		case "accessKeyId":
			into = &w.key
		case "invokedBy":
			into = &w.invoked
		case "credentialId":
			into = &w.credential
		case "onBehalfOf":
			w.behalf = member(v, "userId")
			continue
		case "sessionContext":
			w.issuer = member(memberOf(v, "sessionIssuer"), "arn")
			continue
		default:
			continue
		}
		s, ok := element.Text(v)
		if !ok {
			return "userIdentity." + string(name)
		}
		*into = s
	}
	if o.Bad() {
		return "userIdentity"
	}
	return ""
}

// memberOf gives a member of an object as it is written, or nil.
func memberOf(v []byte, key string) []byte {
	if len(v) == 0 {
		return nil
	}
	var out []byte
	o := element.Members(v)
	for name, v, ok := o.Next(); ok; name, v, ok = o.Next() {
		if string(name) == key {
			out = v
		}
	}
	return out
}

// member gives a text that is a member of an object, or nil.
func member(v []byte, key string) []byte {
	s, ok := element.Text(memberOf(v, key))
	if !ok || isHidden(s) {
		return nil
	}
	return s
}

// isHidden knows what AWS writes instead of a value: of a user name that does not
// exist, since it may be a password, and of statements.
func isHidden(s []byte) bool {
	return bytes.HasPrefix(s, []byte("HIDDEN_DUE_TO_SECURITY_REASONS")) || len(s) > 0 && len(bytes.Trim(s, "*")) == 0
}

// actor is who it was; nil where the event does not say. An arn may be longer than
// an id can be: a path of 512 characters may stand in it.
func (w *identity) actor() []byte {
	order := [][]byte{w.arn, w.behalf, w.principal, w.user, w.invoked}
	switch string(w.kind) {
	case "WebIdentityUser":
		// What the provider calls the user may be the account of a member.
		order = [][]byte{w.user, w.principal}
	case "AWSAccount":
		order = append(order, w.account)
	case "AWSService":
		order = [][]byte{w.invoked, w.arn, w.principal}
	}
	for _, s := range order {
		if !line.Absent(s) && !isHidden(s) && len(s) <= line.MaxID {
			return s
		}
	}
	return nil
}

// credential fills in who called, and with what.
func (d *Decoder) credential(rec *event.Record) *line.Error {
	ev := &d.ev
	w := &ev.who
	actor := w.actor()
	if line.Usable(actor) {
		return &line.Error{Field: "userIdentity", Cause: line.Bearer}
	}
	if err := line.CheckID("userIdentity", actor); err != nil {
		return err
	}
	rec.Actor = event.Actor{ID: event.ActorID(line.String(actor))}
	rec.Actor.Type, _ = line.Clean(w.kind, line.MaxID)
	if rec.Actor.Type == "AssumedRole" && bytes.Contains(w.issuer, []byte("/AWSReservedSSO_")) {
		rec.Actor.Type = "IdentityCenterUser"
	}

	key, token := w.key, w.credential
	if isSession(w.key) {
		key, token = w.issuer, w.key
	} else if len(key) == 0 {
		key = w.issuer
	}
	if ev.issues() {
		if issued := ev.issued(); len(issued) > 0 {
			token = issued
		}
	}
	for _, s := range [][]byte{key, token} {
		if err := line.CheckToken("accessKeyId", s); err != nil && (err.Cause == line.Bearer || len(s) <= line.MaxID) {
			return err
		}
	}
	if len(key) <= line.MaxID {
		rec.Credential.Key = line.String(key)
	}
	if len(token) <= line.MaxID {
		rec.Credential.Token = event.TokenID(line.String(token))
	}
	return nil
}

// isSession: the ids of keys that end with their session begin so.
func isSession(key []byte) bool { return bytes.HasPrefix(key, []byte("ASIA")) }

// issued is the id of the session that an answer gave out. Beside it stands what
// makes it usable, which is not looked at.
func (ev *call) issued() []byte {
	if len(ev.error) > 0 {
		return nil
	}
	for _, holder := range [...]string{"credentials", "accessKey", "roleCredentials"} {
		if id := member(memberOf(ev.response, holder), "accessKeyId"); isSession(id) {
			return id
		}
	}
	return nil
}
