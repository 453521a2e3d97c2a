package ingest

import (
	"time"

	"golang.org/x/sys/unix"
)

// made tells the file from any other in its folder, earlier and later ones too;
// empty when the system does not say.
func (t *tailFile) made() string { return made(int(t.f.Fd()), "", unix.AT_EMPTY_PATH) }

// madeOf is made of the file of a name.
func madeOf(name string) string { return made(unix.AT_FDCWD, name, 0) }

// made asks for what stat does not tell: when the file was made. A file system
// that does not keep it gives the inode alone.
func made(dir int, name string, flags int) string {
	var st unix.Statx_t
	if err := unix.Statx(dir, name, flags, unix.STATX_INO|unix.STATX_BTIME, &st); err != nil {
		return ""
	}
	var born time.Time
	if st.Mask&unix.STATX_BTIME != 0 {
		born = time.Unix(st.Btime.Sec, int64(st.Btime.Nsec))
	}
	return madeID(st.Ino, born)
}
