package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// The functions whose names end in In write below a folder that is held open. Whatever happens to the folder's path meanwhile,
// that it is moved, removed or given to another folder, they write into this folder or not at all. Names have slashes.

// LockOpen locks an open file or folder until [CloseLocked] closes it. It returns an [ErrHeld] where another has locked it, and
// errors.ErrUnsupported where the file system has no locks for it.
func LockOpen(f *os.File) error { return tryLock(f) }

// CloseLocked gives the lock of an open file up and closes it. Closing alone gives it up later where this process is starting
// another one, which has the file open too until its own program begins.
func CloseLocked(f *os.File) error {
	unlock(f)
	return f.Close()
}

// WriteIn makes the file at name below root. On any error the name is as it was.
func WriteIn(root *os.Root, name string, perm fs.FileMode, data []byte) (err error) {
	f, tmp, err := createOwnedIn(root, name, "")
	if err != nil {
		return wrapIn(root, name, err)
	}
	renamed := false
	defer func() {
		if !renamed {
			root.Remove(tmp)
		}
		f.Close() // a second Close is harmless
	}()
	_, err = f.Write(data)
	reportIn(root, Written, tmp, "")
	if err == nil {
		err = errors.Join(f.Chmod(perm), f.Sync())
	}
	if err != nil {
		return wrapIn(root, name, err)
	}
	reportIn(root, Synced, tmp, "")
	if closeFirst {
		if err := f.Close(); err != nil {
			return wrapIn(root, name, err)
		}
	}
	reportIn(root, Renamed, tmp, name)
	if err := root.Rename(tmp, name); err != nil {
		return wrapIn(root, name, err)
	}
	renamed = true
	return wrapIn(root, name, syncIn(root, path.Dir(name)))
}

// FilesIn makes a folder of files at name below root, and replaces one that is there. On any error the name is as it was.
func FilesIn(root *os.Root, name string, files map[string][]byte) error {
	owner, lock, err := createOwnedIn(root, name, lockEnd)
	if err != nil {
		return wrapIn(root, name, err)
	}
	tmp := strings.TrimSuffix(lock, lockEnd)
	defer func() {
		root.RemoveAll(tmp)
		if closeFirst {
			owner.Close()
		}
		root.Remove(lock)
		owner.Close()
	}()
	err = root.Mkdir(tmp, 0o755)
	reportIn(root, Created, tmp, "")
	if err == nil {
		err = fillIn(root, tmp, files)
	}
	if err == nil {
		err = placeIn(root, tmp, name)
	}
	if err == nil {
		err = syncIn(root, path.Dir(name)) // before the old one goes
	}
	if err == nil {
		err = errors.Join(root.RemoveAll(tmp), root.RemoveAll(tmp+oldEnd))
	}
	return wrapIn(root, name, err)
}

// fillIn writes files and makes them durable, with the folders that they are in.
func fillIn(root *os.Root, dir string, files map[string][]byte) error {
	folders := map[string]bool{dir: true}
	for name, data := range files {
		if !filepath.IsLocal(name) {
			return fmt.Errorf("%q is no name below the folder", name)
		}
		file := path.Join(dir, name)
		for folder := path.Dir(file); !folders[folder]; folder = path.Dir(folder) {
			folders[folder] = true
		}
		if err := root.MkdirAll(path.Dir(file), 0o755); err != nil {
			return err
		}
		f, err := root.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return err
		}
		_, err = f.Write(data)
		if err == nil {
			err = f.Sync()
		}
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
		reportIn(root, Synced, file, "")
	}
	for folder := range folders {
		if err := syncIn(root, folder); err != nil {
			return err
		}
	}
	return nil
}

// placeIn gives a folder its name. The one that has it changes places with it.
func placeIn(root *os.Root, tmp, name string) error {
	info, err := root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		reportIn(root, Renamed, tmp, name)
		return root.Rename(tmp, name)
	case err != nil:
		return err
	case !info.IsDir():
		return errors.New("a folder replaces only a folder, and this is none: move it away")
	}
	parent, err := root.Open(path.Dir(name))
	if err != nil {
		return err
	}
	defer parent.Close()
	reportIn(root, Renamed, tmp, name)
	if err := exchangeIn(parent, path.Base(tmp), path.Base(name)); !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	old := tmp + oldEnd
	if err := root.Rename(name, old); err != nil {
		return err
	}
	if err := root.Rename(tmp, name); err != nil {
		return errors.Join(err, root.Rename(old, name))
	}
	return nil
}

// createOwnedIn makes a temporary file for the name below root, locked, with a name that ends in end. A sweep may lock or remove it
// before it is locked: then it makes another.
func createOwnedIn(root *os.Root, name, end string) (f *os.File, tmp string, err error) {
	for {
		tmp = path.Join(path.Dir(name), fmt.Sprintf("%s%s-%d%s", prefix, path.Base(name), rand.Uint32(), end))
		f, err := root.OpenFile(tmp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, "", err
		}
		err = tryLock(f)
		if errors.Is(err, errors.ErrUnsupported) || err == nil && CurrentIn(root, tmp, f) {
			reportIn(root, Created, tmp, "")
			return f, tmp, nil
		}
		f.Close()
		if err != nil && !errors.Is(err, ErrHeld) {
			return nil, "", err
		}
	}
}

// CurrentIn reports whether an open file is the one that has the name below root.
func CurrentIn(root *os.Root, name string, f *os.File) bool {
	open, err1 := f.Stat()
	named, err2 := root.Lstat(name)
	return err1 == nil && err2 == nil && os.SameFile(open, named)
}

func syncIn(root *os.Root, dir string) error {
	return syncFolder(filepath.Join(root.Name(), dir), func() (*os.File, error) { return root.Open(dir) })
}

func reportIn(root *os.Root, kind OpKind, name, to string) {
	op := Op{Kind: kind, Path: filepath.Join(root.Name(), name)}
	if to != "" {
		op.To = filepath.Join(root.Name(), to)
	}
	report(op)
}

// wrapIn adds the path to an error's text.
func wrapIn(root *os.Root, name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("write %s: %w", filepath.Join(root.Name(), name), err)
}
