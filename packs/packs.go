// Package packs holds the data that ships with Haetae: catalogs to start from,
// rules with their tests, calendars, scenarios of leaks, and the sample shop whose
// right answers are known. It is embedded, so that
// the one binary is enough; a folder of the same layout can stand in for it.
//
// What it is not: code. Whatever reads a pack lives in the package it is for.
package packs

import "embed"

// FS holds calendars/, catalogs/, rules/, sample/ and scenarios/.
//
//go:embed calendars catalogs rules sample scenarios
var FS embed.FS
