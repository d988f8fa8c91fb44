package builder_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/catvae/catvae/builder"
	"github.com/catvae/catvae/builder/gradcheck"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// subsets returns every non-empty set of the axes 0 … dims-1, ascending.
func subsets(dims int) [][]int {
	var out [][]int
	for mask := 1; mask < 1<<dims; mask++ {
		var axes []int
		for a := range dims {
			if mask>>a&1 == 1 {
				axes = append(axes, a)
			}
		}
		out = append(out, axes)
	}
	return out
}

// placeOf returns where the element at place at of a tensor of shape lies once axes are taken out.
func placeOf(at int, shape, axes []int) int {
	place, step := 0, 1
	for a := len(shape) - 1; a >= 0; a-- {
		if i := at % shape[a]; !slices.Contains(axes, a) {
			place += i * step
			step *= shape[a]
		}
		at /= shape[a]
	}
	return place
}

// Sums and expansions over every combination of axes, sizes of 1 among them, against a loop over elements; their
// gradients against finite differences.
func TestSumAndExpand(t *testing.T) {
	for _, shape := range [][]int{{3}, {1}, {2, 3}, {1, 3}, {3, 1}, {2, 3, 4}, {1, 3, 2}, {3, 1, 2}, {2, 3, 1}, {2, 1, 3, 2}} {
		full := tensor.Shape(shape).TotalSize()
		x := normals(8, full, 1)
		for _, axes := range subsets(len(shape)) {
			var rest []int
			for a, d := range shape {
				if !slices.Contains(axes, a) {
					rest = append(rest, d)
				}
			}
			reduced := tensor.Shape(rest).TotalSize()
			t.Run(fmt.Sprint(shape, axes), func(t *testing.T) {
				y := normals(9, reduced, 1)
				sum, expanded := make([]float64, reduced), make([]float64, full)
				for i := range full {
					sum[placeOf(i, shape, axes)] += x[i]
					expanded[i] = y[placeOf(i, shape, axes)]
				}
				out := eval(t, params64(t), nil, func(b *builder.Graph) []*G.Node {
					like := b.Constant("x", x, shape...)
					return []*G.Node{b.Sum(like, axes...), b.ExpandLike(b.Constant("y", y, rest...), like, axes...)}
				})
				same(t, "sum", out[0], sum, 1e-14)
				same(t, "expansion", out[1], expanded, 0)
				check(t, shape, func(b *builder.Graph, w *G.Node) *G.Node { return b.Sum(w, axes...) })
				if len(rest) > 0 {
					check(t, rest, func(b *builder.Graph, w *G.Node) *G.Node {
						return b.ExpandLike(w, b.Constant("x", x, shape...), axes...)
					})
				}
			})
		}
		out := eval(t, params64(t), nil, func(b *builder.Graph) []*G.Node { return []*G.Node{b.Sum(b.Constant("x", x, shape...))} })
		total := 0.0
		for _, v := range x {
			total += v
		}
		same(t, fmt.Sprintf("the sum of all of %v", shape), out[0], []float64{total}, 1e-14)
	}
}

// check holds the gradient of f, squared and weighted element by element, against finite differences.
func check(t *testing.T, shape []int, f func(b *builder.Graph, w *G.Node) *G.Node) {
	t.Helper()
	err := gradcheck.Check(params64(t), nil, func(b *builder.Graph) *G.Node {
		y := b.Square(f(b, b.Parameter("w", filled(1, 1), shape...)))
		if b.Err() != nil || y.Dims() == 0 {
			return y
		}
		return b.Sum(b.Mul(y, b.Constant("weights", normals(77, y.Shape().TotalSize(), 1), y.Shape()...)))
	}, gradcheck.Options{})
	if err != nil {
		t.Error(err)
	}
}

// A reshape whose source, or whose result, meets + - * / on either side, is used again, or is reshaped again: the
// patterns in which gorgonia.Reshape gives wrong numbers.
func TestReshapeNextToArithmetic(t *testing.T) {
	type op func(x, y *G.Node) *G.Node
	for name, pick := range map[string]func(b *builder.Graph) op{
		"+": func(b *builder.Graph) op { return b.Add }, "-": func(b *builder.Graph) op { return b.Sub },
		"*": func(b *builder.Graph) op { return b.Mul }, "/": func(b *builder.Graph) op { return b.Div },
	} {
		for pattern, build := range map[string]func(b *builder.Graph, w *G.Node, f op) *G.Node{
			"with a number":      func(b *builder.Graph, w *G.Node, f op) *G.Node { return f(b.Reshape(b.Square(w), 6), b.Number(3)) },
			"number on the left": func(b *builder.Graph, w *G.Node, f op) *G.Node { return f(b.Number(3), b.Reshape(b.Sigmoid(w), 6)) },
			"of a parameter":     func(b *builder.Graph, w *G.Node, f op) *G.Node { return f(b.Reshape(w, 6), b.Number(2)) },
			"of both":            func(b *builder.Graph, w *G.Node, f op) *G.Node { return f(b.Reshape(w, 6), b.Reshape(b.Sigmoid(w), 6)) },
			"source used again": func(b *builder.Graph, w *G.Node, f op) *G.Node {
				h := b.Sigmoid(w)
				return f(f(b.Reshape(h, 6), b.Number(3)), b.Reshape(b.Square(h), 6))
			},
			"there and back": func(b *builder.Graph, w *G.Node, f op) *G.Node {
				h := b.Sigmoid(w)
				return b.Reshape(f(b.Reshape(b.Reshape(h, 6), 3, 2), h), 6)
			},
			"twice": func(b *builder.Graph, w *G.Node, f op) *G.Node {
				h := b.Sigmoid(w)
				return f(b.Reshape(b.Reshape(h, 1, 6), 6), b.Reshape(h, 6))
			},
		} {
			t.Run(name+" "+pattern, func(t *testing.T) {
				check(t, []int{3, 2}, func(b *builder.Graph, w *G.Node) *G.Node { return build(b, w, pick(b)) })
			})
		}
	}
}
