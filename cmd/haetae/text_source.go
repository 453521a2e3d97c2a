package main

import "github.com/haetae/haetae/server"

// Help and words of the source commands.

var sourceText = commandText{
	short: text{"로그의 수집 상태를 확인하고, 처음 보는 로그의 카탈로그 초안을 만듭니다", "what arrives from where; and a first catalog for an unknown log"},
	example: text{`
  haetae source list --data D
  haetae source test gateway access.log --catalog shop.yaml
  haetae source guess access.json > my.yaml`, `
  haetae source list --data D
  haetae source test gateway access.log --catalog shop.yaml
  haetae source guess access.json > my.yaml`},
}

var sourceListText = commandText{
	short: text{"로그별 수집 방법, 마지막 기록, 수집률, 누락, 확인 비율을 보여 줍니다", "each source: how it comes in, its last record, its rate, gaps, and what its records say"},
	long: text{
		`카탈로그에 정의된 로그와 기록이 있는 로그마다 어떻게 들어오는지(파일 가져오기, 실시간
파일, HTTP, OTLP), 마지막 기록과 마지막 수집 시각, 시간당 기록 수, 격리된 행, 누락을 보여
줍니다. 이어서 마지막 기록까지의 최근 기록 중 접속자, 인증수단, 접속지, 등록된 경로, 항목,
계정이 확인되는 비율을 보여 줍니다. 실행 중인 서버가 있으면 서버에 물어 수집 지연도
표시합니다.`,
		`For every source of the catalog, and every other that has records: how it comes in (imported
files, a followed file, HTTP, OTLP), its last record and when something last arrived, records
an hour, lines set aside, gaps; and of the records up to the last one the shares that say
who read, with which credential, from where, on a route of the catalog, with items, and
whose. Beside a running server it asks that, and shows how late records come.`},
	example: text{`
  haetae source list --data D
  haetae source list --data D --window 168h --json`, `
  haetae source list --data D
  haetae source list --data D --window 168h --json`},
}

var sourceTestText = commandText{
	short: text{"로그를 카탈로그대로 읽어 보고 각 필드가 제자리에 들어갔는지 보여 줍니다", "read a log by the catalog and show whether each field landed where it belongs"},
	long: text{
		`로그를 카탈로그의 SOURCE로 해석하여 접속기록이 된 행과 격리될 행의 수, 격리 사유와 첫 행의
위치, 접속자·인증수단·접속지·경로·항목·계정이 확인되는 비율, 처음 몇 건의 형태를 보여
줍니다. 값은 가려서 형태만 표시하고, 아무것도 저장하지 않습니다. 미등록 경로의 목록은
catalog check에 있습니다.`,
		`Decodes a log as the catalog's SOURCE and shows how many lines become records and how many
are set aside, why, and where the first of them stands; the share of records that say who
read, with which credential, from where, on which route, which items and whose; and the
form of the first records. Values are masked, and nothing is stored. For the routes that
the catalog does not describe see catalog check.`},
	example: text{`
  haetae source test gateway access.log.gz --catalog shop.yaml
  tail -1000 access.json | haetae source test gateway - --data D`, `
  haetae source test gateway access.log.gz --catalog shop.yaml
  tail -1000 access.json | haetae source test gateway - --data D`},
}

var sourceGuessText = commandText{
	short: text{"처음 보는 로그를 살펴보고 카탈로그 초안을 작성합니다", "draft a catalog for a log that nobody has described"},
	long: text{
		`로그의 앞부분을 읽어 어느 키가 시각, 접속자, 주소, 계정인지 이름과 값의 형태로 추정하고,
로그에 있는 경로와 함께 카탈로그 초안을 출력합니다. 함께 배포되는 카탈로그가 맞는 로그이면
그것을 바탕으로 작성합니다. 초안은 실제로 그 로그를 읽어 본 것이며, 사람이 판단할 곳에는
TODO가 있습니다. 개인정보로 보이는 경로는 #으로 막아 두므로, 살펴보기 전에는 미등록으로
집계됩니다. 값은 출력하지 않고 형태만 적습니다. 아무것도 저장하지 않습니다.

읽을 수 있는 것: JSON(한 줄에 하나, 또는 문서 하나), nginx와 Apache, CloudTrail, pgaudit,
MariaDB server_audit, OCSF, ECS, OpenTelemetry, Keycloak. gzip과 zstd 압축.`,
		`Reads the beginning of a log, finds out by names and by the form of values which key is
the time, the reader, the address, the account, and prints a draft of a catalog with the
paths of the log. Where a catalog that ships with Haetae fits, the draft is made from it.
The log was read with the draft before it is printed; what a person has to decide says
TODO. Routes that look like personal data are comments: until you have looked at them
their requests are unmapped. Values are not printed, only their outlines. Stores nothing.

It reads JSON (lines, or one document), nginx and Apache, CloudTrail, pgaudit, MariaDB's
server_audit, OCSF, ECS, OpenTelemetry, Keycloak; packed with gzip or zstd too.`},
	example: text{`
  haetae source guess access.json.gz > my.yaml
  haetae source guess audit.log --name backoffice > my.yaml`, `
  haetae source guess access.json.gz > my.yaml
  haetae source guess audit.log --name backoffice > my.yaml`},
}

var sourceWords = struct {
	name, badName, empty, unknown, noTime, needCatalog, fields, records, field, forms,
	window, badWindow, none, undeclared, way, noWay, last, silent, arrival, lag, rate, perHour, aside, coverage, gaps, complete, noCadence,
	shares, actor, credential, address, route, item, account, count, behind, days, hours, minutes, seconds, unmapped text
}{
	window:     text{"수집률과 확인 비율을 집계할, 마지막 기록까지의 `기간`", "`time` up to the last record that rate and shares are counted over"},
	badWindow:  text{"--window: 1m에서 8784h 사이로 지정하십시오", "--window: from 1m to 8784h"},
	none:       text{"카탈로그에 정의된 로그도, 기록도 없습니다\n", "the catalog has no source, and there are no records\n"},
	undeclared: text{"[현재 카탈로그에 없음]", "[not in the catalog in force]"},
	way:        text{"수집 방법", "comes in by"},
	noWay:      text{"아직 없음", "nothing yet"},
	last:       text{"마지막 기록", "last record"},
	silent:     text{" (%s 전)", " (%s ago)"},
	arrival:    text{"마지막 수집", "last arrival"},
	lag:        text{", 발생 %s 뒤", ", %s after it happened"},
	rate:       text{"수집률", "rate"},
	perHour:    text{"시간당 %s건 (마지막 기록까지 %[3]s 동안 %[2]s건)", "%s an hour (%s records in the %s up to the last)"},
	aside:      text{"격리된 행", "set aside"},
	coverage:   text{"누락", "gaps"},
	gaps:       text{"%s곳", "%s"},
	complete:   text{"없음 (주기 %s)", "none (cadence %s)"},
	noCadence:  text{"알 수 없음 (카탈로그에 cadence가 없음)", "not known (the catalog has no cadence for it)"},
	unmapped:   text{"(미등록)", "(unmapped)"},
	shares:     text{"확인 비율", "known of them"},
	actor:      text{"접속자", "reader"},
	credential: text{"인증수단", "credential"},
	address:    text{"접속지", "address"},
	route:      text{"등록된 경로", "route"},
	item:       text{"항목", "item"},
	account:    text{"계정", "account"},
	count:      text{" %s개", ", %s"},
	behind:     text{", 읽을 것 %s", ", %s to read"},
	days:       text{"%s일", "%s days"},
	hours:      text{"%s시간", "%s hours"},
	minutes:    text{"%s분", "%s minutes"},
	seconds:    text{"%s초", "%s seconds"},

	needCatalog: text{"카탈로그를 지정하지 않았습니다: --catalog 파일 또는 --data 폴더", "no catalog: give --catalog FILE or --data DIR"},
	fields:      text{"\n필드별 기록 수와 처음 몇 건의 형태(a는 영문자, 가는 한글, #은 숫자)\n", "\nrecords that have each field, and the form of the first ones (a is a letter, # a digit)\n"},
	records:     text{"기록", "records"},
	field:       text{"필드", "field"},
	forms:       text{"형태", "form"},
	name:        text{"초안에서 로그를 부를 `이름`. 지정하지 않으면 파일 이름에서 따옴", "what the draft calls the log, else after the file's `name`"},
	badName:     text{"--name: 영문 소문자로 시작하고 소문자, 숫자, _, -만 쓰며 40자 이내여야 합니다", "--name: a small letter, then small letters, digits, _ and -, at most 40"},
	empty:       text{"로그가 비어 있습니다", "the log is empty"},
	unknown:     text{"JSON도 아니고 알려진 형식도 아닌 로그입니다. haetae catalog check --format으로 형식을 지정해 볼 수 있습니다", "the log is neither JSON nor of a known format; haetae catalog check --format tries one"},
	noTime:      text{"읽을 수 있는 시각이 든 키가 로그에 없습니다. 접속기록에는 시각이 있어야 합니다. RFC 3339 또는 1970년부터의 초로 남기십시오", "no key of the log holds a time that can be read, and a record needs one: log it in RFC 3339 or as seconds since 1970"},
}

// wayTexts are the ways in that this release knows.
var wayTexts = map[server.Way]text{
	server.WayImport: {"파일 가져오기", "imported files"},
	server.WayFollow: {"실시간 파일", "followed files"},
	server.WayHTTP:   {"HTTP(POST /v1/records)", "HTTP (POST /v1/records)"},
	server.WayOTLP:   {"OTLP(POST /v1/logs)", "OTLP (POST /v1/logs)"},
	server.WayToken:  {"전송용 토큰", "tokens to send with"},
}
