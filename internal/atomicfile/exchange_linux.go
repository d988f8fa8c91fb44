package atomicfile

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// exchangeIn lets two names in an open folder change places in one step. It returns errors.ErrUnsupported where the file system
// cannot.
func exchangeIn(dir *os.File, a, b string) error {
	err := unix.Renameat2(int(dir.Fd()), a, int(dir.Fd()), b, unix.RENAME_EXCHANGE)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS), errors.Is(err, unix.ENOTSUP):
		return errors.ErrUnsupported
	}
	return &os.LinkError{Op: "exchange", Old: a, New: b, Err: err}
}
