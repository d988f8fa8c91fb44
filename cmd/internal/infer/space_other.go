//go:build !unix

package infer

import "errors"

// freeSpace is unknown on this system.
func freeSpace(string) (int64, error) { return 0, errors.ErrUnsupported }
