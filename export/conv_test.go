package export_test

import (
	"context"
	"fmt"
	"github.com/catvae/catvae/internal/onnxcheck/onnxtest"
	"slices"
	"testing"

	"github.com/catvae/catvae/export"
	"github.com/catvae/catvae/internal/noise"
	"github.com/catvae/catvae/internal/onnxpb"
	"github.com/catvae/catvae/internal/onnxtensor"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// photos are pictures of an odd number of channels, and of a height that is not the width.
var photos = []int{3, 7, 6}

// photoTrace is f of pictures x and a parameter, with the loss Σ f² and its gradients by both.
func photoTrace(dtype tensor.Dtype, filters []int, f func(x, w *G.Node) *G.Node) export.Trace {
	return func(batch int) (t export.Traced, err error) {
		g := G.NewGraph()
		x := G.NewTensor(g, dtype, 4, G.WithShape(append([]int{batch}, photos...)...), G.WithName("x"))
		shape := slices.Clone(filters)
		if filters == nil {
			shape = []int{1}
		}
		values := make([]float64, tensor.Shape(shape).TotalSize())
		noise.Stream{Seed: 3}.Normal(values, 0, 0)
		w := G.NewTensor(g, dtype, len(shape), G.WithShape(shape...), G.WithName("conv/weight"),
			G.WithValue(tensor.New(tensor.WithShape(shape...), tensor.WithBacking(floats(dtype, values)))))
		y := f(x, w)
		// A vector: gorgonia's machine sums inner axes of more dimensions wrongly.
		loss := must(G.Sum(must(G.Square(must(G.Reshape(y, tensor.Shape{y.Shape().TotalSize()}))))))
		t.Inputs = []export.Named{{Name: "x", Node: x}}
		t.Outputs = []export.Named{{Name: "result", Node: y}}
		if filters == nil { // it has no gradient
			return t, nil
		}
		grads, err := G.Grad(loss, x, w)
		if err == nil {
			t.Outputs = append(t.Outputs, export.Named{Name: "by x", Node: grads[0]}, export.Named{Name: "by w", Node: grads[1]})
		}
		return t, err
	}
}

// floats are numbers as a slice of a type.
func floats(dtype tensor.Dtype, values []float64) any {
	if dtype == tensor.Float64 {
		return values
	}
	narrow := make([]float32, len(values))
	for i, v := range values {
		narrow[i] = float32(v)
	}
	return narrow
}

func photoInputs(dtype tensor.Dtype) func(batch int) []onnxtensor.Tensor {
	return func(batch int) []onnxtensor.Tensor {
		shape := append([]int{batch}, photos...)
		values := make([]float64, tensor.Shape(shape).TotalSize())
		noise.Stream{Seed: 1}.Normal(values, 0, uint32(batch))
		wide := make([]int64, len(shape))
		for i, d := range shape {
			wide[i] = int64(d)
		}
		return []onnxtensor.Tensor{{Name: "x", Shape: wide, Data: floats(dtype, values)}}
	}
}

// gorgonia's convolutions, over kernels, borders, strides and dilations, are one node each in float32, and what gorgonia's
// machine computes on every backend, with their gradients.
func TestConvolutions(t *testing.T) {
	t.Parallel()
	on := backends(t)
	for i, kernel := range [][]int{{1, 1}, {3, 3}, {2, 3}, {3, 1}} {
		for _, pad := range [][]int{{0, 0}, {1, 1}, {2, 1}} {
			for _, stride := range [][]int{{1, 1}, {2, 2}, {1, 3}} {
				for _, dilation := range [][]int{{1, 1}, {2, 2}, {1, 2}} {
					if i > 1 && dilation[0] != dilation[1] && stride[0] == stride[1] { // the others have shown it
						continue
					}
					t.Run(fmt.Sprint(kernel, pad, stride, dilation), func(t *testing.T) {
						t.Parallel()
						for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
							trace := photoTrace(dtype, append([]int{4, photos[0]}, kernel...), func(x, w *G.Node) *G.Node {
								return must(G.Conv2d(x, w, kernel, pad, stride, dilation))
							})
							data := exported(t, trace)
							if ops := operators(t, data); dtype == tensor.Float32 && !(slices.Contains(ops, "Conv") && slices.Contains(ops, "ConvTranspose")) {
								t.Errorf("%v: the operators are %v", dtype, ops)
							}
							batches := []int{1, 2, 7}
							if i == 1 && stride[0] == 2 {
								batches = append(batches, 64)
							}
							if err := verifyOn(on, data, trace, batches, photoInputs(dtype)); err != nil {
								t.Errorf("%v: %v", dtype, err)
							}
						}
					})
				}
			}
		}
	}
}

// Whatever is like a convolution and is none is written operation by operation.
func TestNoConvolutions(t *testing.T) {
	t.Parallel()
	on := backends(t)
	columns := func(x *G.Node) *G.Node {
		return must(G.Im2Col(x, tensor.Shape{3, 3}, tensor.Shape{1, 1}, tensor.Shape{1, 1}, tensor.Shape{1, 1}))
	}
	rows := func(c *G.Node) *G.Node {
		return must(G.Reshape(c, tensor.Shape{c.Shape()[0] * c.Shape()[1] * c.Shape()[2], c.Shape()[3]}))
	}
	for name, f := range map[string]func(x, w *G.Node) *G.Node{
		"places transposed": func(x, w *G.Node) *G.Node {
			c := columns(x)
			y := must(G.Mul(rows(c), must(G.Transpose(must(G.Reshape(w, tensor.Shape{4, 27})), 1, 0))))
			return must(G.Transpose(must(G.Reshape(y, tensor.Shape{c.Shape()[0], 7, 6, 4})), 0, 3, 2, 1))
		},
		"places reshaped": func(x, w *G.Node) *G.Node {
			c := columns(x)
			y := must(G.Mul(rows(c), must(G.Transpose(must(G.Reshape(w, tensor.Shape{4, 27})), 1, 0))))
			return must(G.Transpose(must(G.Reshape(y, tensor.Shape{c.Shape()[0], 6, 7, 4})), 0, 3, 1, 2))
		},
		"a product of filters": func(x, w *G.Node) *G.Node {
			return must(G.Conv2d(x, must(G.Square(w)), tensor.Shape{3, 3}, []int{1, 1}, []int{1, 1}, []int{1, 1}))
		},
		"columns of rows": func(x, w *G.Node) *G.Node {
			c := rows(columns(x))
			return must(G.Mul(must(G.Square(c)), must(G.Transpose(must(G.Reshape(w, tensor.Shape{4, 27})), 1, 0))))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trace := photoTrace(tensor.Float32, []int{4, 3, 3, 3}, f)
			data := exported(t, trace)
			if ops := operators(t, data); slices.Contains(ops, "Conv") != (name == "a product of filters") {
				t.Errorf("the operators are %v", ops)
			}
			if err := verifyOn(on, data, trace, []int{1, 2, 7}, photoInputs(tensor.Float32)); err != nil {
				t.Error(err)
			}
		})
	}
}

// Pools, enlarging and means over pictures, as TestConvolutions.
func TestPictures(t *testing.T) {
	t.Parallel()
	on := backends(t)
	cases := map[string]func(x, w *G.Node) *G.Node{
		"global mean": func(x, _ *G.Node) *G.Node { return must(G.GlobalAveragePool2D(x)) },
	}
	for _, scale := range []int{2, 3} {
		cases[fmt.Sprint("upsample by ", scale)] = func(x, w *G.Node) *G.Node {
			return must(G.Upsample2D(must(G.BroadcastHadamardProd(x, w, nil, []byte{0, 2, 3})), scale))
		}
	}
	for _, kernel := range [][]int{{2, 2}, {3, 2}, {1, 3}} {
		for _, pad := range [][]int{{0, 0}, {1, 1}, {0, 1}} {
			for _, stride := range [][]int{{1, 1}, {2, 2}, {3, 1}} {
				if pad[0] >= kernel[0] { // gorgonia's machine panics
					continue
				}
				cases[fmt.Sprint("max pool ", kernel, pad, stride)] = func(x, w *G.Node) *G.Node {
					return must(G.MaxPool2D(must(G.BroadcastHadamardProd(x, w, nil, []byte{0, 2, 3})), kernel, pad, stride))
				}
			}
		}
	}
	for name, f := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
				filters := []int{1, 3, 1, 1}
				if name == "global mean" {
					filters = nil
				}
				trace := photoTrace(dtype, filters, f)
				if err := verifyOn(on, exported(t, trace), trace, []int{1, 2, 7}, photoInputs(dtype)); err != nil {
					t.Errorf("%v: %v", dtype, err)
				}
			}
		})
	}
}

func exported(t *testing.T, trace export.Trace) []byte {
	t.Helper()
	model, err := export.Graph(context.Background(), trace, export.Options{})
	if err != nil {
		t.Fatal(err)
	}
	data, err := model.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	onnxtest.Keep(t, data)
	return data
}

// operators lists the operators of a model's nodes.
func operators(t *testing.T, model []byte) (ops []string) {
	t.Helper()
	m, err := onnxpb.Unmarshal(model)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range m.GetGraph().GetNode() {
		ops = append(ops, n.GetOpType())
	}
	return ops
}
