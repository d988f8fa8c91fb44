package builder

import (
	"fmt"
	"hash"
	"math"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// sigmoidOp is σ(x) = 1 / (1 + e⁻ˣ), whose gradient is y (1-y). gorgonia's is 1 itself from 16 on: see [softplusOp].
type sigmoidOp struct {
	opBase
	Dims int
}

var _ G.SDOp = sigmoidOp{}

// Sigmoid returns σ(x) = 1 / (1 + e⁻ˣ), within [0,1] for every x. Special cases: σ(-∞) = 0, σ(+∞) = 1, σ(NaN) = NaN.
func (b *Graph) Sigmoid(x *G.Node) *G.Node {
	if b.err == nil && x == nil {
		return b.fail("sigmoid: %w", errNil)
	}
	if b.err != nil {
		return nil
	}
	return b.apply(sigmoidOp{Dims: x.Dims()}, x)
}

func (op sigmoidOp) Arity() int { return 1 }
func (op sigmoidOp) Type() hm.Type {
	t := typeOf(op.Dims, hm.TypeVariable('a'))
	return hm.NewFnType(t, t)
}
func (op sigmoidOp) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	return in[0].(tensor.Shape).Clone(), nil
}
func (op sigmoidOp) String() string        { return "Sigmoid" }
func (op sigmoidOp) WriteHash(h hash.Hash) { fmt.Fprintf(h, "%v of rank %d", op, op.Dims) }
func (op sigmoidOp) Hashcode() uint32      { return hashcode(op) }
func (op sigmoidOp) DiffWRT(int) []bool    { return []bool{true} }

func (op sigmoidOp) Do(in ...G.Value) (G.Value, error) {
	switch x := in[0].Data().(type) {
	case []float32:
		return valueOf(sigmoid(x), in[0].Shape().Clone()), nil
	case []float64:
		return valueOf(sigmoid(x), in[0].Shape().Clone()), nil
	}
	return nil, fmt.Errorf("builder: %v got %T: use a tensor of float32 or float64", op, in[0].Data())
}

func sigmoid[T float](x []T) []T {
	out := make([]T, len(x))
	for i, v := range x {
		out[i] = T(1 / (1 + math.Exp(-float64(v))))
	}
	return out
}

func (op sigmoidOp) SymDiff(_ G.Nodes, y, grad *G.Node) (G.Nodes, error) {
	var one any = 1.0
	if y.Dtype() == tensor.Float32 {
		one = float32(1)
	}
	rest, err := G.Sub(G.NewConstant(one), y)
	if err != nil {
		return nil, err
	}
	slope, err := G.HadamardProd(y, rest)
	if err != nil {
		return nil, err
	}
	n, err := G.HadamardProd(slope, grad)
	return G.Nodes{n}, err
}

func (op sigmoidOp) ONNX(w ONNXWriter, in []string, _ [][]int64) (string, error) {
	return w.Node("Sigmoid", nil, in[0]), nil
}
