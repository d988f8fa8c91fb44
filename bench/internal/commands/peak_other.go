//go:build !unix

package commands

import "os"

// PeakMemory returns 0: this system does not say.
func PeakMemory(*os.ProcessState) float64 { return 0 }
