package detect

import (
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/internal/written/writtentest"
)

// TestSpoiledFiles: however the files beside the rules are written wrongly, no
// mistake repeats what stands there, and each is told in both languages.
func TestSpoiledFiles(t *testing.T) {
	docs := rules(t, `
title: any read
name: read
logsource: {category: access, product: haetae}
detection: {s: {action: read}, condition: s}
---
title: reads
name: reads
correlation: {type: event_count, rules: [read], group-by: [credential.key], timespan: 1h, condition: {gte: 5}}
`)
	writtentest.Private(t, "e.yaml:", `exceptions:
  - id: a
    rule: reads
    group: {credential.key: k1}
    owner: kim
    reason: {ko: 월말 정산, en: settlement}
    from: 2026-01-01
    until: 2026-07-01
  - {id: b, rule: other, group: {actor.id: s1, client.ip: 10.0.0.1}, owner: lee, reason: {ko: 가, en: a}, from: 2026-01-01T09:00:00+09:00, until: 2026-02-01}
`, func(text string) error {
		xs, err := ReadExceptions("e.yaml", []byte(text), time.UTC)
		if err != nil {
			return err
		}
		_, err = New(docs, &small{hasher: pseudonym.NewHasher([32]byte{1})}, Options{Exceptions: xs})
		return err
	})
	writtentest.Private(t, "c.yaml:", `calendars:
  kr-holidays:
    - {day: 2026-01-01, ko: 신정, en: New Year's Day}
  events:
    - {from: 2026-11-11T00:00:00+09:00, until: 2026-11-12T12:00:00+09:00, ko: 할인 행사, en: sale day}
    - from: 2026-12-01
      until: 2026-12-03
      ko: 이전
      en: migration
`, func(text string) error {
		_, err := ReadCalendar("c.yaml", []byte(text), time.UTC)
		return err
	})
	writtentest.Private(t, "l.yaml:", "lists:\n  vips: [m1, m2]\n  none: []\n  leavers:\n    - s117\n    - s118\n", func(text string) error {
		_, err := ReadLists("l.yaml", []byte(text))
		return err
	})
	writtentest.Private(t, "k.csv:", "key,purpose,custodian,custodian_left,rotates_by,retired\nk1,\"sign, tokens\",kim,,2026-01-01,\nk1,,lee,2026-03-01,2026-01-01,2026-05-01\n", func(text string) error {
		_, err := ReadKeys("k.csv", strings.NewReader(text), time.UTC)
		return err
	})
}
