package ledger

import "fmt"

// Everything the ledger itself writes, by name and version. The files inside
// segments/, dictionary/, editions/ and journal/ carry their own magic; a test
// pins all of these, since a changed value orphans every folder in the field.
const (
	// FolderVersion is the version of the data folder as a whole.
	FolderVersion = 1

	markerName    = "HAETAE" // says what the folder is, and its version
	lockName      = "LOCK"
	manifestDir   = "manifest"
	journalDir    = "journal"
	segmentDir    = "segments"
	dictionaryDir = "dictionary"
	editionDir    = "editions"
	seenDir       = "seen"
	asideDir      = "aside"
	outletDir     = "outlets" // made with the first outlet
	// ScopeDir holds saved scopes; package scope writes into it.
	ScopeDir = "scopes"

	markerText     = "haetae data folder, format %d\n"
	manifestMagic  = "haetae manifest 1"
	manifestKeep   = 3 // the newest, for a person who has to look back
	batchMagic     = "HTBATCH1"
	seenMagic      = "HTSEEN01"
	segmentSuffix  = ".seg"
	seenSuffix     = ".seen"
	sealerSuffix   = ".header"
	identitiesName = "identities"
	personsName    = "persons"
)

// VersionError says that a folder was written by a newer release.
type VersionError struct {
	What  string
	Found int
	Known int
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("%s has format %d and this release reads up to %d: use the release that wrote it, or a newer one", e.What, e.Found, e.Known)
}
