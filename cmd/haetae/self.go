package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// self is how this very program can be called again from where it was called: a
// command that is printed should be one that can be typed.
func self(args0, executable string, look func(string) (string, error), exists func(string) bool) string {
	// "go run" builds into a folder that is gone afterwards.
	if dir := filepath.ToSlash(filepath.Dir(executable)); strings.Contains(dir, "/go-build") && strings.HasSuffix(dir, "/exe") {
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
