//go:build unix

package readfile

import "syscall"

// nonBlocking keeps an open from waiting for a pipe's other end, and from making a terminal the program's own. The os
// package adds O_CLOEXEC.
const nonBlocking = syscall.O_NONBLOCK | syscall.O_NOCTTY
