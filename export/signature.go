package export

import (
	"fmt"
	"slices"

	"github.com/catvae/catvae/internal/onnxpb"
	"google.golang.org/protobuf/proto"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// inputs declares the graph's inputs, used or not, and names them. A node may be an input of the graph and hold a value:
// the value is then not written.
func (e *emitter) inputs(first, second Traced, order []*node) error {
	if len(first.Inputs) != len(second.Inputs) {
		return fmt.Errorf("export: the graph has %d inputs in one trace and %d in another", len(first.Inputs), len(second.Inputs))
	}
	used := map[*G.Node]*node{}
	for _, n := range order {
		used[n.first] = n
		if d := n.dtype(); d == tensor.Float64 || (d == tensor.Float32 && e.float != tensor.Float64) {
			e.float = d
		}
	}
	for i, input := range first.Inputs {
		shape, err := dims(input.Node.Shape(), second.Inputs[i].Node.Shape())
		if err != nil {
			return fmt.Errorf("export: input %q: %w", input.Name, err)
		}
		if e.taken[input.Name] > 0 {
			return fmt.Errorf("export: two inputs are called %q", input.Name)
		}
		e.unique(input.Name)
		e.graph.Input = append(e.graph.Input, e.info(input.Name, input.Doc, onnxType(input.Node.Dtype()), shape))
		e.shapes[input.Name] = shape
		n, ok := used[input.Node]
		if !ok {
			continue
		}
		if n.op() != nil {
			return fmt.Errorf("export: input %q is the result of %v: inputs are nodes without an operation", input.Name, n.op())
		}
		e.names[n] = input.Name
		e.scopes[n] = e.scope
		if batches(shape) >= 0 && (e.source == nil || !slices.Contains(e.source.shape, dim{n: 1, byBatch: true})) {
			e.source = n
		}
	}
	return nil
}

// outputs declares the graph's outputs. A value takes the output's name; where it cannot (it is an input, an
// initialiser, or two outputs at once) an Identity does.
func (e *emitter) outputs(named []Named, outputs []*node) error {
	renamed := map[string]bool{}
	for i, n := range outputs {
		name := named[i].Name
		if e.taken[name] > 0 {
			return fmt.Errorf("export: the output's name %q is taken by another value", name)
		}
		value := e.names[n]
		producer := slices.IndexFunc(e.graph.Node, func(p *onnxpb.NodeProto) bool { return p.Output[0] == value })
		if producer < 0 || renamed[value] {
			e.scope = e.scopes[n]
			e.graph.Node = append(e.graph.Node, &onnxpb.NodeProto{
				Name: proto.String(e.unique(e.scope + "Identity")), OpType: proto.String("Identity"), Input: []string{value}, Output: []string{name},
			})
		} else {
			e.rename(value, name)
			e.names[n] = name
			value = name
		}
		e.unique(name)
		renamed[value] = true
		e.shapes[name] = n.shape
		e.graph.Output = append(e.graph.Output, e.info(name, named[i].Doc, onnxType(n.dtype()), n.shape))
	}
	return nil
}

// nameNodes calls each node what its first output is called, the last ones after the graph's outputs: readers such as tract find outputs
// by their nodes' names.
func (e *emitter) nameNodes() {
	for _, n := range e.graph.Node {
		n.Name = proto.String(n.Output[0])
	}
}

// rename gives a value another name wherever it occurs; its node gets it from nameNodes.
func (e *emitter) rename(from, to string) {
	for _, n := range e.graph.Node {
		for i := range n.Input {
			if n.Input[i] == from {
				n.Input[i] = to
			}
		}
		if n.Output[0] == from {
			n.Output[0] = to
		}
	}
	e.shapes[to] = e.shapes[from]
	for n, name := range e.names {
		if name == from {
			e.names[n] = to
		}
	}
}

func (e *emitter) info(name, doc string, dtype onnxpb.TensorProto_DataType, shape []dim) *onnxpb.ValueInfoProto {
	s := &onnxpb.TensorShapeProto{}
	for _, d := range shape {
		p := &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: d.n}}
		if d.byBatch {
			axis := e.axis
			if d.n != 1 {
				axis = fmt.Sprintf("%s_x%d", e.axis, d.n)
			}
			p.Value = &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: axis}
		}
		s.Dim = append(s.Dim, p)
	}
	v := &onnxpb.ValueInfoProto{Name: proto.String(name), Type: &onnxpb.TypeProto{
		Value: &onnxpb.TypeProto_TensorType{TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(dtype)), Shape: s}},
	}}
	if doc != "" {
		v.DocString = proto.String(doc)
	}
	return v
}
