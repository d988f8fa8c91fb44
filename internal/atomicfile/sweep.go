package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
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
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		m := unfinished.FindStringSubmatch(e.Name())
		if m == nil || !want(m[1]) {
			continue
		}
		path := filepath.Join(dir, e.Name())
		if e.Type().IsRegular() && m[2] == "" {
			err = sweepFile(path)
		} else {
			err = sweepFolder(strings.TrimSuffix(path, m[2]))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func sweepFile(path string) error {
	f := abandoned(path)
	if f == nil {
		return nil
	}
	defer f.Close()
	return os.Remove(path)
}

// sweepFolder removes an unfinished folder, what it was to replace, and its lock.
func sweepFolder(tmp string) error {
	lock := tmp + lockEnd
	f := abandoned(lock)
	if _, err := os.Lstat(lock); f == nil && err == nil {
		return nil // somebody holds it
	}
	err := errors.Join(os.RemoveAll(tmp), os.RemoveAll(tmp+oldEnd))
	if f != nil {
		defer f.Close()
		err = errors.Join(err, os.Remove(lock))
	}
	return err
}
