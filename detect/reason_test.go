package detect

import (
	"testing"

	"github.com/haetae/haetae/internal/pseudonym"
)

// TestReason: the numbers of a reason, from none to many, in both languages.
func TestReason(t *testing.T) {
	docs := rules(t, `
title: read
name: read
logsource: {category: access, product: haetae}
detection: {s: {action: read}, condition: s}
---
title: many
name: many
correlation: {type: value_count, rules: [read], group-by: [credential.key], timespan: 1h, condition: {gte: 3, field: account}}
haetae:
  reason: {ko: "인증키({group.credential.key}): 계정 {count}개, 정보주체 {people}명", en: "key {group.credential.key}: {count} accounts, {people} people"}
---
title: block
name: block
correlation: {type: density, rules: [read], group-by: [credential.key], timespan: 1h, min: 1000, condition: {gte: 0.5, field: account}}
haetae:
  reason: {ko: "{min}개 중 {percent}%", en: "{percent}% of {min}"}
---
title: often / 잦음
name: often
correlation: {type: event_count, rules: [read], group-by: [credential.key], timespan: 1h, condition: {gte: 3}}
`)
	e, err := New(docs, &small{hasher: pseudonym.NewHasher([32]byte{1})}, Options{MaxValues: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		rule    string
		reached float64
		key     string
		people  int64
		ko, en  string
	}{
		{"many", 0, "k", 0, "인증키(k): 계정 0개, 정보주체 0명", "key k: 0 accounts, 0 people"},
		{"many", 1, "", 1, "인증키(없음): 계정 1개, 정보주체 1명", "key none: 1 account, 1 person"},
		{"many", 9_999, "k", 34_000_000, "인증키(k): 계정 9,999개, 정보주체 34,000,000명", "key k: 9,999 accounts, 34,000,000 people"},
		{"many", 10_000, "k", 12_345, "인증키(k): 계정 최소 10,000개, 정보주체 12,345명", "key k: at least 10,000 accounts, 12,345 people"},
		{"block", 0.8333, "k", 1, "1,000개 중 83.3%", "83.3% of 1,000"},
		{"often", 34_000_000, "k", 0, "잦음: 도달값 34,000,000, 조회 0건, 정보주체 0명", "often: reached 34,000,000; 0 reads of 0 people"},
	} {
		for _, c := range e.correlations {
			if c.doc.Name != x.rule {
				continue
			}
			got := e.reason(c, &finding{reached: x.reached}, &Signal{Group: map[string]string{"credential.key": x.key}, People: x.people})
			if got.KO != x.ko || got.EN != x.en {
				t.Errorf("%s at %v:\n%s\n%s\nwant\n%s\n%s", x.rule, x.reached, got.KO, got.EN, x.ko, x.en)
			}
			x.rule = ""
		}
		if x.rule != "" {
			t.Errorf("there is no rule %s", x.rule)
		}
	}
}
