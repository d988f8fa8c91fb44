//go:build !unix && !windows

package atomicfile

import (
	"errors"
	"os"
)

const nonblock = 0

func noReader(error) bool { return false }

func duplicate(int, string) (*os.File, error) { return nil, errors.ErrUnsupported }
