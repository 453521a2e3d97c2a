// Package report shows the score of a drill as one page that stands alone: a chief
// executive reads it in two minutes, and an engineer repeats it from what is written
// at its end.
//
// The central idea: the page is a file like a photograph. It has both languages, its
// style and its drawings in it, needs no script and asks nobody for anything, so that
// it looks the same in ten years, on paper, and on a machine without a network. Every
// number is the score's; beside it stands what happened in reality, and before it what
// of the scenario is not settled.
//
// What it is not: it reckons nothing that the score does not say, and knows neither
// how it was reached nor whose tool it was.
package report
