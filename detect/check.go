package detect

import (
	"errors"

	"github.com/haetae/haetae/catalog"
	"github.com/haetae/haetae/internal/pseudonym"
	"github.com/haetae/haetae/ledger"
	"github.com/haetae/haetae/ledger/dictionary"
	"github.com/haetae/haetae/ledger/edition"
	"github.com/haetae/haetae/rule"
)

// Check finds what keeps rules from running, without a ledger to run them over.
func Check(docs []*rule.Document, o Options) error {
	_, err := New(docs, nowhere{pseudonym.NewHasher([32]byte{})}, o)
	return err
}

// nowhere is a ledger in which nothing is.
type nowhere struct{ hasher *pseudonym.Hasher }

var errNowhere = errors.New("there is no ledger to ask")

func (nowhere) Catalog() *catalog.Catalog      { return nil }
func (nowhere) Registers() []*edition.Register { return nil }
func (w nowhere) Hasher() *pseudonym.Hasher    { return w.hasher }
func (nowhere) Pseudonym(dictionary.Ref) (p pseudonym.Pseudonym, err error) {
	return p, errNowhere
}
func (nowhere) Bucket(dictionary.Ref) (uint64, []int, error)   { return 0, nil, errNowhere }
func (nowhere) LiveRules(uint32) ([]uint32, error)             { return nil, errNowhere }
func (nowhere) LiveRule(uint32) (r ledger.LiveRule, err error) { return r, errNowhere }
