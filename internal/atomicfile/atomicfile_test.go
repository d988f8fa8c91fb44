package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func names(t *testing.T, dir string) (out []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// A write that fails leaves the old file, and nothing else.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := WriteBytes(path, 0o640, []byte("one")); err != nil {
		t.Fatal(err)
	}
	full := errors.New("no space left on device")
	err := Write(path, 0o640, func(w io.Writer) error {
		if _, err := w.Write([]byte("half of tw")); err != nil {
			return err
		}
		return full
	})
	if !errors.Is(err, full) {
		t.Errorf("the error is %v", err)
	}
	data, err := os.ReadFile(path)
	if err != nil || string(data) != "one" || fmt.Sprint(names(t, dir)) != "[file]" {
		t.Errorf("the file holds %q (%v), the folder %v", data, err, names(t, dir))
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := WriteBytes(path, 0o644, []byte("two")); err != nil {
		t.Fatal(err)
	}
	if err := WriteBytes(filepath.Join(dir, "no", "such"), 0o644, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
}

func TestDir(t *testing.T) {
	parent := t.TempDir()
	path := filepath.Join(parent, "bundle")
	fill := func(text string) func(string) error {
		return func(dir string) error { return WriteBytes(filepath.Join(dir, "x"), 0o644, []byte(text)) }
	}
	if err := Dir(path, false, fill("one")); err != nil {
		t.Fatal(err)
	}
	if err := Dir(path, false, fill("two")); !errors.Is(err, ErrExists) || !errors.Is(err, fs.ErrExist) {
		t.Errorf("a folder that exists: %v", err)
	}
	boom := errors.New("boom")
	if err := Dir(path, true, func(dir string) error { return errors.Join(fill("half")(dir), boom) }); !errors.Is(err, boom) {
		t.Errorf("the error is %v", err)
	}
	if data, _ := os.ReadFile(filepath.Join(path, "x")); string(data) != "one" || fmt.Sprint(names(t, parent)) != "[bundle]" {
		t.Errorf("after a failure the folder holds %q, next to it %v", data, names(t, parent))
	}
	if err := Dir(path, true, fill("three")); err != nil {
		t.Fatal(err)
	}
	if data, _ := os.ReadFile(filepath.Join(path, "x")); string(data) != "three" || fmt.Sprint(names(t, parent)) != "[bundle]" {
		t.Errorf("the folder holds %q, next to it %v", data, names(t, parent))
	}
	file := filepath.Join(parent, "letter")
	if err := os.WriteFile(file, []byte("dear"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Dir(file, true, fill("x")); err == nil {
		t.Error("a file is replaced by a folder")
	}
}
