package infer_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/cmd/internal/infer"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/train"
	"gorgonia.org/tensor"
)

// A model that was trained on columns with names takes them by these, in whatever order a later table has them.
func TestColumnsByName(t *testing.T) {
	t.Parallel()
	params, err := builder.NewParams(tensor.Float32, 1)
	if err != nil {
		t.Fatal(err)
	}
	trained := train.Trained{Name: "test", Params: params, Model: builder.Model{
		Input: []int{3}, Latent: builder.Latent{Kind: "bernoulli", Variables: 8, Prior: "uniform"},
		Encoder: builder.MLP{Hidden: []int{4}}, Decoder: builder.MLP{Hidden: []int{4}}, Activation: builder.Tanh,
	}}
	trained.Config.Data.Table.Names = []string{"a", "b", "c"}
	model := filepath.Join(t.TempDir(), "bundle")
	if _, err := trained.WriteBundle(t.Context(), model, train.BundleOptions{Backend: ortest.Backend(t)}); err != nil {
		t.Fatal(err)
	}
	logits := func(text string, table dataset.Table) (string, error) {
		dir := t.TempDir()
		in, out := filepath.Join(dir, "x.csv"), filepath.Join(dir, "out.npy")
		if err := os.WriteFile(in, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := run(t, infer.Job{Model: model, In: in, Out: out, Codes: "logits", Table: table}); err != nil {
			return "", err
		}
		data, err := os.ReadFile(out)
		return string(data), err
	}
	want, err := logits("a,b,c\n1,0,0.25\n0.5,1,0\n", dataset.Table{})
	if err != nil {
		t.Fatal(err)
	}
	for text, table := range map[string]dataset.Table{
		"c,b,a\n0.25,0,1\n0,1,0.5\n":                              {},
		"1,0,0.25\n0.5,1,0\n":                                     {},
		"c;more;b;a\n0,25;x;0;1\n0;y;1;0,5\n":                     {},
		"label\tb\tid\tc\ta\nx\t0\t1\t0.25\t1\nx\t1\t2\t0\t0.5\n": {},
		"z,y,x\n0.25,0,1\n0,1,0.5\n":                              {Columns: []string{"x", "y", "z"}},
	} {
		if got, err := logits(text, table); err != nil || got != want {
			t.Errorf("%q: other logits, %v", text, err)
		}
	}
	if _, err := logits("a,b,d\n1,0,0\n", dataset.Table{}); !errors.Is(err, dataset.ErrColumns) || !strings.Contains(err.Error(), `no column "c"`) {
		t.Error(err)
	}
}

// Parts of a table that was read in another way are not continued.
func TestPartsOfTables(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := filepath.Join(dir, "x.csv")
	if err := os.WriteFile(in, []byte("a,b,c,d,e,f,g\n1,0,0,0,1,1,0\n0,1,0,1,0,0,1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	job := infer.Job{Model: writeModel(t, "bernoulli", 5, 0), In: in, Out: dir + "/codes/", Format: "npy", Table: dataset.Table{Columns: []string{"a", "b", "c", "d", "e", "f"}}}
	must(t, job)
	if s := must(t, job); s.Skipped != 1 {
		t.Errorf("%+v", s)
	}
	job.Table.Columns = []string{"b", "a", "c", "d", "e", "f"}
	if _, err := run(t, job); !errors.Is(err, infer.ErrJob) || !strings.Contains(err.Error(), "table") {
		t.Error(err)
	}
}
