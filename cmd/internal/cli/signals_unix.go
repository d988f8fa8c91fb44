//go:build unix

package cli

import (
	"os"
	"os/signal"
	"syscall"
)

// stopSignals returns the signals that ask a program to end. SIGHUP is one of them, unless the program was started to outlive its
// terminal, as nohup does.
func stopSignals() []os.Signal {
	list := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		list = append(list, syscall.SIGHUP)
	}
	return list
}

// withoutSIGPIPE lets a write to a pipe that nobody reads fail with an error, also on stdout and stderr: Go would end the program in
// the middle of its work. Programs that are started from here keep the signal.
func withoutSIGPIPE() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }

// nobodyReads is the error of such a write.
const nobodyReads = syscall.EPIPE
