package dataset

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// exists returns what is at a path, nil where nothing is. Any other failure to look is an error: it does not say that nothing
// is there.
func exists(path string) (fs.FileInfo, error) {
	info, err := os.Stat(path)
	if missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, unreadable(path, err)
	}
	return info, nil
}

// missing reports an error that says that there is no such file, and that there can be none.
func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ENAMETOOLONG) || errors.Is(err, fs.ErrInvalid)
}

const wild = `*?[\`

// glob is filepath.Glob, except that a folder that cannot be read is an error.
func glob(pattern string) ([]string, error) {
	if _, err := filepath.Match(pattern, ""); err != nil {
		return nil, err
	}
	if !strings.ContainsAny(pattern, wild) {
		info, err := exists(pattern)
		if info == nil {
			return nil, err
		}
		return []string{pattern}, nil
	}
	dir, file := filepath.Split(pattern)
	if parent := strings.TrimSuffix(dir, string(filepath.Separator)); dir != filepath.VolumeName(dir)+string(filepath.Separator) {
		dir = parent
	}
	dirs := []string{dir}
	if strings.ContainsAny(dir, wild) {
		var err error
		if dirs, err = glob(dir); err != nil {
			return nil, err
		}
	}
	var found []string
	for _, dir := range dirs {
		here := dir
		if here == "" {
			here = "."
		}
		if info, err := exists(here); err != nil {
			return nil, err
		} else if info == nil || !info.IsDir() {
			continue
		}
		entries, err := os.ReadDir(here)
		if err != nil {
			return nil, unreadable(here, err)
		}
		for _, e := range entries {
			if isHidden(e.Name()) && !isHidden(file) { // as shells have it: who wants them says so
				continue
			}
			if fits, _ := filepath.Match(file, e.Name()); fits { // the pattern was tried above
				found = append(found, filepath.Join(dir, e.Name()))
			}
		}
	}
	return found, nil
}
