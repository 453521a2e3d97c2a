package rule

// Document is one YAML document of a rule file. Exactly one of Detection,
// Correlation and Filter is set. It does not change after Parse.
type Document struct {
	File string // as it was given to Parse
	Line int    // where the document begins

	Title       string
	ID          string // recommended: a UUID
	Name        string // what other rules may call it instead of the ID
	Status      string
	Description string
	Author      string
	Date        string
	Modified    string
	License     string
	Taxonomy    string
	Level       Level // LevelNone when the rule does not say
	References  []string
	Tags        []string
	Fields      []string
	Scope       []string

	FalsePositives []string
	Related        []Related

	// Custom names the top-level keys that neither the specification nor this
	// package knows. The specification allows them; they mean nothing here.
	Custom []string

	LogSource   LogSource // of detections and filters
	Detection   *Detection
	Correlation *Correlation
	Filter      *Filter
	Haetae      *Extension // nil when there is no `haetae:` map
}

// Key is what the document is best called: its name, else its id, else its
// title.
func (d *Document) Key() string {
	switch {
	case d.Name != "":
		return d.Name
	case d.ID != "":
		return d.ID
	}
	return d.Title
}

// Related is a pointer to another rule, for readers.
type Related struct {
	ID   string
	Type string
}

// LogSource says on which logs a rule looks, or what a log is. Empty parts of
// a rule's log source stand for any.
type LogSource struct {
	Category string
	Product  string
	Service  string
}

// String is the parts that are set: "category=proxy".
func (l LogSource) String() string {
	s := ""
	for _, part := range [...][2]string{{"category", l.Category}, {"product", l.Product}, {"service", l.Service}} {
		if part[1] == "" {
			continue
		}
		if s != "" {
			s += " "
		}
		s += part[0] + "=" + part[1]
	}
	return s
}

// covers reports whether everything that l asks for is so in other.
func (l LogSource) covers(other LogSource) bool {
	return (l.Category == "" || l.Category == other.Category) &&
		(l.Product == "" || l.Product == other.Product) &&
		(l.Service == "" || l.Service == other.Service)
}

// Level is how bad it is when a rule matches, in Sigma's words.
type Level uint8

const (
	LevelNone Level = iota // the rule does not say
	LevelInformational
	LevelLow
	LevelMedium
	LevelHigh
	LevelCritical
)

var levelNames = [...]string{"", "informational", "low", "medium", "high", "critical"}

func (l Level) String() string {
	if int(l) < len(levelNames) {
		return levelNames[l]
	}
	return ""
}

// ParseLevel is the inverse of String.
func ParseLevel(s string) (Level, bool) {
	for i, n := range levelNames {
		if i > 0 && n == s {
			return Level(i), true
		}
	}
	return LevelNone, false
}

var statuses = []string{"stable", "test", "experimental", "deprecated", "unsupported"}

// Ref names another rule by its id or name.
type Ref struct {
	Name string
	Line int
}

// Filter excludes known matches from other rules: a rule it is for matches only
// where the filter's condition holds too. (So a filter that takes something out
// says `condition: not selection`.)
type Filter struct {
	Any   bool  // `rules: any`: every detection that the filter's log source covers
	Rules []Ref // else these
	Detection
}
