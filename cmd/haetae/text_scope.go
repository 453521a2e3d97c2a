package main

// scopeText are the words of an extent, as a report to the authority uses them.
// "유출" is not said here: whether what was read is a leak is decided by people,
// in a case.
var scopeText = struct {
	title, titleHidden, period, records, recordsNote, reads, readsNote, accounts, accountsNote, accountsNamed, people, peopleNote,
	ghosts, ghostsUnknown, unregistered, unresolved, unresolvedNone, unresolvedRows, unresolvedUnknown, unresolvedMixed, partly, partlyRows,
	unmapped, withoutHoldings,
	items, itemsNone, itemsUnresolved, routes, unmappedRoutes, gaps, coverage, coverageLine, coverageUnknown, coverageComplete, coverageGaps, coverageNever,
	tooMany, gapLine, gapSilent, gapLost, gapCut, gapRemoved, coverageLost, moreGaps, span, spanNone, editions, catalog, register, holdings, none, unused, limits,
	by, byPeople, byAccounts, byReads, byRecords, value, rest, corrected, explain, explainLine, explainTime,
	exceptions, exception, hint, fromTo, byOnce, exportOnly, badRecipient text
}{
	title:             text{"조회 범위: %s\n", "whose data was read: %s\n"},
	titleHidden:       text{"조회 범위 (조건에 식별자가 있어 표시하지 않음)\n", "whose data was read (the condition holds an id and is not shown)\n"},
	period:            text{"기간 조건", "asked period"},
	records:           text{"접속기록", "records"},
	recordsNote:       text{"조건에 맞는 전체", "that match, whatever the outcome"},
	reads:             text{"조회", "reads"},
	readsNote:         text{"개인정보를 응답한 건", "answered with personal data"},
	accounts:          text{"조회된 계정", "accounts"},
	accountsNote:      text{"회원대장에 있는 계정", "registered, whose data was in an answer"},
	accountsNamed:     text{"회원대장이 없어 기록에 나타난 모든 계정", "whose data was in an answer; there is no register"},
	people:            text{"정보주체", "people"},
	peopleNote:        text{"비어 있지 않은 항목이 하나 이상 조회된 사람", "for whom at least one item was shown and not empty"},
	ghosts:            text{"회원대장에 없는 접속 계정", "ghosts"},
	ghostsUnknown:     text{"알 수 없음 (회원대장 미등록)", "not known: no register"},
	unregistered:      text{"응답에 있었으나 회원대장에 없는 계정", "unregistered accounts in answers"},
	unresolved:        text{"대상 미상 조회", "unresolved"},
	unresolvedNone:    text{"누구의 정보인지 기록에 없는 조회, 반환 0행", "reads that name nobody, of 0 rows"},
	unresolvedRows:    text{"누구의 정보인지 기록에 없는 조회, 반환 %s행", "reads that name nobody, of %s rows"},
	unresolvedUnknown: text{"누구의 정보인지 기록에 없는 조회, 몇 행인지도 알 수 없음", "reads that name nobody; of how many rows is not known"},
	unresolvedMixed:   text{"누구의 정보인지 기록에 없는 조회, 반환 %s행, 그 밖에 %s건은 몇 행인지 알 수 없음", "reads that name nobody, of %s rows; %s more reads do not say of how many"},
	partly:            text{"대상 일부 미상 조회", "partly named"},
	partlyRows:        text{"로그에 적힌 계정보다 %s행을 더 반환", "reads that returned %s rows more than the accounts they list"},
	unmapped:          text{"카탈로그에 없는 경로의 기록", "unmapped"},
	withoutHoldings:   text{"보유현황에 없는 계정", "accounts without holdings"},
	items:             text{"\n개인정보 항목별 정보주체\n", "\npeople by item\n"},
	itemsNone:         text{"\n조회된 개인정보 항목이 없습니다.\n", "\nno item of personal data was read\n"},
	itemsUnresolved: text{"\n조회된 항목이 있으나 누구의 정보인지 기록에 없습니다. 어떤 항목인지는 --by item으로 확인하십시오.\n",
		"\nitems were read, and of nobody who is known; --by item tells which\n"},
	routes:           text{"\n경로별 조회\n", "\nreads by route\n"},
	unmappedRoutes:   text{"\n카탈로그에 없는 경로 (많은 순)\n", "\nunmapped routes, the most frequent first\n"},
	gaps:             text{"\n로그 공백 (기록이 없는 구간. '조회 없음'이 아님)\n", "\ngaps in the log (nothing recorded, which is not the same as nothing read)\n"},
	coverage:         text{"\n로그별 기록 상태\n", "\ncoverage\n"},
	coverageLine:     text{"%s건, %s ~ %s", "%s records, %s to %s"},
	coverageUnknown:  text{"기록 주기 미설정: 빠진 구간을 알 수 없음", "no cadence declared: whether anything is missing is not known"},
	coverageComplete: text{"설정한 기록 주기 %s 안에서 끊김 없음", "complete, by a cadence of %s"},
	coverageGaps:     text{"공백 %d곳 (설정한 기록 주기 %s)", "gaps: %d, by a cadence of %s"},
	coverageNever:    text{"기록이 하나도 없음 (설정한 기록 주기 %s)", "no record at all, by a cadence of %s"},
	gapLine:          text{"%s: %s부터 %s까지", "%s: %s to %s"},
	gapSilent:        text{"%s: %s 이후 지금까지 기록 없음", "%s: nothing since %s"},
	tooMany:          text{"(종류가 너무 많아 보관하지 않음)", "(too many different ones to be kept)"},
	gapLost:          text{" (수집 중이던 파일이 다 읽히기 전에 없어짐)", " (a followed file was gone before it was read to its end)"},
	gapRemoved:       text{" (메시지가 읽히기 전에 Kafka에서 삭제됨)", " (messages were removed from Kafka before they were read)"},
	gapCut:           text{" (수집 중이던 파일이 다 읽히기 전에 잘림)", " (a followed file was cut before it was read to its end)"},
	coverageLost:     text{"공백 %d곳, 기록 주기 미설정: 그 밖에 빠진 구간을 알 수 없음", "gaps: %d; no cadence declared: whether more is missing is not known"},
	moreGaps:         text{"그 밖에 %d곳", "and %d more"},
	span:             text{"기록 기간", "span"},
	spanNone:         text{"조건에 맞는 기록 없음", "no record matches"},
	editions:         text{"산정 근거", "rests on"},
	catalog:          text{"카탈로그 제%d판", "catalog edition %d"},
	register:         text{"회원대장 %s", "register %s"},
	holdings:         text{"보유현황 %s", "holdings %s"},
	none:             text{"없음", "none"},
	unused:           text{"쓰이지 않음(등록된 판: %s)", "not needed (there is %s)"},
	exceptions:       text{"\n이 기록에 대한 탐지를 알리지 않도록 한 예외\n", "\nexceptions that kept signals about these records quiet\n"},
	exception:        text{"%s (규칙 %s, 담당 %s, 사유 %s, %s ~ %s)", "%s (rule %s, owner %s, reason: %s, %s to %s)"},
	limits:           text{"\n이 수치로 알 수 없는 것\n", "\nwhat these numbers do not tell\n"},
	by:               text{"\n%s별\n", "\nby %s\n"},
	byPeople:         text{"정보주체", "people"},
	byAccounts:       text{"계정", "accounts"},
	byReads:          text{"조회", "reads"},
	byRecords:        text{"접속기록", "records"},
	value:            text{"(없음)", "(none)"},
	rest:             text{"그 밖의 %d개", "%d others"},
	corrected:        text{"카탈로그 정정으로 추가", "added by catalog correction"},
	explain:          text{"\n산정 과정\n", "\nhow it was found\n"},
	explainLine:      text{"파일 %d개 중 %d개 건너뜀, 묶음 %d개 중 %d개 건너뜀, 행 %s개 확인, 그중 %s개는 한 행씩 판단", "%d files, of which skipped: %d; %d groups, of which skipped: %d; %s rows, of which decided one by one: %s"},
	explainTime:      text{"준비 %s, 검색 %s, 합산 %s", "prepare %s, scan %s, unite %s"},
	hint:             text{"안내", "hint"},
	fromTo:           text{"--from은 --to보다 앞선 시각이어야 합니다", "--from is not before --to"},
	byOnce:           text{"--by는 한 번만 지정하십시오", "--by can be given once"},
	exportOnly:       text{"%s: --export와 함께 쓰십시오", "%s goes with --export"},
	badRecipient:     text{"--to-recipient: age 공개키(age1…)가 아닙니다", "--to-recipient is not an age public key (age1…)"},
}

var savedWords = struct {
	saved, none, head, diffOnly, diffBoth, diffNote, accounts, people, exported, destroyed, name, when, by text
}{
	saved:     text{"저장하였습니다: %s\n", "saved as %s\n"},
	none:      text{"저장한 조회 범위가 없습니다.\n", "no saved scopes\n"},
	accounts:  text{"계정", "accounts"},
	people:    text{"정보주체", "people"},
	name:      text{"이름", "name"},
	when:      text{"저장 시각", "saved"},
	diffOnly:  text{"%s에만 있음", "only in %s"},
	diffBoth:  text{"양쪽에 있음", "in both"},
	by:        text{"산정자", "by"},
	head:      text{"%s (%s, %s)\n", "%s (%s, %s)\n"},
	diffNote:  text{"\n양쪽에 있는 정보주체라도 한쪽에만 있는 항목이 있으면 그쪽에도 셉니다.\n", "\na person in both counts on a side too when an item was shown only there\n"},
	destroyed: text{"보관기간이 지나 파기되어 실제 값을 알 수 없는 식별자: %s\n", "%s ids were destroyed by retention and cannot be named any more\n"},
	exported:  text{"정보주체 %s명의 실제 식별자를 %s에 암호화하여 저장하였습니다. 이 열람은 접속기록으로 남았습니다.\n", "wrote the real ids of %s people to %s, encrypted; this opening is now in the record\n"},
}

var subjectWords = struct {
	unknown, total, accounts, shown, when, reader, key, did, items, self, holder, book, bookNote, status text
}{
	unknown:  text{"이 식별자에 대한 기록이 없습니다. 회원대장과 보유현황에도 없습니다.\n", "no record names this id, nor does a register or holdings\n"},
	total:    text{"접속 %s건, 그중 개인정보를 응답한 조회 %s건\n", "accesses: %s, answered with personal data: %s\n"},
	accounts: text{"확인한 계정 %s개: 본인 계정(있는 경우)과 이 사람이 주소록에 있는 계정\n", "accounts looked at: %s, the person's own, if any, and those whose address book has the person\n"},
	shown:    text{"최근 %s건만 표시합니다. 모두 보려면 --limit 0\n", "only the latest %s are shown; --limit 0 shows all\n"},
	key:      text{"인증키", "key"},
	when:     text{"접속일시", "time"},
	reader:   text{"접속자", "reader"},
	did:      text{"수행업무", "task"},
	items:    text{"항목", "items"},
	self:     text{"본인 계정으로 접속", "own account"},
	holder:   text{"주소록 계정으로 접속", "the book's account"},
	book:     text{"주소록 계정", "book"},
	bookNote: text{"\n주소록 계정: 이 사람의 정보가 주소록에 있던 계정(가명). 비어 있으면 본인 계정입니다.\n", "\nbook: the account in whose address book the person stands (a pseudonym); empty for the person's own account\n"},
	status:   text{"처리 결과", "outcome"},
}

// actionText and typeText are words of the record that a Korean reader is told
// of; a word that is not here is the operator's own.
var actionText = map[string]text{
	"other": {"기타", "other"}, "read": {"조회", "read"}, "create": {"등록", "create"}, "update": {"변경", "update"}, "delete": {"삭제", "delete"},
	"export": {"다운로드", "export"}, "sign_in": {"로그인", "sign_in"}, "issue": {"토큰 발급", "issue"}, "revoke": {"토큰 폐기", "revoke"}, "open": {"실제 식별자 열람", "open"},
}

var typeText = map[string]text{
	"member": {"회원", "member"}, "staff": {"임직원", "staff"}, "partner": {"제휴사", "partner"}, "service": {"시스템", "service"},
	"seller": {"판매자", "seller"}, "admin": {"관리자", "admin"},
}

func (a *app) word(words map[string]text, w string) string {
	if t, ok := words[w]; ok {
		return a.say(t)
	}
	return w
}

// dimensionWords are the words of --by.
var dimensionWords = map[string]text{
	"action": {"수행업무", "action"}, "actor": {"접속자", "actor"}, "actor_type": {"접속자 종류", "actor type"},
	"agent": {"사용자 에이전트", "user agent"}, "client": {"접속지 주소", "client address"}, "country": {"국가", "country"},
	"day": {"일자", "day"}, "hour": {"시간대", "hour"}, "item": {"항목", "item"}, "key": {"인증키", "key"}, "month": {"월", "month"},
	"network": {"네트워크", "network"}, "route": {"경로", "route"}, "source": {"로그", "source"}, "status": {"결과 코드", "status"},
}
