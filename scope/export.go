package scope

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/haetae/haetae/ledger/dictionary"
)

// Exported counts what an export wrote.
type Exported struct {
	Accounts int64 `json:"accounts"`
	People   int64 `json:"people"`
	// Destroyed ids were in the count and cannot be named any more, because
	// retention destroyed them since.
	Destroyed int64 `json:"destroyed"`
}

// Export writes a set with real ids, as CSV with a header: "account,<id>,", then
// "person,<id>,<items>". w is what encrypts. Opening ids is an access to
// personal data: whoever calls Export has recorded it before.
func Export(w io.Writer, s *Set, account, person func(dictionary.Ref) (string, error)) (Exported, error) {
	var n Exported
	c := csv.NewWriter(w)
	if err := c.Write([]string{"kind", "id", "items"}); err != nil {
		return n, fmt.Errorf("export: %w", err)
	}
	line := func(kind string, open func(dictionary.Ref) (string, error), ref dictionary.Ref, items string, count *int64) error {
		id, err := open(ref)
		if errors.Is(err, dictionary.ErrDropped) {
			n.Destroyed++
			return nil
		}
		if err != nil {
			return fmt.Errorf("export: %w", err)
		}
		*count++
		return c.Write([]string{kind, id, items})
	}
	for _, a := range s.Accounts {
		if err := line("account", account, a, "", &n.Accounts); err != nil {
			return n, err
		}
	}
	open := person
	if s.Holders {
		open = account
	}
	for _, p := range s.People {
		var items []string
		for i, it := range s.Items {
			if p.Mask>>i&1 == 1 {
				items = append(items, it)
			}
		}
		if err := line("person", open, p.Ref, strings.Join(items, ";"), &n.People); err != nil {
			return n, err
		}
	}
	c.Flush()
	if err := c.Error(); err != nil {
		return n, fmt.Errorf("export: %w", err)
	}
	return n, nil
}
