package dataset

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	"github.com/catvae/catvae/dataset/internal/reading"
	"github.com/catvae/catvae/internal/readfile"
	"github.com/catvae/catvae/internal/visible"
)

// A File is an open file that a [Format] reads. Its reads fail once its context is done, and it remembers the first error of
// the system that one of them met: libraries that parse a format do not always pass on why they failed. A reader that takes a
// File closes it.
type File struct {
	failure
	file handle
	was  fs.FileInfo // as it was opened
	kept *kept       // of a pipe
}

// handle is what is used of an os.File.
type handle interface {
	io.Reader
	io.ReaderAt
	io.Seeker
	io.Closer
	Stat() (fs.FileInfo, error)
}

// handleOf is replaced by tests, which let reads fail.
var handleOf = func(f *os.File) handle { return f }

// openFile opens a file. Opening a named pipe waits for its writer, or until the context is done.
func openFile(ctx context.Context, path string) (*File, error) {
	f, err := reading.Await(ctx, func() (*os.File, error) {
		f, err := os.Open(path)
		if err == nil && ctx.Err() != nil { // nobody waits for it any more
			return nil, errors.Join(ctx.Err(), f.Close())
		}
		return f, err
	})
	if err != nil {
		return nil, unreadable(path, err)
	}
	return newFile(ctx, path, f)
}

func newFile(ctx context.Context, name string, f *os.File) (*File, error) {
	h := handleOf(f)
	info, err := h.Stat()
	if err != nil {
		h.Close()
		return nil, unreadable(name, err)
	}
	return &File{failure: failure{ctx: ctx, name: name}, file: h, was: info}, nil
}

// Name returns the name of the file for errors.
func (f *File) Name() string { return f.name }

// Size returns the number of bytes that the file had when it was opened.
func (f *File) Size() int64 { return f.was.Size() }

// Bytes returns the size as [Info] has it: 0 for what was kept of a pipe.
func (f *File) Bytes() int64 {
	if f.kept != nil {
		return 0
	}
	return f.Size()
}

// Read reads on.
func (f *File) Read(p []byte) (int, error) {
	if err := f.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := f.file.Read(p)
	return n, f.note(err)
}

// ReadAt reads at an offset. Content may lead anywhere: that is its fault, and not the system's.
func (f *File) ReadAt(p []byte, offset int64) (int, error) {
	if err := f.ctx.Err(); err != nil {
		return 0, err
	}
	if offset < 0 {
		return 0, fmt.Errorf("there is no offset %d", offset)
	}
	if offset >= f.Size() {
		return 0, io.EOF
	}
	n, err := f.file.ReadAt(p, offset)
	return n, f.note(err)
}

// Seek moves to where Read reads on.
func (f *File) Seek(offset int64, whence int) (int64, error) {
	at, err := f.file.Seek(offset, whence)
	return at, f.note(err)
}

// Context returns the context of all reading.
func (f *failure) Context() context.Context { return f.ctx }

// Changed reports a file that was written to since it was opened: some of what was read may be old and some new.
func (f *File) Changed() error {
	if f.kept != nil {
		return nil
	}
	is, err := f.file.Stat()
	if err != nil {
		return unreadable(f.name, err)
	}
	return changed(f.name, f.was, is)
}

func changed(name string, was, is fs.FileInfo) error {
	if was.Size() == is.Size() && was.ModTime().Equal(is.ModTime()) {
		return nil
	}
	return visible.Error(fmt.Errorf("dataset: %s has changed while it was read: read it again when nobody writes to it", name))
}

// Close closes the file. It may be called twice.
func (f *File) Close() error {
	err := f.file.Close()
	if errors.Is(err, os.ErrClosed) {
		err = nil
	}
	return errors.Join(err, f.kept.remove())
}

// failure remembers the first error, other than the end, that a source's reads met.
type failure struct {
	ctx  context.Context
	name string

	mu    sync.Mutex
	first error
}

func (f *failure) note(err error) error {
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.first == nil {
			f.first = err
		}
	}
	return err
}

// Broken returns the error of content that cannot be used; or that of a done context, or of the system, where reading failed.
func (f *failure) Broken(reason string, cause error) error {
	f.mu.Lock()
	first := f.first
	f.mu.Unlock()
	if first == nil {
		first = f.ctx.Err()
	}
	if first == nil && (readfile.System(cause) || reading.Stopped(f.name, cause) != nil) {
		first = cause
	}
	if first != nil {
		return unreadable(f.name, first)
	}
	return &FormatError{File: f.name, Reason: reason, Cause: cause}
}

// unreadable returns the error of a source that the system does not read, or that of a done context. It is never [ErrData].
func unreadable(name string, err error) error {
	if stopped := reading.Stopped(name, err); stopped != nil {
		return stopped
	}
	var path *fs.PathError
	if errors.As(err, &path) && path.Path != name && path.Path != "" {
		return visible.Error(fmt.Errorf("dataset: reading %s: %w", name, err))
	}
	if path != nil {
		return visible.Error(fmt.Errorf("dataset: %w", err))
	}
	return visible.Error(fmt.Errorf("dataset: reading %s: %w", name, err))
}

// pipe is what can be read once.
type pipe struct {
	failure
	from *reading.Pipe
	io.Closer
}

func (p *pipe) Read(dst []byte) (int, error) {
	n, err := p.from.Read(dst)
	return n, p.note(err)
}

// Changed is nil: a pipe gives each byte once.
func (p *pipe) Changed() error { return nil }
