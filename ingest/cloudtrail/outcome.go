package cloudtrail

import (
	"bytes"
	"strings"

	"github.com/haetae/haetae/event"
)

// status is the outcome as a number of HTTP: what the service answered is not in
// the event, only the name of its error.
func (ev *call) status() uint16 {
	code := string(ev.error)
	if code == "" {
		if ev.isSignIn() && ev.refused() {
			return 401
		}
		return 200
	}
	// "Client.UnauthorizedOperation", "KMS.NotFoundException"
	code = code[strings.LastIndexByte(code, '.')+1:]
	for _, s := range statuses {
		if strings.Contains(code, s.part) {
			return s.status
		}
	}
	return 400
}

// statuses are tried in this order. What is none of them is 400: not answered.
var statuses = []struct {
	part   string
	status uint16
}{
	{"NotModified", 304},
	{"PreconditionFailed", 412},
	{"AccessDenied", 403}, {"Unauthorized", 403}, {"NotAuthorized", 403}, {"Forbidden", 403}, {"AuthFailure", 403}, {"OptInRequired", 403},
	{"ExpiredToken", 401}, {"InvalidClientTokenId", 401}, {"UnrecognizedClient", 401}, {"SignatureDoesNotMatch", 401}, {"InvalidAccessKeyId", 401}, {"Failed authentication", 401},
	{"NotFound", 404}, {"NoSuch", 404}, {"DoesNotExist", 404},
	{"Throttl", 429}, {"TooManyRequests", 429}, {"SlowDown", 429}, {"RequestLimitExceeded", 429}, {"LimitExceeded", 429},
	{"Unavailable", 503}, {"Internal", 500}, {"ServiceFailure", 500},
}

func (ev *call) isSignIn() bool { return signIns[string(ev.name)] }

// refused: a sign-in has its outcome in a member of its own name.
func (ev *call) refused() bool {
	for _, v := range [][]byte{ev.response, ev.details} {
		if s := member(v, string(ev.name)); len(s) > 0 {
			return !bytes.EqualFold(s, []byte("success"))
		}
	}
	return false
}

// signIns are events of signin.amazonaws.com and sso.amazonaws.com in which somebody
// signs in.
var signIns = map[string]bool{
	"ConsoleLogin": true, "UserAuthentication": true, "CredentialVerification": true, "SwitchRole": true, "Authenticate": true,
}

// issues: a session or key is given out.
func (ev *call) issues() bool { return issues[string(ev.name)] }

var issues = map[string]bool{
	"AssumeRole": true, "AssumeRoleWithSAML": true, "AssumeRoleWithWebIdentity": true, "AssumeRoot": true,
	"GetSessionToken": true, "GetFederationToken": true, "GetSigninToken": true, "GetRoleCredentials": true,
	"CreateAccessKey": true, "GetCredentialsForIdentity": true, "CreateToken": true, "CreateTokenWithIAM": true, "CreateSession": true,
}

// readNames are beginnings of names of calls that read; in the events of early
// versions readOnly is missing.
var readNames = []string{"Get", "List", "Describe", "Head", "BatchGet", "TransactGet", "Query", "Scan", "Select", "Search", "Lookup", "Decrypt", "Download", "Retrieve", "View", "AssumeRole"}

// answers are calls that read though they may do more, or whose event does not say
// readOnly: what comes back is what was asked for.
var answers = map[string]bool{"GetObject": true, "SelectObjectContent": true, "GetSecretValue": true, "Decrypt": true}

func (ev *call) onlyReads() bool {
	if ev.readsSaid {
		return ev.reads
	}
	for _, p := range readNames {
		if bytes.HasPrefix(ev.name, []byte(p)) {
			return true
		}
	}
	return false
}

// does says what was done, as far as the name tells. A statement (ExecuteStatement,
// StartQueryExecution) may read or write.
func (ev *call) does() event.Action {
	switch name := string(ev.name); {
	case ev.isSignIn():
		return event.ActionSignIn
	case ev.issues():
		return event.ActionIssue
	case answers[name] || ev.onlyReads():
		return event.ActionRead
	case hasPrefix(name, "Delete", "Remove", "Terminate", "BatchDelete"):
		return event.ActionDelete
	case hasPrefix(name, "Put", "Update", "Modify", "Set", "Attach", "Detach", "Tag", "Untag", "Enable", "Disable", "Restore", "BatchWrite", "TransactWrite"):
		return event.ActionUpdate
	case hasPrefix(name, "Create", "Copy", "Run", "Upload", "Import"):
		return event.ActionCreate
	}
	return event.ActionOther
}

func hasPrefix(s string, prefixes ...string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}
