package main

import "github.com/haetae/haetae/rehearsal"

var ruleText = commandText{
	short: text{"탐지 규칙을 시험하고 목록을 봅니다", "test and list rules"},
	long: text{
		"탐지 규칙 작성법과 시험 파일의 형식: docs/rules.md",
		"How to write rules, and their tests: docs/rules.md"},
	example: text{`
  haetae rule test my-rules
  haetae rule list`, `
  haetae rule test my-rules
  haetae rule list`},
}

var ruleCheckText = commandText{
	short: text{"규칙 파일의 오류를 찾습니다", "find the mistakes in rule files"},
	long: text{
		`지정한 파일과 폴더를 서버가 읽는 것과 같이 한꺼번에 읽고, 모든 오류를 파일, 행, 항목과 함께
표시합니다. 오류가 있으면 종료 코드는 1입니다. 규칙이 명단을 참조하면 --lists를,
외부 연계가 채우는 명단이면 --feeds를 함께 지정하십시오.`,
		`Reads the files and folders as one rulebook, as a server does, and prints every mistake with
file, line and field. Exit code 1 if there is one. If a rule looks at a list, give
--lists, or --feeds where a feed fills it.`},
	example: text{`
  haetae rule check my-rules
  haetae rule check my-rules/new.yaml my-rules/records.yaml --json`, `
  haetae rule check my-rules
  haetae rule check my-rules/new.yaml my-rules/records.yaml --json`},
}

var ruleTestText = commandText{
	short: text{"규칙을 시험합니다", "run the tests of rules"},
	long: text{
		`규칙 파일 x.yaml 옆의 x.test.yaml에 적힌 가상의 기록을 실제와 같은 경로(카탈로그, 저장, 탐지, 조회 범위)로
처리하고, 탐지 결과를 적어 둔 기대값과 비교합니다. 다른 점이 있으면 종료 코드는 1입니다.
폴더를 지정하지 않으면 함께 배포되는 규칙을 시험합니다.`,
		`Plays the made-up records in x.test.yaml, beside the rules in x.yaml, through the same path as
real ones and compares the signals with what is written there. Exit code 1 if they differ.
Without a folder, the pack that ships is tested.`},
	example: text{`
  haetae rule test my-rules
  haetae rule test my-rules --json`, `
  haetae rule test my-rules
  haetae rule test my-rules --json`},
}

var ruleListText = commandText{
	short: text{"탐지 결과를 내는 규칙 목록을 표시합니다", "list the rules that signal"},
	long: text{
		`규칙 이름, 기본 심각도, 제목을 표시합니다. 다른 규칙이 집계하거나 제외할 기록을 정의할 뿐
스스로 탐지 결과를 내지 않는 규칙은 표시하지 않습니다. 폴더를 지정하지 않으면 함께 배포되는
규칙을 표시합니다. '수집 시점에 판단'하는 규칙은 접속기록에 남지 않는 내용(질의 문자열 등)을 보는
규칙으로, 적용된 뒤에 수집한 기록에서만 찾을 수 있습니다.`,
		`Name, severity and title of each. Rules that only say what others count or leave out, and raise
no signal themselves, are not among them. Without a folder, the pack that ships. A rule that is
decided as lines are taken in asks for what no record holds, a query string for example: it finds
only what came in while it was in force.`},
	example: text{`
  haetae rule list
  haetae rule list my-rules --json`, `
  haetae rule list
  haetae rule list my-rules --json`},
}

var ruleFlags = struct{ json text }{
	json: text{"결과를 JSON으로 출력", "print the result as JSON"},
}

// ruleWords.kinds take the rule, its group, the field, what was wanted and what there is.
var ruleWords = struct {
	ok, failed, untested, passed, live, sound, mistakes text
	kinds                                               map[rehearsal.Kind]text
}{
	ok:       text{"통과  %s: %s (기록 %s건, 탐지 %d건)\n", "ok    %s: %s (%s records, %d signals)\n"},
	failed:   text{"실패  %s: %s\n", "FAIL  %s: %s\n"},
	untested: text{"시험이 없는 규칙 파일: %s\n", "rule files without a test: %s\n"},
	sound:    text{"규칙 %d개에 오류가 없습니다.\n", "%d rules, no mistake\n"},
	mistakes: text{"오류 %d건\n", "%d mistakes\n"},
	live:     text{" (수집 시점에 판단)", " (decided as lines are taken in)"},
	passed:   text{"시험 %d건 중 %d건 통과\n", "of %d cases, %d passed\n"},
	kinds: map[rehearsal.Kind]text{
		rehearsal.Missing:    {"      탐지되지 않음: %s %s%.0s%.0s%.0s\n", "      not there: %s %s%.0s%.0s%.0s\n"},
		rehearsal.Unexpected: {"      예상하지 않은 탐지: %s %s (%s %.0s%s)\n", "      not expected: %s %s (%s %.0s%s)\n"},
		rehearsal.Differs:    {"      다름: %s %s: %s 기대값 %s, 결과 %s\n", "      differs: %s %s: %s is to be %s and is %s\n"},
		rehearsal.TooSevere:  {"      심각도 초과: %s %s: %s 상한 %s, 결과 %s\n", "      too severe: %s %s: %s is at most %s and is %s\n"},
	},
}
