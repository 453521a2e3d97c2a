package server

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/feed"
	"github.com/haetae/haetae/internal/written"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/packs"
	"github.com/haetae/haetae/rule"
)

// ruleBook is a folder of rules and the files beside it, as they were read. A server
// keeps it, so that an engine which is made anew because history has changed runs the
// rules that are in force, whatever has become of the files since.
type ruleBook struct {
	req      DetectRequest
	docs     []*rule.Document
	files    map[string][]byte // by the name the request has for it
	calendar []byte            // that ships
}

// readBook reads everything once. All mistakes of reading come at once.
func readBook(req DetectRequest) (*ruleBook, error) {
	b := &ruleBook{req: req, files: map[string][]byte{}}
	var errs []error
	var err error
	b.docs, err = LoadRules(req.Rules)
	errs = append(errs, err)
	for _, name := range []string{req.Exceptions, req.Calendar, req.Lists, req.Keys} {
		if name != "" {
			b.files[name], err = readBeside(name)
			errs = append(errs, err)
		}
	}
	b.calendar, err = fs.ReadFile(packs.FS, "calendars/kr.yaml")
	return b, written.Joined(append(errs, err)...)
}

// options understands the files beside the rules.
func (b *ruleBook) options(zone *time.Location) (detect.Options, error) {
	req := b.req
	o := detect.Options{Zone: zone, Lateness: req.Lateness}
	var errs []error
	var err error
	if req.Exceptions != "" {
		o.Exceptions, err = detect.ReadExceptions(path.Base(req.Exceptions), b.files[req.Exceptions], zone)
		errs = append(errs, err)
	}
	name, text := "kr.yaml", b.calendar
	if req.Calendar != "" {
		name, text = path.Base(req.Calendar), b.files[req.Calendar]
	}
	o.Calendar, err = detect.ReadCalendar(name, text, zone)
	errs = append(errs, err)
	if req.Lists != "" {
		o.Lists, err = detect.ReadLists(path.Base(req.Lists), b.files[req.Lists])
		errs = append(errs, err)
	}
	if req.Keys != "" {
		o.Keys, err = detect.ReadKeys(path.Base(req.Keys), bytes.NewReader(b.files[req.Keys]), zone)
		errs = append(errs, err)
	}
	return o, written.Joined(errs...)
}

// check finds every mistake that keeps the rules from running over a ledger.
func (b *ruleBook) check(l *ledger.Ledger, fed feed.Registers) error {
	v, err := l.View()
	if err != nil {
		return err
	}
	defer v.Close()
	o, err := b.options(zoneOf(v))
	if err != nil {
		return err
	}
	fed.Into(&o)
	_, err = detect.New(b.docs, worldOf(v), o)
	return err
}

// zoneOf is the catalog's zone, in which days and hours are meant.
func zoneOf(v *ledger.View) *time.Location {
	if c := v.Catalog(); c != nil {
		return c.Zone()
	}
	return time.UTC
}

// readBeside reads a file that lies beside the rules. Its error does not have the
// folder: a server logs it, and personal data hides in paths.
func readBeside(name string) ([]byte, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, &FileError{name, withoutFolder(err)}
	}
	return text, nil
}

// LoadRules reads a folder of rule files (*.yaml, *.yml; *.test.yaml are their
// tests), or the pack that ships when dir is empty. All mistakes come at once.
func LoadRules(dir string) ([]*rule.Document, error) {
	files := fs.FS(packs.FS)
	root := "rules"
	if dir != "" {
		files, root = os.DirFS(dir), "."
	}
	var docs []*rule.Document
	var errs []error
	err := fs.WalkDir(files, root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() || !isRuleFile(name) {
			return nil
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		got, err := rule.Parse(path.Base(name), text)
		if err != nil {
			errs = append(errs, err)
			return nil
		}
		docs = append(docs, got...)
		return nil
	})
	if err != nil {
		if dir != "" { // else the pack's own folder
			err = &FileError{dir, err}
		}
		errs = append(errs, err)
	}
	if len(errs) == 0 && len(docs) == 0 {
		errs = append(errs, &FileError{dir, rule.ErrNoRules})
	}
	return docs, written.Joined(errs...)
}

func isRuleFile(name string) bool {
	if strings.HasSuffix(name, ".test.yaml") || strings.HasPrefix(path.Base(name), ".") {
		return false
	}
	return strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
}
