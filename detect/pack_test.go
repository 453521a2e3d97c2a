package detect_test

import (
	"context"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/haetae/haetae/detect"
	"github.com/haetae/haetae/event"
	"github.com/haetae/haetae/internal/plural"
	"github.com/haetae/haetae/packs"
	"github.com/haetae/haetae/scope"
)

// attackedKey is the signing key of each sample's attack.
var attackedKey = map[string]string{"shop": "sig-2024-04", "shop-hard": "sig-2024-09"}

// TestSampleShops: the pack that ships names the attacked key at high severity after
// at most 20 people, and wakes nobody on a day without the attacker.
func TestSampleShops(t *testing.T) {
	for shop, key := range attackedKey {
		t.Run(shop, func(t *testing.T) {
			s := loadShop(t, filepath.Join("..", "testdata", shop))
			rep := detectAll(t, s.ledger)
			named := false
			for _, x := range rep.Signals {
				if x.Severity < detect.High {
					continue
				}
				at, err := time.Parse(time.RFC3339, x.ReachedAt)
				if err != nil {
					t.Fatal(err)
				}
				people := s.peopleUntil(t, at)
				t.Logf("%s %v was reached at %s, after %d people", x.Rule, x.Group, x.ReachedAt, people)
				if x.Group["credential.key"] == key && people <= 20 {
					named = true
				}
				s.onAttackDays(t, x)
			}
			if !named {
				t.Errorf("no high signal names %s after at most 20 people", key)
			}
		})
	}
}

// onAttackDays checks that the records behind a signal lie on days on which the log
// has records of the attacker.
func (s *sample) onAttackDays(t *testing.T, x detect.Signal) {
	t.Helper()
	attacked := map[string]bool{}
	for _, l := range s.attacks() {
		attacked[l.Time.In(seoul).Format(time.DateOnly)] = true
	}
	v, err := s.ledger.View()
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	first, err1 := time.Parse(time.RFC3339, x.First)
	last, err2 := time.Parse(time.RFC3339, x.Last)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	first, last = first.In(seoul), last.In(seoul)
	for day := time.Date(first.Year(), first.Month(), first.Day(), 0, 0, 0, 0, seoul); !day.After(last); day = day.AddDate(0, 0, 1) {
		if attacked[day.Format(time.DateOnly)] {
			continue
		}
		e, err := scope.Run(context.Background(), v, scope.Query{Where: x.Where, From: event.MillisOf(day), To: event.MillisOf(day.AddDate(0, 0, 1)), Zone: seoul})
		if err != nil {
			t.Fatal(err)
		}
		if e.Reads > 0 {
			t.Errorf("%s %v has %d reads on %s, without an attacker", x.Rule, x.Group, e.Reads, day.Format(time.DateOnly))
		}
	}
}

// TestReasonsCount: what a rule of the pack counts is a word that has a singular.
func TestReasonsCount(t *testing.T) {
	counted := regexp.MustCompile(`\{(?:count|reads|accounts|people|min)\} ([a-z]+s'|[a-z-]+s\b|people\b)`)
	seen := 0
	err := fs.WalkDir(packs.FS, "rules", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(packs.FS, name)
		for _, m := range counted.FindAllStringSubmatch(string(text), -1) {
			if seen++; !plural.Knows(m[1]) {
				t.Errorf("%s: one of %s would be written in the plural: see internal/plural", name, m[1])
			}
		}
		return err
	})
	if err != nil || seen < 20 {
		t.Errorf("%d counted words, %v", seen, err)
	}
}

// TestSilentIssuer: while shop-hard's log of sign-ins is silent, coverage is lost and
// nobody is accused.
func TestSilentIssuer(t *testing.T) {
	s := loadShop(t, filepath.Join("..", "testdata", "shop-hard"))
	rep := detectAll(t, s.ledger)
	// The three hours from the start of day 18, by the sample's description.
	from := time.Date(2025, 3, 19, 0, 0, 0, 0, seoul)
	to := from.Add(3 * time.Hour)
	for _, l := range s.log {
		if strings.HasPrefix(l.Request_uri, "/auth/") && l.Status == 200 && l.Time.After(from) && l.Time.Before(to) {
			t.Fatalf("the log of sign-ins is not silent at %s", l.Time)
		}
	}
	lost := slices.ContainsFunc(rep.Losses, func(l detect.Loss) bool {
		return l.Rule == "unissued_tokens" && l.Cause == "issuer_silent" && slices.ContainsFunc(l.Spans, func(span [2]string) bool {
			a, err1 := time.Parse(time.RFC3339, span[0])
			b, err2 := time.Parse(time.RFC3339, span[1])
			return err1 == nil && err2 == nil && !a.After(from.Add(time.Minute)) && !b.Before(to.Add(-time.Minute))
		})
	})
	if !lost {
		t.Errorf("the silence from %s is in no loss: %+v", from, rep.Losses)
	}
	// Tokens that were issued in the silence are used in it. None of them is counted:
	// without the attacker's records, the same log gives no signal about tokens.
	attacks := map[string]bool{}
	for _, l := range s.attacks() {
		if !(l.Time.After(from) && l.Time.Before(to.Add(3*time.Hour))) {
			attacks[l.Request_id] = true
		}
	}
	quiet := withoutLines(t, s, func(l line) bool { return attacks[l.Request_id] })
	for _, x := range detectAll(t, quiet).Signals {
		if x.Severity >= detect.High {
			t.Errorf("%s %v is high without the attacker: %s", x.Rule, x.Group, x.Reason.EN)
		}
	}
}

// TestNewMembers: members who are newer than the register wake nobody.
func TestNewMembers(t *testing.T) {
	s := loadShop(t, filepath.Join("..", "testdata", "shop-hard"))
	attacks := map[string]bool{}
	for _, l := range s.attacks() {
		attacks[l.Request_id] = true
	}
	quiet := withoutLines(t, s, func(l line) bool { return attacks[l.Request_id] })
	rep := detectAll(t, quiet)
	for _, x := range rep.Signals {
		if x.Severity >= detect.High {
			t.Errorf("%s %v is high without an attacker: %s", x.Rule, x.Group, x.Reason.EN)
		}
	}
	if !slices.ContainsFunc(rep.Losses, func(l detect.Loss) bool { return l.Cause == "register_outdated" }) {
		t.Error("that the register is too old is in no loss")
	}
}
