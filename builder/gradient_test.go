package builder_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/builder/gradcheck"
	G "gorgonia.org/gorgonia"
)

// Every piece, differentiated with respect to a parameter "w" of the given shape, against finite differences.
func TestGradients(t *testing.T) {
	weigh := func(b *builder.Graph, x *G.Node) *G.Node { // a loss to which every element contributes differently
		n := x.Shape().TotalSize()
		return b.Sum(b.Mul(b.Reshape(x, n), b.Constant("weights", normals(77, n, 1), n)))
	}
	in := func(b *builder.Graph, name string, values []float64, shape ...int) *G.Node {
		return b.Constant(name, values, shape...)
	}
	for _, batch := range []int{1, 5} {
		for name, c := range map[string]struct {
			shape []int
			build func(b *builder.Graph, w *G.Node) *G.Node
		}{
			"add":      {[]int{batch, 3}, func(b *builder.Graph, w *G.Node) *G.Node { return b.Add(w, b.Square(w)) }},
			"sub":      {[]int{batch, 3}, func(b *builder.Graph, w *G.Node) *G.Node { return b.Sub(b.Number(1), b.Sub(w, b.Exp(w))) }},
			"mul":      {[]int{batch, 3}, func(b *builder.Graph, w *G.Node) *G.Node { return b.Mul(w, b.Mul(w, b.Number(3))) }},
			"div":      {[]int{batch, 3}, func(b *builder.Graph, w *G.Node) *G.Node { return b.Div(w, b.Add(b.Square(w), b.Number(2))) }},
			"neg":      {[]int{batch, 3}, func(b *builder.Graph, w *G.Node) *G.Node { return b.Neg(b.Square(w)) }},
			"exp":      {[]int{batch, 3}, func(b *builder.Graph, w *G.Node) *G.Node { return b.Exp(w) }},
			"log":      {[]int{batch, 3}, func(b *builder.Graph, w *G.Node) *G.Node { return b.Log(b.Add(b.Square(w), b.Number(0.5))) }},
			"sqrt":     {[]int{batch, 3}, func(b *builder.Graph, w *G.Node) *G.Node { return b.Sqrt(b.Add(b.Square(w), b.Number(1))) }},
			"sigmoid":  {[]int{batch, 3}, func(b *builder.Graph, w *G.Node) *G.Node { return b.Sigmoid(w) }},
			"softplus": {[]int{batch, 3}, func(b *builder.Graph, w *G.Node) *G.Node { return b.Softplus(w) }},
			"erf":      {[]int{batch, 3}, func(b *builder.Graph, w *G.Node) *G.Node { return b.Erf(w) }},
			"relu":     {[]int{batch, 3}, func(b *builder.Graph, w *G.Node) *G.Node { return b.Square(b.Activate(builder.ReLU, w)) }},
			"leaky":    {[]int{batch, 3}, func(b *builder.Graph, w *G.Node) *G.Node { return b.Activate(builder.LeakyReLU, w) }},
			"tanh":     {[]int{batch, 3}, func(b *builder.Graph, w *G.Node) *G.Node { return b.Activate(builder.Tanh, w) }},
			"matmul": {[]int{4, 3}, func(b *builder.Graph, w *G.Node) *G.Node {
				return b.MatMul(in(b, "x", normals(2, batch*4, 1), batch, 4), w)
			}},
			"matmul, transposed": {[]int{4, 3}, func(b *builder.Graph, w *G.Node) *G.Node {
				return b.MatMulTransposed(in(b, "x", normals(2, batch*3, 1), batch, 3), w)
			}},
			"matmul, transposed, left": {[]int{batch, 3}, func(b *builder.Graph, w *G.Node) *G.Node {
				return b.MatMulTransposed(w, in(b, "x", normals(2, 4*3, 1), 4, 3))
			}},
			"matmul, transposed, of a product": {[]int{4, 3}, func(b *builder.Graph, w *G.Node) *G.Node {
				return b.MatMulTransposed(in(b, "x", normals(2, batch*5, 1), batch, 5), b.MatMulTransposed(w, in(b, "y", normals(3, 5*3, 1), 5, 3)))
			}},
			"expand rows": {[]int{3}, func(b *builder.Graph, w *G.Node) *G.Node {
				x := in(b, "x", normals(2, batch*3, 1), batch, 3)
				return b.Mul(x, b.ExpandLike(w, x, 0))
			}},
			"expand columns": {[]int{batch}, func(b *builder.Graph, w *G.Node) *G.Node {
				x := in(b, "x", normals(2, batch*3, 1), batch, 3)
				return b.Mul(x, b.ExpandLike(w, x, 1))
			}},
			"expand middle": {[]int{batch, 2}, func(b *builder.Graph, w *G.Node) *G.Node {
				x := in(b, "x", normals(2, batch*6, 1), batch, 3, 2)
				return b.Mul(x, b.ExpandLike(w, x, 1))
			}},
			"sum 0":   {[]int{batch, 3}, func(b *builder.Graph, w *G.Node) *G.Node { return b.Square(b.Sum(w, 0)) }},
			"sum 1":   {[]int{batch, 3}, func(b *builder.Graph, w *G.Node) *G.Node { return b.Square(b.Sum(w, 1)) }},
			"sum 0 2": {[]int{batch, 3, 2}, func(b *builder.Graph, w *G.Node) *G.Node { return b.Square(b.Sum(w, 0, 2)) }},
			"reshape, source used again": {[]int{2, batch * 2}, func(b *builder.Graph, w *G.Node) *G.Node {
				h := b.Square(w)
				return b.Add(b.Mul(b.Reshape(h, batch*2, 2), b.Number(3)), b.Reshape(b.Exp(h), batch*2, 2))
			}},
			"log-softmax": {[]int{batch, 4}, func(b *builder.Graph, w *G.Node) *G.Node { return b.LogSoftmax(w) }},
			"relaxed Bernoulli": {[]int{batch, 4}, func(b *builder.Graph, w *G.Node) *G.Node {
				return b.RelaxBernoulli(w, in(b, "u", uniforms(3, batch*4), batch, 4), b.Number(0.6))
			}},
			"relaxed categorical": {[]int{batch, 2, 3}, func(b *builder.Graph, w *G.Node) *G.Node {
				return b.RelaxCategorical(w, in(b, "u", uniforms(3, batch*6), batch, 2, 3), b.Number(0.6))
			}},
			"KL Bernoulli": {[]int{batch, 4}, func(b *builder.Graph, w *G.Node) *G.Node { return b.KLBernoulli(w, nil) }},
			"KL Bernoulli, prior": {[]int{4}, func(b *builder.Graph, w *G.Node) *G.Node {
				return b.KLBernoulli(in(b, "l", normals(4, batch*4, 2), batch, 4), w)
			}},
			"KL Bernoulli, given prior": {[]int{batch, 4}, func(b *builder.Graph, w *G.Node) *G.Node { return b.KLBernoulli(w, in(b, "a", normals(4, 4, 2), 4)) }},
			"KL categorical":            {[]int{batch, 2, 3}, func(b *builder.Graph, w *G.Node) *G.Node { return b.KLCategorical(w, nil) }},
			"KL categorical, prior": {[]int{2, 3}, func(b *builder.Graph, w *G.Node) *G.Node {
				return b.KLCategorical(in(b, "l", normals(4, batch*6, 2), batch, 2, 3), w)
			}},
			"Gaussian": {[]int{batch, 2, 2}, func(b *builder.Graph, w *G.Node) *G.Node {
				return b.SampleGaussian(w, in(b, "u", uniforms(3, batch*4), batch, 2, 2))
			}},
			"Gaussian, noise": {[]int{batch, 2, 2}, func(b *builder.Graph, w *G.Node) *G.Node {
				return b.SampleGaussian(in(b, "l", normals(3, batch*4, 1), batch, 2, 2), b.Sigmoid(w))
			}},
			"KL Gaussian": {[]int{batch, 2, 2}, func(b *builder.Graph, w *G.Node) *G.Node { return b.KLGaussian(w) }},
			"ln q Gaussian": {[]int{batch, 2, 2}, func(b *builder.Graph, w *G.Node) *G.Node {
				return b.LogQGaussian(in(b, "z", normals(3, batch*2, 1), batch, 2), w)
			}},
			"likelihood": {[]int{batch, 4}, func(b *builder.Graph, w *G.Node) *G.Node {
				return b.LogLikelihoodBernoulli(in(b, "x", uniforms(3, batch*4), batch, 4), w)
			}},
			"linear":    {[]int{batch, 4}, func(b *builder.Graph, w *G.Node) *G.Node { return b.Linear("layer", w, 3, builder.GlorotNormal) }},
			"mlp":       {[]int{batch, 4}, func(b *builder.Graph, w *G.Node) *G.Node { return b.MLP(w, []int{5, 3}, builder.Tanh, 2) }},
			"mlp, ReLU": {[]int{batch, 4}, func(b *builder.Graph, w *G.Node) *G.Node { return b.MLP(w, []int{5, 3}, builder.ReLU, 2) }},
			"mlp, LeakyReLU": {[]int{batch, 4}, func(b *builder.Graph, w *G.Node) *G.Node {
				return b.MLP(w, []int{5, 3}, builder.LeakyReLU, 2)
			}},
			"relaxed Bernoulli, noise": {[]int{batch, 4}, func(b *builder.Graph, w *G.Node) *G.Node {
				return b.RelaxBernoulli(in(b, "l", normals(3, batch*4, 1), batch, 4), b.Sigmoid(w), b.Number(0.6))
			}},
			"KL categorical, given prior": {[]int{batch, 2, 3}, func(b *builder.Graph, w *G.Node) *G.Node {
				return b.KLCategorical(w, in(b, "p", normals(4, 6, 2), 2, 3))
			}},
			"likelihood, data": {[]int{batch, 4}, func(b *builder.Graph, w *G.Node) *G.Node {
				return b.LogLikelihoodBernoulli(b.Sigmoid(w), in(b, "l", normals(3, batch*4, 1), batch, 4))
			}},
		} {
			t.Run(fmt.Sprintf("%s/%d", name, batch), func(t *testing.T) {
				err := gradcheck.Check(params64(t), nil, func(b *builder.Graph) *G.Node {
					return weigh(b, c.build(b, b.Parameter("w", filled(1, 1), c.shape...)))
				}, gradcheck.Options{})
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// The whole objective of every kind of model, with respect to all its weights and inputs.
func TestModelGradients(t *testing.T) {
	for name, m := range models() {
		for _, batch := range []int{1, 5} {
			t.Run(fmt.Sprintf("%s/%d", name, batch), func(t *testing.T) {
				p := params64(t)
				randomise(t, p, m)
				inputs := trainingInputs(m, batch)
				err := gradcheck.Check(p, inputs, func(b *builder.Graph) *G.Node {
					tr, err := m.Train(b, batch)
					if err != nil {
						t.Fatal(err)
					}
					return tr.Loss
				}, gradcheck.Options{Inputs: slices.Sorted(maps.Keys(inputs))})
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// randomise fills a model's parameters, biases and prior included, with normal numbers: zeros would hide terms.
func randomise(t *testing.T, p *builder.Params, m builder.Model) {
	t.Helper()
	b := builder.New(p)
	if _, err := m.Train(b, 2); err != nil {
		t.Fatal(err)
	}
	for i, name := range p.Names() {
		v := p.Value(name)
		if err := p.Set(name, v.Shape(), normals(uint64(100+i), v.Size(), 0.6)); err != nil {
			t.Fatal(err)
		}
	}
}
