//go:build unix

package onnxruntime

import (
	"os"
	"syscall"
)

// openFile opens a file to be read. It does not wait for somebody to write, should it be a FIFO.
func openFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}
