package export

import (
	"fmt"
	"slices"

	"github.com/catvae/catvae/internal/onnxop"
	"github.com/catvae/catvae/internal/onnxpb"
	"google.golang.org/protobuf/proto"
)

// Carried names an input that takes, at each turn but the first, what an output was at the turn before.
type Carried struct{ Input, Output string }

// Scan returns a model that runs this one once for each of a sequence, in one call: a Scan node with this model's graph as
// its body. Carried inputs and outputs keep their shapes; the first is the initial value, the second the last one. Every
// other input and output gets a leading dimension, the turns of the sequence, called "steps". Where a call has a price of
// its own, such as copies to and from a device, that price is paid once for all turns.
// https://onnx.ai/onnx/operators/onnx__Scan.html
func (m *Model) Scan(carried []Carried) (*Model, error) {
	body := proto.Clone(m.proto.Graph).(*onnxpb.GraphProto)
	outer := &onnxpb.GraphProto{Name: body.Name, DocString: body.DocString}
	var states, scanned, finals, stacked []*onnxpb.ValueInfoProto
	for _, c := range carried {
		in, out := take(&body.Input, c.Input), take(&body.Output, c.Output)
		if in == nil || out == nil {
			return nil, fmt.Errorf("export: scan: the model has no input %q, or no output %q", c.Input, c.Output)
		}
		states, finals = append(states, in), append(finals, out)
	}
	scanned, stacked = body.Input, body.Output
	for _, v := range slices.Concat(states, finals) {
		declare(outer, v, slices.Contains(states, v), false)
	}
	for _, v := range slices.Concat(scanned, stacked) {
		declare(outer, v, slices.Contains(scanned, v), true)
	}
	node := &onnxpb.NodeProto{Name: proto.String("Scan"), OpType: proto.String("Scan")}
	for _, v := range slices.Concat(states, scanned) {
		node.Input = append(node.Input, v.GetName())
	}
	for _, v := range slices.Concat(finals, stacked) {
		node.Output = append(node.Output, v.GetName())
	}
	body.Input, body.Output = slices.Concat(states, scanned), slices.Concat(finals, stacked)
	nameInside(body)
	body.DocString = nil
	node.Attribute = []*onnxpb.AttributeProto{
		{Name: proto.String("body"), Type: onnxpb.AttributeProto_GRAPH.Enum(), G: body},
		attribute("num_scan_inputs", int64(len(scanned))),
	}
	outer.Node = []*onnxpb.NodeProto{node}
	scan := proto.Clone(m.proto).(*onnxpb.ModelProto)
	scan.Graph = outer
	return &Model{proto: scan, Lowered: m.Lowered, Nodes: m.Nodes, Passes: m.Passes}, nil
}

// take removes and returns the value of a name.
func take(values *[]*onnxpb.ValueInfoProto, name string) *onnxpb.ValueInfoProto {
	i := slices.IndexFunc(*values, func(v *onnxpb.ValueInfoProto) bool { return v.GetName() == name })
	if i < 0 {
		return nil
	}
	v := (*values)[i]
	*values = slices.Delete(*values, i, i+1)
	return v
}

// declare adds an input or output of the outer graph, with the turns in front of its shape where it has one element per
// turn.
func declare(g *onnxpb.GraphProto, v *onnxpb.ValueInfoProto, input, perStep bool) {
	v = proto.Clone(v).(*onnxpb.ValueInfoProto)
	if perStep {
		shape := v.GetType().GetTensorType().GetShape()
		steps := &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: "steps"}}
		shape.Dim = slices.Insert(shape.Dim, 0, steps)
	}
	if input {
		g.Input = append(g.Input, v)
	} else {
		g.Output = append(g.Output, v)
	}
}

// nameInside gives every value of a body a name of its own: names must not repeat those of the graph around it.
func nameInside(g *onnxpb.GraphProto) {
	inside := func(name string) string {
		if name == "" {
			return ""
		}
		return "step/" + name
	}
	for _, v := range slices.Concat(g.Input, g.Output, g.ValueInfo) {
		v.Name = proto.String(inside(v.GetName()))
	}
	for _, t := range g.Initializer {
		t.Name = proto.String(inside(t.GetName()))
	}
	for _, n := range g.Node {
		for i := range n.Input {
			n.Input[i] = inside(n.Input[i])
		}
		for i := range n.Output {
			n.Output[i] = inside(n.Output[i])
		}
	}
}

// Overwritable reports whether an output may be written into the memory of an input of its shape: whether every node that
// reads the input has ended before the node begins that writes the output, in every order in which the nodes may run. The
// writer may itself be a reader where it works element by element. What only moves elements, such as Reshape, may give its operand's
// memory on without a copy: its readers read the input, too.
func (m *Model) Overwritable(input, output string) bool {
	producer := map[string]*onnxpb.NodeProto{}
	for _, n := range m.proto.Graph.Node {
		for _, out := range n.Output {
			producer[out] = n
		}
	}
	writer := producer[output]
	if writer == nil || slices.ContainsFunc(m.proto.Graph.Output, func(v *onnxpb.ValueInfoProto) bool { return v.GetName() == input }) {
		return false
	}
	before := map[*onnxpb.NodeProto]bool{}
	var visit func(n *onnxpb.NodeProto)
	visit = func(n *onnxpb.NodeProto) {
		for _, in := range n.Input {
			if p := producer[in]; p != nil && !before[p] {
				before[p] = true
				visit(p)
			}
		}
	}
	visit(writer)
	inPlace := onnxop.Has(writer.GetOpType(), onnxop.InPlace) && sameShape(m.proto.Graph, input, output)
	memory := map[string]bool{input: true} // what may be the input's memory
	for _, n := range m.proto.Graph.Node { // which are in topological order
		for _, in := range n.Input {
			if !memory[in] {
				continue
			}
			if !before[n] && !(n == writer && inPlace && in == input) {
				return false
			}
			if onnxop.Has(n.GetOpType(), onnxop.Moves) {
				for _, out := range n.Output {
					memory[out] = true
				}
			}
		}
	}
	return true
}

// sameShape reports whether an input and an output of a graph are declared with one shape.
func sameShape(g *onnxpb.GraphProto, input, output string) bool {
	find := func(values []*onnxpb.ValueInfoProto, name string) *onnxpb.TypeProto {
		for _, v := range values {
			if v.GetName() == name {
				return v.Type
			}
		}
		return nil
	}
	in, out := find(g.Input, input), find(g.Output, output)
	return in != nil && proto.Equal(in, out)
}
