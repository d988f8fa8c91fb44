//go:build !unix

package cli

import (
	"io"
	"os"
	"syscall"
)

func stopSignals() []os.Signal { return []os.Signal{os.Interrupt, syscall.SIGTERM} }

func withoutSIGPIPE() {}

var nobodyReads = io.ErrClosedPipe
