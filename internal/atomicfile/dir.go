package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A Folder is filled under a temporary name until it is committed. Exactly one of Commit and Abort ends it; Abort after
// Commit is harmless.
type Folder struct {
	path  string
	tmp   string
	owner *os.File // the lock
	done  bool
}

// CreateFolder begins a folder that will appear at path. The folder above must exist.
func CreateFolder(path string) (*Folder, error) {
	path = filepath.Clean(path)
	for {
		owner, err := createOwned(filepath.Dir(path), filepath.Base(path), lockEnd)
		if err != nil {
			return nil, fmt.Errorf("make %s: %w", path, err)
		}
		tmp := strings.TrimSuffix(owner.Name(), lockEnd)
		err = os.Mkdir(tmp, 0o700)
		if err == nil {
			report(Op{Kind: Created, Path: tmp})
			return &Folder{path: path, tmp: tmp, owner: owner}, nil
		}
		os.Remove(owner.Name())
		owner.Close()
		if !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("make %s: %w", path, err)
		}
	}
}

// Path is where the folder is filled.
func (f *Folder) Path() string { return f.tmp }

// Commit syncs everything in the folder and gives it its name. A folder that is there is an [ErrExists], unless force is
// set: then the two change places, and the old one is removed. On any error path is as it was.
func (f *Folder) Commit(force bool) error {
	defer f.Abort()
	if err := errors.Join(os.Chmod(f.tmp, 0o755), syncTree(f.tmp)); err != nil {
		return fmt.Errorf("make %s: %w", f.path, err)
	}
	if err := f.place(force); err != nil {
		return fmt.Errorf("make %s: %w", f.path, err)
	}
	if err := SyncDir(filepath.Dir(f.path)); err != nil { // before the old one goes
		return fmt.Errorf("make %s: %w", f.path, err)
	}
	if err := errors.Join(os.RemoveAll(f.tmp), os.RemoveAll(f.tmp+oldEnd)); err != nil {
		return fmt.Errorf("make %s: remove the old one: %w", f.path, err)
	}
	return nil
}

// place gives the folder its name. Others may be doing the same.
func (f *Folder) place(force bool) error {
	for {
		switch info, err := os.Lstat(f.path); {
		case errors.Is(err, fs.ErrNotExist):
			if err := rename(f.tmp, f.path); err == nil || !isThere(err) {
				return err
			}
			continue // another has just taken the name
		case err != nil:
			return err
		case !info.IsDir():
			return notFolder(f.path, info)
		case !force:
			return ErrExists
		}
		report(Op{Kind: Renamed, Path: f.tmp, To: f.path})
		err := exchange(f.tmp, f.path)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, fs.ErrNotExist):
			continue // the old one has just gone
		case !errors.Is(err, errors.ErrUnsupported):
			return err
		}
		if err := f.moveAside(); err == nil || !errors.Is(err, fs.ErrNotExist) && !isThere(err) {
			return err
		}
	}
}

// exchange lets two names in one folder change places in one step. It returns errors.ErrUnsupported where the system cannot.
func exchange(a, b string) error {
	dir, err := os.Open(filepath.Dir(a))
	if err != nil {
		return err
	}
	defer dir.Close()
	return exchangeIn(dir, filepath.Base(a), filepath.Base(b))
}

// moveAside is the exchange of two folders where the system has none: between its two steps nothing is at the path. After a
// crash between them [Recover] puts the old one back.
func (f *Folder) moveAside() error {
	old := f.tmp + oldEnd
	if err := os.Rename(f.path, old); err != nil {
		return err
	}
	if err := rename(f.tmp, f.path); err != nil {
		return errors.Join(err, os.Rename(old, f.path))
	}
	return nil
}

// isThere reports a rename that failed because something has the new name.
func isThere(err error) bool {
	return errors.Is(err, fs.ErrExist) // ENOTEMPTY is one too
}

// Abort removes what was written.
func (f *Folder) Abort() {
	if f.done {
		return
	}
	f.done = true
	os.RemoveAll(f.tmp) // gone already after a commit
	if !closeFirst {
		os.Remove(f.tmp + lockEnd)
	}
	f.owner.Close()
	if closeFirst {
		os.Remove(f.tmp + lockEnd)
	}
}

// Dir makes the folder at path. It calls fill with a temporary folder to fill. A path that exists is an [ErrExists],
// unless force is set: then the old folder and the new one change places, and the old one is removed. Only folders are
// replaced. On any error path is as it was. What earlier calls for the path left behind is removed.
func Dir(path string, force bool, fill func(dir string) error) error {
	path = filepath.Clean(path)
	parent, base := filepath.Dir(path), filepath.Base(path)
	if err := MkdirAll(parent, 0o755); err != nil {
		return fmt.Errorf("make %s: %w", path, err)
	}
	if err := Recover(path); err != nil {
		return fmt.Errorf("make %s: %w", path, err)
	}
	if err := CheckNew(path, force); err != nil {
		return err
	}
	if err := Sweep(parent, func(name string) bool { return name == base }); err != nil {
		return fmt.Errorf("make %s: %w", path, err)
	}
	f, err := CreateFolder(path)
	if err != nil {
		return err
	}
	defer f.Abort()
	if err := fill(f.tmp); err != nil {
		return err
	}
	return f.Commit(force)
}

// Recover puts back the folder at path that a crash left moved aside, if there is nothing at the path.
func Recover(path string) error {
	path = filepath.Clean(path)
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer root.Close()
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		m := unfinished.FindStringSubmatch(e.Name())
		if m == nil || m[1] != filepath.Base(path) || m[2] != oldEnd {
			continue
		}
		f, err := abandonedIn(root, strings.TrimSuffix(e.Name(), oldEnd)+lockEnd)
		if err != nil {
			continue // its maker is at work
		}
		err = rename(filepath.Join(filepath.Dir(path), e.Name()), path)
		if f != nil {
			f.Close()
		}
		return errors.Join(err, SyncDir(filepath.Dir(path)))
	}
	return nil
}

// CheckNew reports, before long work begins, a target that [Dir] would refuse.
func CheckNew(path string, force bool) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.IsDir():
		return notFolder(path, info)
	case !force:
		return fmt.Errorf("%s %w", path, ErrExists)
	}
	return nil
}

func notFolder(path string, info fs.FileInfo) error {
	if info.Mode()&fs.ModeSymlink != 0 {
		return fmt.Errorf("%s is a link, and a folder replaces only a folder: %w: name what it leads to, or choose another name", path, ErrTarget)
	}
	return fmt.Errorf("%s is not a folder, and a folder replaces only a folder: %w: choose another name", path, ErrTarget)
}
