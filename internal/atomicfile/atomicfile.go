// Package atomicfile makes files and folders appear whole or not at all.
//
// A file is written under a temporary name next to its target, synced, closed, renamed, and its folder synced; a folder
// is filled under a temporary name, everything in it is synced, and it is renamed. A reader sees the old or the new one,
// even after a crash or a power cut.
//
// What a crash leaves behind has a name that begins with ".tmp-". Whoever writes holds a lock of the system on it, which
// ends with the process however that ends. So [Sweep] removes what nobody holds, and never what another run is writing.
//
// Links are followed: the file that a link leads to is replaced, and the link stays. Devices, pipes and files that are
// open already, such as /dev/stdout, are never replaced: see [Target].
package atomicfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// ErrExists is wrapped by the error for a target that already exists. It is an fs.ErrExist.
var ErrExists = fmt.Errorf("exists already: choose another name, or have it replaced: %w", fs.ErrExist)

// A File is written under a temporary name until it is committed. Exactly one of Commit and Abort ends it; Abort after
// Commit is harmless, so that it can be deferred.
type File struct {
	target Target
	perm   fs.FileMode
	f      *os.File
	ctx    context.Context
	stop   func() bool // ends the watch on ctx
	err    error       // the first
	done   bool
}

// Create begins a file that will appear at path. Where path leads to something that is written through, it opens that, and
// waits for a pipe's reader. Once ctx is done, waiting and writing end with its error.
func Create(ctx context.Context, path string, perm fs.FileMode) (*File, error) {
	t, err := Follow(path)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	return t.create(ctx, path, perm)
}

// Create is the function [Create] for a path that was followed.
func (t Target) Create(ctx context.Context, perm fs.FileMode) (*File, error) {
	return t.create(ctx, t.Path, perm)
}

func (t Target) create(ctx context.Context, path string, perm fs.FileMode) (f *File, err error) {
	f = &File{target: t, perm: perm, ctx: ctx}
	if t.Through {
		f.f, err = t.open(ctx)
	} else {
		f.f, err = createOwned(filepath.Dir(t.Path), filepath.Base(t.Path), "")
	}
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	f.stop = func() bool { return true }
	if t.Through {
		f.stop = context.AfterFunc(ctx, func() { _ = f.f.SetWriteDeadline(time.Unix(1, 0)) }) // what cannot wait needs no deadline
	}
	return f, nil
}

// Write is io.Writer's. Its first error stays.
func (f *File) Write(p []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	n, err := f.f.Write(p)
	report(Op{Kind: Written, Path: f.f.Name()})
	if errors.Is(err, os.ErrDeadlineExceeded) && f.ctx.Err() != nil {
		err = f.ctx.Err()
	}
	if err != nil {
		f.err = fmt.Errorf("write %s: %w", f.target.Path, err)
	}
	return n, f.err
}

// Err returns the first error of all writes.
func (f *File) Err() error { return f.err }

// Commit syncs the file and gives it its name. On any error path is as it was. What is written through is closed.
func (f *File) Commit() error {
	defer f.Abort()
	if f.err != nil {
		return f.err
	}
	if f.target.Through {
		f.err = f.f.Close()
	} else {
		f.err = f.rename()
	}
	if f.err != nil {
		f.err = fmt.Errorf("write %s: %w", f.target.Path, f.err)
	}
	return f.err
}

func (f *File) rename() error {
	tmp, path := f.f.Name(), f.target.Path
	if err := errors.Join(f.f.Chmod(f.perm), syncFile(f.f)); err != nil {
		return err
	}
	if closeFirst {
		if err := f.f.Close(); err != nil {
			return err
		}
	}
	if err := rename(tmp, path); err != nil {
		return err
	}
	f.done = true
	if err := f.f.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// Abort removes what was written.
func (f *File) Abort() {
	f.stop()
	if f.done {
		return
	}
	f.done = true
	if !f.target.Through && !closeFirst {
		os.Remove(f.f.Name()) // while it is locked; the error to report is another
	}
	f.f.Close() // a second Close is harmless
	if !f.target.Through && closeFirst {
		os.Remove(f.f.Name())
	}
}

// Write calls write to fill a file, which then appears at path. On any error path is as it was.
func Write(path string, perm fs.FileMode, write func(io.Writer) error) error {
	return WriteContext(context.Background(), path, perm, write)
}

// WriteContext is [Write] to a path that may lead to something that is written through: see [Create].
func WriteContext(ctx context.Context, path string, perm fs.FileMode, write func(io.Writer) error) error {
	f, err := Create(ctx, path, perm)
	if err != nil {
		return err
	}
	defer f.Abort()
	if err := write(f); err != nil {
		if f.err != nil {
			return f.err
		}
		return fmt.Errorf("write %s: %w", path, err)
	}
	return f.Commit()
}

// WriteBytes is [Write] of bytes.
func WriteBytes(path string, perm fs.FileMode, data []byte) error {
	return Write(path, perm, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}
