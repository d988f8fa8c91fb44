package train_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/bundle"
	"github.com/catvae/catvae/dist"
	"github.com/catvae/catvae/internal/noise"
	"github.com/catvae/catvae/runtime"
	"github.com/catvae/catvae/runtime/onnxruntime/ortest"
	"github.com/catvae/catvae/train"
)

// layersModel is a model of few codes in two layers, with random weights.
func layersModel(t *testing.T) train.Trained {
	t.Helper()
	m := builder.Model{
		Input: []int{28, 28}, Activation: builder.Tanh, Encoder: builder.MLP{Hidden: []int{8}}, Decoder: builder.MLP{Hidden: []int{8}},
		Latent: builder.Latent{Kind: dist.Hierarchical, Groups: builder.Groups{{Kind: dist.Categorical, Variables: 1, Categories: 3}, {Kind: dist.Bernoulli, Variables: 3}}, Hidden: []int{5}, Prior: builder.PriorLearned},
	}
	return train.Trained{Name: "layers", Config: config(t), Model: m, Params: randomParams(t, m)}
}

// Codes of the prior follow p(z2) p(z1|z2): a z-test of each code on 20,000 samples.
func TestSamplesOfLayers(t *testing.T) {
	t.Parallel()
	model, err := layersModel(t).InMemory(t.Context(), ortest.Backend(t))
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	const n = 20_000
	samples, err := model.SampleCodes(t.Context(), n, 3)
	if err != nil {
		t.Fatal(err)
	}
	l := model.Manifest().Latent.Dist()
	bits := l.Bits()
	count := map[string]float64{}
	for i := range n {
		count[fmt.Sprint(samples[i*bits:][:bits])]++
	}
	codes, err := l.Codes(100)
	if err != nil {
		t.Fatal(err)
	}
	_, prior, err := model.Layers(t.Context(), codes)
	if err != nil {
		t.Fatal(err)
	}
	sum, width := 0.0, l.Lowest().Logits()
	for z := range len(codes) / bits {
		code := codes[z*bits:][:bits]
		logP, _ := l.Given(make([]float32, l.Logits()), prior[z*width:][:width]).Logs(code)
		p, got := math.Exp(logP), count[fmt.Sprint(code)]
		sum += p
		if z := (got - n*p) / math.Sqrt(n*p*(1-p)); math.Abs(z) > 4.5 {
			t.Errorf("the code %v is drawn %g times of %d, want %g: z = %.1f", code, got, n, n*p, z)
		}
	}
	if math.Abs(sum-1) > 1e-5 {
		t.Errorf("p(z) sums to %g", sum)
	}
	if _, err := model.SampleCodes(t.Context(), -1, 1); !errors.Is(err, runtime.ErrInput) {
		t.Errorf("less than no samples: %v", err)
	}
	if again, err := model.SampleCodes(t.Context(), 10, 3); err != nil || fmt.Sprint(again) != fmt.Sprint(samples[:10*bits]) {
		t.Errorf("equal seeds give other codes: %v", err)
	}
}

// A bundle of layers has the graph of them, which is checked as the others are; a model without layers has none to ask.
func TestGraphOfLayers(t *testing.T) {
	t.Parallel()
	backend, dir := ortest.Backend(t), t.TempDir()+"/bundle"
	if _, err := layersModel(t).WriteBundle(t.Context(), dir, train.BundleOptions{Backend: backend}); err != nil {
		t.Fatal(err)
	}
	b, err := bundle.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(b.Manifest.Latent.Prior.Logits); n != 3 {
		t.Errorf("the prior has %d logits, want those of the second layer", n)
	}
	graphs := map[string][]byte{}
	for _, name := range b.Manifest.Graphs() {
		if graphs[name], err = b.Graph(name); err != nil {
			t.Fatal(err)
		}
	}
	without := *b.Manifest
	without.Files = maps.Clone(without.Files)
	delete(without.Files, bundle.LayersFile)
	if err := without.Validate(); !errors.Is(err, bundle.ErrFormat) || !strings.Contains(err.Error(), "files lacks layers.onnx") {
		t.Errorf("without the graph: %v", err)
	}
	graphs[bundle.LayersFile] = graphs[bundle.DecoderFile]
	if _, err := runtime.New(t.Context(), b.Manifest, graphs, runtime.WithBackend(backend)); !errors.Is(err, bundle.ErrFormat) || !strings.Contains(err.Error(), "layers.onnx has the outputs") {
		t.Errorf("with another graph in its place: %v", err)
	}
	m := twoModels(builder.Tanh)["bernoulli"]
	flat, err := train.Trained{Name: "flat", Config: config(t), Model: m, Params: randomParams(t, m)}.InMemory(t.Context(), backend)
	if err != nil {
		t.Fatal(err)
	}
	defer flat.Close()
	if _, _, err := flat.Layers(t.Context(), make([]float32, m.Bits())); !errors.Is(err, runtime.ErrInput) || !strings.Contains(err.Error(), "latent.kind is bernoulli") {
		t.Errorf("layers of a model without: %v", err)
	}
}

// A run of layers with all that they may have ends with a bundle whose bounds are numbers, and its encoder gives the layers of its codes.
func TestRunOfLayers(t *testing.T) {
	t.Parallel()
	backend, dir := ortest.Backend(t), t.TempDir()+"/run"
	c := config(t, "latent.kind=hierarchical", "latent.groups=categorical:6x4,bernoulli:10", "latent.hidden=12", "latent.norm=batch", "latent.signs=true", "latent.prior=learned",
		"objective.estimator=rloo", "epochs=1", "batch=50", "data.validation=200", "encoder.hidden=24", "decoder.hidden=24")
	r, err := train.Run(t.Context(), c, train.Options{Source: glyphFile(t, 1200), Out: dir, Backend: backend, Samples: 5})
	if err != nil {
		t.Fatal(err)
	}
	e := r.Test
	if !(e.ELBO < 0 && e.IWAE >= e.ELBO && e.KL > 0) || math.IsInf(e.ELBO, 0) || r.Steps != 20 {
		t.Errorf("after %d steps the bounds are %+v", r.Steps, e)
	}
	model, err := runtime.Open(t.Context(), dir+"/"+train.BundleDir, runtime.WithBackend(backend))
	if err != nil {
		t.Fatal(err)
	}
	defer model.Close()
	rows := make([]float32, 20*784)
	noise.Stream{Seed: 7}.Uniform(rows, 0, 0)
	logits, err1 := model.Logits(t.Context(), nil, rows)
	codes, err2 := model.Codes(t.Context(), nil, rows)
	above, _, err3 := model.Layers(t.Context(), codes)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	for i, x := range above {
		if want := logits[i/10*34+24+i%10]; math.Abs(float64(x-want)) > 1e-4*max(1, math.Abs(float64(want))) {
			t.Fatalf("logit %d of the second layer is %g, the encoder's %g", i, x, want)
		}
	}
}
