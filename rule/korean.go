package rule

import "github.com/haetae/haetae/internal/written"

// korean is every sentence of this package, and what it is in Korean, with the same
// values. A test holds the list to the source. Values that have another order in
// Korean are numbered.
var korean = map[string]string{
	"%s": "%s",

	"the file is larger than 16 MiB":         "파일이 16 MiB보다 큽니다",
	"the file holds no rule":                 "파일에 규칙이 없습니다",
	"not readable as YAML":                   "YAML로 읽을 수 없습니다",
	"not readable as YAML%s":                 "YAML로 읽을 수 없습니다%s",
	"and %d more mistakes":                   "그 밖의 오류 %d건",
	"has to be a map":                        "키와 값이 있어야 합니다",
	"the file unfolds to more than %d nodes": "YAML 참조를 풀면 값이 %d개보다 많아집니다",
	"a key has to be a word":                 "키는 한 단어여야 합니다",
	"merge keys (<<) are not supported":      "병합 키(<<)는 쓸 수 없습니다",
	"stands there twice":                     "두 번 있습니다",
	"has to be a text":                       "문자열이어야 합니다",
	"is empty":                               "비어 있습니다",
	"has to be a list":                       "목록이어야 합니다",
	"names no rule":                          "가리키는 규칙이 없습니다",
	"names %q twice":                         "%q 규칙을 두 번 가리킵니다",
	"has to be a number":                     "수여야 합니다",
	"has to be a whole number from %d on":    "%d 이상의 정수여야 합니다",
	"has to be true or false":                "true나 false여야 합니다",
	"is not known: it is one of %s":          "알 수 없는 값입니다. 다음 중 하나여야 합니다: %s",
	"is missing":                             "없습니다",
	"is not known":                           "알 수 없는 키입니다",
	"rule collections of Sigma 1 (action: global, repeat, reset) are not supported": "Sigma 1의 규칙 모음(action: global, repeat, reset)은 쓸 수 없습니다",
	"the document has none of detection, correlation and filter":                    "문서에 detection, correlation, filter 중 하나도 없습니다",
	"a document is either a detection, a correlation or a filter, and this is a %s": "한 문서에는 detection, correlation, filter 중 하나만 씁니다. 이 문서에 먼저 나온 것: %s",
	"belongs to the rules that a correlation refers to":                             "correlation이 가리키는 규칙에 씁니다",
	"is not known: field names are Sigma's or the access record's":                  "알 수 없는 값입니다. sigma나 haetae를 쓰십시오",
	"names neither category nor product nor service":                                "category, product, service 중 하나도 없습니다",

	"%q is also %s:%d":                                                   "%q: %s:%d에도 같은 이름이나 id가 있습니다",
	"there is no rule with the name or id %q":                            "이름이나 id가 %q인 규칙이 없습니다",
	"%q is a correlation: only single events can be left out":            "%q 규칙은 correlation입니다. 단일 이벤트 규칙만 제외할 수 있습니다",
	"%q is a correlation: only single events can issue something":        "%q 규칙은 correlation입니다. issued에는 단일 이벤트 규칙만 쓸 수 있습니다",
	"%q is no field by which the correlation %q groups":                  "%q 필드는 correlation %q의 group-by에 없습니다",
	"%q looks at no events, and so has no moment at which it is reached": "%q 규칙은 이벤트를 보지 않으므로 도달 시각이 없어 다른 correlation에 쓸 수 없습니다",
	"%q is none of the correlation's rules":                              "%q 규칙은 이 correlation의 규칙이 아닙니다",
	"says nothing of the rule %q":                                        "%q 규칙에 대한 필드가 없습니다",
	"refers to itself: %s":                                               "자기 자신을 가리킵니다: %s",
	"%q is a correlation: filter the rules it refers to":                 "%q 규칙은 correlation입니다. 그것이 가리키는 규칙에 필터를 쓰십시오",
	"%q looks at %s, the filter at %s":                                   "%q 규칙의 logsource(%s)가 필터의 logsource(%s)와 다릅니다",

	"%s needs two rules or more":                                           "%s에는 규칙이 둘 이상 있어야 합니다",
	"is missing: %s needs it":                                              "없습니다. %s에 필요합니다",
	"does not go with %s: it is of %s":                                     "%s에는 쓸 수 없습니다. 다음에 씁니다: %s",
	"names %q twice or nothing":                                            "%q 필드가 두 번 있거나 비어 있습니다",
	"is a share from 0 to 1":                                               "0부터 1까지의 비율이어야 합니다",
	"has to be a whole number: %s counts":                                  "정수여야 합니다. %s 형식은 개수를 셉니다",
	"has to be from 0 to %g":                                               "0부터 %g까지여야 합니다",
	"does not go with %s":                                                  "%s에는 쓸 수 없습니다",
	"has to be one field: only value_count takes several":                  "필드가 하나여야 합니다. value_count만 여러 필드를 받습니다",
	"has to be from 0 to 100":                                              "0부터 100까지여야 합니다",
	"is missing: which percentile, from 0 to 100?":                         "없습니다. 0부터 100까지의 백분위를 쓰십시오",
	"has no bound: one of %s":                                              "기준값이 없습니다. 다음 중 하나를 쓰십시오: %s",
	"%s stands alone":                                                      "%s 조건은 단독으로 씁니다",
	"gt and gte do not go together":                                        "gt와 gte는 함께 쓸 수 없습니다",
	"lt and lte do not go together":                                        "lt와 lte는 함께 쓸 수 없습니다",
	"nothing is within these bounds":                                       "이 기준을 만족하는 값이 없습니다",
	"is used neither in group-by nor in the condition's field":             "group-by에도 condition의 field에도 쓰이지 않습니다",
	"%s is shorter than the timespan %s":                                   "%s: timespan %s보다 짧습니다",
	"is the same as to":                                                    "to와 같습니다",
	"takes too long to evaluate: it asks for many out of many searches":    "많은 search 중 여럿을 요구하여 판정에 시간이 너무 오래 걸립니다",
	"the rules ask about more fields than an event can have":               "규칙들이 쓰는 필드가 한 이벤트에 둘 수 있는 수보다 많습니다",
	"is no length of time such as 90m, 30d or 1y":                          "90m, 30d, 1y와 같은 기간이 아닙니다",
	"is no length of time: a number, then s, m, h, d, w, M (30 days) or y": "기간이 아닙니다. 수 뒤에 s, m, h, d, w, M(30일), y 중 하나를 쓰십시오",
	"is no length of time":                                                 "기간이 아닙니다",
	"is longer than 30 years":                                              "30년보다 깁니다",

	"timeframe is of Sigma 1: write a correlation with a timespan":                "timeframe은 Sigma 1의 것입니다. timespan이 있는 correlation을 쓰십시오",
	"has more than %d searches":                                                   "search가 %d개보다 많습니다",
	"has no search":                                                               "search가 없습니다",
	"a list within a list has no meaning here":                                    "목록 안에 목록을 쓸 수 없습니다",
	"a field has no name":                                                         "필드의 이름이 없습니다",
	"has no value: an empty value is '', a missing one is null":                   "값이 없습니다. 빈 값은 ''로, 없는 값은 null로 쓰십시오",
	"a value has to be a text, a number, true, false or null":                     "값은 문자열, 수, true, false, null 중 하나여야 합니다",
	"a value has to be a text, a number, true, false or null, or a list of these": "값은 문자열, 수, true, false, null 중 하나이거나 그 목록이어야 합니다",
	"a value of this YAML type is not supported":                                  "이 YAML 형식의 값은 쓸 수 없습니다",

	"the condition is longer than %d bytes":     "condition이 %d바이트보다 깁니다",
	"the condition is empty":                    "condition이 비어 있습니다",
	"%q is not expected there in the condition": "condition의 그 자리에 올 수 없는 말입니다: %q",
	"aggregation in a condition (| count, near and the like) is of Sigma 1: write a correlation": "condition의 집계(| count, near 등)는 Sigma 1의 것입니다. correlation을 쓰십시오",
	"the condition is nested more than %d deep":                                                  "condition의 중첩이 %d단계를 넘습니다",
	"the condition ends too early":                                                               "condition이 중간에서 끝납니다",
	"a parenthesis of the condition is not closed":                                               "condition의 괄호가 닫히지 않았습니다",
	"%q in the condition needs a number before it: 1 of %s, all of %s":                           "condition의 %q 앞에는 수가 있어야 합니다: 1 of %s, all of %s",
	"the condition speaks of %q, which is not defined":                                           "condition에 정의되지 않은 이름이 있습니다: %q",
	"%q before of in the condition is neither a number from 1 on, all nor any":                   "condition의 of 앞에는 1 이상의 수, all, any 중 하나를 씁니다. 잘못 쓴 값: %q",
	"the condition speaks of %q, and no name fits":                                               "condition의 %q에 맞는 이름이 없습니다",
	"the condition asks for %d of %q, of which there are only %d":                                "condition이 %[2]q 중 %[1]d개를 요구하지만 %[3]d개뿐입니다",

	"all has one value: it joins the values of a list": "all에 값이 하나뿐입니다. all은 목록의 값을 모두 요구할 때 씁니다",
	"modifier %q is not known":                         "알 수 없는 수식어 %q입니다",
	"modifier %s stands there twice":                   "같은 수식어가 두 번 있습니다: %s",
	"modifiers %s and %s do not go together":           "함께 쓸 수 없는 수식어입니다: %s, %s",
	"modifier %s has to stand before %s":               "수식어의 순서가 다릅니다. %s, %s 순으로 쓰십시오",
	"modifier expand has to stand before %s":           "수식어 expand는 %s 앞에 써야 합니다",
	"modifier %s has to stand after re":                "re 뒤에만 쓸 수 있는 수식어입니다: %s",
	"keywords are looked for in the whole event: of the modifiers only all, re, cased, contains, neq and encodings go with them": "키워드는 이벤트 전체에서 찾으므로 수식어는 all, re, cased, contains, neq와 인코딩만 쓸 수 있습니다",
	"null is no text, and stands without modifiers":                                          "null은 문자열이 아니므로 수식어 없이 씁니다",
	"exists takes true or false":                                                             "exists에는 true나 false를 씁니다",
	"the value is not a network such as 10.0.0.0/8":                                          "10.0.0.0/8과 같은 네트워크가 아닙니다",
	"the value is an IPv4 network in IPv6 form: write it as IPv4":                            "IPv6 형식으로 쓴 IPv4 네트워크입니다. IPv4로 쓰십시오",
	"fieldref names no field":                                                                "fieldref에 필드가 없습니다",
	"%s compares with a number, and the value is none":                                       "%s 비교의 값은 수여야 합니다",
	"%s is a whole number from %d to %d":                                                     "%s 값은 %d부터 %d까지의 정수입니다",
	"the regular expression uses %s, which needs a backtracking engine and is not supported": "정규식에 지원하지 않는 문법이 있습니다(되추적 엔진 필요): %s",
	"the regular expression is not understood: %s":                                           "정규식을 해석할 수 없습니다: %s",
	"an empty keyword is in every event":                                                     "빈 키워드는 모든 이벤트에 맞습니다",
	"placeholder %%%s%% was not given a value":                                               "자리표시자 %%%s%%에 값을 주지 않았습니다",
	"placeholder %%%s%% was given an empty list":                                             "자리표시자 %%%s%%에 빈 목록을 주었습니다",
	"the placeholders multiply to more than %d values":                                       "자리표시자를 풀면 값이 %d개보다 많아집니다",
	"windash makes more than %d values of this one":                                          "windash로 이 값이 %d개보다 많아집니다",
	"a text with wildcards cannot be encoded by %s":                                          "와일드카드가 있는 문자열에는 %s 인코딩을 쓸 수 없습니다",
	"the text is too short for base64offset":                                                 "문자열이 너무 짧아 base64offset을 쓸 수 없습니다",

	"is not known: a reason is given in ko and en":                                         "알 수 없는 키입니다. reason은 ko와 en으로 씁니다",
	"has to be given in both ko and en":                                                    "ko와 en을 모두 써야 합니다",
	"does not go with a filter":                                                            "filter에는 쓸 수 없습니다",
	"a } closes nothing: a brace is written twice to stand for itself":                     "}의 짝이 없습니다. 중괄호 자체는 두 번 겹쳐 씁니다",
	"a { is not closed":                                                                    "{가 닫히지 않았습니다",
	"{min} is not set by the correlation":                                                  "correlation에 min이 없어 {min}을 쓸 수 없습니다",
	"{percent} is for a correlation of type density: nothing else compares a share of one": "{percent}는 density 형식의 correlation에만 씁니다. 다른 형식은 비율을 비교하지 않습니다",
	"placeholder {%s} is not known: it is one of group.<field>, %s":                        "알 수 없는 자리표시자 {%s}입니다. group.<필드>나 다음 중 하나를 쓰십시오: %s",
	"placeholder {%s} is no field of group-by":                                             "group-by의 필드가 아닌 자리표시자입니다: {%s}",
	"has to be a list of {level, when}":                                                    "{level, when}의 목록이어야 합니다",
	"an escalation has a level and a when":                                                 "level과 when이 모두 있어야 합니다",
	"levels have to rise from one entry to the next":                                       "level은 다음 항목으로 갈수록 높아져야 합니다",
	"is not above the rule's own level %s":                                                 "규칙 자체의 수준 %s보다 높아야 합니다",

	// What only somebody who runs rules finds.
	"day can be grouped by and counted; a detection asks for time or calendar": "day는 묶거나 셀 때만 쓸 수 있습니다. detection에는 time이나 calendar를 쓰십시오",
	"groups by %d fields, and at most %d are supported":                        "필드 %d개로 묶습니다. %d개까지 쓸 수 있습니다",
	"field %s cannot be grouped by or counted":                                 "%s 필드로는 묶거나 셀 수 없습니다",
	"counts combinations of %d fields, and one is supported":                   "필드 %d개의 조합을 셉니다. 한 필드만 셀 수 있습니다",
}

// kind is a sentence in both languages.
func kind(format string) written.Kind {
	ko, ok := korean[format]
	if !ok {
		ko = format
	}
	return written.Kind{KO: ko, EN: format}
}

// say fills in a sentence. An error among the values is told in either language.
func say(format string, args ...any) written.Text {
	for i, a := range args {
		if err, ok := a.(error); ok {
			args[i] = written.TextOf(err)
		}
	}
	return kind(format).Say(args...)
}

// failing is a mistake whose place is not known yet.
func failing(format string, args ...any) error {
	k := kind(format)
	return written.Errorf(k.KO, k.EN, args...)
}

// Mistake is one in a whole document, found by whoever runs rules. format is one of
// the sentences that this package has in Korean.
func (d *Document) Mistake(format string, args ...any) Error {
	t := say(format, args...)
	return Error{File: d.File, Line: d.Line, Problem: t.EN, ProblemKO: t.KO}
}

// tooSlow is a condition that a hostile file may have.
func tooSlow(d *Document) Error {
	e := d.Mistake("takes too long to evaluate: it asks for many out of many searches")
	e.Field = "detection.condition"
	return e
}
