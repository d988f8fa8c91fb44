//go:build !unix

package infer_test

import "errors"

func mkfifo(string) error { return errors.ErrUnsupported }
