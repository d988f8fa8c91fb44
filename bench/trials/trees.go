//go:build unix

package main

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// compareTrees says how two folders differ, in names or in bytes, or "". It passes over what passed says yes to.
func compareTrees(want, got string, passed func(name string) bool) (string, error) {
	a, err := files(want)
	if err != nil {
		return "", err
	}
	b, err := files(got)
	if err != nil {
		return "", err
	}
	if passed != nil {
		a, b = slices.DeleteFunc(a, passed), slices.DeleteFunc(b, passed)
	}
	var differences []string
	for _, name := range a {
		if !slices.Contains(b, name) {
			differences = append(differences, name+" is missing")
			continue
		}
		if same, err := sameBytes(filepath.Join(want, name), filepath.Join(got, name)); err != nil {
			return "", err
		} else if !same {
			differences = append(differences, name+" has other bytes")
		}
	}
	for _, name := range b {
		if !slices.Contains(a, name) {
			differences = append(differences, name+" is left over")
		}
	}
	if n := len(differences); n > 4 {
		differences = append(differences[:3], "and so on")
	}
	return strings.Join(differences, ", "), nil
}

// files names the files beneath a folder; one that is not there has none.
func files(dir string) (names []string, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		names = append(names, name)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return names, err
}

func sameBytes(a, b string) (bool, error) {
	x, err := os.Open(a)
	if err != nil {
		return false, err
	}
	defer x.Close()
	y, err := os.Open(b)
	if err != nil {
		return false, err
	}
	defer y.Close()
	p, q := make([]byte, 1<<16), make([]byte, 1<<16)
	for {
		n, err1 := io.ReadFull(x, p)
		m, err2 := io.ReadFull(y, q)
		if !bytes.Equal(p[:n], q[:m]) {
			return false, nil
		}
		for _, err := range []error{err1, err2} {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return true, nil
			} else if err != nil {
				return false, err
			}
		}
	}
}

// leftovers names what a killed process left unfinished in a folder, at any depth.
func leftovers(dir string) (names []string, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := d.Name(); strings.HasPrefix(name, ".tmp-") || strings.HasPrefix(name, "download-") {
			names = append(names, name)
			if d.IsDir() {
				return fs.SkipDir
			}
		}
		return nil
	})
	return names, err
}
