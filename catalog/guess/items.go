package guess

import (
	"slices"
	"strings"

	"github.com/haetae/haetae/catalog"
)

// item is a kind of personal data that drafts propose.
type item struct{ name, line string }

// items in the order in which a draft lists them. The first four stand in every
// draft: hardly a service has none of them.
var items = []item{
	{"name", "{ko: 성명, en: name, class: ordinary}"},
	{"email", "{ko: 전자우편주소, en: e-mail address, class: contact}"},
	{"phone", "{ko: 휴대전화번호, en: phone number, class: contact}"},
	{"address", "{ko: 주소, en: address, class: contact}"},
	{"birth_date", "{ko: 생년월일, en: date of birth, class: ordinary}"},
	{"door_code", "{ko: 공동현관 비밀번호, en: door code, class: authentication_secret}"},
	{"orders", "{ko: 주문내역, en: order history, class: behaviour}"},
	{"location", "{ko: 위치정보, en: location, class: behaviour}"},
	{"messages", "{ko: 상담·문의 내용, en: messages, class: ordinary}"},
	{"card_number", "{ko: 카드번호, en: card number, class: financial}"},
	{"bank_account", "{ko: 계좌번호, en: bank account number, class: financial}"},
	{"health", "{ko: 건강정보, en: health information, class: sensitive}"},
	{"resident_number", "{ko: 주민등록번호, en: resident registration number, class: unique_identifier}"},
	{"passport_number", "{ko: 여권번호, en: passport number, class: unique_identifier}"},
}

const baseItems = 4

// likely says which items a page is likely to show, by a word of its path. It is a
// proposal and nothing else: what a page shows stands in no log. The first are words
// for people, which count where no other does.
var likely = []struct {
	words []string
	items []string
}{
	{words("user users member members customer customers client clients account accounts profile profiles person people buyer seller subscriber me my mypage self employee employees staff 회원 고객 내정보 프로필 마이페이지 직원 임직원 hoewon gogaek"), words("name email phone")},
	{words("address addresses addr shipping delivery deliveries shipment shipments recipient recipients juso baesong 주소 배송"), words("name phone address")},
	{words("order orders purchase purchases invoice invoices receipt receipts refund refunds coupon coupons point points wishlist cart history 주문 예약"), words("orders")},
	{words("payment payments card cards billing 결제 카드"), words("name card_number")},
	{words("bank 계좌"), words("name bank_account")},
	{words("phone phones mobile tel contact contacts 연락처 전화"), words("name phone")},
	{words("email emails mail"), words("email")},
	{words("name names 이름 성명"), words("name")},
	{words("birth birthday birthdate 생년"), words("name birth_date")},
	{words("ssn rrn identity kyc ci di 주민"), words("name resident_number")},
	{words("passport 여권"), words("name passport_number")},
	{words("patient patients medical diagnosis prescription 진료 환자 처방"), words("name birth_date health")},
	{words("location locations gps"), words("location")},
	{words("message messages chat inquiry inquiries 문의 상담"), words("name messages")},
	{words("doorcode door entrance"), words("address door_code")},
	{words("export download backup dump excel csv 다운로드"), words("name email phone address")},
}

// likelyItems gives the items of a path by the words of it that look like personal
// data, in the order of the table.
func likelyItems(shape string, suspects []string) []string {
	found := map[string]bool{}
	for i, l := range likely {
		if i == 0 {
			continue
		}
		if slices.ContainsFunc(l.words, func(w string) bool {
			return slices.Contains(suspects, w) || w[0] >= 0x80 && strings.Contains(shape, w)
		}) {
			for _, i := range l.items {
				found[i] = true
			}
		}
	}
	if len(found) == 0 { // a word for people says little beside one for what is shown
		if slices.ContainsFunc(suspects, func(w string) bool { return slices.Contains(likely[0].words, w) }) {
			for _, i := range likely[0].items {
				found[i] = true
			}
		}
	}
	var out []string
	for _, i := range items {
		if found[i.name] {
			out = append(out, i.name)
		}
	}
	return out
}

// proposal is one path of the sample.
type proposal struct {
	template string
	account  string
	items    []string
	records  int64
	answered int64
	suspect  bool
	table    string // the line itself, of a table of a database
}

// ownPages are words of pages about whoever is signed in.
var ownPages = words("my me mypage self 내정보 마이페이지")

// staticFolders hold files that are the same for everybody, by their names.
var staticFolders = words("static assets css js fonts _next webpack")

// proposals are the paths of the sample that the draft does not describe, those that
// look like personal data first, and the folders of files.
func proposals(r *catalog.CheckResult) (found []proposal, folders []string) {
	seen := map[string]bool{}
	for i := range r.Unmapped {
		u := &r.Unmapped[i]
		_, path, _ := strings.Cut(u.Template, " ")
		if first, below, ok := strings.Cut(strings.TrimPrefix(path, "/"), "/"); ok && below != "" && slices.Contains(staticFolders, first) {
			if !slices.Contains(folders, first) {
				folders = append(folders, first)
			}
			continue
		}
		key := lifted(u.Template)
		if u.Template == "" || seen[key] || strings.HasPrefix(path, "/unread/") { // what a statement read is not known
			continue
		}
		seen[key] = true
		p := proposal{template: u.Template, account: u.Account, records: u.Records, answered: u.Answered, suspect: u.Suspect || len(u.Words) > 0 || u.Accounts > 0}
		if strings.HasPrefix(u.Template, "TABLE ") {
			p.table = strings.TrimPrefix(u.Entry(), "- ")
		} else if strings.HasPrefix(p.template, "OTHER ") {
			p.template = "ANY " + strings.TrimPrefix(p.template, "OTHER ")
			if key := lifted(p.template); seen[key] {
				continue
			} else {
				seen[key] = true
			}
		}
		if p.suspect {
			p.items = likelyItems(u.Shape, u.Words)
			if p.account == "TODO" && slices.ContainsFunc(u.Words, func(w string) bool { return slices.Contains(ownPages, w) }) {
				p.account = "actor"
			}
		} else if first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/"); strings.HasPrefix(first, "{") {
			continue // any path at all: whoever takes it for free of personal data describes too much
		}
		found = append(found, p)
	}
	slices.Sort(folders)
	return found, folders
}

// lifted makes templates comparable: the names of their variables say nothing.
func lifted(template string) string {
	parts := strings.Split(template, "/")
	for i, p := range parts {
		if strings.HasPrefix(p, "{") {
			parts[i] = "{}"
		}
	}
	return strings.Join(parts, "/")
}
