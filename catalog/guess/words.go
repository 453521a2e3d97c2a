package guess

import (
	"fmt"

	"github.com/haetae/haetae/catalog"
)

// say is a comment of a draft in both languages.
type say struct{ ko, en string }

func (g *guesser) say(t say, args ...any) string {
	s := t.en
	if g.opts.Korean {
		s = t.ko
	}
	if len(args) == 0 {
		return s
	}
	return fmt.Sprintf(s, args...)
}

var (
	textIntro = say{"haetae source guess가 로그 %d행을 보고 작성한 카탈로그 초안입니다.%s",
		"A draft, made by haetae source guess from %d lines of the log.%s"}
	textMore     = say{" 로그는 그 뒤로 더 있습니다.", " The log goes on behind them."}
	textDocument = say{"로그 전체가 하나의 JSON 문서입니다. 가져오기 전에 한 줄에 객체 하나로 바꾸십시오.\n  jq -c '%[1]s' LOG > LOG.ndjson",
		"The log is one JSON document. Make lines of it, an object each, before you import it:\n  jq -c '%[1]s' LOG > LOG.ndjson"}
	textOtlp = say{"OpenTelemetry의 OTLP 요청을 파일로 저장한 것입니다. 가져오지 말고 POST /v1/logs로 보내십시오(docs/sources.md).",
		"It holds requests of OpenTelemetry (OTLP). Send them to POST /v1/logs, do not import them (docs/sources.md)."}
	textAside  = say{"이 초안으로 읽을 수 없는 행이 %d개 있습니다. 사유는 haetae source test로 확인하십시오.", "%d lines cannot be read with it; haetae source test says why."}
	textBroken = say{"압축이 중간에 끊겨 있어 그 앞까지만 보았습니다.", "The packed log breaks off; what is before that was looked at."}
	textEdit   = say{"TODO를 판단하여 고치고, #으로 막아 둔 경로를 살펴본 뒤 확인하십시오.\n  haetae source test SOURCE LOG --catalog 이_파일\n  haetae catalog check LOG --catalog 이_파일\n값은 형태만 적었습니다. a는 영문자, 가는 한글, #은 숫자입니다.",
		"Decide what says TODO, look at the routes that are comments, and check it:\n  haetae source test SOURCE LOG --catalog THIS\n  haetae catalog check LOG --catalog THIS\nValues are shown as outlines: a is a letter, # a digit."}
	textPack = say{"함께 배포되는 %s이 이 로그에 맞습니다. 거기에 이 로그에서 본 것을 더하였습니다.",
		"%s, which ships with Haetae, fits this log. What the log shows was added to it."}
	textZone      = say{"이 파일의 날짜와, 시간대 표시가 없는 로그 시각의 시간대", "time zone of dates in this file, and of times in the log that name none"}
	textNoAccount = say{"TODO: 계정 식별자의 형태. 로그에서 찾지 못하였습니다. 없으면 경로에서 계정을 알아볼 수 없습니다.",
		"TODO: the form of your account ids. The log does not show it; without it no id in a path can be told."}
	textAccount = say{"TODO 확인: 계정 식별자의 형태. 서로 다른 값 %d개가 %s 형태입니다(%s).",
		"TODO check: the form of your account ids. %d different values look like %s (%s)."}
	textMaybeAccount = say{"TODO: 계정 식별자의 형태. 서로 다른 값 %d개가 %s 형태이나(%s), 계정인지는 알 수 없습니다. 맞으면 #을 지우십시오.",
		"TODO: the form of your account ids. %d different values look like %s (%s), and may be something else. If they\nare accounts, remove the #."}
	textListed  = say{"정보주체를 적은 필드", "in the field that says whose data was shown"}
	textBehind  = say{"경로에서 회원·고객을 뜻하는 단어 바로 뒤", "in paths, behind words for people"}
	textParams  = say{"회원·고객을 뜻하는 매개변수", "in parameters that are called like people"}
	textMembers = say{"회원인 접속자", "ids of members who are signed in"}
	textActors  = say{"접속자", "ids of who is signed in"}
	textPaths   = say{"경로", "in paths"}
	textWords   = say{"카탈로그에 없는 경로를 표시할 때 그대로 보여 줄 단어", "Words of this log that paths are shown with:"}
	textItems   = say{"TODO: 실제로 처리하는 개인정보 항목으로 고치십시오. 통지서에 이 이름으로 나갑니다.",
		"TODO: the items that you hold. Notices will call them so."}
	textCadence = say{"TODO: 기록이 적어도 얼마마다 한 번 있어야 합니까? 표본에서 가장 긴 공백은 %s입니다. #을 지우면 그보다 긴\n공백을 누락으로 알립니다.",
		"TODO: how often is there at least one record? The longest silence of the sample is %s. Without the #\na longer one than this is reported as a gap."}
	textFixed    = say{"이 형식은 필드가 정해져 있습니다.", "The fields of this format are fixed."}
	textWhole    = say{". 요청 첫 줄 전체(메서드, 주소, 프로토콜)", ": the whole first line of a request, with its method"}
	textNoURI    = say{"로그에 요청 주소가 없어 무엇을 하였는지로 경로를 만듭니다.", "The log has no address; the path is made of what happened."}
	textWhy      = say{"%.0f%%의 행에 있음%s", "in %.0f%% of the lines%s"}
	textMixed    = say{", %d바이트 이내의 여러 형태", ", of several forms, up to %d bytes"}
	textAddress  = say{", IP 주소", ", IP addresses"}
	textOnce     = say{". 표본에서 중복 없음. TODO 확인: 같은 값이 다시 나오면 한 건으로 셉니다", ", never twice in the sample. TODO check: records that share one count once"}
	textNoZone   = say{". TODO: 시간대 표시가 없으므로 위의 zone을 확인하십시오", ". TODO: it names no zone, so check zone above"}
	textTokenID  = say{". TODO 확인: 토큰이나 세션의 식별번호여야 하며, 그것으로 로그인할 수 있는 값이면 안 됩니다", ". TODO check: the id of a token or session, and nothing that opens one"}
	textOthers   = say{"다른 후보: %s", "or else: %s"}
	textOutcomes = say{"TODO 확인: 결과를 나타내는 단어가 어느 상태 코드에 해당하는지. 0은 알 수 없음", "TODO check: what the words for outcomes amount to; 0 is not known."}
	textChain    = say{"IP 주소가 여러 개인 행이 있습니다. last는 로그와 가장 가까운 프록시가 본 주소이고, first는 접속자가 꾸며 쓸 수 있습니다.",
		"some lines have several addresses. last is what the nearest proxy saw; first, a client can write itself."}
	textTypes    = say{"접속자 구분을 Haetae의 단어(member, staff, partner, service)로 옮긴 것이 맞습니까?", "are these our words for your kinds of actors (member, staff, partner, service)?"}
	textStatic   = say{"TODO 확인: 누구에게나 같은 파일", "TODO check: files that are the same for everybody"}
	textUnlisted = say{"TODO: 첫 경로를 쓸 때 []를 지우십시오.", "TODO: remove the [] with the first route that you write."}
	textRoutes   = say{"로그에 있는 경로입니다. 화면에 무엇이 나오는지 확인하여 items와 account를 고치고 #을 지우십시오. 그 전까지는\n미등록 경로로 집계되며, 개인정보가 없는 것으로 보지 않습니다.",
		"The paths of the log. See what each page shows, correct items and account, and remove the #. Until then\ntheir requests count as unmapped, and never as pages without personal data."}
	textPlain    = say{"경로만으로는 개인정보로 보이지 않는 것", "Those that do not look like personal data by their paths:"}
	textFurther  = say{"그 밖에 %d개: haetae catalog check --all", "and %d more: haetae catalog check --all"}
	textRequests = say{"%d건", "requests: %d"}

	textSecret    = say{"%s: %s에는 그대로 쓸 수 있는 토큰이 있어 쓰지 않습니다. 로그에서 지우십시오.", "%s: %s holds usable tokens and is not taken; take them out of the log"}
	textSecretKey = say{"TODO: %s에 그대로 쓸 수 있는 토큰이 있습니다. 로그에서 지우십시오.", "TODO: %s holds usable tokens; take them out of the log"}
	textOpaque    = say{"%s: TODO %s에 긴 임의 값이 있습니다. 토큰 자체라면 저장해서는 안 되므로 쓰지 않았습니다.", "%s: TODO %s holds long random values; not taken, since a token itself must not be kept"}
	textRepeats   = say{"%s: %s에는 같은 값이 두 번 이상 있어 쓰지 않습니다.", "%s: %s is not taken, since some of its values stand twice"}
	textNoTime    = say{"%s: %s의 시각은 읽을 수 없는 형식입니다.", "%s: the times of %s cannot be read"}
	textUnread    = say{"%s: %s로는 %d행을 읽을 수 없어 쓰지 않습니다.", "%s: %s is not taken, since %d lines could not be read with it"}
)

// missing says what is lost where a field has no key.
var missing = map[catalog.Field]say{
	catalog.FieldID:        {"요청을 구별하는 값이 없습니다. 같은 행이 다른 파일로 또 들어오면 두 번 셉니다.", "no key tells requests apart; a line that comes again in another file counts twice"},
	catalog.FieldActorID:   {"접속자를 나타내는 필드를 찾지 못하였습니다. 없으면 누가 조회하였는지 알 수 없습니다.", "no key looks like who was signed in; without it nobody knows who read"},
	catalog.FieldActorType: {"접속자 구분이 없습니다. 로그 전체가 한 종류라면 set: {actor.type: staff}처럼 쓰십시오.", "no key says which kind of actor; if all are of one kind, write set: {actor.type: staff}"},
	catalog.FieldIP:        {"접속지 주소를 찾지 못하였습니다.", "no key holds client addresses"},
	catalog.FieldMethod:    {"요청 방식이 없습니다. 아래 경로에는 ANY를 쓰십시오.", "no key holds methods; routes say ANY"},
	catalog.FieldStatus:    {"응답 코드가 없습니다. 모든 요청을 응답한 것으로 봅니다.", "no key says how a request ended; all count as answered"},
}
