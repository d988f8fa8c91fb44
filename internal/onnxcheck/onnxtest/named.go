package onnxtest

import (
	"github.com/catvae/catvae/internal/onnxpb"
	"google.golang.org/protobuf/proto"
)

// Named returns models in which everything bears a name, by what else is wrong with them: nothing, and what makes those who read
// models speak of it.
func Named(name string) map[string][]byte {
	models := map[string][]byte{}
	for what, spoil := range map[string]func(m *onnxpb.ModelProto){
		"nothing":                  func(*onnxpb.ModelProto) {},
		"an operand":               func(m *onnxpb.ModelProto) { m.Graph.Node[0].Input[1] = name + "no" },
		"the operator":             func(m *onnxpb.ModelProto) { m.Graph.Node[0].OpType = proto.String(name) },
		"an operator nobody knows": func(m *onnxpb.ModelProto) { m.Graph.Node[0].OpType = proto.String("NoSuchOperator") },
		"an operator with no form": func(m *onnxpb.ModelProto) { m.Graph.Node[0].OpType = proto.String("Where") },
		"shapes that do not fit": func(m *onnxpb.ModelProto) {
			m.Graph.Initializer[0].Dims, m.Graph.Initializer[0].RawData = []int64{3}, make([]byte, 12)
		},
		"types that do not fit": func(m *onnxpb.ModelProto) {
			m.Graph.Initializer[0].DataType, m.Graph.Initializer[0].Dims = proto.Int32(7), []int64{1}
		},
		"a domain":                func(m *onnxpb.ModelProto) { m.Graph.Node[0].Domain = proto.String(name) },
		"an opset":                func(m *onnxpb.ModelProto) { m.OpsetImport[0].Domain = proto.String(name) },
		"an output":               func(m *onnxpb.ModelProto) { m.Graph.Output[0].Name = proto.String(name + "no") },
		"a name twice":            func(m *onnxpb.ModelProto) { m.Graph.Node = append(m.Graph.Node, m.Graph.Node[0]) },
		"a tensor of fewer bytes": func(m *onnxpb.ModelProto) { m.Graph.Initializer[0].RawData = nil },
		"two inputs":              func(m *onnxpb.ModelProto) { twice(m, name) },
		"two outputs":             func(m *onnxpb.ModelProto) { other(m, name) },
		"an input of bytes":       func(m *onnxpb.ModelProto) { m.Graph.Input[0].Type.GetTensorType().ElemType = proto.Int32(2) },
		"an attribute":            func(m *onnxpb.ModelProto) { m.Graph.Node[0].Attribute = []*onnxpb.AttributeProto{integer(name, 1)} },
		"an attribute of no type": func(m *onnxpb.ModelProto) {
			m.Graph.Node[0].Attribute = []*onnxpb.AttributeProto{{Name: proto.String(name)}}
		},
		"an attribute's text":       func(m *onnxpb.ModelProto) { pads(m, name) },
		"an index out of range":     func(m *onnxpb.ModelProto) { gathers(m) },
		"an output of another type": func(m *onnxpb.ModelProto) { m.Graph.Output[0].Type.GetTensorType().ElemType = proto.Int32(7) },
	} {
		m := good()
		m.ProducerName, m.ProducerVersion, m.DocString, m.Domain = proto.String(name), proto.String(name), proto.String(name), proto.String(name)
		m.MetadataProps = []*onnxpb.StringStringEntryProto{{Key: proto.String(name), Value: proto.String(name)}}
		g := m.Graph
		g.Name, g.DocString, g.Node[0].Name, g.Node[0].DocString = proto.String(name), proto.String(name), proto.String(name), proto.String(name)
		in, out, c := name+"x", name+"y", name+"c"
		for _, v := range append(g.Input, g.Output...) {
			v.DocString = proto.String(name)
			v.Type.GetTensorType().Shape.Dim[0].Value = &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: name}
		}
		g.Input[0].Name, g.Output[0].Name, g.Initializer[0].Name = proto.String(in), proto.String(out), proto.String(c)
		g.Node[0].Input, g.Node[0].Output = []string{in, c}, []string{out}
		spoil(m)
		models[what] = encode(m)
	}
	return models
}

// twice adds an input.
func twice(m *onnxpb.ModelProto, name string) {
	v := proto.Clone(m.Graph.Input[0]).(*onnxpb.ValueInfoProto)
	v.Name = proto.String(name + "2")
	m.Graph.Input = append(m.Graph.Input, v)
}

// other adds an output.
func other(m *onnxpb.ModelProto, name string) {
	v := proto.Clone(m.Graph.Output[0]).(*onnxpb.ValueInfoProto)
	v.Name = proto.String(name + "2")
	m.Graph.Output = append(m.Graph.Output, v)
	m.Graph.Node = append(m.Graph.Node, node("Abs", m.Graph.Node[0].Output, []string{name + "2"}))
}

// pads pads in a way that there is not.
func pads(m *onnxpb.ModelProto, name string) {
	n := m.Graph.Node[0]
	n.OpType = proto.String("Pad")
	n.Attribute = []*onnxpb.AttributeProto{{Name: proto.String("mode"), Type: onnxpb.AttributeProto_STRING.Enum(), S: []byte(name)}}
	m.Graph.Initializer[0] = int64s(n.Input[1], 0, 0, 0, 0)
}

// gathers reads what there is not.
func gathers(m *onnxpb.ModelProto) {
	n := m.Graph.Node[0]
	n.OpType = proto.String("Gather")
	n.Attribute = []*onnxpb.AttributeProto{integer("axis", 1)}
	m.Graph.Initializer[0] = int64s(n.Input[1], 7, 8)
}
