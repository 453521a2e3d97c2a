package catalog

import (
	"strings"

	"github.com/haetae/haetae/event"
)

// The shape of a path no template describes: its words, with ids lifted out.
//
//	/api/v2/users/m1000001/cards/77  →  /api/v2/users/{account}/cards/{}
//
// {account} is an id that fits the catalog's account pattern; the first of them is kept beside the record (as a pseudonym), so that the route can be
// mapped later without the raw log. {} is anything else that may be an id. A
// path is personal data until shown otherwise, so a segment stays only when it
// looks like a word; what is lifted in error merely stays unmapped until it is
// decoded again.
const (
	liftedID      = "{}"
	liftedAccount = "{account}"
	shapeRest     = "…" // the path went on
)

// Bounds of a shape: what a real API needs, and so little that a scanner's
// flood cannot fill the table of shapes with long ones.
const (
	maxShapeDepth = 12
	maxShapeBytes = 200
	maxWord       = 40
)

// Shape gives the shape of a request under a catalog without any template, for
// looking at a log before there is a catalog.
func Shape(methodName, uri string) string {
	var r Resolution
	r.parts.cut(uri)
	r.method = methodOf(methodName)
	b, _ := (*Catalog)(nil).appendShape(nil, &r)
	return string(b)
}

// Shape gives the shape of a request and the account lifted out of it, if any.
func (c *Catalog) Shape(methodName, uri string) (string, event.AccountID) {
	var r Resolution
	r.parts.cut(uri)
	r.method = methodOf(methodName)
	b, i := c.appendShape(nil, &r)
	if i < 0 {
		return string(b), ""
	}
	return string(b), event.AccountID(r.parts.kept(i))
}

// appendShape also returns the number of the segment that holds the account,
// or -1. Without an account pattern nothing can be told to be an account.
func (c *Catalog) appendShape(dst []byte, r *Resolution) ([]byte, int) {
	p := &r.parts
	account := -1
	start := len(dst)
	dst = append(dst, methodNames[r.method]...)
	dst = append(dst, ' ')
	if p.count == 0 && !p.deeper {
		return append(dst, '/'), account
	}
	before := ""
	for i := range p.count {
		s := p.text(i)
		keep := !p.segments[i].lifted && (c != nil && c.words[s] ||
			isPlainWord(s) && !(namesPeople[strings.ToLower(before)] && !afterPeople[strings.ToLower(s)]))
		fits := !keep && c != nil && c.pattern != nil && len(s) <= maxIDBytes && c.pattern.match(s)
		if fits && account < 0 {
			account = i
		}
		if i == maxShapeDepth || len(dst)-start > maxShapeBytes-maxWord {
			return append(append(dst, '/'), shapeRest...), account
		}
		dst = append(dst, '/')
		switch {
		case keep:
			dst = append(dst, s...)
		case fits:
			dst = append(dst, liftedAccount...)
		default:
			dst = append(dst, liftedID...)
		}
		before = s
	}
	if p.deeper {
		dst = append(append(dst, '/'), shapeRest...)
	}
	return dst, account
}

// maxIDBytes is the longest id taken for an account.
const maxIDBytes = 256

// isPlainWord reports whether a segment looks like a word of the API and not
// like an id, a name or a token.
func isPlainWord(s string) bool {
	if s == "" || len(s) > maxWord {
		return false
	}
	if wordsWithDigits[s] {
		return true
	}
	if s[0] == 'v' && len(s) <= 6 && strings.Trim(s[1:], "0123456789.") == "" && len(s) > 1 {
		return true // v2, v1.1
	}
	hex, switches, run := true, 0, 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case isLower(c), c >= 'A' && c <= 'Z':
			run++
			if i > 0 && isLower(s[i-1]) != isLower(c) && isLetter(s[i-1]) {
				switches++
			}
			if c|0x20 > 'f' {
				hex = false
			}
		case c == '-', c == '_', c == '.', c == '~', c == '$', c == ':':
			hex = hex && c != '.' && c != '$' && c != ':'
			run = 0
		default: // a digit, an escape, @, a letter of another script
			return koreanWords[s]
		}
		if run > 24 {
			return false // longer than any word of an API: a token
		}
	}
	if hex && len(s) >= 8 {
		return false
	}
	// camelCase switches twice a word; base64 switches nearly every letter.
	return switches <= 8 && (switches < 5 || switches*3 <= len(s))
}

func isLetter(c byte) bool { return isLower(c|0x20) && c|0x20 >= 'a' }

func wordSet(s string) map[string]bool {
	m := make(map[string]bool)
	for _, w := range strings.Fields(s) {
		m[w] = true
	}
	return m
}

// What stands behind one of these is somebody's name or id …
var namesPeople = wordSet(`user users member members customer customers account accounts people person persons
	patient patients employee employees profiles client clients subscriber subscribers author authors u`)

// … unless it is one of these.
var afterPeople = wordSet(`me my self current all list search find filter query new create add edit update delete
	remove count export import download upload login logout signin signout sign-in sign-out sign-up signup register
	join verify check auth token tokens session sessions password passwords reset settings setting preferences
	profile profiles address addresses order orders card cards payment payments point points coupon coupons
	email emails phone phones info detail details summary history status activity avatar photo image images
	index api admin batch bulk groups roles permissions withdraw recover activate lock unlock`)

// Words of APIs that hold a digit and are no ids.
var wordsWithDigits = wordSet(`oauth2 oauth1 s3 ec2 b2b b2c p2p h2 web3 mp3 mp4 utf8 utf-8 base64 sha1 sha256 md5
	i18n l10n k8s 2fa mfa2 3ds 3ds2 step1 step2 step3 api2 api3 auth0 log4j phase1 phase2 level1 level2 x509 ipv4 ipv6 http2 oidc2`)

// Korean segments stay only when they are known to be words: anything else in
// Hangul may be a name.
var koreanWords = wordSet(`회원 회원정보 회원목록 고객 고객정보 주문 주문내역 주문목록 배송 배송지 배송조회 주소 주소록 연락처
	결제 마이페이지 내정보 프로필 검색 목록 상세 관리자 관리 상품 장바구니 로그인 로그아웃 쿠폰 포인트 문의 공지사항`)
