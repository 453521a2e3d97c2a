//go:build !linux

package disk

// Scattered is a hint that only Linux is given.
func Scattered(File) {}
