package vectors_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/cmd/internal/vectors"
	"github.com/catvae/catvae/dataset"
	"github.com/x448/float16"
)

// npy writes an NPY file of any type.
func npy(t *testing.T, descr, rest, shape string, values any) string {
	t.Helper()
	var b bytes.Buffer
	header := "{'descr': '" + descr + "', 'fortran_order': " + rest + ", 'shape': " + shape + ", }\n"
	b.WriteString("\x93NUMPY\x01\x00")
	binary.Write(&b, binary.LittleEndian, uint16(len(header)))
	b.WriteString(header)
	if err := binary.Write(&b, binary.LittleEndian, values); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "v.npy")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Rows are what the file holds, whatever their type, and what is wrong is named.
func TestOpen(t *testing.T) {
	t.Parallel()
	half := func(x float32) uint16 { return float16.Fromfloat32(x).Bits() }
	for name, c := range map[string]struct{ path, wrong string }{
		"float32":      {npy(t, "<f4", "False", "(2, 3)", []float32{1, -2, 3, 4, 5, 0.5}), ""},
		"float64":      {npy(t, "<f8", "False", "(2, 3)", []float64{1, -2, 3, 4, 5, 0.5}), ""},
		"float16":      {npy(t, "<f2", "False", "(2, 3, 1)", []uint16{half(1), half(-2), half(3), half(4), half(5), half(0.5)}), ""},
		"big end":      {npy(t, ">f4", "False", "(1, 2)", []byte{63, 128, 0, 0, 192, 0, 0, 0}), ""},
		"int8":         {npy(t, "|i1", "False", "(2, 2)", []int8{1, -2, 3, 4}), ""},
		"cut":          {npy(t, "<f4", "False", "(2, 3)", []float32{1, 2, 3}), "promises"},
		"Fortran":      {npy(t, "<f4", "True", "(2, 3)", make([]float32, 6)), "ascontiguousarray"},
		"one axis":     {npy(t, "<f4", "False", "(6,)", make([]float32, 6)), "rows of numbers"},
		"no NPY":       {npy(t, "<f4", "False", "(6,)", make([]float32, 6)) + "x", ""},
		"not a number": {npy(t, "<f4", "False", "(2, 1)", []float32{1, float32(math.NaN())}), "row 1 is NaN"},
	} {
		v, err := vectors.Open(t.Context(), c.path)
		if name == "no NPY" {
			if !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		var all []float32
		if err == nil {
			all, err = v.Rows()
			defer v.Close()
		}
		if c.wrong != "" {
			if !errors.Is(err, dataset.ErrData) || !strings.Contains(err.Error(), c.wrong) || !strings.Contains(err.Error(), c.path) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if want := []float32{1, -2, 3, 4, 5, 0.5}; err != nil || !slices.Equal(all, want[:len(all)]) || len(all) < 2 {
			t.Errorf("%s: %v, %v", name, all, err)
		}
	}
}

// The nearest rows are those of sorting all, by each metric.
func TestNearest(t *testing.T) {
	t.Parallel()
	const rows, width, queries = 1000, 7, 5
	r := rand.New(rand.NewPCG(1, 1))
	values := make([]float32, (rows+queries)*width)
	for i := range values {
		values[i] = float32(r.NormFloat64())
	}
	clear(values[3*width : 4*width])
	v, err := vectors.Open(t.Context(), npy(t, "<f4", "False", "(1000, 7)", values[:rows*width]))
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	every := make([]int, rows)
	for i := range every {
		every[i] = i
	}
	for _, metric := range []string{vectors.Cosine, vectors.Dot, vectors.Euclidean} {
		found, err := v.Nearest(t.Context(), metric, values[rows*width:], 20)
		if err != nil {
			t.Fatal(err)
		}
		for q, got := range found {
			want, err := v.Rescore(metric, values[(rows+q)*width:][:width], every)
			if err != nil || len(got) != 20 {
				t.Fatal(err)
			}
			for i := range got {
				if got[i].Row != want[i].Row || math.Abs(float64(got[i].Score-want[i].Score)) > 1e-5 {
					t.Errorf("%s: query %d, rank %d: %v, want %v", metric, q, i, got[i], want[i])
				}
			}
		}
	}
}
