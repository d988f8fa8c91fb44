package train_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/runtime/purego"
	"github.com/catvae/catvae/train"
)

// A run of a table keeps the names of its columns, in its configuration and in the manifest, and is resumed by them.
func TestTable(t *testing.T) {
	t.Parallel()
	source, out := filepath.Join(t.TempDir(), "x.csv"), filepath.Join(t.TempDir(), "run")
	var text strings.Builder
	text.WriteString("day;b;a;label\n")
	for i := range 40 {
		fmt.Fprintf(&text, "x;%d;0,5;y\n", i%2)
	}
	if err := os.WriteFile(source, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	c := config(t, "epochs=1", "batch=5", "data.table.columns=a,b", "encoder.hidden=3", "decoder.hidden=3", "latent.variables=4", "data.binarize=none", "data.validation=10")
	if _, err := train.Run(t.Context(), c, train.Options{Source: source, Out: out, Backend: purego.New(), Samples: 1}); err != nil {
		t.Fatal(err)
	}
	b, err := bundle.Open(filepath.Join(out, train.BundleDir))
	if err != nil {
		t.Fatal(err)
	}
	kept, err := train.RunConfig(out)
	if want := []string{"a", "b"}; err != nil || !slices.Equal(b.Manifest.Input.Columns, want) || !slices.Equal(kept.Data.Table.Names, want) {
		t.Errorf("%q, %+v, %v", b.Manifest.Input.Columns, kept.Data.Table, err)
	}
	for _, again := range []train.Config{c, kept} {
		again.Epochs = 2
		if r, err := train.Run(t.Context(), again, train.Options{Source: source, Out: out, Backend: purego.New(), Samples: 1, Resume: true}); err != nil || r.Steps <= r.ResumedAt && r.ResumedAt == 0 {
			t.Errorf("resumed: %+v, %v", r, err)
		}
	}
}

// A run keeps the names of its columns when it is resumed with the same rows in an array, or with their columns in another order.
func TestResumedNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	var rows, table, turned bytes.Buffer
	w, err := dataset.NewNPYWriter(&rows, "uint8", 40, 2)
	table.WriteString("a,b\n")
	turned.WriteString("b,a\n")
	for i := range 40 {
		a, b := i%2, i/2%2
		fmt.Fprintf(&table, "%d,%d\n", a, b)
		fmt.Fprintf(&turned, "%d,%d\n", b, a)
		if err == nil {
			err = w.WriteBytes([]byte{byte(a), byte(b)})
		}
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	o := train.Options{Source: write("x.csv", table.Bytes()), Out: filepath.Join(dir, "run"), Backend: purego.New(), Samples: 1, Resume: true}
	c := config(t, "batch=5", "encoder.hidden=3", "decoder.hidden=3", "latent.variables=4", "data.binarize=none", "data.validation=10")
	for i, source := range []string{o.Source, write("x.npy", rows.Bytes()), write("turned.csv", turned.Bytes())} {
		c.Epochs, o.Source = i+1, source
		if _, err := train.Run(t.Context(), c, o); err != nil {
			t.Fatalf("%s: %v", source, err)
		}
		kept, err := train.RunConfig(o.Out)
		if err != nil {
			t.Fatal(err)
		}
		b, err := bundle.Open(filepath.Join(o.Out, train.BundleDir))
		if err != nil {
			t.Fatal(err)
		}
		if want := []string{"a", "b"}; !slices.Equal(b.Manifest.Input.Columns, want) || !slices.Equal(kept.Data.Table.Names, want) {
			t.Errorf("resumed with %s: the manifest has the columns %q, the configuration %q, want %q", source, b.Manifest.Input.Columns, kept.Data.Table.Names, want)
		}
	}
}

// Names of columns are kept up to a bound; above it, it is said, and tables with other columns, or in another order, are refused.
func TestLongNames(t *testing.T) {
	t.Parallel()
	for _, long := range []bool{false, true} {
		var names []string
		for i := range 300 {
			names = append(names, fmt.Sprintf("%d %s", i, strings.Repeat("x", 2000)))
			if long {
				names[i] += strings.Repeat("é", 7000)
			}
		}
		table := func(names []string) string {
			path := filepath.Join(t.TempDir(), "x.csv")
			text := strings.Join(names, ",") + strings.Repeat("\n1"+strings.Repeat(",0", len(names)-1), 30)
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			return path
		}
		source, out, said := table(names), filepath.Join(t.TempDir(), "run"), ""
		c := config(t, "epochs=1", "batch=5", "encoder.hidden=3", "decoder.hidden=3", "latent.variables=4", "data.binarize=none", "data.validation=10")
		o := train.Options{Source: source, Out: out, Backend: purego.New(), Samples: 1, Log: func(line string) { said += line }}
		if _, err := train.Run(t.Context(), c, o); err != nil {
			t.Fatal(err)
		}
		b, err := bundle.Open(filepath.Join(out, train.BundleDir))
		if err != nil {
			t.Fatal(err)
		}
		in := b.Manifest.Input
		if kept := slices.Equal(in.Columns, names); kept == long || (in.ColumnsSum != "") != long || strings.Contains(said, "names of the 300 columns") != long {
			t.Errorf("long: %t: %d names, sum %q, said %q", long, len(in.Columns), in.ColumnsSum, said)
		}
		other := slices.Clone(names)
		other[0], other[1] = other[1], other[0]
		for _, like := range [][]string{names, other} {
			r, err := dataset.Open(t.Context(), table(like), dataset.Options{Table: dataset.Table{Like: in.Columns, LikeSum: in.ColumnsSum}})
			if refused := errors.Is(err, dataset.ErrColumns); refused != (long && &like[0] == &other[0]) {
				t.Errorf("long: %t: %v", long, err)
			}
			if err == nil {
				row := make([]float32, len(names))
				if _, err := r.Next(row); err != nil || row[0]+row[1] != 1 || (row[0] == 1) != (&like[0] == &names[0]) {
					t.Errorf("long: %t: %v, %v", long, row[:2], err)
				}
				r.Close()
			}
		}
		o.Resume, c.Epochs = true, 2
		if r, err := train.Run(t.Context(), c, o); err != nil || r.ResumedAt == 0 {
			t.Errorf("resumed: %+v, %v", r, err)
		}
	}
}
