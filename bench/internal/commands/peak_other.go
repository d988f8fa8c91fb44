//go:build !unix

package commands

import "os"

// peakMemory returns 0: this system does not say.
func peakMemory(*os.ProcessState) float64 { return 0 }
