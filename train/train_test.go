package train_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dataset"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/noise"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/train"
	"github.com/catvae/catvae/train/evaluate"
	"gorgonia.org/tensor"
)

func config(t testing.TB, sets ...string) train.Config {
	t.Helper()
	c, err := train.LoadConfig("quickstart", os.ReadFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range append([]string{"encoder.hidden=16", "decoder.hidden=16", "latent.variables=8", "epochs=2", "batch=100", "data.validation=500"}, sets...) {
		if err := c.Set(s); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// A run leaves every file, its bound improves, and two runs of one seed are equal byte for byte.
func TestRun(t *testing.T) {
	t.Parallel()
	backend, data := ortest.Backend(t), glyphFile(t, 2500)
	var bundles [2][]byte
	for i := range bundles {
		dir := filepath.Join(t.TempDir(), []string{"run", "another"}[i]) // the name is not hashed
		r, err := train.Run(context.Background(), config(t), train.Options{Source: data, Out: dir, Backend: backend, Samples: 3})
		if err != nil {
			t.Fatal(err)
		}
		var elbos []float64
		f, err := os.Open(filepath.Join(dir, train.MetricsFile))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for lines := bufio.NewScanner(f); lines.Scan(); {
			var rec train.Record
			if err := json.Unmarshal(lines.Bytes(), &rec); err != nil {
				t.Fatal(err)
			}
			if rec.Kind == "validation" {
				elbos = append(elbos, rec.Evaluation.ELBO)
			}
		}
		if len(elbos) != 2 || elbos[1] <= elbos[0] || r.BestEpoch != 2 || r.Steps != 40 {
			t.Errorf("validation ELBOs %v, best epoch %d, %d steps", elbos, r.BestEpoch, r.Steps)
		}
		if !(r.Test.IWAE > r.Test.ELBO) || r.Test.KL < 0 || r.Test.KL > 8*math.Ln2 {
			t.Errorf("test: %+v", r.Test)
		}
		for _, name := range []string{train.ConfigFile, "checkpoints/step-00000040/state.safetensors", "checkpoints/step-00000020/state.json", train.ReportFile, "bundle/manifest.json", "bundle/verification.json"} {
			if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
				t.Error(err)
			}
		}
		b, err := bundle.Open(filepath.Join(dir, train.BundleDir))
		if err != nil {
			t.Fatal(err)
		}
		bundles[i] = []byte(b.Hash())

		// The run can be opened again, and exports the same bundle.
		trained, err := train.OpenRun(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		copyDir := filepath.Join(t.TempDir(), "run")
		if _, err := trained.WriteBundle(context.Background(), copyDir, train.BundleOptions{Backend: backend}); err != nil {
			t.Fatal(err)
		}
		again, err := bundle.Open(copyDir)
		if err != nil {
			t.Fatal(err)
		}
		if again.Hash() != b.Hash() {
			t.Error("exporting the run again gives another bundle")
		}
	}
	if !slices.Equal(bundles[0], bundles[1]) {
		t.Error("two runs of one seed differ")
	}
}

// A stopped run is exported like a finished one.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	data := glyphFile(t, 2500)
	dir := filepath.Join(t.TempDir(), "run")
	r, err := train.Run(ctx, config(t), train.Options{Source: data, Out: dir, Backend: ortest.Backend(t), Samples: 1, Progress: func(p train.Progress) {
		if p.Phase == "training" && p.Done == 7 {
			cancel()
		}
	}})
	if err != nil || !r.Interrupted || r.Steps != 7 {
		t.Fatalf("%+v, %v", r, err)
	}
	b, err := bundle.Open(filepath.Join(dir, train.BundleDir))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Verify(); err != nil {
		t.Error(err)
	}
}

// A run that fails before it has weights leaves nothing; a batch that does not fit is a configuration error.
func TestFailedRuns(t *testing.T) {
	t.Parallel()
	backend, data := ortest.Backend(t), glyphFile(t, 2500)
	dir := filepath.Join(t.TempDir(), "run")
	if _, err := train.Run(context.Background(), config(t, "batch=5000"), train.Options{Source: data, Out: dir, Backend: backend}); !errors.Is(err, train.ErrConfig) {
		t.Errorf("a batch that does not fit: %v", err)
	}
	_, err := train.Run(context.Background(), config(t, "optimizer.learning_rate=1000", "batch=50", "encoder.hidden=16,16,16,16,16,16,16,16,16,16,16,16"), train.Options{Source: data, Out: dir, Backend: backend})
	if err == nil || !strings.Contains(err.Error(), "learning_rate") {
		t.Errorf("a run that diverges: %v", err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a run that failed in its first epoch left a folder")
	}
}

// The estimates on hard samples agree with enumeration: the mean over many seeds of the 1-sample ELBO is the exact ELBO
// (z-test), and the IWAE bound lies between it and ln p(x), close to the latter for many samples.
func TestEvaluateAgainstEnumeration(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]builder.Model{
		"bernoulli":            {Latent: builder.Latent{Kind: dist.Bernoulli, Variables: 6, Prior: "uniform"}},
		"bernoulli, learned":   {Latent: builder.Latent{Kind: dist.Bernoulli, Variables: 6, Prior: "learned"}},
		"categorical, learned": {Latent: builder.Latent{Kind: dist.Categorical, Variables: 3, Categories: 4, Prior: "learned"}},
		"mixed, learned":       {Latent: builder.Latent{Kind: dist.Mixed, Groups: builder.Groups{{Kind: dist.Bernoulli, Variables: 3}, {Kind: dist.Categorical, Variables: 2, Categories: 3}}, Prior: "learned"}},
		"two layers":           {Latent: builder.Latent{Kind: dist.Hierarchical, Groups: builder.Groups{{Kind: dist.Bernoulli, Variables: 4}, {Kind: dist.Bernoulli, Variables: 3}}, Prior: "uniform"}},
		"predicted":            {Latent: builder.Latent{Kind: dist.Categorical, Variables: 3, Categories: 4, Prior: "conditional"}, Cut: dist.Cut{Lines: 14}},
		"predicted, layers":    {Latent: builder.Latent{Kind: dist.Hierarchical, Groups: builder.Groups{{Kind: dist.Bernoulli, Variables: 4}, {Kind: dist.Categorical, Variables: 1, Categories: 4}}, Prior: "conditional"}, Cut: dist.Cut{Lines: 10}},
		"two layers, learned":  {Latent: builder.Latent{Kind: dist.Hierarchical, Groups: builder.Groups{{Kind: dist.Categorical, Variables: 2, Categories: 3}, {Kind: dist.Categorical, Variables: 1, Categories: 4}}, Hidden: []int{5}, Prior: "learned"}},
	} {
		t.Run(name, func(t *testing.T) {
			m.Input, m.Activation = []int{28, 28}, builder.Tanh
			m.Encoder, m.Decoder = builder.MLP{Hidden: []int{8}}, builder.MLP{Hidden: []int{8}}
			params := randomParams(t, m)
			trained := train.Trained{Name: "tiny", Config: config(t), Model: m, Params: params}
			model, err := trained.InMemory(t.Context(), ortest.Backend(t))
			if err != nil {
				t.Fatal(err)
			}
			defer model.Close()
			set, err := dataset.Load(t.Context(), "glyphs", dataset.Options{Rows: 20})
			if err != nil {
				t.Fatal(err)
			}
			ctx := context.Background()
			elbo, logP, err := evaluate.Exact(ctx, model, distributions(t, model), set, dataset.Binarizer{Rule: dataset.Threshold, Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			var estimates []float64
			for seed := range uint64(200) {
				e, err := evaluate.Estimate(ctx, model, distributions(t, model), set, evaluate.Options{Binarize: dataset.Threshold, Seed: seed, Samples: 1})
				if err != nil {
					t.Fatal(err)
				}
				estimates = append(estimates, e.ELBO)
			}
			mean, deviation := meanDeviation(estimates)
			if z := (mean - elbo) / (deviation / math.Sqrt(float64(len(estimates)))); math.Abs(z) > 4 {
				t.Errorf("mean ELBO %g over %d seeds, exact %g: z = %.1f", mean, len(estimates), elbo, z)
			}
			e, err := evaluate.Estimate(ctx, model, distributions(t, model), set, evaluate.Options{Binarize: dataset.Threshold, Seed: 1, Samples: 3000})
			if err != nil {
				t.Fatal(err)
			}
			if !(e.IWAE > elbo-1e-3) || math.Abs(e.IWAE-logP) > 0.02*math.Abs(logP-elbo)+0.05 || logP < elbo {
				t.Errorf("IWAE-3000 %g, exact ln p(x) %g, exact ELBO %g", e.IWAE, logP, elbo)
			}
		})
	}
}

// randomParams fills a model's weights with numbers of order one.
func randomParams(t *testing.T, m builder.Model) *builder.Params {
	t.Helper()
	params, err := builder.NewParams(tensor.Float32, 3)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Train(builder.New(params), 1); err != nil {
		t.Fatal(err)
	}
	for i, name := range params.Names() {
		v := params.Value(name)
		x := make([]float64, v.Size())
		noise.Stream{Seed: 8}.Normal(x, 0, uint32(i))
		for j := range x {
			x[j] *= 0.4
		}
		if err := params.Set(name, v.Shape(), x); err != nil {
			t.Fatal(err)
		}
	}
	return params
}

func meanDeviation(x []float64) (mean, deviation float64) {
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		deviation += (v - mean) * (v - mean) / float64(len(x)-1)
	}
	return mean, math.Sqrt(deviation)
}

func TestSchedules(t *testing.T) {
	tau := train.Temperature{Start: 1, Floor: 0.5, Rate: 0.01}
	if tau.At(0) != 1 || math.Abs(tau.At(10)-math.Exp(-0.1)) > 1e-15 || tau.At(1000) != 0.5 {
		t.Errorf("tau: %g %g %g", tau.At(0), tau.At(10), tau.At(1000))
	}
	tau.Schedule, tau.Steps = train.LinearTemperature, 200
	if tau.At(0) != 1 || tau.At(100) != 0.75 || tau.At(200) != 0.5 || tau.At(1000) != 0.5 {
		t.Errorf("linear tau: %g %g %g %g", tau.At(0), tau.At(100), tau.At(200), tau.At(1000))
	}
	tau.Schedule = train.ConstantTemperature
	if tau.At(0) != 1 || tau.At(1000) != 1 {
		t.Errorf("constant tau: %g %g", tau.At(0), tau.At(1000))
	}
	kl := train.ObjectiveConfig{KLWeight: 2, KLWarmup: 100}
	if kl.At(0) != 0 || kl.At(50) != 1 || kl.At(100) != 2 || kl.At(10_000) != 2 || (train.ObjectiveConfig{KLWeight: 1}).At(0) != 1 {
		t.Error("KL weight")
	}
}

func TestConfigFiles(t *testing.T) {
	read := func(text string) func(string) ([]byte, error) {
		return func(string) ([]byte, error) { return []byte(text), nil }
	}
	c, err := train.LoadConfig("x.json", read(`{"latent": {"kind": "categorical", "variables": 20, "categories": 10}, "encoder": {"hidden": [300, 200]}}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil || c.Latent.Prior != "uniform" || !reflect.DeepEqual(c.Encoder.Network, builder.MLP{Hidden: []int{300, 200}}) || c.Batch != 128 {
		t.Errorf("%+v, %v", c, err)
	}
	for _, text := range []string{`{"unknown": 1}`, `{"latent": {"kind": 3}}`, `{`, `{} {}`, `[]`, `{"batch": "many"}`} {
		if _, err := train.LoadConfig("x.json", read(text)); !errors.Is(err, train.ErrConfig) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: the error is %v, want one line of ErrConfig", text, err)
		}
	}
	for _, key := range train.Keys() {
		if err := c.Set(key); err == nil {
			t.Errorf("%s without a value is taken", key)
		}
	}
}

// distributions are those of an open model.
func distributions(t *testing.T, m *runtime.Model) evaluate.Distributions {
	t.Helper()
	d, err := evaluate.DistributionsOf(m.Manifest())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// cancelling is a backend that ends the run's context when it is to load a graph.
type cancelling struct {
	backend.Backend
	cancel func()
}

func (c cancelling) Load(ctx context.Context, model backend.Checked, label string) (backend.Graph, error) {
	c.cancel()
	return c.Backend.Load(ctx, model, label)
}

// A run whose context is done before its first step ends at once and leaves nothing: before it loads, while it compiles, and
// where it would have gone on with a run that exists.
func TestDoneBeforeTheFirstStep(t *testing.T) {
	t.Parallel()
	onnx, data, dir := ortest.Backend(t), glyphFile(t, 2500), filepath.Join(t.TempDir(), "run")
	for name, c := range map[string]struct {
		engine train.Engine
		run    func(ctx context.Context, cancel func()) backend.Backend
	}{
		"done from the start": {train.Compiled, func(_ context.Context, cancel func()) backend.Backend { cancel(); return onnx }},
		"the tape":            {train.Tape, func(_ context.Context, cancel func()) backend.Backend { cancel(); return onnx }},
		"while it compiles":   {train.Compiled, func(_ context.Context, cancel func()) backend.Backend { return cancelling{onnx, cancel} }},
	} {
		ctx, cancel := context.WithCancel(context.Background())
		r, err := train.Run(ctx, config(t), train.Options{Source: data, Out: dir, Backend: c.run(ctx, cancel), Engine: c.engine, Samples: 1})
		if !errors.Is(err, context.Canceled) || r.Steps != 0 {
			t.Errorf("%s: %d steps, %v", name, r.Steps, err)
		}
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: a folder is left", name)
		}
		cancel()
	}

	if _, err := train.Run(context.Background(), config(t, "epochs=1"), train.Options{Source: data, Out: dir, Backend: onnx, Samples: 1}); err != nil {
		t.Fatal(err)
	}
	before := files(t, dir)
	replaced, stop := context.WithCancel(context.Background())
	defer stop()
	if _, err := train.Run(replaced, config(t), train.Options{Source: data, Out: dir, Backend: cancelling{onnx, stop}, Force: true, Samples: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("a run that would replace another gives %v", err)
	}
	if after := files(t, dir); !maps.Equal(before, after) {
		t.Error("the run that would have been replaced is not as it was")
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	_, err := train.Run(ctx, config(t, "epochs=2"), train.Options{Source: data, Out: dir, Backend: cancelling{onnx, cancel}, Resume: true, Samples: 1})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a resumed run gives %v", err)
	}
	for name, data := range files(t, dir) {
		if name != train.ConfigFile && name != train.MetricsFile && before[name] != data { // which know that two epochs are wanted
			t.Errorf("%s was changed by a run without a step", name)
		}
	}
}

// files are the contents of a folder, by their names.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			var data []byte
			if data, err = os.ReadFile(filepath.Join(dir, path)); err == nil {
				all[path] = string(data)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A network of one's own is a configuration's network, whatever type it has: nothing but its own Check is asked.
func TestForeignNetworks(t *testing.T) {
	type own struct {
		builder.MLP
		secret int
	}
	for _, n := range []builder.Network{&builder.MLP{Hidden: []int{4}}, own{builder.MLP{Hidden: []int{4}}, 1}} {
		c := config(t)
		c.Encoder.Network = n
		if err := c.Validate(); err != nil {
			t.Errorf("%T: %v", n, err)
		}
	}
	var empty train.Config
	if err := empty.Set("encoder.hidden=3"); err != nil || empty.Validate() == nil {
		t.Errorf("an empty configuration: %v, %v", err, empty.Validate())
	}
}
