package main

import (
	"regexp"
	"strings"

	"github.com/haetae/haetae/internal/written"
	"github.com/haetae/haetae/rule"
)

// ruleHints say what to do about mistakes in rules whose sentence does not say it
// already. The first that fits counts; $1 is what the pattern has in brackets.
var ruleHints = []struct {
	problem *regexp.Regexp
	hint    text
}{
	{regexp.MustCompile(`^modifier "(.*)" is not known$`), text{"쓸 수 있는 수식어: docs/rules.md", "docs/rules.md lists those there are"}},
	{regexp.MustCompile(`^placeholder %(.*)% was not given a value$`), text{"명단 파일의 lists 아래에 $1 명단을 쓰고 --lists로 지정하십시오", "write $1 under lists in a file, and give it with --lists"}},
	{regexp.MustCompile(`^there is no rule with the name or id `), text{"규칙의 name이나 id를 쓰십시오. 함께 지정한 파일과 폴더의 규칙만 가리킬 수 있습니다", "write a rule's name or id; it has to be in the files and folders that are named"}},
	{regexp.MustCompile(`^the condition speaks of `), text{"detection 아래의 이름을 쓰십시오", "write a name that stands under detection"}},
	{regexp.MustCompile(`^the document has none of detection`), text{"예: detection: {page: {read: true}, condition: page}", "for example, detection: {page: {read: true}, condition: page}"}},
	{regexp.MustCompile(`^names neither category nor product nor service$`), text{"접속기록을 보는 규칙: logsource: {category: access, product: haetae}", "for access records, logsource: {category: access, product: haetae}"}},
	{regexp.MustCompile(`^the file holds no rule$`), text{"규칙이 아닌 파일은 폴더에서 빼거나 이름을 바꾸십시오", "take what is no rule out of the folder, or rename it"}},
	{regexp.MustCompile(`^stands there twice$`), text{"값이 여럿이면 목록으로 쓰십시오", "write several values as a list"}},
	{regexp.MustCompile(`^is not known$`), text{"쓸 수 있는 키: docs/rules.md", "docs/rules.md has the keys there are"}},
	{regexp.MustCompile(`^has no bound: `), text{"예: condition: {gte: 100}", "for example, condition: {gte: 100}"}},
	{regexp.MustCompile(`which needs a backtracking engine`), text{"RE2 문법으로 쓰십시오", "write it in the syntax of RE2"}},
}

// ruleHint is what to do about a mistake, or nothing.
func ruleHint(m written.Mistake) text {
	for _, h := range ruleHints {
		found := h.problem.FindStringSubmatch(m.Problem)
		if found == nil {
			continue
		}
		out := h.hint
		if len(found) > 1 {
			out = text{strings.ReplaceAll(out.ko, "$1", found[1]), strings.ReplaceAll(out.en, "$1", found[1])}
			if strings.HasPrefix(m.Problem, "modifier ") {
				meant := written.Meant(found[1], rule.Modifiers())
				out = text{out.ko + meant.KO, out.en + meant.EN}
			}
		}
		return out
	}
	return text{}
}
