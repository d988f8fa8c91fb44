package atomicfile

import "os"

// Stdout is where standard output leads. It is written through.
func Stdout() Target {
	if t, err := Follow("/dev/stdout"); err == nil && t.fd == 1 {
		return t // opened anew, so that a wait for a pipe's reader can end
	}
	info, _ := os.Stdout.Stat()
	return Target{Path: "standard output", Through: true, Info: info, fd: 1, given: true}
}
