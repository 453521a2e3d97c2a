package main

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
	name, badName, empty, unknown, noTime text
}{
	name:    text{"초안에서 로그를 부를 `이름`. 지정하지 않으면 파일 이름에서 따옴", "what the draft calls the log, else after the file's `name`"},
	badName: text{"--name: 영문 소문자로 시작하고 소문자, 숫자, _, -만 쓰며 40자 이내여야 합니다", "--name: a small letter, then small letters, digits, _ and -, at most 40"},
	empty:   text{"로그가 비어 있습니다", "the log is empty"},
	unknown: text{"JSON도 아니고 알려진 형식도 아닌 로그입니다. haetae catalog check --format으로 형식을 지정해 볼 수 있습니다", "the log is neither JSON nor of a known format; haetae catalog check --format tries one"},
	noTime:  text{"읽을 수 있는 시각이 든 키가 로그에 없습니다. 접속기록에는 시각이 있어야 합니다. RFC 3339 또는 1970년부터의 초로 남기십시오", "no key of the log holds a time that can be read, and a record needs one: log it in RFC 3339 or as seconds since 1970"},
}
