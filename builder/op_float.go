package builder

import (
	"fmt"
	"hash"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// floatOp turns bytes into floats of the graph's type.
type floatOp struct {
	flatBase
	Shape tensor.Shape
	To    tensor.Dtype
}

var _ G.SDOp = floatOp{}

// InputBytes adds a named input of bytes: four times fewer to move than float32. Float makes numbers of them.
func (b *Graph) InputBytes(name string, shape ...int) *G.Node {
	if b.err == nil && len(shape) == 0 {
		return b.fail("the input of bytes %q has no dimensions: give it at least one", name)
	}
	return b.leafOf(name, tensor.Uint8, shape, nil)
}

// Float converts bytes to floats of the graph's type: 255 becomes 255. It has no gradient.
func (b *Graph) Float(x *G.Node) *G.Node {
	if b.err != nil {
		return nil
	}
	if x == nil {
		return b.fail("float: %w", errNil)
	}
	if x.Dims() == 0 || x.Dtype() != tensor.Uint8 {
		return b.fail("float takes a tensor of bytes, not %v of shape %v", x.Dtype(), x.Shape())
	}
	return b.apply(floatOp{Shape: x.Shape(), To: b.DType()}, x)
}

func (op floatOp) Arity() int { return 1 }
func (op floatOp) Type() hm.Type {
	return hm.NewFnType(typeOf(len(op.Shape), tensor.Uint8), typeOf(len(op.Shape), op.To))
}
func (op floatOp) InferShape(...G.DimSizer) (tensor.Shape, error) { return op.Shape.Clone(), nil }
func (op floatOp) String() string                                 { return fmt.Sprintf("Float %v to %v", op.Shape, op.To) }
func (op floatOp) WriteHash(h hash.Hash)                          { writeHash(h, op) }
func (op floatOp) Hashcode() uint32                               { return hashcode(op) }

func (op floatOp) Do(in ...G.Value) (G.Value, error) {
	data, err := numbersOf(op, in)
	if err != nil {
		return nil, err
	}
	x, ok := data[0].([]uint8)
	if !ok {
		return nil, fmt.Errorf("builder: %v got %T: use a tensor of uint8", op, data[0])
	}
	if op.To == tensor.Float32 {
		return valueOf(floatsOf[float32](x), op.Shape), nil
	}
	return valueOf(floatsOf[float64](x), op.Shape), nil
}

func floatsOf[T float](x []uint8) []T {
	out := make([]T, len(x))
	for i, v := range x {
		out[i] = T(v)
	}
	return out
}

// ONNX writes a Cast. https://onnx.ai/onnx/operators/onnx__Cast.html
func (op floatOp) ONNX(w ONNXWriter, in []string, _ [][]int64) (string, error) {
	return w.Node("Cast", map[string]any{"to": w.DType()}, in[0]), nil
}
