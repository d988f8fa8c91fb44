// Package cores says how many cores a program may use.
package cores

import "runtime"

// began is what Go found when the program began: a command may raise GOMAXPROCS later, for goroutines that wait in native code.
var began = runtime.GOMAXPROCS(0)

// Count returns how many cores the program may use at once: the variable GOMAXPROCS where it is set, else the cores that its
// affinity allows, or as many as the CPU quota of its container (cgroup) pays for, at least two, where those are fewer. Threads beyond
// that would be stopped again and again by the quota.
func Count() int { return began }
