package main

// What flags mean, and what is said when a command was written wrongly.

var flagText = struct {
	data, keys, lang, json, help, version                                                                                      text
	catalog, holdings, register, networks, source, format, importNew, redecode, again, workers                                 text
	listen, follow, inputs, linger, where, from, to, by, explain, save, export, recipient, reason, openKey, once, limit, quiet text
	importRules, before, keep, yes, showSource, logLevel                                                                       text
}{
	data:        text{"데이터 `폴더` (환경변수 HAETAE_DATA)", "data `folder` (environment: HAETAE_DATA)"},
	keys:        text{"키 `폴더`. 지정하지 않으면 데이터폴더.keys (환경변수 HAETAE_KEYS)", "key `folder`, else the data folder's name with .keys (environment: HAETAE_KEYS)"},
	lang:        text{"출력 `언어`: ko 또는 en", "`language` of the output: ko or en"},
	json:        text{"JSON으로 출력", "print JSON"},
	help:        text{"도움말 표시", "show help"},
	version:     text{"버전 표시", "print the version"},
	catalog:     text{"카탈로그 `파일`(YAML)", "catalog `file` (YAML)"},
	holdings:    text{"보유현황 `파일[@날짜]`(CSV 또는 NDJSON)", "holdings `file[@date]` (CSV or NDJSON)"},
	register:    text{"회원대장 `파일[@날짜]`(CSV 또는 NDJSON)", "register `file[@date]` (CSV or NDJSON)"},
	networks:    text{"IP 주소의 국가와 AS 번호를 찾을 `파일`(.mmdb, 여러 번 지정 가능)", "`file` with the countries and AS numbers of addresses (.mmdb; may be repeated)"},
	source:      text{"카탈로그에 정의된 로그 `이름`", "the catalog's `name` for the log"},
	format:      text{"로그 `형식`: combined, common, json, cloudtrail, pgaudit, mariadb, keycloak", "`format` of the log: combined, common, json, cloudtrail, pgaudit, mariadb, keycloak"},
	importNew:   text{"이미 가져온 행과 겹치더라도 새 접속기록으로 처리", "import even what looks like a copy of lines already imported"},
	redecode:    text{"같은 파일에서 만든 기존 기록을 현재 카탈로그로 다시 해석한 기록으로 교체", "replace the records of an earlier import of the same file, decoded by the catalog of now"},
	again:       text{"다른 판으로 교체된 예전 카탈로그를 다시 적용", "go back to a catalog that was in force before and was replaced"},
	workers:     text{"동시 작업 `수`. 지정하지 않으면 코어 수", "`number` of workers, else one for each core"},
	listen:      text{"수신 `주소`", "`address` to listen on"},
	follow:      text{"실시간으로 읽을 로그 `이름=파일` (여러 번 지정 가능)", "live log to follow, `source=file` (may be repeated)"},
	inputs:      text{"syslog와 Kafka 입력 `파일`(YAML)", "`file` that says what comes in as syslog and from Kafka (YAML)"},
	linger:      text{"교체된 로그 파일에 새 줄이 없을 때 더 지켜볼 `시간`", "how long a rotated log must be `quiet` until it is read no more"},
	where:       text{"조건(`CEL` 식)", "condition, a `CEL` expression"},
	from:        text{"이 `시각`부터(해당 시각 포함)", "first `moment` that counts"},
	to:          text{"이 `시각` 전까지(해당 시각 제외)", "first `moment` that no longer counts"},
	by:          text{"집계 기준 `필드`: route, item, day, hour, key, client, country, network, actor, source 등", "`field` to divide by: route, item, day, hour, key, client, country, network, actor, source, …"},
	explain:     text{"산정 과정을 함께 표시", "also show how it was counted"},
	save:        text{"결과를 저장할 `이름`", "save the answer under this `name`"},
	export:      text{"실제 식별자를 암호화하여 저장할 `파일`", "`file` to write the real ids to, encrypted"},
	recipient:   text{"수신자의 age `공개키`(age1…)", "age `key` of the recipient (age1…)"},
	reason:      text{"`사유` (기록으로 남음)", "`reason`, kept in the record"},
	openKey:     text{"열람 키 `파일`(open.key)", "opening key `file` (open.key)"},
	once:        text{"결과를 보여 준 뒤 서버를 띄워 두지 않고 종료", "show it and end, without serving on"},
	limit:       text{"표시할 최대 `건수`", "largest `number` to show"},
	quiet:       text{"진행 상황을 표시하지 않음", "show no progress"},
	importRules: text{"원본 로그의 내용까지 확인할 규칙 `폴더`. 지정하지 않으면 실행 중인 서버의 규칙", "`folder` of rules that look at the lines, else those of the running server"},
	before:      text{"이 `시각` 전의 기록을 파기", "destroy what is older than this `moment`"},
	keep:        text{"보관`기간`(일수). 예: 731d", "`days` to keep, for example 731d"},
	yes:         text{"실제로 파기 (되돌릴 수 없음)", "do it; it cannot be undone"},
	showSource:  text{"이 `로그`의 행만 표시", "only those of this `source`"},
	logLevel:    text{"서버 로그 `수준`: debug, info, warn, error", "log `level`: debug, info, warn, error"},
}

var usageText = struct {
	noData, badLang, unknownCommand, tooFew, tooMany, badTime, badKeep, oneOf, noFiles, needWhere, exportNeeds, needReason, needCatalog, noID,
	asideNeeds, badBy, badLevel, stdinOnce, holdReason, holdName, hashKey, negative, keysInside, badFollow, badLinger text
}{
	noData:         text{"데이터 폴더를 지정하지 않았습니다: --data DIR 또는 환경변수 HAETAE_DATA", "no data folder: give --data DIR or set HAETAE_DATA"},
	badLang:        text{"--lang에는 ko 또는 en을 지정하십시오", "--lang is ko or en"},
	unknownCommand: text{"알 수 없는 명령 %q (%s)", "unknown command %q for %s"},
	tooFew:         text{"인자가 부족합니다: %s", "an argument is missing: %s"},
	tooMany:        text{"인자가 너무 많습니다: %s", "too many arguments: %s"},
	badTime:        text{"%s: 시각은 2025-03-10 또는 2025-03-10T09:00:00+09:00 형식으로 쓰십시오", "%s: write a moment as 2025-03-10 or 2025-03-10T09:00:00+09:00"},
	badKeep:        text{"--keep: 기간은 731d와 같이 일수로 쓰십시오", "--keep: write a time as 731d"},
	oneOf:          text{"%s 중 하나만 지정하십시오", "give exactly one of %s"},
	noFiles:        text{"가져올 대상이 없습니다: 파일, '-', --catalog, --holdings, --register 중 하나 이상을 지정하십시오", "nothing to import: give a file, \"-\", --catalog, --holdings or --register"},
	needWhere:      text{"조건이 없습니다: --where를 지정하십시오. 전체 기록은 --where true", "no condition: give --where; for all records, --where true"},
	exportNeeds:    text{"--export에는 --to-recipient, --reason, --open-key가 모두 필요합니다", "--export needs --to-recipient, --reason and --open-key"},
	needReason:     text{"--reason이 필요합니다: 열람 사유는 기록으로 남습니다", "--reason is needed: it is kept in the record"},
	needCatalog:    text{"카탈로그를 지정하지 않았습니다: --catalog FILE", "no catalog: give --catalog FILE"},
	noID:           text{"식별자가 비어 있습니다", "the id is empty"},
	asideNeeds:     text{"--open-key와 --reason이 필요합니다: 원문을 열람한 사실과 사유는 기록으로 남습니다", "--open-key and --reason are needed: opening raw lines is recorded"},
	badBy:          text{"--by에는 다음 중 하나를 지정하십시오: %s", "--by is one of %s"},
	badLevel:       text{"--log-level에는 debug, info, warn, error 중 하나를 지정하십시오", "--log-level is one of debug, info, warn, error"},
	stdinOnce:      text{"'-'는 한 번만, 다른 파일 없이 지정하십시오", "\"-\" can be given once, and alone"},
	holdReason:     text{"--reason이 필요합니다: 자료 보전 사유는 기록으로 남습니다", "--reason is needed: why evidence is kept is part of the record"},
	holdName:       text{"자료 보전의 이름은 글자, 숫자, '.', '_', '-'로 64자까지 쓰고, 글자나 숫자로 시작하십시오", "a hold's name has 1 to 64 letters, digits, dots, underscores and hyphens, and begins with a letter or digit"},
	hashKey:        text{"--open-key: hash.key는 가명처리 키입니다. 열람 키 open.key를 지정하십시오", "--open-key: hash.key makes the pseudonyms and opens nothing; give open.key"},
	negative:       text{"%s: 0 이상의 수를 지정하십시오", "%s: give a number of 0 or more"},
	keysInside:     text{"--keys: 키 폴더는 데이터 폴더 밖에 두십시오. 안에 두면 데이터 백업에 키까지 들어갑니다", "--keys: the key folder lies outside the data folder, else every backup of the data holds the keys"},
	badLinger:      text{"--linger에는 0보다 긴 시간을 지정하십시오. 예: 10m, 2h", "--linger is longer than 0, for example 10m or 2h"},
	badFollow:      text{"--follow: 이름=파일 형식으로 쓰십시오. 예: gateway=/var/log/nginx/access.json", "--follow: write SOURCE=FILE, for example gateway=/var/log/nginx/access.json"},
}
