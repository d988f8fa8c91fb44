package dataset_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/catvae/catvae/dataset"
)

// failing is a file whose reads fail after some bytes.
type failing struct {
	dataset.Handle
	left *int
	err  error
}

func (f failing) some(p []byte, read func(p []byte) (int, error)) (int, error) {
	if *f.left <= 0 {
		return 0, &fs.PathError{Op: "read", Path: "x", Err: f.err}
	}
	n, err := read(p[:min(len(p), *f.left)])
	*f.left -= n
	if err == nil && n < len(p) && *f.left <= 0 {
		err = &fs.PathError{Op: "read", Path: "x", Err: f.err}
	}
	return n, err
}

func (f failing) Read(p []byte) (int, error) { return f.some(p, f.Handle.Read) }

func (f failing) ReadAt(p []byte, offset int64) (int, error) {
	return f.some(p, func(p []byte) (int, error) { return f.Handle.ReadAt(p, offset) })
}

// all reads all rows of a source in two ways, and returns the bad ones.
func all(t *testing.T, s source, scan bool) (bad []int, err error) {
	r, err := dataset.Open(t.Context(), s.path, s.o)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if scan {
		return nil, r.Scan(r.Info().Rows)
	}
	for dst := make([]float32, 2*r.Info().RowSize()); ; {
		n, decode, err := r.Floats(dst)
		if errors.Is(err, io.EOF) && n == 0 {
			return bad, nil
		}
		if err != nil {
			return bad, err
		}
		if decode != nil {
			rows, err := decode()
			if err != nil {
				return bad, err
			}
			for _, err := range rows {
				bad = append(bad, badRow(err))
			}
		}
	}
}

// Wherever the system fails to read, it is neither the content's fault nor a bad row, for every kind of file.
func TestSystemErrorsAreNoData(t *testing.T) {
	files := sources(t)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		s := files[name]
		if s.stdin != nil || s.path == "glyphs" || strings.HasSuffix(name, "limited") {
			continue
		}
		s.o.Sums = new(dataset.Sums)
		s.o.Sums.Every(3)
		for _, scan := range []bool{false, true} {
			ended := 0
			for after := 0; ; after += 1 + after/16 {
				left := after
				restore := dataset.SetHandle(func(f *os.File) dataset.Handle { return failing{f, &left, syscall.EIO} })
				bad, err := all(t, s, scan)
				restore()
				for _, row := range bad {
					if !slices.Contains(s.bad, row) {
						t.Fatalf("%s, EIO after %d bytes: row %d is bad", name, after, row)
					}
				}
				if err == nil && left > 0 {
					break
				}
				if err == nil { // nothing more was wanted of the file
					continue
				}
				ended++
				if !errors.Is(err, syscall.EIO) || errors.Is(err, dataset.ErrData) || strings.Contains(err.Error(), "\n") {
					t.Fatalf("%s, EIO after %d bytes: %v", name, after, err)
				}
			}
			if ended < 3 {
				t.Errorf("%s: reads failed %d times", name, ended)
			}
		}
	}
}

// A reader that fails is no content of standard input.
func TestFailingStdin(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"float64.npy", "pandas.csv", "pandas.csv.gz", "stored.npz", "list.parquet"} {
		data := fileBytes(t, filepath.Join("testdata", name))
		for n := 0; n < len(data); n += 1 + n/8 {
			in := io.MultiReader(bytes.NewReader(data[:n]), iotest.ErrReader(&fs.PathError{Op: "read", Path: "x", Err: syscall.EIO}))
			_, err := all(t, source{path: dataset.Stdin, o: dataset.Options{Stdin: in}}, false)
			if !errors.Is(err, syscall.EIO) || errors.Is(err, dataset.ErrData) {
				t.Errorf("%s, EIO after %d bytes: %v", name, n, err)
			}
		}
	}
}

// A file that is written to while it is read is told, and is not the content's fault.
func TestFileThatChanges(t *testing.T) {
	t.Parallel()
	for name, data := range map[string][]byte{
		"x": idxBytes(t, 6, 2), "x.gz": packed(t, idxBytes(t, 6, 2)), "x.csv": []byte("0,1\n1,0\n1,1\n"), "x.npy": fileBytes(t, "testdata/uint8.npy"),
		"x.npz": fileBytes(t, "testdata/stored.npz"), "x.parquet": fileBytes(t, "testdata/columns.parquet"),
	} {
		path := write(t, name, data)
		r, err := dataset.Open(t.Context(), path, dataset.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte{0}); err != nil {
			t.Fatal(err)
		}
		f.Close()
		if err := r.Scan(r.Info().Rows); err == nil || errors.Is(err, dataset.ErrData) || !strings.Contains(err.Error(), "has changed while it was read") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is kept of a pipe has a bound.
func TestKeptBound(t *testing.T) {
	t.Parallel()
	text := []byte(strings.Repeat("0,1\n", 3000))
	for most, fits := range map[int64]bool{0: true, 11_999: false, 12_000: true} {
		_, err := all(t, source{path: dataset.Stdin, o: dataset.Options{Stdin: bytes.NewReader(text), Keep: most}}, false)
		if (err == nil) != fits || errors.Is(err, dataset.ErrData) {
			t.Errorf("at most %d bytes: %v", most, err)
		}
	}
}
