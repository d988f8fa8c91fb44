package builder_test

import (
	"math"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/builder/gradcheck"
	G "gorgonia.org/gorgonia"
)

// Where gorgonia's numbers are wrong: overflow, rounding, and a gradient.

// LogSoftMax takes the tensor's first element for the largest of every row: a row far above it overflows.
func TestTrapLogSoftmaxOverflow(t *testing.T) {
	rows := []float64{0, -1, 1000, 0}
	g := G.NewGraph()
	y := must(G.LogSoftMax(constantMatrix(g, "x", 2, 2, rows...), 1))
	var v G.Value
	G.Read(y, &v)
	runRaw(t, g)
	if got := builder.Floats(v)[2]; !math.IsInf(got, 0) && !math.IsNaN(got) {
		t.Errorf("gorgonia's LogSoftMax of %v is %g: it no longer overflows, see op_logsoftmax.go", rows, got)
	}
	out := eval(t, params64(t), nil, func(b *builder.Graph) []*G.Node { return []*G.Node{b.LogSoftmax(b.Constant("x", rows, 2, 2))} })
	if want := -math.Log1p(math.Exp(-1)); math.Abs(out[0][0]-want) > 1e-12 || out[0][2] != 0 || out[0][3] != -1000 {
		t.Errorf("the builder's log-softmax is %v, want %g %g 0 -1000", out[0], want, want-1)
	}
}

// Log(1-Sigmoid(l)) is -∞ where softplus is finite: the builder's likelihood never takes a logarithm of a probability.
func TestTrapLogOfOneMinusSigmoid(t *testing.T) {
	g := G.NewGraph()
	x := constantMatrix(g, "x", 1, 1, 40)
	v := must(G.Log(must(G.Sub(G.NewConstant(1.0), must(G.Sigmoid(x))))))
	var got G.Value
	G.Read(v, &got)
	runRaw(t, g)
	if !math.IsInf(builder.Floats(got)[0], -1) {
		t.Error("gorgonia now stabilises Log(1-Sigmoid)")
	}
	out := eval(t, params64(t), nil, func(b *builder.Graph) []*G.Node {
		return []*G.Node{b.LogLikelihoodBernoulli(b.Constant("x", []float64{0}, 1, 1), b.Constant("l", []float64{40}, 1, 1))}
	})
	if out[0][0] != -40 {
		t.Errorf("ln p(0|40) = %g, want -40", out[0][0])
	}
}

// From 16 on softplus is x and the sigmoid 1e-8 off: wrong in the eighth digit, which gradient checks and divergences see.
func TestTrapSoftplusRounds(t *testing.T) {
	const x = 16.5
	g := G.NewGraph()
	in := constantMatrix(g, "x", 1, 1, x)
	var softplus G.Value
	G.Read(must(G.Softplus(in)), &softplus)
	runRaw(t, g)
	want := x + math.Log1p(math.Exp(-x))
	if got := builder.Floats(softplus)[0]; got == want {
		t.Error("gorgonia's softplus no longer rounds: see op_pointwise.go")
	}
	out := eval(t, params64(t), nil, func(b *builder.Graph) []*G.Node { return []*G.Node{b.Softplus(b.Constant("x", []float64{x}, 1, 1))} })
	if out[0][0] != want {
		t.Errorf("softplus(%g) = %.17g, want %.17g", x, out[0][0], want)
	}
}

// Log(1+Exp(x)) overflows; gorgonia's own rewriting into a softplus does not recognise a constant of the caller's.
func TestTrapLogOfOnePlusExp(t *testing.T) {
	g := G.NewGraph()
	var got G.Value
	G.Read(must(G.Log(must(G.Add(G.NewConstant(1.0), must(G.Exp(constantMatrix(g, "x", 1, 1, 800))))))), &got)
	runRaw(t, g)
	if !math.IsInf(builder.Floats(got)[0], 1) {
		t.Errorf("gorgonia now gives %v for Log(1+Exp(800))", got)
	}
	out := eval(t, params64(t), nil, func(b *builder.Graph) []*G.Node { return []*G.Node{b.Softplus(b.Constant("x", []float64{800}, 1, 1))} })
	if out[0][0] != 800 {
		t.Errorf("softplus(800) = %g", out[0][0])
	}
}

// The gradient of InverseSqrt is wrong: 1/√x has -1/(2 x √x). The builder divides by a square root.
func TestTrapInverseSqrtGradient(t *testing.T) {
	g := G.NewGraph()
	x := constantMatrix(g, "x", 1, 1, 4)
	grads, err := G.Grad(must(G.Sum(must(G.InverseSqrt(x)))), x)
	if err != nil {
		t.Fatal(err)
	}
	var got G.Value
	G.Read(grads[0], &got)
	runRaw(t, g)
	if math.Abs(builder.Floats(got)[0]- -1.0/16) < 1e-9 {
		t.Error("gorgonia's gradient of InverseSqrt is right again")
	}
	err = gradcheck.Check(params64(t), nil, func(b *builder.Graph) *G.Node {
		w := b.Parameter("w", func(dst []float64, _ []int, _ func([]float64)) { dst[0] = 4 }, 1, 1)
		return b.Sum(b.Div(b.Number(1), b.Sqrt(w)))
	}, gradcheck.Options{})
	if err != nil {
		t.Error(err)
	}
}
