// Package score holds what a tool said during a drill against what the attack did:
// how many people had been reached when the first correct alarm rang, whether the
// people it names are the right ones, and whether it said what it cannot know.
//
// The central idea: any tool is scored, by plain files that any tool can write, and
// nothing is estimated. Each person of the truth is looked up by the bytes of its id
// in what was found, one after the other, so that a wrong person, a missed one and an
// excused one are counted, never drawn. A figure stands beside what happened in
// reality and beside the list of what the scenario had to invent.
//
// The truth lies sealed in one file (Seal, Open): it is made with the traffic, and is
// opened when the findings are there.
//
// What it is not: it runs no tool, makes no traffic and draws nothing; package
// drill/report shows a score.
package score
