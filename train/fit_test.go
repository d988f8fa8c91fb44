package train_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/train"
	"github.com/catvae/catvae/train/retrieval"
	"github.com/catvae/catvae/train/rivals"
)

// fitted is a configuration of the catalogue whose networks are fitted, for a test.
func fitted(t *testing.T, name string, sets ...string) train.Config {
	t.Helper()
	c, err := train.LoadConfig(name, os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range append([]string{"latent.variables=16", "batch=100", "data.validation=500", "data.standardise=none"}, sets...) {
		if err := c.Set(s); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// A run of fitted networks takes no step, and leaves a run like any other. Its codes find what the rival of the same name finds that is
// fitted to the same rows, with the same seed. It is resumed without a step, and with steps.
func TestFittedRun(t *testing.T) {
	t.Parallel()
	backend, data := ortest.Backend(t), glyphFile(t, 2000)
	for _, name := range []string{"hyperplanes", "itq", "pca"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "run")
			o := train.Options{Source: data, Out: dir, Backend: backend, Samples: 1, Queries: 100}
			r, err := train.Run(t.Context(), fitted(t, name), o)
			if err != nil {
				t.Fatal(err)
			}
			if r.Steps != 0 || r.BestEpoch != 0 || !(r.Test.KL > 0) || math.IsNaN(r.Test.ELBO) || r.Test.Codes.Dead > 0 {
				t.Errorf("result: %+v", r)
			}
			page, err := os.ReadFile(filepath.Join(dir, train.ReportFile))
			if err != nil {
				t.Fatal(err)
			}
			if c := r.Retrieval; c == nil || len(c.Rows) != 6 || c.Rows[0].Name != "model" || !strings.Contains(string(page), c.Protocol) || !strings.Contains(string(page), "<td>phash</td><td>64</td>") {
				t.Errorf("the report does not show what the codes find: %v", c)
			}
			for _, file := range []string{"bundle/encoder.onnx", "bundle/threshold.onnx", "bundle/decoder.onnx", "checkpoints/step-00000000/state.json"} {
				if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(file))); err != nil {
					t.Error(err)
				}
			}
			model, err := runtime.Open(t.Context(), filepath.Join(dir, "bundle"), runtime.WithBackend(backend))
			if err != nil {
				t.Fatal(err)
			}
			defer model.Close()
			whole, err := dataset.Load(t.Context(), data, dataset.Options{Values: model.Manifest().Input.Values()})
			if err != nil {
				t.Fatal(err)
			}
			split, own, err := train.SplitOf(dir, whole)
			if err != nil || !own {
				t.Fatal(own, err)
			}
			c, err := rivals.Compare(t.Context(), model, 16, []*dataset.Set{split.HeldOut}, split.Training, rivals.Options{Queries: 200, Rivals: []string{name}, Metric: retrieval.Cosine, Seed: 1})
			if err != nil || len(c.Rows) < 2 {
				t.Fatal(c, err)
			}
			if m, rival := c.Rows[0], c.Rows[1]; math.Abs(*m.Recall-*rival.Recall) > 1e-3 || !(*m.Recall > 0.1) {
				t.Errorf("recall of the model's codes %.4f, of the rival's %.4f", *m.Recall, *rival.Recall)
			}
			o.Resume = true
			if again, err := train.Run(t.Context(), fitted(t, name), o); err != nil || again.Test.ELBO != r.Test.ELBO {
				t.Errorf("resumed: %v, %+v", err, again)
			}
			longer, err := train.Run(t.Context(), fitted(t, name, "epochs=1"), o)
			if err != nil || longer.Steps != 15 || longer.BestEpoch != 1 || longer.Test.ELBO == r.Test.ELBO {
				t.Errorf("trained further: %v, %+v", err, longer)
			}
		})
	}
}

// A run without steps of networks that need some is an error that says which do not.
func TestUntrained(t *testing.T) {
	t.Parallel()
	c := config(t, "epochs=0")
	err := c.Validate()
	if !errors.Is(err, train.ErrConfig) || !strings.Contains(err.Error(), "hyperplanes, itq, pca") || !strings.Contains(err.Error(), "least_squares") {
		t.Errorf("no epochs of perceptrons: %v", err)
	}
	if err := c.Set("steps=1"); err != nil || c.Validate() != nil {
		t.Errorf("one step: %v, %v", err, c.Validate())
	}
}
