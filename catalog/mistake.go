package catalog

import "github.com/haetae/haetae/internal/written"

// mistake is a kind of mistake in a catalog or in a register. Each has a stable
// code and a sentence in both languages, with the same verbs in the same order.
type mistake uint8

const (
	newerVersion mistake = iota
	wantNumber
	patternLong
	patternSyntax
	patternLarge
	patternEmpty
	noMemberTypes
	tooManyItems
	itemName
	itemText
	itemClass
	unknownClass
	tooManyWords
	wordText

	tooManyRoutes
	noRoute
	samePath
	untilBefore
	overlap
	noItems
	todoItems
	unknownItem
	itemTwice
	noAccount
	todoAccount
	accountPlace
	accountName
	accountVariable
	separatorPlace
	fanOutPlace
	showsNothing
	unknownShows
	noStatus
	badStatus
	unknownAction
	badMoment

	routeForm
	routeMethod
	routeSlash
	routeQuery
	routeSpace
	routeLong
	routeDeep
	routeEmptySegment
	routeDots
	routeStar
	routeVariable
	routeTwice
	routeHalf
	routeEscaped

	tableForm
	tableKey
	noTableAccount
	todoTableAccount
	tableAccountPlace
	routineForm
	routineNoKey
	routineKey
	noRoutineAccount
	todoRoutineAccount
	routineAccountPlace
	tooManyColumns
	columnName
	columnsPlace

	tooManySources
	sourceName
	unknownFormat
	matchPattern
	matchFolder
	badDuration
	cadenceRange
	noFields
	separatorLength
	separatorLine
	fixedFields
	unknownField
	keyDots
	noTime
	noURI
	changingField
	unknownMethod
	formBraces
	formCount
	oneKey
	manyKeys
	valuesTypes
	valuesField
	valuesUnmapped
	valuesCount
	valuesStatus
	valuesNumber
	unknownAddress

	lineLong
	lineFew
	lineMany
	lineQuote
	lineAfterQuote
	lineJSON
	valueEmpty
	valueLong
	valueUTF8
	valueControl
	valueMissing
	valueText
	valueList
	valueNested
	valueItems
	valueItem
	valueRelation
	valueMoment

	mistakeCount

	sound = mistakeCount // no mistake
)

var mistakes = [mistakeCount]struct{ code, en, ko string }{
	wantNumber: {"want_number", "expected a number, like %d", "%d 같은 수여야 합니다"},
	newerVersion: {"newer", "this catalog is of a newer version, and this haetae reads up to version %d: a newer haetae is needed",
		"더 새로운 버전의 카탈로그입니다. 이 haetae는 버전 %d까지 읽을 수 있으므로 더 새로운 haetae가 필요합니다"},
	patternLong:   {"pattern_long", "the pattern is longer than 256 bytes", "정규식이 256바이트보다 깁니다"},
	patternSyntax: {"pattern", "not a regular expression%s", "정규식이 아닙니다%s"},
	patternLarge:  {"pattern_large", "not a regular expression: too large", "정규식이 너무 큽니다"},
	patternEmpty:  {"pattern_empty", "the pattern also fits the empty id", "빈 식별자도 이 정규식에 맞습니다"},
	noMemberTypes: {"member_types", "the list is empty: without members nobody reads their own data", "목록이 비어 있습니다. 회원에 해당하는 접속자 종류가 없으면 본인 정보를 조회한 접속을 구별할 수 없습니다"},
	tooManyItems:  {"many_items", "a catalog has at most %d items", "개인정보 항목은 %d개까지입니다"},
	itemName: {"item_name", "an item name is a small letter followed by small letters, digits and _, at most 40",
		"항목 이름은 영문 소문자로 시작하고 소문자, 숫자, _로 이루어지며 40자까지입니다"},
	itemText:     {"item_text", "is missing: notices and reports name the item in both languages", "없습니다. 통지서와 보고서에는 항목을 두 언어로 적습니다"},
	itemClass:    {"item_class", "is missing: one of %s", "없습니다. 다음 중 하나를 쓰십시오: %s"},
	unknownClass: {"class", "unknown class%s: one of %s", "알 수 없는 구분입니다%s. 다음 중 하나를 쓰십시오: %s"},
	tooManyWords: {"many_words", "a catalog has at most %d words", "단어는 %d개까지입니다"},
	wordText:     {"word", "a word is one segment of a path, decoded, without / and braces", "단어는 경로의 한 구간을 디코딩한 것이며 /와 중괄호를 쓸 수 없습니다"},

	tooManyRoutes: {"many_routes", "a catalog has at most 100,000 routes", "경로는 100,000개까지입니다"},
	noRoute:       {"no_route", `is missing: a method and a path, like "GET /members/{member}"`, `없습니다. "GET /members/{member}"처럼 메서드와 경로를 쓰십시오`},
	samePath:      {"same_path", "the same path stands on line %d under other names", "%d번째 줄에 변수 이름만 다른 같은 경로가 있습니다"},
	untilBefore:   {"until", "is not after from", "from보다 뒤의 시각이어야 합니다"},
	overlap: {"overlap", "a second answer of this route holds at the same time as the one on line %d; give them from and until that do not overlap",
		"%d번째 줄의 정의와 적용 기간이 겹칩니다. 겹치지 않게 from과 until을 쓰십시오"},
	noItems:     {"no_items", "is missing: list the items the answer carries, or [] if it carries no personal data", "없습니다. 응답에 든 항목을 쓰고, 개인정보가 없으면 []로 쓰십시오"},
	todoItems:   {"todo_items", "TODO stands for what nobody has looked at yet: write the items the answer carries, or [] if it carries no personal data", "TODO는 아직 확인하지 않았다는 뜻입니다. 응답에 든 항목을 쓰고, 개인정보가 없으면 []로 쓰십시오"},
	unknownItem: {"unknown_item", "unknown item%s", "알 수 없는 항목입니다%s"},
	itemTwice:   {"item_twice", "stands twice", "같은 항목이 두 번 있습니다"},
	noAccount:   {"no_account", "is missing: path.NAME, query.NAME, actor, list, or none if the line does not say", "없습니다. path.NAME, query.NAME, actor, list 중 하나를 쓰고, 로그에 없으면 none으로 쓰십시오"},
	todoAccount: {"todo_account", "TODO stands for what nobody has looked at yet: path.NAME, query.NAME, actor, list, or none if the line does not say", "TODO는 아직 확인하지 않았다는 뜻입니다. path.NAME, query.NAME, actor, list 중 하나를 쓰고, 로그에 없으면 none으로 쓰십시오"},
	accountPlace: {"account", "is not a place an account can stand: path.NAME, query.NAME, actor, list or none",
		"계정이 있는 자리가 아닙니다. path.NAME, query.NAME, actor, list, none 중 하나를 쓰십시오"},
	accountName:     {"account_name", "the name after the dot is missing or longer than 200 bytes", "점 뒤의 이름이 없거나 200바이트보다 깁니다"},
	accountVariable: {"account_variable", "the route has no variable of this name", "경로에 그런 변수가 없습니다"},
	separatorPlace:  {"separator_place", "is only for account: query.NAME; for a list the source says it", "account: query.NAME에만 씁니다. 목록의 구분자는 sources에 씁니다"},
	fanOutPlace:     {"fan_out_place", "is only for account: list or query.NAME; anything else names one account", "account: list나 query.NAME에만 씁니다. 그 밖에는 계정이 하나뿐입니다"},
	showsNothing:    {"shows_nothing", "shows people, but the route carries no items", "정보주체를 보여 준다고 하였으나 개인정보 항목이 없습니다"},
	unknownShows:    {"shows", "is not known%s: account_holder or people_behind_account", "알 수 없는 값입니다%s. account_holder나 people_behind_account를 쓰십시오"},
	noStatus:        {"no_status", "no status counts as answered; for a route without personal data say items: []", "응답한 것으로 볼 상태 코드가 없습니다. 개인정보가 없는 경로는 items: []로 쓰십시오"},
	badStatus:       {"status", "is no status: write 200, 2xx or 200-206", "상태 코드가 아닙니다. 200, 2xx, 200-206처럼 쓰십시오"},
	unknownAction:   {"action", "unknown action%s: one of %s", "알 수 없는 업무입니다%s. 다음 중 하나를 쓰십시오: %s"},
	badMoment:       {"moment", "not a date (2025-03-10) or a time (2025-03-10T09:00:00+09:00)", "날짜(2025-03-10)나 시각(2025-03-10T09:00:00+09:00)이 아닙니다"},

	routeForm:         {"route", `a route is a method and a path, like "GET /members/{member}"`, `경로는 "GET /members/{member}"처럼 메서드와 경로로 씁니다`},
	routeMethod:       {"route_method", "unknown method; methods are in capitals, ANY stands for all", "알 수 없는 메서드입니다. 대문자로 쓰며 ANY는 모든 메서드입니다"},
	routeSlash:        {"route_slash", "the path begins with /", "경로는 /로 시작합니다"},
	routeQuery:        {"route_query", "a template has no query: say account: query.NAME instead", "경로에는 질의 문자열을 쓰지 않습니다. account: query.NAME으로 쓰십시오"},
	routeSpace:        {"route_space", "a path has no spaces; write a method, one space and the path", "경로에는 빈칸을 쓸 수 없습니다. 메서드, 빈칸 하나, 경로의 순서로 쓰십시오"},
	routeLong:         {"route_long", "the template is longer than 1,024 bytes", "경로가 1,024바이트보다 깁니다"},
	routeDeep:         {"route_deep", "the template has more than 32 segments", "경로의 구간이 32개보다 많습니다"},
	routeEmptySegment: {"route_empty", "the path has an empty segment", "경로에 빈 구간이 있습니다"},
	routeDots:         {"route_dots", "the path has a dot segment", "경로에 점(. 또는 ..)만 있는 구간이 있습니다"},
	routeStar:         {"route_star", "* stands only as the last segment, alone", "*는 마지막 구간에 단독으로만 쓸 수 있습니다"},
	routeVariable:     {"route_variable", "the name in {} is a small letter followed by letters, digits and _", "{} 안의 이름은 영문 소문자로 시작하고 영문자, 숫자, _로 이루어집니다"},
	routeTwice:        {"route_twice", "a variable stands twice in the path", "경로에 같은 변수가 두 번 있습니다"},
	routeHalf:         {"route_half", "a {variable} fills a whole segment", "{변수}는 한 구간 전체여야 합니다"},
	routeEscaped:      {"route_escaped", "a literal segment is written decoded and without ;parameters", "변수가 아닌 구간은 디코딩하여 쓰고 ;매개변수는 쓰지 않습니다"},

	tableForm: {"table", `a table is named with its database: "TABLE shop.public.members", or "TABLE shop.members" where a database has no schemas; * stands for a whole part`,
		`테이블은 데이터베이스 이름부터 씁니다: "TABLE shop.public.members", 스키마가 없는 데이터베이스는 "TABLE shop.members". *는 한 부분 전체입니다`},
	tableKey:         {"table_key", "is not for a table", "테이블에는 쓰지 않습니다"},
	noTableAccount:   {"no_table_account", "is missing: column.NAME, or none if no column holds the account", "없습니다. 계정이 든 열을 column.NAME으로 쓰고, 없으면 none으로 쓰십시오"},
	todoTableAccount: {"todo_table_account", "TODO stands for what nobody has looked at yet: column.NAME, or none if no column holds the account", "TODO는 아직 확인하지 않았다는 뜻입니다. 계정이 든 열을 column.NAME으로 쓰고, 없으면 none으로 쓰십시오"},
	tableAccountPlace: {"table_account", "is not where a table has the account: column.NAME or none",
		"테이블에서 계정이 있는 자리가 아닙니다. column.NAME이나 none으로 쓰십시오"},
	routineForm: {"routine", `a procedure or function is named with its database: "CALL shop.report", "FUNCTION shop.name_of"; * stands for a whole part`,
		`프로시저와 함수는 데이터베이스 이름부터 씁니다: "CALL shop.report", "FUNCTION shop.name_of". *는 한 부분 전체입니다`},
	routineNoKey: {"routine_no_key", "is not for a procedure or function", "프로시저와 함수에는 쓰지 않습니다"},
	routineKey:   {"routine_key", "is not for a procedure or function: its items are those of all it shows", "프로시저와 함수에는 쓰지 않습니다. 보여 주는 항목을 모두 items에 쓰십시오"},
	noRoutineAccount: {"no_routine_account", "is missing: argument.1 if the first argument is the account, or none",
		"없습니다. 첫 번째 인수가 계정이면 argument.1로 쓰고, 인수에 계정이 없으면 none으로 쓰십시오"},
	todoRoutineAccount: {"todo_routine_account", "TODO stands for what nobody has looked at yet: argument.1 if the first argument is the account, or none",
		"TODO는 아직 확인하지 않았다는 뜻입니다. 첫 번째 인수가 계정이면 argument.1로 쓰고, 인수에 계정이 없으면 none으로 쓰십시오"},
	routineAccountPlace: {"routine_account", "is not where a procedure or function has the account: argument.1 to argument.1000, or none",
		"프로시저나 함수에서 계정이 있는 자리가 아닙니다. argument.1부터 argument.1000까지나 none으로 쓰십시오"},
	tooManyColumns: {"many_columns", "a table has at most 4,096 columns", "테이블의 열은 4,096개까지입니다"},
	columnName:     {"column", "the name of a column has no dots, commas, brackets, blanks, + or *, and at most 200 bytes", "열 이름에는 점, 쉼표, 괄호, 빈칸, +, *를 쓸 수 없으며 200바이트까지입니다"},
	columnsPlace:   {"columns_place", "is only for a table (TABLE database.schema.table), over also for CALL and FUNCTION", "TABLE로 시작하는 테이블에만 씁니다. over는 CALL과 FUNCTION에도 씁니다"},

	tooManySources: {"many_sources", "a catalog has at most 1,000 sources", "로그는 1,000개까지입니다"},
	sourceName: {"source_name", "a source name is a small letter followed by small letters, digits, - and _, at most 40",
		"로그 이름은 영문 소문자로 시작하고 소문자, 숫자, -, _로 이루어지며 40자까지입니다"},
	unknownFormat:   {"format", "unknown format%s: one of %s, or leave it out and it is detected", "알 수 없는 형식입니다%s. 다음 중 하나를 쓰거나, 쓰지 않으면 자동으로 판별합니다: %s"},
	matchPattern:    {"match", "not a file name pattern", "파일 이름 패턴이 아닙니다"},
	matchFolder:     {"match_folder", "the pattern is for the file name alone, without its folder", "패턴은 폴더 없이 파일 이름에만 씁니다"},
	badDuration:     {"duration", "not a length of time: write 10m, 6h or 1d", "기간이 아닙니다. 10m, 6h, 1d처럼 쓰십시오"},
	cadenceRange:    {"cadence", "a cadence lies between 1m and 366d", "기록 주기는 1m부터 366d까지입니다"},
	noFields:        {"no_fields", "is missing: a JSON log needs to be told which key is which field", "없습니다. JSON 로그는 어느 키가 어느 필드인지 지정하여야 합니다"},
	separatorLength: {"separator", "a separator has 1 to 8 bytes", "구분자는 1바이트부터 8바이트까지입니다"},
	separatorLine:   {"separator_line", "a separator is not a line end", "줄바꿈은 구분자로 쓸 수 없습니다"},
	fixedFields:     {"fixed_fields", "the fields of the %s format are fixed", "%s 형식의 필드는 정해져 있습니다"},
	unknownField:    {"unknown_field", "unknown field%s: one of %s", "알 수 없는 필드입니다%s. 다음 중 하나를 쓰십시오: %s"},
	keyDots:         {"key_dots", "a dot leads into a nested object, so a name stands on both sides of it", "점은 안쪽 객체를 가리키므로 점의 양쪽에 이름이 있어야 합니다"},
	noTime:          {"no_time", "is missing: a record without a time cannot be placed", "없습니다. 시각이 없는 기록은 저장할 수 없습니다"},
	noURI:           {"no_uri", "is missing: without it no request meets a route", "없습니다. 이 필드가 없으면 어느 요청도 경로를 알 수 없습니다"},
	changingField:   {"changing_field", "this field differs from record to record; one of %s", "기록마다 다른 필드입니다. 다음 중 하나를 쓰십시오: %s"},
	unknownMethod:   {"method", "unknown method", "알 수 없는 메서드입니다"},
	formBraces:      {"form", "a text made from keys has each in braces, like /app/{event}, or {+path} for a piece of an address", "여러 키로 만드는 값은 /app/{event}처럼 키를 중괄호 안에 씁니다. 주소의 일부이면 {+path}처럼 씁니다"},
	formCount:       {"form_count", "a field has 1 to %d keys to choose from", "한 필드에서 고를 수 있는 키는 1개부터 %d개까지입니다"},
	oneKey:          {"one_key", "the accounts stand under one key", "계정 목록은 키 하나로만 지정합니다"},
	manyKeys:        {"many_keys", "the fields name more than %d keys", "fields에 쓴 키가 %d개보다 많습니다"},
	valuesTypes:     {"values_types", "the words for actors stand in actor_types", "접속자 종류는 actor_types에 씁니다"},
	valuesField:     {"values_field", "this field has no words to translate", "값을 바꾸어 쓸 수 없는 필드입니다"},
	valuesUnmapped:  {"values_unmapped", "the field has no key in fields", "fields에 이 필드의 키가 없습니다"},
	valuesCount:     {"values_count", "a field has 1 to %d words", "한 필드의 값은 1개부터 %d개까지입니다"},
	valuesStatus:    {"values_status", "a status is a number from 0 to 999", "상태 코드는 0부터 999까지의 수입니다"},
	valuesNumber:    {"values_number", "not a number of rows", "행 수가 아닙니다"},
	unknownAddress:  {"address", "is not known%s: one, first or last", "알 수 없는 값입니다%s. one, first, last 중 하나를 쓰십시오"},

	lineLong:       {"line_long", "longer than 1 MiB", "1 MiB보다 깁니다"},
	lineFew:        {"line_few", "fewer fields than the heading", "열이 머리글보다 적습니다"},
	lineMany:       {"line_many", "more fields than the heading", "열이 머리글보다 많습니다"},
	lineQuote:      {"line_quote", "a quoted field does not end on its line", "따옴표로 시작한 값이 그 줄에서 끝나지 않습니다"},
	lineAfterQuote: {"line_after_quote", "text after a closing quote", "닫는 따옴표 뒤에 글자가 있습니다"},
	lineJSON:       {"line_json", "not a JSON object", "JSON 객체가 아닙니다"},
	valueEmpty:     {"value_empty", "is empty", "비어 있습니다"},
	valueLong:      {"value_long", "is longer than 256 bytes", "256바이트보다 깁니다"},
	valueUTF8:      {"value_utf8", "is not UTF-8", "UTF-8이 아닙니다"},
	valueControl:   {"value_control", "holds a control character", "제어 문자가 있습니다"},
	valueMissing:   {"value_missing", "is missing", "없습니다"},
	valueText:      {"value_text", "not a text", "문자열이 아닙니다"},
	valueList:      {"value_list", "neither text nor a list of texts", "문자열도 문자열 목록도 아닙니다"},
	valueNested:    {"value_nested", "not a text or list of texts", "문자열이나 문자열 목록이 아닙니다"},
	valueItems:     {"value_items", "more than 64 items", "항목이 64개보다 많습니다"},
	valueItem:      {"value_item", "not an item name", "항목 이름이 아닙니다"},
	valueRelation:  {"value_relation", "neither holder nor contact", "holder도 contact도 아닙니다"},
	valueMoment:    {"value_moment", "not a date or RFC 3339 time", "날짜도 RFC 3339 시각도 아닙니다"},
}

// kind is the mistake as a file's reader reports it.
func (m mistake) kind() written.Kind {
	t := mistakes[m]
	return written.Kind{Code: t.code, KO: t.ko, EN: t.en}
}

// wrong is a mistake found where no line is known.
type wrong struct {
	kind written.Kind
	args []any
}

func wrongOf(m mistake, args ...any) *wrong { return &wrong{m.kind(), args} }
