package builder

import (
	"fmt"
	"hash"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// stopGradientOp is the identity, through which no gradient passes.
type stopGradientOp struct {
	flatBase
	Dims int
}

var _ G.SDOp = stopGradientOp{}

// StopGradient returns x, through which no gradient passes: the gradient is that of a constant. With it a hard value gets
// the gradient of a soft one (straight-through, Bengio et al. 1308.3432):
//
//	z = soft + StopGradient(hard - soft)
func (b *Graph) StopGradient(x *G.Node) *G.Node {
	if b.err != nil {
		return nil
	}
	if x == nil {
		return b.fail("stop gradient: %w", errNil)
	}
	return b.apply(stopGradientOp{Dims: x.Dims()}, x)
}

func (op stopGradientOp) Arity() int { return 1 }
func (op stopGradientOp) Type() hm.Type {
	t := typeOf(op.Dims, hm.TypeVariable('a'))
	return hm.NewFnType(t, t)
}
func (op stopGradientOp) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	return in[0].(tensor.Shape).Clone(), nil
}
func (op stopGradientOp) String() string                    { return fmt.Sprintf("StopGradient of rank %d", op.Dims) }
func (op stopGradientOp) WriteHash(h hash.Hash)             { writeHash(h, op) }
func (op stopGradientOp) Hashcode() uint32                  { return hashcode(op) }
func (op stopGradientOp) Do(in ...G.Value) (G.Value, error) { return G.CloneValue(in[0]) }

func (op stopGradientOp) ONNX(w ONNXWriter, in []string, _ [][]int64) (string, error) {
	return w.Node("Identity", nil, in[0]), nil
}
