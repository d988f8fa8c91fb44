//go:build unix

package atomicfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A link stays, and leads to the new file, also where it led to nothing.
func TestLinks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	err := errors.Join(
		os.MkdirAll(at("deep/er"), 0o755), os.WriteFile(at("deep/file"), []byte("old"), 0o644), os.Mkdir(at("work"), 0o755),
		os.Symlink("../deep/file", at("work/link")), os.Symlink("link", at("work/twice")), os.Symlink("../deep/none", at("work/dangling")),
		os.Symlink("deep/er", at("short")), os.Symlink("../file", at("deep/er/up")), os.Symlink("loop", at("work/loop")), os.Symlink("no/where", at("work/lost")))
	if err != nil {
		t.Fatal(err)
	}
	for link, file := range map[string]string{"work/link": "deep/file", "work/twice": "deep/file", "work/dangling": "deep/none", "short/up": "deep/file"} {
		if err := WriteBytes(at(link), 0o644, []byte(link)); err != nil {
			t.Errorf("%s: %v", link, err)
		}
		data, err := os.ReadFile(at(file))
		info, err2 := os.Lstat(at(link))
		if err != nil || err2 != nil || string(data) != link || info.Mode()&fs.ModeSymlink == 0 {
			t.Errorf("%s: the file holds %q, the link is %v (%v, %v)", link, data, info.Mode(), err, err2)
		}
	}
	for _, link := range []string{"work/loop", "work/lost"} {
		if err := WriteBytes(at(link), 0o644, nil); err == nil {
			t.Errorf("%s is written", link)
		}
		if _, err := CheckFile(at(link), true); err == nil {
			t.Errorf("%s is taken for a target", link)
		}
	}
	if got := fmt.Sprint(names(t, at("work")), names(t, at("deep"))); got != "[dangling link loop lost twice] [er file none]" {
		t.Errorf("there is %s", got)
	}
}

// Devices, pipes and open files are written through, and stay what they are.
func TestWrittenThrough(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	err := errors.Join(os.Symlink(os.DevNull, at("null")), os.Symlink("/dev/full", at("full")), unix.Mkfifo(at("fifo"), 0o644), os.Symlink("fifo", at("tofifo")))
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteBytes(at("null"), 0o644, []byte("gone")); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode()&fs.ModeDevice == 0 {
		t.Fatalf("%s is %v: %v", os.DevNull, info.Mode(), err)
	}
	if _, err := os.Stat("/dev/full"); err == nil {
		if err := WriteBytes(at("full"), 0o644, []byte("x")); !errors.Is(err, unix.ENOSPC) {
			t.Errorf("a full device: %v", err)
		}
	}
	for _, name := range []string{"fifo", "tofifo"} {
		got := make(chan string, 1)
		go func() {
			data, err := os.ReadFile(at("fifo"))
			got <- fmt.Sprint(len(data), err)
		}()
		if err := WriteBytes(at(name), 0o644, make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
		if g := <-got; g != "1048576 <nil>" {
			t.Errorf("%s: its reader got %s", name, g)
		}
	}
	if got := fmt.Sprint(names(t, dir)); got != "[fifo full null tofifo]" {
		t.Errorf("there is %s", got)
	}
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		return
	}
	f, err := os.Create(at("open"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fmt.Fprint(f, "first,")
	for _, path := range []string{fmt.Sprintf("/proc/self/fd/%d", f.Fd()), fmt.Sprintf("/dev/fd/%d", f.Fd())} {
		if err := WriteBytes(path, 0o644, []byte("then,")); err != nil {
			t.Error(err)
		}
	}
	fmt.Fprint(f, "last")
	if data, err := os.ReadFile(at("open")); string(data) != "first,then,then,last" {
		t.Errorf("the open file holds %q: %v", data, err)
	}
}

// Waiting for a pipe's reader, and for room in it, ends with the context.
func TestStopped(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o644); err != nil {
		t.Fatal(err)
	}
	write := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		return WriteContext(ctx, path, 0o644, func(w io.Writer) error {
			_, err := w.Write(make([]byte, 1<<20))
			return err
		})
	}
	if err := write(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without a reader: %v", err)
	}
	reader, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if err := write(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with a reader that does not read: %v", err)
	}
}

func TestCheckFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	err = errors.Join(os.WriteFile(at("file"), nil, 0o644), os.Symlink("file", at("link")), os.Symlink(os.DevNull, at("null")), unix.Mkfifo(at("fifo"), 0o644),
		os.Symlink(".", at("folder")), unix.Bind(fd, &unix.SockaddrUnix{Name: at("socket")}))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name          string
		force         bool
		want          error
		through, none bool
	}{
		{"new", false, nil, false, true}, {"file", false, ErrExists, false, false}, {"file", true, nil, false, false},
		{"link", false, ErrExists, false, false}, {"link", true, nil, false, false}, {"null", false, nil, true, false}, {"fifo", false, nil, true, false},
		{"folder", true, ErrTarget, false, false}, {"socket", true, ErrTarget, true, false}, {"no/file", true, fs.ErrNotExist, false, true},
	} {
		target, err := CheckFile(at(c.name), c.force)
		if !errors.Is(err, c.want) || target.Through != c.through || (target.Info == nil) != c.none {
			t.Errorf("%s, force %t: %+v, %v", c.name, c.force, target, err)
		}
		if err != nil && strings.Contains(err.Error(), "--") {
			t.Errorf("a library's error names a flag: %v", err)
		}
	}
	if err := WriteBytes(at("socket"), 0o644, nil); !errors.Is(err, ErrTarget) {
		t.Errorf("a socket: %v", err)
	}
}

// A file in a folder that cannot be written to stays as it is.
func TestReadOnlyFolder(t *testing.T) {
	t.Parallel()
	const path = "/proc/self/comm" // a file that can be written, in a folder where nobody can make one
	before, err := os.ReadFile(path)
	if err != nil {
		t.Skip("no /proc")
	}
	if err := WriteBytes(path, 0o644, []byte("new")); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("%v", err)
	}
	if after, err := os.ReadFile(path); string(after) != string(before) {
		t.Errorf("it was %q, it is %q: %v", before, after, err)
	}
}
