package diskspace_test

import (
	"path/filepath"
	"runtime"
	"testing"

	"github.com/catvae/catvae/internal/diskspace"
)

func TestFree(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if free, known := diskspace.Free(dir); !known && runtime.GOOS == "linux" || known && free <= 0 {
		t.Errorf("%d bytes, known: %v", free, known)
	}
	if free, known := diskspace.Free(filepath.Join(dir, "none")); known {
		t.Errorf("a folder that is not there has %d bytes", free)
	}
}
