package onnxruntime

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/catvae/catvae/internal/readfile"
)

// errDamaged is wrapped by the error for a library in the user's cache that is not one of the pinned ones.
var errDamaged = errors.New("is damaged or not what was installed: `catvae doctor --install` replaces it")

// examine looks at a library's file before it is loaded, and returns it with its links followed. The file must lie where only
// root and the user can write (see errUnsafe), be a regular file, and be whole. In the user's cache it must also be a pinned one,
// and everywhere where o asks for it. The libraries that onnxruntime loads from the same folder must be as safe.
func examine(ctx context.Context, path string, o options) (Library, error) {
	lib, err := examineFile(ctx, path, o)
	if err == nil || ctx.Err() != nil || !inCache(path) || errors.Is(err, errUnsafe) || passing(err) {
		return lib, err
	}
	if _, missing := os.Lstat(path); missing != nil {
		return lib, err
	}
	return lib, fmt.Errorf("%w: %w", errDamaged, err)
}

// passing reports an error of the system that says nothing about what is at a path: too few open files, a disk that fails. Another
// library, or none, would be the wrong answer to it; the same command can be given again.
func passing(err error) bool {
	if !readfile.System(err) {
		return false
	}
	for _, about := range []error{fs.ErrNotExist, fs.ErrPermission, syscall.ELOOP, syscall.ENOTDIR, syscall.ENAMETOOLONG} {
		if errors.Is(err, about) {
			return false
		}
	}
	return true
}

func examineFile(ctx context.Context, path string, o options) (Library, error) {
	real, err := safeFile(path)
	if err != nil {
		return Library{}, err
	}
	f, err := readfile.Open(real)
	if err != nil {
		return Library{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Library{}, err
	}
	lib := Library{Path: real}
	mustBeKnown := inCache(path) || o.pinnedOnly
	if mustBeKnown || o.hash {
		if lib.SHA256, lib.Pinned, err = pinnedSum(ctx, f, o.hash); err != nil {
			return Library{}, err
		}
	}
	if lib.Pinned {
		lib.Version = Version
	} else {
		lib.Version = versionOf(real)
	}
	if err := whole(f, info.Size()); err != nil {
		return Library{}, err
	}
	if mustBeKnown && !lib.Pinned {
		return Library{}, fmt.Errorf("its SHA-256 is none that this program knows (%d bytes)", info.Size())
	}
	return lib, safeNeighbours(real)
}

// safeNeighbours checks the libraries of execution providers, which onnxruntime loads from its own library's folder.
func safeNeighbours(path string) error {
	for _, m := range matching(filepath.Dir(path), "*onnxruntime_providers_*") {
		if _, err := safeFile(m); err != nil {
			return fmt.Errorf("%s lies next to it, and would be loaded: %w", filepath.Base(m), err)
		}
	}
	return nil
}
