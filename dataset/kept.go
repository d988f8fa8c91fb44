package dataset

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/catvae/catvae/internal/diskspace"
)

// keptName begins the names of the files that pipes are kept in.
const keptName = "catvae-stdin-"

// What bounds the bytes of a pipe that are kept: a number of them, and the room that is left for others in the folder.
const (
	maxKept  = 64 << 30
	roomLeft = 16 << 20
	keptStep = 4 << 20 // after so many bytes the room is looked at again
)

// kept is a temporary file. Its name goes as soon as it is open, so that nothing is left of it, however the program ends; where
// that cannot be, when it is closed.
type kept struct{ path string }

func (k *kept) remove() error {
	if k == nil || k.path == "" {
		return nil
	}
	if err := os.Remove(k.path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// keep copies what is left of a stream into a temporary file, and closes the stream.
func keep(ctx context.Context, s *stream, most int64) (*File, error) {
	dir := os.TempDir()
	left, _ := filepath.Glob(filepath.Join(dir, keptName+"*"))
	for _, path := range left { // where names do not go at once, those of killed programs stay; files in use cannot be removed there
		os.Remove(path)
	}
	f, err := os.CreateTemp(dir, keptName)
	if err != nil {
		return nil, fmt.Errorf("dataset: %s is kept in a temporary file: %w: name another folder in TMPDIR", s.name, err)
	}
	k := &kept{f.Name()}
	if err := k.remove(); err == nil {
		k.path = ""
	}
	if err := copyKept(ctx, s, f, dir, most); err != nil {
		return nil, errors.Join(err, f.Close(), k.remove())
	}
	if err := s.Close(); err != nil {
		return nil, errors.Join(err, f.Close(), k.remove())
	}
	file, err := newFile(ctx, s.name, f)
	if err != nil {
		return nil, errors.Join(err, k.remove())
	}
	file.kept = k
	_, err = file.Seek(0, io.SeekStart)
	if err != nil {
		return nil, errors.Join(unreadable(s.name, err), file.Close())
	}
	return file, nil
}

// copyKept copies a stream in steps, and looks before each whether there is room for it.
func copyKept(ctx context.Context, s *stream, f *os.File, dir string, most int64) error {
	if most == 0 {
		most = maxKept
	}
	for size := int64(0); ; {
		if room, known := diskspace.Free(dir); known && room < roomLeft+keptStep {
			return fmt.Errorf("dataset: %s is kept in a temporary file, for which %s has too little room after %d bytes: name another folder in TMPDIR, or give a file", s.name, dir, size)
		}
		n, err := io.CopyN(struct{ io.Writer }{f}, s, keptStep)
		if size += n; size > most {
			return fmt.Errorf("dataset: %s is kept in a temporary file, which holds up to %d bytes: give a file", s.name, most)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		var path *fs.PathError
		if errors.As(err, &path) && path.Path == f.Name() {
			return fmt.Errorf("dataset: %s is kept in a temporary file: %w: name another folder in TMPDIR, or give a file", s.name, err)
		}
		if err != nil {
			return s.broken("it cannot be read", err)
		}
	}
}
