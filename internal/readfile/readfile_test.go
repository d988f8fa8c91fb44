package readfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestBytes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name string, size int) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, bytes.Repeat([]byte{'x'}, size), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	sparse := write("sparse", 0)
	if err := os.Truncate(sparse, 3<<30); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, path string
		limit      int64
		size       int
		want       error
	}{
		{"empty", write("empty", 0), 0, 0, nil},
		{"below the limit", write("small", 9), 10, 9, nil},
		{"at the limit", write("exact", 10), 10, 10, nil},
		{"above the limit", write("large", 11), 10, 0, ErrTooLarge},
		{"a hole of 3 GiB", sparse, 1 << 20, 0, ErrTooLarge},
		{"a folder", dir, 10, 0, ErrIrregular},
		{"nothing", filepath.Join(dir, "absent"), 10, 0, fs.ErrNotExist},
	} {
		data, err := Bytes(c.path, c.limit)
		if !errors.Is(err, c.want) || len(data) != c.size {
			t.Errorf("%s: %d bytes, %v; want %d, %v", c.name, len(data), err, c.size, c.want)
		}
	}
	if _, err := Bytes(write("told", 11), 10); err == nil || !strings.Contains(err.Error(), "at most 10 ") {
		t.Errorf("%v does not name the limit", err)
	}
}

func TestLocal(t *testing.T) {
	t.Parallel()
	for name, ok := range map[string]bool{
		"encoder.onnx": true, "variants/int8.onnx": true, "a/./b": true, "a/../b": true, "..a": true, "ü": true, strings.Repeat("n", 255): true,
		"": false, "/": false, "/etc/passwd": false, "..": false, "../x": false, "a/../../x": false, "a\\b": false, "..\\x": false,
		"C:x": false, "file:stream": false, "a\x00b": false, "a\nb": false, "a\x1b[2J": false, "a\x7f": false, strings.Repeat("n", 256): false,
	} {
		path, err := Local(name)
		if (err == nil) != ok || ok && path != filepath.FromSlash(name) || !ok && !errors.Is(err, ErrName) {
			t.Errorf("%q: %q, %v; want it taken: %v", name, path, err, ok)
		}
	}
}

func TestSystem(t *testing.T) {
	t.Parallel()
	wrap := func(err error) error { return fmt.Errorf("row 7: %w", &fs.PathError{Op: "read", Path: "x", Err: err}) }
	for _, err := range []error{
		wrap(syscall.EMFILE), wrap(syscall.ENFILE), wrap(syscall.EIO), wrap(syscall.ESTALE), wrap(syscall.ENOSPC), wrap(syscall.EACCES), wrap(syscall.ENOENT),
		os.NewSyscallError("mmap", syscall.ENOMEM), wrap(fs.ErrClosed), os.ErrDeadlineExceeded, errors.Join(io.ErrUnexpectedEOF, syscall.EIO),
	} {
		if !System(err) {
			t.Errorf("%v is the system's", err)
		}
	}
	for _, err := range []error{
		nil, io.EOF, io.ErrUnexpectedEOF, wrap(ErrIrregular), wrap(ErrTooLarge), wrap(ErrName), errors.New("png: invalid format: not a PNG file"),
	} {
		if System(err) {
			t.Errorf("%v is not the system's", err)
		}
	}
}
