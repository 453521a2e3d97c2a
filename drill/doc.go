// Package drill describes leaks that happened, precisely enough to be played again:
// who was there, what ordinary traffic looked like, what the intruder did in which
// phases, what went wrong with the evidence, and what reality counted when.
//
// The central idea: every quantity of a scenario is a figure, and every figure says
// where it is from, by which arithmetic it follows, or that it is invented and why.
// There is no bare number anywhere else, so a score can print what it rests on. A
// scenario is a reconstruction: it names no person, and what no authority or court
// has settled stands under unsettled and is told as such.
//
// The package reads and checks scenarios and says who exists in them: which numbers
// are members, who stands in whose address book, who has which item. All of that is
// computed from the place of a number, never drawn and remembered, so that forty
// million people need no memory and a scenario is the same at every run.
//
// Traffic is made of it by package drill/traffic, what was found is held against the
// truth by package drill/score. What it is not: it runs nothing.
package drill
