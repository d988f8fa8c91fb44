package onnxcheck

import (
	"slices"
	"strings"

	"github.com/catvae/catvae/internal/onnxop"
	"github.com/catvae/catvae/internal/onnxpb"
)

// Integer division by -1 of the least integer is a fault of the processor, which ends the whole process; onnxruntime looks for
// divisors of 0 only. So integers are divided by numbers that the file holds, and that are not -1. Which values are integers
// follows from the types of inputs and initialisers; what is not known may be one.

// resultTypes are the element types of the first result where it is not that of the first operand. 0 is unknown.
var resultTypes = map[string]func(s *scope, n *onnxpb.NodeProto) int32{
	"Cast":                  func(_ *scope, n *onnxpb.NodeProto) int32 { return int32(attribute(n, "to").GetI()) },
	"CastLike":              ofOperand(1),
	"Where":                 ofOperand(1),
	"OneHot":                ofOperand(2),
	"DequantizeLinear":      ofOperand(1),
	"Constant":              constantType,
	"ConstantOfShape":       constantType,
	"Shape":                 always(onnxpb.TensorProto_INT64),
	"Size":                  always(onnxpb.TensorProto_INT64),
	"NonZero":               always(onnxpb.TensorProto_INT64),
	"ArgMax":                always(onnxpb.TensorProto_INT64),
	"ArgMin":                always(onnxpb.TensorProto_INT64),
	"Scan":                  always(onnxpb.TensorProto_UNDEFINED),
	"QuantizeLinear":        always(onnxpb.TensorProto_UNDEFINED),
	"DynamicQuantizeLinear": always(onnxpb.TensorProto_UINT8),
	"QLinearMatMul":         always(onnxpb.TensorProto_UNDEFINED),
	"QLinearConv":           always(onnxpb.TensorProto_UNDEFINED),
	"MatMulInteger":         always(onnxpb.TensorProto_INT32),
	"ConvInteger":           always(onnxpb.TensorProto_INT32),
}

// sameType are operators without a row of facts whose first result is of the first operand's type.
var sameType = strings.Fields(`Acos Acosh Asin Asinh Atan Atanh Col2Im Compress Cosh CumSum Det Einsum GridSample Hardmax LRN Mean
	MeanVarianceNormalization RMSNormalization ReduceLogSum ReduceLogSumExp ReverseSequence Shrink Sinh Tan Trilu`)

func ofOperand(i int) func(*scope, *onnxpb.NodeProto) int32 {
	return func(s *scope, n *onnxpb.NodeProto) int32 {
		if i < len(n.Input) {
			return s.types[n.Input[i]]
		}
		return 0
	}
}

func always(t onnxpb.TensorProto_DataType) func(*scope, *onnxpb.NodeProto) int32 {
	return func(*scope, *onnxpb.NodeProto) int32 { return int32(t) }
}

// constantType is that of the tensor, or of numbers; without either it is ConstantOfShape's 0.
func constantType(_ *scope, n *onnxpb.NodeProto) int32 {
	for _, a := range n.Attribute {
		switch a.GetName() {
		case "value":
			return a.GetT().GetDataType()
		case "value_int", "value_ints":
			return int32(onnxpb.TensorProto_INT64)
		}
	}
	return int32(onnxpb.TensorProto_FLOAT)
}

func attribute(n *onnxpb.NodeProto, name string) *onnxpb.AttributeProto {
	for _, a := range n.Attribute {
		if a.GetName() == name {
			return a
		}
	}
	return nil
}

// setTypes notes the type of a node's first result, and whether the file holds its numbers; those of others are not known. Of operators that are in no
// table here, nothing is known.
func (s *scope) setTypes(n *onnxpb.NodeProto) {
	if len(n.Output) == 0 {
		return
	}
	of := resultTypes[n.GetOpType()]
	if _, known := onnxop.Lookup(n.GetOpType()); of == nil && (known || slices.Contains(sameType, n.GetOpType())) {
		of = ofOperand(0)
	}
	if of != nil {
		s.types[n.Output[0]] = of(s, n)
	}
	if n.GetOpType() == "Split" {
		for _, out := range n.Output {
			s.types[out] = s.types[n.Output[0]]
		}
	}
	switch n.GetOpType() {
	case "Constant":
		s.written[n.Output[0]] = true
	case "Identity", "Squeeze", "Unsqueeze", "Reshape":
		s.written[n.Output[0]] = len(n.Input) > 0 && s.written[n.Input[0]]
	}
}

// checkDivision refuses a division that may be one of integers by -1.
func (s *scope) checkDivision(n *onnxpb.NodeProto) error {
	if op := n.GetOpType(); op != "Div" && op != "Mod" || len(n.Input) != 2 {
		return nil
	}
	for _, in := range n.Input {
		switch onnxpb.TensorProto_DataType(s.types[in]) {
		case onnxpb.TensorProto_UNDEFINED, onnxpb.TensorProto_INT32, onnxpb.TensorProto_INT64:
		default: // operands are of one type, or the runtime refuses them
			return nil
		}
	}
	by := s.constants[n.Input[1]]
	if !s.written[n.Input[1]] || len(by) == 0 || len(by) >= maxNumbers || slices.Contains(by, -1) {
		return refuse("node %.100q (%.100q) divides integers by what is -1, or computed", n.GetName(), n.GetOpType())
	}
	return nil
}
