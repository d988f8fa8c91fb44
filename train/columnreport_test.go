package train_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/train"
)

// The report of rows that are not pictures shows columns, bits by columns, and rows with their reconstructions; it draws no
// pixels. That of pictures shows pictures.
func TestColumnReport(t *testing.T) {
	t.Parallel()
	file := func(n int, shape ...int) string {
		path := filepath.Join(t.TempDir(), "rows.npy")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		rows, size := []byte{}, 1
		for _, d := range shape {
			size *= d
		}
		for i := range n {
			for c := range size {
				on := byte(255)
				if i>>(c%3)&1 == 0 {
					on = 0
				}
				rows = append(rows, on)
			}
		}
		w, err := dataset.NewNPYWriter(f, "uint8", append([]int{n}, shape...)...)
		if err == nil {
			err = errors.Join(w.WriteBytes(rows), w.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, c := range map[string]struct {
		shape    []int
		pictures bool
	}{"few columns": {[]int{6}, false}, "many columns": {[]int{60}, false}, "one line": {[]int{1, 12}, false}, "cubes": {[]int{2, 3, 2}, false}, "pictures": {[]int{4, 3}, true}} {
		run := filepath.Join(t.TempDir(), "run")
		trained(t, config(t, "batch=20", "data.validation=100", "epochs=8", "data.binarize=none", "optimizer.learning_rate=0.03", "objective.kl_warmup=0"), file(400, c.shape...), run, false)
		text, err := os.ReadFile(filepath.Join(run, train.ReportFile))
		if err != nil {
			t.Fatal(err)
		}
		page := string(text)
		if got := strings.Contains(page, "data:image/png"); got != c.pictures {
			t.Errorf("%s: pictures: %v", name, got)
		}
		for _, want := range []string{"Rows and their reconstructions", "What the bits tell", "<h2>Columns", "column 2 <small>", "row 0</td>"} {
			if got := strings.Contains(page, want); got == c.pictures {
				t.Errorf("%s: %q: %v", name, want, got)
			}
		}
		if many := strings.Contains(page, "of 60 columns"); many != (name == "many columns") {
			t.Errorf("%s: says that columns are left out: %v", name, many)
		}
	}
}

// A table's columns have their names, as text, in tables and on axes.
func TestColumnNames(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rows.csv")
	var text strings.Builder
	text.WriteString("age,<script>alert(1)</script>,garden & pets\n")
	for i := range 300 {
		fmt.Fprintf(&text, "0.%d,%d,%d\n", i%10, i%2, i/2%2)
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	run := filepath.Join(t.TempDir(), "run")
	trained(t, config(t, "batch=20", "data.validation=100", "data.binarize=none", "optimizer.learning_rate=0.03"), path, run, false)
	page, err := os.ReadFile(filepath.Join(run, train.ReportFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<td>age</td>", "garden &amp; pets <small>"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the report lacks %q", want)
		}
	}
	for _, bad := range []string{"<script", "garden & pets", "column 1"} {
		if strings.Contains(string(page), bad) {
			t.Errorf("the report has %q", bad)
		}
	}
}
