package builder

import (
	"fmt"
	"hash"
	"math"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// logFactorialOp is ln x! = ln Γ(x+1) of counts. No gradient passes.
type logFactorialOp struct {
	opBase
	Dims int
}

var _ G.SDOp = logFactorialOp{}

// logFactorial returns ln x! of whole numbers from 0. No gradient passes.
func (b *Graph) logFactorial(x *G.Node) *G.Node {
	if b.err != nil {
		return nil
	}
	if x == nil || x.Dims() == 0 {
		return b.fail("ln x! takes a tensor, not %v", shapes(G.Nodes{x}))
	}
	return b.apply(logFactorialOp{Dims: x.Dims()}, x)
}

func (op logFactorialOp) Arity() int { return 1 }
func (op logFactorialOp) Type() hm.Type {
	t := typeOf(op.Dims, hm.TypeVariable('a'))
	return hm.NewFnType(t, t)
}
func (op logFactorialOp) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	return in[0].(tensor.Shape).Clone(), nil
}
func (op logFactorialOp) String() string        { return fmt.Sprintf("LogFactorial of rank %d", op.Dims) }
func (op logFactorialOp) WriteHash(h hash.Hash) { writeHash(h, op) }
func (op logFactorialOp) Hashcode() uint32      { return hashcode(op) }
func (op logFactorialOp) DiffWRT(int) []bool    { return []bool{false} }

func (op logFactorialOp) Do(in ...G.Value) (G.Value, error) {
	data, err := numbersOf(op, in)
	if err != nil {
		return nil, err
	}
	switch x := data[0].(type) {
	case []float32:
		return valueOf(logFactorials(x), in[0].Shape().Clone()), nil
	case []float64:
		return valueOf(logFactorials(x), in[0].Shape().Clone()), nil
	}
	return nil, fmt.Errorf("builder: %v got %T: use a tensor of float32 or float64", op, data[0])
}

func logFactorials[T float](x []T) []T {
	out := make([]T, len(x))
	for i, v := range x {
		if v > 1 {
			y, _ := math.Lgamma(float64(v) + 1)
			out[i] = T(y)
		}
	}
	return out
}

func (op logFactorialOp) SymDiff(G.Nodes, *G.Node, *G.Node) (G.Nodes, error) {
	return G.Nodes{nil}, nil
}

// ONNX, which has no such operator, writes Stirling's series (DLMF 5.11.1) at y = x + 4, less the factors from x+1 to x+3:
//
//	ln x! = (y-1/2) ln y - y + ln(2π)/2 + 1/(12y) - 1/(360y³) + 1/(1260y⁵) - ln((x+1)(x+2)(x+3))
//
// The first term that is left out is below 4e-8.
func (op logFactorialOp) ONNX(w ONNXWriter, in []string, _ [][]int64) (string, error) {
	number := func(x float64) string { return w.Numbers([]float64{x}) }
	add := func(a, b string) string { return w.Node("Add", nil, a, b) }
	mul := func(a, b string) string { return w.Node("Mul", nil, a, b) }
	x := in[0]
	y := add(x, number(4))
	inverse := w.Node("Reciprocal", nil, y)
	square := mul(inverse, inverse)
	series := add(number(1.0/12), mul(square, add(number(-1.0/360), mul(square, number(1.0/1260)))))
	factors := mul(mul(add(x, number(1)), add(x, number(2))), add(x, number(3)))
	main := w.Node("Sub", nil, mul(add(y, number(-0.5)), w.Node("Log", nil, y)), y)
	return w.Node("Sub", nil, add(add(main, number(0.5*math.Log(2*math.Pi))), mul(inverse, series)), w.Node("Log", nil, factors)), nil
}
