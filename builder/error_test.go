package builder_test

import (
	"math"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
	"pgregory.net/rapid"
)

// Mistakes in a model are errors of one line that name the part, never panics, and the first one is kept.
func TestErrors(t *testing.T) {
	otherParams, small := params64(t), models()["bernoulli/uniform"]
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
		"a scalar parameter":       {func(b *builder.Graph) { b.Parameter("w", builder.HeNormal) }, "at least one dimension"},
		"no initialiser":           {func(b *builder.Graph) { b.Parameter("w", nil, 2) }, "no initialiser"},
		"a huge parameter":         {func(b *builder.Graph) { b.Parameter("w", builder.Zeros, 1<<40, 1<<40) }, "at most"},
		"a huge constant":          {func(b *builder.Graph) { b.Constant("c", nil, 1<<32, 1<<32) }, "at most"},
		"a negative constant":      {func(b *builder.Graph) { b.Constant("c", make([]float64, 4), -2, -2) }, "positive"},
		"NaN":                      {func(b *builder.Graph) { b.Number(math.NaN()) }, "NaN"},
		"a negative reshape":       {func(b *builder.Graph) { b.Reshape(b.Input("x", 2, 3), -2, -3) }, "positive"},
		"a reshaped scalar":        {func(b *builder.Graph) { b.Reshape(b.Input("x"), 1) }, "scalar"},
		"a reshape to a scalar":    {func(b *builder.Graph) { b.Reshape(b.Input("x", 1)) }, "scalar"},
		"one axis twice":           {func(b *builder.Graph) { b.Sum(b.Input("x", 2, 3), 0, 0) }, "ascending"},
		"a sum of a scalar":        {func(b *builder.Graph) { b.Sum(b.Input("x")) }, "axes"},
		"expanding one axis twice": {func(b *builder.Graph) { b.ExpandLike(b.Input("x", 2), b.Input("y", 2, 3), 1, 1) }, "axes [1 1]"},
		"a product of a vector":    {func(b *builder.Graph) { b.MatMul(b.Input("x", 2), b.Input("y", 2, 3)) }, "[m, k] and [k, n]"},
		"a row and a vector":       {func(b *builder.Graph) { b.Greater(b.Input("x", 1, 3), b.Input("y", 3)) }, "ExpandLike"},
		"a one-hot scalar":         {func(b *builder.Graph) { b.OneHotArgMax(b.Input("x")) }, "scalar"},
		"a scalar byte":            {func(b *builder.Graph) { b.Uint8(b.Input("x")) }, "scalar"},
		"log-softmax of a vector":  {func(b *builder.Graph) { b.LogSoftmax(b.Input("x", 2)) }, "[rows, categories]"},
		"a part without function":  {func(b *builder.Graph) { b.In("part", nil) }, `"part"`},
		"percent signs":            {func(b *builder.Graph) { b.In("50%d", func() *G.Node { return b.Exp(nil) }) }, "50%d: "},
		"a node of another graph":  {func(b *builder.Graph) { b.Exp(builder.New(otherParams).Input("y", 2)) }, `"y" belongs to another graph`},
		"mixed types":              {func(b *builder.Graph) { x := b.Input("x", 2); b.Add(b.Uint8(x), x) }, "uint8"},
		"a weight that is a row": {func(b *builder.Graph) {
			b.NegativeELBO(b.Input("p", 2), b.Input("kl", 2), b.Input("w", 2))
		}, "weight"},
		"likelihoods of a matrix": {func(b *builder.Graph) {
			b.NegativeELBO(b.Input("p", 2, 2), b.Input("kl", 2), b.Input("w"))
		}, "[batch]"},
		"no rows":                    {func(b *builder.Graph) { small.Encode(b, nil) }, "encoder: "},
		"no codes":                   {func(b *builder.Graph) { small.Decode(b, b.Input("x")) }, "decoder: "},
		"nothing to pack":            {func(b *builder.Graph) { small.HardCode(b, nil, nil) }, "threshold: "},
		"rows of other size":         {func(b *builder.Graph) { small.Encode(b, b.Input("x", 2, 7)) }, "encoder: "},
		"a prior of other size":      {func(b *builder.Graph) { b.KLBernoulli(b.Input("l", 2, 3), b.Input("a", 4)) }, "expand"},
		"noise of other shape":       {func(b *builder.Graph) { b.RelaxBernoulli(b.Input("l", 2, 3), b.Input("u", 3, 2), b.Number(1)) }, "(2, 3)"},
		"no noise":                   {func(b *builder.Graph) { b.RelaxCategorical(b.Input("l", 2, 3, 2), nil, b.Number(1)) }, "nil"},
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
			t.Errorf("%s: the graph continues after its first error", name)
		}
	}
	if _, err := builder.NewParams(tensor.Int, 1); err == nil {
		t.Error("parameters of whole numbers are taken")
	}
}

// Whatever numbers an architecture holds, it is refused or it builds; nothing panics.
func TestModelsFromAnyNumbers(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		size := rapid.IntRange(-2, 5)
		m := builder.Model{
			Input:      rapid.SliceOfN(size, 0, 3).Draw(rt, "input"),
			Latent:     builder.Latent{Kind: rapid.SampledFrom([]string{"bernoulli", "categorical", "gaussian", ""}).Draw(rt, "kind"), Variables: size.Draw(rt, "variables"), Categories: size.Draw(rt, "categories"), Prior: rapid.SampledFrom([]string{"uniform", "learned", ""}).Draw(rt, "prior")},
			Encoder:    builder.MLP{Hidden: rapid.SliceOfN(size, 0, 2).Draw(rt, "encoder")},
			Decoder:    builder.MLP{Hidden: rapid.SliceOfN(size, 0, 2).Draw(rt, "decoder")},
			Activation: rapid.SampledFrom([]builder.Activation{"relu", "tanh", "leaky_relu", "none"}).Draw(rt, "activation"),
		}
		batch := rapid.IntRange(-2, 3).Draw(rt, "batch")
		b := builder.New(params64(t))
		_, err := m.Train(b, batch)
		if batch <= 0 {
			if err == nil {
				rt.Errorf("a batch of %d rows is taken", batch)
			}
			return
		}
		if valid := m.Validate(); (valid == nil) != (err == nil) {
			rt.Errorf("Validate says %v, building says %v", valid, err)
		}
	})
}
