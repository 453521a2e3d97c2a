package main

import (
	"github.com/haetae/haetae/ingest/kafka"
	"github.com/haetae/haetae/server"
)

// Everything else that is printed, by command. Sentences with verbs (%s) have
// them in the same order in both languages.

var hintText = struct {
	interrupted, catalogMistakes, mistakes, usage, predicate, newer, overlap, held, catalog, inUse, notFolder, corrupt, missing,
	importing, noCatalog, noSource, key, diskFull, portTaken, otherServer, permission, exists, noKeys text
}{
	interrupted:     text{"중단하였습니다. 같은 명령을 다시 실행하면 이어서 진행합니다.", "stopped; the same command goes on from here"},
	catalogMistakes: text{"카탈로그 오류 %d건", "mistakes in the catalog: %d"},
	mistakes:        text{"오류 %d건", "mistakes: %d"},
	usage:           text{"%s --help에서 사용 예를 볼 수 있습니다", "%s --help shows examples"},
	predicate:       text{"예: 'credential.key == \"sig-2024-04\" && status == 200'. 사용할 수 있는 이름은 haetae scope --help에 있습니다", "for example: 'credential.key == \"sig-2024-04\" && status == 200'; haetae scope --help lists the names"},
	newer:           text{"이 폴더를 기록한 버전 이상의 haetae를 쓰십시오. 폴더는 변경하지 않았습니다", "use the haetae that wrote it, or a newer one; nothing in the folder was touched"},
	overlap:         text{"사본이 아니라 실제로 새로운 접속이라면 --new를 붙이십시오", "if these lines are really new ones, add --new"},
	held:            text{"haetae hold list로 확인하고, 보전할 필요가 없어졌으면 haetae hold lift로 해제하십시오", "see haetae hold list; when the evidence is no longer needed, haetae hold lift"},
	catalog:         text{"모든 항목의 설명은 docs/catalog.md에 있습니다", "docs/catalog.md explains every key"},
	inUse:           text{"서버나 다른 명령이 이 폴더를 사용 중입니다. 끝날 때까지 기다리거나 haetae status로 확인하십시오", "a server or another command owns the folder: wait for it, or look with haetae status"},
	notFolder:       text{"데이터 폴더를 먼저 만드십시오: haetae init --data DIR", "make one first: haetae init --data DIR"},
	corrupt:         text{"폴더를 그대로 보존하고 사본에서 확인하십시오. 백업이 있으면 오류에 나온 파일을 백업에서 복원하십시오", "leave the folder as it is and look at a copy; if there is a backup, restore the file that is named from it"},
	missing: text{
		"파일이 옮겨졌거나 지워졌습니다. 이 파일 없이 산정하면 일부 접속기록이 빠지므로 진행하지 않았으며, 데이터 폴더는 변경하지 않았습니다. 백업이나 사본에서 같은 자리에 복원한 뒤 다시 실행하십시오",
		"something moved or removed the file; going on without it would leave records out, so nothing was done and nothing in the folder was changed: restore the file to its place from a backup or a copy, and run the command again"},
	importing:   text{"진행 중인 가져오기가 끝난 뒤 다시 실행하십시오", "run it again when the other import has ended"},
	noCatalog:   text{"카탈로그를 적용하십시오: haetae import --data DIR --catalog FILE", "give it one: haetae import --data DIR --catalog FILE"},
	noSource:    text{"--source NAME으로 카탈로그의 로그 이름을 지정하십시오(haetae catalog show로 확인)", "give the catalog's name for this log: --source NAME (haetae catalog show lists them)"},
	key:         text{"이 폴더와 함께 만든 키인지 확인하십시오", "check that this is the key made together with the folder"},
	diskFull:    text{"디스크 공간을 확보한 뒤 같은 명령을 다시 실행하십시오. 저장되었다고 응답한 기록은 안전합니다", "the disk is full: make room and run the same command again; what was acknowledged is safe"},
	portTaken:   text{"다른 주소를 지정하십시오: --listen 127.0.0.1:0", "choose another address: --listen 127.0.0.1:0"},
	otherServer: text{"그 주소에서는 다른 폴더의 서버가 실행 중입니다", "another folder's server is at that address"},
	permission:  text{"파일의 소유자와 권한을 확인하십시오", "check who owns the file and who may read it"},
	exists:      text{"다른 이름이나 폴더를 지정하거나, 이미 있는 것을 옮기십시오", "use another name or folder, or move what is there"},
	noKeys:      text{"키 폴더가 다른 곳에 있으면 --keys DIR로 지정하십시오", "if the keys are elsewhere, say --keys DIR"},
}

var initWords = struct{ done text }{
	done: text{`데이터 폴더를 만들었습니다: %s
  %s   가명처리 키. 서버 실행에 필요합니다. 데이터와 분리하여 백업하십시오.
  %s   열람 키. 가명을 실제 식별자로 되돌릴 수 있으므로 지금 이 장비 밖으로 옮기십시오.
`, `made the data folder %s
  %s   turns ids into pseudonyms; the server needs it; back it up, apart from the data
  %s   leads back to real ids; move it off this machine now
`},
}

var serveWords = struct{ open, openInput, reload text }{
	reload: text{"다시 읽지 못한 파일이 있어, 그 규칙이나 알림 설정은 기존 것을 계속 씁니다:\n%s\n", "not all files could be read again; the rules or the alert settings before go on:\n%s\n"},
	openInput: text{"주의: 입력 %s에서는 다른 장비와 암호화 없이 통신합니다. 입력 파일에 tls를 쓰십시오. 접속기록에는 실제 식별자가 들어 있습니다.\n",
		"note: in the clear with other machines: input %s. Give it tls in the file of inputs, since records carry real ids\n"},
	open: text{"주의: 다른 장비에서도 접속할 수 있는 주소입니다. 통신이 암호화되지 않으므로(HTTP) 앞단에 TLS를 두십시오. 접속기록에는 실제 식별자가 들어 있습니다.\n",
		"note: other machines can reach this address, and it speaks plain HTTP: put TLS in front, since records carry real ids\n"},
}

var tokenWords = struct{ added, unknownSource, none, removed, noSuch, id, source, made text }{
	added:         text{"%s 로그의 토큰을 발급하였습니다(번호 %s). 다시 확인할 수 없으니 지금 옮겨 두십시오.\n", "a token for %s (id %s); it cannot be shown again\n"},
	unknownSource: text{"주의: 현재 카탈로그에는 %s 로그가 없습니다.\n", "note: the catalog in force has no source %s\n"},
	none:          text{"발급한 토큰이 없습니다.\n", "no tokens\n"},
	removed:       text{"토큰을 폐기하였습니다.\n", "token removed\n"},
	noSuch:        text{"그런 번호의 토큰이 없습니다", "no token has this id"},
	id:            text{"번호", "id"},
	source:        text{"로그", "source"},
	made:          text{"발급 시각", "made"},
}

var retainWords = struct {
	notYet, done, kept, underOneYear, underTwoYears, perhapsTwoYears, manyPeople,
	held, stands, lifted, noHolds, noSuchHold, name, since, by, lift, why, standing text
}{
	notYet: text{"%s 전의 접속기록이 파기됩니다. 되돌릴 수 없으므로, 실행하려면 --yes를 붙이십시오.\n", "this would destroy the records older than %s; it cannot be undone, so add --yes to do it\n"},
	done:   text{"파기하였습니다: %s, %s, %s\n", "destroyed %s, %s, %s\n"},
	kept: text{"  기준 시각 전의 %s은 더 최근의 기록과 같은 파일에 있어 남겨 두었습니다. --before %s 로 파기할 수 있습니다.\n",
		"  %s older than that stay, since their file also holds newer ones; they can go with --before %s\n"},
	underOneYear: text{"주의: 법정 최소 보관기간에 미달합니다. 접속기록은 1년 이상 보관·관리하여야 합니다(개인정보의 안전성 확보조치 기준 제8조제1항).\n",
		"note: this is less than the legal minimum in Korea: access records are kept for at least one year (Standard of Measures to Ensure the Safety of Personal Information, Article 8(1))\n"},
	underTwoYears: text{"주의: 법정 최소 보관기간에 미달합니다. 다음에 해당하므로 접속기록을 2년 이상 보관·관리하여야 합니다(개인정보의 안전성 확보조치 기준 제8조제1항 단서): %s\n",
		"note: this is less than the legal minimum in Korea: two years (Standard of Measures to Ensure the Safety of Personal Information, Article 8(1), proviso), because of: %s\n"},
	perhapsTwoYears: text{"주의: 보관기간이 2년에 미치지 못합니다. 5만명 이상의 정보주체, 고유식별정보 또는 민감정보를 처리하는 시스템이거나 기간통신사업자이면 2년 이상 보관·관리하여야 합니다(개인정보의 안전성 확보조치 기준 제8조제1항 단서).\n",
		"note: this is less than two years, which Korean law asks for where 50,000 data subjects or more, unique identifiers or sensitive data are processed, and of facilities-based telecommunications operators (Standard of Measures to Ensure the Safety of Personal Information, Article 8(1), proviso)\n"},
	manyPeople: text{"회원대장의 계정 %s개", "%s accounts in the register"},
	held:       text{"자료 보전을 설정하였습니다: %s. 해제할 때까지 접속기록을 파기하지 않습니다.\n", "hold %s is in place; nothing is destroyed until it is lifted\n"},
	stands:     text{"%s: 같은 이름의 자료 보전이 이미 설정되어 있습니다. 바꿀 수 없으니 다른 이름을 쓰거나 먼저 해제하십시오", "%s: a hold of this name stands already and is not replaced; choose another name, or lift it first"},
	lifted:     text{"자료 보전을 해제하였습니다: %s. 설정과 해제 이력은 남습니다.\n", "hold %s is lifted; that it stood stays on record\n"},
	noHolds:    text{"자료 보전 이력이 없습니다.\n", "no holds\n"},
	noSuchHold: text{"그런 이름으로 설정된 자료 보전이 없습니다", "no hold has this name"},
	name:       text{"이름", "name"},
	since:      text{"설정 시각", "since"},
	by:         text{"설정자", "by"},
	lift:       text{"해제", "lifted"},
	why:        text{"사유", "reason"},
	standing:   text{"보전 중", "stands"},
}

var catalogWords = struct {
	edition, name, items, sources, routes, detected, cadence, noCadence, behind                    text
	checked, unmappedSuspect, unmappedOthers, noUnmapped, unnamedRows, like, asideLines, addRoutes text
}{
	edition:         text{"카탈로그 %s (제%d판)\n", "catalog %s (edition %d)\n"},
	name:            text{"카탈로그 %s\n", "catalog %s\n"},
	items:           text{"\n개인정보 항목\n", "\nitems\n"},
	sources:         text{"\n로그\n", "\nsources\n"},
	routes:          text{"\n경로\n", "\nroutes\n"},
	detected:        text{"형식 자동 판별", "format detected"},
	cadence:         text{"%s 이내 주기로 기록", "at least one record every %s"},
	noCadence:       text{"기록 주기 미설정", "no cadence declared"},
	behind:          text{" + 계정 주소록에 있는 정보주체", " + the people behind the account"},
	checked:         text{"%s (%s, %s): %s행, 기록 %s건\n\n", "%s (%s, %s): %s lines, %s records\n\n"},
	unmappedSuspect: text{"\n카탈로그에 없으며 개인정보로 보이는 경로\n", "\nunmapped routes that look like personal data\n"},
	unmappedOthers:  text{"\n그 밖에 카탈로그에 없는 경로 %s개, 기록 %s건\n", "\n%s other unmapped routes, %s records\n"},
	noUnmapped:      text{"\n개인정보로 보이는 미등록 경로가 없습니다.\n", "\nno unmapped route looks like personal data\n"},
	unnamedRows:     text{"\n계정이 기록되지 않은 응답의 행 수: %s\n", "\nrows in answers that name no account: %s\n"},
	like:            text{"대소문자만 다른 경로: %s", "differs only in case from %s"},
	asideLines:      text{"\n읽을 수 없는 행: %s\n", "\nlines that could not be read: %s\n"},
	addRoutes:       text{"\n다음을 카탈로그에 옮긴 뒤 항목과 계정을 채우십시오:\n", "\nto begin with, copy these into the catalog and fill in items and account:\n"},
}

var asideWords = struct{ none, opened, source, lines, field, cause, first, how, at, onlyFile, onlyField, onlyCause text }{
	none:   text{"격리한 행이 없습니다.\n", "no lines were set aside\n"},
	opened: text{"%s을 열람하였습니다. 이 열람은 접속기록으로 남았습니다.\n", "%s opened; this is now in the record\n"},
	source: text{"로그", "source"},
	lines:  text{"행", "lines"},
	field:  text{"필드", "field"},
	cause:  text{"사유", "cause"},
	first:  text{"첫 행의 위치", "the first at"},
	how:    text{"\n모든 행의 위치와 원문: haetae aside show\n", "\nwhere each stands, and what it says: haetae aside show\n"},
	at:     text{"바이트 %d", "byte %d"},

	onlyFile:  text{"이 `파일`에 있던 행만(폴더 없이 이름만)", "only lines of this `file`, by its name without the folder"},
	onlyField: text{"이 `필드`에서 읽지 못한 행만", "only lines that failed at this `field`"},
	onlyCause: text{"이 `사유`의 행만(aside list --json의 cause)", "only lines of this `cause`, as in aside list --json"},
}

var statusText = struct {
	folderFormat, folder, records, span, segments, identities, catalog, edition, registers, holdings, since,
	imports, unfinished, aside, holds, retained, server, noServer, free, follow, behind, output, none, followAside, followMissing, followUnwatched, lostAddresses, lostTexts,
	input, inputSyslog, inputKafka, inputLast, inputAside, inputOther, inputRefused, inputFailed, inputRemoved, lag, lagUnknown, notConnected text
}{
	followMissing:   text{"로그 파일이 없습니다", server.FollowMissing},
	followUnwatched: text{"아직 수집을 시작하지 않았습니다", server.FollowUnwatched},
	folderFormat:    text{"데이터 폴더 형식 %d까지 지원\n", "reads data folders up to format %d\n"},
	folder:          text{"데이터 폴더", "data folder"},
	records:         text{"접속기록", "records"},
	span:            text{"기록 기간", "span"},
	segments:        text{"파일", "files"},
	identities:      text{"식별자(가명)", "ids (pseudonyms)"},
	catalog:         text{"카탈로그", "catalog"},
	edition:         text{"%s (제%d판)", "%s (edition %d)"},
	registers:       text{"회원대장", "register"},
	holdings:        text{"보유현황", "holdings"},
	since:           text{"%s (%s부터)", "%s (from %s)"},
	imports:         text{"가져온 파일", "imports"},
	unfinished:      text{"%s (완료되지 않은 것 %s개 별도: %s)", "%s (and %s not finished: %s)"},
	aside:           text{"격리한 행", "lines set aside"},
	holds:           text{"설정된 자료 보전", "holds"},
	retained:        text{"파기 기준 시각(이전 기록 없음)", "destroyed before"},
	server:          text{"서버", "server"},
	followAside:     text{"  격리한 행 %s (서버 시작 이후)", "  %s lines set aside since the start"},
	lostAddresses:   text{"  접속지 주소를 읽지 못한 기록 %s건", "  %s records without a place of access: the address could not be read"},
	lostTexts:       text{"  값을 줄이거나 지운 기록 %s건", "  %s records with a text that was cut or cleaned"},
	noServer:        text{"실행 중이 아님", "not running"},
	free:            text{"디스크 여유 공간", "disk free"},
	follow:          text{"실시간으로 읽는 로그", "follows"},
	output:          text{"출력", "output"},
	behind:          text{"%s=%s, 아직 읽지 않은 양 %s", "%s=%s, %s behind"},
	none:            text{"없음", "none"},
	input:           text{"입력", "input"},
	inputSyslog:     text{"%s (syslog %s), 연결 %s개, 수신한 메시지 %s건", "%s (syslog %s), %s connections, %s messages"},
	inputKafka:      text{"%s (Kafka), 수신한 메시지 %s건", "%s (Kafka), %s messages"},
	notConnected:    text{"연결되지 않음", "not connected"},
	inputLast:       text{"  마지막 메시지 %s", "  last message %s"},
	inputAside:      text{"  격리한 메시지 %s건", "  %s messages set aside"},
	inputOther:      text{"  어느 로그에도 해당하지 않아 버린 메시지 %s건", "  %s messages of no source, which were dropped"},
	inputRefused:    text{"  동시 연결 한도를 넘어 거절한 연결 %s건", "  %s connections refused: more at once than may be"},
	inputFailed:     text{"  오류로 끊은 연결 %s건", "  %s connections ended by a fault"},
	inputRemoved:    text{"  읽기 전에 Kafka에서 삭제된 메시지 %s건", "  %s messages removed from Kafka before they were read"},
	lag:             text{"  %s/%d: 아직 읽지 않은 메시지 %s건", "  %s/%d: %s messages behind"},
	lagUnknown:      text{"  %s/%d: 아직 읽은 것이 없습니다", "  %s/%d: nothing read yet"},
}

// inputProblems says what server.InputStatus.Error means.
var inputProblems = map[string]text{
	server.InputCertificate: {"바뀐 인증서 파일을 읽을 수 없어 기존 인증서를 계속 씁니다", "the certificate files were changed and cannot be read; those before go on"},
	server.InputStore:       {"받은 메시지를 저장할 수 없어 멈추었습니다. 서버 로그를 확인하십시오", "stands still: what came cannot be stored, see the server's log"},
	kafka.Joining:           {"소비자 그룹에 참여하는 중", "joining the group"},
	kafka.Unreachable:       {"브로커에 연결할 수 없습니다", "no broker can be reached"},
	kafka.Untrusted:         {"TLS 연결에 실패하였습니다. 인증서를 확인하십시오", "TLS failed: look at the certificates"},
	kafka.Authentication:    {"브로커가 인증을 거절하였습니다. 사용자 이름과 비밀번호 파일을 확인하십시오", "the brokers refused to authenticate: look at the files of user and password"},
	kafka.Authorization:     {"토픽이나 그룹을 읽을 권한이 없습니다", "the topic or the group may not be read"},
	kafka.NoTopic:           {"그런 토픽이 없습니다", "there is no such topic"},
	kafka.TooLarge:          {"압축을 풀면 한도를 넘는 메시지 묶음이 있습니다", "a batch unpacks to more than is taken"},
	kafka.Failed:            {"실패하였습니다. 서버 로그를 확인하십시오", "failed: see the server's log"},
}
