package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func openRoot(t *testing.T, dir string) *os.Root {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

// What is written by a folder's handle goes into that folder, wherever it is, and never into what has its path.
func TestWriteInMoved(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	dir := filepath.Join(parent, "run")
	if err := os.MkdirAll(filepath.Join(dir, "below"), 0o755); err != nil {
		t.Fatal(err)
	}
	root := openRoot(t, dir)
	write := func() error {
		return errors.Join(
			WriteIn(root, "file", 0o640, []byte("one")), WriteIn(root, "below/file", 0o644, nil),
			FilesIn(root, "bundle", map[string][]byte{"x": []byte("x"), "deep/down/y": []byte("y")}),
			FilesIn(root, "below/bundle", map[string][]byte{"x": nil}),
		)
	}
	if err := write(); err != nil {
		t.Fatal(err)
	}
	moved := filepath.Join(parent, "moved")
	if err := errors.Join(os.Rename(dir, moved), os.Mkdir(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	if err := write(); err != nil {
		t.Errorf("into the folder that was moved: %v", err)
	}
	if got := names(t, dir); len(got) > 0 {
		t.Errorf("in the other's folder there is %v", got)
	}
	if got := fmt.Sprint(names(t, moved), names(t, filepath.Join(moved, "below")), names(t, filepath.Join(moved, "bundle"))); got != "[below bundle file] [bundle file] [deep x]" {
		t.Errorf("in the folder there is %s", got)
	}
	if data, err := os.ReadFile(filepath.Join(moved, "bundle/deep/down/y")); err != nil || string(data) != "y" {
		t.Errorf("%q, %v", data, err)
	}
	if info, err := os.Stat(filepath.Join(moved, "file")); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v", info, err)
	}
	if err := os.RemoveAll(moved); err != nil {
		t.Fatal(err)
	}
	if err := write(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("into a folder that was removed: %v", err)
	}
	if got := names(t, dir); len(got) > 0 {
		t.Errorf("in the other's folder there is %v", got)
	}
}

// A folder of files replaces a folder only, and leaves nothing unfinished.
func TestFilesIn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := openRoot(t, dir)
	if err := os.WriteFile(filepath.Join(dir, "bundle"), []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := FilesIn(root, "bundle", map[string][]byte{"x": nil}); err == nil {
		t.Error("a file was replaced")
	}
	if data, err := os.ReadFile(filepath.Join(dir, "bundle")); err != nil || string(data) != "precious" || len(names(t, dir)) != 1 {
		t.Errorf("%q, %v, %v", data, err, names(t, dir))
	}
	if err := FilesIn(root, "other", map[string][]byte{"../x": nil}); err == nil || len(names(t, dir)) != 1 {
		t.Errorf("%v: there is %v", err, names(t, dir))
	}
	if err := FilesIn(root, "none/other", nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// A sweep by handle leaves what another process holds, and takes what a killed one has left.
func TestSweepIn(t *testing.T) {
	t.Parallel()
	if errors.Is(tryLockOf(t), errors.ErrUnsupported) {
		t.Skip("no locks here")
	}
	dir := t.TempDir()
	root := openRoot(t, dir)
	all := func(string) bool { return true }
	cmd, out := child(t, "hold", dir)
	if line, err := out.ReadString('\n'); line != "ready\n" {
		t.Fatal(line, err)
	}
	if err := os.Mkdir(filepath.Join(dir, prefix+"bundle-77"), 0o755); err != nil { // of a version without locks
		t.Fatal(err)
	}
	for range 2 {
		if err := SweepIn(root, ".", all); err != nil || len(names(t, dir)) != 3 {
			t.Errorf("%v: the sweep leaves %v", err, names(t, dir))
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if err := SweepIn(root, ".", func(name string) bool { return name == "elsewhere" }); err != nil || len(names(t, dir)) != 3 {
		t.Errorf("%v: a sweep for others leaves %v", err, names(t, dir))
	}
	if err := SweepIn(root, ".", all); err != nil || len(names(t, dir)) != 0 {
		t.Errorf("%v: after the kill there is %v", err, names(t, dir))
	}
}
