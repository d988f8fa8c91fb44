package builder_test

import (
	"math"
	"slices"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/dist"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Packed codes against a loop over bits, for whole and broken numbers of bytes.
func TestPackAgainstALoop(t *testing.T) {
	for _, latent := range []builder.Latent{
		{Kind: dist.Bernoulli, Variables: 1}, {Kind: dist.Bernoulli, Variables: 7}, {Kind: dist.Bernoulli, Variables: 8},
		{Kind: dist.Bernoulli, Variables: 9}, {Kind: dist.Bernoulli, Variables: 37}, {Kind: dist.Bernoulli, Variables: 200}, {Kind: dist.Bernoulli, Variables: 1032}, {Kind: dist.Bernoulli, Variables: 1033},
		{Kind: dist.Categorical, Variables: 20, Categories: 10}, {Kind: dist.Categorical, Variables: 8, Categories: 256}, {Kind: dist.Categorical, Variables: 3, Categories: 3},
		{Kind: dist.Gaussian, Variables: 13}, {Kind: dist.Mixed, Groups: mixedGroups},
	} {
		m := builder.Model{Latent: latent}
		const batch = 5
		bits := m.Bits()
		p, err := builder.NewParams(tensor.Float32, 1)
		if err != nil {
			t.Fatal(err)
		}
		logits := normals(uint64(bits), batch*latent.Dist().Logits(), 1)
		out := eval(t, p, nil, func(b *builder.Graph) []*G.Node {
			code, packed := m.HardCode(b, b.Constant("l", logits, m.LatentShape(batch)...), nil)
			return []*G.Node{code, packed}
		})
		want := make([]float64, batch*((bits+7)/8))
		for row := range batch {
			for i := range bits {
				if out[0][row*bits+i] > 0 {
					want[row*((bits+7)/8)+i/8] += float64(int(1) << (7 - i%8))
				}
			}
		}
		if !slices.Equal(out[1], want) {
			t.Errorf("%+v: packed %v, want %v", latent, out[1], want)
		}
	}
}

// A logit at its threshold gives 0, and so does NaN; of equal categories the first is taken.
func TestHardCodeAtTheEdges(t *testing.T) {
	p := params64(t)
	m := builder.Model{Latent: builder.Latent{Kind: dist.Bernoulli, Variables: 4}}
	out := eval(t, p, nil, func(b *builder.Graph) []*G.Node {
		l := b.Constant("l", []float64{0.5, 0.6, -1, math.NaN()}, 1, 4)
		return []*G.Node{m.Harden(b, l, []float32{0.5, 0.5, -2, 0})}
	})
	if want := []float64{0, 1, 1, 0}; !slices.Equal(out[0], want) {
		t.Errorf("thresholds: %v, want %v", out[0], want)
	}
	c := builder.Model{Latent: builder.Latent{Kind: dist.Categorical, Variables: 2, Categories: 3}}
	out = eval(t, p, nil, func(b *builder.Graph) []*G.Node {
		return []*G.Node{c.Harden(b, b.Constant("l", []float64{1, 2, 2, -5, -5, -5}, 1, 2, 3), nil)}
	})
	if want := []float64{0, 1, 0, 1, 0, 0}; !slices.Equal(out[0], want) {
		t.Errorf("ties: %v, want %v", out[0], want)
	}
}
