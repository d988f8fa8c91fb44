package builder

import (
	"fmt"
	"hash"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// uint8Op turns floats that hold whole numbers of 0…255 into bytes.
type uint8Op struct {
	flatBase
	Shape tensor.Shape
}

var _ G.SDOp = uint8Op{}

// Uint8 converts whole numbers of 0…255 to bytes. It has no gradient.
func (b *Graph) Uint8(x *G.Node) *G.Node {
	if b.err != nil {
		return nil
	}
	if x == nil {
		return b.fail("uint8: %w", errNil)
	}
	if x.Dims() == 0 {
		return b.fail("uint8 takes a tensor, not a scalar")
	}
	return b.apply(uint8Op{Shape: x.Shape()}, x)
}

func (op uint8Op) Arity() int { return 1 }
func (op uint8Op) Type() hm.Type {
	return hm.NewFnType(typeOf(len(op.Shape), hm.TypeVariable('a')), typeOf(len(op.Shape), tensor.Uint8))
}
func (op uint8Op) InferShape(...G.DimSizer) (tensor.Shape, error) { return op.Shape.Clone(), nil }
func (op uint8Op) String() string                                 { return fmt.Sprintf("Uint8 %v", op.Shape) }
func (op uint8Op) WriteHash(h hash.Hash)                          { writeHash(h, op) }
func (op uint8Op) Hashcode() uint32                               { return hashcode(op) }

func (op uint8Op) Do(in ...G.Value) (G.Value, error) {
	var out []uint8
	data, err := numbersOf(op, in)
	if err != nil {
		return nil, err
	}
	switch x := data[0].(type) {
	case []float32:
		out = bytesOf(x)
	case []float64:
		out = bytesOf(x)
	default:
		return nil, fmt.Errorf("builder: %v got %T: use float32 or float64", op, data[0])
	}
	return tensor.New(tensor.WithShape(op.Shape...), tensor.WithBacking(out)), nil
}

func bytesOf[T float](x []T) []uint8 {
	out := make([]uint8, len(x))
	for i, v := range x {
		out[i] = uint8(v)
	}
	return out
}

func (op uint8Op) ONNX(w ONNXWriter, in []string, _ [][]int64) (string, error) {
	const onnxUint8 = 2
	return w.Node("Cast", map[string]any{"to": int64(onnxUint8)}, in[0]), nil
}
