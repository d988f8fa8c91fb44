package onnxcheck_test

import (
	"testing"

	"github.com/catvae/catvae/internal/onnxcheck"
	"github.com/catvae/catvae/internal/onnxpb"
	"google.golang.org/protobuf/proto"
)

// good is x [n,2] -> Add(x, c) -> y.
func good() *onnxpb.ModelProto {
	info := func(name string) *onnxpb.ValueInfoProto {
		return &onnxpb.ValueInfoProto{Name: proto.String(name), Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
			TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(1), Shape: &onnxpb.TensorShapeProto{Dim: []*onnxpb.TensorShapeProto_Dimension{
				{Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: "n"}},
				{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: 2}},
			}}},
		}}}
	}
	return &onnxpb.ModelProto{
		IrVersion:   proto.Int64(8),
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Domain: proto.String(""), Version: proto.Int64(17)}},
		Graph: &onnxpb.GraphProto{
			Name:        proto.String("g"),
			Input:       []*onnxpb.ValueInfoProto{info("x")},
			Output:      []*onnxpb.ValueInfoProto{info("y")},
			Initializer: []*onnxpb.TensorProto{{Name: proto.String("c"), DataType: proto.Int32(1), Dims: []int64{2}, RawData: make([]byte, 8)}},
			Node:        []*onnxpb.NodeProto{{Name: proto.String("add"), OpType: proto.String("Add"), Input: []string{"x", "c"}, Output: []string{"y"}}},
		},
	}
}

func encode(t testing.TB, m *onnxpb.ModelProto) []byte {
	t.Helper()
	data, err := proto.MarshalOptions{AllowPartial: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// scan is y = the good graph's Add for every row of x, with a body that spoil has changed.
func scan(spoil func(body *onnxpb.GraphProto)) *onnxpb.NodeProto {
	body := good().Graph
	spoil(body)
	return &onnxpb.NodeProto{Name: proto.String("scan"), OpType: proto.String("Scan"), Input: []string{"x"}, Output: []string{"y"},
		Attribute: []*onnxpb.AttributeProto{{Name: proto.String("body"), Type: onnxpb.AttributeProto_GRAPH.Enum(), G: body}}}
}

func TestTaken(t *testing.T) {
	for name, change := range odd() {
		m := good()
		change(m)
		if err := onnxcheck.Check(encode(t, m)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDescribe(t *testing.T) {
	m := good()
	m.MetadataProps = []*onnxpb.StringStringEntryProto{{Key: proto.String("role"), Value: proto.String("test")}}
	info, err := onnxcheck.Describe(encode(t, m))
	if err != nil {
		t.Fatal(err)
	}
	if info.Opset != 17 || info.Parameters != 2 || info.Operators["Add"] != 1 || info.Metadata["role"] != "test" ||
		info.Inputs[0].Name != "x" || info.Inputs[0].Shape[0] != -1 || info.Inputs[0].Axes[0] != "n" || info.Outputs[0].Shape[1] != 2 {
		t.Errorf("%+v", info)
	}
}
