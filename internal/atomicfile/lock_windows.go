package atomicfile

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// closeFirst: a file that is open cannot be renamed or removed.
const closeFirst = true

const noFollow = 0

// lockedByte lies behind every content, since a locked byte cannot be read or written by others.
const lockedByte = 1<<31 - 1

func tryLock(f *os.File) error {
	at := &windows.Overlapped{OffsetHigh: lockedByte}
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, at)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return ErrHeld
	}
	return err
}

// unlock leaves it to closing: no other process has the file open.
func unlock(*os.File) {}
