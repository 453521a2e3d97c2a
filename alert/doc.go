// Package alert (알림) tells people what package detect found, until somebody
// says that they have taken it: by webhook, Slack and mail, then, if nobody
// does, by the steps of an escalation and whoever is on call.
//
// The central idea: a signal is one leak that grows, so the queue holds signals
// and not messages. For each signal, channel and step there is one telling, and
// it always tells the newest state: a dead channel that comes back tells what is
// so now, and not everything that was so meanwhile. The order of things:
//
//	Found ─▶ book (what is known) ─▶ store (fsynced) ─▶ returns
//	Run: one loop ─▶ steps that are due ─▶ per channel one attempt at a time
//	     ─▶ sent, or failed for good, or again later ─▶ store
//
// Delivery is at least once. What tells a repetition from news is the key of a
// message: signal, revision, step and channel. A message that was sent and could
// not be written down is sent again after a crash, under the same key.
//
// What is told by default names nobody: rule, title, severity, counts, times,
// status and a link. Group, reason and predicate, which can hold pseudonyms and
// addresses, go only to channels that say so. Errors, logs and Status hold
// neither those nor any part of an address that could be a secret.
//
// What it is not: a case. An acknowledgement says that somebody looks into a
// signal; what they find out is not kept here, and no legal clock starts or stops
// by it. Nor does it notify data subjects.
package alert
