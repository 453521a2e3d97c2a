package main

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/ledger"
)

var editionWords = struct{ flag, kind, edition, name, from, added, lines, always, none, noSuch, catalog, register, holdings text }{
	flag:     text{"이 `판`의 카탈로그를 표시(haetae catalog list). 지정하지 않으면 현재 판", "show this `edition` (haetae catalog list), else the one in force"},
	kind:     text{"종류", "kind"},
	edition:  text{"판", "edition"},
	name:     text{"파일", "file"},
	from:     text{"기준일", "true from"},
	added:    text{"등록 시각", "added"},
	lines:    text{"행", "lines"},
	always:   text{"모든 시점", "always"},
	none:     text{"등록한 카탈로그, 회원대장, 보유현황이 없습니다.\n", "no catalog, register or holdings are installed\n"},
	noSuch:   text{"제%d판 카탈로그가 없습니다. 있는 판은 haetae catalog list로 확인하십시오", "the catalog has no edition %d; haetae catalog list shows those there are"},
	catalog:  text{"카탈로그", "catalog"},
	register: text{"회원대장", "register"},
	holdings: text{"보유현황", "holdings"},
}

var catalogListText = commandText{
	short: text{"카탈로그, 회원대장, 보유현황의 모든 판을 표시합니다", "list the editions of catalog, register and holdings"},
	long: text{
		"어느 파일을 언제 등록하였고 언제부터 적용하는지 보여 줍니다. 이전 카탈로그의 내용은 haetae catalog show --edition으로 봅니다.",
		"Which files were installed when, and from when each is true. What an earlier catalog said is shown by haetae catalog show --edition."},
	example: text{`
  haetae catalog list --data D
  haetae catalog show --data D --edition 1`, `
  haetae catalog list --data D
  haetae catalog show --data D --edition 1`},
}

func (a *app) catalogList() *cobra.Command {
	var f folder
	var asJSON bool
	c := a.command("list --data DIR", catalogListText)
	c.Args = a.args(0)
	a.folderFlags(c, &f)
	c.Flags().BoolVar(&asJSON, "json", false, a.say(flagText.json))
	c.RunE = func(*cobra.Command, []string) error {
		l, err := f.read(a)
		if err != nil {
			return err
		}
		defer l.Close()
		list := l.Installed()
		if asJSON {
			return a.json(list)
		}
		if len(list) == 0 {
			a.printf(editionWords.none)
			return nil
		}
		a.showEditions(list, zoneOf(l.Catalog()))
		return nil
	}
	return c
}

func (a *app) showEditions(list []ledger.Installed, zone *time.Location) {
	w := &editionWords
	kinds := map[string]text{"catalog": w.catalog, "register": w.register, "holdings": w.holdings}
	t := newTable(1, 5)
	t.add(a.say(w.kind), a.say(w.edition), a.say(w.name), a.say(w.from), a.say(w.added), a.say(w.lines))
	for _, e := range list {
		from, lines := "-", "-"
		if e.Kind != "catalog" { // a catalog's answers have dates of their own
			from, lines = a.say(w.always), count(e.Lines)
			if e.From != nil {
				from = e.From.In(zone).Format("2006-01-02")
			}
		}
		t.add(a.say(kinds[e.Kind]), strconv.Itoa(int(e.Number)), e.Name, from, stamp(e.Added, zone), lines)
	}
	t.write(a.stdout)
}

// catalogEdition finds an edition of the catalog that a folder has or had.
func (a *app) catalogEdition(l *ledger.Ledger, number uint32) (*catalog.Catalog, error) {
	there := slices.ContainsFunc(l.Installed(), func(e ledger.Installed) bool { return e.Kind == "catalog" && e.Number == number })
	if !there {
		return nil, a.usage(editionWords.noSuch, number)
	}
	v, err := l.View()
	if err != nil {
		return nil, err
	}
	defer v.Close()
	return v.CatalogEdition(number)
}

func (a *app) catalogEditions(f *folder) func() []string {
	return func() []string {
		l, err := f.read(a)
		if err != nil {
			return nil
		}
		defer l.Close()
		var out []string
		for _, e := range l.Installed() {
			if e.Kind == "catalog" {
				out = append(out, fmt.Sprintf("%d\t%s", e.Number, e.Name))
			}
		}
		return out
	}
}
