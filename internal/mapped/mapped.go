// Package mapped makes a file's bytes readable as memory, which the system reads as it is looked at. Where a system has no such
// thing, the file is read.
package mapped

import (
	"errors"
	"os"
)

// Bytes returns the first size bytes of a file as memory, and a function that gives the memory back: nobody may look at it afterwards.
// The file may grow; where it becomes shorter than size, looking at what is gone ends the program. The bytes are not to be
// written to.
func Bytes(f *os.File, size int64) (data []byte, unmap func() error, err error) {
	if size == 0 {
		return nil, func() error { return nil }, nil
	}
	if size < 0 || int64(int(size)) != size {
		return nil, nil, errors.New("mapped: more bytes than this processor can address")
	}
	return bytes(f, int(size))
}
