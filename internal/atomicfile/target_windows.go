package atomicfile

import (
	"os"

	"golang.org/x/sys/windows"
)

const nonblock = 0

func noReader(error) bool { return false }

// duplicate returns standard output once more. Other open files have no paths here.
func duplicate(_ int, name string) (*os.File, error) {
	self := windows.CurrentProcess()
	var twin windows.Handle
	if err := windows.DuplicateHandle(self, windows.Handle(os.Stdout.Fd()), self, &twin, 0, false, windows.DUPLICATE_SAME_ACCESS); err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(twin), name), nil
}
