package builder

import (
	"fmt"
	"hash"
	"slices"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// concatOp puts tensors behind each other along an axis. Its gradients are slices.
type concatOp struct {
	opBase
	Dims, Axis int
	Sizes      []int // of each operand, along the axis
}

var _ G.SDOp = concatOp{}

// Concat puts tensors, which agree in all other axes, behind each other along an axis of a row.
func (b *Graph) Concat(axis int, xs ...*G.Node) *G.Node {
	if b.err != nil {
		return nil
	}
	if len(xs) == 0 || slices.Contains(xs, nil) {
		return b.fail("a concatenation: %w", errNil)
	}
	like := xs[0].Shape()
	if axis < 1 || axis >= len(like) {
		return b.fail("a concatenation along axis %d of shape %v: axes are those of a row, from 1 to %d", axis, like, len(like)-1)
	}
	op := concatOp{Dims: len(like), Axis: axis}
	for _, x := range xs {
		s := x.Shape()
		if len(s) != len(like) || !slices.Equal(s[:axis], like[:axis]) || !slices.Equal(s[axis+1:], like[axis+1:]) {
			return b.fail("a concatenation of shapes %v along axis %d: they must agree in all other axes", shapes(xs), axis)
		}
		op.Sizes = append(op.Sizes, s[axis])
	}
	if len(xs) == 1 {
		return xs[0]
	}
	if to, _ := op.InferShape(xs[0].Shape()); to != nil {
		if _, err := sizeOf(to); err != nil {
			return b.fail("a concatenation: %w", err)
		}
	}
	return b.apply(op, xs...)
}

func (op concatOp) Arity() int { return len(op.Sizes) }
func (op concatOp) Type() hm.Type {
	t := typeOf(op.Dims, hm.TypeVariable('a'))
	return hm.NewFnType(slices.Repeat([]hm.Type{t}, len(op.Sizes)+1)...)
}
func (op concatOp) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	to := in[0].(tensor.Shape).Clone()
	to[op.Axis] = 0
	for _, n := range op.Sizes {
		to[op.Axis] += n
	}
	return to, nil
}
func (op concatOp) String() string {
	return fmt.Sprintf("Concat %v along axis %d of %d", op.Sizes, op.Axis, op.Dims)
}
func (op concatOp) WriteHash(h hash.Hash) { writeHash(h, op) }
func (op concatOp) Hashcode() uint32      { return hashcode(op) }
func (op concatOp) DiffWRT(n int) []bool  { return slices.Repeat([]bool{true}, n) }

func (op concatOp) Do(in ...G.Value) (G.Value, error) {
	data, err := numbersOf(op, in)
	if err != nil {
		return nil, err
	}
	to, err := op.InferShape(in[0].Shape())
	if err != nil {
		return nil, err
	}
	switch data[0].(type) {
	case []float32:
		return valueOf(concat[float32](op, data, to), to), nil
	case []float64:
		return valueOf(concat[float64](op, data, to), to), nil
	}
	return nil, fmt.Errorf("builder: %v got %T: use float32 or float64", op, data[0])
}

func concat[T float](op concatOp, data []any, to tensor.Shape) []T {
	y := make([]T, 0, to.TotalSize())
	outer := tensor.Shape(to[:op.Axis]).TotalSize()
	inner := tensor.Shape(to[op.Axis+1:]).TotalSize()
	for i := range outer {
		for k, x := range data {
			n := op.Sizes[k] * inner
			y = append(y, x.([]T)[i*n:(i+1)*n]...)
		}
	}
	return y
}

func (op concatOp) SymDiff(in G.Nodes, _, grad *G.Node) (G.Nodes, error) {
	all, start := grad.Shape()[op.Axis], 0
	var parts G.Nodes
	for _, n := range op.Sizes {
		part, err := G.ApplyOp(alongOp{Dims: op.Dims, Axis: op.Axis, Map: sliceMap{all, start, 1, n}}, grad)
		if err != nil {
			return nil, err
		}
		parts, start = append(parts, part), start+n
	}
	return parts, nil
}

func (op concatOp) ONNX(w ONNXWriter, in []string, _ [][]int64) (string, error) {
	return w.Node("Concat", map[string]any{"axis": int64(op.Axis)}, in...), nil
}
