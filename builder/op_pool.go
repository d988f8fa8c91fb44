package builder

import (
	"fmt"
	"hash"
	"math"
	"slices"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// maxPoolOp is the largest number in each window of a picture; maxPoolGradOp, of x, that, and its gradient, gives each
// window's gradient to the first of its largest numbers, in row-major order.
type maxPoolOp struct {
	opBase
	Window window
}

type maxPoolGradOp struct {
	opBase
	Window window
}

var _ G.SDOp = maxPoolOp{}

func (op maxPoolOp) Arity() int { return 1 }
func (op maxPoolOp) Type() hm.Type {
	t := typeOf(len(op.Window.Size)+2, hm.TypeVariable('a'))
	return hm.NewFnType(t, t)
}
func (op maxPoolOp) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	x, ok := in[0].(tensor.Shape)
	if !ok || len(x) != len(op.Window.Size)+2 || !slices.Equal(x[2:], op.Window.Size) {
		return nil, fmt.Errorf("builder: %v of shape %v", op, in[0])
	}
	return slices.Concat(x[:2], op.Window.out()), nil
}
func (op maxPoolOp) String() string        { return fmt.Sprintf("MaxPool %v", op.Window) }
func (op maxPoolOp) WriteHash(h hash.Hash) { writeHash(h, op) }
func (op maxPoolOp) Hashcode() uint32      { return hashcode(op) }
func (op maxPoolOp) DiffWRT(int) []bool    { return []bool{true} }

func (op maxPoolOp) SymDiff(in G.Nodes, y, grad *G.Node) (G.Nodes, error) {
	n, err := G.ApplyOp(maxPoolGradOp(op), in[0], y, grad)
	return G.Nodes{n}, err
}

func (op maxPoolOp) Do(in ...G.Value) (G.Value, error) {
	to, err := op.InferShape(in[0].Shape())
	if err != nil {
		return nil, err
	}
	data, err := numbersOf(op, in)
	if err != nil {
		return nil, err
	}
	switch x := data[0].(type) {
	case []float32:
		return valueOf(maxPool(op.Window, x, nil), to), nil
	case []float64:
		return valueOf(maxPool(op.Window, x, nil), to), nil
	}
	return nil, fmt.Errorf("builder: %v got %T: use a tensor of float32 or float64", op, data[0])
}

// maxPool returns the largest number of each window; given its gradient, it returns the picture's instead. NaN is the
// largest of all.
func maxPool[T float](w window, x, grad []T) []T {
	table, size, places := w.table(), sizeOfAll(w.Size), sizeOfAll(w.out())
	y, dx := make([]T, len(x)/size*places), make([]T, len(x))
	for i := range len(x) / size {
		picture := x[i*size:][:size]
		for p := range places {
			best := -1
			for k := p; k < len(table); k += places {
				if at := int(table[k]); at >= 0 && (best < 0 || picture[at] > picture[best] || picture[at] != picture[at]) {
					best = at
				}
			}
			y[i*places+p] = picture[best]
			if grad != nil {
				dx[i*size+best] += grad[i*places+p]
			}
		}
	}
	if grad != nil {
		return dx
	}
	return y
}

// ONNX writes a MaxPool. https://onnx.ai/onnx/operators/onnx__MaxPool.html
func (op maxPoolOp) ONNX(w ONNXWriter, in []string, _ [][]int64) (string, error) {
	return w.Node("MaxPool", map[string]any{
		"kernel_shape": int64s(op.Window.Kernel), "strides": int64s(op.Window.Stride), "dilations": int64s(op.Window.Dilation), "pads": op.Window.pads(),
	}, in[0]), nil
}

func (op maxPoolGradOp) Arity() int { return 3 }
func (op maxPoolGradOp) Type() hm.Type {
	t := typeOf(len(op.Window.Size)+2, hm.TypeVariable('a'))
	return hm.NewFnType(t, t, t, t)
}
func (op maxPoolGradOp) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	return in[0].(tensor.Shape).Clone(), nil
}
func (op maxPoolGradOp) String() string        { return fmt.Sprintf("MaxPool gradient %v", op.Window) }
func (op maxPoolGradOp) WriteHash(h hash.Hash) { writeHash(h, op) }
func (op maxPoolGradOp) Hashcode() uint32      { return hashcode(op) }

func (op maxPoolGradOp) Do(in ...G.Value) (G.Value, error) {
	data, err := numbersOf(op, in)
	if err != nil {
		return nil, err
	}
	switch x := data[0].(type) {
	case []float32:
		return valueOf(maxPool(op.Window, x, data[2].([]float32)), in[0].Shape().Clone()), nil
	case []float64:
		return valueOf(maxPool(op.Window, x, data[2].([]float64)), in[0].Shape().Clone()), nil
	}
	return nil, fmt.Errorf("builder: %v got %T: use a tensor of float32 or float64", op, data[0])
}

// ONNX: the standard has no operator for it. The window's elements take turns: the first that equals the maximum takes the
// gradient, and leaves 0 for those behind it.
//
//	here = (x_k = y),   dx_k = here ? left : 0,   left = here ? 0 : left
//
// Then each dx_k goes back to where x_k lies.
func (op maxPoolGradOp) ONNX(w ONNXWriter, in []string, shapes [][]int64) (string, error) {
	p := patches{op.Window, shapes[0][1], w}
	left, zero := in[2], w.Numbers([]float64{0})
	var grads []string
	for _, x := range p.slices(in[0], w.Numbers([]float64{math.Inf(-1)})) {
		here := w.Node("Equal", nil, x, in[1])
		grads = append(grads, w.Node("Where", nil, here, left, zero))
		left = w.Node("Where", nil, here, zero, left)
	}
	return p.back(grads), nil
}
