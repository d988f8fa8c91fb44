//go:build unix

package commands

import (
	"os"
	goruntime "runtime"
	"syscall"
)

// PeakMemory returns a finished process's peak resident memory in MB.
func PeakMemory(s *os.ProcessState) float64 {
	usage, ok := s.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	if goruntime.GOOS == "darwin" { // bytes there, KB elsewhere
		return float64(usage.Maxrss) / (1 << 20)
	}
	return float64(usage.Maxrss) / (1 << 10)
}
