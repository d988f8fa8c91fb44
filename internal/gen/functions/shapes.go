package main

import (
	"math"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// one makes the form of a function of one operand.
func one(name string, shape []int, f unary, want func(a array) array) form {
	return form{
		name: name, shapes: [][]int{shape}, signed: true,
		build: func(in []*G.Node) (*G.Node, error) { return f(in[0]) },
		want:  func(in []array) array { return want(in[0]) },
	}
}

func (f form) flattened() form {
	f.flat = true
	return f
}

func (f form) positive() form {
	f.signed = false
	return f
}

// along is a reduction over axes of tensors of two to four dimensions.
func along(name string, f func(*G.Node, ...int) (*G.Node, error), want func(a array, axes ...int) array) function {
	r := function{name: name}
	for _, c := range []struct {
		name  string
		shape []int
		axes  []int
	}{
		{"all axes", []int{-1, 3}, nil},
		{"axis 0 of 2, the batch", []int{-1, 3}, []int{0}},
		{"axis 1 of 2", []int{-1, 3}, []int{1}},
		{"axis 1 of 3", []int{-1, 2, 3}, []int{1}},
		{"axes 1, 2 of 3", []int{-1, 2, 3}, []int{1, 2}},
		{"axes 0, 2 of 3", []int{-1, 2, 3}, []int{0, 2}},
		{"axis 3 of 4", []int{-1, 2, 3, 2}, []int{3}},
		{"axis 2 of 4", []int{-1, 2, 3, 2}, []int{2}},
		{"axis 2 of 4, of two elements", []int{-1, 2, 2, 3}, []int{2}},
		{"axis 1 of 2, of one column", []int{-1, 1}, []int{1}},
		{"axis 0 of a vector", []int{-1}, []int{0}},
		{"axes 2, 3 of 4", []int{-1, 2, 3, 2}, []int{2, 3}},
		{"axes 0, 2, 3 of 4", []int{-1, 2, 3, 2}, []int{0, 2, 3}},
		{"all axes of 4", []int{-1, 2, 3, 2}, nil},
	} {
		r.forms = append(r.forms, one(c.name, c.shape, func(x *G.Node) (*G.Node, error) { return f(x, c.axes...) },
			func(a array) array { return want(a, c.axes...) }))
	}
	return r
}

func mean(a array, axes ...int) array {
	s := a.sum(axes...)
	n := float64(len(a.data)) / float64(len(s.data))
	return s.each(func(x float64) float64 { return x / n })
}

func norm(p float64, axis int) func(array) array {
	return func(a array) array {
		return a.each(func(x float64) float64 { return math.Pow(x, p) }).sum(axis).each(func(x float64) float64 { return math.Pow(x, 1/p) })
	}
}

func fixed(dim int) func(*G.Node) (*G.Node, error) {
	return func(x *G.Node) (*G.Node, error) { return G.SizeOf(dim, x) }
}

var reductions = []function{
	along("Sum", G.Sum, array.sum),
	along("Mean", G.Mean, mean),
	along("Max", G.Max, array.max),
	{"Norm", []form{
		one("2, axis 1", []int{-1, 3}, func(x *G.Node) (*G.Node, error) { return G.Norm(x, 1, 2) }, norm(2, 1)).positive(),
		one("3, axis 1", []int{-1, 3}, func(x *G.Node) (*G.Node, error) { return G.Norm(x, 1, 3) }, norm(3, 1)).positive(),
	}},
	{"LogSumExp", []form{one("axis 1", []int{-1, 3}, func(x *G.Node) (*G.Node, error) { return G.LogSumExp(x, 1) }, logSumExp),
		one("of a vector", []int{3}, func(x *G.Node) (*G.Node, error) { return G.LogSumExp(x, 0) }, func(a array) array {
			return logSumExp(a.insert(0)).reshape()
		})}},
	{"SizeOf", []form{
		one("the batch", []int{-1, 3}, fixed(0), func(a array) array { return array{nil, []float64{float64(a.shape[0])}} }).flattened(),
		one("another axis", []int{-1, 3}, fixed(1), func(a array) array { return array{nil, []float64{float64(a.shape[1])}} }).flattened(),
	}},
	{"SoftMax", softmaxes(G.SoftMax, softmax)},
	{"LogSoftMax", softmaxes(G.LogSoftMax, func(a array, axis int) array { return softmax(a, axis).each(math.Log) })},
	{"Sparsemax", []form{one("axis 1", []int{-1, 3}, func(x *G.Node) (*G.Node, error) { return G.Sparsemax(x, 1) }, sparsemax)}},
}

func logSumExp(a array) array {
	top := a.max(1)
	return combine(exps(a, 1).sum(1), top, func(s, m float64) float64 { return math.Log(s) + m })
}

func softmaxes(f func(*G.Node, ...int) (*G.Node, error), want func(a array, axis int) array) []form {
	return []form{
		one("the last axis", []int{-1, 3}, func(x *G.Node) (*G.Node, error) { return f(x) }, func(a array) array { return want(a, 1) }),
		one("axis 0 of 2, the batch", []int{-1, 3}, func(x *G.Node) (*G.Node, error) { return f(x, 0) }, func(a array) array { return want(a, 0) }),
		one("axis 1 of 3", []int{-1, 3, 2}, func(x *G.Node) (*G.Node, error) { return f(x, 1) }, func(a array) array { return want(a, 1) }),
		one("a vector", []int{4}, func(x *G.Node) (*G.Node, error) { return f(x) }, func(a array) array { return want(a, 0) }),
	}
}

// sparsemax projects each row onto the simplex (Martins and Astudillo 1602.02068, algorithm 1), by bisection of its
// threshold.
func sparsemax(a array) array {
	out := a.clone()
	for r := range a.shape[0] {
		row := a.data[r*a.shape[1]:][:a.shape[1]]
		lo, hi := -10.0, 10.0
		for range 200 {
			t, s := (lo+hi)/2, 0.0
			for _, x := range row {
				s += max(x-t, 0)
			}
			if s > 1 {
				lo = t
			} else {
				hi = t
			}
		}
		for i, x := range row {
			out.data[r*a.shape[1]+i] = max(x-lo, 0)
		}
	}
	return out
}

func slicing(name string, shape []int, slices []tensor.Slice, want func(array) array) form {
	return one(name, shape, func(x *G.Node) (*G.Node, error) { return G.Slice(x, slices...) }, want)
}

// cut is a slice that follows the batch.
func cut(name string, f func(x *G.Node, batch int) (*G.Node, error), want func(array) array) form {
	return one(name, []int{-1, 3}, func(x *G.Node) (*G.Node, error) { return f(x, x.Shape()[0]) }, want)
}

var shaping = []function{
	{"Slice", []form{
		slicing("columns 1:3", []int{-1, 3}, []tensor.Slice{nil, G.S(1, 3)}, func(a array) array { return a.slice(1, 1, 3, 1) }),
		slicing("one column", []int{-1, 3}, []tensor.Slice{nil, G.S(1)}, func(a array) array { return a.slice(1, 1, 2, 1).drop(1) }),
		slicing("columns 0:5:2", []int{-1, 5}, []tensor.Slice{nil, G.S(0, 5, 2)}, func(a array) array { return a.slice(1, 0, 5, 2) }),
		slicing("columns 0:4:2", []int{-1, 5}, []tensor.Slice{nil, G.S(0, 4, 2)}, func(a array) array { return a.slice(1, 0, 4, 2) }),
		slicing("the first row", []int{-1, 3}, []tensor.Slice{G.S(0)}, func(a array) array { return a.slice(0, 0, 1, 1).drop(0) }),
		slicing("of a vector, one number", []int{3}, []tensor.Slice{G.S(1)}, func(a array) array { return a.slice(0, 1, 2, 1).drop(0) }),
		slicing("one row and one column", []int{4, 3}, []tensor.Slice{G.S(2), G.S(1)}, func(a array) array { return array{nil, []float64{a.at(2, 1)}} }),
		slicing("axis 2 of 3", []int{-1, 2, 4}, []tensor.Slice{nil, nil, G.S(1, 3)}, func(a array) array { return a.slice(2, 1, 3, 1) }),
		cut("the whole batch", func(x *G.Node, n int) (*G.Node, error) { return G.Slice(x, G.S(0, n), G.S(1, 3)) }, func(a array) array { return a.slice(1, 1, 3, 1) }),
		{name: "one of two batches", shapes: [][]int{{-2, 3}}, signed: true,
			build: func(in []*G.Node) (*G.Node, error) { return G.Slice(in[0], G.S(in[0].Shape()[0]/2, in[0].Shape()[0])) },
			want:  func(in []array) array { n := in[0].shape[0]; return in[0].slice(0, n/2, n, 1) }},
	}},
	{"Unconcat", []form{
		one("columns", []int{-1, 4}, func(x *G.Node) (*G.Node, error) {
			parts, err := G.Unconcat(x, 1, 2)
			if err != nil {
				return nil, err
			}
			return G.HadamardProd(parts[0], parts[1])
		}, func(a array) array { return combine(a.slice(1, 0, 2, 1), a.slice(1, 2, 4, 1), times) }),
		{name: "the batch", shapes: [][]int{{-2, 3}}, signed: true, build: func(in []*G.Node) (*G.Node, error) {
			parts, err := G.Unconcat(in[0], 0, 2)
			if err != nil {
				return nil, err
			}
			return G.HadamardProd(parts[0], parts[1])
		}, want: func(in []array) array {
			n := in[0].shape[0]
			return combine(in[0].slice(0, 0, n/2, 1), in[0].slice(0, n/2, n, 1), times)
		}},
	}},
	{"Concat", []form{
		both("columns", []int{-1, 2}, []int{-1, 3}, func(a, b *G.Node) (*G.Node, error) { return G.Concat(1, a, b) }, func(a, b array) array { return concat(1, a, b) }),
		both("one column", []int{-1, 1}, []int{-1, 3}, func(a, b *G.Node) (*G.Node, error) { return G.Concat(1, a, b) }, func(a, b array) array { return concat(1, a, b) }),
		both("axis 0, the batch", []int{-1, 3}, []int{-1, 3}, func(a, b *G.Node) (*G.Node, error) { return G.Concat(0, a, b) }, func(a, b array) array { return concat(0, a, b) }),
		both("axis 0, rows of no batch", []int{2, 3}, []int{4, 3}, func(a, b *G.Node) (*G.Node, error) { return G.Concat(0, a, b) }, func(a, b array) array { return concat(0, a, b) }),
		both("axis 0, the batch and two rows", []int{-1, 3}, []int{2, 3}, func(a, b *G.Node) (*G.Node, error) { return G.Concat(0, a, b) }, func(a, b array) array { return concat(0, a, b) }),
	}},
	{"Transpose", []form{
		one("of 2", []int{-1, 3}, func(x *G.Node) (*G.Node, error) { return G.Transpose(x) }, func(a array) array { return a.transpose(1, 0) }),
		one("of 4", []int{-1, 2, 3, 2}, func(x *G.Node) (*G.Node, error) { return G.Transpose(x, 0, 2, 3, 1) }, func(a array) array { return a.transpose(0, 2, 3, 1) }),
	}},
	{"Reshape", []form{
		one("", []int{-1, 4}, func(x *G.Node) (*G.Node, error) { return G.Reshape(x, tensor.Shape{x.Shape()[0], 2, 2}) }, func(a array) array { return a.reshape(a.shape[0], 2, 2) }),
	}},
	{"Ravel", []form{one("", []int{-1, 3}, G.Ravel, func(a array) array { return a.reshape(len(a.data)) })}},
	{"KeepDims", []form{one("", []int{-1, 3}, func(x *G.Node) (*G.Node, error) {
		return G.KeepDims(x, false, func(x *G.Node) (*G.Node, error) { return G.Sum(x, 1) })
	}, func(a array) array { return a.sum(1).insert(1) })}},
	{"At", []form{
		{shapes: [][]int{{-1, 3}}, signed: true, flat: true, least: 2,
			build: func(in []*G.Node) (*G.Node, error) { return G.At(in[0], 1, 2) },
			want:  func(in []array) array { return array{nil, []float64{in[0].at(1, 2)}} }},
		one("of a vector", []int{3}, func(x *G.Node) (*G.Node, error) { return G.At(x, 2) }, func(a array) array { return array{nil, []float64{a.at(2)}} }).flattened(),
	}},
	{"DiagFlat", []form{
		one("of a vector", []int{3}, G.DiagFlat, diagonal).flattened(),
		one("of the batch", []int{-1, 3}, G.DiagFlat, diagonal).flattened(),
	}},
	{"Upsample2D", []form{one("", []int{-1, 2, 2, 3}, func(x *G.Node) (*G.Node, error) { return G.Upsample2D(x, 2) }, func(a array) array {
		return fill([]int{a.shape[0], a.shape[1], 2 * a.shape[2], 2 * a.shape[3]}, func(i []int) float64 { return a.at(i[0], i[1], i[2]/2, i[3]/2) })
	})}},
	{"ByIndices", []form{
		one("axis 1", []int{-1, 3}, byIndices(1, 2, 0), func(a array) array { return concat(1, a.slice(1, 2, 3, 1), a.slice(1, 0, 1, 1)) }),
		one("axis 0", []int{3, 2}, byIndices(0, 2, 0), func(a array) array { return concat(0, a.slice(0, 2, 3, 1), a.slice(0, 0, 1, 1)) }),
		one("axis 0, one twice", []int{3, 2}, byIndices(0, 2, 2), func(a array) array { return concat(0, a.slice(0, 2, 3, 1), a.slice(0, 2, 3, 1)) }),
	}},
}

func byIndices(axis int, picked ...int) unary {
	return func(x *G.Node) (*G.Node, error) {
		picks := G.NewVector(x.Graph(), tensor.Int, G.WithName("picks"), G.WithValue(tensor.New(tensor.WithShape(len(picked)), tensor.WithBacking(picked))))
		return G.ByIndices(x, picks, axis)
	}
}

func diagonal(a array) array {
	n := len(a.data)
	return fill([]int{n, n}, func(i []int) float64 {
		if i[0] == i[1] {
			return a.data[i[0]]
		}
		return 0
	})
}
