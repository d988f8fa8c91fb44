package dataset_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/datatest"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
)

func write(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// divided is the rule that divides numbers, and takes nothing else than dist.Unit does.
func divided(by float64) dist.Values {
	v := dist.Unit()
	if by != 0 {
		v.Numbers = by
	}
	return v
}

func idxBytes(t testing.TB, shape ...int) []byte {
	t.Helper()
	n := 1
	for _, d := range shape {
		n *= d
	}
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(i)
	}
	return datatest.IDX(data, shape...)
}

func TestIDXRoundTrip(t *testing.T) {
	t.Parallel()
	plain := idxBytes(t, 4, 3, 5)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"plain": plain, "packed.gz": packed.Bytes()} {
		s, err := dataset.Load(t.Context(), write(t, name, data), dataset.Options{})
		if err != nil {
			t.Fatal(err)
		}
		row := make([]float32, 15)
		s.Row(2, row)
		if s.Len() != 4 || s.RowSize() != 15 || row[1] != float32(31)/255 || s.Bytes(3)[14] != 59 || s.Label(0) != -1 {
			t.Errorf("%s: %d rows of %v, row 2 is %v", name, s.Len(), s.Shape, row)
		}
		if part := s.Slice(1, 3); part.Len() != 2 || part.Bytes(1)[0] != 30 {
			t.Errorf("%s: a slice has %d rows, the second begins with %d", name, part.Len(), part.Bytes(1)[0])
		}
	}
}

func TestRowsLimit(t *testing.T) {
	t.Parallel()
	r, err := dataset.Open(t.Context(), write(t, "x", idxBytes(t, 5, 2)), dataset.Options{Rows: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	n := 0
	for row := make([]float32, 2); ; n++ {
		if _, err := r.Next(row); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if n != 3 || r.Info().Rows != 3 {
		t.Errorf("%d rows, Info says %d, want 3", n, r.Info().Rows)
	}
}

// The files in testdata were written by numpy: see testdata/generate.py.
func TestNPYFromNumpy(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"uint8", "float32", "float64", "float32_big_endian", "version2", "fortran"} {
		s, err := dataset.Load(t.Context(), filepath.Join("testdata", name+".npy"), dataset.Options{})
		if err != nil {
			t.Error(err)
			continue
		}
		row := make([]float32, 4)
		for i := range 3 {
			s.Row(i, row)
			for j, x := range row {
				want := float32(i*4+j) / 16
				if name == "uint8" {
					want = float32(i*4+j) / 255
				}
				if x != want {
					t.Errorf("%s: row %d, column %d is %g, want %g", name, i, j, x, want)
				}
			}
		}
	}
	for _, name := range []string{"int32", "scalar", "object"} {
		_, err := dataset.Load(t.Context(), filepath.Join("testdata", name+".npy"), dataset.Options{})
		if !errors.Is(err, dataset.ErrData) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: the error is %v, want one line of ErrData", name, err)
		}
	}
}

func TestNPYWriterRoundTrip(t *testing.T) {
	t.Parallel()
	var buf bytes.Buffer
	w, err := dataset.NewNPYWriter(&buf, "float32", 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.WriteFloats([]float32{0, .25, .5}), w.WriteFloats([]float32{.75, 1, 0}), w.Close()); err != nil {
		t.Fatal(err)
	}
	s, err := dataset.Load(t.Context(), write(t, "x.npy", buf.Bytes()), dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	row := make([]float32, 3)
	if s.Row(1, row); fmt.Sprint(row) != "[0.75 1 0]" {
		t.Errorf("row 1 is %v", row)
	}
	if w.WriteFloats([]float32{1}) == nil {
		t.Error("more values than the shape holds are taken")
	}
	short, err := dataset.NewNPYWriter(io.Discard, "uint8", 2, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := short.WriteBytes([]byte{1}); err != nil {
		t.Fatal(err)
	}
	if short.Close() == nil {
		t.Error("missing values are not noticed")
	}
}

func TestBrokenFiles(t *testing.T) {
	t.Parallel()
	good := idxBytes(t, 3, 2, 2)
	npy, err := os.ReadFile("testdata/float32.npy")
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"empty":                       {},
		"one byte":                    {0},
		"truncated header":            good[:5],
		"truncated values":            good[:len(good)-1],
		"too long":                    append(bytes.Clone(good), 1),
		"no dimensions":               {0, 0, 8, 0},
		"unknown elements":            {0, 0, 10, 1, 0, 0, 0, 1, 0, 0, 0, 0},
		"overflow":                    {0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255},
		"huge":                        {0, 0, 8, 2, 255, 255, 255, 255, 255, 255, 255, 255},
		"no rows":                     idxBytes(t, 0, 2),
		"no columns":                  idxBytes(t, 2, 0),
		"text":                        []byte("a,b,c\n1,2,3\n"),
		"broken gzip":                 {0x1f, 0x8b, 8, 0, 0},
		"NPY of nothing":              []byte("\x93NUMPY\x01\x00\x00\x00  "),
		"NPY header without an end":   []byte("\x93NUMPY\x01\x00\x10\x00{'descr': '<f4',"),
		"NPY header that is enormous": []byte("\x93NUMPY\x02\x00\xff\xff\xff\x7f{'descr'"),
		"truncated NPY":               npy[:len(npy)-2],
	} {
		s, err := dataset.Load(t.Context(), write(t, "x", data), dataset.Options{})
		if !errors.Is(err, dataset.ErrData) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v and the error %v, want one line of ErrData", name, s, err)
		}
	}
	if _, err := dataset.Load(t.Context(), filepath.Join(t.TempDir(), "nowhere"), dataset.Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	if _, err := dataset.Load(t.Context(), t.TempDir(), dataset.Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty folder: %v", err)
	}
}

func TestValuesOutsideTheRange(t *testing.T) {
	t.Parallel()
	for _, bad := range []float32{-0.1, 1.001, float32(math.NaN()), float32(math.Inf(1))} {
		var buf bytes.Buffer
		w, err := dataset.NewNPYWriter(&buf, "float32", 2, 2)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.WriteFloats([]float32{0, 1, 0.5, bad}); err != nil {
			t.Fatal(err)
		}
		_, err = dataset.Load(t.Context(), write(t, "x.npy", buf.Bytes()), dataset.Options{})
		var v *dataset.ValueError
		if !errors.As(err, &v) || v.Row != 1 || v.Column != 1 {
			t.Errorf("%g: the error is %v, want a ValueError at row 1, column 1", bad, err)
		}
	}
}

// MNIST as published: sizes, and the labels at the beginning.
func TestMNIST(t *testing.T) {
	t.Parallel()
	dir := ortest.MNIST(t)
	for split, want := range map[dataset.Split]struct{ rows, first, zeros int }{
		dataset.Train: {60_000, 5, 5923},
		dataset.Test:  {10_000, 7, 980},
	} {
		s, err := dataset.Load(t.Context(), dir, dataset.Options{Split: split})
		if err != nil {
			t.Fatal(err)
		}
		zeros := 0
		for i := range s.Len() {
			if s.Label(i) == 0 {
				zeros++
			}
		}
		if s.Len() != want.rows || s.Label(0) != want.first || zeros != want.zeros || fmt.Sprint(s.Shape) != "[28 28]" {
			t.Errorf("%s: %d rows of %v, first label %d, %d zeros; want %+v", split, s.Len(), s.Shape, s.Label(0), zeros, want)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(idxBytes(f, 3, 2, 2))
	f.Add(idxBytes(f, 3))
	f.Add([]byte{0x1f, 0x8b, 8, 0, 0})
	for _, name := range []string{"uint8", "float32", "float64", "fortran", "int32", "scalar", "version2"} {
		data, err := os.ReadFile(filepath.Join("testdata", name+".npy"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := dataset.Load(t.Context(), write(t, "x", data), dataset.Options{})
		if err != nil {
			if !errors.Is(err, dataset.ErrData) {
				t.Errorf("%v is no ErrData", err)
			}
			return
		}
		row := make([]float32, s.RowSize())
		for i := range s.Len() {
			s.Row(i, row)
			for _, x := range row {
				if !(x >= 0 && x <= 1) {
					t.Fatalf("row %d holds %g", i, x)
				}
			}
		}
	})
}
