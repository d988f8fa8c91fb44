package dataset

import "os"

// Handle is what a file is read by.
type Handle = handle

// SetHandle replaces what files are read by until the function that it returns is called.
func SetHandle(of func(f *os.File) Handle) (restore func()) {
	before := handleOf
	handleOf = of
	return func() { handleOf = before }
}
