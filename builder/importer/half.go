package importer

import (
	endian "encoding/binary"
	"math"

	"github.com/catvae/catvae/internal/onnxpb"
	"github.com/x448/float16"
	"google.golang.org/protobuf/proto"
)

// gorgonia computes in float32. A graph in half precision is taken with the same weights, which float32 holds exactly, and computed in
// float32 throughout: results differ from the file's by its roundings.

// widen makes float32 of all that a model has in float16 and bfloat16, and reports whether there was any.
func widen(m *onnxpb.ModelProto) (found bool) {
	for _, t := range m.Graph.Initializer {
		found = widenTensor(t) || found
	}
	for _, n := range m.Graph.Node {
		for _, a := range n.Attribute {
			switch {
			case a.T != nil:
				found = widenTensor(a.T) || found
			case n.GetOpType() == "Cast" && a.GetName() == "to" && isHalf(int32(a.GetI())):
				a.I, found = proto.Int64(int64(onnxpb.TensorProto_FLOAT)), true
			}
		}
	}
	for _, values := range [][]*onnxpb.ValueInfoProto{m.Graph.Input, m.Graph.Output, m.Graph.ValueInfo} {
		for _, v := range values {
			if t := v.GetType().GetTensorType(); t != nil && isHalf(t.GetElemType()) {
				t.ElemType, found = proto.Int32(int32(onnxpb.TensorProto_FLOAT)), true
			}
		}
	}
	return found
}

func isHalf(kind int32) bool {
	return kind == int32(onnxpb.TensorProto_FLOAT16) || kind == int32(onnxpb.TensorProto_BFLOAT16)
}

// widenTensor makes a checked tensor of half precision one of float32.
func widenTensor(t *onnxpb.TensorProto) bool {
	if !isHalf(t.GetDataType()) {
		return false
	}
	bits := make([]uint16, 0, max(len(t.RawData)/2, len(t.Int32Data)))
	for i := 0; i+1 < len(t.RawData); i += 2 {
		bits = append(bits, endian.LittleEndian.Uint16(t.RawData[i:]))
	}
	for _, x := range t.Int32Data {
		bits = append(bits, uint16(x))
	}
	raw := make([]byte, 0, 4*len(bits))
	for _, b := range bits {
		wide := uint32(b) << 16 // of bfloat16
		if t.GetDataType() == int32(onnxpb.TensorProto_FLOAT16) {
			wide = math.Float32bits(float16.Frombits(b).Float32())
		}
		raw = endian.LittleEndian.AppendUint32(raw, wide)
	}
	t.DataType, t.RawData, t.Int32Data = proto.Int32(int32(onnxpb.TensorProto_FLOAT)), raw, nil
	return true
}
