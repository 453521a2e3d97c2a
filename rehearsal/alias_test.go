package rehearsal_test

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/haetae/haetae/rehearsal"
)

// aliased counts a member's page opened by an agent together with the member's own
// pages: the member is the account there and the actor here. The alias stands after a
// plain field, names one rule by its id, and not in the order of the rules.
const aliased = `title: Looked up
name: looked_up
id: 7d5c1a3e-4d4f-4b52-9c55-6a1f0f3b2a10
tags: [haetae.record]
logsource: {category: access, product: haetae}
detection: {page: {read: true, actor.type: staff}, condition: page}
---
title: Own page
name: own_page
tags: [haetae.record]
logsource: {category: access, product: haetae}
detection: {page: {read: true, actor.type: member}, condition: page}
---
title: Both from one address
name: both
level: medium
correlation:
  type: temporal
  rules: [looked_up, own_page]
  group-by: [c-ip, who]
  timespan: 1h
  aliases:
    who: {own_page: actor.id, 7d5c1a3e-4d4f-4b52-9c55-6a1f0f3b2a10: account}
haetae:
  reason: {ko: "{group.c-ip}에서 {reads}건", en: "{reads} reads from {group.c-ip}"}
---
title: Many members from one address
name: members
level: medium
correlation:
  type: value_count
  rules: [looked_up, own_page]
  group-by: [client.ip]
  timespan: 1h
  condition: {gte: 3, field: who}
  aliases:
    who: {own_page: actor.id, looked_up: account}
`

// TestAliases: a field that each rule calls differently groups and is counted as one,
// beside fields that they share, and the predicate finds the records of all rules.
func TestAliases(t *testing.T) {
	const test = `
defaults: {ip: 10.1.1.5}
exceptions:
  - {id: x, rule: both, group: {who: m1000001, client.ip: 10.1.1.5}, owner: o, reason: {ko: k, en: e}, from: 2026-01-01, until: 2026-12-01}
cases:
  - name: one member from one address
    records:
      - {at: 2026-03-02 14:00, type: staff, actor: s1, request: GET /support/members/m1000001}
      - {at: 2026-03-02 14:05, type: member, actor: m1000001, key: k, request: GET /my/profile, subjects: [m1000001]}
      - {at: 2026-03-02 14:06, type: staff, actor: s1, request: GET /support/members/m1000009, ip: 10.1.1.7}
    expect: [{rule: both, status: suppressed, group: {client.ip: 10.1.1.5, who: m1000001}, count: 2, reads: 2, accounts: 1}]
  - name: one member from two addresses
    records:
      - {at: 2026-03-02 14:00, type: staff, actor: s1, request: GET /support/members/m1000001}
      - {at: 2026-03-02 14:05, type: member, actor: m1000001, key: k, request: GET /my/profile, subjects: [m1000001], ip: 10.9.9.9}
    expect: []
  - name: two members from one address
    records:
      - {at: 2026-03-02 14:00, type: staff, actor: s1, request: GET /support/members/m1000001}
      - {at: 2026-03-02 14:05, type: member, actor: m1000002, key: k, request: GET /my/profile, subjects: [m1000002]}
    expect: []
  - name: three members from one address
    records:
      - {at: 2026-03-02 14:00, type: staff, actor: s1, request: GET /support/members/m1000001}
      - {at: 2026-03-02 14:01, type: staff, actor: s1, request: GET /support/members/m1000002}
      - {at: 2026-03-02 14:02, type: member, actor: m1000002, key: k, request: GET /my/profile, subjects: [m1000002]}
      - {at: 2026-03-02 14:05, type: member, actor: m1000003, key: k, request: GET /my/profile, subjects: [m1000003]}
    expect:
      - {rule: members, group: {client.ip: 10.1.1.5}, count: 3, reads: 4}
      - {rule: both, status: open, group: {client.ip: 10.1.1.5}, count: 2, reads: 2, accounts: 1}
`
	res, err := rehearsal.Run(context.Background(), fstest.MapFS{
		"r.yaml": {Data: []byte(aliased)}, "r.test.yaml": {Data: []byte(test)},
	}, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range res.Tests[0].Cases {
		for _, d := range c.Differences {
			t.Errorf("%s: %+v", c.Name, d)
		}
		for _, s := range c.Signals {
			if _, ok := s.Group["who"]; s.Rule == "both" && (!ok || !strings.HasSuffix(s.Reason.EN, "reads from 10.1.1.5")) {
				t.Errorf("%s: the group is %v and the reason %q", c.Name, s.Group, s.Reason.EN)
			}
		}
	}
}
