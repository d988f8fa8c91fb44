package builder

import (
	"fmt"
	"hash"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// normalizeOp is y = (x - mean) · factor, where mean and factor = 1/√(variance + ε) are made of x over axes. Its gradient by x
// includes the ways through both, so that they are read as constants:
//
//	∂x = factor · (∂y - mean(∂y) - y · mean(∂y · y))
//
// This is Ioffe and Szegedy 1502.03167, section 3, brought to one line: three passes over the numbers, where differentiating
// the formulas one by one takes seven.
type normalizeOp struct {
	opBase
	Shape tensor.Shape
	Axes  []int
}

var _ G.SDOp = normalizeOp{}

func (op normalizeOp) Arity() int { return 3 }
func (op normalizeOp) Type() hm.Type {
	a := hm.TypeVariable('a')
	x, s := typeOf(len(op.Shape), a), typeOf(len(op.Shape)-len(op.Axes), a)
	return hm.NewFnType(x, s, s, x)
}
func (op normalizeOp) InferShape(...G.DimSizer) (tensor.Shape, error) { return op.Shape.Clone(), nil }
func (op normalizeOp) String() string {
	return fmt.Sprintf("Normalize %v over %v", op.Shape, op.Axes)
}
func (op normalizeOp) WriteHash(h hash.Hash) { writeHash(h, op) }
func (op normalizeOp) Hashcode() uint32      { return hashcode(op) }
func (op normalizeOp) DiffWRT(int) []bool    { return []bool{true, false, false} }

func (op normalizeOp) Do(in ...G.Value) (G.Value, error) {
	data, err := numbersOf(op, in)
	if err != nil {
		return nil, err
	}
	switch x := data[0].(type) {
	case []float32:
		return valueOf(normalize(x, data[1].([]float32), data[2].([]float32), op.Shape, op.Axes), op.Shape), nil
	case []float64:
		return valueOf(normalize(x, data[1].([]float64), data[2].([]float64), op.Shape, op.Axes), op.Shape), nil
	}
	return nil, fmt.Errorf("builder: %v got %T: use a tensor of float32 or float64", op, data[0])
}

func normalize[T float](x, mean, factor []T, shape tensor.Shape, axes []int) []T {
	means, factors := expandAxes(mean, shape, axes), expandAxes(factor, shape, axes)
	out := make([]T, len(x))
	for i, v := range x {
		out[i] = (v - means[i]) * factors[i]
	}
	return out
}

func (op normalizeOp) SymDiff(in G.Nodes, y, grad *G.Node) (G.Nodes, error) {
	b := Over(grad.Graph(), &Params{dtype: grad.Dtype()})
	count := 1
	for _, a := range op.Axes {
		count *= op.Shape[a]
	}
	mean := func(x *G.Node) *G.Node {
		return b.ExpandLike(b.Div(b.Sum(x, op.Axes...), b.Number(float64(count))), y, op.Axes...)
	}
	rest := b.Sub(b.Sub(grad, mean(grad)), b.Mul(y, mean(b.Mul(grad, y))))
	return G.Nodes{b.Mul(rest, b.ExpandLike(in[2], y, op.Axes...)), nil, nil}, b.Err()
}

func (op normalizeOp) ONNX(w ONNXWriter, in []string, shapes [][]int64) (string, error) {
	like := func(x string) (string, error) {
		return expandOp{To: op.Shape, Axes: op.Axes}.ONNX(w, []string{x, in[0]}, [][]int64{nil, shapes[0], shapes[0]})
	}
	mean, err := like(in[1])
	if err != nil {
		return "", err
	}
	factor, err := like(in[2])
	if err != nil {
		return "", err
	}
	return w.Node("Mul", nil, w.Node("Sub", nil, in[0], mean), factor), nil
}
