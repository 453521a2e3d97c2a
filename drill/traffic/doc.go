// Package traffic makes the traffic of a scenario: the lines that nginx, PostgreSQL
// with pgaudit and AWS CloudTrail would have written, the files that stand beside them
// (catalog, register, holdings, keys, calendar), and the truth about the attack.
//
// The central idea: everything follows from the scenario, the scale and the seed. An
// hour is made at a time: its visits are drawn, the attack takes from its own sequence
// as many lines as fall into the hour, all is put in order of time, the faults take,
// delay and repeat what they do, and only then are bytes written. So memory holds one
// hour and the truth, whatever the scale, and the same seed gives the same bytes.
//
// The truth is counted before a fault touches a line, and never read back from one.
//
// What it is not: it knows nothing of how lines are read, of rules or of answers.
package traffic
