package readfile

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// System reports whether an error is the system's: too many open files, a disk that fails, a file that is not there or may
// not be read, and any other that comes with an errno. What was read is then not known to be wrong, and the same may be tried again.
// Content that does not decode, a file that ends early, and this package's own errors are not the system's.
func System(err error) bool {
	var errno syscall.Errno
	var call *os.SyscallError
	return errors.As(err, &errno) || errors.As(err, &call) ||
		errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded)
}
