//go:build unix

package bundle_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/catvae/catvae/bundle"
)

// Neither the manifest nor a graph nor verification.json makes a reader wait, read without end, or read what is no file.
func TestIrregularFiles(t *testing.T) {
	t.Parallel()
	readers := map[string]func(dir string) error{
		bundle.ManifestFile: func(dir string) error { _, err := bundle.Open(dir); return err },
		bundle.EncoderFile: func(dir string) error {
			b, err := bundle.Open(dir)
			if err != nil {
				return errors.New("the manifest is good")
			}
			return b.Verify()
		},
		bundle.VerificationFile: func(dir string) error { _, err := bundle.ReadVerification(dir); return err },
	}
	for kind, place := range map[string]func(path string) error{
		"a pipe":   func(p string) error { return syscall.Mkfifo(p, 0o644) },
		"a device": func(p string) error { return os.Symlink("/dev/zero", p) },
		"a folder": func(p string) error { return os.Mkdir(p, 0o755) },
	} {
		for name, read := range readers {
			dir := writeBundle(t, manifest())
			path := filepath.Join(dir, name)
			os.Remove(path)
			if err := place(path); err != nil {
				t.Fatal(err)
			}
			if err := read(dir); !errors.Is(err, bundle.ErrFormat) || !strings.Contains(err.Error(), kind) {
				t.Errorf("%s as %s: %v, want ErrFormat that names it", kind, name, err)
			}
		}
	}
	for name, read := range readers {
		dir := writeBundle(t, manifest())
		path := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(path, nil, 0o644), os.Truncate(path, 3<<30)); err != nil {
			t.Fatal(err)
		}
		if err := read(dir); !errors.Is(err, bundle.ErrFormat) {
			t.Errorf("3 GiB as %s: %v, want ErrFormat", name, err)
		}
		if err := errors.Join(os.Remove(path), os.Symlink(path, path)); err != nil {
			t.Fatal(err)
		}
		if err := read(dir); !errors.Is(err, syscall.ELOOP) || errors.Is(err, bundle.ErrBad) {
			t.Errorf("a system's error on %s: %v, want it, and no ErrBad", name, err)
		}
	}
}
