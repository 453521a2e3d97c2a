package server

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/packs"
	"github.com/haetae/haetae/rule"
	"github.com/haetae/haetae/scope"
)

// DetectRequest says which rules to run over what.
type DetectRequest struct {
	Rules      string // folder of rule files; empty = the pack that ships
	Exceptions string // file; empty = none
	Calendar   string // file; empty = the Korean holidays that ship
	Keys       string // file: the register of keys
	Lists      string // file: what %name% stands for in rules (docs/rules.md)
	From, To   event.Millis
	// Lateness is how much later than the newest record another may come and still
	// count live where it belongs; default 10 min. Rules whose findings a later record
	// could take back ring that much later.
	Lateness time.Duration
	Now      time.Time // by which custody is judged; default the present
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
		errs = append(errs, errors.New("read rules: there is no rule file in the folder (*.yaml)"))
	}
	return docs, joined(errs)
}

// joined is errors.Join that leaves a single error as it is.
func joined(errs []error) error {
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}

func isRuleFile(name string) bool {
	if strings.HasSuffix(name, ".test.yaml") || strings.HasPrefix(path.Base(name), ".") {
		return false
	}
	return strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
}

// detectOptions reads the files beside the rules.
func detectOptions(req DetectRequest, zone *time.Location) (detect.Options, error) {
	o := detect.Options{Zone: zone, Lateness: req.Lateness}
	var errs []error
	if req.Exceptions != "" {
		text, err := readBeside(req.Exceptions)
		if err == nil {
			o.Exceptions, err = detect.ReadExceptions(path.Base(req.Exceptions), text, zone)
		}
		errs = append(errs, err)
	}
	text, err := fs.ReadFile(packs.FS, "calendars/kr.yaml")
	name := "kr.yaml"
	if req.Calendar != "" {
		name = path.Base(req.Calendar)
		text, err = readBeside(req.Calendar)
	}
	if err == nil {
		o.Calendar, err = detect.ReadCalendar(name, text, zone)
	}
	errs = append(errs, err)
	if req.Lists != "" {
		text, err := readBeside(req.Lists)
		if err == nil {
			o.Lists, err = detect.ReadLists(path.Base(req.Lists), text)
		}
		errs = append(errs, err)
	}
	if req.Keys != "" {
		text, err := readBeside(req.Keys)
		if err == nil {
			o.Keys, err = detect.ReadKeys(path.Base(req.Keys), bytes.NewReader(text), zone)
		}
		errs = append(errs, err)
	}
	return o, joined(errs)
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

// Detect runs rules over history.
func Detect(ctx context.Context, l *ledger.Ledger, req DetectRequest, progress detect.Progress) (*detect.Report, error) {
	docs, err := LoadRules(req.Rules)
	if err != nil {
		return nil, err
	}
	v, err := l.View()
	if err != nil {
		return nil, err
	}
	defer v.Close()
	zone := time.UTC
	if c := v.Catalog(); c != nil {
		zone = c.Zone()
	}
	o, err := detectOptions(req, zone)
	if err != nil {
		return nil, err
	}
	e, err := detect.New(docs, &ledgerWorld{View: v}, o)
	if err != nil {
		return nil, err
	}
	from, to := req.From, req.To
	if from == 0 {
		from = catalog.Always
	}
	if to == 0 {
		to = catalog.Never
	}
	if err := e.Run(ctx, v.Segments(), from, to, progress); err != nil {
		return nil, err
	}
	if err := e.Finish(); err != nil {
		return nil, err
	}
	now := req.Now
	if now.IsZero() {
		now = time.Now()
	}
	e.Custody(event.MillisOf(now))
	e.Missing(v.Gaps(), from, to, event.MillisOf(now))
	return e.Report(ctx, extentOf(v, zone))
}

// extentOf asks the ledger for the numbers of a signal.
func extentOf(v *ledger.View, zone *time.Location) detect.Asker {
	return func(ctx context.Context, where string, from, to event.Millis) (detect.Extent, error) {
		x, err := scope.Run(ctx, v, scope.Query{Where: where, From: from, To: to, Zone: zone})
		if err != nil {
			return detect.Extent{}, err
		}
		return detect.Extent{Reads: x.Reads, Accounts: x.Accounts, People: x.People, Items: x.Items}, nil
	}
}

// ledgerWorld is a view as the engine asks it.
type ledgerWorld struct {
	*ledger.View
	blocks map[uint64]int                  // known accounts, by block
	of     [dictionary.Partitions][]uint64 // block of each account
	loaded bool
}

// Bucket loads the blocks of all accounts when it is first asked: 8 bytes each.
func (w *ledgerWorld) Bucket(r dictionary.Ref) (uint64, int, error) {
	if !w.loaded {
		w.loaded, w.blocks = true, map[uint64]int{}
		err := w.View.Blocks(func(r dictionary.Ref, block uint64) {
			list := &w.of[r.Part()]
			if n := int(r.Local()) + 1; n > len(*list) {
				*list = append(*list, make([]uint64, n-len(*list))...)
			}
			(*list)[r.Local()] = block
			w.blocks[block]++
		})
		if err != nil {
			return 0, 0, err
		}
	}
	list := w.of[r.Part()]
	if int(r.Local()) >= len(list) {
		return 0, 0, nil
	}
	b := list[r.Local()]
	return b, w.blocks[b], nil
}

// severities lists the words for flags and completion.
func Severities() []string {
	var out []string
	for s := detect.Informational; s <= detect.Critical; s++ {
		out = append(out, s.String())
	}
	return out
}

// AtLeast keeps the signals of a severity and above.
func AtLeast(list []detect.Signal, s detect.Severity) []detect.Signal {
	return slices.DeleteFunc(slices.Clone(list), func(x detect.Signal) bool { return x.Severity < s })
}
