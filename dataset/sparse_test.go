package dataset_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
)

// Files of SciPy and of scikit-learn hold the rows of the dense array beside them, by every way to read, and are the same set.
func TestSparse(t *testing.T) {
	t.Parallel()
	raw := dataset.Options{Values: dist.Raw(), Labels: true}
	want, err := dataset.Load(t.Context(), "testdata/sparse.npy", raw)
	if err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]dataset.Options{
		"sparse.npz": {}, "sparse_stored.npz": {}, "sparse_unordered.npz": {},
		"sparse0.svm": {}, "sparse1.svm": {}, "sparse1.svm.gz": {Table: dataset.Table{FirstColumn: "1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o.Values, o.Labels = raw.Values, true
			set, err := dataset.Load(t.Context(), "testdata/"+name, o)
			if err != nil {
				t.Fatal(err)
			}
			if set.Fingerprint() != want.Fingerprint() || fmt.Sprint(set.Shape) != "[9]" {
				t.Errorf("rows of %v are other rows", set.Shape)
			}
			if strings.Contains(name, "svm") {
				for i, label := range []int{3, 1, 1, 2, 3, 2, 1} {
					if set.Label(i) != label {
						t.Errorf("row %d has the label %d, want %d", i, set.Label(i), label)
					}
				}
			}
			r, err := dataset.Open(t.Context(), "testdata/"+name, o)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			sparse := r.(dataset.SparseReader)
			row := make([]float32, 9)
			for i := range want.Len() {
				c, v, _, err := sparse.NextSparse(nil, nil)
				if err != nil || len(c) != len(v) || !slices.IsSorted(c) {
					t.Fatal(c, v, err)
				}
				want.Row(i, row)
				for j, x := range v {
					if row[c[j]] != x {
						t.Errorf("row %d, column %d is %g, want %g", i, c[j], x, row[c[j]])
					}
					row[c[j]] = 0
				}
				if slices.Max(row) != 0 {
					t.Errorf("row %d lacks numbers: %v", i, row)
				}
			}
			if _, _, _, err := sparse.NextSparse(nil, nil); err != io.EOF {
				t.Errorf("after the last row: %v", err)
			}
		})
	}
	_, err = dataset.Open(t.Context(), "testdata/sparse_csc.npz", dataset.Options{})
	if !errors.Is(err, dataset.ErrData) || !strings.Contains(err.Error(), "matrix.tocsr()") {
		t.Errorf("another format: %v", err)
	}
}

// Rows that are mostly zeros stay without them in memory; a rule, an order and a part of them are those of the same dense rows.
func TestSparseSet(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	dense := make([][]float32, 60)
	for i := range dense {
		dense[i] = make([]float32, 500)
		fmt.Fprintf(&text, "%d", i%4)
		for j := i; j < 500; j += 100 {
			dense[i][j] = float32(i + j%3)
			fmt.Fprintf(&text, " %d:%d", j, i+j%3)
		}
		text.WriteString("\n")
	}
	for _, v := range []dist.Values{dist.Counts(), dist.Raw(), dist.Unit().Alike(255, true)} {
		set, err := dataset.Load(t.Context(), write(t, "x.svm", []byte(text.String())), dataset.Options{Values: v, Shape: []int{500}})
		if err != nil {
			t.Fatal(err)
		}
		if n, ok := set.Sparse(); !ok || n != 300 || set.Bytes(0) != nil {
			t.Errorf("%d numbers are held, %t", n, ok)
		}
		var csv strings.Builder
		for _, row := range dense {
			csv.WriteString(strings.Trim(strings.ReplaceAll(fmt.Sprint(row), " ", ","), "[]") + "\n")
		}
		same, err := dataset.Load(t.Context(), write(t, "x.csv", []byte(csv.String())), dataset.Options{Values: v, Table: dataset.Table{Header: dataset.No}})
		if err != nil {
			t.Fatal(err)
		}
		if same.Fingerprint() != set.Fingerprint() || set.Extent() != same.Extent() {
			t.Errorf("%v: the rows are not those of the same table", v)
		}
		some, row := set.Select([]int{7, 3, 50}), make([]float32, 500)
		for i, from := range []int{7, 3, 50} {
			some.Row(i, row)
			for j, x := range dense[from] {
				if row[j] != v.Number(float64(x)) {
					t.Fatalf("row %d, value %d is %g, want %g", from, j, row[j], v.Number(float64(x)))
				}
			}
		}
	}
	_, err := dataset.Load(t.Context(), write(t, "x.svm", []byte(text.String())), dataset.Options{Values: dist.Unit().Alike(10, true)})
	var bad *dataset.ValueError
	if !errors.As(err, &bad) || bad.Row != 9 || bad.Column != 209 { // 9 + 209 % 3
		t.Errorf("a number out of range: %v", err)
	}
}

// What is wrong with a line is said with the line and the way out; the next row is read.
func TestLibSVMErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		o    dataset.Options
		want string
	}{
		{strings.Repeat("1 1:2\n", 100) + "1 1:2e\n", dataset.Options{}, "line 101: row 100: column 1 is \"2e\", which is not a number"},
		{strings.Repeat("1 1:2\n", 100) + "\n# a comment\n1 2\n", dataset.Options{}, "line 103: row 100: it is no label with pairs"},
		{"1 1:2 3:4\n2 2:1 2:2\n", dataset.Options{}, "line 2: row 1: a column comes twice"},
		{"1 1:2\n2 5:1\n", dataset.Options{Table: dataset.Table{FirstColumn: "1"}, Shape: []int{3}}, "line 2: row 1: it has a number in column \"5\", and columns have the numbers 1 to 3"},
		{"1 1:2\n2 0:1\n", dataset.Options{Table: dataset.Table{FirstColumn: "1"}}, "it has a number in column \"0\", and columns have the numbers 1 to 1"},
		{"1 1:2\n2 2:1\n", dataset.Options{Shape: []int{3}}, "the first may be 0 or 1: say which"},
		{"1 1:2\n2 2:nan\n", dataset.Options{}, "row 1, column 1 is NaN"},
		{"1 qid:1\n2 qid:2\n", dataset.Options{}, "none of its lines has a number"},
	} {
		c.o.Values = dist.Counts()
		_, err := dataset.Load(t.Context(), write(t, "x", []byte(c.text)), c.o)
		if !errors.Is(err, dataset.ErrData) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.text, err, c.want)
		}
	}
	for text, want := range map[string]string{
		"1 0:1 4:1\n": "[5]", "1 1:1 4:1\n": "[4]", "# Column indices are zero-based\n1 1:1 4:1\n": "[5]",
		"-1.5,2 1:1 # x\n+3 4:-1e-3\n": "[4]", "1 4:1": "[4]",
	} {
		set, err := dataset.Load(t.Context(), write(t, "x", []byte(text)), dataset.Options{Values: dist.Raw()})
		if err != nil || fmt.Sprint(set.Shape) != want {
			t.Errorf("%q: %v, want rows of %s", text, err, want)
		}
	}
	if set, err := dataset.Load(t.Context(), write(t, "x", []byte("1 0:2\n")), dataset.Options{Values: dist.Raw(), Shape: []int{2, 3}}); err != nil || set.RowSize() != 6 {
		t.Errorf("rows for a model: %v", err)
	}
}
