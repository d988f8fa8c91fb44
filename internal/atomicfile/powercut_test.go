package atomicfile_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/internal/atomicfile/powercut"
)

// Nothing that has its name is without its bytes, its folders or the name itself after a power cut.
func TestPowerCut(t *testing.T) {
	root := t.TempDir()
	disk := powercut.Watch(t, root)
	at := func(name string) string { return filepath.Join(root, filepath.FromSlash(name)) }
	data := []byte("data")
	fill := func(tmp string) error {
		return errors.Join( // as bundle/writer does, and with less care
			os.MkdirAll(filepath.Join(tmp, "variants/deep"), 0o755), atomicfile.WriteBytes(filepath.Join(tmp, "variants/deep/int8"), 0o644, data),
			os.WriteFile(filepath.Join(tmp, "plain"), data, 0o644), os.MkdirAll(filepath.Join(tmp, "empty/empty"), 0o755))
	}
	steps := []error{
		atomicfile.WriteBytes(at("file"), 0o644, data), atomicfile.WriteBytes(at("file.done"), 0o644, data),
		atomicfile.MkdirAll(at("a/b/c"), 0o755), atomicfile.WriteBytes(at("a/b/c/file"), 0o644, data),
		atomicfile.Dir(at("new/folder"), false, fill), atomicfile.Dir(at("new/folder"), true, fill),
	}
	if err := errors.Join(steps...); err != nil || disk.Renames() < 6 {
		t.Fatalf("%d renames: %v", disk.Renames(), err)
	}
}

// The disk of the test finds what it should.
func TestPowerCutIsFound(t *testing.T) {
	root := t.TempDir()
	disk := powercut.Watch(t, root)
	var made string
	err := atomicfile.Dir(filepath.Join(root, "folder"), false, func(tmp string) error {
		made = filepath.Join(tmp, "file")
		return atomicfile.Write(made, 0o644, func(w io.Writer) error {
			_, err := w.Write([]byte("x"))
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	disk.Step(atomicfile.Op{Kind: atomicfile.Written, Path: filepath.Join(root, "folder/file")})
	disk.Step(atomicfile.Op{Kind: atomicfile.Renamed, Path: filepath.Join(root, "folder"), To: filepath.Join(root, "other")})
	if faults := disk.Faults(); len(faults) != 1 || !strings.Contains(faults[0], "file is synced") {
		t.Errorf("a file that is written to after it was synced: %q", faults)
	}
}
