package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	goruntime "runtime"
	"syscall"

	"golang.org/x/sync/errgroup"
)

// syncers is how many files of a folder are synced at once: the disk's journal takes those that wait together.
const syncers = 32

// syncFile makes a file's bytes durable.
func syncFile(f *os.File) error {
	err := f.Sync()
	if err == nil {
		report(Op{Kind: Synced, Path: f.Name()})
	}
	return err
}

// SyncDir makes what has happened to a folder's names durable.
func SyncDir(dir string) error {
	return syncFolder(dir, func() (*os.File, error) { return os.Open(dir) })
}

// syncFolder is SyncDir for a folder that open opens. Windows cannot open folders for it, and some network file systems cannot
// sync them.
func syncFolder(path string, open func() (*os.File, error)) error {
	if goruntime.GOOS == "windows" {
		return nil
	}
	d, err := open()
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL) {
		err = nil
	}
	if err == nil {
		report(Op{Kind: Synced, Path: path})
	}
	return errors.Join(err, d.Close())
}

// syncTree makes a folder and everything below it durable.
func syncTree(root string) error {
	var g errgroup.Group
	g.SetLimit(syncers)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			g.Go(func() error { return SyncDir(path) })
		case d.Type().IsRegular():
			g.Go(func() error {
				f, err := os.Open(path)
				if err != nil {
					return err
				}
				return errors.Join(syncFile(f), f.Close())
			})
		}
		return nil
	})
	return errors.Join(err, g.Wait())
}

// rename gives what lies at from the name to.
func rename(from, to string) error {
	report(Op{Kind: Renamed, Path: from, To: to})
	return os.Rename(from, to)
}

// MkdirAll makes a folder and those above it that are missing, and makes their names durable.
func MkdirAll(path string, perm fs.FileMode) error {
	path = filepath.Clean(path)
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(path)
	if parent != path {
		if err := MkdirAll(parent, perm); err != nil {
			return err
		}
	}
	switch err := os.Mkdir(path, perm); {
	case err == nil:
		report(Op{Kind: Created, Path: path})
	case errors.Is(err, fs.ErrExist):
		info, failed := os.Stat(path)
		if failed != nil || !info.IsDir() {
			return err
		}
	default:
		return err
	}
	return SyncDir(parent)
}
