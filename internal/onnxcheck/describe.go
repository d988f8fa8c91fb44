package onnxcheck

import (
	"strings"

	"github.com/catvae/catvae/internal/onnxpb"
	"github.com/catvae/catvae/internal/onnxtensor"
)

// Info is what a checked model says about itself.
type Info struct {
	Name, Doc, Producer string
	IRVersion, Opset    int64
	Metadata            map[string]string
	Inputs, Outputs     []Value
	Operators           map[string]int // how many nodes of each operator
	Parameters          int64          // elements of floating-point initialisers
}

// A Value is an input or output as the file declares it.
type Value struct {
	onnxtensor.Info
	Axes []string // by dimension: the name of a dynamic one, "" for a fixed one
	Doc  string
}

// Describe checks a model and returns its description.
func Describe(model []byte) (Info, error) {
	m, err := Parse(model)
	if err != nil {
		return Info{}, err
	}
	return DescribeModel(m), nil
}

// DescribeModel is [Describe] for a model that [Parse] gave.
func DescribeModel(m *onnxpb.ModelProto) Info {
	g := m.Graph
	info := Info{
		Name: g.GetName(), Doc: m.GetDocString(), Producer: strings.TrimSpace(m.GetProducerName() + " " + m.GetProducerVersion()),
		IRVersion: m.GetIrVersion(), Metadata: map[string]string{}, Operators: map[string]int{},
	}
	for _, o := range m.OpsetImport {
		if ownDomain(o.GetDomain()) {
			info.Opset = o.GetVersion()
		}
	}
	for _, p := range m.MetadataProps {
		info.Metadata[p.GetKey()] = p.GetValue()
	}
	initial := map[string]bool{}
	for _, t := range g.Initializer {
		initial[t.GetName()] = true
		switch onnxpb.TensorProto_DataType(t.GetDataType()) {
		case onnxpb.TensorProto_FLOAT, onnxpb.TensorProto_DOUBLE, onnxpb.TensorProto_FLOAT16, onnxpb.TensorProto_BFLOAT16:
			n := int64(1)
			for _, d := range t.Dims {
				n *= d
			}
			info.Parameters += n
		}
	}
	for _, v := range g.Input {
		if !initial[v.GetName()] { // models before IR 4 list their initialisers as inputs
			info.Inputs = append(info.Inputs, describe(v))
		}
	}
	for _, v := range g.Output {
		info.Outputs = append(info.Outputs, describe(v))
	}
	for _, n := range g.Node {
		info.Operators[n.GetOpType()]++
	}
	return info
}

func describe(v *onnxpb.ValueInfoProto) Value {
	t := v.GetType().GetTensorType()
	d := Value{Doc: v.GetDocString(), Info: onnxtensor.Info{Name: v.GetName(), DType: dtype(t.GetElemType())}}
	for _, dim := range t.GetShape().GetDim() {
		size := int64(-1)
		if s, ok := dim.Value.(*onnxpb.TensorShapeProto_Dimension_DimValue); ok {
			size = s.DimValue
		}
		d.Shape = append(d.Shape, size)
		d.Axes = append(d.Axes, dim.GetDimParam())
	}
	return d
}

// dtype names an element type as package bundle does; ONNX's other names are theirs in lower case.
func dtype(t int32) onnxtensor.DType {
	switch onnxpb.TensorProto_DataType(t) {
	case onnxpb.TensorProto_FLOAT:
		return onnxtensor.Float32
	case onnxpb.TensorProto_DOUBLE:
		return onnxtensor.Float64
	}
	return onnxtensor.DType(strings.ToLower(onnxpb.TensorProto_DataType(t).String()))
}
