package bundle_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/catvae/catvae/bundle"
)

// A disk that fails does not make a bundle bad: /proc/self/mem is a regular file that opens, and fails to be read with EIO.
func TestFailingDisk(t *testing.T) {
	t.Parallel()
	for _, name := range []string{bundle.ManifestFile, bundle.DecoderFile} {
		dir := writeBundle(t, manifest())
		path := filepath.Join(dir, name)
		if err := errors.Join(os.Remove(path), os.Symlink("/proc/self/mem", path)); err != nil {
			t.Fatal(err)
		}
		b, err := bundle.Open(dir)
		if err == nil {
			err = b.Verify()
		}
		if !errors.Is(err, syscall.EIO) || errors.Is(err, bundle.ErrBad) {
			t.Errorf("%s: %v, want EIO and no ErrBad", name, err)
		}
	}
}
