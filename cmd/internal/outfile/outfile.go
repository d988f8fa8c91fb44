// Package outfile is where commands write their results: a file, standard output, a device or a pipe, and packed where the name
// says so.
package outfile

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/catvae/catvae/internal/packing"
)

// Stdout is the name of standard output. A file of that name is called ./-.
const Stdout = "-"

// Ends takes the ends off a name: that of its format in small letters, "" for none, and how it is packed, the zero value for not
// at all.
func Ends(path string) (end string, packed packing.Packing) {
	base := filepath.Base(path)
	end = endOf(base)
	packed, ok := packing.Ended(end)
	if ok {
		end = endOf(base[:len(base)-len(end)])
	}
	return end, packed
}

func endOf(base string) string {
	end := filepath.Ext(base)
	if end == base || end == "." { // .hidden, and a sentence's end
		return ""
	}
	return strings.ToLower(end)
}

// Follow says where an output leads: see [atomicfile.CheckFile].
func Follow(path string, force bool) (atomicfile.Target, error) {
	if path == Stdout {
		return atomicfile.Stdout(), nil
	}
	return atomicfile.CheckFile(path, force)
}

// Create begins an output: see [atomicfile.Create].
func Create(ctx context.Context, path string, perm fs.FileMode) (*atomicfile.File, error) {
	if path == Stdout {
		return atomicfile.Stdout().Create(ctx, perm)
	}
	return atomicfile.Create(ctx, path, perm)
}

// Write calls write to fill an output, packed as its name says. Files appear whole or not at all.
func Write(ctx context.Context, path string, perm fs.FileMode, write func(io.Writer) error) error {
	f, err := Create(ctx, path, perm)
	if err != nil {
		return err
	}
	defer f.Abort()
	_, packed := Ends(path)
	w, err := packed.Pack(f)
	if err == nil {
		err = write(w)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		if failed := f.Err(); failed != nil {
			return failed
		}
		return fmt.Errorf("write %s: %w", path, err)
	}
	return f.Commit()
}
