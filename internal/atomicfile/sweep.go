package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
)

// prefix begins the name of everything unfinished.
const prefix = ".tmp-"

// What belongs to a folder that is being made ends in these.
const (
	lockEnd = "-lock" // the file that its maker has locked
	oldEnd  = "-old"  // the folder that it replaces, moved aside
)

// unfinished takes the name of something unfinished apart: the target's name, and one of the ends.
var unfinished = regexp.MustCompile(`^\.tmp-(.+)-\d+(` + lockEnd + `|` + oldEnd + `)?$`)

// Unfinished reports whether a name belongs to something unfinished.
func Unfinished(name string) bool { return strings.HasPrefix(name, prefix) }

// Sweep removes what crashes left unfinished in dir, for those names that want accepts. What another process or goroutine
// is writing stays.
func Sweep(dir string, want func(name string) bool) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return SweepIn(root, ".", want)
}

// SweepIn is [Sweep] of the folder dir below root.
func SweepIn(root *os.Root, dir string, want func(name string) bool) error {
	entries, err := fs.ReadDir(root.FS(), dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		m := unfinished.FindStringSubmatch(e.Name())
		if m == nil || !want(m[1]) {
			continue
		}
		tmp := path.Join(dir, strings.TrimSuffix(e.Name(), m[2]))
		owner := tmp
		if m[2] != "" || e.IsDir() {
			owner = tmp + lockEnd
		}
		f, err := abandonedIn(root, owner)
		if err != nil {
			continue // somebody holds it
		}
		if f != nil && closeFirst {
			f.Close()
		}
		err = errors.Join(root.RemoveAll(tmp), root.RemoveAll(tmp+oldEnd), root.RemoveAll(owner))
		if f != nil {
			f.Close()
		}
		if err != nil && !errors.Is(err, fs.ErrPermission) { // what is another user's is that user's to remove
			return err
		}
	}
	return nil
}

// abandonedIn locks what another process may have left, and returns it open, or nil where there is nothing. Somebody may be
// writing what cannot be locked: that is an error.
func abandonedIn(root *os.Root, name string) (*os.File, error) {
	info, err := root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, nil // nothing of ours
	}
	f, err := root.OpenFile(name, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrPermission) {
		f, err = root.Open(name)
	}
	if err != nil {
		return nil, err
	}
	if err := tryLock(f); err != nil {
		f.Close()
		return nil, err
	}
	if !CurrentIn(root, name, f) { // whoever made or swept it has just moved on
		f.Close()
		return nil, ErrHeld
	}
	return f, nil
}
