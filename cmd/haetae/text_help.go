package main

// Help of every command. Examples are the lesson: each can be typed as it
// stands, once the file names are your own.

var rootText = commandText{
	short: text{"누가 누구의 개인정보를 조회하였는지 기록하고 정확히 답합니다", "the record of who read whose personal data, and exact answers from it"},
	long: text{
		`haetae는 개인정보처리시스템의 접속기록을 보관하고, 유출 등의 사고가 나면 그 기록에서
조회 범위를 정확히 산정합니다. 어느 인증키로 어느 정보주체의 어떤 개인정보 항목이
조회되었는지 답합니다.

접속자, 계정, 정보주체의 식별자는 가명처리하여 저장합니다. 접속지 주소, 사용자 에이전트,
경로는 원문대로 저장하고 화면에도 표시하며(예: --by client), 카탈로그에 없는 경로에는
이름이 남을 수 있습니다. 출력물도 개인정보로 취급하십시오.

종료 코드: 0 완료, 1 전부 또는 일부 실패, 2 사용법 오류, 3 완료하였으나 읽지 못한 행이 있음`,
		`haetae keeps the record of who read whose personal data, and tells from it exactly
what a leak reached: whose data did this key read, and which items?

Ids of readers, accounts and people are kept as pseudonyms. Client addresses, user agents
and paths are kept and shown as they are (--by client, for example), and a path that the
catalog does not know can hold a name: treat what is printed as personal data.

Exit codes: 0 done, 1 failed, all of it or a part, 2 wrong usage, 3 done but some lines
could not be read`},
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
	short: text{"예제 쇼핑몰의 로그로 바로 시작합니다", "begin at once, on the log of a made-up shop"},
	long: text{
		`데이터 폴더를 만들고, 함께 배포되는 가상 쇼핑몰의 한 달 치 로그를 가져와 서버를
띄운 뒤, 도용된 서명키 sig-2024-04로 누구의 개인정보가 조회되었는지 보여 줍니다.
이어서 실제 nginx 로그로 같은 일을 하는 명령을 안내합니다. Ctrl-C를 누르면 종료합니다.`,
		`Makes a data folder, imports a month of a made-up shop's log that comes with the
program, starts the server, and shows whom the stolen key sig-2024-04 reached. Then it
says what to type for an nginx log of your own. Ctrl-C ends it.`},
	example: text{`
  haetae quickstart
  haetae quickstart --data /tmp/try --once      # 결과만 보고 종료`, `
  haetae quickstart
  haetae quickstart --data /tmp/try --once      # show it and end`},
}

var initText = commandText{
	short: text{"데이터 폴더와 키를 만듭니다", "make a data folder and its keys"},
	long: text{
		`빈 데이터 폴더와 키 두 개를 만듭니다.

  hash.key   식별자를 가명처리하는 키. 서버를 실행하는 데 필요합니다.
  open.key   가명을 실제 식별자로 되돌리는 키. 만든 즉시 이 장비 밖으로 옮겨 보관하십시오.

데이터 사본에 키가 함께 들어가지 않도록 키 폴더는 데이터 폴더 밖(기본값 DIR.keys)에
둡니다. hash.key를 잃으면 접속기록을 사용할 수 없습니다.`,
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
		`로그 파일을 읽어 접속기록을 만듭니다. gzip과 zstd 압축은 자동으로 풀고, 형식
(combined, common, json, cloudtrail, pgaudit, mariadb, keycloak)도 자동으로 판별합니다. '-'는 표준 입력입니다.

로그는 내용으로 식별합니다. 같은 내용을 다시 가져와도 수치는 변하지 않고, 늘어난 파일은
늘어난 부분만 가져옵니다. 도중에 중단되면 같은 명령을 다시 실행하여 이어서 진행합니다.
서버가 폴더를 사용 중이면 서버가 가져오기를 수행합니다.

가져올 수 없는 파일이 있어도 나머지 파일은 가져오며, 파일마다 결과를 한 줄씩 표시합니다.
이때 종료 코드는 1입니다.

--holdings와 --register에는 "파일@날짜"로 기준일을 지정할 수 있습니다. 지정하지 않으면
모든 시점에 적용합니다. 읽을 수 없는 행은 사유별로 세고 암호화하여 격리하며
(haetae aside list), 이때 종료 코드는 3입니다.`,
		`Reads log files and makes access records of their lines. gzip and zstd are unpacked,
and the format (combined, common, json, cloudtrail, pgaudit, mariadb, keycloak) is recognised. "-" is standard input.

A log is known by its content: the same again changes no number, and of one that has
grown the rest is taken. An import that was stopped goes on with the same command. If a server owns the folder, the server does the import.

A file that cannot be imported does not keep the others from it: each has a line of its
own, and the exit code is 1.

--holdings and --register take "FILE@DATE", the day from which they are true; without
one they count for all time. Lines that cannot be read are counted by cause and set
aside, sealed (haetae aside list); the rest goes on, and the exit code is 3.`},
	example: text{`
  haetae import --data /var/lib/haetae --catalog shop.yaml access.log.1.gz access.log.2.gz
  haetae import --data /var/lib/haetae --holdings holdings.csv@2025-03-01 --register register.csv@2025-03-01
  zstd -dc access.zst | haetae import --data /var/lib/haetae --source gateway -
  haetae import --data /var/lib/haetae --redecode access.log.1.gz    # 카탈로그를 수정한 뒤 다시 해석`, `
  haetae import --data /var/lib/haetae --catalog shop.yaml access.log.1.gz access.log.2.gz
  haetae import --data /var/lib/haetae --holdings holdings.csv@2025-03-01 --register register.csv@2025-03-01
  zstd -dc access.zst | haetae import --data /var/lib/haetae --source gateway -
  haetae import --data /var/lib/haetae --redecode access.log.1.gz    # after the catalog was corrected`},
}

var serveText = commandText{
	short: text{"서버를 실행합니다: 접속기록 수신, 로그 실시간 수집, 질의 응답", "run the server: take records in, follow logs, answer"},
	long: text{
		`데이터 폴더를 전담하여 POST /v1/records로 접속기록을, POST /v1/logs로 OpenTelemetry
로그를 받고, 기록 중인 로그 파일을 교체(rotation)되거나 비워지더라도 이어서 읽으며, HTTP로 질의에 답합니다. 2xx 응답은
기록이 디스크에 안전하게 저장되었음을 뜻합니다. --inputs 파일을 지정하면 syslog(TCP, TLS)와
Kafka로도 받습니다(docs/sources.md). 보내는 쪽에는 haetae token add로 발급한
토큰이 필요합니다.

기본 주소 127.0.0.1:7420에는 이 장비에서만 접속할 수 있습니다. 다른 주소를 열 때에는
앞단에 TLS를 두십시오. 모든 주소의 설명은 docs/http.md에 있습니다.`,
		`Owns a data folder: takes records in at POST /v1/records and logs of OpenTelemetry at
POST /v1/logs, follows live log files through rotation and truncation, and answers over
HTTP. A 2xx means that the records are safe on the disk. With a file of --inputs it also
takes in syslog (TCP, TLS) and topics of Kafka (docs/sources.md). Senders need a token, made with haetae token add.

The default address 127.0.0.1:7420 can be reached from this machine alone. Before you
open another, put TLS in front of it. docs/http.md describes every address.`},
	example: text{`
  haetae serve --data /var/lib/haetae
  haetae serve --data /var/lib/haetae --follow gateway=/var/log/nginx/access.json
  haetae serve --data /var/lib/haetae --inputs inputs.yaml`, `
  haetae serve --data /var/lib/haetae
  haetae serve --data /var/lib/haetae --follow gateway=/var/log/nginx/access.json
  haetae serve --data /var/lib/haetae --inputs inputs.yaml`},
}

var scopeHelp = commandText{
	short: text{"조회 범위: 누구의 어떤 항목이 조회되었는지 산정합니다", "whose data was read, and which items"},
	long: text{
		`조건에 맞는 접속으로 어느 계정, 어느 정보주체의 어떤 개인정보 항목이 조회되었는지
정확히 산정합니다. 알 수 없는 것(대상 미상, 카탈로그에 없는 경로, 로그 공백)은 수치와
나란히 표시하며, 추정치는 내지 않습니다.

조건은 CEL 식입니다. 사용할 수 있는 이름:
  time source action route status rows items marks account actor.id actor.type
  credential.key credential.token credential.issued
  client.ip client.agent client.country client.network
  inCIDR(client.ip, "45.0.0.0/8")
marks는 수집 시점에 원본 로그를 확인한 규칙 가운데 일치한 규칙의 id입니다: "규칙 id" in marks
account, actor.id, credential.token은 가명처리되어 있으므로 ==, !=, in만 사용할 수 있습니다.
account와 actor.id는 식별자 대신 가명과 비교할 수도 있습니다: actor.id == pseudonym("0123…")
(32자리 16진수, --by actor --json으로 확인). credential.issued는 같은 토큰을 발급한
기록(sign_in, issue 업무의 성공)이 있으면 참입니다. 발급된 적 없는 토큰:
  credential.token != "" && !credential.issued

--from은 그 시각을 포함하고, --to는 그 시각을 포함하지 않습니다. 날짜만 쓰면 카탈로그
시간대의 0시입니다.`,
		`Counts exactly which accounts, which people and which items of personal data the
matching records reached. What cannot be known (reads that name nobody, routes the
catalog does not know, gaps in the log) stands beside the numbers. Nothing is estimated.

The condition is a CEL expression over these names:
  time source action route status rows items marks account actor.id actor.type
  credential.key credential.token credential.issued
  client.ip client.agent client.country client.network
  inCIDR(client.ip, "45.0.0.0/8")
marks has the ids of the rules that matched the line as it came in: "rule id" in marks
account, actor.id and credential.token allow only ==, != and in: they are pseudonyms.
account and actor.id can be compared with a pseudonym instead of an id, as in
actor.id == pseudonym("0123…"): 32 hex digits, as --by actor --json gives them.
credential.issued is true if some record gave out the same token (a sign_in or issue that
succeeded). Tokens that nobody was given:
  credential.token != "" && !credential.issued

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

var scopeListText = commandText{short: text{"저장한 조회 범위 목록", "list saved scopes"}, example: text{`
  haetae scope list --data D
  haetae scope list --data D --json`, `
  haetae scope list --data D
  haetae scope list --data D --json`}}
var scopeShowText = commandText{short: text{"저장한 조회 범위를 보여 줍니다", "show a saved scope"}, example: text{`
  haetae scope show first-count --data D`, `
  haetae scope show first-count --data D`}}
var scopeDiffText = commandText{short: text{"저장한 두 조회 범위를 비교합니다", "compare two saved scopes"}, example: text{`
  haetae scope diff first-count second-count --data D`, `
  haetae scope diff first-count second-count --data D`}}
var scopeAndText = commandText{short: text{"두 조회 범위에 모두 있는 계정과 정보주체", "who is in both of two saved scopes"}, example: text{`
  haetae scope and key-04 staff-s103 --data D --save both`, `
  haetae scope and key-04 staff-s103 --data D --save both`}}
var scopeMinusText = commandText{short: text{"첫째 조회 범위에는 있고 둘째 조회 범위에는 없는 계정과 정보주체", "who is in the first saved scope and not in the second"}, example: text{`
  haetae scope minus second-count first-count --data D    # 지난 산정 이후 새로 확인된 정보주체`, `
  haetae scope minus second-count first-count --data D    # who is new since the last count`}}

var subjectText = commandText{short: text{"정보주체 한 사람에 관한 접속기록", "the record of one person"}, example: text{`
  haetae subject show m1000042 --data D`, `
  haetae subject show m1000042 --data D`}}
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

var catalogText = commandText{short: text{"카탈로그: 어느 경로가 어떤 개인정보 항목을 응답하는지", "the catalog: which route returns which items"}, example: text{`
  haetae catalog check access.log.gz --catalog shop.yaml
  haetae catalog show --data D`, `
  haetae catalog check access.log.gz --catalog shop.yaml
  haetae catalog show --data D`}}
var catalogCheckText = commandText{
	short: text{"카탈로그로 로그를 얼마나 해석할 수 있는지 확인합니다", "how much of a log the catalog explains"},
	long: text{
		`로그를 읽어 접속자, 경로, 계정, 개인정보 항목을 각각 알아낼 수 있는 요청의 비율과,
카탈로그에 없으며 개인정보로 보이는 경로를 보여 줍니다. 아무것도 저장하지 않습니다.`,
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

var asideText = commandText{short: text{"읽을 수 없어 격리한 행", "lines that were set aside"}, example: text{`
  haetae aside list --data D`, `
  haetae aside list --data D`}}
var asideListText = commandText{short: text{"격리한 행을 로그, 필드, 사유별로 집계하고 첫 행의 위치를 알려 줍니다", "count the lines set aside, by source, field and cause, and say where the first stands"}, example: text{`
  haetae aside list --data D
  haetae aside list --data D --json`, `
  haetae aside list --data D
  haetae aside list --data D --json`}}
var asideShowText = commandText{
	short: text{"격리한 행의 원문을 열람합니다(열람 키 필요)", "open the lines set aside (needs the opening key)"},
	long: text{
		`격리한 행은 로그 원문이어서 개인정보가 들어 있습니다. 열람 키(open.key)와 사유가 있어야
열람할 수 있으며, 열람한 사실은 접속기록으로 남습니다. 누가 왜 열람하였는지는 다음과 같이
확인합니다:
  haetae scope --data D --where 'source == "haetae" && action == "open"' --by agent`,
		`Lines set aside are raw log lines and full of personal data. Opening them takes the
opening key (open.key) and a reason, and is itself recorded as an access. What was
opened, and why, is asked with
  haetae scope --data D --where 'source == "haetae" && action == "open"' --by agent`},
	example: text{`
  haetae aside show --data D --open-key /media/usb/open.key --reason '수집기 오류 점검'`, `
  haetae aside show --data D --open-key /media/usb/open.key --reason 'collector writes broken times'`},
}

var statusHelp = commandText{
	short: text{"데이터 폴더의 내용과 상태", "what is in a data folder, and how it is doing"},
	example: text{`
  haetae status --data D
  haetae status --data D --json`, `
  haetae status --data D
  haetae status --data D --json`},
}

var retainText = commandText{
	short: text{"보관기간이 지난 접속기록을 파기합니다", "destroy records older than their retention"},
	long: text{
		`기준 시각 전의 접속기록을 월 단위 파일로 파기하고, 더 이상 필요 없는 식별자도 파기합니다.
되돌릴 수 없으므로 --yes를 붙이지 않으면 실행하지 않습니다. 자료 보전(haetae hold)이
설정되어 있으면 파기하지 않습니다.

「개인정보의 안전성 확보조치 기준」 제8조제1항에 따라 접속기록은 1년 이상 보관·관리하여야
하며, 다음의 경우에는 2년 이상입니다.
  - 5만명 이상의 정보주체에 관한 개인정보를 처리하는 시스템
  - 고유식별정보 또는 민감정보를 처리하는 시스템
  - 「전기통신사업법」에 따라 등록하거나 신고한 기간통신사업자
2년은 역(曆)에 따라 계산합니다. 2월 29일이 들면 731일이므로 --keep 731d가 안전합니다.
이보다 짧으면 경고합니다.`,
		`Destroys the records older than a moment, by whole files of a month, and the ids that
nothing needs any more. It cannot be undone, so without --yes nothing happens. While a
hold stands (haetae hold) it is refused.

In Korea, Article 8(1) of the Standard of Measures to Ensure the Safety of Personal
Information asks for at least one year, and for two
  - of systems that process 50,000 data subjects or more
  - of systems that process unique identifiers or sensitive data
  - of registered or notified facilities-based telecommunications operators
Two years are those of the calendar, 731 days when a 29 February lies between: --keep 731d
is always enough. What is shorter is warned of.`},
	example: text{`
  haetae retain --data D --keep 731d --yes
  haetae retain --data D --before 2024-01-01 --yes`, `
  haetae retain --data D --keep 731d --yes
  haetae retain --data D --before 2024-01-01 --yes`},
}

var holdText = commandText{short: text{"자료 보전: 증거를 위해 파기를 중지합니다", "holds: stop retention for evidence"}, example: text{`
  haetae hold set case-7 --reason '개인정보보호위원회 조사' --data D
  haetae hold list --data D`, `
  haetae hold set case-7 --reason 'investigation by the authority' --data D
  haetae hold list --data D`}}
var holdSetText = commandText{
	short: text{"자료 보전을 설정합니다", "place a hold"},
	long: text{`자료 보전이 하나라도 설정되어 있으면 접속기록을 파기하지 않습니다. 설정한 자료 보전은
바꾸거나 지울 수 없고 해제만 할 수 있으며, 누가 언제 왜 설정하고 해제하였는지 남습니다.`,
		`While any hold stands, no record is destroyed. A hold is never changed or removed, only
lifted, and the folder keeps who placed and lifted it, when and why.`},
	example: text{`
  haetae hold set case-7 --reason '개인정보보호위원회 조사' --data D`, `
  haetae hold set case-7 --reason 'investigation by the authority' --data D`},
}
var holdLiftText = commandText{short: text{"자료 보전을 해제합니다", "lift a hold"}, example: text{`
  haetae hold lift case-7 --reason '조사 종결' --data D`, `
  haetae hold lift case-7 --reason 'the case is closed' --data D`}}
var holdListText = commandText{short: text{"자료 보전 목록(해제한 것 포함)", "list holds, lifted ones too"}, example: text{`
  haetae hold list --data D
  haetae hold list --data D --json`, `
  haetae hold list --data D
  haetae hold list --data D --json`}}

var tokenText = commandText{short: text{"접속기록을 보내는 쪽의 인증 토큰", "tokens of those who send records"}, example: text{`
  haetae token add gateway --data D
  haetae token list --data D`, `
  haetae token add gateway --data D
  haetae token list --data D`}}
var tokenAddText = commandText{
	short: text{"로그 하나에 쓸 토큰을 발급합니다", "make a token for one source"},
	long: text{
		`POST /v1/records와 POST /v1/logs에 쓸 토큰을 발급합니다. 폴더에는 토큰의 해시만 저장하므로 토큰은 지금 한 번만
볼 수 있습니다. 실행 중인 서버에도 즉시 적용됩니다.`,
		`Makes a token for POST /v1/records and POST /v1/logs. The folder keeps only its hash, so
this is the one time it can be seen. A running server takes it at once.`},
	example: text{`
  haetae token add gateway --data D`, `
  haetae token add gateway --data D`},
}
var tokenListText = commandText{short: text{"토큰 목록(번호는 해시의 앞자리)", "list tokens, by the beginning of their hash"}, example: text{`
  haetae token list --data D
  haetae token list --data D --json`, `
  haetae token list --data D
  haetae token list --data D --json`}}
var tokenRemoveText = commandText{short: text{"토큰을 폐기합니다", "take a token away"}, example: text{`
  haetae token remove 5f2b81c0 --data D    # 번호는 haetae token list에서 확인`, `
  haetae token remove 5f2b81c0 --data D    # haetae token list shows the ids`}}

var versionText = commandText{short: text{"버전을 표시합니다", "print the version"}, example: text{`
  haetae version
  haetae version --json`, `
  haetae version
  haetae version --json`}}

var completionText = struct{ short, long, example, shell, noDescriptions text }{
	short: text{"셸 자동완성 스크립트를 출력합니다", "write the completion script for a shell"},
	long: text{
		`셸에서 Tab을 누르면 명령과 옵션, 로그, 토큰, 자료 보전의 이름까지 완성해 주는
스크립트를 출력합니다.`,
		`Writes a script by which a shell completes commands and flags, and the names of
sources, tokens and holds, when Tab is pressed.`},
	example: text{`
  source <(haetae completion bash)                                # 현재 셸에만 적용
  haetae completion bash > /etc/bash_completion.d/haetae          # 항상 적용`, `
  source <(haetae completion bash)                                # in this shell
  haetae completion bash > /etc/bash_completion.d/haetae          # in every one`},
	shell:          text{"%s 자동완성 스크립트를 출력합니다", "write the completion script for %s"},
	noDescriptions: text{"설명 없이 후보만 표시", "offer words without descriptions"},
}

var helpText = struct{ help, usage, examples, commands, flags, globalFlags, more, anyFlags, anyCommand, byDefault text }{
	help:        text{"명령의 도움말을 보여 줍니다", "help about any command"},
	usage:       text{"사용법", "Usage"},
	examples:    text{"사용 예", "Examples"},
	commands:    text{"명령", "Commands"},
	flags:       text{"옵션", "Flags"},
	globalFlags: text{"공통 옵션", "Global flags"},
	more:        text{"각 명령의 도움말: %s [명령] --help", "\"%s [command] --help\" tells more about a command."},
	anyFlags:    text{"[옵션]", "[flags]"},
	anyCommand:  text{"[명령]", "[command]"},
	byDefault:   text{"(기본값 %s)", "(default %s)"},
}
