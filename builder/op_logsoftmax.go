package builder

import (
	"fmt"
	"hash"
	"math"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// logSoftmaxOp is l - ln Σ exp(l) along the last of two axes; logSoftmaxGradOp its gradient g - exp(y) Σ g. gorgonia's
// own uses the tensor's first element as the largest of every row, so that rows far from it overflow or vanish.
type logSoftmaxOp struct{ opBase }

type logSoftmaxGradOp struct{ opBase }

var _ G.SDOp = logSoftmaxOp{}

// LogSoftmax returns l - ln Σ exp(l) along the last of two axes, finite for every finite l.
func (b *Graph) LogSoftmax(x *G.Node) *G.Node {
	if b.err == nil && (x == nil || x.Dims() != 2) {
		return b.fail("log-softmax takes [rows, categories], not %v", shapes(G.Nodes{x}))
	}
	return b.apply(logSoftmaxOp{}, x)
}

func (logSoftmaxOp) Arity() int { return 1 }
func (logSoftmaxOp) Type() hm.Type {
	t := typeOf(2, hm.TypeVariable('a'))
	return hm.NewFnType(t, t)
}
func (logSoftmaxOp) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	return in[0].(tensor.Shape).Clone(), nil
}
func (logSoftmaxOp) String() string           { return "LogSoftmax" }
func (op logSoftmaxOp) WriteHash(h hash.Hash) { writeHash(h, op) }
func (op logSoftmaxOp) Hashcode() uint32      { return hashcode(op) }
func (logSoftmaxOp) DiffWRT(int) []bool       { return []bool{true} }

func (op logSoftmaxOp) Do(in ...G.Value) (G.Value, error) {
	shape := in[0].Shape()
	data, err := numbersOf(op, in)
	if err != nil {
		return nil, err
	}
	switch x := data[0].(type) {
	case []float32:
		return valueOf(logSoftmax(x, shape[1]), shape.Clone()), nil
	case []float64:
		return valueOf(logSoftmax(x, shape[1]), shape.Clone()), nil
	}
	return nil, fmt.Errorf("builder: %v got %T: use a tensor of float32 or float64", op, data[0])
}

func logSoftmax[T float](x []T, k int) []T {
	out := make([]T, len(x))
	for at := 0; at < len(x); at += k {
		row := x[at : at+k]
		most := row[0]
		for _, v := range row {
			most = max(most, v)
		}
		sum := 0.0
		for _, v := range row {
			sum += math.Exp(float64(v - most))
		}
		logSum := T(math.Log(sum))
		for i, v := range row {
			out[at+i] = v - most - logSum
		}
	}
	return out
}

func (op logSoftmaxOp) SymDiff(_ G.Nodes, y, grad *G.Node) (G.Nodes, error) {
	n, err := G.ApplyOp(logSoftmaxGradOp{}, y, grad)
	return G.Nodes{n}, err
}

func (logSoftmaxOp) ONNX(w ONNXWriter, in []string, _ [][]int64) (string, error) {
	return w.Node("LogSoftmax", map[string]any{"axis": int64(-1)}, in[0]), nil
}

func (logSoftmaxGradOp) Arity() int { return 2 }
func (logSoftmaxGradOp) Type() hm.Type {
	t := typeOf(2, hm.TypeVariable('a'))
	return hm.NewFnType(t, t, t)
}
func (logSoftmaxGradOp) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	return in[0].(tensor.Shape).Clone(), nil
}
func (logSoftmaxGradOp) String() string           { return "LogSoftmax gradient" }
func (op logSoftmaxGradOp) WriteHash(h hash.Hash) { writeHash(h, op) }
func (op logSoftmaxGradOp) Hashcode() uint32      { return hashcode(op) }

func (op logSoftmaxGradOp) Do(in ...G.Value) (G.Value, error) {
	shape := in[0].Shape()
	data, err := numbersOf(op, in)
	if err != nil {
		return nil, err
	}
	switch y := data[0].(type) {
	case []float32:
		return valueOf(logSoftmaxGrad(y, data[1].([]float32), shape[1]), shape.Clone()), nil
	case []float64:
		return valueOf(logSoftmaxGrad(y, data[1].([]float64), shape[1]), shape.Clone()), nil
	}
	return nil, fmt.Errorf("builder: %v got %T: use a tensor of float32 or float64", op, data[0])
}

func logSoftmaxGrad[T float](y, g []T, k int) []T {
	out := make([]T, len(y))
	for at := 0; at < len(y); at += k {
		var sum T
		for _, v := range g[at : at+k] {
			sum += v
		}
		for i := at; i < at+k; i++ {
			out[i] = g[i] - T(math.Exp(float64(y[i])))*sum
		}
	}
	return out
}

func (logSoftmaxGradOp) ONNX(w ONNXWriter, in []string, _ [][]int64) (string, error) {
	sum := w.Node("ReduceSum", map[string]any{"keepdims": int64(1)}, in[1], w.Ints(1))
	return w.Node("Sub", nil, in[1], w.Node("Mul", nil, w.Node("Exp", nil, in[0]), sum)), nil
}
