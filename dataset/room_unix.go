//go:build unix

package dataset

import "golang.org/x/sys/unix"

// roomIn returns the bytes that a user may still write to the disk of a folder.
func roomIn(dir string) (bytes int64, known bool) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, false
	}
	return int64(s.Bavail) * int64(s.Bsize), true
}
