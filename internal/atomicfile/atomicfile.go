// Package atomicfile makes files and folders appear whole or not at all.
//
// A file is written under a temporary name next to its target, synced, closed, renamed, and its folder synced; a folder
// is filled under a temporary name and renamed. A reader sees the old or the new one, even after a crash or a power
// cut; what a crash leaves behind has a name that begins with ".tmp-".
package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
)

// prefix begins the name of everything unfinished.
const prefix = ".tmp-"

// Unfinished reports whether a name belongs to something that a crash left unfinished.
func Unfinished(name string) bool { return strings.HasPrefix(name, prefix) }

// ErrExists is wrapped by the error for a target that already exists. It is an fs.ErrExist.
var ErrExists = fmt.Errorf("exists already: choose another name, or have it replaced: %w", fs.ErrExist)

// A File is written under a temporary name until it is committed. Exactly one of Commit and Abort ends it; Abort after
// Commit is harmless, so that it can be deferred.
type File struct {
	path string
	perm fs.FileMode
	f    *os.File
	err  error // the first
	done bool
}

// Create begins a file that will appear at path.
func Create(path string, perm fs.FileMode) (*File, error) {
	f, err := os.CreateTemp(filepath.Dir(path), prefix+filepath.Base(path)+"-")
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	return &File{path: path, perm: perm, f: f}, nil
}

// Write is io.Writer's. Its first error stays.
func (f *File) Write(p []byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	n, err := f.f.Write(p)
	if err != nil {
		f.err = fmt.Errorf("write %s: %w", f.path, err)
	}
	return n, f.err
}

// Commit syncs the file and gives it its name. On any error path is as it was.
func (f *File) Commit() error {
	defer f.Abort()
	if f.err != nil {
		return f.err
	}
	f.err = errors.Join(f.f.Chmod(f.perm), f.f.Sync(), f.f.Close()) // before the rename: Windows wants it so
	if f.err == nil {
		f.err = os.Rename(f.f.Name(), f.path)
	}
	if f.err == nil {
		f.done = true
		f.err = syncDir(filepath.Dir(f.path))
	}
	if f.err != nil {
		f.err = fmt.Errorf("write %s: %w", f.path, f.err)
	}
	return f.err
}

// Abort removes what was written.
func (f *File) Abort() {
	if !f.done {
		f.done = true
		f.f.Close()           // a second Close is harmless
		os.Remove(f.f.Name()) // the error to report is another
	}
}

// Write calls write to fill a file, which then appears at path. On any error path is as it was.
func Write(path string, perm fs.FileMode, write func(io.Writer) error) error {
	f, err := Create(path, perm)
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

// Sweep removes what crashes left unfinished in dir, for those names that want accepts.
func Sweep(dir string, want func(name string) bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), prefix)
		if i := strings.LastIndexByte(rest, '-'); ok && i > 0 && want(rest[:i]) {
			if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// WriteBytes is [Write] of bytes.
func WriteBytes(path string, perm fs.FileMode, data []byte) error {
	return Write(path, perm, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// Dir makes the folder at path. It calls fill with a temporary folder to fill. A path that exists is an [ErrExists],
// unless force is set: then the old folder is moved aside, and removed once the new one is in place. Only folders are
// replaced. On any error path is as it was.
func Dir(path string, force bool, fill func(dir string) error) (err error) {
	if err := CheckNew(path, force); err != nil {
		return err
	}
	parent := filepath.Dir(filepath.Clean(path))
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return fmt.Errorf("make %s: %w", path, err)
	}
	tmp, err := os.MkdirTemp(parent, prefix+filepath.Base(path)+"-")
	if err != nil {
		return fmt.Errorf("make %s: %w", path, err)
	}
	defer os.RemoveAll(tmp) // gone already after the rename
	if err := fill(tmp); err != nil {
		return err
	}
	if err := errors.Join(os.Chmod(tmp, 0o755), syncDir(tmp)); err != nil {
		return fmt.Errorf("make %s: %w", path, err)
	}
	old := tmp + "-old"
	switch err := os.Rename(path, old); {
	case errors.Is(err, fs.ErrNotExist):
		old = ""
	case err != nil:
		return fmt.Errorf("make %s: move the old one aside: %w", path, err)
	}
	if err := os.Rename(tmp, path); err != nil {
		if old != "" {
			err = errors.Join(err, os.Rename(old, path))
		}
		return fmt.Errorf("make %s: %w", path, err)
	}
	if old != "" {
		if err := os.RemoveAll(old); err != nil {
			return fmt.Errorf("make %s: remove the old one: %w", path, err)
		}
	}
	return syncDir(parent)
}

// CheckNew reports, before long work begins, a target that [Dir] would refuse.
func CheckNew(path string, force bool) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !force:
		return fmt.Errorf("%s %w", path, ErrExists)
	case !info.IsDir():
		return fmt.Errorf("%s is not a folder, and a folder replaces only a folder: choose another name", path)
	}
	return nil
}

// syncDir makes a rename inside a folder durable. Windows cannot open folders for it.
func syncDir(dir string) error {
	if goruntime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	return errors.Join(err, d.Close())
}
