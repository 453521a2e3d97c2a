package main

import "github.com/haetae/haetae/drill/play"

var drillText = commandText{
	short: text{"실제 유출 사고를 재현하는 모의훈련", "replay leaks that happened, and score who saw them"},
	long: text{
		`공개된 자료로 재구성한 유출 사고의 로그를 만들어 실제 제품에 흘려 보내고, 경보가 울렸을 때
이미 몇 명의 정보가 조회되었는지, 조회 범위가 맞는지를 정답과 비교하여 채점합니다. 다른 도구도
같은 문제로 채점할 수 있습니다(generate, score). 형식과 채점 기준: docs/drills.md`,
		`Makes the logs of a leak, reconstructed from public reports, sends them through the real product,
and scores against the truth how many people had been reached when it rang, and whether the scope
was right. Any other tool can sit the same exam (generate, score). Formats: docs/drills.md`},
	example: text{`
  haetae drill list
  haetae drill run coupang-2025
  haetae drill run coupang-2025 --report coupang.html`, `
  haetae drill list
  haetae drill run coupang-2025
  haetae drill run coupang-2025 --report coupang.html`},
}

var drillListText = commandText{
	short: text{"시나리오 목록을 표시합니다", "list the scenarios"},
	long: text{
		"이름, 기간, 계정 수(1:1), 기본 축척, 제목을 표시합니다.",
		"Name, span, accounts at full scale, the scale it is played at, and title of each."},
	example: text{`
  haetae drill list
  haetae drill list --json`, `
  haetae drill list
  haetae drill list --json`},
}

var drillShowText = commandText{
	short: text{"시나리오 하나와 그 수치의 출처를 표시합니다", "show a scenario, and where each figure is from"},
	long: text{
		`무엇을 재구성한 것인지, 무엇이 확정되지 않았는지, 수치마다 어느 자료에서 왔는지 또는 가정한 값인지를
표시합니다.`,
		`What it reconstructs, what is not settled, and of every figure the source, the arithmetic, or that
it is invented.`},
	example: text{`
  haetae drill show coupang-2025`, `
  haetae drill show coupang-2025`},
}

var drillRunText = commandText{
	short: text{"시나리오를 실행하고 채점합니다", "play a scenario and score it"},
	long: text{
		`로그를 만들어 가져오고, 기록 전체에 규칙을 적용하여 언제 무엇이 울렸을지를 한 시간 단위로 확인하고,
조사자의 질문으로 조회 범위를 구하여 정답과 비교합니다. 심각도 높음의 경보가 울리면 한 시간 뒤에
자료 보전이 설정된 것으로 합니다(--no-hold: 하지 않음). 통과하지 못하면 종료 코드는 1입니다.

--live: 자료를 가져오는 대신, 늘어나는 로그 파일을 따라 읽는 서버에 시나리오의 시간 순서대로 흘려
보냅니다. --speed 3600은 한 시간을 1초에 보냅니다(없으면 가능한 한 빠르게). --server와 --into로는
이미 실행 중인 서버에 보냅니다. 준비할 것: docs/drills.md

--scale 1000은 실제의 1,000분의 1입니다. 같은 축척과 --seed로 실행하면 결과가 같습니다.`,
		`Makes the logs and imports them, runs the rules over all of it and notes, hour by hour, what would
have rung when, asks the record the investigator's question, and holds the answer against the
truth. When something of high severity rings, a hold is set an hour later (--no-hold: nobody does).
Exit code 1 if the drill is not passed.

--live plays it, in the time of the scenario, into log files that a server follows, instead of
importing them. --speed 3600 plays an hour in a second (without it, as fast as it goes). --server
and --into play it into a server that runs already; docs/drills.md says how to set one up.

--scale 1000 is a thousandth of what happened. The same scale and --seed give the same score.`},
	example: text{`
  haetae drill run coupang-2025
  haetae drill run coupang-2025 --scale 100 --report coupang.html
  haetae drill run quiet-year --rules my-rules --json
  haetae drill run coupang-2025 --live --speed 86400 --from 2025-04-10 --to 2025-04-20`, `
  haetae drill run coupang-2025
  haetae drill run coupang-2025 --scale 100 --report coupang.html
  haetae drill run quiet-year --rules my-rules --json
  haetae drill run coupang-2025 --live --speed 86400 --from 2025-04-10 --to 2025-04-20`},
}

var drillGenerateText = commandText{
	short: text{"다른 도구를 채점하기 위한 로그와 봉인된 정답을 만듭니다", "write the logs for any tool, and the truth, sealed"},
	long: text{
		`폴더에 원본 형식의 로그(nginx, pgaudit, CloudTrail), 회원대장, 보유현황, 카탈로그, 키 대장을 쓰고,
정답은 암호화하여 truth.age에, 그 키는 truth.key에 씁니다. 채점하는 사람이 truth.key를 가지고 가십시오.`,
		`Writes the logs as nginx, pgaudit and CloudTrail write them, register, holdings, catalog and key
register into a folder; the truth goes encrypted into truth.age and its key into truth.key. Whoever
scores takes truth.key away.`},
	example: text{`
  haetae drill generate coupang-2025 --out exam --scale 1000`, `
  haetae drill generate coupang-2025 --out exam --scale 1000`},
}

var drillScoreText = commandText{
	short: text{"어느 도구든 그 경보와 명단을 정답으로 채점합니다", "score any tool's alerts and list of people"},
	long: text{
		`generate로 만든 로그에서 도구가 낸 경보(--alerts)와 조회된 사람의 명단(--people)을 정답과 비교합니다.
파일의 형식: docs/drills.md`,
		`Holds the alerts (--alerts) and the people (--people) that a tool found in the logs of generate
against the truth. Formats of the files: docs/drills.md`},
	example: text{`
  haetae drill score coupang-2025 --truth exam/truth.age --key truth.key \
    --alerts alerts.csv --people people.csv --report siem.html`, `
  haetae drill score coupang-2025 --truth exam/truth.age --key truth.key \
    --alerts alerts.csv --people people.csv --report siem.html`},
}

var drillFlags = struct {
	scenarios, scale, seed, data, noHold, report, out, truth, key, alerts, people, others, statements, numbers, tool text
	live, speed, step, from, to, server, into                                                                        text
}{
	scenarios:  text{"시나리오 `폴더` (없으면 함께 배포되는 것)", "`folder` of scenarios (without it, those that ship)"},
	scale:      text{"축척 1:`N` (없으면 시나리오의 기본값)", "scale 1:`N` (without it, the scenario's own)"},
	seed:       text{"난수 생성의 시작 `수`", "`number` from which everything drawn follows"},
	data:       text{"데이터를 남길 새 `폴더` (없으면 임시)", "make the data `folder` here and keep it (without it, temporary)"},
	noHold:     text{"경보가 울려도 자료 보전을 설정하지 않음", "nobody sets a hold when it rings"},
	report:     text{"채점표를 쓸 HTML `파일`", "HTML `file` for the report"},
	out:        text{"파일을 쓸 빈 `폴더`", "empty `folder` for the files"},
	truth:      text{"봉인된 정답 `파일`(truth.age)", "`file` of the sealed truth (truth.age)"},
	key:        text{"정답을 여는 키 `파일`(truth.key)", "`file` of the key that opens it (truth.key)"},
	alerts:     text{"경보 `파일`(CSV 또는 NDJSON)", "`file` of alerts (CSV or NDJSON)"},
	people:     text{"조회된 사람 `파일`(CSV: person,items)", "`file` of people who were reached (CSV: person,items)"},
	others:     text{"가능성이 있거나 제외된 사람 `파일`(CSV: kind,person,items)", "`file` of people possible or excluded (CSV: kind,person,items)"},
	statements: text{"기록의 공백 등을 적은 `파일`(CSV: kind,log,from,to,rows)", "`file` of what is said about the record (CSV: kind,log,from,to,rows)"},
	numbers:    text{"건수 `파일`(JSON: reads, accounts, people, ghosts …)", "`file` of counts (JSON: reads, accounts, people, ghosts …)"},
	live:       text{"늘어나는 로그를 따라 읽는 서버에 보냄", "play it into logs that a server follows"},
	speed:      text{"1초에 지나가는 시나리오의 시간, `초` (1: 실제 속도)", "`seconds` of the scenario in a second (1: real time)"},
	step:       text{"서버에 확인하기 전에 쓰는 로그의 `기간`, 한 시간 단위 (기본 24h, --speed가 있으면 1h)", "`time` that is written before the server is asked, whole hours (24h; with --speed 1h)"},
	from:       text{"--speed가 적용되기 시작하는 `시각`", "`time` from which --speed counts"},
	to:         text{"시나리오를 끝낼 `시각`", "`time` at which the scenario ends"},
	server:     text{"실행 중인 서버의 데이터 `폴더`", "data `folder` of a running server"},
	into:       text{"그 서버가 따라 읽는 로그의 `폴더`", "`folder` of the logs that it follows"},
	tool:       text{"채점표에 적을 도구 `이름`", "`name` of the tool, for the report"},
}

var drillWords = struct {
	name, span, accounts, scale, title, noScenario, badScale, reportThere, notEmpty, needTruth, needFindings, needOut                               text
	reconstruction, unsettled, attack, faults, outside, blind, figures, sources, invented, calc, uncertain                                          text
	making, reported, generated, aside, asideMore, reality, first, high, noAlarm, noHigh, notSeen, phaseRang, falseAlarms                           text
	faultUnsaid, faultHeld, faultSaid, claim, cost, inventedCount, passed, failed, truth, found, wrong, missed, people, reads, accountsRead, ghosts text
	outsideSpan, badSpeed, badStep, fromWithout, serverWithout, serverWith                                                                          text
	missedSaid, days, inReads, ofAccounts, ahead                                                                                                    text
	stages                                                                                                                                          map[string]text
}{
	name: text{"이름", "name"}, span: text{"기간", "span"}, accounts: text{"계정", "accounts"}, scale: text{"축척", "scale"}, title: text{"제목", "title"},
	noScenario:   text{"그런 시나리오가 없습니다. haetae drill list로 확인하십시오", "there is no such scenario; see haetae drill list"},
	badScale:     text{"--scale은 1 이상이어야 합니다", "--scale has to be 1 or more"},
	reportThere:  text{"%s 파일이 이미 있습니다", "%s is there already"},
	notEmpty:     text{"%s 폴더가 비어 있지 않습니다", "%s is not empty"},
	needTruth:    text{"--truth와 --key가 필요합니다", "--truth and --key are needed"},
	needFindings: text{"채점할 것이 없습니다: --alerts나 --people을 지정하십시오", "there is nothing to score: give --alerts or --people"},
	needOut:      text{"--out이 필요합니다", "--out is needed"},

	outsideSpan:   text{"%s: 시나리오의 기간 %s – %s 안의 시각이어야 합니다", "%s has to be within the scenario, %s to %s"},
	badSpeed:      text{"--speed는 0보다 크고 1000000000 이하여야 합니다", "--speed has to be more than 0, and 1000000000 at most"},
	badStep:       text{"--step은 1h 이상이고 한 시간 단위여야 합니다", "--step has to be whole hours, 1h or more"},
	fromWithout:   text{"--from은 --speed와 함께 쓰십시오", "--from goes with --speed"},
	serverWithout: text{"--server와 --into는 함께 쓰십시오", "--server and --into go together"},
	serverWith:    text{"--server는 --data, --rules와 함께 쓸 수 없습니다. 데이터 폴더와 규칙은 그 서버의 것입니다", "--server goes without --data and --rules: folder and rules are the server's"},

	reconstruction: text{"\n공개된 자료로 재구성한 것입니다. 특정인을 가리키지 않습니다.\n", "\nA reconstruction from public reports. It names no person.\n"},
	unsettled:      text{"\n확정되지 않은 것\n", "\nNot settled\n"},
	attack:         text{"\n공격\n", "\nAttack\n"},
	faults:         text{"\n증거의 결함\n", "\nFaults of the evidence\n"},
	outside:        text{"\n밖에서 온 것\n", "\nFrom outside\n"},
	blind:          text{"\n기록으로 알 수 없는 것\n", "\nWhat the records cannot show\n"},
	figures:        text{"\n수치 (1:1)\n", "\nFigures, at full scale\n"},
	sources:        text{"\n출처\n", "\nSources\n"},
	invented:       text{"가정", "invented"}, calc: text{"계산", "calculated"}, uncertain: text{"불확실", "uncertain"},

	making:    text{"로그를 만들어 가져오는 중: %s, %s행", "making and importing the logs: %s, %s lines"},
	reported:  text{"채점표: %s\n", "report: %s\n"},
	generated: text{"%s에 로그 %s행을 썼습니다 (1:%d, seed %d). truth.key는 채점하는 사람이 가지고 가십시오.\n", "wrote %s with %s lines of logs (1:%d, seed %d). Whoever scores takes truth.key away.\n"},
	aside:     text{"읽지 못한 행: %s\n", "not readable: %s\n"},
	asideMore: text{"%s에서 그 밖에 %d행을 읽지 못하였습니다\n", "%s: %d more lines were not readable\n"},

	reality:     text{"실제: 알게 된 계기는 %s, 시작부터 %.0f일\n", "In reality: known by %s, %.0f days after it began\n"},
	first:       text{"첫 정탐: %s  %s (%s)  이미 %s명, %.2f%% 예방 가능\n", "First correct signal: %s  %s (%s)  %s people reached, %.2f%% could have been spared\n"},
	high:        text{"첫 '높음' 정탐: %s  %s (%s)  이미 %s명, %.2f%% 예방 가능\n", "First high signal:    %s  %s (%s)  %s people reached, %.2f%% could have been spared\n"},
	noAlarm:     text{"정탐 없음\n", "No correct signal\n"},
	noHigh:      text{"심각도 '높음' 정탐 없음\n", "No correct signal of high severity\n"},
	notSeen:     text{"탐지되지 않음", "not seen"},
	phaseRang:   text{"%s %s, 시작 뒤 %s", "%s %s, %s after it began"},
	falseAlarms: text{"오탐 %d건 / %.0f일, 그중 '높음' %d건 (1년에 %.0f건까지 허용)\n", "False alarms: %d in %.0f days, %d of them high (%.0f a year allowed)\n"},
	faultUnsaid: text{"증거 결함: %s — 공격 기록 %s건, 말하지 않음\n", "Fault: %s — %s lines of the attack, not said\n"},
	faultHeld:   text{"증거 결함: %s — 자료 보전으로 공격 기록 %s건을 지킴\n", "Fault: %s — a hold kept %s lines of the attack\n"},
	faultSaid:   text{"증거 결함: %s — 공격 기록 %s건, 공백으로 밝힘\n", "Fault: %s — %s lines of the attack, said to be missing\n"},
	claim:       text{"주장과 입증: %s %s건 주장, %s건 입증\n", "Claimed and proved: %s: %s claimed, %s proved\n"},
	cost: text{"로그 %s행(%s): 생성·가져오기 %s, 탐지 %s, 조회 %s, 데이터 폴더 %s, 탐지 공백 %d건\n",
		"%s lines (%s): made and imported in %s, rules %s, scope %s, data folder %s; coverage lost %d times\n"},
	inventedCount: text{"가정하거나 계산하였거나 불확실한 수치 %d개: haetae drill show %s\n", "%d figures are invented, calculated or uncertain: haetae drill show %s\n"},
	passed:        text{"통과\n", "passed\n"},
	failed:        text{"통과하지 못함\n", "NOT passed\n"},
	truth:         text{"정답", "truth"}, found: text{"결과", "found"}, wrong: text{"틀림", "wrong"}, missed: text{"놓침", "missed"},
	people: text{"정보주체", "people"}, reads: text{"조회", "reads"}, accountsRead: text{"계정", "accounts"}, ghosts: text{"회원대장에 없는 계정", "ghosts"},
	missedSaid: text{"놓친 사람 가운데 기록의 공백이라고 밝힌 것 %s명, 정보주체를 알 수 없는 조회라고 밝힌 것 %s명\n", "Of those missed, %s lie in a stated gap and %s in reads that are stated to name nobody\n"},
	days:       text{"%.0f일", "%.0f days"},
	inReads:    text{"조회", "reads"}, ofAccounts: text{"계정", "accounts"},
	ahead: text{"사전 경고: %s  %s (%s)\n", "Ahead of the attack:  %s  %s (%s)\n"},
	stages: map[string]text{
		play.Rules: {"규칙 적용", "rules"}, play.Scope: {"조회 범위", "scope"}, play.Judge: {"채점", "scoring"}, play.Traffic: {"로그", "logs"},
	},
}
