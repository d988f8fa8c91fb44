package builder_test

import (
	"fmt"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/dist"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// ln p and its gradient are those of torch.distributions. testdata/likelihoods.py makes the numbers.
func TestLikelihoodsAgainstPyTorch(t *testing.T) {
	t.Parallel()
	type likelihoodCase struct {
		Kind                 string
		Parameters           dist.LikelihoodConfig
		Shape                []int
		X, Outputs, Gradient []float64
		LogP                 []float64 `json:"log_p"`
	}
	for _, c := range golden[likelihoodCase](t, "likelihoods.json") {
		c.Parameters.Kind = c.Kind
		rows := c.Shape[0]
		for dtype, tolerance := range map[tensor.Dtype]float64{tensor.Float64: 1e-9, tensor.Float32: 2e-4} {
			t.Run(fmt.Sprintf("%s/%d/%v", c.Kind, c.Shape[1], dtype), func(t *testing.T) {
				p, err := builder.NewParams(dtype, 1)
				if err != nil {
					t.Fatal(err)
				}
				m, b := builder.Model{Input: c.Shape[1:], Likelihood: c.Parameters}, builder.New(p)
				x, o := b.Input("x", c.Shape...), b.Input("outputs", m.OutputShape(rows)...)
				logP := m.LogLikelihood(b, x, o)
				weights := b.Constant("weights", []float64{1, 2, 3}, rows)
				loss := b.Sum(b.Mul(logP, weights))
				if err := b.Err(); err != nil {
					t.Fatal(err)
				}
				gradient, err := G.Grad(loss, o)
				if err != nil {
					t.Fatal(err)
				}
				values := onTape(t, b, map[string]*tensor.Dense{"x": of(dtype, c.X, c.Shape), "outputs": of(dtype, c.Outputs, m.OutputShape(rows))}, logP, gradient[0])
				same(t, "ln p", values[0], c.LogP, tolerance)
				same(t, "gradient", values[1], c.Gradient, tolerance)
			})
		}
		l, err := dist.LikelihoodOf(c.Parameters)
		if err != nil {
			t.Fatal(err)
		}
		x, o := narrow(c.X), narrow(c.Outputs)
		for row := range rows {
			got := l.LogP(x[row*len(x)/rows:][:len(x)/rows], o[row*len(o)/rows:][:len(o)/rows])
			same(t, c.Kind+", in package dist", []float64{got}, c.LogP[row:row+1], 1e-9)
		}
	}
}
