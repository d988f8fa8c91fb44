// Package readfile opens and reads files that others wrote, and asks what they are before it trusts them.
//
// A name may lead to a named pipe, on which an open waits for ever; to a device that never ends; or to a file far larger
// than any of its kind. [Open] does not wait, and takes a regular file only. [Bytes] reads as much as it is told to and no
// more, whatever size the file claims. Links are followed: a mounted ConfigMap and a snapshot of a model hub are made of them.
// [Local] checks names that a file holds, which must not lead out of its folder. [System] tells an error of the system,
// which another try may not meet, from content that stays wrong.
//
// Nothing here says that content is right. Whoever needs that compares a hash.
package readfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
)

// These errors say what was wrong with a file. None of them is an error of the system: see [System].
var (
	// ErrIrregular: what the path leads to is no regular file. The text says what it is.
	ErrIrregular = errors.New("a regular file is needed")
	// ErrTooLarge: the file has more bytes than may be read. The text says how many may be.
	ErrTooLarge = errors.New("too large")
	// ErrName: a name leads out of its folder, or is none on some system.
	ErrName = errors.New("it must be relative and stay in the folder, without \"..\"")
)

// Open opens a file for reading. It does not wait for whoever writes a pipe, and returns regular files only; anything else
// is an [ErrIrregular]. Links are followed. The open handle is what is asked, so that a file that is replaced in between is
// not taken for what it was.
func Open(path string) (*os.File, error) {
	// Some devices act when they are opened (a tape, a watchdog), and a socket cannot be: so ask the path first.
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if err := regular(path, info); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDONLY|nonBlocking, 0)
	if err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err == nil {
		err = regular(path, info)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Bytes returns the content of a regular file of at most limit bytes. A larger one is an [ErrTooLarge], after a look at its
// size where the size says so, and after limit bytes where it does not.
func Bytes(path string, limit int64) ([]byte, error) {
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	limit = min(limit, math.MaxInt/2) // more does not fit where an int has 32 bits
	if info.Size() > limit {
		return nil, fmt.Errorf("%q has %d bytes, at most %d are read: %w", path, info.Size(), limit, ErrTooLarge)
	}
	var buf bytes.Buffer
	buf.Grow(int(info.Size()) + bytes.MinRead)
	n, err := buf.ReadFrom(io.LimitReader(f, limit+1))
	switch {
	case err != nil:
		return nil, err
	case n > limit:
		return nil, fmt.Errorf("%q goes on after %d bytes, at most so many are read: %w", path, limit, ErrTooLarge)
	}
	return buf.Bytes(), nil
}

// regular reports anything that is no regular file, in words.
func regular(path string, info fs.FileInfo) error {
	if info.Mode().IsRegular() {
		return nil
	}
	return fmt.Errorf("%q is %s: %w", path, kindOf(info.Mode()), ErrIrregular)
}

func kindOf(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a folder"
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "no file of the usual kind"
}
