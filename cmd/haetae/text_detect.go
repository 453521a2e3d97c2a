package main

import "github.com/haetae/haetae/detect"

var detectText = commandText{
	short: text{"규칙으로 유출 징후를 찾습니다", "look for a leak, by rules, in all of history"},
	long: text{
		`보관된 접속기록 전체에 탐지 규칙(Sigma 규칙과 확장 규칙)을 실행하여 유출 징후를 찾고, 징후마다
누구의 개인정보가 몇 건 조회되었는지와 해당 기록을 찾는 조건을 함께 알려 줍니다. 서버가 실시간으로
탐지한 결과와 같습니다. 찾지 못한 경우에는 어느 기간을 보았고 무엇을 판단하지 못하였는지 함께 밝힙니다.

규칙 폴더를 지정하지 않으면 함께 배포되는 규칙을 실행합니다. 규칙 작성법: docs/rules.md`,
		`Runs rules (Sigma, and what Sigma lacks) over all records that are kept, and says of each
finding how many people's data was read and which condition finds the records. A running
server finds the same live. Where nothing is found, it says which span was looked at and
what could not be decided.

Without a folder of rules, the pack that ships is run. How to write one: docs/rules.md`},
	example: text{`
  haetae detect --data D
  haetae detect --data D --severity high --from 2025-03-01
  haetae detect --data D --rules my-rules --json        # 한 줄에 탐지 하나`, `
  haetae detect --data D
  haetae detect --data D --severity high --from 2025-03-01
  haetae detect --data D --rules my-rules --json        # a signal a line`},
}

var detectFlags = struct {
	rules, exceptions, calendar, keyRegister, severity, json text
}{
	rules:       text{"규칙 `폴더`. 지정하지 않으면 함께 배포되는 규칙", "`folder` of rules, else the pack that ships"},
	exceptions:  text{"예외 `파일`(YAML)", "`file` of exceptions (YAML)"},
	calendar:    text{"달력 `파일`(YAML). 지정하지 않으면 대한민국 공휴일", "calendar `file` (YAML), else the Korean public holidays"},
	keyRegister: text{"인증키 관리대장 `파일`(CSV)", "register of keys, a `file` (CSV)"},
	severity:    text{"이 `심각도` 이상만 표시", "show this `severity` and above"},
	json:        text{"한 줄에 하나씩 JSON으로 출력", "print a JSON object a line"},
}

var detectWords = struct {
	badSeverity, summary, nothing, looked, lost, moreSpans, liveOnly, items, when, during, exception, wider text
}{
	badSeverity: text{"--severity는 다음 중 하나입니다: %s", "--severity is one of %s"},
	summary:     text{"탐지 %d건, 그중 심각도 높음 이상 %d건\n", "%d signals, %d of them of high severity or above\n"},
	nothing:     text{"살펴볼 기록이 없습니다.\n", "There were no records to look at.\n"},
	looked:      text{"살펴본 기록: %s ~ %s, %s행, 규칙 %d개\n", "looked at: %s to %s, %s rows, %d rules\n"},
	lost:        text{"  판단하지 못함: %s: %s (%s건)\n", "  not decided: %s: %s (%s records)\n"},
	moreSpans:   text{"      그 밖에 %d개 구간\n", "      and %d more spans\n"},
	liveOnly:    text{"  보관된 기록으로는 판단할 수 없는 규칙 %d개: %s\n", "  %d rules ask for what stored records do not hold: %s\n"},
	items:       text{"    항목별 정보주체 수: %s\n", "    people by item: %s\n"},
	when:        text{"    기간: %s ~ %s, 기준 도달: %s\n", "    from %s to %s, reached at %s\n"},
	during:      text{"    당시 일정: %s\n", "    known at the time: %s\n"},
	exception:   text{"    예외 처리됨: %s (담당 %s, 사유 %s, %s까지)\n", "    kept quiet by exception %s (owner %s, reason: %s, until %s)\n"},
	wider:       text{"    (조건식으로는 규칙을 그대로 나타낼 수 없어, 같은 대상의 다른 기록도 포함됩니다)\n", "    (the condition cannot say all that the rule asks: it also finds other records of the group)\n"},
}

var severityWords = map[detect.Severity]text{
	detect.Informational: {"참고", "informational"},
	detect.Low:           {"낮음", "low"},
	detect.Medium:        {"보통", "medium"},
	detect.High:          {"높음", "high"},
	detect.Critical:      {"심각", "critical"},
}
