package dataset_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/catvae/catvae/dataset"
)

func FuzzNPZ(f *testing.F)     { fuzzFormat(f, "*.npz", false) }
func FuzzCSV(f *testing.F)     { fuzzFormat(f, "*.csv", false) }
func FuzzLibSVM(f *testing.F)  { fuzzFormat(f, "*.svm*", false) }
func FuzzParquet(f *testing.F) { fuzzFormat(f, "*.parquet", false) }
func FuzzPicture(f *testing.F) { fuzzFormat(f, "pictures/*.*", true) }

func fuzzFormat(f *testing.F, pattern string, picture bool) {
	names, err := filepath.Glob(filepath.Join("testdata", filepath.FromSlash(pattern)))
	if err != nil || len(names) == 0 {
		f.Fatal(pattern, err)
	}
	for _, name := range names {
		f.Add(fileBytes(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) { fuzzOne(t, data, picture) })
}

// fuzzOne wants one line of ErrData, or rows within [0,1] and bad ones that are named.
func fuzzOne(t *testing.T, data []byte, picture bool) {
	name := "x"
	if picture {
		name += ".png"
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	usable := func(err error) {
		t.Helper()
		if !errors.Is(err, dataset.ErrData) {
			t.Fatalf("%v is no ErrData", err)
		}
	}
	for _, o := range []dataset.Options{{}, {Values: divided(255), Image: &dataset.Image{Height: 3, Width: 2, Resize: "bilinear"}}} {
		r, err := dataset.Open(t.Context(), path, o)
		if err != nil {
			usable(err)
			continue
		}
		defer r.Close()
		size := r.Info().RowSize()
		dst := make([]float32, 2*size)
		for rows := 0; rows < 50; {
			n, decode, err := r.Floats(dst)
			var bad []error
			if err == nil && decode != nil {
				bad, err = decode()
			}
			if n == 0 && err != nil {
				break
			}
			if err != nil {
				usable(err)
				break
			}
			for _, err := range bad {
				if at := badRow(err); at < rows || at >= rows+n {
					t.Fatalf("row %d to %d: %v", rows, rows+n, err)
				}
			}
			for _, x := range dst[:n*size] {
				if !(x >= 0 && x <= 1) {
					t.Fatalf("%g in row %d or later", x, rows)
				}
			}
			rows += n
		}
	}
}
