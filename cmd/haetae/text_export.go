package main

var exportText = commandText{
	short: text{"접속기록과 탐지를 다른 형식으로 내보냅니다", "write records and signals in the form of other systems"},
	example: text{`
  haetae export ocsf --data D -o records.ndjson`, `
  haetae export ocsf --data D -o records.ndjson`},
}

var exportOCSFText = commandText{
	short: text{"접속기록을 OCSF 이벤트로 내보냅니다", "write records as events of OCSF"},
	long: text{
		`접속기록을 시간순으로 한 줄에 하나씩 OCSF 1.3 이벤트(JSON)로 내보냅니다. 업무와 경로에 따라
API Activity(6003), Datastore Activity(6005), Authentication(3002)가 되고, --signals를 지정하면
탐지가 Detection Finding(2004)으로 뒤에 이어집니다. 조회 대상 정보주체와 개인정보 항목은
data_subjects에 들어갑니다.

식별자는 모두 가명이며 실제 식별자를 열람하지 않습니다. 가명처리한 정보도 개인정보이므로 내보낸
파일을 그에 맞게 관리하십시오. 새로 들어오는 기록을 SIEM으로 계속 보내려면: docs/siem.md`,
		`Writes records in the order of time as events of OCSF 1.3, a JSON object a line. By action
and route one is API Activity (6003), Datastore Activity (6005) or Authentication (3002);
with --signals what the rules find follows as Detection Findings (2004). Whose data an
answer held, and which items, stands in data_subjects.

All ids are pseudonyms, and no real id is opened. Pseudonymised data is personal data:
keep the file accordingly. To send a SIEM what comes in from now on: docs/siem.md`},
	example: text{`
  haetae export ocsf --data D --from 2025-03-10 --to 2025-03-15 -o march.ndjson
  haetae export ocsf --data D --where 'credential.key == "sig-2024-04"' --signals | jq .data_subjects`, `
  haetae export ocsf --data D --from 2025-03-10 --to 2025-03-15 -o march.ndjson
  haetae export ocsf --data D --where 'credential.key == "sig-2024-04"' --signals | jq .data_subjects`},
}

var exportWords = struct {
	signals, output, done, exists, outputs, place, from, waiting, refused, lost, gone, failing, settings text
}{
	signals:  text{"규칙에 따른 탐지도 함께 내보냄", "also write what the rules find"},
	output:   text{"저장할 `파일`. 지정하지 않으면 표준 출력", "`file` to write, else standard output"},
	done:     text{"접속기록 %s건, 탐지 %s건을 내보냈습니다\n", "%s records and %s signals were written\n"},
	outputs:  text{"SIEM 출력 설정 `파일`(YAML)", "`file` that says where records and signals are sent on to (YAML)"},
	place:    text{"%s: 보낸 기록 %s건", "%s: %s records sent"},
	from:     text{"(%s 이후 수집분)", " of those taken in since %s"},
	waiting:  text{", 대기 중인 저널 항목 %s개(%s부터)", ", %s entries of the journal wait (since %s)"},
	refused:  text{"수신 측이 거부하여 보내지 못한 기록 %s건", "refused by the receiver: %s"},
	lost:     text{"보내기 전에 없어진 기록 %s건(보존기간 경과 또는 대기 한도 초과)", "gone before they were sent: %s (destroyed by retention, or more than may wait)"},
	gone:     text{"보내기 전에 없어진 저널 항목 %s개(기록 수 알 수 없음)", "entries of the journal that were gone before they were sent: %s (how many records is not known)"},
	failing:  text{"전송 실패 %s회: %s", "failures in a row: %s: %s"},
	settings: text{"출력 설정 파일을 다시 읽지 못하여 이전 설정으로 계속합니다: %s", "the outputs file was not read again, and those before go on: %s"},
	exists:   text{"%s: 같은 이름의 파일이 있어 덮어쓰지 않았습니다", "%s: a file of this name is there, and was left as it is"},
}
