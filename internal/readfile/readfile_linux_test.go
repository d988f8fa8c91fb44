package readfile

import (
	"bytes"
	"errors"
	"syscall"
	"testing"
)

// A file that claims no size, or that grows while it is read, is read up to the limit.
func TestBytesWithoutSize(t *testing.T) {
	t.Parallel()
	if data, err := Bytes("/proc/self/status", 1<<20); err != nil || !bytes.Contains(data, []byte("Pid:")) {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	if _, err := Bytes("/proc/self/status", 10); !errors.Is(err, ErrTooLarge) {
		t.Errorf("%v, want %v", err, ErrTooLarge)
	}
	if _, err := Bytes("/proc/self/mem", 10); !errors.Is(err, syscall.EIO) || !System(err) {
		t.Errorf("%v, want %v", err, syscall.EIO)
	}
}
