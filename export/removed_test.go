package export_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/catvae/catvae/export"
	"github.com/catvae/catvae/internal/onnxtensor"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// removing are losses, of p = sigmoid(w) and targets x, in whose graphs gorgonia removes nodes: its Log replaces 1+a and 1-a. What
// stands before and behind those nodes decides which others it then mistakes for each other.
var removing = map[string]struct {
	build func(p, x *G.Node) *G.Node
	want  func(p, x float64) float64
}{
	"binary cross-entropy": {
		func(p, x *G.Node) *G.Node { return must(G.BinaryXent(p, x)) },
		xent,
	},
	"binary cross-entropy after ln(1-p)": {
		func(p, x *G.Node) *G.Node {
			before := must(G.Log1p(must(G.Neg(p))))
			return must(G.Add(must(G.BinaryXent(p, x)), before))
		},
		func(p, x float64) float64 { return xent(p, x) + math.Log1p(-p) },
	},
	"binary cross-entropy that removes nothing": { // since gorgonia keeps the first constant 1
		func(p, x *G.Node) *G.Node {
			before := must(G.Add(x, G.NewConstant(one(x))))
			return must(G.HadamardProd(must(G.BinaryXent(p, x)), before))
		},
		func(p, x float64) float64 { return xent(p, x) * (x + 1) },
	},
	"two of them": {
		func(p, x *G.Node) *G.Node {
			return must(G.Add(must(G.BinaryXent(p, x)), must(G.BinaryXent(must(G.Square(p)), x))))
		},
		func(p, x float64) float64 { return xent(p, x) + xent(p*p, x) },
	},
	"sums that are taken later": { // two places off: a node and its reader seem to read each other
		func(p, x *G.Node) *G.Node {
			first := must(G.BinaryXent(p, x))
			u := must(G.Sub(G.NewConstant(one(x)), must(G.Square(p))))
			v := must(G.Add(G.NewConstant(one(x)), must(G.Cube(p))))
			a := must(G.Tanh(p))
			b := must(G.HadamardProd(a, x))
			rest := must(G.Add(must(G.Square(b)), must(G.Cube(a))))
			logs := must(G.HadamardProd(must(G.Log(u)), must(G.Log(v))))
			return must(G.Add(must(G.Add(first, rest)), logs))
		},
		func(p, x float64) float64 {
			a := math.Tanh(p)
			return xent(p, x) + a*a*x*x + a*a*a + math.Log(1-p*p)*math.Log(1+p*p*p)
		},
	},
}

func xent(p, x float64) float64 { return -(x*math.Log(p) + (1-x)*math.Log(1-p)) }

const removingWidth = 4

func removingWeights() []float64 { return []float64{-0.7, 0.2, 1.1, 0.4} }

// removingTrace has the loss of every place, their mean, and its gradient by w.
func removingTrace(name string, dtype tensor.Dtype, weights []float64) export.Trace {
	return func(batch int) (t export.Traced, err error) {
		g := G.NewGraph()
		x := G.NewMatrix(g, dtype, G.WithShape(batch, removingWidth), G.WithName("x"))
		w := G.NewMatrix(g, dtype, G.WithShape(1, removingWidth), G.WithName("w"), G.WithValue(tensor.New(tensor.WithShape(1, removingWidth), tensor.WithBacking(numbers(dtype, weights)))))
		p := must(G.Sigmoid(must(G.BroadcastAdd(must(G.Sub(x, x)), w, nil, []byte{0}))))
		each := removing[name].build(p, x)
		loss := must(G.Mean(each))
		grads, err := export.Grad(loss, w)
		if err != nil {
			return t, err
		}
		t.Inputs = []export.Named{named("x", x)}
		t.Outputs = []export.Named{named("each", each), named("loss", loss), named("gradient", grads[0])}
		return t, nil
	}
}

func numbers(dtype tensor.Dtype, x []float64) any {
	if dtype == tensor.Float64 {
		return append([]float64(nil), x...)
	}
	narrow := make([]float32, len(x))
	for i, v := range x {
		narrow[i] = float32(v)
	}
	return narrow
}

// Graphs in which gorgonia removes nodes are exported as they are meant: each value as its formula says, the gradient as finite
// differences do, and both as gorgonia's tape machine computes them.
func TestRemovedNodes(t *testing.T) {
	t.Parallel()
	on := backends(t)
	inputs := func(dtype tensor.Dtype) func(int) []onnxtensor.Tensor {
		return func(batch int) []onnxtensor.Tensor {
			x := make([]float64, batch*removingWidth)
			for i := range x {
				x[i] = float64(i%3) / 2
			}
			return []onnxtensor.Tensor{{Name: "x", Shape: []int64{int64(batch), removingWidth}, Data: numbers(dtype, x)}}
		}
	}
	for name, c := range removing {
		for dtype, tolerance := range map[tensor.Dtype]float64{tensor.Float32: 1e-5, tensor.Float64: 1e-8} {
			t.Run(fmt.Sprintf("%s/%v", name, dtype), func(t *testing.T) {
				trace := removingTrace(name, dtype, removingWeights())
				model, err := export.Graph(t.Context(), trace, export.Options{})
				if err != nil {
					t.Fatal(err)
				}
				if err := verifyOn(on, encoded(t, model), trace, []int{2, 5}, inputs(dtype)); err != nil {
					t.Fatal(err)
				}
				in := inputs(dtype)(5)
				out, err := export.Reference(t.Context(), trace, 5, in)
				if err != nil {
					t.Fatal(err)
				}
				x := in[0].Floats()
				mean := func(weights []float64) (sum float64) {
					for i := range x {
						sum += c.want(1/(1+math.Exp(-weights[i%removingWidth])), x[i]) / float64(len(x))
					}
					return sum
				}
				for i, got := range out[0].Floats() {
					want := c.want(1/(1+math.Exp(-removingWeights()[i%removingWidth])), x[i])
					if math.Abs(got-want) > tolerance {
						t.Fatalf("place %d is %g, the formula gives %g", i, got, want)
					}
				}
				for i, got := range out[2].Floats() {
					above, below := removingWeights(), removingWeights()
					above[i] += 1e-5
					below[i] -= 1e-5
					if want := (mean(above) - mean(below)) / 2e-5; math.Abs(got-want) > tolerance {
						t.Errorf("the gradient by w[%d] is %g, finite differences give %g", i, got, want)
					}
				}
			})
		}
	}
}

// Where it cannot be known what a graph was meant to be, there is no export, and no reference either.
func TestRemovedNodesThatCannotBeKnown(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		build func(p, x *G.Node) *G.Node
		want  string
	}{
		"1-p is read by another": {func(p, x *G.Node) *G.Node {
			first := must(G.BinaryXent(p, x))
			u := must(G.Sub(G.NewConstant(one(x)), must(G.Square(p))))
			y := must(G.HadamardProd(u, x))
			must(G.Log(u))
			return must(G.Add(first, y))
		}, "Log1p"},
		"1+p is read by another, and used again": {func(p, x *G.Node) *G.Node {
			first := must(G.BinaryXent(p, x))
			u := must(G.Add(must(G.Square(p)), G.NewConstant(one(x))))
			y := must(G.Tanh(u))
			return must(G.Add(must(G.Add(first, must(G.Log(u)))), must(G.Add(y, must(G.Sin(x))))))
		}, "Log1p"},
		"1-p is the output": {func(p, x *G.Node) *G.Node {
			must(G.BinaryXent(p, x))
			u := must(G.Sub(G.NewConstant(one(x)), must(G.Square(p))))
			must(G.Log(u))
			return u
		}, "Log1p"},
		"gorgonia.Grad was called": {func(p, x *G.Node) *G.Node {
			must(G.Log1p(must(G.Neg(p))))
			loss := must(G.Mean(must(G.BinaryXent(p, x))))
			if _, err := G.Grad(loss, p); err != nil {
				panic(err)
			}
			return loss
		}, "export.Grad"},
	} {
		trace := func(batch int) (export.Traced, error) {
			g := G.NewGraph()
			p := G.NewMatrix(g, tensor.Float64, G.WithShape(batch, 2), G.WithName("p"))
			x := G.NewMatrix(g, tensor.Float64, G.WithShape(batch, 2), G.WithName("x"))
			return export.Traced{Inputs: []export.Named{named("p", p), named("x", x)}, Outputs: []export.Named{named("y", c.build(p, x))}}, nil
		}
		if _, err := export.Graph(t.Context(), trace, export.Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the export's error is %v, want one with %q", name, err, c.want)
		}
		in := []onnxtensor.Tensor{
			{Name: "p", Shape: []int64{1, 2}, Data: []float64{0.3, 0.4}},
			{Name: "x", Shape: []int64{1, 2}, Data: []float64{1, 0}},
		}
		if _, err := export.Reference(t.Context(), trace, 1, in); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the reference's error is %v, want one with %q", name, err, c.want)
		}
	}
}

// A second gradient in one graph, of a loss that shares nodes with the first or of a gradient, is refused: gorgonia.Grad would give the
// first one's. The first again is given again.
func TestGradTwice(t *testing.T) {
	t.Parallel()
	g := G.NewGraph()
	w := G.NewVector(g, tensor.Float64, G.WithShape(3), G.WithName("w"))
	part := must(G.Sum(must(G.Square(w))))
	first, err := export.Grad(part, w)
	if err != nil {
		t.Fatal(err)
	}
	again, err := export.Grad(part, w)
	if err != nil || again[0] != first[0] {
		t.Errorf("the same gradient again: %v", err)
	}
	for name, loss := range map[string]*G.Node{
		"three times the first": must(G.HadamardProd(part, G.NewConstant(3.0))),
		"another of its nodes":  must(G.Mean(must(G.Square(w)))),
		"of the gradient":       must(G.Sum(must(G.Square(first[0])))),
	} {
		if _, err := export.Grad(loss, w); !errors.Is(err, export.ErrWrong) {
			t.Errorf("%s: %v, want ErrWrong", name, err)
		}
	}
}
