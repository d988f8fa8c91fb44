package dataset_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
)

// int32s returns an NPY file of numbers.
func int32s(numbers ...int32) []byte {
	var values []byte
	for _, n := range numbers {
		values = append(values, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
	}
	return npyFile(1, fmt.Sprintf("{'descr': '<i4', 'fortran_order': False, 'shape': (%d,), }", len(numbers)), values)
}

// What an archive claims of its matrix is checked, before anything is allocated for it and while rows are read.
func TestBrokenCSR(t *testing.T) {
	t.Parallel()
	good := map[string][]byte{
		"indptr.npy": int32s(0, 1, 3), "indices.npy": int32s(0, 1, 2), "data.npy": int32s(1, 1, 1), "shape.npy": int32s(2, 3),
		"format.npy": npyFile(1, "{'descr': '|S3', 'fortran_order': False, 'shape': (), }", []byte("csr")),
	}
	big := npyFile(1, "{'descr': '<i4', 'fortran_order': False, 'shape': (1000000000,), }", nil)
	for name, c := range map[string]struct {
		with map[string][]byte
		want string
	}{
		"sound":                 {nil, ""},
		"no indices":            {map[string][]byte{"indices.npy": nil}, "it lacks indices.npy"},
		"a row of another way":  {map[string][]byte{"format.npy": npyFile(1, "{'descr': '|S3', 'fortran_order': False, 'shape': (), }", []byte("bsr"))}, `it holds a sparse matrix as "bsr"`},
		"one dimension":         {map[string][]byte{"shape.npy": int32s(2)}, "shape.npy holds [2]"},
		"a negative shape":      {map[string][]byte{"shape.npy": int32s(-2, 3)}, "shape.npy holds [-2 3]"},
		"no columns":            {map[string][]byte{"shape.npy": int32s(2, 0)}, "at least one row"},
		"columns of gigabytes":  {map[string][]byte{"shape.npy": int32s(2, 1<<30)}, "1 to 16777216 values"},
		"rows of gigabytes":     {map[string][]byte{"shape.npy": int32s(1<<30, 3)}, "indptr has 3 numbers, 1073741824 rows have one more"},
		"a claim of gigabytes":  {map[string][]byte{"data.npy": big}, "its header promises"},
		"fewer numbers":         {map[string][]byte{"data.npy": int32s(1, 1)}, "indices has 3 numbers, data has 2"},
		"places in floats":      {map[string][]byte{"indptr.npy": npyFile(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", make([]byte, 12))}, "of whole numbers of 32 or 64 bits"},
		"two dimensions":        {map[string][]byte{"data.npy": npyFile(1, "{'descr': '<i4', 'fortran_order': False, 'shape': (3, 1), }", make([]byte, 12))}, "a list is wanted"},
		"a first row elsewhere": {map[string][]byte{"indptr.npy": int32s(1, 2, 3)}, "indptr begins with 1"},
		"a row that goes back":  {map[string][]byte{"indptr.npy": int32s(0, 3, 1)}, "row 1 ends at number 1, after 3"},
		"a row behind the end":  {map[string][]byte{"indptr.npy": int32s(0, 1, 9)}, "row 1 ends at number 9"},
		"numbers of no row":     {map[string][]byte{"indptr.npy": int32s(0, 1, 2)}, "its rows have 2 numbers, data has 3"},
		"a column behind":       {map[string][]byte{"indices.npy": int32s(0, 1, 3)}, "row 1: it has a number in column 3, and rows have 3 columns"},
		"a column before":       {map[string][]byte{"indices.npy": int32s(-1, 1, 2)}, "row 0: it has a number in column -1"},
	} {
		all := maps.Clone(good)
		maps.Copy(all, c.with)
		var names []string
		var files [][]byte
		for name, data := range all {
			if data != nil {
				names, files = append(names, name), append(files, data)
			}
		}
		_, err := dataset.Load(t.Context(), write(t, "x.npz", archive(t, 8, names, files...)), dataset.Options{})
		if c.want == "" && err != nil || c.want != "" && (!errors.Is(err, dataset.ErrData) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// A matrix of which one number in fifty is not 0 is read by batches, from any row on, with the same rows as one after the other.
func TestCSRByBatches(t *testing.T) {
	t.Parallel()
	const rows, columns = 1000, 300
	random := rand.New(rand.NewPCG(1, 2))
	ends, indices, data := []int32{0}, []int32{}, []int32{}
	for range rows {
		for c := range columns {
			if random.IntN(50) == 0 {
				indices, data = append(indices, int32(c)), append(data, int32(1+random.IntN(300)))
			}
		}
		ends = append(ends, int32(len(data)))
	}
	path := write(t, "x.npz", archive(t, 8, []string{"indptr.npy", "indices.npy", "data.npy", "shape.npy", "format.npy"},
		int32s(ends...), int32s(indices...), int32s(data...), int32s(rows, columns), npyFile(1, "{'descr': '|S3', 'fortran_order': False, 'shape': (), }", []byte("csr"))))
	set, err := dataset.Load(t.Context(), path, dataset.Options{Values: dist.Counts()})
	if err != nil {
		t.Fatal(err)
	}
	if n, ok := set.Sparse(); !ok || n != len(data) {
		t.Errorf("%d numbers of %d are held, %t", n, len(data), ok)
	}
	r, err := dataset.Open(t.Context(), path, dataset.Options{Values: dist.Counts()})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Skip(500); err != nil {
		t.Fatal(err)
	}
	batch, want := make([]float32, 64*columns), make([]float32, columns)
	at := 500
	for {
		n, decode, err := r.Floats(batch)
		if n == 0 {
			if err != io.EOF || at != rows {
				t.Fatal(at, err)
			}
			break
		}
		if bad, err := decode(); len(bad) > 0 || err != nil {
			t.Fatal(bad, err)
		}
		for i := range n {
			set.Row(at+i, want)
			for j, x := range want {
				if got := batch[i*columns+j]; got != x {
					t.Fatalf("row %d, column %d is %g, want %g", at+i, j, got, x)
				}
			}
		}
		at += n
	}
}
