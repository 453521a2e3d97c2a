package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
)

// goRun is where "go run" puts what it builds: a folder that is gone afterwards,
// or, from the second time on, its cache, wherever that is.
var goRun = regexp.MustCompile(`/go-build[0-9]*/(?:.*/)?exe/[^/]+$|/[0-9a-f]{64}-d/[^/]+$`)

// self is how this very program can be called again from where it was called: a
// command that is printed should be one that can be typed.
func self(args0, executable string, look func(string) (string, error), exists func(string) bool) string {
	if goRun.MatchString(filepath.ToSlash(executable)) {
		if exists(filepath.Join("cmd", "haetae", "main.go")) {
			return "go run ./cmd/haetae"
		}
		return "go run github.com/haetae/haetae/cmd/haetae@latest"
	}
	if found, err := look("haetae"); err == nil && sameFile(found, executable) {
		return "haetae"
	}
	if args0 == "" {
		return "haetae"
	}
	return args0
}

func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

func thisProgram() string {
	executable, err := os.Executable()
	if err != nil {
		return "haetae"
	}
	return self(os.Args[0], executable, exec.LookPath, func(name string) bool { _, err := os.Stat(name); return err == nil })
}
