package builder

import (
	"fmt"
	"hash"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// pickOp takes one number of each row of x [n, levels]: that at the place round(v (levels-1)) of a value v [n] within [0,1].
// pickGradOp is its adjoint and puts zeros around each number.
type pickOp struct {
	opBase
	Of tensor.Shape
}

type pickGradOp struct {
	opBase
	Of tensor.Shape
}

var _ G.SDOp = pickOp{}

// pick returns, of each row of x [n, levels], the number at the place that a value [n] within [0,1] says.
func (b *Graph) pick(x, value *G.Node) *G.Node {
	if b.err != nil {
		return nil
	}
	return b.apply(pickOp{Of: x.Shape()}, x, value)
}

// places returns the places of values.
func places[T float](values []T, levels int) []int {
	at := make([]int, len(values))
	for i, v := range values {
		at[i] = min(max(int(float64(v)*float64(levels-1)+0.5), 0), levels-1)
	}
	return at
}

func (op pickOp) Arity() int { return 2 }
func (op pickOp) Type() hm.Type {
	a := hm.TypeVariable('a')
	return hm.NewFnType(typeOf(2, a), typeOf(1, a), typeOf(1, a))
}
func (op pickOp) InferShape(...G.DimSizer) (tensor.Shape, error) { return op.Of[:1].Clone(), nil }
func (op pickOp) String() string                                 { return fmt.Sprintf("Pick of %v", op.Of) }
func (op pickOp) WriteHash(h hash.Hash)                          { writeHash(h, op) }
func (op pickOp) Hashcode() uint32                               { return hashcode(op) }
func (op pickOp) DiffWRT(int) []bool                             { return []bool{true, false} }

func (op pickOp) Do(in ...G.Value) (G.Value, error) {
	data, err := numbersOf(op, in)
	if err != nil {
		return nil, err
	}
	switch x := data[0].(type) {
	case []float32:
		return valueOf(picked(x, places(data[1].([]float32), op.Of[1])), op.Of[:1].Clone()), nil
	case []float64:
		return valueOf(picked(x, places(data[1].([]float64), op.Of[1])), op.Of[:1].Clone()), nil
	}
	return nil, fmt.Errorf("builder: %v got %T: use a tensor of float32 or float64", op, data[0])
}

func picked[T float](x []T, at []int) []T {
	out, levels := make([]T, len(at)), len(x)/len(at)
	for i, k := range at {
		out[i] = x[i*levels+k]
	}
	return out
}

func (op pickOp) SymDiff(in G.Nodes, _, grad *G.Node) (G.Nodes, error) {
	n, err := G.ApplyOp(pickGradOp{Of: op.Of}, grad, in[1])
	return G.Nodes{n, nil}, err
}

func (op pickOp) ONNX(w ONNXWriter, in []string, _ [][]int64) (string, error) {
	at := w.Node("Unsqueeze", nil, onnxPlaces(w, in[1], op.Of[1]), w.Ints(1))
	return w.Node("Squeeze", nil, w.Node("GatherElements", map[string]any{"axis": int64(1)}, in[0], at), w.Ints(1)), nil
}

// onnxPlaces writes the places of values as int64.
func onnxPlaces(w ONNXWriter, values string, levels int) string {
	return w.Node("Cast", map[string]any{"to": int64(onnxInt64)}, w.Node("Round", nil, w.Node("Mul", nil, values, w.Numbers([]float64{float64(levels - 1)}))))
}

func (op pickGradOp) Arity() int { return 2 }
func (op pickGradOp) Type() hm.Type {
	a := hm.TypeVariable('a')
	return hm.NewFnType(typeOf(1, a), typeOf(1, a), typeOf(2, a))
}
func (op pickGradOp) InferShape(...G.DimSizer) (tensor.Shape, error) { return op.Of.Clone(), nil }
func (op pickGradOp) String() string                                 { return fmt.Sprintf("Pick gradient of %v", op.Of) }
func (op pickGradOp) WriteHash(h hash.Hash)                          { writeHash(h, op) }
func (op pickGradOp) Hashcode() uint32                               { return hashcode(op) }

func (op pickGradOp) Do(in ...G.Value) (G.Value, error) {
	data, err := numbersOf(op, in)
	if err != nil {
		return nil, err
	}
	switch g := data[0].(type) {
	case []float32:
		return valueOf(put(g, places(data[1].([]float32), op.Of[1]), op.Of[1]), op.Of.Clone()), nil
	case []float64:
		return valueOf(put(g, places(data[1].([]float64), op.Of[1]), op.Of[1]), op.Of.Clone()), nil
	}
	return nil, fmt.Errorf("builder: %v got %T: use a tensor of float32 or float64", op, data[0])
}

func put[T float](x []T, at []int, levels int) []T {
	out := make([]T, len(x)*levels)
	for i, k := range at {
		out[i*levels+k] = x[i]
	}
	return out
}

func (op pickGradOp) ONNX(w ONNXWriter, in []string, _ [][]int64) (string, error) {
	numbers := make([]int64, op.Of[1])
	for k := range numbers {
		numbers[k] = int64(k)
	}
	at := w.Node("Unsqueeze", nil, onnxPlaces(w, in[1], op.Of[1]), w.Ints(1))
	return w.Node("Where", nil, w.Node("Equal", nil, at, w.Ints(numbers...)), w.Node("Unsqueeze", nil, in[0], w.Ints(1)), w.Numbers([]float64{0})), nil
}
