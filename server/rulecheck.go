package server

import (
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/feed"
	"github.com/haetae/haetae/internal/written"
	"github.com/haetae/haetae/packs"
	"github.com/haetae/haetae/rule"
)

// CheckRules reads files and folders of rules as one rulebook, as a server reads its
// folder, with the files beside them, and gives how many rules there are. Rules are
// compiled only when all files can be read. In mistakes, rule files are called as they
// were named here. feeds is the file of feeds, or empty: the lists that they fill are there.
func CheckRules(paths []string, req DetectRequest, feeds string) (rules int, err error) {
	b := &ruleBook{req: req, files: map[string][]byte{}}
	var errs []error
	take := func(name string) {
		text, err := os.ReadFile(name)
		if err != nil {
			errs = append(errs, &FileError{name, err})
			return
		}
		docs, err := rule.Parse(name, text)
		b.docs, errs = append(b.docs, docs...), append(errs, err)
	}
	for _, p := range paths {
		some := false
		err := filepath.WalkDir(p, func(name string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && (name == p || isRuleFile(name)) {
				some = true
				take(name)
			}
			return err
		})
		if err == nil && !some {
			err = rule.ErrNoRules
		}
		if err != nil {
			errs = append(errs, &FileError{p, err})
		}
	}
	for _, name := range []string{req.Exceptions, req.Calendar, req.Lists, req.Keys} {
		if name != "" {
			text, err := readBeside(name)
			b.files[name], errs = text, append(errs, err)
		}
	}
	fed := &feed.Config{}
	if feeds != "" {
		cfg, err := feed.Load(feeds)
		if err == nil {
			fed = cfg
		}
		errs = append(errs, err)
	}
	text, err := fs.ReadFile(packs.FS, "calendars/kr.yaml")
	b.calendar, errs = text, append(errs, err)
	if err := written.Joined(errs...); err != nil {
		return len(b.docs), err
	}
	o, err := b.options(time.UTC)
	if err == nil {
		for _, f := range fed.Feeds {
			o.Feeds = append(o.Feeds, detect.FeedCover{Name: f.Name, Kind: f.Kind, List: f.List})
		}
		err = detect.Check(b.docs, o)
	}
	return len(b.docs), err
}

// Mistakes divides an error into the mistakes in files that it holds, and the rest.
func Mistakes(err error) (mistakes written.Mistakes, rest []error) {
	switch x := err.(type) {
	case nil:
	case written.Mistake:
		mistakes = append(mistakes, x)
	case *FileError:
		rest = append(rest, x)
	case interface{ Unwrap() []error }:
		for _, e := range x.Unwrap() {
			m, r := Mistakes(e)
			mistakes, rest = append(mistakes, m...), append(rest, r...)
		}
	case interface{ Unwrap() error }:
		if mistakes, rest = Mistakes(x.Unwrap()); len(mistakes) == 0 {
			return nil, []error{err}
		}
	default:
		rest = append(rest, err)
	}
	return mistakes, rest
}
