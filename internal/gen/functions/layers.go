package main

import (
	"errors"
	"math"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

var products = []function{
	{"Mul", []form{
		both("matrices", []int{-1, 3}, []int{3, 2}, G.Mul, matmul),
		both("a column and a row", []int{-1, 1}, []int{1, 3}, G.Mul, matmul),
		both("a row and a column", []int{1, 3}, []int{3, 1}, G.Mul, matmul),
		both("matrix and vector", []int{-1, 3}, []int{3}, G.Mul, func(a, b array) array { return matmul(a, b.insert(1)).drop(1) }),
		both("vector and matrix", []int{3}, []int{3, 2}, G.Mul, func(a, b array) array { return matmul(a.insert(0), b).drop(0) }),
		both("vectors", []int{3}, []int{3}, G.Mul, func(a, b array) array { return combine(a, b, times).sum() }),
	}},
	{"OuterProd", []form{
		both("of the batch", []int{-1}, []int{3}, G.OuterProd, outer),
		both("of one length", []int{3}, []int{3}, G.OuterProd, outer),
	}},
	{"BatchedMatMul", []form{
		both("", []int{-1, 2, 3}, []int{-1, 3, 2}, func(a, b *G.Node) (*G.Node, error) { return G.BatchedMatMul(a, b) }, matmul),
		both("first transposed", []int{-1, 3, 2}, []int{-1, 3, 2}, func(a, b *G.Node) (*G.Node, error) { return G.BatchedMatMul(a, b, true) },
			func(a, b array) array { return matmul(a.transpose(0, 2, 1), b) }),
		both("second transposed", []int{-1, 2, 3}, []int{-1, 2, 3}, func(a, b *G.Node) (*G.Node, error) { return G.BatchedMatMul(a, b, false, true) },
			func(a, b array) array { return matmul(a, b.transpose(0, 2, 1)) }),
		both("both transposed", []int{-1, 3, 2}, []int{-1, 2, 3}, func(a, b *G.Node) (*G.Node, error) { return G.BatchedMatMul(a, b, true, true) },
			func(a, b array) array { return matmul(a.transpose(0, 2, 1), b.transpose(0, 2, 1)) }),
		both("of 4 dimensions", []int{-1, 2, 2, 3}, []int{-1, 2, 3, 2}, func(a, b *G.Node) (*G.Node, error) { return G.BatchedMatMul(a, b) }, matmul),
	}},
	{"Tensordot", []form{
		both("axis 1 and axis 0", []int{-1, 3}, []int{3, 2}, func(a, b *G.Node) (*G.Node, error) { return G.Tensordot([]int{1}, []int{0}, a, b) }, matmul),
		both("two axes", []int{-1, 2, 3}, []int{2, 3, 4}, func(a, b *G.Node) (*G.Node, error) { return G.Tensordot([]int{1, 2}, []int{0, 1}, a, b) },
			func(a, b array) array { return matmul(a.reshape(a.shape[0], 6), b.reshape(6, 4)) }),
	}},
}

func outer(a, b array) array { return matmul(a.insert(1), b.insert(0)) }

// picture is a form over [batch, channels, height, width].
func picture(name string, shapes [][]int, build func(in []*G.Node) (*G.Node, error), want func(in []array) array) form {
	return form{name: name, shapes: shapes, signed: true, build: build, want: want}
}

var photos = []int{-1, 2, 4, 5}

func average(v []float64) float64 {
	s := 0.0
	for _, x := range v {
		s += x
	}
	return s / float64(len(v))
}

func largest(v []float64) float64 {
	m := math.Inf(-1)
	for _, x := range v {
		m = max(m, x)
	}
	return m
}

// pooling is a pooling of pictures with and without a border, and of windows that overlap.
func pooling(name string, f func(x *G.Node, kernel tensor.Shape, pad, stride []int) (*G.Node, error), of func([]float64) float64) function {
	r := function{name: name}
	for _, c := range []struct {
		name string
		w    window
	}{
		{"2×2, stride 2", window{kernel: [2]int{2, 2}, stride: [2]int{2, 2}, dilation: [2]int{1, 1}}},
		{"2×3, stride 1, with a border", window{kernel: [2]int{2, 3}, pad: [2]int{1, 1}, stride: [2]int{1, 1}, dilation: [2]int{1, 1}}},
	} {
		r.forms = append(r.forms, picture(c.name, [][]int{photos}, func(in []*G.Node) (*G.Node, error) {
			return f(in[0], tensor.Shape{c.w.kernel[0], c.w.kernel[1]}, c.w.pad[:], c.w.stride[:])
		}, func(in []array) array { return c.w.pool(in[0], of) }))
	}
	return r
}

// pooling1 is a pooling along rows of pictures of one row each.
func pooling1(name string, f func(x *G.Node, kernel, pad, stride int) (*G.Node, error), of func([]float64) float64) function {
	w := window{kernel: [2]int{1, 2}, stride: [2]int{1, 2}, dilation: [2]int{1, 1}}
	return function{name, []form{picture("", [][]int{{-1, 2, 1, 6}}, func(in []*G.Node) (*G.Node, error) { return f(in[0], 2, 0, 2) },
		func(in []array) array { return w.pool(in[0], of) })}}
}

// convolution is a form of Conv2d.
func convolution(name string, w window) form {
	filter := []int{3, 2, w.kernel[0], w.kernel[1]}
	return picture(name, [][]int{photos, filter}, func(in []*G.Node) (*G.Node, error) {
		return G.Conv2d(in[0], in[1], tensor.Shape(filter[2:]), w.pad[:], w.stride[:], w.dilation[:])
	}, func(in []array) array { return w.conv(in[0], in[1]) })
}

var ones = [2]int{1, 1}

var networks = []function{
	{"Im2Col", []form{
		columns("3×2", window{kernel: [2]int{3, 2}, stride: ones, dilation: ones}),
		columns("3×2, stride 2, with a border", window{kernel: [2]int{3, 2}, pad: ones, stride: [2]int{2, 2}, dilation: ones}),
	}},
	{"Conv2d", []form{
		convolution("3×3", window{kernel: [2]int{3, 3}, stride: ones, dilation: ones}),
		convolution("3×3, stride 2, with a border", window{kernel: [2]int{3, 3}, pad: ones, stride: [2]int{2, 2}, dilation: ones}),
		convolution("2×2, dilation 2", window{kernel: [2]int{2, 2}, stride: ones, dilation: [2]int{2, 2}}),
	}},
	{"Conv1d", []form{picture("", [][]int{{-1, 2, 1, 6}, {3, 2, 1, 3}}, func(in []*G.Node) (*G.Node, error) { return G.Conv1d(in[0], in[1], 3, 1, 1, 1) },
		func(in []array) array {
			return window{kernel: [2]int{1, 3}, pad: [2]int{0, 1}, stride: ones, dilation: ones}.conv(in[0], in[1])
		})}},
	pooling("MaxPool2D", G.MaxPool2D, largest),
	pooling1("MaxPool1D", G.MaxPool1D, largest),
	pooling("AveragePool2D", G.AveragePool2D, average),
	pooling1("AveragePool1D", G.AveragePool1D, average),
	{"GlobalAveragePool2D", []form{picture("", [][]int{photos}, func(in []*G.Node) (*G.Node, error) { return G.GlobalAveragePool2D(in[0]) },
		func(in []array) array {
			m := mean(in[0], 2, 3)
			return m.reshape(m.shape[0], m.shape[1], 1, 1)
		}).flattened()}},
	{"BatchNorm", []form{
		batchNorm("a matrix", []int{-1, 3}, 2),
		batchNorm("pictures", []int{-1, 3, 2, 2}, 0),
		runningNorm("in testing mode", []int{-1, 3, 2, 2}),
	}},
	{"GroupNorm", []form{picture("", [][]int{{-1, 4, 2, 2}, {1, 4, 1, 1}, {1, 4, 1, 1}}, func(in []*G.Node) (*G.Node, error) {
		return G.GroupNorm(in[0], in[1], in[2], 2, 4, 1e-5)
	}, func(in []array) array {
		n := standardize(in[0], 1e-5, func(i []int) int { return 2*i[0] + i[1]/2 })
		return combine(combine(n, in[1], times), in[2], plus)
	})}},
	{"CTCLoss", []form{{shapes: [][]int{{4, -1, 3}}, random: true, build: func(in []*G.Node) (*G.Node, error) {
		g, n := in[0].Graph(), in[0].Shape()[1]
		whole := func(name string, shape ...int) *G.Node {
			return G.NewTensor(g, tensor.Int, len(shape), G.WithName(name), G.WithShape(shape...))
		}
		return G.CTCLoss(in[0], whole("targets", n, 2), whole("lengths", n), whole("sizes", n), G.ReductionMean)
	}}}},
	{"YOLOv3", []form{{shapes: [][]int{{-1, 18, 2, 2}}, random: true, build: func(in []*G.Node) (*G.Node, error) {
		return G.YOLOv3(in[0], []float32{10, 13, 16, 30, 33, 23}, []int{0, 1, 2}, 64, 1, 0.5)
	}}}},
}

// batchNorm normalises each channel over the batch. One row of a matrix has no variance to divide by.
func batchNorm(name string, shape []int, least int) form {
	f := picture(name, [][]int{shape, shape, shape}, func(in []*G.Node) (*G.Node, error) {
		y, _, _, _, err := G.BatchNorm(in[0], in[1], in[2], 0.9, 1e-5)
		return y, err
	}, func(in []array) array {
		n := standardize(in[0], 1e-5, func(i []int) int { return i[1] })
		return combine(combine(n, in[1], times), in[2], plus)
	})
	f.least = least
	return f
}

// runningNorm is BatchNorm by its running statistics.
func runningNorm(name string, shape []int) form {
	mean, variance := []float64{0.5, -0.2, 0}, []float64{0.3, 2, 1}
	f := picture(name, [][]int{shape, shape, shape}, func(in []*G.Node) (*G.Node, error) {
		y, _, _, op, err := G.BatchNorm(in[0], in[1], in[2], 0.9, 1e-5)
		if err != nil {
			return nil, err
		}
		d := in[0].Dtype()
		return y, errors.Join(op.SetTraining(false), op.SetStats(dense(d, mean, 3), dense(d, variance, 3)))
	}, func(in []array) array {
		n := in[0].clone()
		in[0].visit(func(i []int, x float64) { n.data[n.place(i)] = (x - mean[i[1]]) / math.Sqrt(variance[i[1]]+1e-5) })
		return combine(combine(n, in[1], times), in[2], plus)
	})
	f.testing = true
	return f
}

func columns(name string, w window) form {
	return picture(name, [][]int{photos}, func(in []*G.Node) (*G.Node, error) {
		return G.Im2Col(in[0], tensor.Shape(w.kernel[:]), tensor.Shape(w.pad[:]), tensor.Shape(w.stride[:]), tensor.Shape(w.dilation[:]))
	}, func(in []array) array { return w.columns(in[0]) })
}
