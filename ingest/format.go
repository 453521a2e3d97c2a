package ingest

import (
	"fmt"
	"strings"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/ingest/combined"
)

// FormatError says why a log cannot be read in a format, and what to do.
type FormatError struct{ Text catalog.Text }

func (e *FormatError) Error() string { return e.Text.EN }

// KO is Error in Korean.
func (e *FormatError) KO() string { return e.Text.KO }

func formatNames() string {
	var names []string
	for _, f := range Formats() {
		names = append(names, f.Name)
	}
	return strings.Join(names, ", ")
}

// FormatNamed finds a format by name.
func FormatNamed(name string) (Format, error) {
	for _, f := range Formats() {
		if f.Name == name {
			return f, nil
		}
	}
	return Format{}, &FormatError{catalog.Text{
		KO: fmt.Sprintf("알 수 없는 형식 %q입니다. 다음 중 하나를 쓰십시오: %s", name, formatNames()),
		EN: fmt.Sprintf("unknown format %q; known: %s", name, formatNames()),
	}}
}

// Verdict is what Detect found out.
type Verdict struct {
	Format string `json:"format"` // empty when none fits
	Fit    int    `json:"fit"`    // lines that look like it
	Lines  int    `json:"lines"`  // lines looked at
}

func (v Verdict) String() string {
	if v.Format == "" {
		return fmt.Sprintf("no known format (%d lines looked at)", v.Lines)
	}
	return fmt.Sprintf("%s, %d of %d lines", v.Format, v.Fit, v.Lines)
}

// KO is String in Korean.
func (v Verdict) KO() string {
	if v.Format == "" {
		return fmt.Sprintf("알려진 형식이 아닙니다(%d행 확인)", v.Lines)
	}
	return fmt.Sprintf("%s, %d행 중 %d행", v.Format, v.Lines, v.Fit)
}

// isAccessLog: these are read by one decoder.
func isAccessLog(format string) bool {
	return format == catalog.FormatCombined || format == catalog.FormatCommon
}

// CheckDeclared refuses a log whose first lines are plainly of another format
// than its source declares: else every line would be set aside, one by one. It
// says what to write in the catalog.
func CheckDeclared(f Format, src *catalog.Source, sample []byte) error {
	v := Detect(sample)
	if v.Format == "" || v.Format == f.Name || isAccessLog(v.Format) && isAccessLog(f.Name) {
		return nil
	}
	looked := splitSample(sample)
	if f.Cutter != nil {
		if looked = elementsOf(f, sample); len(looked) == 0 {
			return nil // a document with an empty list
		}
	}
	for _, l := range looked {
		if f.Reads(l) || isAccessLog(f.Name) && (combined.Reads(l) || combined.ReadsCommon(l)) {
			return nil
		}
	}
	entry := fmt.Sprintf("sources: {%s: {format: %s}}", src.Name, v.Format)
	if v.Format == catalog.FormatJSON {
		entry = fmt.Sprintf("sources: {%s: {format: json, fields: {time: …, uri: …}}}", src.Name)
	}
	return &FormatError{catalog.Text{
		KO: fmt.Sprintf("로그는 %s 형식인데(%d행 중 %d행) 카탈로그에는 %s 로그가 %s 형식으로 선언되어 있습니다. 카탈로그를 다음과 같이 고치십시오: %s", v.Format, v.Lines, v.Fit, src.Name, f.Name, entry),
		EN: fmt.Sprintf("the log is %s (%d of %d lines), but the catalog declares %s as %s; write there %s", v.Format, v.Fit, v.Lines, src.Name, f.Name, entry),
	}}
}
