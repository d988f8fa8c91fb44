package builder

import (
	"fmt"
	"hash"
	"math"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// pointwiseOp applies a function to each element. It exists for the two that gorgonia rounds (its sigmoid is 1 and its
// softplus x from x = 16 on, which is off by up to 1.1e-7; visible in float64, and in gradient checks), and for those
// that it lacks.
type pointwiseOp struct {
	opBase
	Dims     int
	Function pointwise
}

// A pointwise is the name of a function.
type pointwise string

const (
	sigmoid  pointwise = "Sigmoid"  // 1 / (1 + e⁻ˣ)
	softplus pointwise = "Softplus" // max(x,0) + log1p(e^-|x|)
	erf      pointwise = "Erf"      // 2/√π ∫₀ˣ e^-t² dt
	elu      pointwise = "Elu"      // max(x,0) + e^min(x,0) - 1
)

var _ G.SDOp = pointwiseOp{}

// Sigmoid returns σ(x) = 1 / (1 + e⁻ˣ), within [0,1] for every x. Special cases: σ(-∞) = 0, σ(+∞) = 1, σ(NaN) = NaN.
func (b *Graph) Sigmoid(x *G.Node) *G.Node { return b.pointwise(sigmoid, x) }

// Softplus returns sp(x) = max(x,0) + log1p(e^-|x|) = -ln σ(-x), finite for every finite x. Special cases: sp(-∞) = 0,
// sp(+∞) = +∞, sp(NaN) = NaN.
func (b *Graph) Softplus(x *G.Node) *G.Node { return b.pointwise(softplus, x) }

// Erf returns the error function, 2/√π ∫₀ˣ e^-t² dt, within [-1,1].
func (b *Graph) Erf(x *G.Node) *G.Node { return b.pointwise(erf, x) }

// ELU returns x where it is positive, and e^x - 1 elsewhere (Clevert et al. 1511.07289, equation 15, α = 1).
func (b *Graph) ELU(x *G.Node) *G.Node { return b.pointwise(elu, x) }

// GELU returns x Φ(x) = x/2 (1 + erf(x/√2)), Φ being the normal distribution's: Hendrycks and Gimpel 1606.08415, section 2. It is the exact
// form, not the one by tanh.
func (b *Graph) GELU(x *G.Node) *G.Node {
	phi := b.Mul(b.Number(0.5), b.Add(b.Number(1), b.Erf(b.Mul(x, b.Number(1/math.Sqrt2)))))
	return b.Mul(x, phi)
}

// SiLU returns x σ(x), also called swish: Ramachandran et al. 1710.05941, equation 1.
func (b *Graph) SiLU(x *G.Node) *G.Node { return b.Mul(x, b.Sigmoid(x)) }

func (b *Graph) pointwise(f pointwise, x *G.Node) *G.Node {
	if b.err != nil {
		return nil
	}
	if x == nil {
		return b.fail("%s: %w", f, errNil)
	}
	return b.apply(pointwiseOp{Dims: x.Dims(), Function: f}, x)
}

func (f pointwise) at(x float64) float64 {
	switch f {
	case sigmoid:
		return 1 / (1 + math.Exp(-x))
	case erf:
		return math.Erf(x)
	case elu:
		if x > 0 {
			return x
		}
		return math.Expm1(x)
	}
	return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x)))
}

func (op pointwiseOp) Arity() int { return 1 }
func (op pointwiseOp) Type() hm.Type {
	t := typeOf(op.Dims, hm.TypeVariable('a'))
	return hm.NewFnType(t, t)
}
func (op pointwiseOp) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	return in[0].(tensor.Shape).Clone(), nil
}
func (op pointwiseOp) String() string        { return string(op.Function) }
func (op pointwiseOp) WriteHash(h hash.Hash) { fmt.Fprintf(h, "%v of rank %d", op, op.Dims) }
func (op pointwiseOp) Hashcode() uint32      { return hashcode(op) }
func (op pointwiseOp) DiffWRT(int) []bool    { return []bool{true} }

func (op pointwiseOp) Do(in ...G.Value) (G.Value, error) {
	data, err := numbersOf(op, in)
	if err != nil {
		return nil, err
	}
	switch x := data[0].(type) {
	case float32:
		return valueOf(each(op.Function, []float32{x}), nil), nil
	case float64:
		return valueOf(each(op.Function, []float64{x}), nil), nil
	case []float32:
		return valueOf(each(op.Function, x), in[0].Shape().Clone()), nil
	case []float64:
		return valueOf(each(op.Function, x), in[0].Shape().Clone()), nil
	}
	return nil, fmt.Errorf("builder: %v got %T: use a tensor of float32 or float64", op, data[0])
}

func each[T float](f pointwise, x []T) []T {
	out := make([]T, len(x))
	for i, v := range x {
		out[i] = T(f.at(float64(v)))
	}
	return out
}

// SymDiff: dσ/dx = σ (1-σ), dsp/dx = σ, derf/dx = 2/√π e^-x², delu/dx = 1 + min(elu, 0).
func (op pointwiseOp) SymDiff(in G.Nodes, y, grad *G.Node) (G.Nodes, error) {
	var slope *G.Node
	var err error
	number := func(x float64) *G.Node {
		if y.Dtype() == tensor.Float32 {
			return G.NewConstant(float32(x))
		}
		return G.NewConstant(x)
	}
	switch op.Function {
	case softplus:
		slope, err = G.ApplyOp(pointwiseOp{Dims: op.Dims, Function: sigmoid}, in[0])
	case sigmoid:
		if slope, err = G.Sub(number(1), y); err == nil {
			slope, err = G.HadamardProd(y, slope)
		}
	case elu:
		if slope, err = G.Neg(y); err == nil {
			if slope, err = G.ApplyOp(reluOp{Dims: op.Dims}, slope); err == nil {
				slope, err = G.Sub(number(1), slope)
			}
		}
	case erf:
		if slope, err = G.Square(in[0]); err == nil {
			if slope, err = G.Neg(slope); err == nil {
				if slope, err = G.Exp(slope); err == nil {
					slope, err = G.HadamardProd(slope, number(2/math.Sqrt(math.Pi)))
				}
			}
		}
	}
	if err != nil {
		return nil, err
	}
	n, err := G.HadamardProd(slope, grad)
	return G.Nodes{n}, err
}

// ONNX writes the operator of the same name. onnxruntime computes Softplus by the formula above, and Elu, but in float32 only: in
// float64 the formulas are written out, Softplus with Kahan's correction for what 1 + e rounds away.
func (op pointwiseOp) ONNX(w ONNXWriter, in []string, _ [][]int64) (string, error) {
	x := in[0]
	if op.Function != softplus && op.Function != elu || w.DType() != onnxFloat64 {
		return w.Node(string(op.Function), nil, x), nil
	}
	one := w.Numbers([]float64{1})
	if op.Function == elu {
		below := w.Node("Neg", nil, w.Node("Relu", nil, w.Node("Neg", nil, x)))
		return w.Node("Add", nil, w.Node("Relu", nil, x), w.Node("Sub", nil, w.Node("Exp", nil, below), one)), nil
	}
	e := w.Node("Exp", nil, w.Node("Neg", nil, w.Node("Abs", nil, x)))
	sum := w.Node("Add", nil, e, one)
	tail := w.Node("Where", nil, w.Node("Equal", nil, sum, one), e,
		w.Node("Mul", nil, w.Node("Log", nil, sum), w.Node("Div", nil, e, w.Node("Sub", nil, sum, one))))
	return w.Node("Add", nil, w.Node("Relu", nil, x), tail), nil
}
