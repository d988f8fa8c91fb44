package builder

import (
	"fmt"
	"hash"
	"math"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// softplusOp is sp(x) = max(x,0) + log1p(exp(-|x|)), whose gradient is σ(x). gorgonia's is x itself from 16 on, which is
// off by up to 1.1e-7: visible in float64, and in the gradient checks.
type softplusOp struct {
	opBase
	Dims int
}

var _ G.SDOp = softplusOp{}

// Softplus returns sp(x) = max(x,0) + log1p(e^-|x|) = -ln σ(-x), finite for every finite x. Special cases: sp(-∞) = 0,
// sp(+∞) = +∞, sp(NaN) = NaN.
func (b *Graph) Softplus(x *G.Node) *G.Node {
	if b.err == nil && x == nil {
		return b.fail("softplus: %w", errNil)
	}
	if b.err != nil {
		return nil
	}
	return b.apply(softplusOp{Dims: x.Dims()}, x)
}

func (op softplusOp) Arity() int { return 1 }
func (op softplusOp) Type() hm.Type {
	t := typeOf(op.Dims, hm.TypeVariable('a'))
	return hm.NewFnType(t, t)
}
func (op softplusOp) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	return in[0].(tensor.Shape).Clone(), nil
}
func (op softplusOp) String() string        { return "Softplus" }
func (op softplusOp) WriteHash(h hash.Hash) { fmt.Fprintf(h, "%v of rank %d", op, op.Dims) }
func (op softplusOp) Hashcode() uint32      { return hashcode(op) }
func (op softplusOp) DiffWRT(int) []bool    { return []bool{true} }

func (op softplusOp) Do(in ...G.Value) (G.Value, error) {
	switch x := in[0].Data().(type) {
	case []float32:
		return valueOf(softplus(x), in[0].Shape().Clone()), nil
	case []float64:
		return valueOf(softplus(x), in[0].Shape().Clone()), nil
	}
	return nil, fmt.Errorf("builder: %v got %T: use a tensor of float32 or float64", op, in[0].Data())
}

func softplus[T float](x []T) []T {
	out := make([]T, len(x))
	for i, v := range x {
		out[i] = T(max(float64(v), 0) + math.Log1p(math.Exp(-math.Abs(float64(v)))))
	}
	return out
}

func (op softplusOp) SymDiff(in G.Nodes, _, grad *G.Node) (G.Nodes, error) {
	s, err := G.ApplyOp(sigmoidOp(op), in[0])
	if err != nil {
		return nil, err
	}
	n, err := G.HadamardProd(s, grad)
	return G.Nodes{n}, err
}

// ONNX writes Softplus, which onnxruntime computes by the same formula, but in float32 only: in float64 the formula is
// written out, with the logarithm's argument kept away from what 1 + e rounds off.
func (op softplusOp) ONNX(w ONNXWriter, in []string, _ [][]int64) (string, error) {
	const onnxFloat64 = 11
	x := in[0]
	if w.DType() != onnxFloat64 {
		return w.Node("Softplus", nil, x), nil
	}
	one := w.Numbers([]float64{1})
	e := w.Node("Exp", nil, w.Node("Neg", nil, w.Node("Abs", nil, x)))
	sum := w.Node("Add", nil, e, one) // log1p by Kahan's correction
	tail := w.Node("Where", nil, w.Node("Equal", nil, sum, one), e,
		w.Node("Mul", nil, w.Node("Log", nil, sum), w.Node("Div", nil, e, w.Node("Sub", nil, sum, one))))
	return w.Node("Add", nil, w.Node("Relu", nil, x), tail), nil
}
