package builder_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/builder/gradcheck"
	"github.com/catvae/catvae/dist"
	G "gorgonia.org/gorgonia"
)

// likelihoodModel is a small model of a likelihood, on rows of two axes.
func likelihoodModel(c dist.LikelihoodConfig) builder.Model {
	return builder.Model{
		Input: []int{3, 2}, Latent: builder.Latent{Kind: dist.Bernoulli, Variables: 4, Prior: builder.PriorUniform},
		Encoder: builder.MLP{}, Decoder: builder.MLP{Hidden: []int{5}}, Activation: builder.Tanh, Likelihood: c,
	}
}

// The objective of a model of every likelihood, differentiated with respect to all its weights.
func TestLikelihoodGradients(t *testing.T) {
	for name, c := range likelihoodCases {
		for _, batch := range []int{1, 4} {
			t.Run(fmt.Sprintf("%s/%d", name, batch), func(t *testing.T) {
				l, err := dist.LikelihoodOf(c)
				if err != nil {
					t.Fatal(err)
				}
				if l.Outputs() > 10 {
					t.Skip("as that of few levels, and slow")
				}
				m, p := likelihoodModel(c), params64(t)
				randomise(t, p, m)
				for _, name := range []string{"decoder/log_variance", "decoder/log_scale"} {
					if p.Value(name) != nil { // ten times as much is a logarithm
						if err := p.Set(name, []int{1}, []float64{-0.07}); err != nil {
							t.Fatal(err)
						}
					}
				}
				inputs := trainingInputs(m, batch)
				inputs["sample"] = dense64(likelihoodRows(l, uniforms(5, batch*m.Width())), m.InputShape(batch)...)
				err = gradcheck.Check(p, inputs, func(b *builder.Graph) *G.Node {
					tr, err := m.Train(b, batch)
					if err != nil {
						t.Fatal(err)
					}
					return tr.Loss
				}, gradcheck.Options{})
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// The outputs of a decoder are all that p(x|z) needs, whatever of it is fixed, shared or predicted.
func TestSpreads(t *testing.T) {
	const batch = 2
	for variance, want := range map[string]func(v float64) bool{
		dist.VarianceFixed:     func(v float64) bool { return math.Abs(v-2*math.Log(0.3)) < 1e-12 },
		dist.VarianceShared:    func(v float64) bool { return math.Abs(v-dist.Bounded(0, dist.LeastLogVariance)) < 1e-12 },
		dist.VariancePredicted: func(v float64) bool { return v >= dist.LeastLogVariance },
	} {
		t.Run(variance, func(t *testing.T) {
			c := dist.LikelihoodConfig{Kind: dist.Gaussian, Variance: variance}
			if variance == dist.VarianceFixed {
				c.Deviation = 0.3
			}
			m := likelihoodModel(c)
			out := eval(t, params64(t), nil, func(b *builder.Graph) []*G.Node {
				return []*G.Node{m.Decode(b, b.Constant("code", uniforms(3, batch*4), batch, 4))}
			})
			if len(out[0]) != batch*m.Width()*2 {
				t.Fatalf("%d outputs for %d values", len(out[0]), batch*m.Width())
			}
			for i := 1; i < len(out[0]); i += 2 {
				if !want(out[0][i]) {
					t.Errorf("the logarithm of the variance is %g", out[0][i])
				}
			}
		})
	}
}

// Pairs and their parts, differentiated, where the shortcut from one to the other is not taken too.
func TestPairs(t *testing.T) {
	for name, build := range map[string]func(b *builder.Graph, w, one *G.Node) *G.Node{
		"parts of a pair": func(b *builder.Graph, w, one *G.Node) *G.Node {
			p := b.Pair(w, b.Square(w))
			return b.Mul(b.Part(p, 0), b.Exp(b.Part(p, 1)))
		},
		"a shared number": func(b *builder.Graph, w, one *G.Node) *G.Node {
			p := b.Reshape(b.Pair(w, one), 6, 2)
			return b.Mul(b.Exp(b.Part(p, 0)), b.Square(b.Part(p, 1)))
		},
		"a pair itself": func(b *builder.Graph, w, one *G.Node) *G.Node {
			return b.Reshape(b.Square(b.Pair(w, b.Exp(w))), 12)
		},
		"a shared number, itself": func(b *builder.Graph, w, one *G.Node) *G.Node {
			return b.Reshape(b.Square(b.Pair(w, one)), 12)
		},
		"parts": func(b *builder.Graph, w, one *G.Node) *G.Node {
			return b.Mul(b.Square(b.Part(w, 2)), b.Part(b.Exp(w), 0))
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := gradcheck.Check(params64(t), nil, func(b *builder.Graph) *G.Node {
				one := b.Parameter("one", filled(2, 1), 1)
				y := build(b, b.Parameter("w", filled(1, 1), 2, 3), one)
				n := y.Shape().TotalSize()
				return b.Add(b.Sum(one), b.Sum(b.Mul(b.Reshape(y, n), b.Constant("weights", normals(77, n, 1), n))))
			}, gradcheck.Options{})
			if err != nil {
				t.Error(err)
			}
		})
	}
}
