package builder_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/catvae/catvae/builder"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// The functions of one number at their special cases, in both types, for tensors and scalars.
func TestSpecialCases(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	type pair struct{ x, want float64 }
	for name, c := range map[string]struct {
		f     func(b *builder.Graph, x *G.Node) *G.Node
		cases []pair
	}{
		"sigmoid": {(*builder.Graph).Sigmoid, []pair{
			{0, 0.5}, {-inf, 0}, {inf, 1}, {nan, nan}, {-1e30, 0}, {1e30, 1}, {-50, 1.9287498479639178e-22}, {50, 1},
		}},
		"softplus": {(*builder.Graph).Softplus, []pair{
			{0, math.Ln2}, {-inf, 0}, {inf, inf}, {nan, nan}, {-1e30, 0}, {1e30, 1e30}, {-50, 1.9287498479639178e-22}, {50, 50},
		}},
		"ReLU": {func(b *builder.Graph, x *G.Node) *G.Node { return b.Activate(builder.ReLU, x) }, []pair{
			{0, 0}, {-3, 0}, {3, 3}, {-inf, 0}, {inf, inf}, {nan, nan},
		}},
		"LeakyReLU": {func(b *builder.Graph, x *G.Node) *G.Node { return b.Activate(builder.LeakyReLU, x) }, []pair{
			{0, 0}, {-300, -3}, {3, 3}, {-inf, -inf}, {inf, inf}, {nan, nan},
		}},
		"tanh": {func(b *builder.Graph, x *G.Node) *G.Node { return b.Activate(builder.Tanh, x) }, []pair{
			{0, 0}, {-1e30, -1}, {1e30, 1}, {nan, nan},
		}},
		"ELU": {(*builder.Graph).ELU, []pair{
			{0, 0}, {-1e-9, -9.999999995e-10}, {-3, -0.950212931632136}, {3, 3}, {-inf, -1}, {inf, inf}, {nan, nan},
		}},
		"GELU": {(*builder.Graph).GELU, []pair{{0, 0}, {1, 0.8413447460685429}, {-1, -0.15865525393145707}, {30, 30}, {nan, nan}}},
		"SiLU": {(*builder.Graph).SiLU, []pair{{0, 0}, {1, 0.7310585786300049}, {-1, -0.2689414213699951}, {50, 50}, {nan, nan}}},
		"greater than zero": {func(b *builder.Graph, x *G.Node) *G.Node { return b.Greater(x, b.Number(0)) }, []pair{
			{0, 0}, {-1, 0}, {1, 1}, {-inf, 0}, {inf, 1}, {nan, 0},
		}},
	} {
		for dtype, tolerance := range map[tensor.Dtype]float64{tensor.Float64: 1e-15, tensor.Float32: 1e-7} {
			p, err := builder.NewParams(dtype, 1)
			if err != nil {
				t.Fatal(err)
			}
			for i, c2 := range c.cases {
				out := eval(t, p, nil, func(b *builder.Graph) []*G.Node {
					return []*G.Node{c.f(b, b.Constant("x", []float64{c2.x, 0}, 1, 2)), c.f(b, b.Constant("scalar", []float64{c2.x}))}
				})
				for _, got := range []float64{out[0][0], out[1][0]} {
					if !alike(got, c2.want, tolerance) {
						t.Errorf("%s, %v, case %d: f(%g) = %g, want %g", name, dtype, i, c2.x, got, c2.want)
					}
				}
			}
		}
	}
}

// alike compares by relative difference; infinities and NaN are alike when they are the same.
func alike(got, want, tolerance float64) bool {
	return fmt.Sprint(got) == fmt.Sprint(want) || math.Abs(got-want) <= tolerance*math.Abs(want)
}

// ln p(x|l) of one value for certain and impossible data: -sp(∓l), exact to the last digits of the type.
func TestLikelihoodOfExtremes(t *testing.T) {
	for dtype, tolerance := range map[tensor.Dtype]float64{tensor.Float64: 1e-15, tensor.Float32: 1e-6} {
		p, err := builder.NewParams(dtype, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct{ x, l, want float64 }{
			{1, 0, -math.Ln2}, {0, 0, -math.Ln2}, {0.3, 0, -math.Ln2},
			{1, 100, 0}, {0, -100, -3.720075976020836e-44}, {0, 100, -100}, {1, -100, -100}, {0, 1e30, -1e30}, {1, -1e30, -1e30},
			{0.25, 100, -75}, {0.25, -100, -25},
		} {
			out := eval(t, p, nil, func(b *builder.Graph) []*G.Node {
				return []*G.Node{b.LogLikelihoodBernoulli(b.Constant("x", []float64{c.x}, 1, 1), b.Constant("l", []float64{c.l}, 1, 1))}
			})
			if got := out[0][0]; !alike(got, c.want, tolerance) && math.Abs(got-c.want) > 1e-43 {
				t.Errorf("%v: ln p(%g | %g) = %g, want %g", dtype, c.x, c.l, got, c.want)
			}
		}
	}
}
