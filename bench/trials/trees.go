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

// compareTrees says how two folders differ, in names or in bytes, or "".
func compareTrees(want, got string) (string, error) {
	a, err := files(want)
	if err != nil {
		return "", err
	}
	b, err := files(got)
	if err != nil {
		return "", err
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
	return strings.Join(differences, ", "), nil
}

func files(dir string) (names []string, err error) {
	return names, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		names = append(names, name)
		return err
	})
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
