//go:build unix

package atomicfile

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// nonblock lets a pipe be opened, and written to, without a wait that nothing can end.
const nonblock = unix.O_NONBLOCK

// noReader reports a pipe that nobody reads yet.
func noReader(err error) bool { return errors.Is(err, unix.ENXIO) }

// duplicate returns an open file of this process once more.
func duplicate(fd int, name string) (*os.File, error) {
	n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(n), name), nil
}
