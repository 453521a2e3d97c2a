// Package rule is the rule language: Sigma detections, correlations and filters,
// with a few correlation types of our own in the same YAML. It parses rules,
// refuses what it does not know by file and line, and says which detections match
// an event.
//
// The central idea: the cost of an event follows the rules that could match it,
// not the rules there are. Compile routes rules by log source into lanes, makes
// equal tests of different rules one atom, and derives for each rule something
// without which it cannot match: texts of which one has to be found, or fields of
// which one has to be there. Match finds all texts of all rules in one pass over
// each field (a hash table, two tries and an Aho-Corasick automaton), and
// evaluates only the rules for which something was found, asking each atom once.
//
//	docs, err := rule.Parse("pack.yaml", text)
//	set, err := rule.Compile(docs, rule.AccessRecord(), rule.Options{})
//	e, m := set.NewEvent(), set.NewMatcher() // one of each per goroutine
//	e.SetRecord(&record)
//	for _, r := range set.Match(e, m) { … set.Rules()[r] … }
//
// What it is not: it evaluates no correlation, keeps no state, does no input or
// output and knows no clock. Correlations are parsed, checked and resolved here;
// package detect runs them.
//
// # Detections
//
// All of the public Sigma specification 2.1, with these choices where it leaves
// one:
//
//   - Every comparison is one of texts: a number is its shortest decimal form (a
//     number of a rule also as it was written), a truth value true or false, a
//     moment RFC 3339 in UTC. lt, lte, gt and gte compare numbers, and texts that
//     are decimal numbers.
//   - Case does not matter, by Unicode's simple folding (as strings.EqualFold):
//     É equals é, K (Kelvin) equals k; ß does not equal ss, the Turkish ı equals
//     only itself, nothing is normalised. With cased, in re without i, and in
//     fields that are ids, case matters. base64 is compared like any text, so
//     write cased where that matters.
//   - null holds where the field is absent or null. ” holds where it is an empty
//     text; in fields of the access record, where empty is not told from absent,
//     both hold for either. A lone * holds for any value. neq is the negation of
//     the rest of its line, so it holds for an absent field too.
//   - A list in an event matches where one of its texts does.
//   - Keywords are looked for in every field and in Message, each by itself: a
//     keyword that spans two fields is not found without Message. Where Message is
//     all there is (SetWhole), in it alone.
//   - re is found anywhere in the text unless anchored. It is Go's syntax, which
//     covers what the specification allows; lookaround, back-references, atomic
//     groups and possessive quantifiers are refused. $ without m is the very end.
//   - hour, day and so on read a moment in Options.Zone, and a date in a text as it
//     is written. week is that of ISO 8601.
//   - windash: a dash or slash is a flag where it begins a word.
//   - A filter's condition has to hold beside the rule's, so a filter that takes
//     something out says `condition: not selection`.
//   - Top-level keys that nobody knows are kept in Document.Custom, as the
//     specification allows; anywhere else an unknown key is a mistake.
//
// Refused are Sigma 1's aggregations in a condition, timeframe and action, an
// `all` over one value, and placeholders (expand) that Options does not give.
//
// # Correlations
//
// Sigma's types: event_count, value_count, value_sum, value_avg, value_min,
// value_max, value_median, value_percentile (its condition has percentile: 0 to
// 100), temporal and temporal_ordered (whose condition may be a bound on the number
// of rules seen, or a text over their names: `a and (b or c)`). Keys: rules,
// group-by, timespan, condition (gt, gte, lt, lte, eq, neq; field), aliases,
// generate. Rules are referred to by name or id, in any file, and may be
// correlations, of which only the fields of their group-by can be grouped by or counted.
// A span is a number with s, m, h, d, w, M (30 days) or y (365 days).
//
// Every type also takes:
//
//	min: 20               events a group needs before it may fire
//	learning: 14d         a phase in which nothing is high
//	exclude: [name, …]    events that these detections match are left out
//
// # What Sigma lacks
//
// These types go on where counting ends. Each has rules, timespan, condition and
// group-by as above; a group is a value of group-by.
//
//	first_seen   how many distinct values of field the group has that it did not
//	             have within memory (memory: 400d)
//	dormant      how many events a group has that was silent for idle (idle: 30d)
//	absent       how many distinct values of field, a token, had no earlier record
//	             that an issued rule matches (issued: [name, …]) within that time
//	             (within: 30d); cadence: 3h is the longest silence of the issuer
//	             that is ordinary
//	unknown      how many distinct accounts in field the register does not know;
//	             new ones have a grace (grace: 14d), and share: 0.02 of them is
//	             ordinary
//	ratio        events of one set of rules for each event of another (of: [name],
//	             to: [name], in place of rules)
//	deviation    how far the number of events, or of distinct values of field, is
//	             from the group's own in this hour of the week over history
//	             (history: 8w), as a robust z-score
//	density      the share of the accounts, in field, that the group touched in the
//	             blocks of ids it touched, 0 to 1
//	custody      a key whose custodian left or went to other work, or whose rotation is
//	             overdue (when: [custodian_left, custodian_moved, rotation_overdue]); it needs no events, so
//	             it has neither rules nor timespan nor condition
//
// For example:
//
//	title: One key reads most accounts of the blocks it touches
//	name: enumeration
//	level: medium
//	correlation:
//	  type: density
//	  rules: [member_page]
//	  group-by: [credential.key, route]
//	  timespan: 1d
//	  min: 200
//	  condition: {gte: 0.6, field: account}
//	haetae:
//	  reason:
//	    ko: "서명키({group.credential.key})로 정보주체 {people}명의 정보가 조회되었습니다"
//	    en: "Key {group.credential.key} read {people} people"
//	  severity:
//	    - {level: high, when: {gte: 20, of: people}}
//
// # The haetae map
//
// Any rule may have one, with
//
//	reason: {ko, en}      one sentence in both languages. Placeholders: {count}, what
//	                      the condition compares; {reads} {accounts} {people}
//	                      {items}; {first} {last}, the times; {min}, the rule's own;
//	                      {group.<field>}, a field of group-by. {{ stands for {.
//	severity: [{level, when}, …]
//	                      levels above the rule's own that a signal rises to; when
//	                      is bounds on count, or on one of reads, accounts, people,
//	                      items by of: people
//	fan_out: observed     every account counts, also where the catalog declares for
//	                      the route that a page shows many; default: declared, by
//	                      which such a page counts as one account
//	calendar: [name, …]   calendar files whose days a signal names
//
// # Fields and sources
//
// A Schema says what a caller's events are made of. AccessRecord is the one of
// event.Record: its fields by their names in a scope predicate, plus method and
// path (the parts of route), and Sigma's names for the same (c-ip, cs-method,
// cs-uri-stem, c-useragent, sc-status, cs-username). Rules with the log source
// webserver or proxy look at access records, and so do those that say product:
// haetae or category: access.
//
// A rule on a field that the schema does not have loads like any other. The field
// gets a place in the event, so that a live event which has it matches; Rule.Missing
// lists it, and Rule.LiveOnly says that stored records cannot answer the rule.
// Line is the schema of a line while it is at hand, by which detect.Intake matches
// such rules.
package rule
