package builder_test

import (
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/bundle"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
	"pgregory.net/rapid"
)

// Mistakes in a model are errors of one line that name the part, never panics, and the first one is kept.
func TestErrors(t *testing.T) {
	for name, c := range map[string]struct {
		build func(b *builder.Graph)
		want  string
	}{
		"two inputs of one name":  {func(b *builder.Graph) { b.Input("x", 2); b.Input("x", 2) }, `"x" is taken`},
		"a parameter twice":       {func(b *builder.Graph) { b.Parameter("w", builder.Zeros, 2); b.Parameter("w", builder.Zeros, 2) }, `"w" is taken`},
		"a nameless input":        {func(b *builder.Graph) { b.Input("", 2) }, "no name"},
		"a size of zero":          {func(b *builder.Graph) { b.Input("x", 2, 0) }, "positive"},
		"a negative size":         {func(b *builder.Graph) { b.Parameter("w", builder.Zeros, -1) }, "positive"},
		"a constant of two sizes": {func(b *builder.Graph) { b.Constant("c", []float64{1, 2}, 3) }, "wants 3"},
		"shapes that differ":      {func(b *builder.Graph) { b.Add(b.Input("x", 2), b.Input("y", 3)) }, "+ false"},
		"a product of two shapes": {func(b *builder.Graph) { b.MatMul(b.Input("x", 2, 3), b.Input("y", 4, 5)) }, "A × B"},
		"a reshape":               {func(b *builder.Graph) { b.Reshape(b.Input("x", 2, 3), 7) }, "reshape"},
		"a sum over no axis":      {func(b *builder.Graph) { b.Sum(b.Input("x", 2, 3), 2) }, "axes"},
		"an expansion":            {func(b *builder.Graph) { b.ExpandLike(b.Input("x", 2), b.Input("y", 2, 3), 0) }, "expand"},
		"an activation":           {func(b *builder.Graph) { b.Activate("swish", b.Input("x", 2)) }, `"swish"`},
		"nil":                     {func(b *builder.Graph) { b.Exp(nil) }, "nil"},
		"nil deep inside": {func(b *builder.Graph) {
			b.In("encoder", func() *G.Node { return b.MLP(nil, []int{3}, builder.ReLU, 2) })
		}, "encoder/1"},
		"weights of another model": {func(b *builder.Graph) { b.Parameter("old", builder.Zeros, 5) }, "another model"},
		"thresholds": {func(b *builder.Graph) {
			builder.Model{Latent: builder.Latent{Kind: "bernoulli", Variables: 3}}.Harden(b, b.Input("l", 1, 3), []float32{1})
		}, "thresholds"},
		"two-dimensional categories": {func(b *builder.Graph) { b.KLCategorical(b.Input("l", 2, 3), nil) }, "variables, categories"},
	} {
		p := params64(t)
		if err := p.Set("old", []int{3}, make([]float64, 3)); err != nil {
			t.Fatal(err)
		}
		b := builder.New(p)
		c.build(b)
		err := b.Err()
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "%!") {
			t.Errorf("%s: the error is %v, want one line with %q", name, err, c.want)
		}
		if b.Exp(b.Input("later", 2)) != nil || b.Err() != err {
			t.Errorf("%s: the graph goes on after its first error", name)
		}
	}
	if _, err := builder.NewParams(tensor.Int, 1); err == nil {
		t.Error("parameters of whole numbers are taken")
	}
}

// Whatever numbers stand in an architecture, it is refused or it builds; nothing panics.
func TestModelsFromAnyNumbers(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		size := rapid.IntRange(-2, 5)
		m := builder.Model{
			Input:      rapid.SliceOfN(size, 0, 3).Draw(rt, "input"),
			Latent:     builder.Latent{Kind: rapid.SampledFrom([]bundle.Kind{"bernoulli", "categorical", "gaussian", ""}).Draw(rt, "kind"), Variables: size.Draw(rt, "variables"), Categories: size.Draw(rt, "categories"), Prior: rapid.SampledFrom([]string{"uniform", "learned", ""}).Draw(rt, "prior")},
			Encoder:    builder.MLP{Hidden: rapid.SliceOfN(size, 0, 2).Draw(rt, "encoder")},
			Decoder:    builder.MLP{Hidden: rapid.SliceOfN(size, 0, 2).Draw(rt, "decoder")},
			Activation: rapid.SampledFrom([]builder.Activation{"relu", "tanh", "leaky_relu", "none"}).Draw(rt, "activation"),
		}
		b := builder.New(params64(t))
		_, err := m.Train(b, 3)
		if valid := m.Validate(); (valid == nil) != (err == nil) {
			rt.Errorf("Validate says %v, building says %v", valid, err)
		}
	})
}

// Initial values follow from the seed and the order, and have the deviation that their rule names.
func TestInitialValues(t *testing.T) {
	build := func(dtype tensor.Dtype, seed uint64) []float64 {
		p, err := builder.NewParams(dtype, seed)
		if err != nil {
			t.Fatal(err)
		}
		b := builder.New(p)
		b.Linear("a", b.Input("x", 1, 400), 300, builder.HeNormal)
		if b.Err() != nil {
			t.Fatal(b.Err())
		}
		return builder.Floats(p.Value("a/weight"))
	}
	w := build(tensor.Float64, 1)
	variance := 0.0
	for _, x := range w {
		variance += x * x / float64(len(w))
	}
	if want := 2.0 / 400; variance < 0.97*want || variance > 1.03*want {
		t.Errorf("He: variance %g, want %g", variance, want)
	}
	narrow, other := build(tensor.Float32, 1), build(tensor.Float64, 2)
	if narrow[7] != float64(float32(w[7])) || other[7] == w[7] {
		t.Errorf("seed 1 gives %g and %g in float32, seed 2 gives %g", w[7], narrow[7], other[7])
	}
}
