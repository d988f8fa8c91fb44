package builder

import (
	"fmt"
	"hash"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// reluOp is y = max(x, 0) + slope min(x, 0); reluGradOp is its gradient, grad where y > 0 and slope·grad elsewhere.
// Both are one pass. gorgonia's Rectify is a comparison and a product, and its gradient multiplies again. The gradient
// takes y, which has x's sign for every slope from 0, so that only the forward pass reads x.
type reluOp struct {
	opBase
	Dims  int
	Slope float64
}

type reluGradOp struct {
	opBase
	Dims  int
	Slope float64
}

var _ G.SDOp = reluOp{}

func (op reluOp) Arity() int { return 1 }
func (op reluOp) Type() hm.Type {
	t := typeOf(op.Dims, hm.TypeVariable('a'))
	return hm.NewFnType(t, t)
}
func (op reluOp) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	return in[0].(tensor.Shape).Clone(), nil
}
func (op reluOp) String() string        { return fmt.Sprintf("ReLU slope %g", op.Slope) }
func (op reluOp) WriteHash(h hash.Hash) { writeHash(h, op) }
func (op reluOp) Hashcode() uint32      { return hashcode(op) }
func (op reluOp) DiffWRT(int) []bool    { return []bool{true} }

func (op reluOp) Do(in ...G.Value) (G.Value, error) {
	data, err := numbersOf(op, in)
	if err != nil {
		return nil, err
	}
	switch x := data[0].(type) {
	case float32:
		return valueOf(relu([]float32{x}, []float32{x}, float32(op.Slope)), nil), nil
	case float64:
		return valueOf(relu([]float64{x}, []float64{x}, op.Slope), nil), nil
	case []float32:
		return valueOf(relu(x, x, float32(op.Slope)), in[0].Shape().Clone()), nil
	case []float64:
		return valueOf(relu(x, x, op.Slope), in[0].Shape().Clone()), nil
	}
	return nil, fmt.Errorf("builder: %v got %T: use a tensor of float32 or float64", op, data[0])
}

func (op reluOp) SymDiff(_ G.Nodes, y, grad *G.Node) (G.Nodes, error) {
	n, err := G.ApplyOp(reluGradOp(op), y, grad)
	return G.Nodes{n}, err
}

func (op reluOp) ONNX(w ONNXWriter, in []string, _ [][]int64) (string, error) {
	if op.Slope == 0 {
		return w.Node("Relu", nil, in[0]), nil
	}
	return w.Node("LeakyRelu", map[string]any{"alpha": float32(op.Slope)}, in[0]), nil
}

func (op reluGradOp) Arity() int { return 2 }
func (op reluGradOp) Type() hm.Type {
	t := typeOf(op.Dims, hm.TypeVariable('a'))
	return hm.NewFnType(t, t, t)
}
func (op reluGradOp) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	return in[0].(tensor.Shape).Clone(), nil
}
func (op reluGradOp) String() string        { return fmt.Sprintf("ReLU gradient slope %g", op.Slope) }
func (op reluGradOp) WriteHash(h hash.Hash) { writeHash(h, op) }
func (op reluGradOp) Hashcode() uint32      { return hashcode(op) }

func (op reluGradOp) Do(in ...G.Value) (G.Value, error) {
	data, err := numbersOf(op, in)
	if err != nil {
		return nil, err
	}
	switch x := data[0].(type) {
	case []float32:
		return valueOf(relu(x, data[1].([]float32), float32(op.Slope)), in[0].Shape().Clone()), nil
	case []float64:
		return valueOf(relu(x, data[1].([]float64), op.Slope), in[0].Shape().Clone()), nil
	}
	return nil, fmt.Errorf("builder: %v got %T: use a tensor of float32 or float64", op, data[0])
}

func (op reluGradOp) ONNX(w ONNXWriter, in []string, _ [][]int64) (string, error) {
	positive := w.Node("Greater", nil, in[0], w.Numbers([]float64{0}))
	// Pictures are large: onnxruntime's Where takes two to three times as long for them as a product with zeros and ones.
	if op.Slope == 0 && op.Dims > 2 {
		return w.Node("Mul", nil, w.Node("Cast", map[string]any{"to": w.DType()}, positive), in[1]), nil
	}
	if op.Slope == 0 {
		return w.Node("Where", nil, positive, in[1], w.Numbers([]float64{0})), nil
	}
	return w.Node("Where", nil, positive, in[1], w.Node("Mul", nil, in[1], w.Numbers([]float64{op.Slope}))), nil
}

// relu returns y where x > 0 and slope·y elsewhere; NaN stays NaN in the forward pass, where y is x.
func relu[T float](x, y []T, slope T) []T {
	out := make([]T, len(x))
	for i, v := range x {
		switch {
		case v > 0 || v != v:
			out[i] = y[i]
		case slope != 0:
			out[i] = slope * y[i]
		}
	}
	return out
}
