package onnxgraph_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/catvae/catvae/internal/onnxcheck"
	"github.com/catvae/catvae/internal/onnxcheck/onnxtest"
	"github.com/catvae/catvae/internal/onnxgraph"
	"github.com/catvae/catvae/internal/onnxpb"
	"github.com/catvae/catvae/internal/onnxtensor"
	"google.golang.org/protobuf/proto"
)

// changed returns the good model, y = x + c for x [n,2], with a change.
func changed(t *testing.T, change func(g *onnxpb.GraphProto)) []byte {
	t.Helper()
	m, err := onnxpb.Unmarshal(onnxtest.Good())
	if err != nil {
		t.Fatal(err)
	}
	change(m.Graph)
	data, err := onnxpb.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func tensor(name string, kind onnxpb.TensorProto_DataType, dims []int64, raw ...byte) *onnxpb.TensorProto {
	return &onnxpb.TensorProto{Name: &name, DataType: proto.Int32(int32(kind)), Dims: dims, RawData: raw}
}

// What onnx-go loses is there: the two edges of x·x, operands that are left out, nodes without any, names of dimensions, the
// opset, tensors of types that it does not hold, attributes of all kinds.
func TestDecode(t *testing.T) {
	t.Parallel()
	node := func(op string, in, out []string, attributes ...*onnxpb.AttributeProto) *onnxpb.NodeProto {
		return &onnxpb.NodeProto{OpType: &op, Input: in, Output: out, Attribute: attributes}
	}
	attribute := func(name string, kind onnxpb.AttributeProto_AttributeType, set func(a *onnxpb.AttributeProto)) *onnxpb.AttributeProto {
		a := &onnxpb.AttributeProto{Name: &name, Type: kind.Enum()}
		set(a)
		return a
	}
	g, err := onnxgraph.Decode(changed(t, func(g *onnxpb.GraphProto) {
		g.Initializer = append(g.Initializer, tensor("bytes", onnxpb.TensorProto_UINT8, []int64{3}, 1, 2, 255), tensor("none", onnxpb.TensorProto_INT8, []int64{0}),
			tensor("truths", onnxpb.TensorProto_BOOL, []int64{2}, 0, 1), tensor("half", onnxpb.TensorProto_FLOAT16, nil, 0, 0x3c))
		g.Node = []*onnxpb.NodeProto{
			node("Mul", []string{"x", "x"}, []string{"a"}),
			node("Clip", []string{"a", "", "c"}, []string{"b"}),
			node("Constant", nil, []string{"k"}, attribute("value", onnxpb.AttributeProto_TENSOR, func(a *onnxpb.AttributeProto) {
				a.T = tensor("", onnxpb.TensorProto_INT64, []int64{1}, 7, 0, 0, 0, 0, 0, 0, 0)
			})),
			node("Split", []string{"b", "k"}, []string{"y", "", "z"},
				attribute("axis", onnxpb.AttributeProto_INT, func(a *onnxpb.AttributeProto) { a.I = proto.Int64(-1) }),
				attribute("list", onnxpb.AttributeProto_INTS, func(a *onnxpb.AttributeProto) { a.Ints = []int64{1, 2} }),
				attribute("word", onnxpb.AttributeProto_STRING, func(a *onnxpb.AttributeProto) { a.S = []byte("edge") }),
				attribute("slope", onnxpb.AttributeProto_FLOAT, func(a *onnxpb.AttributeProto) { a.F = proto.Float32(0.5) })),
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := []onnxgraph.Node{
		{Op: "Mul", Inputs: []string{"x", "x"}, Outputs: []string{"a"}, Attributes: map[string]any{}},
		{Op: "Clip", Inputs: []string{"a", "", "c"}, Outputs: []string{"b"}, Attributes: map[string]any{}},
		{Op: "Constant", Outputs: []string{"k"}, Attributes: map[string]any{"value": onnxgraph.Tensor{DType: onnxtensor.Int64, Shape: []int{1}, Data: []int64{7}}}},
		{Op: "Split", Inputs: []string{"b", "k"}, Outputs: []string{"y", "", "z"}, Attributes: map[string]any{"axis": int64(-1), "list": []int64{1, 2}, "word": "edge", "slope": float32(0.5)}},
	}
	if !reflect.DeepEqual(g.Nodes, want) {
		t.Errorf("nodes are\n%#v, want\n%#v", g.Nodes, want)
	}
	if g.Opset != 17 || len(g.Inputs) != 1 || g.Inputs[0].Axes[0] != "n" || g.Inputs[0].Shape[0] != -1 || g.Inputs[0].Shape[1] != 2 {
		t.Errorf("opset %d, inputs %+v", g.Opset, g.Inputs)
	}
	for i, data := range []any{[]float32{0, 0}, []uint8{1, 2, 255}, []int8{}, []bool{false, true}, []onnxgraph.Float16{0x3c00}} {
		if got := g.Initialisers[i]; !reflect.DeepEqual(got.Data, data) {
			t.Errorf("initialiser %q holds %#v, want %#v", got.Name, got.Data, data)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for name, model := range map[string][]byte{
		"words": []byte("no model"),
		"bfloat16": changed(t, func(g *onnxpb.GraphProto) {
			g.Initializer = append(g.Initializer, tensor("b", onnxpb.TensorProto_BFLOAT16, []int64{1}, 0, 0))
		}),
		"an operand of nothing":   changed(t, func(g *onnxpb.GraphProto) { g.Node[0].Input[1] = "nothing" }),
		"an operator without one": changed(t, func(g *onnxpb.GraphProto) { g.Node[0].Output = nil }),
	} {
		if _, err := onnxgraph.Decode(model); !errors.Is(err, onnxcheck.ErrUnsafe) {
			t.Errorf("%s: the error is %v, want ErrUnsafe", name, err)
		}
	}
}
