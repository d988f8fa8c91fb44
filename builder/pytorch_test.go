package builder_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/catvae/catvae/builder"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// pytorchCase is one model of testdata/elbo.json, which testdata/elbo.py makes with PyTorch.
type pytorchCase struct {
	Kind, Prior                                 string
	Batch, Width, Variables, Categories, Hidden int
	Tau                                         float64
	KLWeight                                    float64 `json:"kl_weight"`
	X, U, Logits, Code, KL                      []float64
	Loss, Reconstruction                        float64
	ELBOHard                                    []float64 `json:"elbo_hard"`
	Weights                                     map[string]struct {
		Shape            []int
		Values, Gradient []float64
	}
}

// The same weights, data and noise give the same logits, codes, divergences, bounds and gradients as in PyTorch.
func TestAgainstPyTorch(t *testing.T) {
	for _, c := range golden[pytorchCase](t, "elbo.json") {
		for dtype, tolerance := range map[tensor.Dtype]float64{tensor.Float64: 1e-10, tensor.Float32: 1e-5} {
			t.Run(fmt.Sprintf("%s/%s/%v", c.Kind, c.Prior, dtype), func(t *testing.T) { c.check(t, dtype, tolerance) })
		}
	}
}

func (c pytorchCase) check(t *testing.T, dtype tensor.Dtype, tolerance float64) {
	p, err := builder.NewParams(dtype, 1)
	if err != nil {
		t.Fatal(err)
	}
	for name, w := range c.Weights {
		if err := p.Set(name, w.Shape, w.Values); err != nil {
			t.Fatal(err)
		}
	}
	m := builder.Model{
		Input: []int{c.Width}, Latent: builder.Latent{Kind: string(c.Kind), Variables: c.Variables, Categories: c.Categories, Prior: c.Prior},
		Encoder: builder.MLP{Hidden: []int{c.Hidden}}, Decoder: builder.MLP{Hidden: []int{c.Hidden}}, Activation: builder.ReLU,
	}
	b := builder.New(p)
	tr, err := m.Train(b, c.Batch)
	if err != nil {
		t.Fatal(err)
	}
	names, nodes := b.Parameters()
	grads, err := G.Grad(tr.Loss, nodes...)
	if err != nil {
		t.Fatal(err)
	}
	machine, err := builder.NewMachine(b, append([]*G.Node{tr.Loss, tr.Reconstruction, tr.Logits}, grads...)...)
	if err != nil {
		t.Fatal(err)
	}
	defer machine.Close()
	values, err := machine.Run(map[string]*tensor.Dense{
		"sample": of(dtype, c.X, m.InputShape(c.Batch)), "noise": of(dtype, c.U, m.LatentShape(c.Batch)),
		"temperature": of(dtype, []float64{c.Tau}, []int{1}), "kl_weight": of(dtype, []float64{c.KLWeight}, []int{1}),
	})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "loss", builder.Floats(values[0]), []float64{c.Loss}, tolerance)
	same(t, "reconstruction", builder.Floats(values[1]), []float64{c.Reconstruction}, tolerance)
	same(t, "logits", builder.Floats(values[2]), c.Logits, tolerance)
	for i, name := range names {
		same(t, "gradient of "+name, builder.Floats(values[3+i]), c.Weights[name].Gradient, tolerance)
	}

	out := eval(t, p, map[string]*tensor.Dense{"x": of(dtype, c.X, []int{c.Batch, c.Width})}, func(b *builder.Graph) []*G.Node {
		x := b.Input("x", c.Batch, c.Width)
		logits := m.Encode(b, x)
		code, _ := m.HardCode(b, logits, nil)
		kl := m.KL(b, logits, m.PriorLogits(b))
		return []*G.Node{code, kl, b.Sub(b.LogLikelihoodBernoulli(x, m.Decode(b, code)), kl)}
	})
	same(t, "code", out[0], c.Code, 0)
	same(t, "KL", out[1], c.KL, tolerance)
	same(t, "ELBO on hard codes", out[2], c.ELBOHard, tolerance)
}

func of(dtype tensor.Dtype, x []float64, shape []int) *tensor.Dense {
	if dtype == tensor.Float64 {
		return dense64(x, shape...)
	}
	narrow := make([]float32, len(x))
	for i, v := range x {
		narrow[i] = float32(v)
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(narrow))
}

func same(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s has %d numbers, PyTorch's %d", what, len(got), len(want))
		return
	}
	for i := range want {
		if math.Abs(got[i]-want[i]) > tolerance*max(1, math.Abs(want[i])) {
			t.Errorf("%s[%d] is %.12g, PyTorch has %.12g", what, i, got[i], want[i])
			return
		}
	}
}
