//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package atomicfile

import (
	"errors"
	"os"
)

const (
	closeFirst = false
	noFollow   = 0
)

func tryLock(*os.File) error { return errors.ErrUnsupported }

func unlock(*os.File) {}
