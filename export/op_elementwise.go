package export

import (
	"fmt"
	"math"

	"github.com/catvae/catvae/internal/onnxpb"
	"gorgonia.org/tensor"
)

// unaryOp lowers an operation that ONNX has under another name. https://onnx.ai/onnx/operators/, opset 17.
func unaryOp(op string) func(*emitter, *node) (string, error) {
	return func(e *emitter, n *node) (string, error) { return e.Node(op, nil, e.in(n, 0)), nil }
}

// binaryOp lowers an elementwise operation of two operands.
func binaryOp(op string) func(*emitter, *node) (string, error) {
	return func(e *emitter, n *node) (string, error) {
		x, y, err := e.operands(n)
		if err != nil {
			return "", err
		}
		return e.Node(op, nil, x, y), nil
	}
}

// operands returns the two operands of an elementwise operation in shapes that ONNX combines as gorgonia does. gorgonia
// takes [n] and [n,1] for equal, where ONNX would make [n,n] of them.
func (e *emitter) operands(n *node) (x, y string, err error) {
	values := [2]string{e.in(n, 0), e.in(n, 1)}
	for i := range values {
		shape := n.in[i].shape
		if len(shape) == 0 || sameDims(shape, n.shape) {
			continue
		}
		if values[i], err = e.reshape(values[i], n.shape); err != nil {
			return "", "", err
		}
	}
	return values[0], values[1], nil
}

// comparison lowers a comparison. With retSame gorgonia wants 0 and 1 in the operands' type; ONNX always gives booleans.
func comparison(op string, negate bool) func(*emitter, *node) (string, error) {
	return func(e *emitter, n *node) (string, error) {
		x, y, err := e.operands(n)
		if err != nil {
			return "", err
		}
		result := e.Node(op, nil, x, y)
		if negate {
			result = e.Node("Not", nil, result)
		}
		if n.dtype() == tensor.Bool {
			return result, nil
		}
		return e.cast(result, onnxType(n.dtype())), nil
	}
}

func (e *emitter) cast(value string, to onnxpb.TensorProto_DataType) string {
	return e.Node("Cast", map[string]any{"to": int64(to)}, value)
}

// lowerConvert: https://onnx.ai/onnx/operators/onnx__Cast.html
func lowerConvert(e *emitter, n *node) (string, error) {
	to := onnxType(n.dtype())
	if to == onnxpb.TensorProto_UNDEFINED {
		return "", fmt.Errorf("export: %s: %v cannot be written in ONNX: %w", label(n.first), n.dtype(), ErrUnsupportedOp)
	}
	return e.cast(e.in(n, 0), to), nil
}

func lowerSquare(e *emitter, n *node) (string, error) {
	return e.Node("Mul", nil, e.in(n, 0), e.in(n, 0)), nil
}

func lowerCube(e *emitter, n *node) (string, error) {
	x := e.in(n, 0)
	return e.Node("Mul", nil, e.Node("Mul", nil, x, x), x), nil
}

func lowerInverseSqrt(e *emitter, n *node) (string, error) {
	return e.Node("Reciprocal", nil, e.Node("Sqrt", nil, e.in(n, 0))), nil
}

func lowerLog2(e *emitter, n *node) (string, error) {
	return e.Node("Mul", nil, e.Node("Log", nil, e.in(n, 0)), e.Numbers([]float64{1 / math.Ln2})), nil
}

// lowerSoftplus: onnxruntime's Softplus is stable, but exists in float32 only. In float64 the formula is written out:
// max(x,0) + log1p(exp(-|x|)).
func lowerSoftplus(e *emitter, n *node) (string, error) {
	x := e.in(n, 0)
	if n.dtype() == tensor.Float32 {
		return e.Node("Softplus", nil, x), nil
	}
	tail := e.log1p(e.Node("Exp", nil, e.Node("Neg", nil, e.Node("Abs", nil, x))))
	return e.Node("Add", nil, e.Node("Relu", nil, x), tail), nil
}

func lowerLog1p(e *emitter, n *node) (string, error) { return e.log1p(e.in(n, 0)), nil }

// log1p writes ln(1+x) with Kahan's correction for what 1+x rounds away (HP-15C Advanced Functions Handbook, 1982):
//
//	w = 1+x;   w = 1: x;   else: ln(w) · x/(w-1)
func (e *emitter) log1p(x string) string {
	one := e.Numbers([]float64{1})
	w := e.Node("Add", nil, x, one)
	corrected := e.Node("Mul", nil, e.Node("Log", nil, w), e.Node("Div", nil, x, e.Node("Sub", nil, w, one)))
	return e.Node("Where", nil, e.Node("Equal", nil, w, one), x, corrected)
}

// lowerExpm1 writes eˣ-1 as tanh(x/2) (eˣ+1), which loses nothing near 0.
func lowerExpm1(e *emitter, n *node) (string, error) {
	x := e.in(n, 0)
	half := e.Node("Tanh", nil, e.Node("Mul", nil, x, e.Numbers([]float64{0.5})))
	return e.Node("Mul", nil, half, e.Node("Add", nil, e.Node("Exp", nil, x), e.Numbers([]float64{1}))), nil
}
