//go:build !linux

package atomicfile

import (
	"errors"
	"os"
)

func exchangeIn(*os.File, string, string) error { return errors.ErrUnsupported }
