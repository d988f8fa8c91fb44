package onnxcheck

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/catvae/catvae/internal/onnxop"
	"github.com/catvae/catvae/internal/onnxpb"
)

// A few bytes of a constant can ask for any amount of memory: Expand to [2^40], ConstantOfShape, a kernel of 2^30 x 2^30.
// This file bounds what a runtime would have to hold because of a constant alone. Computed operands are not known
// before the graph runs: the runtime bounds them.

// sizeAttributes holds the attributes, of any operator, with values that multiply to a number of elements. The operands
// that do are in internal/onnxop.
var sizeAttributes = map[string]bool{
	"shape": true, "kernel_shape": true, "output_shape": true, "sample_size": true, "scales": true, "hidden_size": true,
}

// stepAttributes holds the attributes with values that are each a length along one axis.
var stepAttributes = map[string]bool{"strides": true, "dilations": true, "output_padding": true}

// checkShapes checks a node's constants that are shapes.
func (s *scope) checkShapes(n *onnxpb.NodeProto) error {
	operand := func(i int) []float64 {
		if i >= len(n.Input) {
			return nil
		}
		return s.constants[n.Input[i]]
	}
	bad := func(what string, values []float64) error {
		return refuse("node %.100q (%.100q) asks by its %.100s for a shape that no tensor has: %s", n.GetName(), n.GetOpType(), what, valuesText(values))
	}
	facts, _ := onnxop.Lookup(n.GetOpType())
	sizes := facts.Sizes
	if n.GetOpType() == "Resize" && len(n.Input) == 2 {
		sizes = []int{1}
	}
	for _, i := range sizes {
		if v := operand(i); !fits(v) {
			return bad("operands", v)
		}
	}
	if n.GetOpType() == "Pad" && !padsFit(operand(1)) {
		return bad("operands", operand(1))
	}
	if n.GetOpType() == "Range" {
		start, limit, delta := operand(0), operand(1), operand(2)
		if len(start) == 1 && len(limit) == 1 && len(delta) == 1 && !((limit[0]-start[0])/delta[0] <= maxElements) {
			return bad("operands", []float64{start[0], limit[0], delta[0]})
		}
	}
	for _, a := range n.Attribute {
		switch v := attributeNumbers(a); {
		case a.GetName() == "pads" && !padsFit(v), sizeAttributes[a.GetName()] && !fits(v):
			return bad(a.GetName(), v)
		case stepAttributes[a.GetName()]:
			for _, x := range v {
				if !(x >= 0 && x <= maxElements) {
					return bad(a.GetName(), v)
				}
			}
		}
	}
	return nil
}

// fits reports whether the values multiply to at most maxElements; 0 and -1 mean what Reshape makes of them, and
// nothing is smaller.
func fits(values []float64) bool {
	product := 1.0
	for _, v := range values {
		if !(v >= -1) {
			return false
		}
		product *= max(v, 1)
	}
	return len(values) <= maxRank && product <= maxElements
}

// padsFit reports whether pads, the beginnings and then the ends, leave a shape that has at most maxElements even where
// there was one element.
func padsFit(pads []float64) bool {
	product, half := 1.0, len(pads)/2
	for i := range half {
		if math.Abs(pads[i]) > maxElements || math.Abs(pads[half+i]) > maxElements {
			return false
		}
		product *= max(pads[i]+pads[half+i], 1)
	}
	return half <= maxRank && product <= maxElements
}

// maxNumbers is how much of a constant is looked at: more than the longest list that is taken, a Pad's.
const maxNumbers = 2*maxRank + 2

// attributeNumbers returns the first numbers of an attribute, or none.
func attributeNumbers(a *onnxpb.AttributeProto) []float64 {
	switch {
	case a.I != nil:
		return []float64{float64(a.GetI())}
	case a.F != nil:
		return []float64{float64(a.GetF())}
	case a.T != nil:
		return tensorNumbers(a.T)
	case len(a.Floats) > 0:
		return convert(a.Floats)
	}
	return convert(a.Ints)
}

// tensorNumbers returns the first numbers of a checked tensor; none for float16, in which no shape is written.
func tensorNumbers(t *onnxpb.TensorProto) []float64 {
	kind, raw := onnxpb.TensorProto_DataType(t.GetDataType()), t.RawData
	if kind == onnxpb.TensorProto_FLOAT16 || kind == onnxpb.TensorProto_BFLOAT16 {
		return nil
	}
	for _, values := range [][]float64{convert(t.Int64Data), convert(t.Int32Data), convert(t.FloatData), convert(t.DoubleData), convert(t.Uint64Data)} {
		if len(values) > 0 {
			return values
		}
	}
	var values []float64
	for width := storages[kind].width; len(raw) >= width && len(values) < maxNumbers; raw = raw[width:] {
		values = append(values, rawNumber(kind, raw))
	}
	return values
}

// rawNumber reads one number of raw_data, which is little-endian.
func rawNumber(kind onnxpb.TensorProto_DataType, raw []byte) float64 {
	switch kind {
	case onnxpb.TensorProto_FLOAT:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(raw)))
	case onnxpb.TensorProto_DOUBLE:
		return math.Float64frombits(binary.LittleEndian.Uint64(raw))
	case onnxpb.TensorProto_INT64:
		return float64(int64(binary.LittleEndian.Uint64(raw)))
	case onnxpb.TensorProto_UINT64:
		return float64(binary.LittleEndian.Uint64(raw))
	case onnxpb.TensorProto_INT32:
		return float64(int32(binary.LittleEndian.Uint32(raw)))
	case onnxpb.TensorProto_UINT32:
		return float64(binary.LittleEndian.Uint32(raw))
	case onnxpb.TensorProto_INT16:
		return float64(int16(binary.LittleEndian.Uint16(raw)))
	case onnxpb.TensorProto_UINT16:
		return float64(binary.LittleEndian.Uint16(raw))
	case onnxpb.TensorProto_INT8:
		return float64(int8(raw[0]))
	}
	return float64(raw[0]) // uint8, bool
}

func convert[T int32 | int64 | uint64 | float32 | float64](values []T) []float64 {
	out := make([]float64, 0, min(len(values), maxNumbers))
	for _, v := range values[:min(len(values), maxNumbers)] {
		out = append(out, float64(v))
	}
	return out
}

// valuesText is a list as an error shows it.
func valuesText(values []float64) string {
	if len(values) > maxRank {
		return fmt.Sprintf("more than %d numbers", maxRank)
	}
	return fmt.Sprint(values)
}
