package feed

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

func put(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestHalfWritten: a file that somebody is writing is not taken, neither while it
// grows nor while its place is being taken by another.
func TestHalfWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		name := filepath.Join(dir, "staff.csv")
		f := &Feed{File: name}
		put(t, name, "id\ns1\n")
		if got, err := f.fetch(t.Context(), &kept{}); err != nil || string(got.data) != "id\ns1\n" {
			t.Fatalf("a file at rest: %v", err)
		}
		for what, change := range map[string]func(){
			"it grows": func() { put(t, name, "id\ns1\ns2\n") },
			"it is written over, as long as before": func() {
				put(t, name, "id\ns9\n")
				if err := os.Chtimes(name, time.Time{}, time.Now().Add(time.Hour)); err != nil {
					t.Fatal(err)
				}
			},
			"another takes its place": func() {
				put(t, name+".new", "id\ns1\n")
				if err := os.Rename(name+".new", name); err != nil {
					t.Fatal(err)
				}
			},
		} {
			put(t, name, "id\ns1\n")
			go func() {
				time.Sleep(settle / 2)
				change()
			}()
			if _, err := f.fetch(t.Context(), &kept{}); !errors.Is(err, errWritten) {
				t.Errorf("%s: %v", what, err)
			}
		}
		put(t, name, "")
		if err := os.Truncate(name, maxFeedBytes+1); err != nil {
			t.Fatal(err)
		}
		if _, err := f.fetch(t.Context(), &kept{}); !errors.Is(err, errLarge) {
			t.Errorf("too large: %v", err)
		}
	})
}

// TestFolder: the newest file whose name fits, and none that is not finished.
func TestFolder(t *testing.T) {
	dir := t.TempDir()
	f := &Feed{Folder: dir, Pattern: "staff-*"}
	if _, err := f.newest(); !errors.Is(err, errNoFile) {
		t.Errorf("an empty folder: %v", err)
	}
	when := time.Now().Add(-time.Hour)
	for i, name := range []string{"staff-1.csv", "staff-2.csv", "staff-3.csv.tmp", "staff-4.csv.part", "other.csv", ".staff-5.csv"} {
		put(t, filepath.Join(dir, name), name)
		if err := os.Chtimes(filepath.Join(dir, name), time.Time{}, when.Add(time.Duration(i)*time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "staff-9"), 0o700); err != nil {
		t.Fatal(err)
	}
	if name, err := f.newest(); err != nil || filepath.Base(name) != "staff-2.csv" {
		t.Errorf("%s, %v", filepath.Base(name), err)
	}
	synctest.Test(t, func(t *testing.T) {
		got, err := f.fetch(t.Context(), &kept{})
		if err != nil || string(got.data) != "staff-2.csv" || !got.asOf.Equal(when.Add(time.Minute)) {
			t.Errorf("%+v, %v", got, err)
		}
	})
	if _, err := (&Feed{Folder: filepath.Join(dir, "gone"), Pattern: "*"}).newest(); err == nil || err.Error() != "the file is not there" {
		t.Errorf("a folder that is not there: %v", err)
	}
}
