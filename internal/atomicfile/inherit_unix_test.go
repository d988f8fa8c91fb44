//go:build linux || darwin || freebsd

package atomicfile

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A lock that is given up is free although another process has its file open still, as one that is just being started has.
func TestLockInheritedByAChild(t *testing.T) {
	t.Parallel()
	open := func(path string) *os.File {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	path := filepath.Join(t.TempDir(), "lock")
	f := open(path)
	if err := LockOpen(f); err != nil {
		t.Skipf("no locks here: %v", err)
	}
	inherited, err := syscall.Dup(int(f.Fd())) // the same open file, as after a fork
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(inherited)
	if err := CloseLocked(f); err != nil {
		t.Fatal(err)
	}
	again := open(path)
	defer again.Close()
	if err := LockOpen(again); err != nil {
		t.Error(err)
	}
}
