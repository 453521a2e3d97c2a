package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/haetae/haetae/event"
)

// Check measures how much of a log a catalog explains. Add every record of the
// log after Fill, then ask for the Result. A Check belongs to one goroutine;
// Merge unites those of several.
type Check struct {
	c        *Catalog
	records  int64
	reader   int64
	address  int64
	mapped   int64
	personal int64 // on a route with items
	answered int64 // of those, with a status that counts as answered
	named    int64 // of those, with at least one account
	rows     int64 // of the answered ones without an account, the rows they said they returned
	shapes   map[string]*shapeCount
	others   int64 // unmapped records whose shape was one too many

	lastRoute   string
	lastMapped  bool
	lastMeaning Meaning
}

type shapeCount struct {
	records, answered, withAccount, listed int64
}

// maxCheckShapes bounds the memory a flood of made-up paths can take.
const maxCheckShapes = 20_000

// NewCheck begins a measurement under a catalog.
func NewCheck(c *Catalog) *Check {
	return &Check{c: c, shapes: make(map[string]*shapeCount)}
}

// Add counts one record.
func (k *Check) Add(rec *event.Record) {
	k.records++
	if rec.Actor.ID != "" {
		k.reader++
	}
	if rec.Client.IP.IsValid() {
		k.address++
	}
	if rec.Mapped {
		k.mapped++
		if rec.Route != k.lastRoute || rec.Mapped != k.lastMapped || rec.Time < k.lastMeaning.From || rec.Time >= k.lastMeaning.Until {
			k.lastRoute, k.lastMapped = strings.Clone(rec.Route), rec.Mapped
			k.lastMeaning = k.c.Meaning(k.lastRoute, true, rec.Time)
		}
		if m := &k.lastMeaning; m.Personal {
			k.personal++
			if m.Success.Contains(rec.Status) {
				k.answered++
				if len(rec.Subjects) > 0 {
					k.named++
				} else if rec.Rows > 0 {
					k.rows += int64(rec.Rows)
				}
			}
		}
		return
	}
	n := k.shapes[rec.Route]
	if n == nil {
		if len(k.shapes) >= maxCheckShapes {
			k.others++
			return
		}
		n = new(shapeCount)
		k.shapes[strings.Clone(rec.Route)] = n
	}
	n.records++
	success := defaultSuccess()
	if success.Contains(rec.Status) {
		n.answered++
	}
	if rec.Lifted != "" || len(rec.Subjects) > 0 {
		n.withAccount++
	}
	if len(rec.Subjects) > 0 {
		n.listed++
	}
}

// Merge adds what another Check of the same catalog counted.
func (k *Check) Merge(o *Check) {
	k.records += o.records
	k.reader += o.reader
	k.address += o.address
	k.mapped += o.mapped
	k.personal += o.personal
	k.answered += o.answered
	k.named += o.named
	k.rows += o.rows
	k.others += o.others
	for s, m := range o.shapes {
		n := k.shapes[s]
		if n == nil {
			if len(k.shapes) >= maxCheckShapes {
				k.others += m.records
				continue
			}
			n = new(shapeCount)
			k.shapes[s] = n
		}
		n.records += m.records
		n.answered += m.answered
		n.withAccount += m.withAccount
		n.listed += m.listed
	}
}

// Share is one number of a Result: so many of so many.
type Share struct {
	Name     string `json:"name"`
	Resolved int64  `json:"resolved"`
	Of       int64  `json:"of"`
	Text     Text   `json:"text"`
}

// CheckResult is what catalog check prints.
type CheckResult struct {
	Records int64 `json:"records"`
	// Shares in the order reader, address, route, item, account.
	Shares []Share `json:"shares"`
	// UnnamedRows is how many rows the answers said they returned that name no
	// account.
	UnnamedRows int64 `json:"unnamed_rows"`
	// Unmapped lists the shapes no route describes, those that look most like
	// personal data first.
	Unmapped []UnmappedShape `json:"unmapped"`
	// Uncounted is how many unmapped records were left out of the list because
	// there were more than 20,000 shapes.
	Uncounted int64 `json:"uncounted,omitempty"`
}

// UnmappedShape is one path no route describes.
type UnmappedShape struct {
	Shape    string `json:"shape"`
	Records  int64  `json:"records"`
	Answered int64  `json:"answered"` // with a 2xx status, or none given
	Accounts int64  `json:"accounts"` // records whose path or list held an account
	// Suspect: it looks like personal data and was answered.
	Suspect bool     `json:"suspect"`
	Words   []string `json:"words,omitempty"` // why
	// Like names the route it would be if only the case of letters were other.
	Like string `json:"like,omitempty"`
	// Template is a beginning for the catalog, and Account where the account may
	// stand in it; TODO where nothing shows it.
	Template string `json:"template"`
	Account  string `json:"account"`
}

// todo stands in a suggestion for what only a person can say. A catalog that
// still holds it is refused: a page that was copied from a list and not looked
// at would count as one without personal data.
const todo = "TODO"

// Entry is the suggestion as a line of the catalog's routes.
func (u *UnmappedShape) Entry() string {
	if kind, _, ok := usesOf(u.Template); ok && kind == Table {
		return fmt.Sprintf("- {route: %q, columns: {%s: [%s]}, items: [%s], account: %s}", u.Template, todo, todo, todo, u.Account)
	}
	return fmt.Sprintf("- {route: %q, items: [%s], account: %s}", u.Template, todo, u.Account)
}

// Entries are the suggestions for shapes that one catalog can hold: where several
// shapes are one template, as /users/{account} and /users/{word} are, the first.
func Entries(shapes []UnmappedShape) []string {
	var out []string
	seen := map[string]bool{}
	for i := range shapes {
		if key := liftNames(shapes[i].Template); !seen[key] {
			seen[key] = true
			out = append(out, shapes[i].Entry())
		}
	}
	return out
}

// Result sums up what was added.
func (k *Check) Result() CheckResult {
	res := CheckResult{
		Records: k.records, UnnamedRows: k.rows, Uncounted: k.others,
		Shares: []Share{
			{"reader", k.reader, k.records, Text{"접속자가 확인되는 기록", "records that say who read"}},
			{"address", k.address, k.records, Text{"접속지(IP 주소)가 확인되는 기록", "records that say from which address"}},
			{"route", k.mapped, k.records, Text{"카탈로그에 있는 경로로 확인되는 기록", "records on a route of the catalog"}},
			{"item", k.personal, k.records, Text{"개인정보 항목이 있는 경로의 기록", "records on a route that carries items"}},
			{"account", k.named, k.answered, Text{"응답한 개인정보 조회 중 계정이 확인되는 기록", "answered reads of items that name an account"}},
		},
	}
	folded := make(map[string]string)
	for _, r := range k.c.routes {
		folded[strings.ToLower(liftNames(r.Name))] = r.Name
	}
	for s, n := range k.shapes {
		if uses, ok := readUses(s); ok {
			res.Unmapped = append(res.Unmapped, k.unmappedTable(s, uses, n))
			continue
		}
		u := UnmappedShape{Shape: s, Records: n.records, Answered: n.answered, Accounts: n.withAccount,
			Words: personalWords(s), Like: folded[strings.ToLower(liftNames(s))]}
		u.Template, u.Account = suggest(s)
		if n.listed > 0 {
			u.Account = "list"
		}
		u.Suspect = u.Answered > 0 && (len(u.Words) > 0 || u.Accounts > 0 || u.Like != "")
		res.Unmapped = append(res.Unmapped, u)
	}
	slices.SortFunc(res.Unmapped, func(a, b UnmappedShape) int {
		if a.Suspect != b.Suspect {
			if a.Suspect {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(b.weight(), a.weight()), cmp.Compare(b.Records, a.Records), cmp.Compare(a.Shape, b.Shape))
	})
	return res
}

// unmappedTable is a statement of which the catalog does not describe a table: the
// first of those it names.
func (k *Check) unmappedTable(shape string, uses []storedUse, n *shapeCount) UnmappedShape {
	u := UnmappedShape{Shape: shape, Records: n.records, Answered: n.answered, Account: "column." + todo}
	for _, use := range uses {
		if u.Template != "" || k.c.byName[methods[use.kind]+" "+use.name] != nil {
			continue
		}
		// What the statement did not say, or a word that is not kept, is for a person.
		parts := strings.Split(use.name, ".")
		for i, p := range parts {
			if p == liftedID || p == liftedWord {
				parts[i] = todo
			}
		}
		u.Template = methods[use.kind] + " " + strings.Join(parts, ".")
		if use.kind != Table { // whatever it is called, it may read anything
			u.Account, u.Suspect = argument+todo, u.Answered > 0
		}
		for _, word := range append(parts, use.columns...) {
			for _, w := range personalWords(tableMethod + " " + word) {
				if !slices.Contains(u.Words, w) {
					u.Words = append(u.Words, w)
				}
			}
		}
	}
	u.Suspect = u.Suspect || u.Answered > 0 && len(u.Words) > 0
	return u
}

// weight ranks by answered requests; an account in the line counts most, since
// then the request is about somebody for certain.
func (u *UnmappedShape) weight() int64 {
	return u.Answered*int64(1+len(u.Words)) + 4*min(u.Accounts, u.Answered)
}

// liftNames makes a shape or template comparable: every {…} becomes {}.
func liftNames(s string) string {
	parts := strings.Split(s, "/")
	for i, p := range parts {
		if len(p) >= 2 && p[0] == '{' && p[len(p)-1] == '}' {
			parts[i] = liftedID
		}
	}
	return strings.Join(parts, "/")
}

// suggest turns a shape into a template to start from, and says where the account
// may stand: an id of its form, or else what stands behind a word for people.
func suggest(shape string) (template, account string) {
	parts := strings.Split(shape, "/")
	n := 0
	found := false
	behind := ""
	for i, p := range parts {
		switch {
		case p == liftedAccount && !found:
			found = true
			account = "path.account"
		case p == liftedAccount || p == liftedID || p == liftedWord:
			n++
			name := "id" + string(appendInt(nil, int64(n)))
			parts[i] = "{" + name + "}"
			if behind == "" && i > 0 && parts[i-1] != "" && isPeopleWord(parts[i-1]) {
				behind = "path." + name
			}
		case p == shapeRest:
			parts[i] = "*"
		}
	}
	return strings.Join(parts, "/"), cmp.Or(account, behind, todo)
}

// suspectWords are words of paths that mean somebody's data, in the two
// languages APIs here are written in, romanised Korean included. A segment
// counts when one of its parts (split at - _ . and capitals) is one of them.
var suspectWords = wordSet(`user users member members customer customers client clients account accounts profile profiles
	person persons people patient patients employee employees staff buyer buyers seller sellers subscriber subscribers
	me my mypage self address addresses addr shipping delivery deliveries shipment shipments recipient recipients
	order orders purchase purchases invoice invoices receipt receipts payment payments card cards bank billing refund refunds
	phone phones mobile tel contact contacts email emails mail name names birth birthday birthdate ssn rrn passport license
	identity kyc ci di medical diagnosis prescription location locations gps face biometric fingerprint
	doorcode door entrance password passwords pin token tokens session sessions message messages chat inquiry inquiries
	coupon coupons point points wishlist cart history export download backup dump excel csv
	hoewon gogaek jumun juso baesong`)

var suspectKorean = []string{"회원", "고객", "주문", "주소", "배송", "연락처", "전화", "이름", "성명", "생년", "결제", "카드",
	"계좌", "마이페이지", "내정보", "프로필", "주민", "여권", "진료", "환자", "직원", "임직원", "예약", "문의"}

// personalWords gives the words of a shape that look like personal data.
func personalWords(shape string) []string {
	_, path, _ := strings.Cut(shape, " ")
	var out []string
	add := func(w string) {
		if !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	for _, seg := range strings.Split(path, "/") {
		// A picture called me.png is nobody's data.
		if seg == liftedID || seg == liftedWord || seg == liftedAccount || knownFiles[seg] || fileEndings[seg[strings.LastIndexByte(seg, '.')+1:]] {
			continue
		}
		for _, w := range suspectKorean {
			if strings.Contains(seg, w) {
				add(w)
			}
		}
		for _, w := range wordParts(seg) {
			if suspectWords[w] {
				add(w)
			}
		}
	}
	return out
}

// wordParts splits "memberAddress_list" into member, address, list.
func wordParts(s string) []string {
	var out []string
	start := 0
	flush := func(i int) {
		if i > start {
			out = append(out, strings.ToLower(s[start:i]))
		}
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case !isLetter(c):
			flush(i)
			start = i + 1
		case c < 'a' && i > start && isLower(s[i-1]):
			flush(i)
			start = i
		}
	}
	flush(len(s))
	return out
}
