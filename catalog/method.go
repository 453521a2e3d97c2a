package catalog

import "strings"

// method is a small number for an HTTP method, so that each has its own trie.
type method uint8

const (
	methodOther method = iota // anything not in methodNames
	methodGet
	methodHead
	methodPost
	methodPut
	methodPatch
	methodDelete
	methodOptions
	methodTrace
	methodConnect
	methodPropfind
	methodReport
	methodSearch
	methodQuery
	methodCount
	methodAny // only in templates: every method that has no template of its own
)

var methodNames = [methodCount]string{
	"OTHER", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS",
	"TRACE", "CONNECT", "PROPFIND", "REPORT", "SEARCH", "QUERY",
}

// methodOf never allocates. A method in lower case is what some applications
// write into their own logs; garbage (a TLS greeting on a plain port) is
// methodOther, so that it cannot make up any number of routes.
func methodOf(s string) method {
	switch s {
	case "GET":
		return methodGet
	case "POST":
		return methodPost
	}
	for m := methodGet; m < methodCount; m++ {
		if len(s) == len(methodNames[m]) && strings.EqualFold(s, methodNames[m]) {
			return m
		}
	}
	return methodOther
}
