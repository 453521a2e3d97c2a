package ingest

import (
	"io/fs"
	"os"
	"syscall"
	"time"
)

// made tells the file from any other in its folder, earlier and later ones too;
// empty when the system does not say.
func (t *tailFile) made() string { return made(t.info) }

// madeOf is made of the file of a name.
func madeOf(name string) string {
	info, err := os.Lstat(name)
	if err != nil {
		return ""
	}
	return made(info)
}

func made(info fs.FileInfo) string {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return madeID(st.Ino, time.Unix(st.Birthtimespec.Unix()))
}
