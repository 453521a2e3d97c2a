package main

import "github.com/haetae/haetae/feed"

var feedFlags = struct{ feeds text }{
	feeds: text{"외부 연계 설정 `파일`(YAML)", "`file` that says where registers come from (YAML)"},
}

var feedWords = struct {
	name, kind, state, age, rows, success, none, trouble, settings, days, hours, minutes, noFeeds, unknown, nothing, accepted, why text
}{
	name:     text{"이름", "name"},
	kind:     text{"종류", "kind"},
	state:    text{"상태", "state"},
	age:      text{"경과", "age"},
	rows:     text{"행", "rows"},
	success:  text{"마지막 성공", "last success"},
	none:     text{"설정된 외부 연계가 없습니다.\n", "no feeds are set up\n"},
	trouble:  text{"%s: %s (연속 실패 %d회)\n", "%s: %s (failures in a row: %d)\n"},
	settings: text{"설정 파일을 다시 읽지 못하여 기존 설정을 쓰고 있습니다: %s\n", "the settings were not read again, those before go on: %s\n"},
	days:     text{"%s일", "%s d"},
	hours:    text{"%s시간", "%s h"},
	minutes:  text{"%s분", "%s min"},
	noFeeds:  text{"이 서버는 외부 연계 설정(--feeds) 없이 실행 중입니다", "this server runs without --feeds"},
	unknown:  text{"%s: 그런 연계가 없습니다. 이름은 haetae feed list로 확인하십시오", "%s: there is no such feed; haetae feed list shows the names"},
	nothing:  text{"%s: 행이 줄어 반영을 보류한 내용이 없습니다", "%s: nothing of it was refused for being short"},
	accepted: text{"%s: 행 수 %s(이전 %s)를 맞는 내용으로 확인하였습니다. 곧 다시 읽어 반영합니다.\n", "%s is accepted with its number of rows, %s (before: %s); it is read again and taken now\n"},
	why:      text{"--reason이 필요합니다: 확인한 사람과 사유는 기록으로 남습니다", "--reason is needed: who accepted it, and why, is kept in the record"},
}

var feedStates = map[feed.State]text{
	feed.Fresh: {"최신", "fresh"},
	feed.Stale: {"기한 지남", "stale"},
	feed.Never: {"받은 적 없음", "never"},
}

var feedKinds = map[string]text{
	"keys":     {"인증키 관리대장", "keys"},
	"holders":  {"접근권한 보유자", "holders"},
	"list":     {"명단", "list"},
	"register": {"회원대장", "register"},
	"holdings": {"보유현황", "holdings"},
}

var feedText = commandText{
	short: text{"외부에서 받아 오는 관리대장과 명단의 상태를 봅니다", "see the registers that come from outside, and how old they are"},
	long: text{
		"인증키 관리대장, 접근권한 보유자, 명단, 회원대장, 보유현황을 파일, 폴더, HTTP로 받아 옵니다. 설정은 docs/feeds.md에 있습니다.",
		"Registers of keys, of people who hold access and of members, holdings and lists come as a file, from a folder or by HTTP. docs/feeds.md says how to set them up."},
	example: text{`
  haetae feed list --data D
  haetae feed accept --data D staff`, `
  haetae feed list --data D
  haetae feed accept --data D staff`},
}

var feedListText = commandText{
	short: text{"외부 연계마다 경과 시간과 마지막 오류를 표시합니다", "list the feeds, their age and what went wrong last"},
	long: text{
		"경과는 원본이 말하는 내용의 나이입니다. 파일은 수정 시각부터, HTTP는 마지막 응답부터 셉니다. 기한이 지나면 이를 쓰는 규칙은 '탐지 공백'으로 알려집니다.",
		"The age is that of the content by its source: of a file since it was written, over HTTP since the server last answered. Beyond what it may be, coverage is lost for the rules that rest on it."},
	example: text{`
  haetae feed list --data D
  haetae feed list --data D --json`, `
  haetae feed list --data D
  haetae feed list --data D --json`},
}

var feedAcceptText = commandText{
	short: text{"행이 크게 줄어 보류된 내용을 맞는 것으로 확인합니다", "accept content that was refused for being much shorter"},
	long: text{
		"행이 설정한 비율(기본 50%)보다 많이 줄거나 비어 있으면 반영하지 않고 이전 내용을 씁니다. 잘린 인사 자료를 반영하면 빠진 사람이 모두 퇴사자가 되기 때문입니다. 실제로 줄어든 것이 맞으면 이 명령으로 확인하십시오. 확인한 사람과 사유는 접속기록으로 남습니다.",
		"Content that is empty, or has lost more rows than the setting allows (by default half), is not taken, and the one before goes on: from half an export of the personnel system, everybody who is missing would seem to have left. If it is right, say so. Who said it, and why, becomes an access record."},
	example: text{`
  haetae feed accept --data D staff --reason '조직 개편으로 인원 감소'`, `
  haetae feed accept --data D staff --reason 'a division was sold'`},
}
