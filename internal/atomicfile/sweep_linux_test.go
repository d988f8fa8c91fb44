package atomicfile

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// What another user's killed run left in a shared folder is that user's to remove, and stops nobody.
func TestSweepOfOthers(t *testing.T) {
	dir := t.TempDir()
	left := filepath.Join(dir, ".tmp-file-1")
	if err := os.WriteFile(left, []byte("half"), 0o644); err != nil {
		t.Fatal(err)
	}
	mode := os.FileMode(0o555)
	if os.Geteuid() == 0 { // whom no mode stops: look with another user's eyes
		mode = 0o777 | os.ModeSticky
		for parent := filepath.Dir(dir); parent != filepath.Clean(os.TempDir()); parent = filepath.Dir(parent) {
			if err := os.Chmod(parent, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer func() { _, _ = unix.SetfsuidRetUid(0) }()
	}
	if err := os.Chmod(dir, mode); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o755)
	if os.Geteuid() == 0 {
		if _, err := unix.SetfsuidRetUid(65534); err != nil {
			t.Fatal(err)
		}
	}
	if err := Sweep(dir, func(string) bool { return true }); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(left); err != nil {
		t.Error(err)
	}
}
