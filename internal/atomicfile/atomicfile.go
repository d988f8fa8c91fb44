// Package atomicfile makes files and folders appear whole or not at all.
//
// A file is written under a temporary name beside its target, synced, closed, renamed, and its folder synced; a folder
// is filled under a temporary name and renamed. Whoever looks sees the old or the new, also after a crash or a power
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

// Unfinished reports whether a name is of something that a crash kept from being finished.
func Unfinished(name string) bool { return strings.HasPrefix(name, prefix) }

// ErrExists is wrapped by the error for a target that is there already. It is an fs.ErrExist.
var ErrExists = fmt.Errorf("exists already: choose another name, or --force to replace it: %w", fs.ErrExist)

// Write makes path hold what write writes. On any error path is as it was.
func Write(path string, perm fs.FileMode, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), prefix+filepath.Base(path)+"-")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			f.Close()           // a second Close is harmless
			os.Remove(f.Name()) // the error to report is the first
			err = fmt.Errorf("write %s: %w", path, err)
		}
	}()
	if err = write(f); err != nil {
		return err
	}
	if err = f.Chmod(perm); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil { // before the rename: Windows wants it so
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// WriteBytes is [Write] of bytes.
func WriteBytes(path string, perm fs.FileMode, data []byte) error {
	return Write(path, perm, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// Dir makes the folder path hold what fill puts into the folder it is given. A path that exists is an [ErrExists],
// unless force is set: then the old folder is moved aside, and removed once the new one stands in its place. Only
// folders are replaced. On any error path is as it was.
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
		return fmt.Errorf("%s is no folder, and only a folder is replaced by one: choose another name", path)
	}
	return nil
}

// syncDir makes a rename inside a folder last. Windows cannot open folders for it.
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
