package scope

// PartlyNamed are reads whose log line lists accounts, and fewer of them than
// the rows it says it returned. Whose the other rows are is not in the record:
// they may be further rows of the same accounts, or a list that was cut or
// could not be read. Such a read is not unresolved, since its accounts count.
//
// Only a list of the accounts in the answer is judged. Where the account stands
// in the path, in the query or is the actor, it says whose data was asked for,
// and any number of rows can be theirs.
type PartlyNamed struct {
	Records int64 `json:"records"`
	Rows    int64 `json:"rows"` // beyond the accounts their lists name
}

// partlyNamed counts n equal records, by the rows they returned (below 0: not
// told) and the accounts each names.
func (t *tally) partlyNamed(n int64, rows int32, named int) {
	if over := int64(rows) - int64(named); over > 0 {
		t.partly.Records += n
		t.partly.Rows += n * over
	}
}
