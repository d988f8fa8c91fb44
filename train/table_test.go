package train_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/bundle"
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
