package onnxcheck_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/catvae/catvae/internal/onnxcheck"
	"github.com/catvae/catvae/internal/onnxpb"
	"google.golang.org/protobuf/encoding/protowire"
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

// Every rule, by the smallest model that breaks it.
func hostile() map[string]func(m *onnxpb.ModelProto) {
	node := func(op string, in, out []string) *onnxpb.NodeProto {
		return &onnxpb.NodeProto{Name: proto.String(op), OpType: proto.String(op), Input: in, Output: out}
	}
	return map[string]func(m *onnxpb.ModelProto){
		"external data": func(m *onnxpb.ModelProto) {
			m.Graph.Initializer[0].DataLocation = onnxpb.TensorProto_EXTERNAL.Enum()
			m.Graph.Initializer[0].ExternalData = []*onnxpb.StringStringEntryProto{{Key: proto.String("location"), Value: proto.String("../../etc/passwd")}}
		},
		"external entries without the flag": func(m *onnxpb.ModelProto) {
			m.Graph.Initializer[0].ExternalData = []*onnxpb.StringStringEntryProto{{Key: proto.String("location"), Value: proto.String("/etc/passwd")}}
		},
		"unknown domain": func(m *onnxpb.ModelProto) { m.Graph.Node[0].Domain = proto.String("com.example") },
		"unknown opset domain": func(m *onnxpb.ModelProto) {
			m.OpsetImport = append(m.OpsetImport, &onnxpb.OperatorSetIdProto{Domain: proto.String("com.example"), Version: proto.Int64(1)})
		},
		"functions":            func(m *onnxpb.ModelProto) { m.Functions = []*onnxpb.FunctionProto{{Name: proto.String("f")}} },
		"training information": func(m *onnxpb.ModelProto) { m.TrainingInfo = []*onnxpb.TrainingInfoProto{{}} },
		"a subgraph": func(m *onnxpb.ModelProto) {
			m.Graph.Node[0].Attribute = []*onnxpb.AttributeProto{{Name: proto.String("body"), G: &onnxpb.GraphProto{}}}
		},
		"a scan whose body reads from outside": func(m *onnxpb.ModelProto) {
			m.Graph.Node[0] = scan(func(body *onnxpb.GraphProto) { body.Input = nil })
		},
		"a scan in a scan": func(m *onnxpb.ModelProto) {
			m.Graph.Node[0] = scan(func(body *onnxpb.GraphProto) { body.Node = []*onnxpb.NodeProto{scan(func(*onnxpb.GraphProto) {})} })
		},
		"a scan with external data": func(m *onnxpb.ModelProto) {
			m.Graph.Node[0] = scan(func(body *onnxpb.GraphProto) {
				body.Initializer[0].DataLocation = onnxpb.TensorProto_EXTERNAL.Enum()
			})
		},
		"another operator with a body": func(m *onnxpb.ModelProto) {
			m.Graph.Node[0] = scan(func(*onnxpb.GraphProto) {})
			m.Graph.Node[0].OpType = proto.String("Loop")
		},
		"a sparse initialiser": func(m *onnxpb.ModelProto) { m.Graph.SparseInitializer = []*onnxpb.SparseTensorProto{{}} },
		"an undefined name":    func(m *onnxpb.ModelProto) { m.Graph.Node[0].Input[1] = "nothing" },
		"a cycle": func(m *onnxpb.ModelProto) {
			m.Graph.Node = []*onnxpb.NodeProto{node("Add", []string{"x", "b"}, []string{"a"}), node("Neg", []string{"a"}, []string{"b"}), node("Neg", []string{"b"}, []string{"y"})}
		},
		"a value defined twice": func(m *onnxpb.ModelProto) {
			m.Graph.Node = append(m.Graph.Node, node("Neg", []string{"x"}, []string{"y"}))
		},
		"an input defined again": func(m *onnxpb.ModelProto) {
			m.Graph.Node = append(m.Graph.Node, node("Neg", []string{"c"}, []string{"x"}))
		},
		"an initialiser twice":                   func(m *onnxpb.ModelProto) { m.Graph.Initializer = append(m.Graph.Initializer, m.Graph.Initializer[0]) },
		"an output of nothing":                   func(m *onnxpb.ModelProto) { m.Graph.Output[0].Name = proto.String("z") },
		"no output":                              func(m *onnxpb.ModelProto) { m.Graph.Output = nil },
		"no graph":                               func(m *onnxpb.ModelProto) { m.Graph = nil },
		"a gigabyte declared, eight bytes given": func(m *onnxpb.ModelProto) { m.Graph.Initializer[0].Dims = []int64{1 << 28} },
		"sizes that overflow":                    func(m *onnxpb.ModelProto) { m.Graph.Initializer[0].Dims = []int64{1 << 40, 1 << 40} },
		"a negative size":                        func(m *onnxpb.ModelProto) { m.Graph.Initializer[0].Dims = []int64{-2} },
		"too few bytes":                          func(m *onnxpb.ModelProto) { m.Graph.Initializer[0].RawData = make([]byte, 7) },
		"bytes and numbers":                      func(m *onnxpb.ModelProto) { m.Graph.Initializer[0].FloatData = []float32{1, 2} },
		"strings":                                func(m *onnxpb.ModelProto) { m.Graph.Initializer[0].DataType = proto.Int32(8) },
		"a type that is not":                     func(m *onnxpb.ModelProto) { m.Graph.Initializer[0].DataType = proto.Int32(99) },
		"a tensor attribute with external data": func(m *onnxpb.ModelProto) {
			m.Graph.Node[0].Attribute = []*onnxpb.AttributeProto{{Name: proto.String("value"), T: &onnxpb.TensorProto{DataType: proto.Int32(1), DataLocation: onnxpb.TensorProto_EXTERNAL.Enum()}}}
		},
		"an old opset": func(m *onnxpb.ModelProto) { m.OpsetImport[0].Version = proto.Int64(1) },
		"a new opset":  func(m *onnxpb.ModelProto) { m.OpsetImport[0].Version = proto.Int64(99) },
		"no opset":     func(m *onnxpb.ModelProto) { m.OpsetImport = nil },
		"a new IR":     func(m *onnxpb.ModelProto) { m.IrVersion = proto.Int64(99) },
	}
}

func TestCheck(t *testing.T) {
	if err := onnxcheck.Check(encode(t, good())); err != nil {
		t.Fatalf("a good model is refused: %v", err)
	}
	scanned := good()
	scanned.Graph.Node[0] = scan(func(*onnxpb.GraphProto) {})
	if err := onnxcheck.Check(encode(t, scanned)); err != nil {
		t.Errorf("a scan with a good body is refused: %v", err)
	}
	for name, spoil := range hostile() {
		m := good()
		spoil(m)
		err := onnxcheck.Check(encode(t, m))
		if !errors.Is(err, onnxcheck.ErrUnsafe) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: the error is %v, want one line of ErrUnsafe", name, err)
		}
	}
	for name, data := range map[string][]byte{"empty": nil, "words": []byte("hello"), "deep": deep(10_000)} {
		if err := onnxcheck.Check(data); !errors.Is(err, onnxcheck.ErrUnsafe) {
			t.Errorf("%s: the error is %v, want ErrUnsafe", name, err)
		}
	}
}

// deep is a graph inside an attribute inside a node inside a graph, and so on.
func deep(levels int) []byte {
	graph := []byte{}
	for range levels {
		attribute := protowire.AppendBytes(protowire.AppendTag(nil, 6, protowire.BytesType), graph)
		node := protowire.AppendBytes(protowire.AppendTag(nil, 5, protowire.BytesType), attribute)
		graph = protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), node)
		if len(graph) > 1<<15 {
			break
		}
	}
	return protowire.AppendBytes(protowire.AppendTag(nil, 7, protowire.BytesType), graph)
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

func FuzzCheck(f *testing.F) {
	f.Add(encode(f, good()))
	f.Add(deep(40))
	for _, spoil := range hostile() {
		m := good()
		spoil(m)
		f.Add(encode(f, m))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := onnxcheck.Check(data); err != nil && !errors.Is(err, onnxcheck.ErrUnsafe) {
			t.Errorf("%v is no ErrUnsafe", err)
		}
	})
}
