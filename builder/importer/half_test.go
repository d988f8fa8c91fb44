package importer_test

import (
	"math"
	"strings"
	"testing"

	"github.com/catvae/catvae/builder/importer"
	"github.com/catvae/catvae/internal/onnxpb"
	"github.com/x448/float16"
	"google.golang.org/protobuf/proto"
)

// A graph in float16 or bfloat16 gives what the same graph gives whose float32 weights are those numbers.
func TestHalf(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind   onnxpb.TensorProto_DataType
		round  func(x float32) float32
		encode func(x float32) uint16
	}{
		"float16": {onnxpb.TensorProto_FLOAT16, func(x float32) float32 { return float16.Fromfloat32(x).Float32() },
			func(x float32) uint16 { return float16.Fromfloat32(x).Bits() }},
		"bfloat16": {onnxpb.TensorProto_BFLOAT16, func(x float32) float32 { return math.Float32frombits(math.Float32bits(x) &^ 0xffff) },
			func(x float32) uint16 { return uint16(math.Float32bits(x) >> 16) }},
	} {
		nodes := []string{"a = MatMul x w", "b = Cast a to=1", "c = Relu b", "d = Add c v", "e = Sigmoid d", "y = Clip e nought one"}
		rounded, half := decoded(t, graph(t, float, "y", nodes...)), decoded(t, graph(t, float, "y", nodes...))
		for _, tensor := range append(rounded.Graph.Initializer, half.Graph.Initializer...) {
			for i := 0; tensor.GetDataType() == int32(float) && i+3 < len(tensor.RawData); i += 4 {
				copy(tensor.RawData[i:], floatBytes(c.round(floatAt(tensor.RawData[i:]))))
			}
		}
		for _, tensor := range half.Graph.Initializer {
			if tensor.GetDataType() != int32(float) {
				continue
			}
			raw, numbers := []byte(nil), []int32(nil)
			for i := 0; i+3 < len(tensor.RawData); i += 4 {
				bits := c.encode(floatAt(tensor.RawData[i:]))
				raw = append(raw, byte(bits), byte(bits>>8))
			}
			for _, x := range tensor.FloatData { // the other way to write them
				numbers = append(numbers, int32(c.encode(x)))
			}
			tensor.DataType, tensor.RawData, tensor.FloatData, tensor.Int32Data = proto.Int32(int32(c.kind)), raw, nil, numbers
		}
		for _, n := range half.Graph.Node {
			if n.GetOpType() == "Cast" {
				n.Attribute[0].I = proto.Int64(int64(c.kind))
			}
		}
		for _, v := range append(half.Graph.Input, half.Graph.Output...) {
			v.Type.GetTensorType().ElemType = proto.Int32(int32(c.kind))
		}
		want, err := importer.Encoder(encoded(t, rounded), importer.Options{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := importer.Encoder(encoded(t, half), importer.Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !strings.Contains(got.Note(), "half precision") || strings.Contains(want.Note(), "half precision") {
			t.Errorf("%s: the notes are %q and %q", name, got.Note(), want.Note())
		}
		x, err := want.Reference(spread(want))
		if err != nil {
			t.Fatal(err)
		}
		y, err := got.Reference(spread(got))
		if err != nil {
			t.Fatal(err)
		}
		for i := range x {
			if x[i] != y[i] {
				t.Errorf("%s: logit %d is %g, and %g in float32", name, i, y[i], x[i])
				break
			}
		}
		compareWithFile(t, name, got)
	}
}

func decoded(t *testing.T, model []byte) *onnxpb.ModelProto {
	t.Helper()
	m, err := onnxpb.Unmarshal(model)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func encoded(t *testing.T, m *onnxpb.ModelProto) []byte {
	t.Helper()
	model, err := onnxpb.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return model
}

func floatAt(b []byte) float32 {
	return math.Float32frombits(uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24)
}

func floatBytes(x float32) []byte {
	u := math.Float32bits(x)
	return []byte{byte(u), byte(u >> 8), byte(u >> 16), byte(u >> 24)}
}
