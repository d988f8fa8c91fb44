// Package outfile is where commands write their results: a file, standard output, a device or a pipe, and packed where the name
// says so.
package outfile

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/catvae/catvae/internal/atomicfile"
	"github.com/klauspost/compress/zstd"
)

// Stdout is the name of standard output. A file of that name is called ./-.
const Stdout = "-"

// A Packing is a way to pack a file: a row of a table.
type Packing struct {
	Name string
	End  string // of files' names
	pack func(io.Writer) (io.WriteCloser, error)
}

// packings is the table. What is packed depends on its bytes only: gzip's header has no time and no name, and zstd packs by one
// goroutine.
var packings = []Packing{
	{"gzip", ".gz", func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil }},
	{"zstd", ".zst", func(w io.Writer) (io.WriteCloser, error) {
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	}},
}

// Packings returns the table.
func Packings() []Packing { return slices.Clone(packings) }

// Pack returns a writer that packs what is written to it, and whose Close ends the packing, not w.
func (p Packing) Pack(w io.Writer) (io.WriteCloser, error) {
	if p.pack == nil {
		return asItIs{w}, nil
	}
	return p.pack(w)
}

type asItIs struct{ io.Writer }

func (asItIs) Close() error { return nil }

// Ends takes the ends off a name: that of its format in small letters, "" for none, and how it is packed, the zero value for not
// at all.
func Ends(path string) (end string, packed Packing) {
	base := filepath.Base(path)
	end = endOf(base)
	if i := slices.IndexFunc(packings, func(p Packing) bool { return p.End == end }); i >= 0 {
		packed = packings[i]
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
	_, packing := Ends(path)
	w, err := packing.Pack(f)
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
