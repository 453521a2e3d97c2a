package main

// Help of every command. Examples are the lesson: each can be typed as it
// stands, once the file names are your own.

var rootText = commandText{
	short: text{"누가 누구의 개인정보를 조회하였는지 기록하고, 정확히 답합니다", "the record of who read whose personal data, and exact answers from it"},
	long: text{
		`haetae는 접속기록(누가 누구의 개인정보를 조회하였는지)을 보관하고, 그 기록으로
유출 사고의 조회 범위를 정확히 산정합니다: 어느 인증키가 어느 정보주체의
어떤 개인정보 항목에 닿았는가.

기록 안의 식별자는 모두 가명처리되며, 화면·오류·로그에 개인정보를 표시하지 않습니다.

종료 코드: 0 완료, 1 실패, 2 명령 사용 오류, 3 완료하였으나 일부 행을 따로 보관함`,
		`haetae keeps the record of who read whose personal data, and tells from it exactly
what a leak reached: whose data did this key read, and which items?

Ids in the record are pseudonyms. No screen, error or log line shows personal data.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but some lines were set aside`},
	example: text{`
  haetae quickstart
  haetae init --data /var/lib/haetae
  haetae import --data /var/lib/haetae --catalog shop.yaml access.log.gz
  haetae scope --data /var/lib/haetae --where 'credential.key == "sig-2024-04"'`, `
  haetae quickstart
  haetae init --data /var/lib/haetae
  haetae import --data /var/lib/haetae --catalog shop.yaml access.log.gz
  haetae scope --data /var/lib/haetae --where 'credential.key == "sig-2024-04"'`},
}

var quickstartText = commandText{
	short: text{"예제 쇼핑몰 로그로 바로 시작합니다", "begin at once, on the log of a made-up shop"},
	long: text{
		`데이터 폴더를 만들고, 함께 배포되는 가상 쇼핑몰의 한 달 치 로그를 가져와
서버를 띄운 뒤, 도용된 인증키 sig-2024-04가 누구에게 닿았는지 보여 줍니다.
이어서 실제 nginx 로그로 같은 일을 하는 명령을 안내합니다. Ctrl-C로 마칩니다.`,
		`Makes a data folder, imports a month of a made-up shop's log that comes with the
program, starts the server, and shows whom the stolen key sig-2024-04 reached. Then it
says what to type for an nginx log of your own. Ctrl-C ends it.`},
	example: text{`
  haetae quickstart
  haetae quickstart --data /tmp/try --once      # 보여 주고 바로 마칩니다`, `
  haetae quickstart
  haetae quickstart --data /tmp/try --once      # show it and end`},
}

var initText = commandText{
	short: text{"데이터 폴더와 키를 만듭니다", "make a data folder and its keys"},
	long: text{
		`빈 데이터 폴더와 키 두 개를 만듭니다.

  hash.key   식별자를 가명처리하는 키. 서버가 실행되는 동안 필요합니다.
  open.key   실제 식별자를 되찾는 키. 만든 뒤 이 장비 밖으로 옮겨 보관하십시오.

키 폴더는 데이터 폴더 밖(기본: DIR.keys)에 둡니다. 키를 잃으면 기록을 열 수 없습니다.`,
		`Makes an empty data folder and two keys.

  hash.key   turns ids into pseudonyms; a running server needs it
  open.key   leads back to real ids; move it off this machine once it is made

The keys lie outside the data folder (by default in DIR.keys), so that a copy of the
folder is not a copy of the keys. Without hash.key the record cannot be used.`},
	example: text{`
  haetae init --data /var/lib/haetae
  haetae init --data /var/lib/haetae --keys /etc/haetae/keys`, `
  haetae init --data /var/lib/haetae
  haetae init --data /var/lib/haetae --keys /etc/haetae/keys`},
}

var importText = commandText{
	short: text{"지난 로그를 가져옵니다", "bring history in from log files"},
	long: text{
		`로그 파일을 읽어 접속기록으로 만듭니다. gzip과 zstd는 저절로 풀고, 형식
(combined, common, json)은 저절로 알아냅니다. '-'는 표준 입력입니다.

같은 파일을 다시 가져와도 수치는 변하지 않습니다. 도중에 멈추면 같은 명령이 이어서
진행합니다. 서버가 폴더를 쓰고 있으면 그 서버에 맡깁니다.

--holdings와 --register는 "파일@날짜"로 기준일을 줄 수 있습니다. 기준일이 없으면
모든 시점에 적용합니다. 읽을 수 없는 행은 사유별로 세어 암호화해 따로 보관하고
(haetae aside list), 나머지는 계속 진행하며, 이때 종료 코드는 3입니다.`,
		`Reads log files and makes access records of their lines. gzip and zstd are unpacked,
and the format (combined, common, json) is recognised. "-" is standard input.

The same file again changes no number. An import that was stopped goes on with the same
command. If a server owns the folder, the server does the import.

--holdings and --register take "FILE@DATE", the day from which they are true; without
one they count for all time. Lines that cannot be read are counted by cause and set
aside, sealed (haetae aside list); the rest goes on, and the exit code is 3.`},
	example: text{`
  haetae import --data /var/lib/haetae --catalog shop.yaml access.log.1.gz access.log.2.gz
  haetae import --data /var/lib/haetae --holdings holdings.csv@2025-03-01 --register register.csv@2025-03-01
  zstd -dc access.zst | haetae import --data /var/lib/haetae --source gateway -
  haetae import --data /var/lib/haetae --redecode access.log.1.gz    # 카탈로그를 고친 뒤 다시 해석`, `
  haetae import --data /var/lib/haetae --catalog shop.yaml access.log.1.gz access.log.2.gz
  haetae import --data /var/lib/haetae --holdings holdings.csv@2025-03-01 --register register.csv@2025-03-01
  zstd -dc access.zst | haetae import --data /var/lib/haetae --source gateway -
  haetae import --data /var/lib/haetae --redecode access.log.1.gz    # after the catalog was corrected`},
}

var serveText = commandText{
	short: text{"서버를 실행합니다: 기록 수신, 로그 추적, 질의", "run the server: take records in, follow logs, answer"},
	long: text{
		`데이터 폴더를 맡아 POST /v1/records로 접속기록을 받고, 진행 중인 로그 파일을
교체(rotation)와 잘림까지 따라가며 읽고, HTTP로 답합니다. 2xx 응답은 디스크에 안전하게
기록되었음을 뜻합니다. 보내는 쪽은 haetae token add로 발급한 토큰을 씁니다.

기본 주소 127.0.0.1:7420은 이 장비에서만 접속됩니다. 다른 주소를 열 때에는 앞에 TLS를
두십시오.`,
		`Owns a data folder: takes records in at POST /v1/records, follows live log files
through rotation and truncation, and answers over HTTP. A 2xx means that the records are
safe on the disk. Senders need a token, made with haetae token add.

The default address 127.0.0.1:7420 can be reached from this machine alone. Before you
open another, put TLS in front of it. docs/http.md describes every address.`},
	example: text{`
  haetae serve --data /var/lib/haetae
  haetae serve --data /var/lib/haetae --follow gateway=/var/log/nginx/access.json`, `
  haetae serve --data /var/lib/haetae
  haetae serve --data /var/lib/haetae --follow gateway=/var/log/nginx/access.json`},
}

var scopeHelp = commandText{
	short: text{"조회 범위: 누구의 어떤 항목이 조회되었는가", "whose data was read, and which items"},
	long: text{
		`조건에 맞는 접속기록이 어느 계정, 어느 정보주체, 어느 개인정보 항목에 닿았는지
정확히 셉니다. 알 수 없는 것(대상 미상, 카탈로그에 없는 경로, 로그 공백)은 수치 옆에
따로 적습니다. 추정치는 내지 않습니다.

조건은 CEL 식입니다. 쓸 수 있는 이름:
  time source action route status rows items account actor.id actor.type
  credential.key credential.token client.ip client.agent client.country client.network
  inCIDR(client.ip, "45.0.0.0/8")
account, actor.id, credential.token은 ==, !=, in만 쓸 수 있습니다(가명처리되어 있으므로).

--from은 그 시각부터, --to는 그 시각 직전까지입니다. 날짜만 쓰면 카탈로그 시간대의 자정입니다.`,
		`Counts exactly which accounts, which people and which items of personal data the
matching records reached. What cannot be known (reads that name nobody, routes the
catalog does not know, gaps in the log) stands beside the numbers. Nothing is estimated.

The condition is a CEL expression over these names:
  time source action route status rows items account actor.id actor.type
  credential.key credential.token client.ip client.agent client.country client.network
  inCIDR(client.ip, "45.0.0.0/8")
account, actor.id and credential.token allow only ==, != and in: they are pseudonyms.

--from is the first moment that counts, --to the first that no longer does. A date alone
is its midnight in the catalog's zone.`},
	example: text{`
  haetae scope --data D --where 'credential.key == "sig-2024-04"'
  haetae scope --data D --where 'actor.id == "s103"' --from 2025-03-01 --to 2025-03-16 --by route
  haetae scope --data D --where 'inCIDR(client.ip, "45.0.0.0/8")' --by day --json
  haetae scope --data D --where 'credential.key == "sig-2024-04"' --save first-count
  haetae scope minus second-count first-count --data D     # 지난 산정 이후 새로 확인된 정보주체`, `
  haetae scope --data D --where 'credential.key == "sig-2024-04"'
  haetae scope --data D --where 'actor.id == "s103"' --from 2025-03-01 --to 2025-03-16 --by route
  haetae scope --data D --where 'inCIDR(client.ip, "45.0.0.0/8")' --by day --json
  haetae scope --data D --where 'credential.key == "sig-2024-04"' --save first-count
  haetae scope minus second-count first-count --data D     # who is new since the first count`},
}

var scopeListText = commandText{short: text{"저장한 조회 범위 목록", "list saved scopes"}}
var scopeShowText = commandText{short: text{"저장한 조회 범위를 보여 줍니다", "show a saved scope"}, example: text{`
  haetae scope show first-count --data D`, `
  haetae scope show first-count --data D`}}
var scopeDiffText = commandText{short: text{"저장한 두 조회 범위를 견줍니다", "compare two saved scopes"}, example: text{`
  haetae scope diff first-count second-count --data D`, `
  haetae scope diff first-count second-count --data D`}}
var scopeAndText = commandText{short: text{"두 조회 범위 모두에 든 계정과 정보주체", "who is in both of two saved scopes"}, example: text{`
  haetae scope and key-04 staff-s103 --data D --save both`, `
  haetae scope and key-04 staff-s103 --data D --save both`}}
var scopeMinusText = commandText{short: text{"첫째에는 있고 둘째에는 없는 계정과 정보주체", "who is in the first saved scope and not in the second"}, example: text{`
  haetae scope minus second-count first-count --data D    # 지난 산정 이후 새로 확인된 정보주체`, `
  haetae scope minus second-count first-count --data D    # who is new since the last count`}}

var subjectText = commandText{short: text{"정보주체 한 사람에 대한 접속기록", "the record of one person"}}
var subjectShowText = commandText{
	short: text{"한 사람의 개인정보를 누가 조회하였는지 보여 줍니다", "every access to one person's data"},
	long: text{
		`회원 계정 한 개에 대한 모든 접속을 시간순으로 보여 줍니다. 접속자는 종류와
인증키로만 표시합니다. 식별자가 명령 기록에 남지 않도록 '-'로 표준 입력에서 받을 수 있습니다.`,
		`Shows every access to one account's data, in order of time. Whoever read it is shown
by type and key only. With "-" the id is read from standard input, so that it stays out
of the shell's history.`},
	example: text{`
  haetae subject show m1000042 --data D
  printf m1000042 | haetae subject show - --data D --json`, `
  haetae subject show m1000042 --data D
  printf m1000042 | haetae subject show - --data D --json`},
}

var catalogText = commandText{short: text{"카탈로그: 어느 경로가 어떤 개인정보 항목을 내주는가", "the catalog: which route returns which items"}}
var catalogCheckText = commandText{
	short: text{"로그가 카탈로그로 얼마나 설명되는지 봅니다", "how much of a log the catalog explains"},
	long: text{
		`로그를 읽어, 접속자·경로·계정·개인정보 항목까지 알아낼 수 있는 요청의 비율과,
개인정보로 보이지만 카탈로그에 없는 경로를 보여 줍니다. 아무것도 저장하지 않습니다.`,
		`Reads a log and shows the share of requests resolved to a reader, a route, an account
and an item, and the unmapped routes that look like personal data. Stores nothing.`},
	example: text{`
  haetae catalog check access.log.gz --catalog shop.yaml
  haetae catalog check access.json --catalog shop.yaml --source gateway --json`, `
  haetae catalog check access.log.gz --catalog shop.yaml
  haetae catalog check access.json --catalog shop.yaml --source gateway --json`},
}
var catalogShowText = commandText{
	short: text{"카탈로그의 항목, 로그, 경로를 보여 줍니다", "show a catalog's items, sources and routes"},
	example: text{`
  haetae catalog show --data D
  haetae catalog show --catalog shop.yaml`, `
  haetae catalog show --data D
  haetae catalog show --catalog shop.yaml`},
}

var asideText = commandText{short: text{"따로 보관한 행", "lines that were set aside"}}
var asideListText = commandText{short: text{"따로 보관한 행을 로그, 필드, 사유별로 셉니다", "count the lines set aside, by source, field and cause"}}
var asideShowText = commandText{
	short: text{"따로 보관한 행을 열어 봅니다(열람 키 필요)", "open the lines set aside (needs the opening key)"},
	long: text{
		`따로 보관한 행은 로그 원문이므로 개인정보가 들어 있습니다. 열람 키(open.key)와
사유가 있어야 열 수 있고, 열람 사실이 접속기록으로 남습니다.`,
		`Lines set aside are raw log lines and full of personal data. Opening them takes the
opening key (open.key) and a reason, and is itself recorded as an access.`},
	example: text{`
  haetae aside show --data D --open-key /media/usb/open.key --reason '수집기 오류 점검'`, `
  haetae aside show --data D --open-key /media/usb/open.key --reason 'collector writes broken times'`},
}

var statusHelp = commandText{
	short: text{"데이터 폴더의 상태", "what is in a data folder, and how it is doing"},
	example: text{`
  haetae status --data D
  haetae status --data D --json`, `
  haetae status --data D
  haetae status --data D --json`},
}

var retainText = commandText{
	short: text{"보유기간이 지난 접속기록을 파기합니다", "destroy records older than their retention"},
	long: text{
		`기준 시각보다 오래된 접속기록을 월 단위 파일째 파기하고, 더는 필요 없는 식별자도
파기합니다. 되돌릴 수 없으므로 --yes가 없으면 아무것도 하지 않습니다. 자료 보전(haetae hold)이 걸려
있으면 파기를 거부합니다.

「개인정보의 안전성 확보조치 기준」은 접속기록을 1년 이상, 5만명 이상의 정보주체나 고유식별정보·민감정보를
처리하면 2년 이상 보관하도록 합니다.`,
		`Destroys the records older than a moment, by whole files of a month, and the ids that
nothing needs any more. It cannot be undone, so without --yes nothing happens. While a
hold stands (haetae hold) it is refused.

Korean law asks for at least one year, two where more than 50,000 people or unique
identifiers or sensitive data are processed.`},
	example: text{`
  haetae retain --data D --keep 730d --yes
  haetae retain --data D --before 2024-01-01 --yes`, `
  haetae retain --data D --keep 730d --yes
  haetae retain --data D --before 2024-01-01 --yes`},
}

var holdText = commandText{short: text{"자료 보전: 파기를 멈춥니다", "holds: stop retention for evidence"}}
var holdSetText = commandText{short: text{"자료 보전을 겁니다", "place a hold"}, example: text{`
  haetae hold set case-7 --reason '개인정보보호위원회 조사' --data D`, `
  haetae hold set case-7 --reason 'investigation by the authority' --data D`}}
var holdLiftText = commandText{short: text{"자료 보전을 풉니다", "lift a hold"}}
var holdListText = commandText{short: text{"걸려 있는 자료 보전", "list holds"}}

var tokenText = commandText{short: text{"기록을 보내는 쪽의 토큰", "tokens of those who send records"}}
var tokenAddText = commandText{
	short: text{"로그 하나에 토큰을 발급합니다", "make a token for one source"},
	long: text{
		`POST /v1/records에 쓸 토큰을 만듭니다. 폴더에는 해시만 남으므로 토큰은 지금 한 번만
볼 수 있습니다. 실행 중인 서버는 곧바로 받아들입니다.`,
		`Makes a token for POST /v1/records. The folder keeps only its hash, so this is the one
time it can be seen. A running server takes it at once.`},
	example: text{`
  haetae token add gateway --data D`, `
  haetae token add gateway --data D`},
}
var tokenListText = commandText{short: text{"토큰 목록(해시 앞자리만)", "list tokens, by the beginning of their hash"}}
var tokenRemoveText = commandText{short: text{"토큰을 없앱니다", "take a token away"}}

var versionText = commandText{short: text{"버전", "print the version"}}

var helpText = struct{ help, completion, usage, aliases, examples, commands, flags, globalFlags, more text }{
	help:        text{"명령의 도움말", "help about any command"},
	completion:  text{"셸 자동완성 스크립트를 만듭니다", "write the completion script for a shell"},
	usage:       text{"사용법", "Usage"},
	aliases:     text{"다른 이름", "Aliases"},
	examples:    text{"보기", "Examples"},
	commands:    text{"명령", "Commands"},
	flags:       text{"옵션", "Flags"},
	globalFlags: text{"공통 옵션", "Global flags"},
	more:        text{"\"%s [명령] --help\"로 각 명령의 도움말을 볼 수 있습니다.", "\"%s [command] --help\" tells more about a command."},
}

var flagText = struct {
	data, keys, lang, json, help, version                                                                      text
	catalog, holdings, register, source, format, importNew, redecode, workers                                  text
	listen, follow, where, from, to, by, explain, save, export, recipient, reason, openKey, once, limit, quiet text
	before, keep, yes, showSource, logLevel                                                                    text
}{
	data:       text{"데이터 `폴더` (환경변수 HAETAE_DATA)", "data `folder` (environment: HAETAE_DATA)"},
	keys:       text{"키 `폴더`, 기본은 데이터폴더.keys (환경변수 HAETAE_KEYS)", "key `folder`, by default the data folder's name with .keys (environment: HAETAE_KEYS)"},
	lang:       text{"출력 언어: ko 또는 en", "language of the output: ko or en"},
	json:       text{"JSON으로 출력", "print JSON"},
	help:       text{"도움말", "show help"},
	version:    text{"버전", "print the version"},
	catalog:    text{"카탈로그 `파일`(YAML)", "catalog `file` (YAML)"},
	holdings:   text{"보유현황 `파일[@날짜]`(CSV 또는 NDJSON)", "holdings `file[@date]` (CSV or NDJSON)"},
	register:   text{"회원대장 `파일[@날짜]`(CSV 또는 NDJSON)", "register `file[@date]` (CSV or NDJSON)"},
	source:     text{"카탈로그에 적힌 로그 `이름`", "the catalog's `name` for the log"},
	format:     text{"로그 `형식`: combined, common, json", "`format` of the log: combined, common, json"},
	importNew:  text{"이미 가져온 행과 겹쳐 보여도 새 기록으로 가져옵니다", "import even what looks like a copy of lines already imported"},
	redecode:   text{"같은 파일의 이전 기록을 지금 카탈로그로 다시 해석해 바꿉니다", "replace the records of an earlier import of the same file, decoded by the catalog of now"},
	workers:    text{"나란히 일할 `개수`, 기본은 코어 수", "`number` of workers, by default one for each core"},
	listen:     text{"받을 `주소`", "`address` to listen on"},
	follow:     text{"계속 읽을 로그 `이름=파일` (여러 번 가능)", "live log to follow, `source=file` (may be repeated)"},
	where:      text{"조건(`CEL` 식)", "condition, a `CEL` expression"},
	from:       text{"이 `시각`부터", "first `moment` that counts"},
	to:         text{"이 `시각` 직전까지", "first `moment` that no longer counts"},
	by:         text{"나누어 셀 `필드`: route, item, day, hour, key, client, country, network, actor, source …", "`field` to divide by: route, item, day, hour, key, client, country, network, actor, source, …"},
	explain:    text{"어떻게 셌는지 함께 보여 줍니다", "also show how it was counted"},
	save:       text{"결과를 이 `이름`으로 저장", "save the answer under this `name`"},
	export:     text{"실제 식별자를 암호화해 쓸 `파일`", "`file` to write the real ids to, encrypted"},
	recipient:  text{"받는 사람의 age 공개키(`age1…`)", "age public key of the recipient (`age1…`)"},
	reason:     text{"`사유`", "`reason`, kept in the record"},
	openKey:    text{"열람 키 `파일`(open.key)", "opening key `file` (open.key)"},
	once:       text{"보여 주고 바로 마칩니다", "show it and end, without serving on"},
	limit:      text{"최대 `개수`", "at most this `many`"},
	quiet:      text{"진행 상황을 표시하지 않습니다", "show no progress"},
	before:     text{"이 `시각`보다 오래된 것을 파기", "destroy what is older than this `moment`"},
	keep:       text{"보유`기간`, 예: 730d", "how `long` to keep, for example 730d"},
	yes:        text{"파기합니다 (되돌릴 수 없음)", "do it; it cannot be undone"},
	showSource: text{"이 `로그`의 것만", "only those of this `source`"},
	logLevel:   text{"로그 `수준`: debug, info, warn, error", "log `level`: debug, info, warn, error"},
}

var usageText = struct{ noData, badLang, unknownCommand, tooFew, tooMany, badTime, badKeep, oneOf, noFiles, needWhere, exportNeeds, needReason, needCatalog, noID, asideNeeds, badBy, badLevel, stdinOnce text }{
	noData:         text{"데이터 폴더가 없습니다: --data DIR 또는 환경변수 HAETAE_DATA", "no data folder: give --data DIR or set HAETAE_DATA"},
	badLang:        text{"--lang은 ko 또는 en입니다", "--lang is ko or en"},
	unknownCommand: text{"알 수 없는 명령 %q (%s)", "unknown command %q for %s"},
	tooFew:         text{"인자가 모자랍니다: %s", "an argument is missing: %s"},
	tooMany:        text{"인자가 너무 많습니다: %s", "too many arguments: %s"},
	badTime:        text{"%s: 시각은 2025-03-10 또는 2025-03-10T09:00:00+09:00 꼴로 씁니다", "%s: write a moment as 2025-03-10 or 2025-03-10T09:00:00+09:00"},
	badKeep:        text{"--keep: 기간은 730d 꼴로 씁니다", "--keep: write a time as 730d"},
	oneOf:          text{"%s 중 하나만 쓰십시오", "give exactly one of %s"},
	noFiles:        text{"가져올 것이 없습니다: 파일, '-', --catalog, --holdings, --register 중 하나가 필요합니다", "nothing to import: give a file, \"-\", --catalog, --holdings or --register"},
	needWhere:      text{"조건이 없습니다: --where가 필요합니다. 모든 기록이면 --where true", "no condition: give --where; for all records, --where true"},
	exportNeeds:    text{"--export에는 --to-recipient, --reason, --open-key가 모두 필요합니다", "--export needs --to-recipient, --reason and --open-key"},
	needReason:     text{"--reason이 필요합니다: 열람 사유는 기록으로 남습니다", "--reason is needed: it is kept in the record"},
	needCatalog:    text{"카탈로그가 없습니다: --catalog FILE", "no catalog: give --catalog FILE"},
	noID:           text{"식별자가 비어 있습니다", "the id is empty"},
	asideNeeds:     text{"--open-key와 --reason이 필요합니다: 원문 열람은 기록으로 남습니다", "--open-key and --reason are needed: opening raw lines is recorded"},
	badBy:          text{"--by: 다음 중 하나입니다: %s", "--by is one of %s"},
	badLevel:       text{"--log-level은 debug, info, warn, error 중 하나입니다", "--log-level is one of debug, info, warn, error"},
	stdinOnce:      text{"'-'는 혼자 한 번만 쓸 수 있습니다", "\"-\" can be given once, and alone"},
}
