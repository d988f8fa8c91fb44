package flaw_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/catvae/catvae/internal/flaw"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func must(n *G.Node, err error) *G.Node {
	if err != nil {
		panic(err)
	}
	return n
}

// gradients are the loss and its gradients by the operands.
func gradients(loss *G.Node, by ...*G.Node) []*G.Node {
	grads, err := G.Grad(loss, by...)
	if err != nil {
		panic(err)
	}
	return append([]*G.Node{loss}, grads...)
}

// testing2D is a BatchNorm in testing mode, with its gradient.
func testing2D(v func(string, ...int) *G.Node, shape ...int) []*G.Node {
	x := v("x", shape...)
	y, _, _, op, err := G.BatchNorm(x, v("scale", shape...), v("bias", shape...), 0.9, 1e-5)
	if err == nil {
		err = op.SetTraining(false)
	}
	return gradients(must(G.Sum(must(y, err))), x)
}

// Each flaw is found in its smallest graph, and in no graph like it that is right.
func TestFlaws(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		build   func(g *G.ExprGraph, v func(name string, shape ...int) *G.Node) []*G.Node
		graph   string // in the error of Graph; "" where the graph is right
		machine string // in the error of Machine, where the graph is right
	}{
		"Log2": {func(g *G.ExprGraph, v func(string, ...int) *G.Node) []*G.Node {
			x := v("x", 3)
			return gradients(must(G.Sum(must(G.Log2(x)))), x)
		}, "the gradient of Log2", ""},
		"Log2, its gradient alone": {func(g *G.ExprGraph, v func(string, ...int) *G.Node) []*G.Node {
			x := v("x", 3)
			return gradients(must(G.Sum(must(G.Log2(x)))), x)[1:]
		}, "the gradient of Log2", ""},
		"Log2 forward, after Grad": {func(g *G.ExprGraph, v func(string, ...int) *G.Node) []*G.Node {
			x := v("x", 3)
			return gradients(must(G.Sum(must(G.Log2(x)))), x)[:1]
		}, "", ""},
		"Log2 of what is not differentiated": {func(g *G.ExprGraph, v func(string, ...int) *G.Node) []*G.Node {
			x, y := v("x", 3), v("y", 3)
			return gradients(must(G.Sum(must(G.HadamardProd(must(G.Log2(x)), y)))), y)
		}, "", ""},
		"InverseSqrt of a product": {func(g *G.ExprGraph, v func(string, ...int) *G.Node) []*G.Node {
			x, y := v("x", 3), v("y", 3)
			return gradients(must(G.Sum(must(G.InverseSqrt(must(G.HadamardProd(x, y)))))), x)
		}, "the gradient of InverseSqrt", ""},
		"Inverse of Sqrt": {func(g *G.ExprGraph, v func(string, ...int) *G.Node) []*G.Node {
			x := v("x", 3)
			return gradients(must(G.Sum(must(G.Inverse(must(G.Sqrt(x)))))), x)
		}, "", ""},
		"OuterProd": {func(g *G.ExprGraph, v func(string, ...int) *G.Node) []*G.Node {
			x, y := v("x", 3), v("y", 3)
			return gradients(must(G.Sum(must(G.Square(must(G.OuterProd(x, y)))))), x, y)
		}, "the gradient of OuterProd", ""},
		"OuterProd in the gradient of a product": {func(g *G.ExprGraph, v func(string, ...int) *G.Node) []*G.Node {
			m, x := v("m", 2, 3), v("x", 3)
			return gradients(must(G.Sum(must(G.Square(must(G.Mul(m, x)))))), m, x)
		}, "", ""},
		"LogSumExp": {func(g *G.ExprGraph, v func(string, ...int) *G.Node) []*G.Node {
			return []*G.Node{must(G.LogSumExp(v("x", 3), 0))}
		}, "LogSumExp", ""},
		"LogSumExp written out": {func(g *G.ExprGraph, v func(string, ...int) *G.Node) []*G.Node {
			x := v("x", 3)
			m := must(G.Max(x, 0))
			return []*G.Node{must(G.Add(must(G.Log(must(G.Sum(must(G.Exp(must(G.Sub(x, m)))), 0)))), m))}
		}, "", ""},
		"AveragePool2D": {func(g *G.ExprGraph, v func(string, ...int) *G.Node) []*G.Node {
			return []*G.Node{must(G.AveragePool2D(v("x", 1, 1, 4, 4), tensor.Shape{2, 2}, []int{0, 0}, []int{2, 2}))}
		}, "AveragePool2D", ""},
		"Dropout": {func(g *G.ExprGraph, v func(string, ...int) *G.Node) []*G.Node {
			x := v("x", 3)
			return gradients(must(G.Sum(must(G.Dropout(x, 0.2)))), x)
		}, "the gradient of Dropout", ""},
		"Dropout of a half": {func(g *G.ExprGraph, v func(string, ...int) *G.Node) []*G.Node {
			x := v("x", 3)
			return gradients(must(G.Sum(must(G.Dropout(x, 0.5)))), x)
		}, "", ""},
		"Dropout outside training": {func(g *G.ExprGraph, v func(string, ...int) *G.Node) []*G.Node {
			x := v("x", 3)
			y := must(G.Dropout(x, 0.5))
			if err := y.Op().(G.TrainModeOp).SetTraining(false); err != nil {
				panic(err)
			}
			return gradients(must(G.Sum(y)), x)
		}, "the gradient of Dropout", ""},
		"MaxPool2D in a wide border": {func(g *G.ExprGraph, v func(string, ...int) *G.Node) []*G.Node {
			return []*G.Node{must(G.MaxPool2D(v("x", 1, 1, 4, 4), tensor.Shape{2, 2}, []int{0, 2}, []int{1, 1}))}
		}, "MaxPool2D's windows", ""},
		"MaxPool2D in an uneven border": {func(g *G.ExprGraph, v func(string, ...int) *G.Node) []*G.Node {
			return []*G.Node{must(G.MaxPool2D(v("x", 1, 1, 4, 4), tensor.Shape{2, 2}, []int{0, 1, 0, 0}, []int{1, 1}))}
		}, "the wrong way round", ""},
		"MaxPool2D": {func(g *G.ExprGraph, v func(string, ...int) *G.Node) []*G.Node {
			x := v("x", 1, 1, 4, 4)
			return gradients(must(G.Sum(must(G.MaxPool2D(x, tensor.Shape{2, 2}, []int{1, 1}, []int{1, 1})))), x)
		}, "", ""},
		"BatchNorm": {func(g *G.ExprGraph, v func(string, ...int) *G.Node) []*G.Node {
			return testing2D(v, 1, 2, 4, 4)
		}, "", "gradient of BatchNorm"},
		"BatchNorm of a matrix": {func(g *G.ExprGraph, v func(string, ...int) *G.Node) []*G.Node {
			return testing2D(v, 4, 2)
		}, "", ""},
		"ByIndices": {func(g *G.ExprGraph, v func(string, ...int) *G.Node) []*G.Node {
			x := v("x", 2, 3)
			i := G.NewVector(g, tensor.Int, G.WithName("i"), G.WithShape(2))
			return gradients(must(G.Sum(must(G.ByIndices(x, i, 1)))), x)
		}, "the gradient of ByIndices", ""},
		"Slice 0:5:2": {func(g *G.ExprGraph, v func(string, ...int) *G.Node) []*G.Node {
			return []*G.Node{must(G.Slice(v("x", 2, 5), nil, G.S(0, 5, 2)))}
		}, "Slice", ""},
		"Slice 0:4:2": {func(g *G.ExprGraph, v func(string, ...int) *G.Node) []*G.Node {
			return []*G.Node{must(G.Slice(v("x", 2, 5), nil, G.S(0, 4, 2)))}
		}, "", ""},
		"ByIndices along axis 0": {func(g *G.ExprGraph, v func(string, ...int) *G.Node) []*G.Node {
			x := v("x", 3, 2)
			i := G.NewVector(g, tensor.Int, G.WithName("i"), G.WithShape(2))
			return gradients(must(G.Sum(must(G.ByIndices(x, i, 0)))), x)
		}, "", ""},
		"Sum of axes 2, 3 of 4": {func(g *G.ExprGraph, v func(string, ...int) *G.Node) []*G.Node {
			return []*G.Node{must(G.Sum(v("x", 2, 3, 4, 5), 2, 3))}
		}, "", "inner axis"},
		"Mean of axis 2 of 4": {func(g *G.ExprGraph, v func(string, ...int) *G.Node) []*G.Node {
			return []*G.Node{must(G.Mean(v("x", 2, 3, 4, 5), 2))}
		}, "", "inner axis"},
		"Max of axis 3 of 5": {func(g *G.ExprGraph, v func(string, ...int) *G.Node) []*G.Node {
			return []*G.Node{must(G.Max(v("x", 1, 2, 3, 4, 5), 3))}
		}, "", "inner axis"},
		"Sum of axis 1 of 4, then of the last": {func(g *G.ExprGraph, v func(string, ...int) *G.Node) []*G.Node {
			return []*G.Node{must(G.Sum(must(G.Sum(v("x", 2, 3, 4, 5), 1)), 2))}
		}, "", ""},
		"Sum of axes 0, 2, 3 of 4": {func(g *G.ExprGraph, v func(string, ...int) *G.Node) []*G.Node {
			return []*G.Node{must(G.Sum(v("x", 2, 3, 4, 5), 0, 2, 3))}
		}, "", ""},
		"At": {func(g *G.ExprGraph, v func(string, ...int) *G.Node) []*G.Node {
			return []*G.Node{must(G.At(v("x", 2, 3), 1, 2))}
		}, "", "At"},
	} {
		g := G.NewGraph()
		nodes := flaw.Reached(c.build(g, func(name string, shape ...int) *G.Node {
			return G.NewTensor(g, tensor.Float64, len(shape), G.WithName(name), G.WithShape(shape...))
		})...)
		check(t, name+": the graph", flaw.Graph(nodes), c.graph)
		check(t, name+": the machine", flaw.Machine(nodes), c.graph+c.machine)
	}
}

func check(t *testing.T, name string, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("%s: %v", name, err)
	case want != "" && (!errors.Is(err, flaw.Err) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), ": use ") && !strings.Contains(err.Error(), "or compile")):
		t.Errorf("%s: %v, want an error with %q that names the way out", name, err, want)
	}
}
