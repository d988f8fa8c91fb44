package train_test

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/builder/importer"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/internal/datatest"
	"github.com/catvae/catvae/models"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/runtime/purego"
	"github.com/catvae/catvae/train"
	"github.com/catvae/catvae/train/evaluate"
)

// torch is where PyTorch's models are: see torch_vae.py there.
const torch = "../builder/importer/testdata/"

func torchFloats(t *testing.T, name string) []float32 {
	t.Helper()
	return datatest.Floats(t, torch+name)
}

// importTorch imports one of PyTorch's models, with settings for ten steps of fine-tuning.
func importTorch(t *testing.T, backend backend.Backend, model, exporter string) (run string, c train.Config) {
	t.Helper()
	c, err := train.LoadConfig(models.DefaultName, os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	if model == "categorical" { // relaxed samples near the hard ones, of which the bounds are
		c.Temperature.Start, c.Temperature.Floor = 0.3, 0.3
	}
	for _, set := range []string{"data.binarize=none", "data.validation=112", "batch=40", "epochs=1", "objective.kl_warmup=0", "optimizer.learning_rate=1e-3"} {
		if err := c.Set(set); err != nil {
			t.Fatal(err)
		}
	}
	c.Encoder.Import(builder.ONNX{Graph: torch + model + "-" + exporter + "-encoder.onnx"})
	c.Decoder.Import(builder.ONNX{Graph: torch + model + "-" + exporter + "-decoder.onnx"})
	run = filepath.Join(t.TempDir(), "imported")
	made, err := train.Import(t.Context(), train.ImportOptions{Config: c, Out: run, Backend: backend})
	if err != nil {
		t.Fatal(err)
	}
	if made.Parameters < 5000 || made.Model.Bits() != map[string]int{"bernoulli": 24, "mixed": 24, "categorical": 48}[model] {
		t.Errorf("%d parameters, %d bits", made.Parameters, made.Model.Bits())
	}
	c, err = train.LoadConfig(filepath.Join(run, train.ConfigFile), os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	return run, c
}

// A model that PyTorch trained becomes a bundle whose graphs give PyTorch's numbers, on onnxruntime and in pure Go; ten steps
// of either engine from there raise both bounds on the rows, and the result is a bundle again.
func TestImportFineTune(t *testing.T) {
	t.Parallel()
	onnx := ortest.Backend(t)
	rows, err := dataset.Load(t.Context(), torch+"rows.npy", dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		model, exporter string
		engine          train.Engine
	}{
		{"bernoulli", "script", train.Compiled}, {"bernoulli", "dynamo", train.Tape},
		{"mixed", "script", train.Tape}, {"mixed", "dynamo", train.Compiled},
		{"categorical", "script", train.Compiled}, {"categorical", "dynamo", train.Tape},
	} {
		t.Run(c.model+" by "+c.exporter, func(t *testing.T) {
			run, config := importTorch(t, onnx, c.model, c.exporter)
			for _, b := range []backend.Backend{onnx, purego.New()} {
				agreesWithTorch(t, b, filepath.Join(run, train.BundleDir), c.model)
			}
			before := bounds(t, onnx, run, rows)
			tuned := filepath.Join(t.TempDir(), "tuned")
			config.Data.Holdout = train.HoldoutLast // the bounds of these rows rise in ten steps
			result, err := train.Run(t.Context(), config, train.Options{Source: torch + "rows.npy", Out: tuned, Backend: onnx, Engine: c.engine, Samples: 1})
			if err != nil {
				t.Fatal(err)
			}
			after := bounds(t, onnx, tuned, rows)
			t.Logf("-ELBO %.3f to %.3f, -IWAE-20 %.3f to %.3f nats, %d steps of %s", -before.ELBO, -after.ELBO, -before.IWAE, -after.IWAE, result.Steps, result.Engine)
			if result.Steps != 10 || !(after.ELBO > before.ELBO) || !(after.IWAE > before.IWAE) {
				t.Errorf("%d steps: ELBO %g to %g, IWAE %g to %g: both bounds are to rise", result.Steps, before.ELBO, after.ELBO, before.IWAE, after.IWAE)
			}
			m, err := runtime.Open(t.Context(), filepath.Join(tuned, train.BundleDir), runtime.WithBackend(onnx))
			if err != nil {
				t.Fatal(err)
			}
			if err := m.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// bounds measures a run's weights on all rows.
func bounds(t *testing.T, backend backend.Backend, run string, rows *dataset.Set) evaluate.Evaluation {
	t.Helper()
	trained, err := train.OpenRun(run, nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := trained.InMemory(t.Context(), backend)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	e, err := evaluate.Estimate(context.Background(), m, distributions(t, m), rows, evaluate.Options{Binarize: "none", Seed: 3, Samples: 20})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// agreesWithTorch compares a bundle's logits and reconstructions with PyTorch's.
func agreesWithTorch(t *testing.T, backend backend.Backend, dir, model string) {
	t.Helper()
	m, err := runtime.Open(t.Context(), dir, runtime.WithBackend(backend))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	logits, err := m.Logits(t.Context(), nil, torchFloats(t, model+"-x.npy"))
	if err != nil {
		t.Fatal(err)
	}
	decode := m.Decode
	if model == "mixed" { // whose decoder ends without a sigmoid
		decode = m.DecodeLogits
	}
	reconstruction, err := decode(t.Context(), nil, torchFloats(t, model+"-code.npy"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what      string
		got, want []float32
	}{{"logits", logits, torchFloats(t, model+"-logits.npy")}, {"reconstruction", reconstruction, torchFloats(t, model+"-reconstruction.npy")}} {
		worst := 0.0
		for i, x := range c.want {
			worst = max(worst, math.Abs(float64(x-c.got[i])))
		}
		if len(c.got) != len(c.want) || !(worst <= 1e-5) {
			t.Errorf("%s on %s: %d numbers up to %g apart from PyTorch's %d", c.what, backend.Name(), len(c.got), worst, len(c.want))
		}
	}
}

// What cannot be a model is refused before anything is written.
func TestImportRefused(t *testing.T) {
	base, err := train.LoadConfig(models.DefaultName, os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		encoder, decoder string
		categories       int
		want             error
	}{
		"the decoder of another model": {"bernoulli-script-encoder.onnx", "categorical-script-decoder.onnx", 0, train.ErrConfig},
		"a decoder as encoder":         {"bernoulli-script-decoder.onnx", "bernoulli-script-decoder.onnx", 0, importer.ErrGraph},
		"categories that do not fit":   {"bernoulli-script-encoder.onnx", "bernoulli-script-decoder.onnx", 7, train.ErrConfig},
		"no file":                      {"bernoulli-script-encoder.onnx", "nothing.onnx", 0, os.ErrNotExist},
		"no decoder":                   {"bernoulli-script-encoder.onnx", "", 0, train.ErrConfig},
	} {
		c2 := base
		c2.Encoder.Import(builder.ONNX{Graph: torch + c.encoder})
		if c.decoder != "" {
			c2.Decoder.Import(builder.ONNX{Graph: torch + c.decoder})
		}
		out := filepath.Join(t.TempDir(), "out")
		_, err := train.Import(t.Context(), train.ImportOptions{Config: c2, Categories: c.categories, Out: out})
		if !errors.Is(err, c.want) {
			t.Errorf("%s: the error is %v, want %v", name, err, c.want)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s: a run was written", name)
		}
	}
	if _, err := importer.Encoder([]byte("no model"), importer.Options{}); err == nil {
		t.Error("words are an encoder")
	}
}
