// Package apart tells whether what a program is about to write takes the place of what it reads.
//
// It goes by what files are, not by what they are called: links of both kinds, other spellings of a path, and names that a file
// system takes for equal lead to one file. Only regular files count: a terminal may well be read and written.
package apart

import (
	"io/fs"
	"iter"
	"os"
	"path/filepath"
)

// Same returns the first of the inputs, which come with their names, that is the file at one of the outputs. Outputs that are not
// there yet take nobody's place; where none is, no input is looked at.
func Same(inputs iter.Seq2[string, fs.FileInfo], outputs ...string) (input string, same bool) {
	var there []fs.FileInfo
	for _, out := range outputs {
		if info, err := os.Stat(out); err == nil && info.Mode().IsRegular() {
			there = append(there, info)
		}
	}
	if len(there) == 0 {
		return "", false
	}
	for name, info := range inputs {
		for _, out := range there {
			if os.SameFile(info, out) {
				return name, true
			}
		}
	}
	return "", false
}

// Files returns files with their names, for [Same]. What is not there is left out.
func Files(paths ...string) iter.Seq2[string, fs.FileInfo] {
	return func(yield func(string, fs.FileInfo) bool) {
		for _, path := range paths {
			if info, err := os.Stat(path); err == nil && !yield(path, info) {
				return
			}
		}
	}
}

// Below returns the first of the inputs that lies in one of the folders, at any depth: by its name, or where it leads if it is a
// link. Folders that are not there hold nothing; where none is, no input is looked at.
func Below(inputs iter.Seq2[string, fs.FileInfo], folders ...string) (input string, below bool) {
	w := newWithin(folders)
	if len(w.folders) == 0 {
		return "", false
	}
	for name := range inputs {
		if w.holds(name) {
			return name, true
		}
	}
	return "", false
}

// Within reports a path that is a folder, or lies in it at any depth: by its name, or where it leads if it is a link. Nothing need
// be at the path.
func Within(folder, path string) bool {
	w := newWithin([]string{folder})
	return len(w.folders) > 0 && w.holds(path)
}

// within finds paths that lie in some folders.
type within struct {
	folders []fs.FileInfo
	known   map[string]bool   // by path
	real    map[string]string // folders with their links followed, by path
}

func newWithin(folders []string) *within {
	w := &within{known: map[string]bool{}, real: map[string]string{}}
	for _, folder := range folders {
		if info, err := os.Stat(folder); err == nil {
			w.folders = append(w.folders, info)
		}
	}
	return w
}

func (w *within) holds(path string) bool {
	abs, err := filepath.Abs(path)
	if err != nil {
		return false
	}
	if info, err := os.Lstat(abs); err != nil || info.Mode()&fs.ModeSymlink != 0 {
		return w.at(abs) || w.at(Resolved(abs))
	}
	dir := filepath.Dir(abs)
	real, ok := w.real[dir]
	if !ok {
		real = Resolved(dir)
		w.real[dir] = real
	}
	return w.at(abs) || w.at(real)
}

// at reports a path that is one of the folders, or one of whose parents is.
func (w *within) at(path string) bool {
	if known, ok := w.known[path]; ok {
		return known
	}
	in := false
	if info, err := os.Stat(path); err == nil {
		for _, folder := range w.folders {
			in = in || os.SameFile(info, folder)
		}
	}
	if up := filepath.Dir(path); !in && up != path {
		in = w.at(up)
	}
	w.known[path] = in
	return in
}

// Resolved returns an absolute path with links followed, as far as there is something.
func Resolved(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		return real
	}
	if dir := filepath.Dir(abs); dir != abs {
		return filepath.Join(Resolved(dir), filepath.Base(abs))
	}
	return abs
}
