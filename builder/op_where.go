package builder

import (
	"fmt"
	"hash"
	"slices"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// whereOp chooses between two operands, place by place. What is not chosen is not computed with: it may be NaN.
type whereOp struct {
	opBase
	Dims    int     // of the condition and the result
	Scalars [2]bool // whether x, and y, is a number
}

var _ G.SDOp = whereOp{}

// Where returns x where the condition is not 0 and y where it is. Both have the condition's shape, or are numbers. The gradient goes to
// the chosen one of two tensors; the condition and numbers get none.
func (b *Graph) Where(condition, x, y *G.Node) *G.Node {
	if b.err != nil {
		return nil
	}
	if condition == nil || x == nil || y == nil {
		return b.fail("a choice: %w", errNil)
	}
	for _, v := range []*G.Node{x, y} {
		if v.Dims() > 0 && !slices.Equal(v.Shape(), condition.Shape()) {
			return b.fail("a choice by %v of %v and %v: use shapes that are equal, or numbers", condition.Shape(), x.Shape(), y.Shape())
		}
	}
	if condition.Dims() == 0 {
		return b.fail("a choice by a number: use a condition with a dimension")
	}
	return b.apply(whereOp{Dims: condition.Dims(), Scalars: [2]bool{x.Dims() == 0, y.Dims() == 0}}, condition, x, y)
}

func (op whereOp) Arity() int { return 3 }
func (op whereOp) Type() hm.Type {
	a := hm.TypeVariable('a')
	t := typeOf(op.Dims, a)
	types := []hm.Type{t, t, t, t}
	for i, scalar := range op.Scalars {
		if scalar {
			types[1+i] = a
		}
	}
	return hm.NewFnType(types...)
}
func (op whereOp) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	return in[0].(tensor.Shape).Clone(), nil
}
func (op whereOp) String() string {
	return fmt.Sprintf("Where of rank %d, numbers %v", op.Dims, op.Scalars)
}
func (op whereOp) WriteHash(h hash.Hash) { writeHash(h, op) }
func (op whereOp) Hashcode() uint32      { return hashcode(op) }
func (op whereOp) DiffWRT(int) []bool    { return []bool{false, !op.Scalars[0], !op.Scalars[1]} }

func (op whereOp) Do(in ...G.Value) (G.Value, error) {
	data, err := numbersOf(op, in)
	if err != nil {
		return nil, err
	}
	switch c := data[0].(type) {
	case []float32:
		return valueOf(choose(c, numberOr[float32](data[1]), numberOr[float32](data[2])), in[0].Shape().Clone()), nil
	case []float64:
		return valueOf(choose(c, numberOr[float64](data[1]), numberOr[float64](data[2])), in[0].Shape().Clone()), nil
	}
	return nil, fmt.Errorf("builder: %v got %T: use float32 or float64", op, data[0])
}

// numberOr returns a tensor's numbers, or a number as a slice of one.
func numberOr[T float](data any) []T {
	if x, ok := data.(T); ok {
		return []T{x}
	}
	return data.([]T)
}

func choose[T float](c, x, y []T) []T {
	out := make([]T, len(c))
	for i, v := range c {
		from := y
		if v != 0 {
			from = x
		}
		if len(from) == 1 {
			out[i] = from[0]
		} else {
			out[i] = from[i]
		}
	}
	return out
}

func (op whereOp) SymDiff(in G.Nodes, _, grad *G.Node) (G.Nodes, error) {
	parts := G.Nodes{nil, nil, nil}
	zero := G.NewConstant(0.0)
	if grad.Dtype() == tensor.Float32 {
		zero = G.NewConstant(float32(0))
	}
	for i, operands := range []G.Nodes{{in[0], grad, zero}, {in[0], zero, grad}} {
		if op.Scalars[i] {
			continue
		}
		part, err := G.ApplyOp(whereOp{Dims: op.Dims, Scalars: [2]bool{i == 1, i == 0}}, operands...)
		if err != nil {
			return nil, err
		}
		parts[1+i] = part
	}
	return parts, nil
}

func (op whereOp) ONNX(w ONNXWriter, in []string, _ [][]int64) (string, error) {
	return w.Node("Where", nil, w.Node("Cast", map[string]any{"to": int64(onnxBool)}, in[0]), in[1], in[2]), nil
}
