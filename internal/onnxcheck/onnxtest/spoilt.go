package onnxtest

import (
	"math"
	"slices"
	"strings"

	"github.com/catvae/catvae/internal/onnxpb"
	"google.golang.org/protobuf/proto"
)

func node(op string, in, out []string, attributes ...*onnxpb.AttributeProto) *onnxpb.NodeProto {
	return &onnxpb.NodeProto{Name: proto.String(op), OpType: proto.String(op), Input: in, Output: out, Attribute: attributes}
}

func int64s(name string, values ...int64) *onnxpb.TensorProto {
	return &onnxpb.TensorProto{Name: proto.String(name), DataType: proto.Int32(7), Dims: []int64{int64(len(values))}, Int64Data: values}
}

func integers(name string, values ...int64) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: proto.String(name), Type: onnxpb.AttributeProto_INTS.Enum(), Ints: values}
}

func integer(name string, value int64) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: proto.String(name), Type: onnxpb.AttributeProto_INT.Enum(), I: proto.Int64(value)}
}

func external(location string) func(m *onnxpb.ModelProto) {
	return func(m *onnxpb.ModelProto) {
		m.Graph.Initializer[0].RawData = nil
		m.Graph.Initializer[0].DataLocation = onnxpb.TensorProto_EXTERNAL.Enum()
		m.Graph.Initializer[0].ExternalData = []*onnxpb.StringStringEntryProto{{Key: proto.String("location"), Value: proto.String(location)}}
	}
}

// asks puts an operator before the good graph whose operand, an initialiser, is these numbers.
func asks(op string, operand int, values ...int64) func(m *onnxpb.ModelProto) {
	return func(m *onnxpb.ModelProto) {
		in := make([]string, operand+1)
		in[0], in[operand] = "x", "shape"
		m.Graph.Initializer = append(m.Graph.Initializer, int64s("shape", values...))
		m.Graph.Node = append(m.Graph.Node, node(op, in, []string{"z"}))
	}
}

// with puts an operator with attributes behind the good graph.
func with(op string, attributes ...*onnxpb.AttributeProto) func(m *onnxpb.ModelProto) {
	return func(m *onnxpb.ModelProto) {
		m.Graph.Node = append(m.Graph.Node, node(op, []string{"x"}, []string{"z"}, attributes...))
	}
}

// constant lets a Reshape take its shape from a Constant node.
func constant(a *onnxpb.AttributeProto) func(m *onnxpb.ModelProto) {
	return func(m *onnxpb.ModelProto) {
		m.Graph.Node = append(m.Graph.Node, node("Constant", nil, []string{"shape"}, a), node("Reshape", []string{"x", "shape"}, []string{"z"}))
	}
}

// declared gives the input these dimensions.
func declared(dims ...int64) func(m *onnxpb.ModelProto) {
	return func(m *onnxpb.ModelProto) {
		shape := &onnxpb.TensorShapeProto{}
		for _, d := range dims {
			shape.Dim = append(shape.Dim, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: d}})
		}
		m.Graph.Input[0].Type.GetTensorType().Shape = shape
	}
}

// listed lists the initialiser as an input, with a type and one dimension.
func listed(kind int32, size int64) func(m *onnxpb.ModelProto) {
	return func(m *onnxpb.ModelProto) {
		v := proto.Clone(m.Graph.Input[0]).(*onnxpb.ValueInfoProto)
		t := v.Type.GetTensorType()
		v.Name, t.ElemType, t.Shape.Dim = proto.String("c"), proto.Int32(kind), t.Shape.Dim[1:]
		t.Shape.Dim[0].Value = &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: size}
		m.Graph.Input = append(m.Graph.Input, v)
	}
}

// odd holds changes that leave a good model a good one: onnx's own tests and PyTorch's exports have them.
func odd() map[string]func(m *onnxpb.ModelProto) {
	const last = math.MaxInt64
	return map[string]func(m *onnxpb.ModelProto){
		"as it was":                         func(*onnxpb.ModelProto) {},
		"a Scan":                            func(m *onnxpb.ModelProto) { m.Graph.Node[0] = scan(func(*onnxpb.GraphProto) {}) },
		"the newest versions":               func(m *onnxpb.ModelProto) { m.IrVersion, m.OpsetImport[0].Version = proto.Int64(14), proto.Int64(28) },
		"the oldest versions":               func(m *onnxpb.ModelProto) { m.IrVersion, m.OpsetImport[0].Version = proto.Int64(3), proto.Int64(1) },
		"both names of the domain":          func(m *onnxpb.ModelProto) { m.OpsetImport = append(m.OpsetImport, opset("ai.onnx", 17)) },
		"machine learning's domain, unused": func(m *onnxpb.ModelProto) { m.OpsetImport = append(m.OpsetImport, opset("ai.onnx.ml", 2)) },
		"versions of domains that nobody knows, unused": func(m *onnxpb.ModelProto) { // as onnxruntime's optimiser writes them
			m.OpsetImport = append([]*onnxpb.OperatorSetIdProto{opset("com.microsoft.nchwc", 1), opset("ai.onnx.ml", 99), opset("com.microsoft", 99)}, append(m.OpsetImport, opset("com.example", 3))...)
		},
		"functions that nothing calls, with imports of their own": func(m *onnxpb.ModelProto) {
			call := func(name string) *onnxpb.NodeProto { n := node(name, nil, nil); n.Domain = proto.String("f"); return n }
			imports := []*onnxpb.OperatorSetIdProto{opset("", 13), opset("f", 1), opset("ai.onnx.ml", 99)}
			m.OpsetImport = append(m.OpsetImport, opset("f", 1))
			m.Functions = []*onnxpb.FunctionProto{
				{Name: proto.String("a"), Domain: proto.String("f"), Node: []*onnxpb.NodeProto{call("b")}, OpsetImport: imports},
				{Name: proto.String("b"), Domain: proto.String("f"), Node: []*onnxpb.NodeProto{call("a")}, OpsetImport: imports},
			}
		},
		"an operand that is left out": func(m *onnxpb.ModelProto) {
			m.Graph.Node = append(m.Graph.Node, node("Clip", []string{"x", "", "c"}, []string{"z"}))
		},
		"a result that is left out": func(m *onnxpb.ModelProto) {
			m.Graph.Node = append(m.Graph.Node, node("TopK", []string{"x", "c"}, []string{"", "z"}))
		},
		"nodes without names":             func(m *onnxpb.ModelProto) { m.Graph.Node[0].Name = nil },
		"an initialiser that is an input": listed(1, 2),
		"an empty tensor": func(m *onnxpb.ModelProto) {
			m.Graph.Initializer = append(m.Graph.Initializer, &onnxpb.TensorProto{Name: proto.String("e"), DataType: proto.Int32(1), Dims: []int64{0, 3}})
		},
		"an empty input": declared(0, 2),
		"bytes kept as integers": func(m *onnxpb.ModelProto) {
			c := m.Graph.Initializer[0]
			c.DataType, c.RawData, c.Int32Data = proto.Int32(2), nil, []int32{1, 2}
		},
		"Reshape by 0 and -1": asks("Reshape", 1, 0, -1, 2),
		"Reshape to a scalar": asks("Reshape", 1),
		"Pad that cuts":       asks("Pad", 1, -1, 3, 0, -1),
		"Slice to the end":    func(m *onnxpb.ModelProto) { asks("Slice", 2, last)(m); m.Graph.Node[1].Input[1] = "shape" },
		"500 layers": given(chain(500, "y", func(in, out string) *onnxpb.NodeProto { return node("MatMul", []string{in, "m"}, []string{out}) }),
			&onnxpb.TensorProto{Name: proto.String("m"), DataType: proto.Int32(1), Dims: []int64{2, 2}, RawData: make([]byte, 16)}),
		"5,000 steps of one shape": chain(5000, "y", func(in, out string) *onnxpb.NodeProto { return node("Tanh", []string{in}, []string{out}) }),
		"a size that is computed, as PyTorch's exporter has it": given(func(m *onnxpb.ModelProto) {
			m.Graph.Node = append(m.Graph.Node, node("ConstantOfShape", []string{"rank"}, []string{"ones"}), node("Mul", []string{"ones", "minus"}, []string{"marks"}),
				node("Equal", []string{"shape", "marks"}, []string{"left"}), node("Where", []string{"left", "ones", "shape"}, []string{"size"}), node("Expand", []string{"x", "size"}, []string{"z"}))
		}, int64s("rank", 2), int64s("minus", -1), int64s("shape", -1, 2)),
		"a size that is computed, as LayerNormalization's expansion has it": given(func(m *onnxpb.ModelProto) {
			m.Graph.Node = append(m.Graph.Node, node("Neg", []string{"axis"}, []string{"rank"}), node("ConstantOfShape", []string{"rank"}, []string{"ones"}))
		}, int64s("axis", -2)),
		"a size that is taken out of a list": given(func(m *onnxpb.ModelProto) {
			for op, more := range map[string][]string{"Slice": {"one", "last"}, "Gather": {"back"}, "ReduceMin": nil} {
				m.Graph.Node = append(m.Graph.Node, node(op, append([]string{"list"}, more...), []string{op}), node("ConstantOfShape", []string{op}, []string{"z" + op}))
			}
		}, int64s("list", 1<<40, 3, 4, 5, 1<<40), int64s("one", 1), int64s("last", -1), int64s("back", -2, 1)),
		"Constant of integers":  constant(integers("value_ints", 0, -1)),
		"pads of a convolution": with("Conv", integers("pads", 1, 1, 1, 1), integers("strides", 2, 2), integers("kernel_shape", 3, 3)),
		"a list that is empty":  with("Squeeze", integers("axes")),
		"a type that is not told": func(m *onnxpb.ModelProto) {
			m.Graph.Output[0].Type = nil
			m.Graph.ValueInfo = []*onnxpb.ValueInfoProto{{Name: proto.String("z")}}
		},
	}
}

func opset(domain string, version int64) *onnxpb.OperatorSetIdProto {
	return &onnxpb.OperatorSetIdProto{Domain: proto.String(domain), Version: proto.Int64(version)}
}

// spoilt holds every rule, by the smallest change to a good model that breaks it.
func spoilt() map[string]func(m *onnxpb.ModelProto) {
	cast := node("Cast", []string{"y"}, []string{"whole"}, integer("to", int64(onnxpb.TensorProto_INT64)))
	return map[string]func(m *onnxpb.ModelProto){
		"integers divided by -1": func(m *onnxpb.ModelProto) {
			m.Graph.Node = append(m.Graph.Node, cast, node("Div", []string{"whole", "minus"}, []string{"z"}))
			m.Graph.Initializer = append(m.Graph.Initializer, int64s("minus", 1, -1))
		},
		"integers divided by what is computed": func(m *onnxpb.ModelProto) {
			m.Graph.Node = append(m.Graph.Node, cast, node("Div", []string{"whole", "whole"}, []string{"z"}))
		},
		"the rest of integers divided by what is computed": func(m *onnxpb.ModelProto) {
			m.Graph.Node = append(m.Graph.Node, cast, node("Neg", []string{"one"}, []string{"minus"}), node("Mod", []string{"whole", "minus"}, []string{"z"}))
			m.Graph.Initializer = append(m.Graph.Initializer, int64s("one", 1))
		},
		"what nobody knows the type of, divided": func(m *onnxpb.ModelProto) {
			m.Graph.Node = append(m.Graph.Node, node("NoSuchOperator", []string{"y"}, []string{"u"}), node("Div", []string{"u", "u"}, []string{"z"}))
		},
		"external data":                   external("weights.bin"),
		"external data further up":        external("../../etc/passwd"),
		"external data at a path":         external("/etc/passwd"),
		"external data at a path, hidden": external("a/../../b"),
		"external entries without the flag": func(m *onnxpb.ModelProto) {
			m.Graph.Initializer[0].ExternalData = []*onnxpb.StringStringEntryProto{{Key: proto.String("location"), Value: proto.String("/etc/passwd")}}
		},
		"unknown domain": func(m *onnxpb.ModelProto) { m.Graph.Node[0].Domain = proto.String("com.example") },
		"a domain of its own": func(m *onnxpb.ModelProto) {
			m.OpsetImport = append(m.OpsetImport, opset("com.example", 1))
			m.Graph.Node[0].Domain = proto.String("com.example")
		},
		"a domain of its own in a scan": func(m *onnxpb.ModelProto) {
			m.OpsetImport = append(m.OpsetImport, opset("com.example", 1))
			m.Graph.Node[0] = scan(func(body *onnxpb.GraphProto) { body.Node[0].Domain = proto.String("com.example") })
		},
		"only another domain":                func(m *onnxpb.ModelProto) { m.OpsetImport = []*onnxpb.OperatorSetIdProto{opset("ai.onnx.ml", 3)} },
		"a function in place of an operator": func(m *onnxpb.ModelProto) { m.Functions = []*onnxpb.FunctionProto{{Name: proto.String("Add")}} },
		"training information":               func(m *onnxpb.ModelProto) { m.TrainingInfo = []*onnxpb.TrainingInfoProto{{}} },
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
		"an old opset":            func(m *onnxpb.ModelProto) { m.OpsetImport[0].Version = proto.Int64(0) },
		"a new opset":             func(m *onnxpb.ModelProto) { m.OpsetImport[0].Version = proto.Int64(99) },
		"no opset":                func(m *onnxpb.ModelProto) { m.OpsetImport = nil },
		"a new IR":                func(m *onnxpb.ModelProto) { m.IrVersion = proto.Int64(99) },
		"an old IR":               func(m *onnxpb.ModelProto) { m.IrVersion = proto.Int64(2) },
		"no IR":                   func(m *onnxpb.ModelProto) { m.IrVersion = nil },
		"two opsets":              func(m *onnxpb.ModelProto) { m.OpsetImport = append(m.OpsetImport, opset("", 13)) },
		"two opsets by two names": func(m *onnxpb.ModelProto) { m.OpsetImport = append(m.OpsetImport, opset("ai.onnx", 13)) },
		"a node of machine learning's domain": func(m *onnxpb.ModelProto) {
			m.OpsetImport = append(m.OpsetImport, opset("ai.onnx.ml", 3))
			m.Graph.Node = append(m.Graph.Node, &onnxpb.NodeProto{OpType: proto.String("Scaler"), Domain: proto.String("ai.onnx.ml"), Input: []string{"y"}, Output: []string{"z"}})
		},
		"a call of a function of the file": func(m *onnxpb.ModelProto) {
			m.OpsetImport = append(m.OpsetImport, opset("f", 1))
			m.Functions = []*onnxpb.FunctionProto{{Name: proto.String("a"), Domain: proto.String("f")}}
			call := node("a", []string{"y"}, []string{"z"})
			call.Domain = proto.String("f")
			m.Graph.Node = append(m.Graph.Node, call)
		},
		"a call of a function":       func(m *onnxpb.ModelProto) { m.Graph.Node[0].Overload = proto.String("f") },
		"an attribute of a function": with("Selu", &onnxpb.AttributeProto{Name: proto.String("alpha"), RefAttrName: proto.String("a"), Type: onnxpb.AttributeProto_FLOAT.Enum()}),
		"too many nodes": func(m *onnxpb.ModelProto) {
			m.Graph.Node = slices.Repeat([]*onnxpb.NodeProto{node("Neg", []string{"x"}, nil)}, 100_001)
		},
		"no operator":              func(m *onnxpb.ModelProto) { m.Graph.Node[0].OpType = nil },
		"an operator of two lines": func(m *onnxpb.ModelProto) { m.Graph.Node[0].OpType = proto.String("Add\nAdd") },
		"a node that reads itself": func(m *onnxpb.ModelProto) { m.Graph.Node[0].Input[1] = "y" },
		"nodes in the wrong order": func(m *onnxpb.ModelProto) {
			m.Graph.Node = []*onnxpb.NodeProto{node("Neg", []string{"a"}, []string{"y"}), node("Neg", []string{"x"}, []string{"a"})}
		},
		"an initialiser without a name": func(m *onnxpb.ModelProto) { m.Graph.Initializer[0].Name = nil },
		"an initialiser defined again": func(m *onnxpb.ModelProto) {
			m.Graph.Node = append(m.Graph.Node, node("Neg", []string{"x"}, []string{"c"}))
		},
		"an initialiser that is an input of another type":  listed(7, 2),
		"an initialiser that is an input of another shape": listed(1, 3),
		"an input twice":           func(m *onnxpb.ModelProto) { m.Graph.Input = append(m.Graph.Input, m.Graph.Input[0]) },
		"an input without a name":  func(m *onnxpb.ModelProto) { m.Graph.Input[0].Name = nil },
		"an output twice":          func(m *onnxpb.ModelProto) { m.Graph.Output = append(m.Graph.Output, m.Graph.Output[0]) },
		"an output without a name": func(m *onnxpb.ModelProto) { m.Graph.Output[0].Name = nil },
		"a name of a megabyte":     func(m *onnxpb.ModelProto) { m.Graph.Node[0].Input[1] = strings.Repeat("\n", 1<<20) },
		"a gigabyte declared, a kilobyte given": func(m *onnxpb.ModelProto) {
			c := m.Graph.Initializer[0]
			c.Dims, c.RawData = []int64{1 << 28}, make([]byte, 1<<10)
		},
		"sizes that overflow behind a zero": func(m *onnxpb.ModelProto) {
			c := m.Graph.Initializer[0]
			c.Dims, c.RawData = []int64{0, 1 << 40, 1 << 40}, nil
		},
		"a size that becomes zero by overflow": func(m *onnxpb.ModelProto) {
			c := m.Graph.Initializer[0]
			c.Dims, c.RawData = []int64{1 << 32, 1 << 32}, nil
		},
		"sizes that are negative twice": func(m *onnxpb.ModelProto) { m.Graph.Initializer[0].Dims = []int64{-1, -2} },
		"a thousand dimensions": func(m *onnxpb.ModelProto) {
			c := m.Graph.Initializer[0]
			c.Dims, c.RawData = slices.Repeat([]int64{1}, 1000), make([]byte, 4)
		},
		"numbers in the list of another type": func(m *onnxpb.ModelProto) { c := m.Graph.Initializer[0]; c.RawData, c.Int64Data = nil, []int64{1, 2} },
		"numbers in two lists": func(m *onnxpb.ModelProto) {
			c := m.Graph.Initializer[0]
			c.RawData, c.FloatData, c.Int32Data = nil, []float32{1}, []int32{1}
		},
		"a segment":                                     func(m *onnxpb.ModelProto) { m.Graph.Initializer[0].Segment = &onnxpb.TensorProto_Segment{} },
		"a declared shape that is negative":             declared(-1, 2),
		"a declared shape that overflows":               declared(1<<40, 1<<40),
		"a declared shape that is absurd":               declared(1<<20, 1<<20),
		"a declared shape that overflows behind a zero": declared(0, 1<<40),
		"a declared type that is not":                   func(m *onnxpb.ModelProto) { m.Graph.Input[0].Type.GetTensorType().ElemType = proto.Int32(99) },
		"an opaque type": func(m *onnxpb.ModelProto) {
			m.Graph.Input[0].Type = &onnxpb.TypeProto{Value: &onnxpb.TypeProto_OpaqueType{OpaqueType: &onnxpb.TypeProto_Opaque{}}}
		},
		"a value that is absurd": func(m *onnxpb.ModelProto) {
			declared(1 << 62)(m)
			m.Graph.ValueInfo, m.Graph.Input = m.Graph.Input, good().Graph.Input
		},
		"a sequence of absurd values": func(m *onnxpb.ModelProto) {
			declared(1 << 62)(m)
			m.Graph.Input[0].Type = &onnxpb.TypeProto{Value: &onnxpb.TypeProto_SequenceType{SequenceType: &onnxpb.TypeProto_Sequence{ElemType: m.Graph.Input[0].Type}}}
		},
		"an attribute twice":               with("Elu", integer("alpha", 1), integer("alpha", 2)),
		"an attribute without a name":      with("Elu", integer("", 1)),
		"an attribute of two types":        with("Elu", &onnxpb.AttributeProto{Name: proto.String("alpha"), I: proto.Int64(1), F: proto.Float32(1)}),
		"an attribute of a wrong type":     with("Elu", &onnxpb.AttributeProto{Name: proto.String("alpha"), Type: onnxpb.AttributeProto_FLOAT.Enum(), I: proto.Int64(1)}),
		"a sparse attribute":               with("Constant", &onnxpb.AttributeProto{Name: proto.String("sparse_value"), SparseTensor: &onnxpb.SparseTensorProto{}}),
		"an attribute's tensor that lies":  with("Constant", &onnxpb.AttributeProto{Name: proto.String("value"), T: &onnxpb.TensorProto{DataType: proto.Int32(1), Dims: []int64{1 << 28}}}),
		"Reshape to too much":              asks("Reshape", 1, 1<<20, 1<<20),
		"Reshape to an overflow":           asks("Reshape", 1, 1<<32, 1<<32),
		"Reshape by -2":                    asks("Reshape", 1, -2),
		"Reshape to a thousand dimensions": asks("Reshape", 1, slices.Repeat([]int64{1}, 1000)...),
		"Reshape by a Constant":            constant(integers("value_ints", 1<<40)),
		"Reshape by a Constant's tensor":   constant(&onnxpb.AttributeProto{Name: proto.String("value"), T: &onnxpb.TensorProto{DataType: proto.Int32(7), Dims: []int64{1}, RawData: []byte{0, 0, 0, 0, 0, 1, 0, 0}}}),
		"Expand to too much":               asks("Expand", 1, 1<<31),
		"ConstantOfShape":                  asks("ConstantOfShape", 0, 1<<16, 1<<16),
		"Tile":                             asks("Tile", 1, 1<<40),
		"OneHot":                           asks("OneHot", 1, 1<<40),
		"Resize to sizes":                  asks("Resize", 3, 1<<20, 1<<20),
		"Resize of opset 10":               asks("Resize", 1, 1<<40),
		"Pad":                              asks("Pad", 1, 1<<30, 1<<30, 1<<30, 1<<30),
		"Pad by an overflow":               asks("Pad", 1, math.MaxInt64, math.MaxInt64),
		"Pad that cuts too much":           asks("Pad", 1, math.MinInt64, 0),
		"Range": func(m *onnxpb.ModelProto) {
			m.Graph.Initializer = append(m.Graph.Initializer, int64s("start", 0), int64s("limit", math.MaxInt64), int64s("delta", 1))
			m.Graph.Node = append(m.Graph.Node, node("Range", []string{"start", "limit", "delta"}, []string{"z"}))
		},
		"Range in steps of nothing": func(m *onnxpb.ModelProto) {
			m.Graph.Initializer = append(m.Graph.Initializer, int64s("zero", 0), int64s("one", 1))
			m.Graph.Node = append(m.Graph.Node, node("Range", []string{"zero", "one", "zero"}, []string{"z"}))
		},
		"a kernel of too much":       with("MaxPool", integers("kernel_shape", 1<<20, 1<<20)),
		"pads of too much":           with("AveragePool", integers("pads", 1<<40, 1<<40)),
		"strides that are negative":  with("Conv", integers("strides", -1, 1)),
		"dilations of too much":      with("Conv", integers("dilations", 1<<40, 1)),
		"random numbers without end": with("RandomNormal", integers("shape", 1<<40)),
		"samples without end":        with("Multinomial", integer("sample_size", 1<<40)),
	}
}
