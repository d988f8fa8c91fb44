package builder

import (
	"fmt"
	"hash"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// oneHotOp marks the largest element along the last axis with 1, the others with 0; of equal ones the first.
type oneHotOp struct {
	flatBase
	Shape tensor.Shape
}

var _ G.SDOp = oneHotOp{}

// OneHotArgMax returns, along the last axis, 1 for the largest element and 0 for the others; of equal ones the first is
// taken. It has no gradient.
func (b *Graph) OneHotArgMax(x *G.Node) *G.Node {
	if b.err != nil {
		return nil
	}
	if x == nil {
		return b.fail("one-hot: %w", errNil)
	}
	if x.Dims() == 0 {
		return b.fail("one-hot takes a tensor, not a scalar")
	}
	return b.apply(oneHotOp{Shape: x.Shape()}, x)
}

func (op oneHotOp) Arity() int { return 1 }
func (op oneHotOp) Type() hm.Type {
	t := typeOf(len(op.Shape), hm.TypeVariable('a'))
	return hm.NewFnType(t, t)
}
func (op oneHotOp) InferShape(...G.DimSizer) (tensor.Shape, error) { return op.Shape.Clone(), nil }
func (op oneHotOp) String() string                                 { return fmt.Sprintf("OneHotArgMax %v", op.Shape) }
func (op oneHotOp) WriteHash(h hash.Hash)                          { writeHash(h, op) }
func (op oneHotOp) Hashcode() uint32                               { return hashcode(op) }

func (op oneHotOp) Do(in ...G.Value) (G.Value, error) {
	data, err := numbersOf(op, in)
	if err != nil {
		return nil, err
	}
	switch x := data[0].(type) {
	case []float32:
		return valueOf(oneHot(x, op.Shape[len(op.Shape)-1]), op.Shape), nil
	case []float64:
		return valueOf(oneHot(x, op.Shape[len(op.Shape)-1]), op.Shape), nil
	}
	return nil, fmt.Errorf("builder: %v got %T: use float32 or float64", op, data[0])
}

func oneHot[T float](x []T, k int) []T {
	out := make([]T, len(x))
	for at := 0; at < len(x); at += k {
		best := 0
		for i, v := range x[at : at+k] {
			if v > x[at+best] {
				best = i
			}
		}
		out[at+best] = 1
	}
	return out
}

// ONNX writes ArgMax, which takes the first of equal elements, and compares it with 0…K-1.
func (op oneHotOp) ONNX(w ONNXWriter, in []string, _ [][]int64) (string, error) {
	categories := make([]int64, op.Shape[len(op.Shape)-1])
	for i := range categories {
		categories[i] = int64(i)
	}
	best := w.Node("ArgMax", map[string]any{"axis": int64(-1), "keepdims": int64(1)}, in[0])
	return w.Node("Cast", map[string]any{"to": w.DType()}, w.Node("Equal", nil, best, w.Ints(categories...))), nil
}
