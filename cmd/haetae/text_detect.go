package main

import "github.com/haetae/haetae/detect"

var detectText = commandText{
	short: text{"규칙으로 유출 징후를 찾습니다", "look for a leak, by rules, in all of history"},
	long: text{
		`보관된 접속기록 전체에 탐지 규칙(Sigma 규칙과 확장 규칙)을 실행하여 유출 징후를 찾고, 징후마다
몇 명의 개인정보가 조회되었는지와 해당 기록을 찾는 조건을 함께 알려 줍니다. 서버가 실시간으로
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
	rules, exceptions, calendar, keyRegister, severity, json, alerts, lateness, noDetect, who, note, lists text
}{
	rules:       text{"규칙 `폴더`. 지정하지 않으면 함께 배포되는 규칙", "`folder` of rules, else the pack that ships"},
	exceptions:  text{"예외 `파일`(YAML)", "`file` of exceptions (YAML)"},
	calendar:    text{"달력 `파일`(YAML). 지정하지 않으면 대한민국 공휴일", "calendar `file` (YAML), else the Korean public holidays"},
	keyRegister: text{"인증키 관리대장 `파일`(CSV)", "register of keys, a `file` (CSV)"},
	severity:    text{"이 `심각도` 이상만 표시", "show this `severity` and above"},
	json:        text{"한 줄에 하나씩 JSON으로 출력", "print a JSON object a line"},
	alerts:      text{"알림 설정 `파일`(YAML)", "`file` that says whom to tell of signals (YAML)"},
	lateness:    text{"기록이 늦게 도착할 수 있는 `시간`", "how `late` a record may come and still count live"},
	noDetect:    text{"탐지하지 않고 기록만 보관", "keep records and run no rules"},
	who:         text{"확인한 담당자 `이름`", "`name` of who looks into it"},
	lists:       text{"규칙이 참조하는 명단 `파일`(YAML)", "`file` of the lists that rules look at (YAML)"},
	note:        text{"`메모`", "a `note`"},
}

var detectWords = struct {
	learning, learns, emptyLists, alertsWithout, noServer, needWho, noSignal, noAlerts, state, acknowledged, reloaded, badSeverity, summary, nothing, looked, lost, moreSpans, liveOnly, notRun, elsewhere, unresolved, unmapped, items, when, during, exception, beyond, wider text
}{
	learning:      text{"  학습 중인 규칙 %d개. 학습이 끝날 때까지 이 규칙의 탐지는 심각도가 '높음' 이상이 되지 않음\n", "  rules that still learn, so that nothing is high by them yet: %d\n"},
	learns:        text{"      %s까지: %s\n", "      until %s: %s\n"},
	emptyLists:    text{"  비어 있는 명단(해당 규칙은 아무것도 탐지하지 못함): %s. --lists로 지정하십시오\n", "  lists nobody has filled, so that their rules see nothing: %s; name them with --lists\n"},
	alertsWithout: text{"--no-detect를 쓰면 알릴 것이 없으므로 --alerts를 함께 쓸 수 없습니다", "with --no-detect there is nothing to tell: --alerts does not go with it"},
	noServer:      text{"실행 중인 서버가 없습니다. 보관된 기록 전체에서 찾으려면: haetae detect --data %s", "no server is running; to look through all records that are kept: haetae detect --data %s"},
	needWho:       text{"--who로 확인한 담당자를 지정하십시오", "say with --who who looks into it"},
	noSignal:      text{"%s: 알림 대상 중에 그런 탐지가 없습니다. 번호는 haetae signal list로 확인하십시오", "%s: nobody was told of such a signal; haetae signal list shows the ids"},
	noAlerts:      text{"이 서버는 알림 설정(--alerts) 없이 실행 중이므로 확인 처리할 것이 없습니다", "this server runs without --alerts, so nobody was told and nothing is to be acknowledged"},
	state:         text{"상태: %s, 규칙 %d개, 판단 완료 시점 %s\n", "state: %s, %d rules, decided up to %s\n"},
	acknowledged:  text{"%s: 확인 처리하였습니다.\n", "%s is acknowledged\n"},
	reloaded:      text{"규칙과 알림, 외부 연계, 외부 전송 설정을 다시 읽었습니다. 규칙은 과거 기록까지 다시 살펴본 뒤 적용됩니다.\n", "the rules and the settings of alerts, feeds and outputs were read again; the rules take over once they have been through the history\n"},
	badSeverity:   text{"--severity에는 다음 중 하나를 지정하십시오: %s", "--severity is one of %s"},
	summary:       text{"탐지 %d건, 그중 심각도 높음 이상 %d건\n", "%d signals, %d of them of high severity or above\n"},
	nothing:       text{"살펴볼 기록이 없습니다.\n", "There were no records to look at.\n"},
	looked:        text{"살펴본 기록: %s ~ %s, %s행, 규칙 %d개\n", "looked at: %s to %s, %s rows, %d rules\n"},
	lost:          text{"  판단하지 못함: %s: %s (%s건)\n", "  not decided: %s: %s (%s records)\n"},
	moreSpans:     text{"      그 밖에 %d개 구간\n", "      and %d more spans\n"},
	liveOnly:      text{"  로그를 수집하는 시점에 판단하는 규칙 %d개: %s\n", "  rules that are decided as lines are taken in: %d: %s\n"},
	notRun:        text{"  접속기록에 남지 않는 값으로 묶거나 세는 규칙이어서 실행하지 않은 규칙 %d개: %s\n", "  rules that did not run, as they group or count by what the record does not hold: %d: %s\n"},
	elsewhere:     text{"  접속기록이 아닌 로그를 보는 규칙이어서 실행하지 않은 규칙 %d개: %s\n", "  rules that did not run, as they are about other logs than access records: %d: %s\n"},
	unresolved:    text{"  누구의 정보인지 기록에 없는 조회 %s건\n", "  reads that name nobody: %s\n"},
	unmapped:      text{"  카탈로그에 없는 경로의 기록 %s건\n", "  records on routes the catalog does not know: %s\n"},
	items:         text{"    항목별 정보주체 수: %s\n", "    people by item: %s\n"},
	when:          text{"    기간: %s ~ %s, 기준 도달: %s\n", "    from %s to %s, reached at %s\n"},
	during:        text{"    당시 일정: %s\n", "    known at the time: %s\n"},
	beyond:        text{"    예외 %s: 기간(%s부터 %s 전까지) 밖의 기록이 있어 적용되지 않음 (담당 %s)\n", "    exception %s does not hold: some of these records lie outside its time, %s until %s (owner %s)\n"},
	exception:     text{"    예외 처리됨: %s (담당 %s, 사유 %s, %s까지)\n", "    kept quiet by exception %s (owner %s, reason: %s, until %s)\n"},
	wider:         text{"    (조건식으로는 규칙을 그대로 나타낼 수 없어, 같은 대상의 다른 기록도 포함됩니다)\n", "    (the condition cannot say all that the rule asks: it also finds other records of the group)\n"},
}

var severityWords = map[detect.Severity]text{
	detect.Informational: {"참고", "informational"},
	detect.Low:           {"낮음", "low"},
	detect.Medium:        {"보통", "medium"},
	detect.High:          {"높음", "high"},
	detect.Critical:      {"심각", "critical"},
}

var signalText = commandText{
	short: text{"실행 중인 서버의 탐지 결과를 보고 확인 처리합니다", "see and acknowledge what the running server has found"},
	long: text{
		"실행 중인 서버가 실시간으로 찾은 유출 징후를 보여 줍니다. 확인 처리하면 단계별 알림이 멈춥니다.",
		"Shows what the running server has found live. Acknowledging a signal stops the escalation."},
	example: text{`
  haetae signal list --data D
  haetae signal ack --data D --who 김서연 sig-928b3da5b7393425ce1e`, `
  haetae signal list --data D
  haetae signal ack --data D --who "S. Kim" sig-928b3da5b7393425ce1e`},
}

var signalListText = commandText{
	short: text{"탐지 결과를 표시합니다", "list the signals"},
	long:  text{"심각도가 높은 것부터, 같으면 먼저 일어난 것부터 표시합니다.", "The gravest first, then the earliest."},
	example: text{`
  haetae signal list --data D
  haetae signal list --data D --severity high --json`, `
  haetae signal list --data D
  haetae signal list --data D --severity high --json`},
}

var signalAckText = commandText{
	short: text{"탐지 결과를 확인 처리합니다", "acknowledge a signal"},
	long: text{
		"누가 확인하였는지 기록으로 남기고 단계별 알림을 멈춥니다. 심각도가 더 높아지면 다시 알립니다.",
		"Keeps who looks into it and stops the escalation. If the severity rises, it comes up again."},
	example: text{`
  haetae signal ack --data D --who 김서연 --note "키 폐기 중" sig-928b3da5b7393425ce1e`, `
  haetae signal ack --data D --who "S. Kim" --note "revoking the key" sig-928b3da5b7393425ce1e`},
}

var signalReloadText = commandText{
	short: text{"서버가 규칙과 알림, 외부 연계 설정을 다시 읽게 합니다", "make the server read its rules and the settings of alerts and feeds again"},
	long: text{
		"규칙이나 알림, 외부 연계 설정에 오류가 있으면 기존 것을 그대로 쓰고 오류 위치를 알려 줍니다. 서버에 SIGHUP을 보내도 같습니다.",
		"A mistake in a rule or in these settings leaves those before in force and says where it is. SIGHUP to the server does the same."},
	example: text{`
  haetae signal reload --data D`, `
  haetae signal reload --data D`},
}
