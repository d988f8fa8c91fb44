package export

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/catvae/catvae/internal/onnxpb"
)

// foldNumbers computes what is made of constants of no dimensions alone: a batch's size and its inverse, a sign. Only
// operations that IEEE 754 rounds correctly are folded, in the type in which the graph would have computed them, so that
// no bit changes.
//
//	1 ─┐
//	   Div ─ y   =>   0.0078125
//	128 ┘
func (e *emitter) foldNumbers() bool {
	values := e.numbers()
	replaced := map[string]string{}
	for _, n := range e.graph.Node {
		if e.isOutput(n.Output[0]) {
			continue
		}
		operands := make([]*onnxpb.TensorProto, len(n.Input))
		for i, in := range n.Input {
			if to, ok := replaced[in]; ok {
				in = to
			}
			operands[i] = values[in]
		}
		if slices.Contains(operands, nil) || len(operands) == 0 {
			continue
		}
		x, y := operands[0], operands[len(operands)-1]
		if x.GetDataType() != y.GetDataType() {
			continue
		}
		var name string
		if x.GetDataType() == int32(onnxpb.TensorProto_DOUBLE) {
			z, ok := arithmetic(n.GetOpType(), float64At(x), float64At(y))
			if !ok {
				continue
			}
			name = e.constant("number", onnxpb.TensorProto_DOUBLE, nil, []float64{z})
		} else {
			z, ok := arithmetic(n.GetOpType(), float32At(x), float32At(y))
			if !ok {
				continue
			}
			name = e.constant("number", onnxpb.TensorProto_FLOAT, nil, []float32{z})
		}
		replaced[n.Output[0]] = name
		values = e.numbers()
	}
	return e.replace(replaced)
}

// numbers returns the float constants of no dimensions.
func (e *emitter) numbers() map[string]*onnxpb.TensorProto {
	values := map[string]*onnxpb.TensorProto{}
	for _, t := range e.graph.Initializer {
		if d := onnxpb.TensorProto_DataType(t.GetDataType()); len(t.Dims) == 0 && (d == onnxpb.TensorProto_FLOAT || d == onnxpb.TensorProto_DOUBLE) {
			values[t.GetName()] = t
		}
	}
	return values
}

func float32At(t *onnxpb.TensorProto) float32 {
	return math.Float32frombits(binary.LittleEndian.Uint32(t.RawData))
}

func float64At(t *onnxpb.TensorProto) float64 {
	return math.Float64frombits(binary.LittleEndian.Uint64(t.RawData))
}

// arithmetic computes an operation; x and y are one for those of one operand.
func arithmetic[T float32 | float64](op string, x, y T) (T, bool) {
	switch op {
	case "Add":
		return x + y, true
	case "Sub":
		return x - y, true
	case "Mul":
		return x * y, true
	case "Div":
		return x / y, true
	case "Neg":
		return -x, true
	case "Sqrt":
		return T(math.Sqrt(float64(x))), true // correctly rounded: float64 has more than twice float32's digits
	}
	return 0, false
}

// dropNeutral drops what changes nothing, which symbolic differentiation leaves behind:
//
//	x · 1, x / 1, x - 0, -(-x)   =>   x
func (e *emitter) dropNeutral() bool {
	values, producer := e.numbers(), e.producers()
	is := func(value string, want float64) bool {
		t := values[value]
		switch {
		case t == nil:
			return false
		case t.GetDataType() == int32(onnxpb.TensorProto_DOUBLE):
			return float64At(t) == want
		}
		return float64(float32At(t)) == want
	}
	replaced := map[string]string{}
	for _, n := range e.graph.Node {
		if e.isOutput(n.Output[0]) {
			continue
		}
		switch op := n.GetOpType(); {
		case op == "Mul" && is(n.Input[0], 1):
			replaced[n.Output[0]] = n.Input[1]
		case op == "Mul" && is(n.Input[1], 1), op == "Div" && is(n.Input[1], 1), op == "Sub" && is(n.Input[1], 0):
			replaced[n.Output[0]] = n.Input[0]
		case op == "Neg":
			if inner := producer[n.Input[0]]; inner != nil && inner.GetOpType() == "Neg" {
				replaced[n.Output[0]] = inner.Input[0]
			}
		}
	}
	return e.replace(replaced)
}

// moveSigns joins a change of sign with the sum that follows or precedes it:
//
//	x + (-y)   =>   x - y        (-x) + y   =>   y - x
//	x - (-y)   =>   x + y        -(x - y)   =>   y - x
//
// The last is done where nobody else reads x - y. It may turn -0 into +0, which compares equal.
func (e *emitter) moveSigns() (changed bool) {
	producer, uses := e.producers(), e.uses()
	negated := func(value string) (string, bool) {
		n := producer[value]
		if n == nil || n.GetOpType() != "Neg" {
			return "", false
		}
		return n.Input[0], true
	}
	become := func(n *onnxpb.NodeProto, op, x, y string) {
		n.OpType, n.Input, changed = &op, []string{x, y}, true
	}
	for _, n := range e.graph.Node {
		switch n.GetOpType() {
		case "Add":
			if y, ok := negated(n.Input[1]); ok {
				become(n, "Sub", n.Input[0], y)
			} else if x, ok := negated(n.Input[0]); ok {
				become(n, "Sub", n.Input[1], x)
			}
		case "Sub":
			if y, ok := negated(n.Input[1]); ok {
				become(n, "Add", n.Input[0], y)
			}
		case "Neg":
			if d := producer[n.Input[0]]; d != nil && d.GetOpType() == "Sub" && uses[n.Input[0]] == 1 {
				become(n, "Sub", d.Input[1], d.Input[0])
			}
		}
	}
	return changed
}
