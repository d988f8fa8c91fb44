package export

import (
	"fmt"
	"slices"

	"github.com/catvae/catvae/internal/onnxeval"
	"github.com/catvae/catvae/internal/onnxgraph"
	"github.com/catvae/catvae/internal/onnxop"
	"github.com/catvae/catvae/internal/onnxpb"
	"google.golang.org/protobuf/proto"
)

// checkedBatch is the batch size for which shapes are compared.
const checkedBatch = 3

// smallest is the number of elements from which the numbers of an initialiser do not matter to shapes.
const smallest = 1 << 10

// check reports what is wrong with an exported graph: values that nothing computes, operators that the opset lacks, operands that do
// not fit, results of another shape or type than gorgonia's. Lowerings and the ONNX methods of ops are not believed.
func (e *emitter) check(m *onnxpb.ModelProto) error {
	for _, n := range e.graph.Node {
		if !onnxop.InOpset17(n.GetOpType()) {
			return fmt.Errorf("export: node %q is a %q, which opset %d lacks: an op's method ONNX writes operators of https://onnx.ai/onnx/operators/ by their names there", n.GetName(), n.GetOpType(), Opset)
		}
	}
	data, err := onnxpb.Marshal(withoutWeights(m))
	if err != nil {
		return fmt.Errorf("export: check: %w", err)
	}
	g, err := onnxgraph.Decode(data)
	if err != nil {
		return fmt.Errorf("export: what was exported is no good model: %w", err)
	}
	inputs := make([]onnxgraph.Tensor, len(g.Inputs))
	for i, in := range g.Inputs {
		inputs[i] = onnxgraph.Tensor{Name: in.Name, DType: in.DType, Shape: at(e.shapes[in.Name], checkedBatch)}
	}
	found, err := onnxeval.Shapes(g, inputs)
	if err != nil {
		return fmt.Errorf("export: what was exported is no good model: %w", err)
	}
	for _, n := range e.graph.Node { // in order, so that the first is the cause
		name := n.Output[0]
		got, known := found[name]
		want, wanted := e.shapes[name]
		if known && wanted && !slices.Equal(got.Shape, at(want, checkedBatch)) {
			return fmt.Errorf("export: %q, made by %s, has shape %v for a batch of %d, and %v in gorgonia", name, n.GetOpType(), got.Shape, checkedBatch, at(want, checkedBatch))
		}
	}
	for _, o := range g.Outputs {
		if got, known := found[o.Name]; known && got.DType != o.DType {
			return fmt.Errorf("export: the output %q is %s, and %s in gorgonia", o.Name, got.DType, o.DType)
		}
	}
	return nil
}

// at returns a shape for a batch size.
func at(shape []dim, batch int64) []int {
	sizes := make([]int, len(shape))
	for i, d := range shape {
		sizes[i] = int(d.n)
		if d.byBatch {
			sizes[i] *= int(batch)
		}
	}
	return sizes
}

// withoutWeights returns a model in which large initialisers of floats are inputs instead: what is checked does not hang on their
// numbers.
func withoutWeights(m *onnxpb.ModelProto) *onnxpb.ModelProto {
	g := &onnxpb.GraphProto{Name: m.Graph.Name, Node: m.Graph.Node, Output: m.Graph.Output, Input: slices.Clone(m.Graph.Input)}
	for _, t := range m.Graph.Initializer {
		kind := onnxpb.TensorProto_DataType(t.GetDataType())
		if len(t.RawData) < smallest || kind != onnxpb.TensorProto_FLOAT && kind != onnxpb.TensorProto_DOUBLE {
			g.Initializer = append(g.Initializer, t)
			continue
		}
		shape := &onnxpb.TensorShapeProto{}
		for _, d := range t.Dims {
			shape.Dim = append(shape.Dim, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: d}})
		}
		g.Input = append(g.Input, &onnxpb.ValueInfoProto{Name: t.Name, Type: &onnxpb.TypeProto{
			Value: &onnxpb.TypeProto_TensorType{TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(t.GetDataType()), Shape: shape}},
		}})
	}
	return &onnxpb.ModelProto{IrVersion: m.IrVersion, OpsetImport: m.OpsetImport, Graph: g}
}
