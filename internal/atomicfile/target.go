package atomicfile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

// ErrTarget is wrapped by the error for a path where no file can be written, whatever is permitted.
var ErrTarget = errors.New("no file can be written there")

// A Target is where a path leads once links are followed.
//
//	what is there                      what a writer does
//	nothing, or a link to nothing      makes the file
//	a file, or a link to one           replaces the file; the link stays
//	a device, a pipe                   writes through: opens it and writes
//	/dev/stdout, /proc/self/fd/N       writes through, whatever is open there
type Target struct {
	Path    string
	Through bool        // bytes are written to what is there, and nothing is replaced
	Info    fs.FileInfo // of what is there, nil where nothing is
	fd      int         // of this process, -1 where the path names none
	given   bool        // no path leads to what is open there
}

// Follow says where a path leads.
func Follow(path string) (Target, error) {
	t := Target{Path: path, fd: -1}
	for range 40 { // as many links as Linux follows
		if fd, own, ok := openFile(t.Path); ok {
			t.Through = true
			if own {
				t.fd = fd
			}
			info, err := os.Stat(t.Path)
			t.Info = info
			return t, err
		}
		info, err := os.Lstat(t.Path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return t, nil
		case err != nil:
			return t, err
		case info.Mode()&fs.ModeSymlink == 0:
			t.Info, t.Through = info, !info.Mode().IsRegular() && !info.IsDir()
			return t, nil
		}
		next, err := os.Readlink(t.Path)
		if err != nil {
			return t, err
		}
		if !filepath.IsAbs(next) {
			dir, err := filepath.EvalSymlinks(filepath.Dir(t.Path))
			if err != nil {
				return t, err
			}
			next = filepath.Join(dir, next)
		}
		t.Path = next
	}
	return t, fmt.Errorf("%s leads through too many links", path)
}

// openFiles are the folders whose entries are the open files of a process.
var openFiles = regexp.MustCompile(`^(?:/dev/fd|/proc/(\d+)(?:/task/\d+)?/fd)$`)

// openFile reports a path that names an open file of a process, and whether that is this one.
func openFile(path string) (fd int, own, ok bool) {
	fd, err := strconv.Atoi(filepath.Base(path))
	if err != nil || fd < 0 {
		return 0, false, false
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return 0, false, false
	}
	m := openFiles.FindStringSubmatch(dir)
	if m == nil {
		return 0, false, false
	}
	return fd, m[1] == "" || m[1] == strconv.Itoa(os.Getpid()), true
}

// CheckFile reports, before long work begins, a path that [Create] would refuse or should not replace: a folder (an
// [ErrTarget]), a file that exists and may not be replaced (an [ErrExists]), or a path in a folder that does not exist.
func CheckFile(path string, force bool) (Target, error) {
	t, err := Follow(path)
	if err != nil {
		return t, err
	}
	switch mode := modeOf(t.Info); {
	case mode.IsDir():
		return t, fmt.Errorf("%s is a folder: %w: name a file", path, ErrTarget)
	case mode&fs.ModeSocket != 0 && t.fd < 0:
		return t, fmt.Errorf("%s is a socket: %w: name a file, a pipe or a device", path, ErrTarget)
	case t.Info != nil && !force && (!t.Through || isDisk(mode)):
		return t, fmt.Errorf("%s %w", path, ErrExists)
	}
	if _, err := os.Stat(filepath.Dir(t.Path)); err != nil {
		return t, fmt.Errorf("the folder of %s: %w", path, err)
	}
	return t, nil
}

func modeOf(info fs.FileInfo) fs.FileMode {
	if info == nil {
		return 0
	}
	return info.Mode()
}

// isDisk reports a device that keeps what it held until it is written over.
func isDisk(m fs.FileMode) bool { return m&fs.ModeDevice != 0 && m&fs.ModeCharDevice == 0 }

// open opens what is written through. A pipe is opened once it has a reader.
func (t Target) open(ctx context.Context) (*os.File, error) {
	mode := modeOf(t.Info)
	if t.given || t.fd >= 0 && (mode.IsRegular() || mode&fs.ModeSocket != 0) {
		return duplicate(t.fd, t.Path) // to go on where the file is being written
	}
	if mode&fs.ModeSocket != 0 {
		return nil, fmt.Errorf("it is a socket: %w: name a file, a pipe or a device", ErrTarget)
	}
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		f, err := os.OpenFile(t.Path, os.O_WRONLY|os.O_APPEND|nonblock, 0)
		switch {
		case err == nil:
			return f, nil
		case t.fd >= 0 && errors.Is(err, fs.ErrPermission):
			return duplicate(t.fd, t.Path) // another user's pipe, which this process was given
		case mode&fs.ModeNamedPipe == 0 || !noReader(err):
			return nil, err
		}
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Millisecond):
		}
	}
}
