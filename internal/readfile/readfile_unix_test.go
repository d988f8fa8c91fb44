//go:build unix

package readfile

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Whatever a name leads to, by links too, an open returns, and only regular files are read.
func TestOpenKinds(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "r") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	at := func(name string) string { return filepath.Join(dir, name) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(syscall.Mkfifo(at("fifo"), 0o644))
	socket, err := net.Listen("unix", at("socket"))
	must(err)
	defer socket.Close()
	must(os.Mkdir(at("..2026"), 0o755))
	must(os.WriteFile(at("..2026/manifest.json"), []byte("{}"), 0o644))
	for link, target := range map[string]string{
		"..data": "..2026", "manifest.json": "..data/manifest.json", // as a mounted ConfigMap has it
		"to-fifo": "fifo", "to-zero": "/dev/zero", "to-dir": "..2026", "dangling": "absent", "loop": "loop", "tick": "tock", "tock": "tick",
	} {
		must(os.Symlink(target, at(link)))
	}
	for _, c := range []struct {
		name, words string
		want        error
	}{
		{"manifest.json", "", nil},
		{"fifo", "is a pipe", ErrIrregular},
		{"to-fifo", "is a pipe", ErrIrregular},
		{"socket", "is a socket", ErrIrregular},
		{"to-zero", "is a device", ErrIrregular},
		{"to-dir", "is a folder", ErrIrregular},
		{"dangling", "", fs.ErrNotExist},
		{"loop", "", syscall.ELOOP},
		{"tick", "", syscall.ELOOP},
	} {
		data, err := Bytes(at(c.name), 100)
		switch {
		case !errors.Is(err, c.want):
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		case err == nil && string(data) != "{}":
			t.Errorf("%s holds %q", c.name, data)
		case err != nil && !strings.Contains(err.Error(), c.words):
			t.Errorf("%s: %q does not say %q", c.name, err, c.words)
		case err != nil && System(err) == errors.Is(err, ErrIrregular):
			t.Errorf("%s: %v: the system's: %v", c.name, err, System(err))
		}
	}
}

// A pipe that takes a file's place after the first look does not hold the open: the handle is asked again.
func TestOpenReplaced(t *testing.T) {
	t.Parallel()
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(fifo, os.O_RDONLY|nonBlocking, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if err := regular(fifo, info); !errors.Is(err, ErrIrregular) {
		t.Errorf("%v, want %v", err, ErrIrregular)
	}
}
