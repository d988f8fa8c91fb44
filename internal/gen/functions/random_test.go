package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/catvae/catvae/export"
	"github.com/catvae/catvae/internal/onnxtensor"
	"github.com/catvae/catvae/runtime/backend"
	"github.com/catvae/catvae/runtime/purego"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A step makes a node of two others of shape [4, 3] and of the weights, whose values stay of order one.
var steps = map[string]func(a, b, w *G.Node) *G.Node{
	"add":    func(a, b, _ *G.Node) *G.Node { return G.Must(G.Add(a, b)) },
	"sub":    func(a, b, _ *G.Node) *G.Node { return G.Must(G.Sub(a, b)) },
	"mul":    func(a, b, _ *G.Node) *G.Node { return G.Must(G.HadamardProd(a, b)) },
	"div":    func(a, b, _ *G.Node) *G.Node { return G.Must(G.HadamardDiv(b, above(a))) },
	"pow":    func(a, b, _ *G.Node) *G.Node { return G.Must(G.Pow(above(a), G.Must(G.Tanh(b)))) },
	"square": func(a, _, _ *G.Node) *G.Node { return G.Must(G.Pow(a, G.NewConstant(2.0))) },
	"exp":    func(a, _, _ *G.Node) *G.Node { return G.Must(G.Exp(G.Must(G.Tanh(a)))) },
	"exp - 1": func(a, _, _ *G.Node) *G.Node {
		return G.Must(G.Sub(G.Must(G.Exp(G.Must(G.Tanh(a)))), G.NewConstant(1.0)))
	},
	"sigmoid":   func(a, _, _ *G.Node) *G.Node { return G.Must(G.Sigmoid(a)) },
	"1 - σ":     func(a, _, _ *G.Node) *G.Node { return G.Must(G.Sub(G.NewConstant(1.0), G.Must(G.Sigmoid(a)))) },
	"ln σ":      func(a, _, _ *G.Node) *G.Node { return G.Must(G.Log(G.Must(G.Sigmoid(a)))) },
	"ln(1 - σ)": func(a, _, _ *G.Node) *G.Node { return G.Must(G.Log1p(G.Must(G.Neg(G.Must(G.Sigmoid(a)))))) },
	"cube":      func(a, _, _ *G.Node) *G.Node { return G.Must(G.Cube(G.Must(G.Tanh(a)))) },
	"abs":       func(a, _, _ *G.Node) *G.Node { return G.Must(G.Abs(a)) },
	"inverse":   func(a, _, _ *G.Node) *G.Node { return G.Must(G.Inverse(above(a))) },
	"rectify":   func(a, _, _ *G.Node) *G.Node { return G.Must(G.Rectify(a)) },
	"leaky":     func(a, _, _ *G.Node) *G.Node { return G.Must(G.LeakyRelu(a, 0.2)) },
	"mish":      func(a, _, _ *G.Node) *G.Node { return G.Must(G.Mish(a)) },
	"max":       func(a, b, _ *G.Node) *G.Node { return G.Must(G.MaxBetween(a, b)) },
	"layer":     func(a, _, w *G.Node) *G.Node { return G.Must(G.Mul(a, w)) },
	"products":  func(a, b, _ *G.Node) *G.Node { return G.Must(G.Mul(G.Must(G.Mul(a, G.Must(G.Transpose(b)))), a)) },
	"turned":    func(a, _, _ *G.Node) *G.Node { return G.Must(G.Transpose(G.Must(G.Sin(G.Must(G.Transpose(a)))))) },
	"columns": func(a, b, _ *G.Node) *G.Node {
		return G.Must(G.Concat(1, cutAt(a, nil, G.S(1, 3)), column(cutAt(b, nil, G.S(0)))))
	},
	"rows":       func(a, b, _ *G.Node) *G.Node { return G.Must(G.Concat(0, cutAt(a, G.S(2, 4)), cutAt(b, G.S(0, 2)))) },
	"softmax":    func(a, _, _ *G.Node) *G.Node { return G.Must(G.SoftMax(G.Must(G.Tanh(a)), 1)) },
	"logsoftmax": func(a, _, _ *G.Node) *G.Node { return G.Must(G.LogSoftMax(G.Must(G.Cos(a)), 1)) },
	"sum 0":      func(a, b, _ *G.Node) *G.Node { return G.Must(G.BroadcastAdd(b, G.Must(G.Sum(a, 0)), nil, []byte{0})) },
	"sum 1": func(a, b, _ *G.Node) *G.Node {
		return G.Must(G.BroadcastHadamardProd(b, G.Must(G.Sum(a, 1)), nil, []byte{1}))
	},
	"max 1": func(a, b, _ *G.Node) *G.Node { return G.Must(G.BroadcastSub(b, G.Must(G.Max(a, 1)), nil, []byte{1})) },
	"mean":  func(a, b, _ *G.Node) *G.Node { return G.Must(G.HadamardProd(b, G.Must(G.Mean(a)))) },
	"norm": func(a, b, _ *G.Node) *G.Node {
		return G.Must(G.BroadcastHadamardDiv(b, G.Must(G.Norm(above(a), 1, 2)), nil, []byte{1}))
	},
	"vector": func(a, b, w *G.Node) *G.Node {
		return G.Must(G.BroadcastAdd(b, G.Must(G.Mul(G.Must(G.Sum(a, 0)), w)), nil, []byte{0}))
	},
	"dot": func(a, b, _ *G.Node) *G.Node {
		return G.Must(G.HadamardProd(b, G.Must(G.Mul(G.Must(G.Sum(a, 0)), G.Must(G.Sum(b, 0))))))
	},
	"batched": func(a, b, _ *G.Node) *G.Node { // two views of one memory on gorgonia's machine, were its reshape left as it is
		three := func(n *G.Node) *G.Node { return G.Must(G.Reshape(n, tensor.Shape{2, 2, 3})) }
		return G.Must(G.HadamardProd(b, G.Must(G.Sum(G.Must(G.Reshape(G.Must(G.BatchedMatMul(three(a), three(b), false, true)), tensor.Shape{2, 4}))))))
	},
}

func above(a *G.Node) *G.Node { return G.Must(G.Add(G.Must(G.Square(a)), G.NewConstant(0.5))) }

func cutAt(a *G.Node, s ...tensor.Slice) *G.Node { return G.Must(G.Slice(a, s...)) }

func column(a *G.Node) *G.Node { return G.Must(G.Reshape(a, tensor.Shape{4, 1})) }

// randomLoss grows a graph of a few steps and takes the gradient of its loss.
func randomLoss(r *rand.Rand) (t export.Traced, names []string, err error) {
	g := G.NewGraph()
	x := G.NewMatrix(g, tensor.Float64, G.WithShape(4, 3), G.WithName("x"))
	w := G.NewMatrix(g, tensor.Float64, G.WithShape(3, 3), G.WithName("w"))
	nodes := []*G.Node{G.Must(G.Mul(x, w))}
	all := sortedSteps()
	for range 2 + r.IntN(6) {
		name := all[r.IntN(len(all))]
		a, b := nodes[r.IntN(len(nodes))], nodes[r.IntN(len(nodes))]
		nodes, names = append(nodes, G.Must(G.Tanh(steps[name](a, b, w)))), append(names, name)
	}
	loss := G.Must(G.Mean(G.Must(G.Square(nodes[len(nodes)-1]))))
	grads, err := G.Grad(loss, w)
	if err != nil {
		return t, names, err
	}
	t.Inputs = []export.Named{{Name: "x", Node: x}, {Name: "w", Node: w}}
	t.Outputs = []export.Named{{Name: "loss", Node: loss}, {Name: "gradient", Node: grads[0]}}
	return t, names, nil
}

func sortedSteps() []string {
	var names []string
	for name := range steps {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Random graphs of gorgonia's own functions: the exported gradient is that of the exported loss by finite differences, and gorgonia's
// machine, as internal/tape runs it, gives the same.
func TestRandomGraphs(t *testing.T) {
	t.Parallel()
	for seed := range uint64(100) {
		var names []string
		trace := func(int) (traced export.Traced, err error) {
			traced, names, err = randomLoss(rand.New(rand.NewPCG(seed, 1)))
			return traced, err
		}
		if err := checkGraph(t.Context(), trace, rand.New(rand.NewPCG(seed, 2))); err != nil {
			t.Errorf("seed %d, %v: %v", seed, names, err)
		}
	}
}

func checkGraph(ctx context.Context, trace export.Trace, r *rand.Rand) error {
	model, err := export.Graph(ctx, trace, export.Options{Batch: 4})
	if err != nil {
		return err
	}
	data, err := model.Bytes()
	if err != nil {
		return err
	}
	loaded, err := backend.Load(ctx, purego.New(), data, "random")
	if err != nil {
		return err
	}
	defer loaded.Close()
	in := []onnxtensor.Tensor{{Name: "x", Shape: []int64{4, 3}, Data: make([]float64, 12)}, {Name: "w", Shape: []int64{3, 3}, Data: make([]float64, 9)}}
	for _, t := range in {
		for i := range t.Floats() {
			t.Data.([]float64)[i] = r.NormFloat64()
		}
	}
	run := func() (loss float64, gradient []float64, err error) {
		out, err := loaded.Run(ctx, in...)
		if err != nil {
			return 0, nil, err
		}
		return out[0].Floats()[0], slices.Clone(out[1].Floats()), nil
	}
	_, gradient, err := run()
	if err != nil {
		return err
	}
	reference, err := export.Reference(ctx, trace, 4, in)
	if err != nil {
		return err
	}
	const h = 1e-6
	w := in[1].Data.([]float64)
	for i, at := range w {
		w[i] = at + h
		up, _, _ := run()
		w[i] = at - h
		down, _, _ := run()
		w[i] = at
		if d := (up - down) / (2 * h); !(math.Abs(d-gradient[i]) <= 1e-5*max(1, math.Abs(d))) {
			return fmt.Errorf("gradient %d is %g, by differences %g", i, gradient[i], d)
		}
		if tape := reference[1].Floats()[i]; !(math.Abs(tape-gradient[i]) <= 1e-9*max(1, math.Abs(tape))) {
			return fmt.Errorf("gradient %d is %.12g, on gorgonia's machine %.12g", i, gradient[i], tape)
		}
	}
	return nil
}
